-- Where the original lies when a producer outside put it there, and which bytes it had; null for our own
-- media/{id}/original. One object makes one piece of media, however many jobs name it.
alter table media add column original_key text, add column original_etag text;
create unique index media_original on media (original_key, original_etag) where original_key is not null;
-- from a job that died to what it held
create index media_job on media (job_id) where status in ('queued', 'processing');
