-- name: find_ties(viewer_id, most)^
-- What a timeline is made from: when its reader began to follow the last of those they follow, and those among them whose posts
-- are pulled; one more than `most` says that they are too many. Read before the posts: what is followed in between makes it old, not wrong.
select
  (select max(created_at) from follows where follower_id = :viewer_id) as newest_follow,
  array(
    select f.followee_id from follows f join pulled_accounts a on a.account_id = f.followee_id and a.pulled
    where f.follower_id = :viewer_id
    limit :most + 1
  ) as pulled;

-- name: list_newest_of_followed(viewer_id, pulled, n)
-- The newest posts of those whom an account follows, but for those that are pulled. First a few of each, 2n in all: the n-th newest of
-- these bounds what can be among the n newest at all; then, of those who wrote anything within the bound, what they wrote within it.
with followed as materialized (
  select f.followee_id as account_id from follows f
  where f.follower_id = :viewer_id and not (f.followee_id = any(:pulled::uuid[]))
), few as (
  select greatest(1, 2 * :n / greatest(1, count(*))) as of_each from followed
), sample as materialized (
  select followed.account_id, newest.sorted_at
  from few, followed cross join lateral (
    select p.sorted_at from posts p
    where p.account_id = followed.account_id
      and p.status = 'published' and p.visibility in ('public', 'followers') and p.parent_post_id is null
    order by p.sorted_at desc, p.id desc
    limit few.of_each
  ) as newest
), bound as (
  select coalesce((select sorted_at from sample order by sorted_at desc offset :n - 1 limit 1), '-infinity') as at
), within as (
  select account_id from sample, bound where sorted_at >= bound.at group by account_id
)
select theirs.id, theirs.sorted_at
from bound, within cross join lateral (
  select p.id, p.sorted_at from posts p
  where p.account_id = within.account_id
    and p.status = 'published' and p.visibility in ('public', 'followers') and p.parent_post_id is null
    and p.sorted_at >= bound.at
  order by p.sorted_at desc, p.id desc
  limit :n
) as theirs
order by theirs.sorted_at desc, theirs.id desc
limit :n;

-- name: list_newest_of_author(account_id, n)
-- An account's newest posts, for its followers to pull; from `posts_shown`.
select id, sorted_at from posts
where account_id = :account_id
  and status = 'published' and visibility in ('public', 'followers') and parent_post_id is null
order by sorted_at desc, id desc
limit :n;

-- name: list_true(viewer_id, ids, before_at, before_id, from_at, from_id, n)
-- What of a stretch of a timeline is so at this moment: of the posts that it names those that are there, by whom the reader follows and
-- has not muted; and the reader's own of that stretch, as `list_following` has them. Beside each row, or alone in one without an id,
-- when the reader began to follow the last of those they follow.
select newest.at as newest_follow, entries.id, entries.sorted_at
from (select max(created_at) as at from follows where follower_id = :viewer_id) as newest
left join lateral (
  select id, sorted_at from (
    select p.id, p.sorted_at from posts p
    where p.id = any(:ids::uuid[]) and p.account_id <> :viewer_id
      and p.status = 'published' and p.visibility in ('public', 'followers') and p.parent_post_id is null
      and exists (select 1 from follows f where f.follower_id = :viewer_id and f.followee_id = p.account_id)
      and not exists (select 1 from mutes m where m.muter_id = :viewer_id and m.muted_id = p.account_id)
    union all
    (select p.id, p.sorted_at from posts p
     where p.account_id = :viewer_id and p.status <> 'deleted' and p.parent_post_id is null
       and (p.sorted_at, p.id) < (:before_at::timestamptz, :before_id::uuid)
       and (p.sorted_at, p.id) >= (:from_at::timestamptz, :from_id::uuid)
     order by p.sorted_at desc, p.id desc
     limit :n)
  ) as named
  where (sorted_at, id) < (:before_at::timestamptz, :before_id::uuid)
    and (sorted_at, id) >= (:from_at::timestamptz, :from_id::uuid)
  order by sorted_at desc, id desc
  limit :n
) as entries on true
order by entries.sorted_at desc, entries.id desc;

-- name: see_home(readers, named, before_ats, before_ids, from_ats, from_ids, ns)
-- The same as cards for their reader, for several readers at once, in their order: see the function. `named` are arrays as texts.
select see_home(t.reader, t.named::uuid[], t.before_at, t.before_id, t.from_at, t.from_id, t.n)::text as said
from unnest(:readers::uuid[], :named::text[], :before_ats::timestamptz[], :before_ids::uuid[], :from_ats::timestamptz[],
  :from_ids::uuid[], :ns::integer[]) with ordinality as t (reader, named, before_at, before_id, from_at, from_id, n, nth)
order by t.nth;

-- name: see_home_alone(readers, named, before_ats, before_ids, from_ats, from_ids, ns)
-- The same for one reader, of whose values none is an array but `named`.
select see_home(:readers::uuid, :named::uuid[], :before_ats::timestamptz, :before_ids::uuid, :from_ats::timestamptz, :from_ids::uuid,
  :ns::integer)::text as said;

-- name: find_pushed(post_id)^
-- A post that has a place in its author's followers' feeds, how many those are (exact, with what is not folded yet), and whether
-- the author's posts are pulled. `settled`: the followers' timelines know which of the two it is.
select p.account_id, p.sorted_at,
  a.followers + coalesce((select sum(amount) from follow_lines where account_id = a.id and kind = 'followers'), 0) as followers,
  coalesce(r.pulled, false) as pulled, coalesce(r.settled, true) as settled
from posts p join accounts a on a.id = p.account_id left join pulled_accounts r on r.account_id = p.account_id
where p.id = :post_id
  and p.status = 'published' and p.visibility in ('public', 'followers') and p.parent_post_id is null;

-- name: find_followers_batch(account_id, prefix, before_at, before_id, n)^
-- Followers in batches, the newest first, as names with a prefix: one array, since a row each would cost ten times as much to read.
-- Whoever begins to follow while they are read has a timeline made anew.
with batch as (
  select follower_id, created_at from follows
  where followee_id = :account_id and (created_at, follower_id) < (:before_at::timestamptz, :before_id::uuid)
  order by created_at desc, follower_id desc
  limit :n
)
select array(select :prefix::text || follower_id from batch) as names, last.created_at as last_at, last.follower_id as last_id
from batch as last order by last.created_at, last.follower_id
limit 1;

-- name: set_pulled(account_id, pulled)!
-- From now on timelines are made with, or without, this account's posts; those that were made before are to be dropped.
insert into pulled_accounts (account_id, pulled) values (:account_id, :pulled)
on conflict (account_id) do update set pulled = excluded.pulled, settled = false;

-- name: settle_pulled(account_id)!
-- The timelines from before are dropped. Nothing, where the account has changed sides meanwhile.
update pulled_accounts set settled = true where account_id = :account_id and pulled;

-- name: forget_pulled(account_id)!
-- The same for an account that is pushed again: it needs no row.
delete from pulled_accounts where account_id = :account_id and not pulled;
