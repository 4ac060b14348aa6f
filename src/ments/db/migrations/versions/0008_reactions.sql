-- What accounts did to posts. The keys begin with the account: a page's overlay asks for one account and many posts.

create table likes (
  account_id uuid not null references accounts on delete cascade,
  post_id uuid not null references posts on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  primary key (account_id, post_id)
);
-- who liked a post, newest first
create index likes_post on likes (post_id, created_at desc, account_id);

create table reposts (
  account_id uuid not null references accounts on delete cascade,
  post_id uuid not null references posts on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  primary key (account_id, post_id)
);
create index reposts_post on reposts (post_id, created_at desc, account_id);
-- what an account reposted, newest first: for the feeds of its followers
create index reposts_account on reposts (account_id, created_at desc, post_id desc);

create table bookmarks (
  account_id uuid not null references accounts on delete cascade,
  post_id uuid not null references posts on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  primary key (account_id, post_id)
);
-- an account's list, newest first
create index bookmarks_account on bookmarks (account_id, created_at desc, post_id desc);
create index bookmarks_post on bookmarks (post_id);

create table post_reports (
  post_id uuid not null references posts on delete cascade,
  account_id uuid not null references accounts on delete cascade,
  reason text not null,
  details text not null default '',
  created_at timestamptz not null default clock_timestamp(),
  primary key (post_id, account_id)
);
create index post_reports_newest on post_reports (created_at desc, post_id);
create index post_reports_account on post_reports (account_id);

-- polls -------------------------------------------------------------------------

create table polls (
  id uuid primary key,
  post_id uuid not null unique references posts on delete cascade,
  question text not null default '',
  kind text not null check (kind in ('single_choice', 'multiple_choice')),
  -- counts from the moment that the post comes to be seen
  ends_in_s integer not null check (ends_in_s > 0),
  ends_at timestamptz not null,
  voters integer not null default 0
);

create table poll_options (
  id uuid primary key,
  poll_id uuid not null references polls on delete cascade,
  position smallint not null,
  text text not null,
  votes integer not null default 0,
  unique (poll_id, position)
);

-- One row is all that an account says in a poll, so that it says it once.
create table poll_votes (
  poll_id uuid not null references polls on delete cascade,
  account_id uuid not null references accounts on delete cascade,
  option_ids uuid[] not null check (cardinality(option_ids) > 0),
  created_at timestamptz not null default clock_timestamp(),
  primary key (poll_id, account_id)
);
create index poll_votes_account on poll_votes (account_id);

-- hashtags ----------------------------------------------------------------------

-- The tags of published public posts, folded; sorted_at is the post's. Read backwards for the newest.
create table post_hashtags (
  tag text not null,
  sorted_at timestamptz not null,
  post_id uuid not null references posts on delete cascade,
  primary key (tag, sorted_at, post_id)
);
create index post_hashtags_post on post_hashtags (post_id);

-- counters ----------------------------------------------------------------------

-- What was added to a counter and not yet folded into its row (posts, polls, poll_options): a row that everybody updates
-- would be a queue. Without foreign keys, which would lock that row once more; lines of what is
-- gone fold into nothing.
create table counter_lines (
  id bigint generated always as identity primary key,
  post_id uuid not null,
  kind text not null check (kind in ('like', 'repost', 'reply', 'voter', 'vote')),
  -- of kind 'vote'
  option_id uuid,
  amount integer not null,
  check ((kind = 'vote') = (option_id is not null))
);
create index counter_lines_post on counter_lines (post_id);
-- It is emptied each second, so what is dead is many times what is there.
alter table counter_lines set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
-- Lines are written where likes, reposts and votes come and go, so that no way to do either forgets them: also the deletion of an
-- account that takes its likes along, and rows that are copied in.
create function count_reactions() returns trigger language plpgsql as $$
begin
  insert into counter_lines (post_id, kind, amount)
  select post_id, tg_argv[0], case tg_op when 'INSERT' then count(*) else -count(*) end from changed group by post_id;
  return null;
end
$$;
create trigger likes_begun after insert on likes
  referencing new table as changed for each statement execute function count_reactions('like');
create trigger likes_ended after delete on likes
  referencing old table as changed for each statement execute function count_reactions('like');
create trigger reposts_begun after insert on reposts
  referencing new table as changed for each statement execute function count_reactions('repost');
create trigger reposts_ended after delete on reposts
  referencing old table as changed for each statement execute function count_reactions('repost');

create function count_votes() returns trigger language plpgsql as $$
begin
  insert into counter_lines (post_id, kind, option_id, amount)
  select q.post_id, 'voter', null, case tg_op when 'INSERT' then count(*) else -count(*) end
  from changed c join polls q on q.id = c.poll_id group by q.post_id
  union all
  select q.post_id, 'vote', option_id, case tg_op when 'INSERT' then count(*) else -count(*) end
  from changed c join polls q on q.id = c.poll_id, unnest(c.option_ids) as option_id group by q.post_id, option_id;
  return null;
end
$$;
create trigger votes_begun after insert on poll_votes
  referencing new table as changed for each statement execute function count_votes();
create trigger votes_ended after delete on poll_votes
  referencing old table as changed for each statement execute function count_votes();

-- Room on each page for the next version of a row whose counts change: no index then changes with it.
alter table posts set (fillfactor = 90);
