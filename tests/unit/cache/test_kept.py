"""What is kept of accounts: what each step may find, beside a plain model of it; bounds; nothing while nothing is heard."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.cache import Heard, Valkey
from ments.cache import kept as kept_module
from ments.cache.heard import HEARD_WITHIN_S
from ments.cache.kept import Begun, Kept

ACCOUNTS = [UUID(int=n) for n in range(4)]


def stop_time(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What `kept` takes for the time: `now_s`, until the test changes it."""
    clock = SimpleNamespace(now_s=1_000.0)
    clock.monotonic = lambda: clock.now_s
    monkeypatch.setattr(kept_module, "time", clock)
    return clock


def open_kept(*, keep_s: float = 60.0, entries_max: int = 100, bytes_max: int = 16_000) -> tuple[Heard, Kept[str]]:
    """One that believes that it hears; nobody is at the other end of its address."""
    heard = Heard(Valkey("redis://127.0.0.1:1/0"))
    heard.is_live = True
    return heard, Kept(heard, keep_s=keep_s, entries_max=entries_max, bytes_max=bytes_max)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(0, 5)),
        st.tuples(st.just("put"), st.integers(0, 5)),
        st.tuples(st.just("drop"), st.integers(0, 3)),
        st.tuples(st.just("loss"), st.just(0)),
    ),
    max_size=40,
)


@given(steps)
def test_what_was_begun_before_a_drop_is_not_kept(taken: list[tuple[str, int]]) -> None:
    heard, kept = open_kept()
    # Key n is of account n % 4. The model: what is there, and which of the begun are still good.
    there: dict[int, str] = {}
    begun: dict[int, tuple[Begun, bool]] = {}
    for moment, (step, n) in enumerate(taken):
        if step == "begin":
            begun[n] = (kept.begin(), True)
        elif step == "put" and n in begun:
            mark, good = begun[n]
            assert (kept.put(mark, n, ACCOUNTS[n % 4], f"{moment}", 10) is not None) == good
            if good:
                there[n] = f"{moment}"
        elif step == "drop":
            heard._hand_out(heard._prefix + b"accounts", ACCOUNTS[n].bytes)
            there = {k: value for k, value in there.items() if k % 4 != n}
            begun = {k: (mark, good and k % 4 != n) for k, (mark, good) in begun.items()}
        elif step == "loss":
            heard.is_live = True
            heard._lose()
            assert kept.find(n) is None
            heard.is_live = True
            there, begun = {}, {k: (mark, False) for k, (mark, _) in begun.items()}
        assert {k: value for k in range(6) if (value := kept.find(k)) is not None} == there


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 1200)), max_size=80))
def test_neither_number_nor_bytes_go_over_their_bounds(puts: list[tuple[int, int]]) -> None:
    _, kept = open_kept(entries_max=8, bytes_max=16_000)
    for key, size in puts:
        was_kept = kept.put(kept.begin(), key, ACCOUNTS[key % 4], "x", size) is not None
        assert was_kept == (size <= 1000)
        assert len(kept._entries) <= 8
        assert kept._bytes == sum(entry.size for entry in kept._entries.values()) <= 16_000
        assert sum(map(len, kept._by_account.values())) == len(kept._entries)


def test_what_was_begun_while_nothing_was_heard_is_not_kept() -> None:
    heard, kept = open_kept()
    heard._lose()
    begun = kept.begin()
    heard._wanted = set()
    heard._note_live()
    assert kept.put(begun, "a", ACCOUNTS[0], "value", 1) is None
    assert kept.put(kept.begin(), "a", ACCOUNTS[0], "value", 1) is not None


def test_what_took_long_to_make_is_kept_the_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = stop_time(monkeypatch)
    heard, kept = open_kept(keep_s=0.05)
    begun = kept.begin()
    clock.now_s += 0.04
    assert kept.put(begun, "a", ACCOUNTS[0], "value", 1) == pytest.approx(1_000.05)
    assert kept.find("a") == "value"
    clock.now_s += 0.02
    assert kept.find("a") is None
    assert not kept.put(begun, "a", ACCOUNTS[0], "value", 1)
    heard.is_live = False
    assert not kept.put(kept.begin(), "b", ACCOUNTS[0], "value", 1)
    assert not kept.is_on


def test_an_unknown_account_counts_as_dropped_with_any() -> None:
    _, kept = open_kept()
    begun = kept.begin()
    assert not kept.was_dropped_since(begun, None)
    kept.drop(ACCOUNTS[1])
    assert kept.was_dropped_since(begun, None)
    assert kept.was_dropped_since(begun, ACCOUNTS[1])
    assert not kept.was_dropped_since(begun, ACCOUNTS[2])
    # More drops than are remembered: then all of before count.
    for n in range(20_001):
        kept.drop(UUID(int=100 + n))
    assert kept.was_dropped_since(begun, ACCOUNTS[2])
    assert not kept.was_dropped_since(kept.begin(), ACCOUNTS[1])


def test_what_was_begun_at_one_moment_does_not_end_at_one() -> None:
    heard = Heard(Valkey("redis://127.0.0.1:1/0"))
    heard.is_live = True
    kept: Kept[str] = Kept(heard, keep_s=60, entries_max=100, bytes_max=16_000, keep_less=0.2)
    begun = kept.begin()
    assert all(kept.put(begun, n, ACCOUNTS[n % 4], "x", 10) for n in range(50))
    ends = [entry.until - begun.at for entry in kept._entries.values()]
    assert all(48 <= end <= 60 for end in ends)
    assert max(ends) - min(ends) > 1


@given(st.lists(st.sampled_from(["own", "other", "loss", "gap"]), max_size=6), st.booleans())
def test_what_another_process_began_before_all_heard_of_a_drop_is_not_adopted(taken: list[str], is_late: bool) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        _check_adoption(stop_time(monkeypatch).now_s, taken, is_late)


def _check_adoption(now_s: float, taken: list[str], is_late: bool) -> None:
    heard, kept = open_kept()
    for step in taken:
        if step in ("loss", "gap"):
            heard._lose()
            # What was told meanwhile it does not know of.
            heard.is_live, heard.live_since = step == "gap", now_s
        else:
            heard._hand_out(heard._prefix + b"accounts", ACCOUNTS[step == "other"].bytes)
    at = now_s + HEARD_WITHIN_S - 1 + 2 * is_late
    until = at + 60
    expected = heard.is_live and (is_late or not {"own", "gap"} & set(taken))
    assert kept.adopt(at, until, "a", ACCOUNTS[0], "value", 1) == expected
    assert kept.find("a") == ("value" if expected else None)
    assert not kept.adopt(at, now_s, "b", ACCOUNTS[0], "over", 1)
    assert not kept.adopt(at, until, "b", ACCOUNTS[0], "large", 1001)
    kept.drop(ACCOUNTS[0])
    assert kept.find("a") is None
