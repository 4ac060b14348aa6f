#!/usr/bin/env bash
# Copies the primary once, then follows it.
set -euo pipefail
export PGDATA=/var/lib/postgresql/replica PGPASSWORD="$REPLICATION_PASSWORD"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  rm -rf "$PGDATA"
  pg_basebackup --host postgres --username repl --pgdata "$PGDATA" --write-recovery-conf --wal-method stream --slot replica1 --checkpoint fast
fi
exec postgres -c hot_standby=on -c random_page_cost=1.1 -c listen_addresses='*'
