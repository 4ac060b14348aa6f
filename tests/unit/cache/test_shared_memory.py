"""What processes share: found whole or not at all, by nobody else's key, whatever was written over it or died in between."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import time
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ments.cache import shared_memory
from ments.cache.shared_memory import RING_BYTES, VALUE_MAX, SharedCache, SharedMemory

ANN = UUID(int=1)


def open_caches(n: int = 2) -> list[SharedCache]:
    """As many parts of one memory, all in this process."""
    memory = SharedMemory(n)
    try:
        return [SharedCache(memory._fd, n, own) for own in range(n)]
    finally:
        # What is mapped stays.
        os.close(memory._fd)


def put(cache: SharedCache, key: bytes, value: bytes, *, begun: float | None = None, lasts_s: float = 60) -> bool:
    at = time.monotonic() if begun is None else begun
    return cache.put(key, ANN, at, at + lasts_s, value)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.binary(max_size=3), st.binary(max_size=200)), max_size=40),
    st.lists(st.binary(max_size=3), max_size=5),
)
def test_the_others_find_what_was_put_last_under_the_very_key(
    puts: list[tuple[int, bytes, bytes]], also: list[bytes]
) -> None:
    caches = open_caches(3)
    model: dict[bytes, dict[int, tuple[float, bytes]]] = {}
    for moment, (who, key, value) in enumerate(puts):
        begun = time.monotonic() - 10 + moment / 100
        assert put(caches[who], key, value, begun=begun)
        model.setdefault(key, {})[who] = (begun, value)
    for key in {*model, *also}:
        for who, cache in enumerate(caches):
            theirs = [told for other, told in model.get(key, {}).items() if other != who]
            found = cache.find(key)
            # Keys may fall on one slot, where the newer is.
            assert found is None or (found.begun, found.value) in theirs
            if len(model) == 1:
                assert (found is not None) == bool(theirs)
                assert found is None or (found.begun, found.value) == max(theirs)


def test_what_is_over_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    # Time goes on when the test says so.
    now_s = 100.0
    monkeypatch.setattr(shared_memory, "time", SimpleNamespace(monotonic=lambda: now_s))
    one, other = open_caches()
    assert put(one, b"key", b"value", begun=now_s, lasts_s=0.05)
    now_s += 0.04
    found = other.find(b"key")
    assert found is not None
    assert (found.account_id, found.value) == (ANN, b"value")
    assert found.until - found.begun == pytest.approx(0.05)
    now_s += 0.02
    assert other.find(b"key") is None
    # Nor by who made it, who keeps it elsewhere.
    assert put(one, b"key", b"value", begun=now_s)
    assert one.find(b"key") is None


def test_a_ring_goes_round_and_what_was_written_over_is_not_found() -> None:
    one, other = open_caches()
    large = VALUE_MAX
    values = {b"%d" % n: bytes([n]) * large for n in range(20)}
    for key, value in values.items():
        assert put(one, key, value)
    found = {key: told.value for key in values if (told := other.find(key)) is not None}
    assert found == {key: values[key] for key in found}
    assert set(found) == {b"%d" % n for n in range(20 - RING_BYTES // large, 20)}
    assert not put(one, b"key", bytes(large + 1))


@settings(max_examples=200)
@given(st.data())
def test_whatever_is_altered_is_not_taken_for_the_value(data: Any) -> None:
    one, other = open_caches()
    assert put(one, b"key", b"value")
    slot = shared_memory._slot_of(shared_memory._name(b"key")) * shared_memory._SLOT_BYTES
    size = shared_memory._ENTRY.size + shared_memory._DIGEST
    places = [*range(slot, slot + size), *range(shared_memory._RING_AT, shared_memory._RING_AT + 5)]
    for at in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=4, unique=True)):
        one._map[at] = one._map[at] ^ data.draw(st.integers(1, 255))
    assert other.find(b"key") is None


def test_what_is_being_made_is_told_until_it_ends() -> None:
    one, other = open_caches()
    assert other.making_since(b"key") is None
    one.begin(b"key", 7.0)
    assert other.making_since(b"key") == 7.0
    assert one.making_since(b"key") is None
    assert other.making_since(b"another") is None
    one.end(b"another")
    assert other.making_since(b"key") == 7.0
    one.end(b"key")
    assert other.making_since(b"key") is None


def take_part(memory: SharedMemory, said: Connection) -> None:
    cache = memory.attach()
    cache.begin(b"making", time.monotonic())
    said.send((cache._own, put(cache, b"from %d" % os.getpid(), b"here")))
    said.recv()


def test_a_process_has_a_ring_of_its_own_and_gives_it_back_however_it_ends() -> None:
    spawning = multiprocessing.get_context("spawn")
    memory = SharedMemory(2)
    reader = SharedCache(memory._fd, 2, None)

    def start() -> tuple[Any, Connection]:
        here, there = spawning.Pipe()
        process = spawning.Process(target=take_part, args=(memory, there))
        process.start()
        assert here.poll(60)
        return process, here

    first, second = start(), start()
    third: tuple[Any, Connection] | None = None
    try:
        rings = [first[1].recv(), second[1].recv()]
        assert {own for own, _ in rings} == {0, shared_memory._REGION_BYTES}
        assert [was_put for _, was_put in rings] == [True, True]
        for process, _ in (first, second):
            assert reader.find(b"from %d" % process.pid) is not None
        assert reader.making_since(b"making") is not None
        # With all rings taken one only reads.
        third = start()
        assert third[1].recv() == (None, False)
        third[1].send("end")
        third[0].join(60)
        os.kill(first[0].pid, signal.SIGKILL)
        first[0].join(60)
        third = start()
        assert third[1].recv() == (rings[0][0], True)
        assert reader.find(b"from %d" % third[0].pid) is not None
    finally:
        for process, _ in filter(None, (first, second, third)):
            process.kill()
            process.join(60)


def test_memory_is_handed_to_spawned_processes_alone() -> None:
    with pytest.raises(TypeError, match="being spawned"):
        pickle.dumps(SharedMemory(2))
