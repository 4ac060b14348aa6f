-- name: count_pending()
-- Depth by queue: what is due, what is due later, what runs, and how long the oldest waits. The clock is asked once: in a join
-- it may be asked for each row, and then a queue falls apart into groups of their own moments.
with now as materialized (select clock_timestamp() as moment)
select queue,
  count(*) filter (where state <> 'running' and due_at <= moment) as waiting,
  count(*) filter (where state <> 'running' and due_at > moment) as delayed,
  count(*) filter (where state = 'running') as running,
  extract(epoch from moment - min(due_at) filter (where state <> 'running' and due_at <= moment))::float8 as oldest_s
from jobs cross join now
where state in ('accepted', 'queued', 'running')
group by queue, moment;

-- name: count_dead_by_queue()
-- Dead letters by queue, and how many of them are of the last minute and the last five.
select queue, count(*) as dead,
  count(*) filter (where finished_at > clock_timestamp() - interval '1 minute') as last_minute,
  count(*) filter (where finished_at > clock_timestamp() - interval '5 minutes') as last_five
from jobs where state = 'dead'
group by queue;

-- name: count_unsent()^
-- Accepted and due, and no entry in the queue yet: the relay's work.
select count(*) as jobs, coalesce(extract(epoch from clock_timestamp() - min(due_at)), 0)::float8 as oldest_s
from jobs where state = 'accepted' and due_at <= clock_timestamp();

-- name: measure_ended(most)
-- What was done in the last five minutes, of the newest `most` that ended: `span_s` says how far back these reach. The clock
-- is asked once, or no index would be searched by it, and all of the history read.
with newest as (
  select queue, state, finished_at, started_at, due_at from jobs
  where state in ('done', 'discarded') and finished_at > (select clock_timestamp()) - interval '5 minutes'
  order by finished_at desc limit :most
), reach as (
  select count(*) = :most as is_cut, extract(epoch from clock_timestamp() - min(finished_at))::float8 as span_s from newest
)
select queue, is_cut, span_s, count(*) as last_five,
  count(*) filter (where finished_at > clock_timestamp() - interval '1 minute') as last_minute,
  percentile_cont(array[0.5, 0.95]) within group (order by greatest(0, extract(epoch from started_at - due_at))) as wait_s,
  percentile_cont(array[0.5, 0.95]) within group (order by extract(epoch from finished_at - started_at)) as run_s
from newest cross join reach
where state = 'done'
group by queue, is_cut, span_s;

-- name: list_workers(n)
-- Processes that run jobs, those that live first.
select name, slots, started_at, extract(epoch from clock_timestamp() - seen_at)::float8 as seen_s
from job_workers order by seen_at desc, name limit :n;

-- name: list_running(queues, n)
-- What runs, the longest first.
select id, queue, task, owner, lease, attempts, attempts_max, started_at,
  extract(epoch from clock_timestamp() - started_at)::float8 as running_s,
  extract(epoch from clock_timestamp() - heartbeat_at)::float8 as silent_s,
  extract(epoch from deadline_at - clock_timestamp())::float8 as left_s
from jobs where state = 'running' and queue = any(:queues)
order by started_at limit :n;
