-- name: list_gone_lately(ids, seconds)
-- Which of these posts were there a moment ago: a page that was made then may still show them.
select id from posts where id = any(:ids::uuid[]) and deleted_at > now() - make_interval(secs => :seconds);
