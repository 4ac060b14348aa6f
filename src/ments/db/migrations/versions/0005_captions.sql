-- Numbers in the names of captions and of the playlists that list them: none is given twice, so that what is cached under
-- a name stays what it was.
create sequence media_caption_numbers;

create table media_captions (
  media_id uuid not null references media on delete cascade,
  -- a checked tag, such as pt-BR
  language text not null,
  number bigint not null,
  label text not null,
  -- the folder where they lie beside the film's files; null until they do
  generation text,
  created_at timestamptz not null default clock_timestamp(),
  primary key (media_id, language)
);
