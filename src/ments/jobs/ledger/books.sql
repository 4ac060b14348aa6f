-- name: count_jobs()
-- Every job that was ever accepted, in one snapshot: those that have a row, and those whose row was pruned.
select queue, state, sum(jobs)::bigint as jobs
from (
  select queue, state, count(*) as jobs from jobs group by queue, state
  union all
  select queue, state, jobs from job_totals
) as counted
group by queue, state;

-- name: count_pending()
-- For the gauges: what has not ended, and the dead letters; how long the oldest has been due that waits.
select queue, state, count(*) as jobs,
  greatest(0, coalesce(extract(epoch from clock_timestamp() - min(due_at)), 0))::float8 as oldest_s
from jobs where state in ('accepted', 'queued', 'running') group by queue, state
union all
select queue, state, count(*), 0 from jobs where state = 'dead' group by queue, state;

-- name: count_unsent(overdue_s)
-- Accepted, and due for so long that a relay should have sent them.
select queue, count(*) as jobs, (array_agg(id))[1 : 3] as ids
from jobs
where state = 'accepted' and due_at < clock_timestamp() - make_interval(secs => :overdue_s)
group by queue;

-- name: count_unserved(overdue_s, seen_s)
-- In the queue and due for long; and how many workers live that take from there.
select queue, count(*) as jobs, (array_agg(id))[1 : 3] as ids, (
    select count(*) from job_workers
    where slots ? overdue.queue and seen_at > clock_timestamp() - make_interval(secs => :seen_s)
  ) as workers
from jobs as overdue
where state = 'queued' and due_at < clock_timestamp() - make_interval(secs => :overdue_s)
group by queue;

-- name: count_silent(silent_s, late_s)
-- Running by their rows, and nobody has said so of late. Not after a start of the database: nobody could.
select queue, count(*) as jobs, (array_agg(id))[1 : 3] as ids, min(owner) as owner,
  max(extract(epoch from clock_timestamp() - heartbeat_at))::float8 as silence_s,
  coalesce(bool_or(deadline_at < clock_timestamp() - make_interval(secs => :late_s)), false) as is_late
from jobs
where state = 'running'
  and pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => :silent_s)
  and (heartbeat_at not between clock_timestamp() - make_interval(secs => :silent_s)
      and clock_timestamp() + make_interval(secs => :silent_s)
    or deadline_at < clock_timestamp() - make_interval(secs => :late_s))
group by queue;

-- name: list_still_queued(ids, generations, leases)
-- Of rows that were looked up in the queue, those that are where they were.
select jobs.id
from jobs
join unnest(:ids::uuid[], :generations::int[], :leases::int[]) as seen (id, generation, lease) on jobs.id = seen.id
where case when jobs.state = 'queued' then jobs.generation = seen.generation and jobs.lease = seen.lease end;

-- name: list_known(ids)
-- Which of these have a row.
select id from jobs where id = any(:ids::uuid[]);
