-- name: lock_selection()!
-- Two operators who reprocess at once must not accept the same media twice.
select pg_advisory_xact_lock(hashtextextended('media:reprocess', 0));

-- name: count_selected(status, ids, kind, made_before, below)$
-- For the progress bar, and for --dry-run. What a job is pending for is left out, as it is when jobs are accepted.
select count(*) from media m
where m.status = :status::text and (:ids::uuid[] is null or m.id = any(:ids::uuid[])) and (:kind::text is null or m.kind = :kind::text)
  and (:made_before::timestamptz is null or m.created_at < :made_before::timestamptz)
  and (:below::int is null or m.ladder_version < :below::int)
  and not exists (
    select 1 from jobs j where j.queue = 'ladder' and j.task in ('rebuild', 'transcode_again')
      and j.state in ('accepted', 'queued', 'running') and j.payload ->> 'media_id' = m.id::text);

-- name: list_selected(status, ids, kind, made_before, below, after, n)
-- The next of those that count_selected counts, in the order of their ids.
select m.id, m.account_id, m.kind, m.ladder_version from media m
where m.status = :status::text and (:ids::uuid[] is null or m.id = any(:ids::uuid[])) and (:kind::text is null or m.kind = :kind::text)
  and (:made_before::timestamptz is null or m.created_at < :made_before::timestamptz)
  and (:below::int is null or m.ladder_version < :below::int) and (:after::uuid is null or m.id > :after::uuid)
  and not exists (
    select 1 from jobs j where j.queue = 'ladder' and j.task in ('rebuild', 'transcode_again')
      and j.state in ('accepted', 'queued', 'running') and j.payload ->> 'media_id' = m.id::text)
order by m.id limit :n;

-- name: begin_again(id, job_id, lifetime_s)$
-- What failed waits for its job as it did after the upload; what was served before it failed is not touched.
update media set status = 'queued', job_id = :job_id, error_code = null, error_text = null, updated_at = now(),
  deadline_at = now() + make_interval(secs => :lifetime_s)
where id = :id and status = 'failed' returning id;

-- name: begin_rebuild(id, probe)^
-- A number of its own for the outputs; what is served stays as it is. A number of ours would make the copy worthless that
-- everybody waits for where a post opens them this moment.
update media set attempt_generation = attempt_generation + 1, probe = coalesce(:probe, probe)
where id = :id and status = 'ready' and (audience <> 'public' or generation like 'p%%')
returning attempt_generation, audience;

-- name: forget_pieces(media_id, kept)!
-- Those of rebuilds that were given up, or overtaken.
delete from media_pieces where media_id = :media_id and number <> all(:kept::int[]);

-- name: end_piece(media_id, number, name, result)$
-- Once: what a second run has made is not looked at.
update media_pieces set result = :result, ended_at = clock_timestamp()
where media_id = :media_id and number = :number and name = :name and result is null returning name;

-- name: list_works(media_id, number)
-- What is to be made, in the order of making: what plays first, then the rest of the film.
select name, work, result is not null as is_stored from media_pieces
where media_id = :media_id and number = :number order by (work ->> 'is_first')::boolean desc, name;

-- name: find_number(id)^
-- Whether a rebuild still has the media, and where its files go.
select attempt_generation, audience, status, ladder_version from media where id = :id;

-- name: is_another_pending(id, number)$
-- Whether the ledger has a job that goes on with the newest rebuild of these media, which is not this one.
select exists (
  select 1 from media m join jobs j on j.payload ->> 'media_id' = m.id::text and j.payload ->> 'number' = m.attempt_generation::text
  where m.id = :id and m.attempt_generation <> :number and j.queue = 'ladder' and j.task = 'rebuild'
    and j.state in ('accepted', 'queued', 'running'));

-- name: commit_rebuilt(id, number, generation, pieces_number, ladder_version, kind, width, height, duration_s, poster_file, blurhash, variants, hls_file, storyboard_file, preview_file, lifetime_s)$
-- The old outputs are served until here, and swept once their URLs are old; nothing when the media changed meanwhile.
update media set generation = :generation, pieces_number = :pieces_number, ladder_version = :ladder_version, kind = :kind,
  width = :width, height = :height, duration_s = :duration_s, poster_file = :poster_file, blurhash = :blurhash,
  variants = :variants, hls_file = :hls_file, storyboard_file = :storyboard_file, preview_file = :preview_file,
  error_code = null, error_text = null, updated_at = now(), deadline_at = now() + make_interval(secs => :lifetime_s)
where id = :id and attempt_generation = :number and status = 'ready' returning audience;

-- name: end_rebuild(id, number)$
-- A rebuild is given up: its number is taken from it, so that the sweeper may remove its files. 0: whatever it had. Where a
-- post opens the media this moment the copy has a newer one.
update media set attempt_generation = attempt_generation + 1, deadline_at = coalesce(deadline_at, now())
where id = :id and status = 'ready' and (:number = 0 or attempt_generation = :number)
  and (audience <> 'public' or generation like 'p%%') returning id;
