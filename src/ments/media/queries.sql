-- name: lock_account(account_id)!
-- One account's uploads are started one after another, so that their number is counted exactly.
select pg_advisory_xact_lock(hashtextextended('uploads:' || :account_id::text, 0));

-- name: count_open_uploads(account_id)$
-- For the limit on unfinished uploads.
select count(*) from uploads where account_id = :account_id and status = 'open' and expires_at > now();

-- name: insert_media(id, account_id, filename, lifetime_s)!
-- The row comes before the bytes, so that a post can already point at it.
insert into media (id, account_id, status, filename, deadline_at)
values (:id, :account_id, 'uploading', :filename, now() + make_interval(secs => :lifetime_s) + interval '1 hour');

-- name: insert_upload(id, media_id, account_id, content_type, size, part_size, lifetime_s)^
-- What was promised; the signature and the completion are checked against it.
insert into uploads (id, media_id, account_id, status, content_type, size, part_size, expires_at)
values (:id, :media_id, :account_id, 'open', :content_type, :size, :part_size, now() + make_interval(secs => :lifetime_s))
returning created_at, expires_at;

-- name: find_upload(id, account_id)^
-- An account sees its own uploads only.
select u.id, u.media_id, u.account_id, u.status, m.filename, u.content_type, u.size, u.part_size, u.created_at, u.expires_at
from uploads u join media m on m.id = u.media_id
where u.id = :id and u.account_id = :account_id;

-- name: find_upload_of_media(media_id)^
-- From an object's key to its upload: storage's notification, the worker, the sweeper.
select u.id, u.media_id, u.account_id, u.status, m.filename, u.content_type, u.size, u.part_size, u.created_at, u.expires_at
from uploads u join media m on m.id = u.media_id
where u.media_id = :media_id;

-- name: close_upload(id, status)$
-- The row lock decides between client, notification and sweeper: one of them closes an open upload.
update uploads set status = :status, completed_at = case when :status = 'completed' then now() end
where id = :id and status = 'open' returning media_id;

-- name: queue_media(id, job_id, lifetime_s)!
-- The original is there; its job was emitted in this transaction.
update media set status = 'queued', job_id = :job_id, updated_at = now(), deadline_at = now() + make_interval(secs => :lifetime_s)
where id = :id and status in ('uploading', 'queued', 'processing');

-- name: find_media(id)^
-- What anybody who may see it is told.
select m.*, pm.alt_text, pm.media_id is not null as attached
from media m left join post_media pm on pm.media_id = m.id
where m.id = :id;

-- name: lock_media(id)^
-- Before a change that depends on the state; erasing and attaching wait for each other here.
select * from media where id = :id for update;

-- name: is_attached(id)$
-- Asked after the lock: a locking read that had to wait does not see what other tables gained meanwhile.
select exists (select 1 from post_media where media_id = :id);

-- name: claim_media(id, job_id, may_revive, lifetime_s)^
-- One job works on one piece of media: another may take over only from one that has fallen silent. What failed is begun
-- again when an operator asks for it, or when a producer outside sends another job for it.
update media set status = 'processing', attempt_generation = attempt_generation + 1, job_id = :job_id, updated_at = now(),
  error_code = null, error_text = null, deadline_at = now() + make_interval(secs => :lifetime_s)
where id = :id and (
  status = 'queued' or (status = 'processing' and (job_id = :job_id or deadline_at < now()))
  or (status = 'failed' and (:may_revive or (original_key is not null and job_id is distinct from :job_id)))
)
returning *;

-- name: list_media_of_job(job_id)
-- What a job that died has left unfinished.
select id from media where job_id = :job_id and status in ('queued', 'processing');

-- name: is_job_pending(job_id, key)$
-- Whether the ledger will still run a job; or one for these media, when `key` is given: an older version noted no job.
select exists (
  select 1 from jobs
  where queue in ('media', 'ladder') and state in ('accepted', 'queued', 'running') and (id::text = :job_id or payload ->> 'key' = :key::text)
);

-- name: hold_claim(id, attempt_generation, progress, lifetime_s)$
-- The heartbeat of a try; no row when the media went to another try or away.
update media set progress = greatest(progress, :progress), deadline_at = now() + make_interval(secs => :lifetime_s)
where id = :id and attempt_generation = :attempt_generation and status = 'processing' returning audience;

