"""Where the edge keeps shared pages in memory: a name of its own, never what somebody else put there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from edge_configs import CONFIG
from ments.edge import EdgeConfig
from ments.stack.recipes import nginx


@pytest.fixture
def edge_config(tmp_path: Path) -> EdgeConfig:
    run = tmp_path / "run"
    return replace(
        CONFIG,
        cache_dir=run / "cache",
        temp_dir=run / "temp",
        pid_path=run / "nginx.pid",
        error_log_path=tmp_path / "error.log",
        access_log_path=tmp_path / "access.log",
    )


def test_each_edge_has_a_folder_of_its_own() -> None:
    runs = [Path("/srv/a/run/edge"), Path("/srv/b/run/edge")]
    # Any file system with room will do; a container's memory is often small.
    memory = next(place for place in (Path("/dev/shm"), Path("/")) if nginx.pages_folder(runs[0], place))
    one, other = (nginx.pages_folder(run, memory) for run in runs)
    assert one is not None
    assert one.parent == memory
    assert one == nginx.pages_folder(runs[0], memory)
    assert one != other


def test_a_plain_folder_is_not_memory(tmp_path: Path) -> None:
    assert nginx.pages_folder(Path("/srv/run/edge"), tmp_path) is None
    assert nginx.pages_folder(Path("/srv/run/edge"), tmp_path / "missing") is None


def test_the_folder_is_made_anew_and_private(edge_config: EdgeConfig, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "left").touch()
    assert f"proxy_cache_path {pages} " in _prepared(replace(edge_config, pages_dir=pages))
    assert list(pages.iterdir()) == []
    assert pages.stat().st_mode & 0o777 == 0o700


def test_what_bears_the_name_and_is_no_folder_is_left_alone(edge_config: EdgeConfig, tmp_path: Path) -> None:
    elsewhere, link, file = tmp_path / "elsewhere", tmp_path / "link", tmp_path / "file"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    link.symlink_to(elsewhere)
    file.touch()
    for taken in (link, file):
        conf = _prepared(replace(edge_config, pages_dir=taken))
        assert f"proxy_cache_path {edge_config.cache_dir}/pages " in conf
    assert (elsewhere / "kept").exists()


def _prepared(config: EdgeConfig) -> str:
    run = config.cache_dir.parent
    asyncio.run(nginx.prepare_edge(config, run, None))
    return (run / "nginx.conf").read_text()
