-- The files of a finished film beside its variants, and the try whose pieces it is made of.
alter table media add column hls_file text, add column storyboard_file text, add column preview_file text,
  add column pieces_number integer;

-- What is wanted of a film that plays already, each by a job of its own; kept as long as its playlists are asked for.
create table media_pieces (
  media_id uuid not null references media on delete cascade,
  -- attempt_generation of the try that planned it
  number integer not null,
  name text not null,
  chunk integer not null,
  -- v240, v720..., a128
  rungs text[] not null,
  -- film.PieceWork: span, renditions, what is copied
  work jsonb not null,
  share real not null,
  job_id uuid,
  -- tracks.StoredPart, once its files are in storage
  result jsonb,
  -- why it will never be there, in words
  error text,
  created_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  primary key (media_id, number, name)
);
create index media_pieces_job on media_pieces (job_id) where result is null and error is null;
