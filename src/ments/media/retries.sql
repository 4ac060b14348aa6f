-- name: begin_again(id, job_id, lifetime_s)$
-- What failed waits once more; no row when somebody was quicker.
update media set status = 'queued', error_code = null, error_text = null, job_id = :job_id, updated_at = now(),
  deadline_at = now() + make_interval(secs => :lifetime_s)
where id = :id and status = 'failed' returning id;