-- name: commit_generation(id, attempt_generation, generation, status, progress, pieces_number, kind, width, height, duration_s, poster_file, blurhash, variants, probe, ladder_version, lifetime_s)$
-- A try that lost its race changes nothing.
update media set status = :status, progress = greatest(progress, :progress), pieces_number = :pieces_number, hls_file = null,
  storyboard_file = null, preview_file = null, generation = :generation, kind = :kind, width = :width, height = :height,
  duration_s = :duration_s, poster_file = :poster_file, blurhash = :blurhash, variants = :variants, probe = :probe, ladder_version = :ladder_version,
  error_code = null, error_text = null, job_id = null, updated_at = now(), deadline_at = now() + make_interval(secs => :lifetime_s)
where id = :id and attempt_generation = :attempt_generation and status = 'processing' returning audience;

-- name: fail_media(id, attempt_generation, code, text, lifetime_s)$
-- The same for a failure: an older try's trouble is not the newer one's. `job_id` stays: the job's next run, should its
-- worker die now, ends as this one did.
update media set status = 'failed', error_code = :code, error_text = :text, updated_at = now(),
  deadline_at = now() + make_interval(secs => :lifetime_s)
where id = :id and attempt_generation = :attempt_generation and status in ('queued', 'processing', 'playable') returning id;

-- name: open_to_public(id)^
-- A public post holds it. A finished private generation gets the number of its public copy.
update media set audience = 'public', updated_at = now(),
  attempt_generation = attempt_generation + case when status in ('playable', 'ready') and generation like 's%%' then 1 else 0 end
where id = :id and status <> 'erased' returning *;

-- name: move_generation(id, attempt_generation, source, status, files, generation, lifetime_s)$
-- The public copy is whole; it is served from now on, and the sweeper removes the other one once its URLs are old. What was
-- finished meanwhile has more files than were copied.
update media set generation = :generation, updated_at = now(), deadline_at = now() + make_interval(secs => :lifetime_s)
where id = :id and attempt_generation = :attempt_generation and generation = :source and status = :status
  and jsonb_array_length(variants) = :files returning id;

-- name: erase_media(id, signature_s)$
-- The objects go after the commit; the epoch turns, so that no signed URL of before fits again. What was signed for its upload
-- may still be sent: the sweeper comes once more when the last signature is dead.
update media set status = 'erased', epoch = epoch + 1, generation = null, variants = '[]', poster_file = null, blurhash = null,
  hls_file = null, storyboard_file = null, preview_file = null, pieces_number = null, probe = null, filename = '', original_key = null, original_etag = null, error_code = null, error_text = null, job_id = null, updated_at = now(),
  deadline_at = (select expires_at + make_interval(secs => :signature_s) from uploads where media_id = :id)
where id = :id and status <> 'erased' returning id;

-- name: settle_media(id)!
-- Nothing is left to tidy: the sweeper need not come again. What was replaced meanwhile waits for a deadline of its own.
update media set deadline_at = null where id = :id and deadline_at < now() and status in ('playable', 'ready', 'failed', 'erased');

-- name: put_off(id, lifetime_s)!
-- The sweeper could do nothing with it now; the others come first.
update media set deadline_at = now() + make_interval(secs => :lifetime_s) where id = :id and deadline_at < now();

-- name: list_unopened(older_than_s, n)
-- What a public post holds and only its author can fetch, although nobody has been at it for a while: twice as long
-- after each time, a day at most, since what storage has lost will never be copied.
select m.id from media m join post_media pm on pm.media_id = m.id join posts p on p.id = pm.post_id
where m.audience = 'public' and m.generation like 's%%' and m.status in ('playable', 'ready')
  and m.updated_at < now() - make_interval(secs => :older_than_s * power(2, least(m.requeues, 8)))
  and p.status <> 'deleted' and p.visibility = 'public'
order by m.updated_at limit :n;

-- name: note_opening(id)$
-- The copy is asked for again; no row when it has come meanwhile.
update media set requeues = requeues + 1, updated_at = now()
where id = :id and audience = 'public' and generation like 's%%' and status in ('playable', 'ready') returning id;

-- name: is_overdue(id)$
-- Asked again under the lock: a heartbeat may have come in between.
select deadline_at < now() from media where id = :id;

-- name: list_overdue(n)
-- What the sweeper has to look at, longest overdue first.
select id from media where deadline_at < now() order by deadline_at limit :n;
