-- name: try_lock_periodic(name, idle_ms)^
-- Held until the transaction ends, also when its process dies. The transaction idles while the task runs, which
-- may take longer than the role allows.
select pg_try_advisory_xact_lock(hashtextextended('ments.periodic.' || :name, 0)) as locked,
  set_config('idle_in_transaction_session_timeout', :idle_ms, true) as idle;

-- name: claim_periodic(name, every_s, ahead_s)^
-- Writes down the start of a run that is due; no row when it is not. A start in the future was written before the
-- database's clock was put back: that task would wait for as long as the clock was put back by.
insert into periodic_runs (name, started_at) values (:name, clock_timestamp())
on conflict (name) do update set started_at = excluded.started_at
where periodic_runs.started_at <= clock_timestamp() - make_interval(secs => :every_s)
  or periodic_runs.started_at > clock_timestamp() + make_interval(secs => :ahead_s)
returning name;

-- name: get_periodic_wait(name, every_s)^
-- Seconds until the next run is due.
select greatest(0, extract(epoch from started_at - clock_timestamp()) + :every_s)::float8 as wait_s
from periodic_runs where name = :name;
