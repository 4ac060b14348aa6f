-- name: find_job(id)^
-- All of a row, in whatever state.
select id, queue, task, state, generation, lease, attempts, attempts_max, crashes, postponed, turn, revived,
  account_id, outside_id, owner, traceparent, accepted_at, due_at, started_at, finished_at, heartbeat_at, deadline_at,
  code, cause, payload, stacks, steps
from jobs where id = :id;

-- name: list_pending_queues()
-- The queues of what waits or runs, one look into the index for each.
with recursive found as (
  select min(queue) as queue from jobs where state in ('accepted', 'queued', 'running')
  union all
  select (select min(queue) from jobs where state in ('accepted', 'queued', 'running') and queue > found.queue)
  from found where found.queue is not null
)
select queue from found where queue is not null;

-- name: list_pending(queues, states, task, n)
-- What waits or runs, oldest first; each queue and state is walked by its index.
select listed.* from unnest(:queues::text[]) as q (name) cross join unnest(:states::text[]) as s (name)
cross join lateral (
  select id, queue, task, state, generation, lease, attempts, attempts_max, crashes, postponed, turn, revived,
    account_id, owner, traceparent, accepted_at, due_at, started_at, finished_at, code, cause
  from jobs
  where queue = q.name and state = s.name and state in ('accepted', 'queued', 'running')
    and (:task::text is null or task = :task)
  order by accepted_at
  limit :n
) as listed
order by accepted_at, id
limit :n;

-- name: list_ended(state, queue, task, most, n)
-- What ended, newest first. A filter looks through the newest `most` only, so that a rare task does not cost a walk
-- through the whole history.
select id, queue, task, state, generation, lease, attempts, attempts_max, crashes, postponed, turn, revived,
  account_id, owner, traceparent, accepted_at, due_at, started_at, finished_at, code, cause
from (select * from jobs where state = :state order by finished_at desc limit :most) as newest
where (:queue::text is null or queue = :queue) and (:task::text is null or task = :task)
order by finished_at desc
limit :n;
