-- name: list_latest(before_at, before_id, n)
-- Public top-level posts before a place, newest first; read from the partial index `posts_latest` alone.
select id, sorted_at from posts
where status = 'published' and visibility = 'public' and parent_post_id is null
  and (sorted_at, id) < (:before_at::timestamptz, :before_id::uuid)
order by sorted_at desc, id desc
limit :n;

-- name: see_latest(readers, before_ats, before_ids, ns)
-- The same for members, with what the cards are for them; for several members at once, in their order: see the function.
select see_latest(t.reader, t.before_at, t.before_id, t.n)::text as said
from unnest(:readers::uuid[], :before_ats::timestamptz[], :before_ids::uuid[], :ns::integer[])
  with ordinality as t (reader, before_at, before_id, n, nth)
order by t.nth;

-- name: see_latest_alone(readers, before_ats, before_ids, ns)
-- The same for one member, of whose values none is an array.
select see_latest(:readers::uuid, :before_ats::timestamptz, :before_ids::uuid, :ns::integer)::text as said;

-- name: list_own(account_id, before_at, before_id, from_at, from_id, n)
-- All that a member's own stretch of a feed holds: published, waiting, private. The bounds are those of a page.
select id, sorted_at from posts
where account_id = :account_id and status <> 'deleted' and parent_post_id is null
  and (sorted_at, id) < (:before_at::timestamptz, :before_id::uuid)
  and (sorted_at, id) >= (:from_at::timestamptz, :from_id::uuid)
order by sorted_at desc, id desc
limit :n;

-- name: list_profile(account_id, follows, before_at, before_id, n)
-- A profile's top-level posts before a place, newest first, as others see it; from the partial index `posts_shown`.
select id, sorted_at from posts
where account_id = :account_id and status = 'published' and parent_post_id is null
  and (visibility = 'public' or (:follows and visibility = 'followers'))
  and (sorted_at, id) < (:before_at::timestamptz, :before_id::uuid)
order by sorted_at desc, id desc
limit :n;

-- name: list_environment(environment_id, viewer_id, before_at, before_id, n)
-- One room's public top-level posts before a place, newest first, without those of accounts that the reader is spared; from the
-- partial index `posts_environment`.
select p.id, p.sorted_at from posts p
where p.environment_id = :environment_id
  and p.status = 'published' and p.visibility = 'public' and p.parent_post_id is null
  and (p.sorted_at, p.id) < (:before_at::timestamptz, :before_id::uuid)
  and not exists (select 1 from hidden_pairs h where h.viewer_id = :viewer_id::uuid and h.author_id = p.account_id)
  and not exists (select 1 from mutes m where m.muter_id = :viewer_id::uuid and m.muted_id = p.account_id)
order by p.sorted_at desc, p.id desc
limit :n;

-- name: list_following(viewer_id, before_at, before_id, n)
-- The posts of those whom a member follows, and the member's own, before a place. Of n entries none is by an account whose newest
-- is not among the n newest of all: so one probe of `posts_shown` for each that is followed, and n entries of n accounts only.
with followed as materialized (
  select f.followee_id as account_id from follows f
  where f.follower_id = :viewer_id
    and not exists (select 1 from mutes m where m.muter_id = :viewer_id and m.muted_id = f.followee_id)
), newest as materialized (
  select followed.account_id from followed cross join lateral (
    select p.sorted_at, p.id from posts p
    where p.account_id = followed.account_id
      and p.status = 'published' and p.visibility in ('public', 'followers') and p.parent_post_id is null
      and (p.sorted_at, p.id) < (:before_at::timestamptz, :before_id::uuid)
    order by p.sorted_at desc, p.id desc
    limit 1
  ) as first
  order by first.sorted_at desc, first.id desc
  limit :n
)
select id, sorted_at from (
  select theirs.id, theirs.sorted_at from newest cross join lateral (
    select p.id, p.sorted_at from posts p
    where p.account_id = newest.account_id
      and p.status = 'published' and p.visibility in ('public', 'followers') and p.parent_post_id is null
      and (p.sorted_at, p.id) < (:before_at::timestamptz, :before_id::uuid)
    order by p.sorted_at desc, p.id desc
    limit :n
  ) as theirs
  union all
  (select p.id, p.sorted_at from posts p
   where p.account_id = :viewer_id and p.status <> 'deleted' and p.parent_post_id is null
     and (p.sorted_at, p.id) < (:before_at::timestamptz, :before_id::uuid)
   order by p.sorted_at desc, p.id desc
   limit :n)
) as entries
order by sorted_at desc, id desc
limit :n;

-- name: count_members_and_rooms()^
-- For the landing page; counted once a minute at most.
select (select count(*) from accounts) as accounts, (select count(*) from environments) as environments;

-- name: list_tiles(newest, n)
-- The pictures of the newest public posts: looks at the newest few only, however many there are.
select latest.id as post_id, latest.account_id as author_id, m.id as media_id, m.generation, m.poster_file, m.width, m.height, m.blurhash, pm.alt_text,
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
