-- name: next_number()$
-- For a name that was never given before.
select nextval('media_caption_numbers');

-- name: put_captions(media_id, language, number, label)^
-- One file a language: a new one takes the old one's place. Returns the number and folder of the old one.
with old as (select number, generation from media_captions where media_id = :media_id and language = :language),
put as (
  insert into media_captions (media_id, language, number, label) values (:media_id, :language, :number, :label)
  on conflict (media_id, language) do update set number = excluded.number, label = excluded.label, generation = null,
    created_at = clock_timestamp()
  returning number
)
select old.number, old.generation from put left join old on true;

-- name: list_captions(media_id)
-- In the order of their languages.
select language, number, label, generation from media_captions where media_id = :media_id order by language;

-- name: has_captions(media_id)$
-- Whether a new generation needs any.
select exists (select 1 from media_captions where media_id = :media_id);

-- name: remove_captions(media_id, language)^
-- Their files go after the commit.
delete from media_captions where media_id = :media_id and language = :language returning language, number, label, generation;

-- name: forget_captions(media_id)!
-- With the media.
delete from media_captions where media_id = :media_id;

-- name: place_captions(media_id, generation, numbers)!
-- Their files lie in this folder now.
update media_captions set generation = :generation where media_id = :media_id and number = any(:numbers::bigint[]);

-- name: change_playlist(media_id, generation, hls_file, new_file)$
-- A film's playlist of playlists lists other captions; no row when it was moved or made anew meanwhile.
update media set hls_file = :new_file, updated_at = now()
where id = :media_id and generation = :generation and hls_file is not distinct from :hls_file::text
  and status in ('playable', 'ready')
returning id;
