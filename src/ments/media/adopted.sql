-- name: find_post(id)^
-- Whose a post is that a producer outside names, and whether everybody sees it.
select account_id, visibility from posts where id = :id and status <> 'deleted';

-- name: find_oldest_operator()$
-- Who owns what a producer outside sends for nobody's post of ours.
select id from accounts where is_admin order by created_at, id limit 1;

-- name: adopt_media(id, account_id, filename, audience, original_key, original_etag, job_id, lifetime_s)!
-- Two jobs at once that name the same object make one piece of media.
insert into media (id, account_id, status, filename, audience, original_key, original_etag, job_id, deadline_at)
values (:id, :account_id, 'queued', :filename, :audience, :original_key, :original_etag, :job_id,
  now() + make_interval(secs => :lifetime_s))
on conflict (original_key, original_etag) where original_key is not null do nothing;

-- name: find_adopted(original_key, original_etag)$
-- The media that were made of an object, as long as it holds the same bytes.
select id from media where original_key = :original_key and original_etag = :original_etag;
