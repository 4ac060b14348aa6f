#!/usr/bin/env bash
# Runs once, in an empty data folder: the application's role and database, the replication role, and who may connect.
set -euo pipefail
psql --username postgres --set=app="$POSTGRES_PASSWORD" --set=repl="$REPLICATION_PASSWORD" <<'SQL'
create role ments login password :'app';
create role repl login replication password :'repl';
create database ments owner ments;
alter role ments set statement_timeout = '15s';
alter role ments set lock_timeout = '5s';
alter role ments set idle_in_transaction_session_timeout = '30s';
select pg_create_physical_replication_slot('replica1');
\connect ments
create extension if not exists pg_stat_statements;
SQL
echo "host replication repl all scram-sha-256" >> "$PGDATA/pg_hba.conf"
