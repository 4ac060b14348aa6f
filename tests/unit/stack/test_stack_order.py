"""In which order parts start and stop."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.settings import read_settings
from ments.stack.assemble import assemble
from ments.stack.home import Home
from ments.stack.model import Command, Part, nothing, order_of_start, order_of_stop
from ments.stack.plan import Options, choose_places, port_names, run_env
from ments.stack.programs import Programs
from ments.stack.surroundings import Surroundings

SECRETS = {
    "POSTGRES_SUPERUSER_PASSWORD": "s",
    "POSTGRES_REPLICATION_PASSWORD": "r",
    "POSTGRES_PASSWORD": "p",
    "VALKEY_PASSWORD": "v",
    "AWS_ACCESS_KEY_ID": "AK",
    "AWS_SECRET_ACCESS_KEY": "SK",
    "SECRET_KEY": "k" * 64,
    "MEDIA_SIGNING_KEYS": "m" * 64,
}
EXTERNAL = {
    "DATABASE_URL": "postgresql://u:p@db/x",
    "REDIS_URL": "redis://cache/0",
    "S3_ENDPOINT_URL": "http://s3.example",
    "AWS_ACCESS_KEY_ID": "AK",
    "AWS_SECRET_ACCESS_KEY": "SK",
}


def assembled(environ: dict[str, str], **options: object) -> list[Part]:
    chosen = Options(Home(Path("/home")), 8080, "127.0.0.1", **options)  # type: ignore[arg-type]
    places = choose_places(chosen, environ)
    ports = {name: 20_000 + number for number, name in enumerate(port_names(chosen))}
    env = run_env(chosen, places, ports, SECRETS, environ)
    programs = Programs(*(Path("/bin") / name for name in ("pg", "pgbouncer", "valkey", "weed", "nginx")))
    around = Surroundings(chosen.home, chosen, places, programs, ports, SECRETS, env, None)
    return assemble(around, read_settings(env))


def test_each_part_starts_as_soon_as_its_needs_are_ready() -> None:
    assert order_of_start(assembled({})) == [
        ["postgres", "storage", "valkey"],
        ["migrate", "pgbouncer", "replica1"],
        ["api", "relay", "worker-default-1", "worker-media-1"],
        ["edge"],
    ]


def test_parts_stop_in_the_order_in_which_a_request_passes_them() -> None:
    assert order_of_stop(assembled({})) == [
        ["edge"],
        ["api"],
        ["relay", "worker-default-1", "worker-media-1"],
        ["pgbouncer", "storage"],
        ["replica1"],
        ["postgres", "valkey"],
    ]


def test_parts_whose_urls_are_given_are_not_started() -> None:
    names = [part.name for part in assembled(EXTERNAL)]
    assert names == ["migrate", "api", "worker-media-1", "worker-default-1", "relay", "edge"]


def test_more_replicas_and_workers_and_no_pooler() -> None:
    names = {part.name for part in assembled({}, replicas=2, workers=2, pooler=False)}
    assert {"replica1", "replica2", "worker-media-2", "worker-default-2"} <= names
    assert "pgbouncer" not in names
    assert not any(part.name.startswith("replica") for part in assembled({}, replicas=0))


def part(name: str, *needs: str) -> Part:
    return Part(name, name, Command(("/bin/true",), Path("/"), {}), nothing, 0, needs=needs)


def test_a_circle_and_a_missing_need_are_found() -> None:
    with pytest.raises(ValueError, match=r"\['a', 'b'\]"):
        order_of_start([part("a", "b"), part("b", "a"), part("c")])
    with pytest.raises(ValueError, match="missing"):
        order_of_start([part("a", "nowhere")])


@given(st.lists(st.sets(st.integers(0, 7)), min_size=8, max_size=8))
def test_nothing_starts_before_what_it_needs(needs: list[set[int]]) -> None:
    parts = [part(str(number), *(str(need) for need in own if need < number)) for number, own in enumerate(needs)]
    waves = order_of_start(parts)
    wave_of = {name: number for number, wave in enumerate(waves) for name in wave}
    assert sorted(wave_of) == [each.name for each in parts]
    assert all(wave_of[need] < wave_of[each.name] for each in parts for need in each.needs)
