"""Tables that nobody has written to yet are filled without what is cheaper to make at the end: indexes and references.

With 30,000,000 follows and every index there, each checkpoint writes pages from all over them once more, and each reference asks
for each row: the load had not ended after 13 minutes and 95 GB of WAL. Primary keys stay, so that members who write meanwhile
meet the rules of always; only lists are slow for so long.

What is taken away is noted in the same transaction, in a table of the same database that is there for no longer than that: whatever
ends a run, the next one puts back what is missing. As the owner of the tables, for which no rights of a superuser are needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from psycopg import errors, sql

from ments.seed.plan import SeedRefused

# So long a lock is waited for, since others queue behind the one who waits, and so often.
_LOCK_WAIT_S, _TRIES = 2, 60
# For sorting what is indexed, and for checking references; what needs more goes through files.
_MEMORY = "256MB"

_NOTES = """
create table if not exists seed_taken_away (
  relation text not null,
  name text not null,
  kind text not null check (kind in ('index', 'reference')),
  place bigint not null,
  definition text not null,
  primary key (relation, name)
)
"""
# Not what holds a rule (unique, exclude) or is meant by other settings; of references those that say themselves what becomes of
# a row whose target went meanwhile (_mend_orphans). One that would have refused it stays.
_FIND = """
select c.relname::text as name, 'index' as kind, pg_get_indexdef(c.oid) as definition
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = %(relation)s::regclass and i.indisvalid and not i.indisunique and not i.indisexclusion
  and not i.indisreplident and not i.indisclustered
union all
select r.conname::text, 'reference', pg_get_constraintdef(r.oid)
from pg_constraint r join pg_attribute a on a.attrelid = r.conrelid and a.attnum = r.conkey[1]
where r.conrelid = %(relation)s::regclass and r.contype = 'f' and cardinality(r.conkey) = 1 and r.convalidated
  and (r.confdeltype = 'c' or (r.confdeltype = 'n' and not a.attnotnull))
