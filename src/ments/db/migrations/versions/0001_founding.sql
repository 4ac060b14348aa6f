create extension if not exists citext;

-- accounts ------------------------------------------------------------------

create table accounts (
  id uuid primary key,
  username citext not null unique,
  email citext not null unique,
  password_hash text,
  full_name text not null default '',
  headline text not null default '',
  avatar_url text,
  is_verified boolean not null default false,
  is_admin boolean not null default false,
  created_at timestamptz not null default now()
);

-- A session (browser) or a token (script). Only the hash is kept.
create table sessions (
  token_hash bytea primary key,
  account_id uuid not null references accounts on delete cascade,
  kind text not null check (kind in ('session', 'token')),
  label text not null default '',
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index sessions_account on sessions (account_id);
create index sessions_expiry on sessions (expires_at);

-- Links that sign somebody in once.
create table sign_in_links (
  token_hash bytea primary key,
  account_id uuid not null references accounts on delete cascade,
  expires_at timestamptz not null,
  used_at timestamptz
);

-- environments ----------------------------------------------------------------

create table environments (
  id uuid primary key,
  slug text not null unique,
  name text not null,
  position integer not null
);
insert into environments (id, slug, name, position)
select gen_random_uuid(), slug, name, position
from (values
  ('general', 'General', 1), ('ideation', 'Ideation', 2), ('mvp', 'MVP', 3), ('scaling', 'Scaling', 4),
  ('marketing', 'Marketing', 5), ('investing', 'Investing', 6), ('builders', 'Builders', 7), ('campus', 'Campus', 8),
  ('opportunities', 'Opportunities', 9), ('ai-tech', 'AI & Tech', 10), ('resources', 'Resources', 11),
  ('hot-takes', 'Hot Takes', 12)
) as founding (slug, name, position);

-- media -------------------------------------------------------------------------

create table media (
  id uuid primary key,
  account_id uuid not null references accounts on delete cascade,
  status text not null check (status in ('uploading', 'queued', 'processing', 'playable', 'ready', 'failed', 'erased')),
  kind text check (kind in ('video', 'photo', 'audio')),
  filename text not null,
  progress real not null default 0 check (progress between 0 and 1),
  error_code text,
  error_text text,
  -- Who may fetch the outputs: 'private' (signed URLs only) until a public post holds the media.
  audience text not null default 'private' check (audience in ('private', 'public')),
  -- Counts every try to write outputs; a try that lost its race can never overwrite a later one.
  attempt_generation integer not null default 0,
  -- The job that works on it, so that its own second run may take over at once, and another job only when it is silent.
  job_id text,
  -- Times that the sweeper sent a lost job again.
  requeues integer not null default 0,
  -- The folder whose outputs are served, s{n} or p{n}; null until there is something to play.
  generation text,
  epoch integer not null default 1,
  width integer,
  height integer,
  duration_s double precision,
  poster_file text,
  blurhash text,
  -- [{file, kind, name, content_type, width, height, bytes, bitrate}], in the folder of `generation`
  variants jsonb not null default '[]',
  probe jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- When the sweeper looks at it: what is not finished ends then, what is finished and in no post is erased.
  deadline_at timestamptz
);
create index media_account on media (account_id, created_at desc);
create index media_deadline on media (deadline_at) where deadline_at is not null;
-- wanted by everybody, and still its author's alone: a copy is being made, or its job was lost
create index media_unopened on media (updated_at)
  where audience = 'public' and generation like 's%' and status in ('playable', 'ready');

create table uploads (
  id uuid primary key,
  media_id uuid not null unique references media on delete cascade,
  account_id uuid not null references accounts on delete cascade,
  status text not null check (status in ('open', 'completed', 'aborted', 'expired')),
  content_type text not null,
  size bigint not null check (size > 0),
  part_size bigint,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  completed_at timestamptz
);
create index uploads_open on uploads (expires_at) where status = 'open';
create index uploads_account on uploads (account_id, created_at desc);

-- posts -------------------------------------------------------------------------

create table posts (
  id uuid primary key,
  account_id uuid not null references accounts on delete cascade,
  environment_id uuid references environments,
  parent_post_id uuid references posts,
  content text not null default '',
  visibility text not null check (visibility in ('public', 'followers', 'private')),
  status text not null check (status in ('waiting', 'published', 'deleted')),
  -- When it came to be seen: creation for text, the moment its media could be played for the rest.
  sorted_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default now(),
  edited_at timestamptz,
  deleted_at timestamptz,
  likes integer not null default 0,
  replies integer not null default 0,
  reposts integer not null default 0
);
-- latest: public top-level posts, newest first
create index posts_latest on posts (sorted_at desc, id desc)
  where status = 'published' and visibility = 'public' and parent_post_id is null;
-- a profile, and what its author alone may see
create index posts_account on posts (account_id, sorted_at desc, id desc) where status <> 'deleted';
-- what has not appeared yet, for the sweeper
create index posts_waiting on posts (created_at) where status = 'waiting';
create index posts_replies on posts (parent_post_id, sorted_at, id) where status <> 'deleted';
create index posts_environment on posts (environment_id, sorted_at desc, id desc)
  where status = 'published' and visibility = 'public' and parent_post_id is null;

create table post_media (
  post_id uuid not null references posts on delete cascade,
  media_id uuid not null unique references media on delete cascade,
  position smallint not null,
  alt_text text not null default '',
  primary key (post_id, position)
);

-- The answer to a write that may be sent twice.
create table idempotency_keys (
  account_id uuid not null references accounts on delete cascade,
  key text not null,
  request_hash bytea not null,
  post_id uuid references posts on delete cascade,
  created_at timestamptz not null default now(),
  primary key (account_id, key)
);
create index idempotency_age on idempotency_keys (created_at);

-- jobs ----------------------------------------------------------------------------

-- Written in the transaction that causes the job; what is unsent after the commit, the relay sends.
create table outbox (
  id bigint generated always as identity primary key,
  job_id text not null unique,
  queue text not null,
  task text not null,
  payload jsonb not null,
  trace jsonb not null default '{}',
  created_at timestamptz not null default now(),
  sent_at timestamptz
);
create index outbox_unsent on outbox (id) where sent_at is null;
create index outbox_sent on outbox (sent_at) where sent_at is not null;

-- When a periodic task last started, so that it runs once a period however many relays there are.
create table periodic_runs (
  name text primary key,
  started_at timestamptz not null
);
