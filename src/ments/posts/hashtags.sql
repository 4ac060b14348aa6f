-- name: write_hashtags(post_id, tags)!
-- Makes these the tags of a post. Only what everybody may see is listed under its tags.
with gone as (
  delete from post_hashtags where post_id = :post_id and tag <> all(:tags::text[])
)
insert into post_hashtags (tag, sorted_at, post_id)
select tag, p.sorted_at, p.id
from posts p, unnest(:tags::text[]) as tag
where p.id = :post_id and p.status = 'published' and p.visibility = 'public'
on conflict do nothing;

-- name: list_tagged(tag, before_at, before_id, n)
-- The posts with a tag before a place, newest first; from the primary key alone.
select post_id as id, sorted_at as at from post_hashtags
where tag = :tag and (sorted_at, post_id) < (:before_at::timestamptz, :before_id::uuid)
order by sorted_at desc, post_id desc
limit :n;
