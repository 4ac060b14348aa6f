"""The folder of a stack: what it refuses, what it keeps."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ments.settings import MIB, read_env_file
from ments.stack.home import Home, env_text, write_whole
from ments.stack.model import StackError
from ments.stack.ports import choose_ports
from ments.stack.process import bound_log, exit_text, log_tail
from ments.stack.programs import Programs, check_programs


def test_a_home_is_laid_out_twice_without_harm(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    home.lay_out()
    home.lay_out()
    assert (home.root / "version").read_text() == "1\n"
    assert (home.root / "logs").stat().st_mode & 0o777 == 0o700


def test_a_newer_home_and_a_strange_one_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("2\n")
    with pytest.raises(StackError, match=r"written by a newer ments \(format 2, this one knows 1\)"):
        Home(tmp_path).lay_out()
    (tmp_path / "version").write_text("one\n")
    with pytest.raises(StackError, match="no number"):
        Home(tmp_path).lay_out()
    assert [path.name for path in tmp_path.iterdir()] == ["version"]


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"is full \(100 MiB free, 512 are needed\)"):
        Home(tmp_path).lay_out(free_bytes=lambda _: 100 * MIB)


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"cannot be used by this user .* choose another --home"):
        Home(tmp_path / "file" / "home").lay_out()


@pytest.mark.parametrize("place", ["file", "a" * 300, "/proc/ments"])
def test_a_place_where_no_folder_can_be_is_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"cannot be used by this user .* choose another --home"):
        Home(tmp_path / place).lay_out()


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = home.secrets()
    assert home.secrets() == first
    assert stat.S_IMODE(home.secrets_file.stat().st_mode) == 0o600
    assert len(set(first.values())) == len(first)
    assert len(first["SECRET_KEY"]) == 64


def test_one_process_has_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.lay_out()
    assert home.lock() is not None
    assert home.lock() is None


def test_an_env_file_comes_back_as_it_was(tmp_path: Path) -> None:
    write_whole(tmp_path / "env", env_text({"A": "1", "URL": "postgresql://u:p@h/d?options=-c%20x%3D0"}), mode=0o600)
    assert read_env_file(tmp_path / "env") == {"A": "1", "URL": "postgresql://u:p@h/d?options=-c%20x%3D0"}
    assert [path.name for path in tmp_path.iterdir()] == ["env"]


def test_ports_are_kept_while_they_are_free() -> None:
    kept = {"a": 21_000, "b": 21_001}
    chosen = choose_ports(["a", "b", "c"], kept, free=lambda port: port != 21_001)
    assert chosen["a"] == 21_000
    assert len(set(chosen.values())) == 3
    assert 21_001 not in chosen.values()
    with pytest.raises(StackError, match="No free port"):
        choose_ports(["a"], {}, free=lambda _: False)


def test_a_missing_program_is_named_with_its_fix(tmp_path: Path) -> None:
    nothing_there = Programs(*(tmp_path / name for name in ("pg", "pgbouncer", "valkey", "weed", "nginx")))
    for part, fix in (
        ("pgbouncer", "apt-get install pgbouncer bubblewrap.*--no-pooler"),
        ("postgres", "make up.*MENTS_POSTGRES_BIN or DATABASE_URL"),
        ("worker", "bwrap is missing.*apt-get install pgbouncer bubblewrap"),
    ):
        with pytest.raises(StackError, match=fix):
            check_programs(nothing_there, {part: True}, tmp_path / "bwrap")
    check_programs(nothing_there, {"pgbouncer": False}, tmp_path / "bwrap")


def test_a_log_is_cut_where_it_stands_and_keeps_its_end(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with log.open("ab") as written_by_the_part:
        written_by_the_part.write(b"old\n" * 100)
        written_by_the_part.flush()
        assert not bound_log(log, 400)
        assert bound_log(log, 100)
        written_by_the_part.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "api.log.1").read_bytes() == b"old\n" * 25
    assert not bound_log(tmp_path / "none.log")


def test_a_log_is_cut_on_a_full_disk_too(tmp_path: Path) -> None:
    """Else the first full disk would end the bounding of all logs for good."""
    log = tmp_path / "api.log"
    log.write_bytes(b"x" * 500)
    (tmp_path / "api.log.1").symlink_to("/dev/full")
    assert bound_log(log, 100)
    assert log.read_bytes() == b""


def test_the_end_of_a_log_on_one_line(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert log_tail(log) == f"{log} ends: (empty)"
    log.write_text("a\n\nb\nc\nd\n")
    assert log_tail(log) == f"{log} ends: b | c | d"
    log.write_text("FATAL: could not write: No space left on device\n")
    assert log_tail(log).startswith("The disk is full: free some space")
    assert exit_text(1) == "exit status 1"
    assert exit_text(-9) == "ended by SIGKILL"
