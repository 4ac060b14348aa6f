-- name: find_with_reach(id, viewer_id)^
-- One post, and what the reader is to those behind it. The same two columns as in `hydrate_posts`.
select p.id, p.account_id, p.parent_post_id, p.content, p.visibility, p.status, p.followers_of,
  exists (select 1 from hidden_pairs h where h.viewer_id = :viewer_id::uuid and h.author_id = p.account_id) as reader_hidden,
  exists (select 1 from follows f
          where f.follower_id = :viewer_id::uuid and f.followee_id = coalesce(p.followers_of, p.account_id)) as reader_follows
from posts p where p.id = :id;

-- name: find_holder_with_reach(media_id, viewer_id)^
-- The same for the post that an attachment belongs to.
select p.id, p.account_id, p.parent_post_id, p.content, p.visibility, p.status, p.followers_of,
  exists (select 1 from hidden_pairs h where h.viewer_id = :viewer_id::uuid and h.author_id = p.account_id) as reader_hidden,
  exists (select 1 from follows f
          where f.follower_id = :viewer_id::uuid and f.followee_id = coalesce(p.followers_of, p.account_id)) as reader_follows
from post_media pm join posts p on p.id = pm.post_id where pm.media_id = :media_id;