order by name
"""

Tell = Callable[[int, int], None]
"""Called with how many things are back, and how many there are: again before each try, as what it raises ends the work."""
Ask = Callable[[], None]


@dataclass(frozen=True)
class Taken:
    """An index or a reference that a table lacks."""

    relation: str
    name: str
    kind: str
    definition: str


def take_away(connection: Any, relation: str, place: int) -> bool:
    """Take indexes and references from a table, unless it has a row of anybody's; tells whether it did.

    place  SeedPlan.place, the one that will put them back
    Raises psycopg.errors.LockNotAvailable after two minutes of others' work that does not end.
    """
    table = sql.Identifier(relation)
    for attempt in _tries(lambda: None):
        with attempt, connection.transaction():
            _wait_briefly(connection)
            connection.execute(sql.SQL("lock table {} in access exclusive mode").format(table))
            if connection.execute(sql.SQL("select 1 from {} limit 1").format(table)).fetchone():
                return False
            connection.execute(_NOTES)
            for name, kind, definition in connection.execute(_FIND, {"relation": relation}).fetchall():
                connection.execute(
                    "insert into seed_taken_away (relation, name, kind, place, definition) values (%s, %s, %s, %s, %s)",
                    (relation, name, kind, place, definition),
                )
                gone = "drop index {name}" if kind == "index" else "alter table {table} drop constraint {name}"
                connection.execute(sql.SQL(gone).format(table=table, name=sql.Identifier(name)))
            return True
    raise AssertionError("the last try raises")


def find_taken(connection: Any, relations: Sequence[str] | None = None, *, not_by: int | None = None) -> list[Taken]:
    """What these tables, or all, lack; only what another place than `not_by` has taken."""
    if connection.execute("select to_regclass('seed_taken_away')").fetchone()[0] is None:
        return []
    found = connection.execute(
        "select relation, name, kind, definition from seed_taken_away"
        " where (%(relations)s::text[] is null or relation = any(%(relations)s))"
        " and (%(not_by)s::bigint is null or place <> %(not_by)s) order by relation, kind, name",
        {"relations": None if relations is None else list(relations), "not_by": not_by},
    ).fetchall()
    return [Taken(*row) for row in found]


def put_back(connection: Any, taken: Sequence[Taken], tell: Tell) -> None:
    """Make what was taken anew, each in a transaction with its note's end.

    Members' writes to a table wait while one of its indexes is made; while references are checked, nobody does.
    Raises SeedRefused when a name belongs to something else by now; its note stays.
    """
    for done, one in enumerate(taken):
        ask = partial(tell, done, len(taken))
        if one.kind == "index":
            _put_index(connection, one, ask)
        else:
            _put_reference(connection, one, ask)
    for relation in sorted({one.relation for one in taken}):
        # Tells scans by index alone that they need not look at the rows; else the server does so at a time of its choice.
        connection.execute(sql.SQL("vacuum (analyze) {}").format(sql.Identifier(relation)))
    tell(len(taken), len(taken))


def forget(connection: Any) -> None:
    """Drop the table of notes, if nothing is noted."""
    if connection.execute("select to_regclass('seed_taken_away')").fetchone()[0] is None:
        return
    with connection.transaction():
        connection.execute("lock table seed_taken_away in access exclusive mode")
        if not connection.execute("select 1 from seed_taken_away limit 1").fetchone():
            connection.execute("drop table seed_taken_away")


def _put_index(connection: Any, one: Taken, ask: Ask) -> None:
    for attempt in _tries(ask):
        with attempt, connection.transaction():
            _wait_briefly(connection)
            # Left by a `create index concurrently` that failed; dropped apart, so that readers do not wait for the index too.
            if _has_index(connection, one) is False:
                connection.execute(sql.SQL("drop index {}").format(sql.Identifier(one.name)))
            break
    for attempt in _tries(ask):
        with attempt, connection.transaction():
            _wait_briefly(connection)
            if _has_index(connection, one) is None:
                connection.execute(one.definition)
            _end_note(connection, one)
            return


def _put_reference(connection: Any, one: Taken, ask: Ask) -> None:
    table, name = sql.Identifier(one.relation), sql.Identifier(one.name)
    for attempt in _tries(ask):
        with attempt, connection.transaction():
            _wait_briefly(connection)
            if not _has_reference(connection, one):
                # For rows from now on; those that are there are checked below, under a lock that lets others write.
                adding = sql.SQL("alter table {} add constraint {} {} not valid")
                connection.execute(adding.format(table, name, sql.SQL(one.definition)))
            break
    for attempt in _tries(ask):
        with attempt:
            try:
                with connection.transaction():
                    _wait_briefly(connection)
                    connection.execute(sql.SQL("alter table {} validate constraint {}").format(table, name))
                    _end_note(connection, one)
                return
            except errors.ForeignKeyViolation:
                _mend_orphans(connection, one)


def _has_index(connection: Any, one: Taken) -> bool | None:
    """Tell whether an operator has missed it and made it: None if not, False if it is not valid."""
    found = connection.execute(
        "select i.indrelid = t.oid, i.indisvalid from pg_class t"
        " join pg_class c on c.relnamespace = t.relnamespace and c.relname = %s"
        " left join pg_index i on i.indexrelid = c.oid where t.oid = %s::regclass",
        (one.name, one.relation),
    ).fetchone()
    if found is None:
        return None
    is_ours, is_valid = found
    if not is_ours:
        raise _name_is_taken(one)
    return bool(is_valid)


def _has_reference(connection: Any, one: Taken) -> bool:
    found = connection.execute(
        "select contype = 'f' from pg_constraint where conrelid = %s::regclass and conname = %s",
        (one.relation, one.name),
    ).fetchone()
    if found is not None and not found[0]:
        raise _name_is_taken(one)
    return found is not None


def _name_is_taken(one: Taken) -> SeedRefused:
    return SeedRefused(
        f"`ments seed` took the {one.kind} {one.name} from {one.relation} and can't put it back: something else has this name."
        " Rename that, and run it again."
    )


def _mend_orphans(connection: Any, one: Taken) -> None:
    """Mend rows whose target was deleted meanwhile: they go where the reference would have taken them along, else point nowhere."""
    target, theirs, ours, goes_along = connection.execute(
        "select c.confrelid::regclass::text, theirs.attname::text, ours.attname::text, c.confdeltype = 'c' from pg_constraint c"
        " join pg_attribute ours on ours.attrelid = c.conrelid and ours.attnum = c.conkey[1]"
        " join pg_attribute theirs on theirs.attrelid = c.confrelid and theirs.attnum = c.confkey[1]"
        " where c.conrelid = %s::regclass and c.conname = %s",
        (one.relation, one.name),
    ).fetchone()
    mend = "delete from {table} o" if goes_along else "update {table} o set {ours} = null where {ours} is not null"
    orphaned = " {word} not exists (select from {target} t where t.{theirs} = o.{ours})"
    names = {"table": one.relation, "target": target, "theirs": theirs, "ours": ours}
    connection.execute(
        sql.SQL(mend + orphaned).format(
            word=sql.SQL("where" if goes_along else "and"), **{key: sql.Identifier(name) for key, name in names.items()}
        )
    )


def _end_note(connection: Any, one: Taken) -> None:
    connection.execute("delete from seed_taken_away where relation = %s and name = %s", (one.relation, one.name))


def _wait_briefly(connection: Any) -> None:
    connection.execute(f"set local lock_timeout = '{_LOCK_WAIT_S}s'")
    connection.execute(f"set local maintenance_work_mem = '{_MEMORY}'")


def _tries(ask: Ask) -> Iterator[Any]:
    """Blocks to try until one ends well, which the caller leaves the loop for; before each, `ask` may raise to end them."""
    for number in range(_TRIES):
        ask()
        yield _attempt(is_last=number == _TRIES - 1)


@contextmanager
def _attempt(*, is_last: bool) -> Iterator[None]:
    try:
        yield
    except (errors.LockNotAvailable, errors.DeadlockDetected):
        if is_last:
            raise
        time.sleep(_LOCK_WAIT_S)
