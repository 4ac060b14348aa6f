-- name: list_dead(queue, task, code, text, since, at, id, n)
-- A page of dead letters, newest first, after a place. Payload, stacks and steps stay where they are.
select id, queue, task, state, generation, lease, attempts, attempts_max, crashes, postponed, turn, revived,
  account_id, owner, traceparent, accepted_at, due_at, started_at, finished_at, code, cause
from jobs
where state = 'dead' and (finished_at, id) < (:at::timestamptz, :id::uuid)
  and (:queue::text is null or queue = :queue) and (:task::text is null or task = :task)
  and (:code::text is null or code = :code)
  and (:text::text is null or strpos(lower(cause), lower(:text)) > 0)
  and (:since::timestamptz is null or finished_at >= :since)
order by finished_at desc, id desc
limit :n;

-- name: list_dead_kinds(n)
-- What there is to choose from: how many dead letters of each queue, task and code.
select queue, task, code, count(*) as jobs from jobs where state = 'dead'
group by queue, task, code order by jobs desc, queue, task, code limit :n;

-- name: count_dead(queue, task, code, text, since, ids, until, n)$
-- How many dead letters a selection means; counts no further than n.
select count(*) from (
  select 1 from jobs
  where state = 'dead' and (:until::timestamptz is null or finished_at <= :until)
    and (:ids::uuid[] is null or id = any(:ids))
    and (:queue::text is null or queue = :queue) and (:task::text is null or task = :task)
    and (:code::text is null or code = :code)
    and (:text::text is null or strpos(lower(cause), lower(:text)) > 0)
    and (:since::timestamptz is null or finished_at >= :since)
  limit :n
) as counted;

-- name: take_dead(queue, task, code, text, since, ids, until, batch)
-- Locks a batch, oldest first. Two operators who do it at once pass over each other's rows.
select id, queue, rank, account_id from jobs
where state = 'dead' and finished_at <= :until::timestamptz
  and (:ids::uuid[] is null or id = any(:ids))
  and (:queue::text is null or queue = :queue) and (:task::text is null or task = :task)
  and (:code::text is null or code = :code)
  and (:text::text is null or strpos(lower(cause), lower(:text)) > 0)
  and (:since::timestamptz is null or finished_at >= :since)
order by finished_at, id
limit :batch
for update skip locked;

-- name: revive_jobs(ids, turns)
-- Accepts dead letters anew, under the next generation. Why they died stays in the row, `lease` goes on counting.
update jobs set state = 'accepted', generation = generation + 1, attempts = 0, crashes = 0, postponed = 0, revived = true,
  turn = again.turn, owner = null, heartbeat_at = null, started_at = null, finished_at = null,
  due_at = clock_timestamp(), deadline_at = clock_timestamp() + interval '30 seconds'
from unnest(:ids::uuid[], :turns::int[]) as again (id, turn)
where jobs.id = again.id and state = 'dead'
returning jobs.id, generation, queue, task, payload, traceparent, jobs.turn, attempts_max, backoff_s;

-- name: discard_jobs(ids)!
-- Gives dead letters up. They are kept as long as what is done, counted from now.
update jobs set state = 'discarded', finished_at = clock_timestamp() where id = any(:ids::uuid[]) and state = 'dead';

-- name: get_moment()$
-- The database's clock.
select clock_timestamp();
