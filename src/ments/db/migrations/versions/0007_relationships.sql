create table follows (
  follower_id uuid not null references accounts on delete cascade,
  followee_id uuid not null references accounts on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  primary key (follower_id, followee_id),
  check (follower_id <> followee_id)
);
-- both lists of a profile, newest first
create index follows_following on follows (follower_id, created_at desc, followee_id desc);
create index follows_followers on follows (followee_id, created_at desc, follower_id desc);

create table blocks (
  blocker_id uuid not null references accounts on delete cascade,
  blocked_id uuid not null references accounts on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  primary key (blocker_id, blocked_id),
  check (blocker_id <> blocked_id)
);
create index blocks_blocked on blocks (blocked_id, blocker_id);

create table mutes (
  muter_id uuid not null references accounts on delete cascade,
  muted_id uuid not null references accounts on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  primary key (muter_id, muted_id),
  check (muter_id <> muted_id)
);
create index mutes_muted on mutes (muted_id, muter_id);

-- The one place in SQL that says what a block means: whoever of the two began, neither sees the other.
create view hidden_pairs as
select blocker_id as viewer_id, blocked_id as author_id from blocks
union all
select blocked_id, blocker_id from blocks;

-- counters ------------------------------------------------------------------------

alter table accounts
  add column followers integer not null default 0,
  add column following integer not null default 0;

-- What the counters do not hold yet. A row that all followers of somebody update is a queue, so each adds a line of its own,
-- and a job folds them. No reference to accounts: the lines of one that is deleted are folded into nothing.
create table follow_lines (
  id bigint generated always as identity primary key,
  account_id uuid not null,
  kind text not null check (kind in ('followers', 'following')),
  amount integer not null
)
-- It is emptied all the time: without this, what was folded would lie about until a fifth of the table is dead.
with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
create index follow_lines_account on follow_lines (account_id) include (kind, amount);

-- Lines are written where follows come and go, so that no way to do either forgets them: also the deletion of an account
-- that takes its follows along, and rows that are copied in.
create function count_follows() returns trigger language plpgsql as $$
begin
  insert into follow_lines (account_id, kind, amount)
  select account_id, kind, case tg_op when 'INSERT' then amount else -amount end
  from (
    select followee_id as account_id, 'followers' as kind, count(*) as amount from changed group by followee_id
    union all
    select follower_id, 'following', count(*) from changed group by follower_id
  ) as counted;
  return null;
end
$$;
create trigger follows_begun after insert on follows
  referencing new table as changed for each statement execute function count_follows();
create trigger follows_ended after delete on follows
  referencing old table as changed for each statement execute function count_follows();

-- posts ---------------------------------------------------------------------------

-- Whose followers a `followers` post is for: null means its author's own. A reply to such a post is for the same people as
-- the post. No reference to accounts: one that is gone has no followers.
alter table posts add column followers_of uuid;

-- what others see of an account: its profile, and its share of its followers' feeds
create index posts_shown on posts (account_id, sorted_at desc, id desc) include (visibility)
  where status = 'published' and visibility in ('public', 'followers') and parent_post_id is null;
