-- A row known by its id has its state in a `case`: on its own it tempts the planner to search an index of states.
-- clock_timestamp() may change from row to row, so no index is searched by it; `(select clock_timestamp())` is asked once.

-- name: list_busy_queues(queues, older_than_s, ahead_s)
-- Queues with something to send; the one look of a relay that has nothing to do.
select queue from unnest(:queues::text[]) as known (queue)
where exists (
  select from jobs
  where jobs.state = 'accepted' and jobs.queue = known.queue
    and due_at < (select clock_timestamp()) + make_interval(secs => :ahead_s)
    and accepted_at < (select clock_timestamp()) - make_interval(secs => :older_than_s)
);

-- name: take_due(queue, older_than_s, ahead_s, batch)
-- What is to be sent, what is due first ahead. Several relays pass over each other's rows.
select id, generation, queue, task, payload, traceparent, turn, crashes, attempts_max, backoff_s,
  greatest(0, extract(epoch from due_at - clock_timestamp()))::float8 as delay_s
from jobs
where state = 'accepted' and queue = :queue
  and due_at < (select clock_timestamp()) + make_interval(secs => :ahead_s)
  and accepted_at < (select clock_timestamp()) - make_interval(secs => :older_than_s)
order by due_at
limit :batch
for update skip locked;

-- name: pull_back_due(queues, ahead_s)!
-- The database's clock was put back: what was accepted in its future keeps its delay, and waits no longer than that.
update jobs set due_at = due_at - (accepted_at - clock_timestamp()), accepted_at = clock_timestamp()
where state = 'accepted' and queue = any(:queues::text[])
  and accepted_at > (select clock_timestamp()) + make_interval(secs => :ahead_s);

-- name: look_for_silence(queues, silent_s, late_s)^
-- Whether a run's worker has been silent for too long, or a run is far past its time; and the database's clock.
-- A heartbeat in the future was written before the clock was put back. Within that time of the database's own start
-- nothing is settled: nobody could tell it of a run before.
select extract(epoch from clock_timestamp())::float8 as at_s,
  pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => :silent_s) as is_settled,
  exists (
    select from jobs where state = 'running' and queue = any(:queues::text[])
      and (heartbeat_at not between clock_timestamp() - make_interval(secs => :silent_s)
          and clock_timestamp() + make_interval(secs => :silent_s)
        or deadline_at < clock_timestamp() - make_interval(secs => :late_s))
  ) as found;

-- name: take_silent_runs(queues, silent_s, late_s, batch)
-- Runs that are over, whether they know it or not. A row that is locked is being written by its run: it lives.
select id, lease, crashes, owner,
  coalesce(deadline_at < clock_timestamp() - make_interval(secs => :late_s), false) as is_late
from jobs
where state = 'running' and queue = any(:queues::text[])
  and (heartbeat_at not between clock_timestamp() - make_interval(secs => :silent_s)
      and clock_timestamp() + make_interval(secs => :silent_s)
    or deadline_at < clock_timestamp() - make_interval(secs => :late_s))
order by heartbeat_at
limit :batch
for update skip locked;

-- name: count_crash(ids, causes)!
-- A run that ended with its worker; it uses up no attempt.
update jobs set crashes = crashes + 1, code = 'worker_lost', cause = crashed.cause
from unnest(:ids::uuid[], :causes::text[]) as crashed (id, cause)
where jobs.id = crashed.id;

-- name: give_back_runs(ids, leases)!
-- To be sent again at once, as an entry of its own.
update jobs set state = 'accepted', generation = generation + 1, owner = null, heartbeat_at = null,
  deadline_at = clock_timestamp() + interval '30 seconds'
from unnest(:ids::uuid[], :leases::int[]) as silent (id, lease)
where jobs.id = silent.id and case when jobs.state = 'running' then jobs.lease = silent.lease end;

-- name: list_queued(queue, after_at, after_id, overdue_s, batch)
-- Rows whose entries are to be looked up, in the order of their arrival.
select id, generation, lease, outside_id, accepted_at,
  due_at < clock_timestamp() - make_interval(secs => :overdue_s) as is_overdue
from jobs
where queue = :queue and state = 'queued' and (accepted_at, id) > (:after_at, :after_id)
order by accepted_at, id
limit :batch;

-- name: send_again(ids, generations, leases)
-- The entry is gone, or has ended without the job. Unless the job was begun, ended or sent again since it was looked up;
-- a row that somebody else is writing is moving on, and waiting for many of them at once could end in a deadlock.
update jobs set state = 'accepted', generation = jobs.generation + 1,
  deadline_at = clock_timestamp() + interval '30 seconds'
from (
  select jobs.id from jobs
  join unnest(:ids::uuid[], :generations::int[], :leases::int[]) as lost (id, generation, lease) on jobs.id = lost.id
  where case when jobs.state = 'queued' then jobs.generation = lost.generation and jobs.lease = lost.lease end
  for update of jobs skip locked
) as free
where jobs.id = free.id
returning jobs.id;

-- name: prune_jobs(state, keep_s, batch)^
-- In batches, so that no statement holds its locks for long; what goes is counted in the same one.
with old as (
  select id from jobs
  where state = :state and finished_at < (select clock_timestamp()) - make_interval(secs => :keep_s)
  order by finished_at
  limit :batch
  for update skip locked
), gone as (
  delete from jobs using old where jobs.id = old.id returning jobs.queue, jobs.task, jobs.state
), counted as (
  insert into job_totals (queue, task, state, jobs)
  select queue, task, state, count(*) from gone group by 1, 2, 3 order by 1, 2, 3
  on conflict (queue, task, state) do update set jobs = job_totals.jobs + excluded.jobs
)
select count(*) as jobs from gone;

-- name: prune_workers(silent_s)!
-- Processes that died long ago.
delete from job_workers where seen_at < clock_timestamp() - make_interval(secs => :silent_s);

-- name: prune_outbox(older_than_s, batch)!
-- What processes before the ledger sent, or left to it.
delete from outbox where id in (
  select id from outbox where created_at < clock_timestamp() - make_interval(secs => :older_than_s) order by id limit :batch
);

-- name: find_turn(id)$
-- A foreign job may have been given one before.
select turn from jobs where id = :id;

-- name: set_turn(id, turn, rank)!
-- For a foreign job that was adopted while it waited.
update jobs set turn = :turn, rank = :rank where id = :id and case when state in ('accepted', 'queued') then turn = 0 end;
