-- One row for each accepted job, written in the transaction that causes it. Postgres is the truth, the queue the fast path.
create table jobs (
  id uuid primary key,
  queue text not null,
  task text not null,
  payload jsonb not null,
  traceparent text,
  -- Whose job it is, for fairness between accounts. No foreign key: a job may outlive its account.
  account_id uuid,
  -- Its place among the waiting: less comes first, the same is served in the order of arrival. 0: ahead of all, in order.
  turn integer not null default 0,
  -- The kind of work that its turn was counted among (Rank).
  rank smallint not null default 0,
  -- The queue's own id of a job that a foreign producer added there; null for ours, whose id is {id}-{generation}.
  outside_id text,
  state text not null default 'accepted'
    check (state in ('accepted', 'queued', 'running', 'done', 'dead', 'discarded')),
  -- Counts the entries made in the queue for this job; an entry of an earlier one is passed over.
  generation integer not null default 1,
  -- Counts the runs: only the newest may write for the job (a fencing token).
  lease integer not null default 0,
  attempts smallint not null default 0,
  attempts_max smallint not null,
  backoff_s real not null,
  -- Runs that ended with their worker; they use up no attempt.
  crashes smallint not null default 0,
  -- Runs that ended because a part was away; they use up no attempt either.
  postponed smallint not null default 0,
  -- An operator took it back from the dead letters.
  revived boolean not null default false,
  owner text,
  heartbeat_at timestamptz,
  -- By when the present state should have ended: sent, started, finished.
  deadline_at timestamptz,
  accepted_at timestamptz not null default clock_timestamp(),
  -- Not to be run before.
  due_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  code text,
  cause text,
  stacks text[] not null default '{}',
  -- What finished steps left for the next run: {step: result}.
  steps jsonb not null default '{}'
);
-- what the relay sends
create index jobs_accepted on jobs (queue, due_at) where state = 'accepted';
-- what waits or runs, for the reconciler, the backlog and an account's turn
create index jobs_pending on jobs (queue, state, accepted_at) where state in ('accepted', 'queued', 'running');
-- an account's last turn, and the depth of each kind of work; jobs without a turn cost it nothing
create index jobs_turns on jobs (queue, rank, account_id, turn)
  where turn > 0 and state in ('accepted', 'queued', 'running');
-- dead letters, newest first
create index jobs_dead on jobs (finished_at desc, id desc) where state = 'dead';
-- dead letters of one kind
create index jobs_dead_kinds on jobs (queue, task, code) where state = 'dead';
-- what operators gave up, newest first
create index jobs_discarded on jobs (finished_at desc) where state = 'discarded';
-- what is pruned by age
create index jobs_ended on jobs (finished_at) where state in ('done', 'discarded');

-- The round that each queue with turns has come to (jobs/ledger/turns.py says what turns are for).
create table job_turns (
  queue text primary key,
  -- The greatest turn less rank of the jobs that have begun.
  served integer not null
);

-- By a trigger, so that whatever begins a run moves the round on.
create function serve_turn() returns trigger language plpgsql as $$
begin
  insert into job_turns (queue, served) values (new.queue, new.turn - new.rank)
  on conflict (queue) do update set served = excluded.served where job_turns.served < excluded.served;
  return null;
end $$;
create trigger job_begun after update on jobs for each row
when (new.turn > 0 and new.state = 'running' and new.lease <> old.lease) execute function serve_turn();

-- A function, so that the lock, the look and the change are one statement's, with nobody waiting in between.
create function restart_turns(wanted text) returns boolean language plpgsql as $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended('ments.turns.' || wanted, 0)) then
    return false;
  end if;
  if exists (select from jobs where queue = wanted and state in ('accepted', 'queued', 'running')) then
    return false;
  end if;
  update job_turns set served = 0 where queue = wanted and served > 0;
  return found;
end $$;

-- Rows that were pruned, so that the books still balance.
create table job_totals (
  queue text not null,
  task text not null,
  state text not null check (state in ('done', 'dead', 'discarded')),
  jobs bigint not null,
  primary key (queue, task, state)
);

-- Processes that run jobs; a row that is not renewed is of one that died.
create table job_workers (
  name text primary key,
  slots jsonb not null,
  started_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp()
);

-- What an older process accepts during the deploy, and what it had not sent before.
create function accept_from_outbox() returns trigger language plpgsql as $$
begin
  insert into jobs (id, queue, task, payload, traceparent, attempts_max, backoff_s)
  values (new.job_id::uuid, new.queue, new.task, new.payload, new.trace ->> 'traceparent', 3, 2)
  on conflict (id) do nothing;
  return null;
end $$;
create trigger outbox_accepted after insert on outbox for each row execute function accept_from_outbox();
insert into jobs (id, queue, task, payload, traceparent, attempts_max, backoff_s)
select job_id::uuid, queue, task, payload, trace ->> 'traceparent', 3, 2 from outbox where sent_at is null;
