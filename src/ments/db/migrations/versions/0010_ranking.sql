-- What readers tell of a feed. Without a reference to posts: it would lock the post's row for each impression.
create table feed_events (
  account_id uuid not null references accounts on delete cascade,
  -- the sender's: another account's events can't stand in for these
  event_id uuid not null,
  kind text not null check (kind in ('impression', 'click', 'like', 'share')),
  post_id uuid not null,
  dwell_ms integer,
  -- how the page was made that showed it
  source text,
  happened_at timestamptz not null,
  received_at timestamptz not null default clock_timestamp(),
  primary key (account_id, event_id)
);
-- what an account has seen, and the first of its kind of a post
create index feed_events_seen on feed_events (account_id, post_id, kind);
-- for the sweeper: rows lie in the order in which they came
create index feed_events_age on feed_events using brin (received_at) with (autosummarize = on);

-- One row for each account that read a ranked feed or told of one.
create table feed_readers (
  account_id uuid primary key references accounts on delete cascade,
  -- events of one day, for their bound
  day date not null default current_date,
  events integer not null default 0,
  -- until when the account's reactions are in its interests
  folded_until timestamptz
);

-- How much an account is drawn to what. `score` is as of `at` and halves with a half-life, so nothing is written to let it fade.
create table interests (
  account_id uuid not null references accounts on delete cascade,
  kind text not null check (kind in ('author', 'hashtag', 'environment', 'form')),
  key text not null,
  score double precision not null,
  at timestamptz not null,
  primary key (account_id, kind, key)
);

-- What an account did of late, for its interests (`reposts_account` and `bookmarks_account` are there).
create index likes_account on likes (account_id, created_at desc, post_id desc);

-- What was done of late to any post, for trending. Rows lie about in the order of time, so a summary of each stretch finds them
-- at a hundredth of an index's cost for each like.
create index likes_lately on likes using brin (created_at) with (pages_per_range = 16, autosummarize = on);
create index reposts_lately on reposts using brin (created_at) with (pages_per_range = 16, autosummarize = on);
-- posts are found by many indexes, which a summary must not seem to stand for; replies are a part of them
create index posts_answers_lately on posts (sorted_at) where parent_post_id is not null and status = 'published';

-- Posts that something is done to: which are looked at closely, not in which order they are shown. `heat` is the binary
-- logarithm of a sum that halves with time, counted up from a fixed moment: it needs no writing to cool down.
create table trending_heat (
  post_id uuid primary key,
  heat double precision not null
);
create index trending_heat_most on trending_heat (heat desc, post_id);

create table trending_runs (
  id bigint generated always as identity primary key,
  made_at timestamptz not null,
  -- until when reactions are in the heat
  read_until timestamptz not null,
  version integer not null,
  -- JSON, deflated: all that the list was made of, so that it can be made again
  inputs bytea not null,
  took_ms integer not null
);
create index trending_runs_age on trending_runs (made_at);

create table trending_entries (
  run_id bigint not null references trending_runs on delete cascade,
  place integer not null,
  post_id uuid not null,
  score double precision not null,
  accounts integer not null,
  is_pinned boolean not null,
  since timestamptz not null,
  primary key (run_id, place)
);
-- the history of one post
create index trending_entries_post on trending_entries (post_id, run_id desc);

-- What operators say about posts now, and all that they ever said.
create table trending_overrides (
  post_id uuid primary key references posts on delete cascade,
  kind text not null check (kind in ('pinned', 'removed')),
  at timestamptz not null default clock_timestamp()
);
create table trending_override_log (
  id bigint generated always as identity primary key,
  post_id uuid not null,
  act text not null check (act in ('pinned', 'removed', 'cleared')),
  -- kept when the operator's account goes
  operator_id uuid,
  operator_name text not null,
  reason text not null default '',
  at timestamptz not null default clock_timestamp()
);
create index trending_override_log_post on trending_override_log (post_id, id desc);

-- What the accounts in an experiment saw and did in ranked feeds.
create table experiment_exposures (
  experiment text not null,
  variant text not null,
  account_id uuid not null references accounts on delete cascade,
  impressions integer not null default 0,
  clicks integer not null default 0,
  likes integer not null default 0,
  shares integer not null default 0,
  dwell_ms bigint not null default 0,
  first_at timestamptz not null default clock_timestamp(),
  primary key (experiment, variant, account_id)
);
create index experiment_exposures_account on experiment_exposures (account_id);
