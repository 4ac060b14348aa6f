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

-- name: list_tagged(tag, viewer_id, before_at, before_id, n)
-- The posts with a tag before a place, newest first, without those whose author is hidden from the reader or muted by them.
select t.post_id as id, t.sorted_at as at
from post_hashtags t join posts p on p.id = t.post_id
where t.tag = :tag and (t.sorted_at, t.post_id) < (:before_at::timestamptz, :before_id::uuid)
  and not exists (select from hidden_pairs h where h.viewer_id = :viewer_id::uuid and h.author_id = p.account_id)
  and not exists (select from mutes m where m.muter_id = :viewer_id::uuid and m.muted_id = p.account_id)
order by t.sorted_at desc, t.post_id desc
limit :n;
