-- name: hold_turns(queue, account)!
-- Those who take turns for one account do so one after the other, each seeing what the one before has committed.
-- Shared by all: while one is under way nobody sets the count back (restart_turns). Both end with the transaction.
select pg_advisory_xact_lock_shared(hashtextextended('ments.turns.' || :queue, 0)),
  pg_advisory_xact_lock(hashtextextended('ments.turns.' || :queue || '.' || :account, 0));

-- name: get_turns(queue, rank, account_id)^
-- The round now being served, and the last turn that the account has waiting or running among work of this rank.
-- Ordered as the index is, and not by max(), which would read all jobs of nobody.
select
  coalesce((select served from job_turns where queue = :queue), 0) as served,
  coalesce((
    select turn from jobs
    where queue = :queue and rank = :rank and turn > 0 and state in ('accepted', 'queued', 'running')
      and (account_id = :account_id::uuid or (:account_id::uuid is null and account_id is null))
    order by account_id desc, turn desc limit 1
  ), 0) as last;

-- name: find_line(id)^
-- Where a job that is to run again stood.
select queue, rank, account_id from jobs where id = :id and turn > 0 and state = 'queued';

-- name: change_turn(id, turn)!
-- Of a job that is to run again.
update jobs set turn = :turn where id = :id and state = 'queued';

-- name: restart_turns(queue)$
-- Counts from 1 again when nothing waits and nobody is about to accept anything.
select restart_turns(:queue);
