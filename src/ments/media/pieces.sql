-- name: insert_pieces(media_id, number, pieces)!
-- All pieces of a film, planned at once; their jobs are accepted beside this.
insert into media_pieces (media_id, number, name, chunk, rungs, work, share, job_id, result, ended_at)
select :media_id, :number, name, chunk, rungs, work, share, job_id, result, case when result is not null then clock_timestamp() end
from jsonb_to_recordset(:pieces::jsonb) as wanted (
  name text, chunk int, rungs text[], work jsonb, share real, job_id uuid, result jsonb);

-- name: find_piece(media_id, number, name)^
-- What a job needs to make it; no row when the media went to another try, or away.
select p.work, p.result, p.error, m.probe, m.generation, m.status, m.original_key, m.original_etag
from media_pieces p join media m on m.id = p.media_id and m.pieces_number = p.number
where p.media_id = :media_id and p.number = :number and p.name = :name;

-- name: list_pieces(media_id, number)
-- How far a film is, and what of it can be played.
select name, chunk, rungs, work, share, result, error, created_at, ended_at from media_pieces
where media_id = :media_id and number = :number;

-- name: lock_playable(media_id, number)^
-- Pieces of one film are written one after another, so that exactly one of them is the last.
select generation, audience from media
where id = :media_id and pieces_number = :number and status = 'playable' for update;

-- name: end_piece(media_id, number, name, result, error)$
-- Once: what a second run has made is not looked at.
update media_pieces set result = :result, error = :error, ended_at = clock_timestamp()
where media_id = :media_id and number = :number and name = :name and result is null and error is null returning name;

-- name: count_left(media_id, number)$
-- Asked under the media's lock.
select count(*) from media_pieces where media_id = :media_id and number = :number and result is null and error is null;

-- name: advance(media_id, playable_at, stored_at, lifetime_s)!
-- Progress never falls; each piece counts as much as it costs.
update media m set progress = greatest(m.progress, least(:stored_at, :playable_at + (:stored_at - :playable_at) * (
    select coalesce(sum(share), 0) from media_pieces p
    where p.media_id = m.id and p.number = m.pieces_number and (p.result is not null or p.error is not null)))),
  deadline_at = now() + make_interval(secs => :lifetime_s)
where id = :media_id;

-- name: move_pieces(media_id, number, names, source, target)!
-- Their files were copied, inside storage.
update media_pieces set result = jsonb_set(result, '{generation}', to_jsonb(:target::text))
where media_id = :media_id and number = :number and name = any(:names::text[]) and result ->> 'generation' = :source;

-- name: find_piece_of_job(job_id)^
-- From a job that died to what it should have made.
select media_id, number, name from media_pieces where job_id = :job_id and result is null and error is null;

-- name: is_work_pending(media_id)$
-- Whether the ledger still has a job for a film that plays.
select exists (
  select 1 from jobs where queue in ('media', 'ladder') and state in ('accepted', 'queued', 'running')
  and task in ('encode_first', 'encode_piece', 'assemble') and payload ->> 'media_id' = :media_id::text
);

-- name: finish_film(media_id, number, generation, variants, hls_file, storyboard_file, preview_file, width, height, error_code, error_text, lifetime_s)$
-- What plays becomes what stays, in one update; nothing when its files were moved meanwhile.
update media set status = 'ready', progress = 1, variants = :variants, hls_file = :hls_file, storyboard_file = :storyboard_file,
  preview_file = :preview_file, width = :width, height = :height, error_code = :error_code, error_text = :error_text,
  updated_at = now(), deadline_at = now() + make_interval(secs => :lifetime_s)
where id = :media_id and pieces_number = :number and generation = :generation and status = 'playable' returning audience;

-- name: find_probe(media_id)$
-- What was found in an original.
select probe from media where id = :media_id;

-- name: find_elapsed(media_id, number)$
-- How long a film has played while the rest of it is made.
select extract(epoch from clock_timestamp() - min(created_at))::float8 from media_pieces
where media_id = :media_id and number = :number;
