-- name: insert_jobs(jobs, traceparent)!
-- Accepts jobs in the transaction that causes them.
insert into jobs (id, queue, task, payload, traceparent, account_id, turn, rank, attempts_max, backoff_s, due_at, deadline_at)
select id, queue, task, payload::jsonb, :traceparent, account_id, turn, rank, attempts, backoff_s,
  clock_timestamp() + make_interval(secs => delay_s), clock_timestamp() + make_interval(secs => delay_s + 30)
from json_to_recordset(:jobs::json) as accepted (
  id uuid, queue text, task text, payload text, account_id uuid, turn int, rank smallint, attempts smallint, backoff_s real,
  delay_s float8);

-- name: mark_queued(ids, generations)!
-- The queue has an entry. A job that was claimed in the meantime, or is being claimed, needs no mark: nobody is waited for,
-- so that a mark and a claim of several jobs each cannot hold one another up.
update jobs set state = 'queued', deadline_at = null
from (
  select jobs.id from jobs
  join unnest(:ids::uuid[], :generations::int[]) as sent (id, generation) on jobs.id = sent.id
  where case when jobs.state = 'accepted' then jobs.generation = sent.generation end
  for update of jobs skip locked
) as sent
where jobs.id = sent.id;

-- name: claim_jobs(ids, generations, timeouts, owner, silent_s)
-- Begins runs, as the function of this name says.
select * from claim_jobs(:ids, :generations, :timeouts, :owner, :silent_s);

-- name: look_at_jobs(ids)
-- Why a claim was refused.
select id, state, generation from jobs where id = any(:ids::uuid[]);

-- name: find_crashed(id)^
-- Whether it is to be run alone: a run crashed, or began and was not heard of again.
select crashes > 0 or state = 'running' as crashed from jobs where id = :id;

-- name: adopt_job(id, queue, task, payload, traceparent, outside_id, attempts, backoff_s)!
-- Makes a row for an entry that a foreign producer put into the queue; again for the same entry: nothing.
insert into jobs (id, queue, task, payload, traceparent, outside_id, state, attempts_max, backoff_s)
values (:id, :queue, :task, :payload::jsonb, :traceparent, :outside_id, 'queued', :attempts, :backoff_s)
on conflict (id) do nothing;

-- name: complete_jobs(ids, leases)
-- Ends runs well, each only if it is still the newest of its job.
update jobs set state = 'done', finished_at = clock_timestamp(), deadline_at = null
from unnest(:ids::uuid[], :leases::int[]) as ended (id, lease)
where jobs.id = ended.id and case when state = 'running' then jobs.lease = ended.lease end
returning jobs.id, jobs.lease;

-- name: retry_job(id, lease, delay_s, code, cause, stack, stacks_kept)!
-- A failed run; the job is due again after a pause.
update jobs set state = 'queued', attempts = attempts + 1, due_at = clock_timestamp() + make_interval(secs => :delay_s),
  deadline_at = null, code = :code, cause = :cause,
  stacks = (stacks || :stack::text)[greatest(1, cardinality(stacks) + 2 - :stacks_kept):]
where id = :id and lease = :lease and state = 'running';

-- name: postpone_job(id, lease, delay_s, counted, code, cause)!
-- A run that ended through no fault of the job's.
update jobs set state = 'queued', postponed = postponed + :counted, deadline_at = null,
  due_at = clock_timestamp() + make_interval(secs => :delay_s), code = :code, cause = :cause
where id = :id and lease = :lease and state = 'running';

-- name: bury_job(id, lease, counted, code, cause, stack, stacks_kept)^
-- Makes a dead letter of a running job.
update jobs set state = 'dead', attempts = attempts + :counted, finished_at = clock_timestamp(), deadline_at = null,
  code = :code, cause = :cause,
  stacks = case when :stack::text is null then stacks
    else (stacks || :stack::text)[greatest(1, cardinality(stacks) + 2 - :stacks_kept):] end
where id = :id and lease = :lease and state = 'running'
returning id, queue, task, payload;

-- name: finish_step(id, lease, name, result)!
-- Kept for the next run, should this one not get to the end.
update jobs set steps = steps || jsonb_build_object(:name::text, :result::jsonb)
where id = :id and lease = :lease and state = 'running';

-- name: renew_leases(ids, leases)
-- The heartbeat. A row that a transaction of its own run holds is passed over, so that it keeps nobody else's waiting.
update jobs set heartbeat_at = clock_timestamp()
from (
  select jobs.id from jobs
  join unnest(:ids::uuid[], :leases::int[]) as held (id, lease)
    on jobs.id = held.id and case when jobs.state = 'running' then jobs.lease = held.lease end
  for update of jobs skip locked
) as mine
where jobs.id = mine.id
returning jobs.id;

-- name: list_lost(ids, leases)
-- Of these runs, those that another has overtaken. One that is done has ended its own job, and may still be tidying up.
select jobs.id from jobs
join unnest(:ids::uuid[], :leases::int[]) as held (id, lease) on jobs.id = held.id
where jobs.lease <> held.lease or jobs.state not in ('running', 'done');

-- name: see_worker(name, slots)!
-- Keeps a worker on the list of those that live.
insert into job_workers (name, slots) values (:name, :slots::jsonb)
on conflict (name) do update set slots = excluded.slots, seen_at = clock_timestamp();

-- name: forget_worker(name)!
-- It left in good order.
delete from job_workers where name = :name;
