-- name: list_new(ids)
-- Of posts that were told of those that have a place in feeds, with whom they are by; the newest first.
select p.id, p.account_id, p.visibility, a.username::text as username, a.full_name, a.avatar_url
from posts p join accounts a on a.id = p.account_id
where p.id = any(:ids::uuid[])
  and p.status = 'published' and p.visibility in ('public', 'followers') and p.parent_post_id is null
order by p.sorted_at desc, p.id desc;

-- name: list_lately(seconds, n)
-- What everybody may see of the last seconds: for a process that did not hear for a while. From `posts_latest`.
select id from posts
where status = 'published' and visibility = 'public' and parent_post_id is null
  and sorted_at > now() - make_interval(secs => :seconds)
order by sorted_at desc, id desc
limit :n;

-- name: list_follows_among(viewer_ids, author_ids)
-- Who of these readers follows whom of these authors.
select follower_id, followee_id from follows
where follower_id = any(:viewer_ids::uuid[]) and followee_id = any(:author_ids::uuid[]);

-- name: list_reaches(viewer_ids, post_ids)
-- What readers are to those behind posts, a pair a row, as `find_with_reach` says it of one; and whether they muted the author.
select asked.viewer_id, p.id, p.account_id, p.parent_post_id, '' as content, p.visibility, p.status, p.followers_of,
  exists (select 1 from hidden_pairs h where h.viewer_id = asked.viewer_id and h.author_id = p.account_id) as reader_hidden,
  exists (select 1 from follows f
          where f.follower_id = asked.viewer_id and f.followee_id = coalesce(p.followers_of, p.account_id)) as reader_follows,
  exists (select 1 from mutes m where m.muter_id = asked.viewer_id and m.muted_id = p.account_id) as reader_mutes
from unnest(:viewer_ids::uuid[], :post_ids::uuid[]) as asked (viewer_id, post_id)
join posts p on p.id = asked.post_id;

-- name: list_counts(ids)
-- What is counted of posts, exact at this moment, as `hydrate_posts` counts it.
select p.id, p.likes + coalesce(unfolded.likes, 0) as likes, p.replies + coalesce(unfolded.replies, 0) as replies,
  p.reposts + coalesce(unfolded.reposts, 0) as reposts
from posts p left join lateral (
  select sum(amount) filter (where kind = 'like') as likes, sum(amount) filter (where kind = 'reply') as replies,
         sum(amount) filter (where kind = 'repost') as reposts
  from counter_lines where post_id = p.id
) as unfolded on true
where p.id = any(:ids::uuid[]) and p.status = 'published';
