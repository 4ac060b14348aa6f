-- name: find_profile(username, viewer_id, posts_max)^
-- A profile with what the reader is to it, in one statement.
select * from see_profile(:username::citext, :viewer_id::uuid, :posts_max);

-- name: find_account_id(username)$
-- From the name in an address to the account.
select id from accounts where username = :username::citext;

-- name: find_ties(viewer_id, account_id)^
-- What the one is to the other.
select
  exists (select 1 from follows where follower_id = :viewer_id and followee_id = :account_id) as follows,
  exists (select 1 from follows where follower_id = :account_id and followee_id = :viewer_id) as followed_by,
  exists (select 1 from blocks where blocker_id = :viewer_id and blocked_id = :account_id) as blocks,
  exists (select 1 from blocks where blocker_id = :account_id and blocked_id = :viewer_id) as blocked_by,
  exists (select 1 from mutes where muter_id = :viewer_id and muted_id = :account_id) as mutes;

-- name: list_unwanted(viewer_id, ids)
-- Which of these accounts have no place in the reader's feeds: hidden by a block of either, or muted by the reader.
select author_id as id from hidden_pairs where viewer_id = :viewer_id and author_id = any(:ids::uuid[])
union
select muted_id from mutes where muter_id = :viewer_id and muted_id = any(:ids::uuid[]);

-- name: list_followers(account_id, viewer_id, before_at, before_id, n)
-- An account's followers before a place, the newest first, without those who are hidden from the reader.
select f.created_at as at, a.id, a.username::text, a.full_name, a.headline, a.avatar_url, a.is_verified,
  exists (select 1 from follows where follower_id = :viewer_id::uuid and followee_id = a.id) as follows,
  exists (select 1 from follows where follower_id = a.id and followee_id = :viewer_id::uuid) as followed_by,
  exists (select 1 from mutes where muter_id = :viewer_id::uuid and muted_id = a.id) as mutes
from follows f join accounts a on a.id = f.follower_id
where f.followee_id = :account_id
  and (f.created_at, f.follower_id) < (:before_at::timestamptz, :before_id::uuid)
  and not exists (select 1 from hidden_pairs h where h.viewer_id = :viewer_id::uuid and h.author_id = f.follower_id)
order by f.created_at desc, f.follower_id desc
limit :n;

-- name: list_following(account_id, viewer_id, before_at, before_id, n)
-- Whom an account follows, in the same way.
select f.created_at as at, a.id, a.username::text, a.full_name, a.headline, a.avatar_url, a.is_verified,
  exists (select 1 from follows where follower_id = :viewer_id::uuid and followee_id = a.id) as follows,
  exists (select 1 from follows where follower_id = a.id and followee_id = :viewer_id::uuid) as followed_by,
  exists (select 1 from mutes where muter_id = :viewer_id::uuid and muted_id = a.id) as mutes
from follows f join accounts a on a.id = f.followee_id
where f.follower_id = :account_id
  and (f.created_at, f.followee_id) < (:before_at::timestamptz, :before_id::uuid)
  and not exists (select 1 from hidden_pairs h where h.viewer_id = :viewer_id::uuid and h.author_id = f.followee_id)
order by f.created_at desc, f.followee_id desc
limit :n;

-- name: lock_own(account_id)!
-- What one account adds is added one after another, so that its bound is exact. Taken before the pair's lock, always.
select pg_advisory_xact_lock(hashtextextended('ties of:' || :account_id::text, 0));

-- name: lock_pair(one, other)!
-- What happens between two accounts happens one after another, whoever of them began: no follow slips past a block. Each
-- transaction holds one such lock at most and waits for nothing while it does but its own rows, so none wait in a ring.
select pg_advisory_xact_lock(hashtextextended(
  'ties between:' || least(:one::uuid, :other::uuid)::text || ':' || greatest(:one::uuid, :other::uuid)::text, 0));

-- name: insert_follow(account_id, other_id)!
-- 1, or 0 when it was there; the trigger writes the counters' lines.
insert into follows (follower_id, followee_id) values (:account_id, :other_id) on conflict do nothing;

-- name: delete_follow(account_id, other_id)!
-- 1, or 0 when there was none.
delete from follows where follower_id = :account_id and followee_id = :other_id;

-- name: insert_block(account_id, other_id)!
-- 1, or 0 when it was there.
insert into blocks (blocker_id, blocked_id) values (:account_id, :other_id) on conflict do nothing;

-- name: delete_block(account_id, other_id)!
-- 1, or 0 when there was none.
delete from blocks where blocker_id = :account_id and blocked_id = :other_id;

-- name: insert_mute(account_id, other_id)!
-- 1, or 0 when it was there.
insert into mutes (muter_id, muted_id) values (:account_id, :other_id) on conflict do nothing;

-- name: delete_mute(account_id, other_id)!
-- 1, or 0 when there was none.
delete from mutes where muter_id = :account_id and muted_id = :other_id;

-- name: end_follows_between(one, other)
-- What a block ends, in its own transaction.
delete from follows
where (follower_id = :one and followee_id = :other) or (follower_id = :other and followee_id = :one)
returning follower_id, followee_id;

-- name: count_follows(account_id, most)$
-- Up to one more than the bound: who is over it, not by how much.
select count(*) from (select 1 from follows where follower_id = :account_id limit :most + 1) as counted;

-- name: count_blocks(account_id, most)$
-- The same for blocks.
select count(*) from (select 1 from blocks where blocker_id = :account_id limit :most + 1) as counted;

-- name: count_mutes(account_id, most)$
-- The same for mutes.
select count(*) from (select 1 from mutes where muter_id = :account_id limit :most + 1) as counted;

-- name: take_lines(n)
-- The oldest lines that no other folder holds, taken away and added up. What is taken comes back if the transaction fails.
with chosen as materialized (
  select id from follow_lines order by id limit :n for update skip locked
), taken as (
  delete from follow_lines using chosen where follow_lines.id = chosen.id
  returning follow_lines.account_id, follow_lines.kind, follow_lines.amount
)
select account_id, coalesce(sum(amount) filter (where kind = 'followers'), 0)::integer as followers,
  coalesce(sum(amount) filter (where kind = 'following'), 0)::integer as following, count(*)::integer as lines
from taken group by account_id;

-- name: lock_accounts(ids)!
-- In the order of their ids, so that two folders never wait for each other in a ring; a statement of its own, as for posts.
select from accounts where id = any(:ids::uuid[]) order by id for no key update;

-- name: fold_into_accounts(ids, followers, following)!
-- Many accounts a statement.
update accounts a set followers = a.followers + added.followers, following = a.following + added.following
from unnest(:ids::uuid[], :followers::integer[], :following::integer[]) as added (id, followers, following)
where a.id = added.id;
