-- name: measure_backlog(queue, ranks, late_s, most)^
-- What is due and waits, or was put off (a part is away, its worker has no room), counting no further than `most`; `late` have
-- waited longer than `late_s`.
select count(*) as waiting, count(*) filter (where waited_s > :late_s) as late,
  coalesce(max(waited_s), 0)::float8 as oldest_s
from (
  select greatest(0, extract(epoch from clock_timestamp() - due_at)) as waited_s from jobs
  where queue = :queue and rank = any(:ranks::smallint[]) and turn > 0 and state in ('accepted', 'queued')
    and (due_at <= clock_timestamp() or postponed > 0)
  limit :most
) as found;

-- name: measure_pace(queue, window_s, most)^
-- How many jobs of the queue ended in the last `window_s`, among the `most` that ended last; `rows` of any queue. The clock
-- is asked once: no index is searched by what may change from row to row, and all of the history would be read.
select count(*) as rows, count(*) filter (where queue = :queue) as jobs,
  coalesce(extract(epoch from clock_timestamp() - min(finished_at)), 0)::float8 as span_s
from (
  select queue, finished_at from jobs
  where state in ('done', 'discarded') and finished_at > (select clock_timestamp()) - make_interval(secs => :window_s)
  order by finished_at desc
  limit :most
) as ended;
