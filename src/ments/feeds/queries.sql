-- name: list_latest(before_at, before_id, n)
-- Public top-level posts before a place, newest first; read from the partial index `posts_latest` alone.
select id, sorted_at from posts
where status = 'published' and visibility = 'public' and parent_post_id is null
  and (sorted_at, id) < (:before_at::timestamptz, :before_id::uuid)
order by sorted_at desc, id desc
limit :n;

-- name: list_own(account_id, before_at, before_id, from_at, from_id, n)
-- All that a member's own stretch of a feed holds: published, waiting, private. The bounds are those of a page.
select id, sorted_at from posts
where account_id = :account_id and status <> 'deleted' and parent_post_id is null
  and (sorted_at, id) < (:before_at::timestamptz, :before_id::uuid)
  and (sorted_at, id) >= (:from_at::timestamptz, :from_id::uuid)
order by sorted_at desc, id desc
limit :n;

-- name: list_profile(account_id, everything, before_at, before_id, n)
-- A profile's top-level posts before a place, newest first; everything for the account itself.
select id, sorted_at from posts
where account_id = :account_id and status <> 'deleted' and parent_post_id is null
  and (:everything or (status = 'published' and visibility = 'public'))
  and (sorted_at, id) < (:before_at::timestamptz, :before_id::uuid)
order by sorted_at desc, id desc
limit :n;

-- name: list_environment(environment_id, before_at, before_id, n)
-- One room's public top-level posts before a place, newest first; from the partial index `posts_environment`.
select id, sorted_at from posts
where environment_id = :environment_id
  and status = 'published' and visibility = 'public' and parent_post_id is null
  and (sorted_at, id) < (:before_at::timestamptz, :before_id::uuid)
order by sorted_at desc, id desc
limit :n;

-- name: count_members_and_rooms()^
-- For the landing page; counted once a minute at most.
select (select count(*) from accounts) as accounts, (select count(*) from environments) as environments;

-- name: list_tiles(newest, n)
-- The pictures of the newest public posts: looks at the newest few only, however many there are.
select latest.id as post_id, m.id as media_id, m.generation, m.poster_file, m.width, m.height, m.blurhash, pm.alt_text,
  m.duration_s, latest.content,
  concat_ws(', ', coalesce(nullif(a.full_name, ''), a.username::text), nullif(a.headline, '')) as author
from (
  select id, sorted_at, content, account_id from posts
  where status = 'published' and visibility = 'public' and parent_post_id is null
  order by sorted_at desc, id desc
  limit :newest
) as latest
join post_media pm on pm.post_id = latest.id and pm.position = 0
join media m on m.id = pm.media_id
join accounts a on a.id = latest.account_id
where m.generation like 'p%%' and m.poster_file is not null and m.status in ('playable', 'ready')
order by latest.sorted_at desc, latest.id desc
limit :n;
