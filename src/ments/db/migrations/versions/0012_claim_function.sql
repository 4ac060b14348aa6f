-- Begins runs. A job that runs already is taken only from a worker that has been silent: that run crashed.
-- A function, since the pooler keeps no prepared statements: planned anew each time the claim took a third longer. A plan that is
-- kept was made for the table as it was then, so it must not read it whole: the ledger may have grown a thousandfold since.
-- The state stands in a `case` wherever rows are known by their ids: on its own, an index on it tempts the planner, whose
-- statistics of so short a state are always old, to read all that wait, or all that ran since the last vacuum.
-- The claim does not wait for the disk, which would be a third of an idle worker's pickup. A Postgres that dies within half
-- a second of it knows nothing of the run: that run then fails to write its end, or its effect, and the job is run again.
create function claim_jobs(ids uuid[], generations integer[], timeouts float8[], claimer text, silent_s float8)
returns table (
  id uuid, generation integer, lease integer, attempts smallint, attempts_max smallint, backoff_s real, crashes smallint,
  postponed smallint, revived boolean, steps jsonb, waited_s float8
)
language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
begin
  perform set_config('synchronous_commit', 'off', true);
  return query
  update jobs set state = 'running', lease = jobs.lease + 1, owner = claimer,
    crashes = jobs.crashes + case when state = 'running' then 1 else 0 end,
    started_at = clock_timestamp(), heartbeat_at = clock_timestamp(),
    deadline_at = clock_timestamp() + make_interval(secs => asked.timeout_s)
  from unnest(ids, generations, timeouts) as asked (id, generation, timeout_s)
  where jobs.id = asked.id and jobs.generation = asked.generation
    and case when state = 'running' then heartbeat_at < clock_timestamp() - make_interval(secs => silent_s)
      else state in ('accepted', 'queued') end
  returning jobs.id, jobs.generation, jobs.lease, jobs.attempts, jobs.attempts_max, jobs.backoff_s, jobs.crashes,
    jobs.postponed, jobs.revived, jobs.steps, extract(epoch from clock_timestamp() - due_at)::float8;
end $$;
