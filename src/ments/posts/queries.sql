-- name: hydrate_posts(ids, viewer_id)
-- Everything that the cards of a page of posts show, in the order asked; one statement, whatever the number of posts: see the function.
select * from card_rows(:ids::uuid[], :viewer_id::uuid);

-- name: find_post(id)^
-- What the rules need to know of one post.
select id, account_id, parent_post_id, content, visibility, status, followers_of from posts where id = :id;

-- name: lock_post(id)^
-- The same, and nobody else changes it until we are done. Order of locks: a post, its media by id.
select id, account_id, parent_post_id, content, visibility, status, followers_of from posts where id = :id for update;

-- name: list_reply_ids(parent_id, viewer_id, after_at, after_id, n)
-- Replies oldest first, after a place, that the reader may see: as `may_see` says, so that a page is full. It has the last word.
select p.id, p.sorted_at from posts p
where p.parent_post_id = :parent_id and p.status <> 'deleted'
  and (p.sorted_at, p.id) > (:after_at::timestamptz, :after_id::uuid)
  and (p.account_id = :viewer_id::uuid
       or (p.status = 'published'
           and (p.visibility = 'public'
                or (p.visibility = 'followers'
                    and (p.followers_of = :viewer_id::uuid
                         or exists (select 1 from follows f
                                    where f.follower_id = :viewer_id::uuid
                                      and f.followee_id = coalesce(p.followers_of, p.account_id)))))
           and not exists (select 1 from hidden_pairs h
                           where h.viewer_id = :viewer_id::uuid and h.author_id = p.account_id)))
order by p.sorted_at, p.id
limit :n;

-- name: list_environments()
-- The rooms in the order of the founding list.
select id, slug, name from environments order by position, name;

-- name: find_environment(id)^
-- Does this room exist?
select id, slug, name from environments where id = :id;

-- name: insert_post(id, account_id, environment_id, parent_post_id, content, visibility, status, followers_of)$
-- created_at and sorted_at are the same moment: the clock's, not the transaction's start.
insert into posts (id, account_id, environment_id, parent_post_id, content, visibility, status, followers_of, created_at, sorted_at)
select :id, :account_id, :environment_id, :parent_post_id, :content, :visibility, :status, :followers_of::uuid, moment, moment
from (select clock_timestamp() as moment) as now
returning id;

-- name: update_content(id, content, edited)!
-- A post that nobody has seen yet is not "edited".
update posts set content = :content, edited_at = case when :edited then now() else edited_at end where id = :id;

-- name: publish_post(id)$
-- A post takes its place in the feeds when it comes to be seen, not when it was begun; its poll is open from then.
with published as (
  update posts set status = 'published', sorted_at = clock_timestamp() where id = :id and status = 'waiting'
  returning id, sorted_at
), opened as (
  update polls q set ends_at = p.sorted_at + make_interval(secs => q.ends_in_s) from published p where q.post_id = p.id
)
select id from published;

-- name: mark_deleted(id)!
-- The words go at once; the row stays, so that its replies keep their place.
update posts set status = 'deleted', deleted_at = now(), content = '' where id = :id;

-- name: lock_media(ids)
-- The candidates for attachment, locked in the order of their ids: two writers never wait for each other in a ring.
select id, account_id, status, generation from media where id = any(:ids::uuid[]) order by id for update;

-- name: list_holders(ids)
-- Which posts hold them: asked after the locks, since a locking read does not see what a joined table gained meanwhile.
select media_id, post_id from post_media where media_id = any(:ids::uuid[]);

-- name: list_attached(post_id)
-- The attachments of a post, in their order.
select media_id, alt_text from post_media where post_id = :post_id order by position;

-- name: find_post_of_media(media_id)$
-- The post that an attachment belongs to.
select post_id from post_media where media_id = :media_id;

-- name: list_forgotten(older_than_s, n)
-- Posts that could appear and do not: the job that should have let them was lost. The oldest first.
select p.id from posts p
where p.status = 'waiting' and p.created_at < now() - make_interval(secs => :older_than_s)
  and not exists (
    select 1 from post_media pm join media m on m.id = pm.media_id
    where pm.post_id = p.id and (
      m.status not in ('playable', 'ready') or m.generation is null
      or (p.visibility = 'public' and m.generation not like 'p%%')
    )
  )
order by p.created_at limit :n;

-- name: release_media(ids)!
-- Beside the job that erases them: should it be lost, the sweeper comes. What is not finished has a deadline already.
update media set deadline_at = now() + interval '10 minutes', updated_at = now()
where id = any(:ids::uuid[]) and status in ('playable', 'ready', 'failed');

-- name: attach_media(post_id, ids, alt_texts)!
-- All the attachments of a post in one statement, numbered in the order given.
insert into post_media (post_id, media_id, position, alt_text)
select :post_id, media_id, place - 1, alt_text
from unnest(:ids::uuid[], :alt_texts::text[]) with ordinality as given (media_id, alt_text, place);

-- name: detach_media(post_id)!
-- Before the list is written anew, and when a post is deleted.
delete from post_media where post_id = :post_id;

-- name: set_media_audience(ids, audience)!
-- A worker that has not begun to write outputs reads this and writes them under the right letter at once.
update media set audience = :audience, updated_at = now() where id = any(:ids::uuid[]) and audience <> :audience;

-- name: claim_idempotency_key(account_id, key, request_hash)$
-- Waits for another request with the same key to commit; no row when that one did.
insert into idempotency_keys (account_id, key, request_hash) values (:account_id, :key, :request_hash)
on conflict (account_id, key) do nothing returning true;

-- name: get_idempotency_key(account_id, key)^
-- What the first request with this key asked and made.
select request_hash, post_id from idempotency_keys where account_id = :account_id and key = :key;

-- name: set_idempotency_post(account_id, key, post_id)!
-- The answer to give when the request comes again.
update idempotency_keys set post_id = :post_id where account_id = :account_id and key = :key;

-- name: forget_idempotency_keys(older_than_h)!
-- Nobody repeats a request a day later.
delete from idempotency_keys where created_at < now() - make_interval(hours => :older_than_h);
