-- The version of the ladder (media.ladder.LADDER_VERSION) that the outputs were made by; 0 for those of before it was counted,
-- and of older processes that still run. `ments media reprocess` rebuilds what is older than its own.
alter table media add column ladder_version integer not null default 0;
