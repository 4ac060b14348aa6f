"""Where feeds are measured: a whole stack in a home of its own, seeded, with members who follow and have sessions."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from bench.jobs.cpu import cpu_seconds
from bench.jobs.place import MENTS, family
from bench.stack import find_free_port
from ments.accounts.sessions import hash_token
from ments.settings import SETTINGS, read_env_file

MEMBERS, FOLLOWED = 200, 50
SERVERS = ("postgres", "pgbouncer", "valkey")
_READY_S = 120
# So long for the first two million posts, and as much for each further two.
_SEED_S = 300
# Replicas read again all that was written.
_CAUGHT_UP_S = 600
# Likes of a member's, so that their layer is not all false.
_LIKED = 20


@dataclass(frozen=True)
class Size:
    """How large the place is, as `ments seed` is told."""

    accounts: int
    posts: int
    follows: int

    def __str__(self) -> str:
        return f"{self.posts:,} posts, {self.accounts:,} accounts, {self.follows:,} follows"


SMALL = Size(accounts=10_000, posts=100_000, follows=300_000)


@dataclass(frozen=True)
class Stage:
    """The running stack. `environ` and the tokens are secrets: they are never printed.

    url, api_url  the edge, and the API without it; tokens  a file with one bearer token a line; authors  a file with names of
    accounts that have posted, those with most followers first; seeded_s  how long `ments seed` took
    """

    home: Path
    environ: dict[str, str]
    url: str
    api_url: str
    pids: dict[str, list[int]]
    size: Size
    tokens: Path
    authors: Path
    members: list[UUID]
    seeded_s: float = 0

    def cpu_s(self, *parts: str) -> float:
        """CPU seconds so far of these parts of the stack, their children and those that have ended included."""
        return sum(cpu_seconds(family(pid)) for part in parts for pid in self.pids[part])


@contextmanager
def open_stage(size: Size = SMALL) -> Iterator[Stage]:
    """Start and seed a stack; it is stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="ments-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        ours = {setting.name for setting in SETTINGS if not setting.name.endswith("_BIN")}
        clean = {name: value for name, value in os.environ.items() if name not in ours}
        where = ["--home", folder]
        try:
            subprocess.run(
                [*MENTS, "up", "--detach", *where, "--port", str(find_free_port())],
                env=clean,
                check=True,
                timeout=_READY_S,
                # It holds a link that signs the operator in.
                stdout=subprocess.DEVNULL,
            )
            counts = ["--accounts", str(size.accounts), "--posts", str(size.posts), "--follows", str(size.follows)]
            started = time.monotonic()
            subprocess.run(
                [*MENTS, "seed", *counts, "--json", *where],
                env=clean,
                check=True,
                timeout=_SEED_S * max(1, size.posts // 2_000_000),
                capture_output=True,
            )
            seeded_s = time.monotonic() - started
            yield replace(_lay_out(home, clean, size), seeded_s=seeded_s)
        finally:
            subprocess.run([*MENTS, "down", *where], env=clean, check=True, timeout=60)


def _lay_out(home: Path, clean: dict[str, str], size: Size) -> Stage:
    environ = clean | read_env_file(home / "run" / "env") | {"MENTS_HOME": str(home), "MENTS_METRICS_PORT": "0"}
    answer = subprocess.run([*MENTS, "status", "--json", "--home", str(home)], check=True, capture_output=True)
    status = json.loads(answer.stdout)
    pids = {
        name: [row["pid"] for row in part.get("processes", []) if row["pid"]] or [part["pid"]]
        for name, part in status["parts"].items()
        if part["pid"]
    }
    tokens, authors = home / "bench-tokens", home / "bench-authors"
    tokens.touch(mode=0o600)
    with psycopg.connect(environ["DATABASE_DIRECT_URL"], autocommit=True) as connection:
        members = _add_members(connection, tokens)
        _await_replicas(connection)
        rows = connection.execute(
            "select username::text from (select id, username from accounts order by followers desc) as a"
            " where exists (select from posts where account_id = a.id and status <> 'deleted') limit 1000"
        ).fetchall()
    authors.write_text("\n".join(row[0] for row in rows))
    return Stage(
        home, environ, status["url"], status["parts"]["api"]["url"], pids, size, tokens, authors, members
    )  # fmt: skip


def _await_replicas(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Wait until replicas have what was seeded: else they are measured as they catch up, or are passed over for their lag."""
    behind = "select count(*) from pg_stat_replication where replay_lsn < %s::pg_lsn"
    (here,) = connection.execute("select pg_current_wal_lsn()::text").fetchone() or ("0/0",)
    deadline = time.monotonic() + _CAUGHT_UP_S
    while connection.execute(behind, (here,)).fetchone() != (0,):
        if time.monotonic() > deadline:
            raise TimeoutError("A replica has not caught up with what was seeded.")
        time.sleep(1)


def _add_members(connection: psycopg.Connection[tuple[object, ...]], tokens: Path) -> list[UUID]:
    """Members who each follow 50 others that have posted, drawn evenly, and have a session, a row as any other."""
    execute = connection.execute
    members = [uuid4() for _ in range(MEMBERS)]
    made = [secrets.token_urlsafe(32) for _ in members]
    execute(
        "insert into accounts (id, username, email)"
        " select id, 'member_' || n, 'member_' || n || '@bench.example' from unnest(%s::uuid[]) with ordinality as m (id, n)",
        (members,),
    )
    execute(
        "create temporary table writers as select id from (select id from accounts order by random()) as a"
        " where exists (select from posts where account_id = a.id and status <> 'deleted') limit 20000"
    )
    for member in members:
        execute(
            "insert into follows (follower_id, followee_id) select %s, id from writers order by random() limit %s",
            (member, FOLLOWED),
        )
    execute(
        "insert into likes (account_id, post_id)"
        " select m.id, liked.id from unnest(%s::uuid[]) as m (id) cross join lateral ("
        "   select p.id from follows f join lateral (select id from posts where account_id = f.followee_id and status <> 'deleted'"
        "     order by sorted_at desc limit 2) as p on true where f.follower_id = m.id limit %s"
        " ) as liked on conflict do nothing",
        (members, _LIKED),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into sessions (token_hash, account_id, kind, label, expires_at)"
            " values (%s, %s, 'session', 'bench', now() + interval '30 days')",
            [(hash_token(token), member) for token, member in zip(made, members, strict=True)],
        )
    execute("analyze accounts, follows, sessions, likes")
    tokens.write_text("\n".join(made))
    return members
