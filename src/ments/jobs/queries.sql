-- name: insert_outbox(job_id, queue, task, payload, trace)^
-- One row a job, in the transaction that causes it.
insert into outbox (job_id, queue, task, payload, trace)
values (:job_id, :queue, :task, :payload::jsonb, :trace::jsonb)
returning id;

-- name: mark_sent(ids)!
-- Enqueued: the relay need not look at these again.
update outbox set sent_at = clock_timestamp() where id = any(:ids) and sent_at is null;

-- name: take_unsent(older_than_s, batch)
-- What the commit's own try did not send. Several relays pass over each other's rows.
select id, job_id, queue, task, payload, trace
from outbox
where sent_at is null and created_at < clock_timestamp() - make_interval(secs => :older_than_s)
order by id
limit :batch
for update skip locked;

-- name: prune_sent(older_than_s, batch)!
-- In batches, so that no statement holds its locks for long.
delete from outbox where id in (
  select id from outbox
  where sent_at is not null and sent_at < clock_timestamp() - make_interval(secs => :older_than_s)
  order by sent_at
  limit :batch
);

-- name: get_unsent()^
-- For the gauges: how many wait, and for how long the oldest has.
select count(*) as rows, coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as age_s
from outbox where sent_at is null;
