"""Any one API process or worker may be killed with -9 during the journey: what was acknowledged is there afterwards."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import psutil
import pytest
from footage import make_small_video, real_video
from members import PASSWORD

from running_stack import RunningStack

_SETTLE_S = 120


@pytest.fixture
def member(hurt_stack: RunningStack) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=hurt_stack.url, headers={"Origin": hurt_stack.url}, timeout=30) as client:
        name = f"u{uuid4().hex[:12]}"
        body = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        assert client.post("/api/auth/register", json=body).status_code == 201
        yield client


def kill_one_api_process(stack: RunningStack) -> None:
    """One of the processes that answer requests, not the one that looks after them."""
    parent = psutil.Process(stack.status()["parts"]["api"]["pid"])
    # The first child only keeps count of what multiprocessing shares.
    serving = [child for child in parent.children() if any("spawn_main" in word for word in child.cmdline())]
    os.kill(serving[0].pid, signal.SIGKILL)


def kill_the_whole_api(stack: RunningStack) -> None:
    os.kill(stack.status()["parts"]["api"]["pid"], signal.SIGKILL)


def kill_the_media_worker(stack: RunningStack) -> None:
    processes = stack.status()["parts"]["worker"]["processes"]
    media = next(process for process in processes if "media" in process["name"])
    os.kill(media["pid"], signal.SIGKILL)


def kill_the_default_worker(stack: RunningStack) -> None:
    processes = stack.status()["parts"]["worker"]["processes"]
    default = next(process for process in processes if "default" in process["name"])
    os.kill(default["pid"], signal.SIGKILL)


def kill_the_relay(stack: RunningStack) -> None:
    os.kill(stack.status()["parts"]["relay"]["pid"], signal.SIGKILL)


KILLS = [kill_one_api_process, kill_the_whole_api, kill_the_media_worker, kill_the_default_worker, kill_the_relay]


def send(client: httpx2.Client, method: str, path: str, **more: Any) -> httpx2.Response:
    """Ask until there is an answer that is not the edge's "in a moment"; each write carries a key, so that asking again is safe."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        try:
            answer = client.request(method, path, **more)
            if answer.status_code not in (502, 503, 504):
                return answer
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, f"{method} {path} found nobody"
        time.sleep(0.3)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: kill.__name__)
def test_what_was_acknowledged_is_there(
    hurt_stack: RunningStack, member: httpx2.Client, kill: Callable[[RunningStack], None], tmp_path: Path
) -> None:
    # The worker of media is to have something at hand when it dies; nobody else does anything for the film then.
    clip = (real_video() if kill is kill_the_media_worker else make_small_video(tmp_path)).read_bytes()
    wish = {"filename": "clip.mp4", "content_type": "video/mp4", "size": len(clip)}
    upload = send(member, "POST", "/api/uploads", json=wish).json()
    stored = httpx2.put(upload["url"], headers=upload["headers"], content=clip, timeout=60)
    assert stored.status_code == 200
    media_id = send(member, "POST", f"/api/uploads/{upload['id']}/complete", json={}).json()["media_id"]
    kill(hurt_stack)
    accepted: dict[str, str] = {}
    for number in range(10):
        text = f"{kill.__name__} {number}"
        body = {"content": text, "visibility": "public", "media_ids": [media_id] if number == 0 else []}
        answer = send(member, "POST", "/api/posts", json=body, headers={"Idempotency-Key": uuid4().hex})
        assert answer.status_code == 201, answer.text
        accepted[answer.json()["id"]] = text
    wait_until_seen(member, accepted)
    assert send(member, "GET", "/api/me").status_code == 200


def wait_until_seen(member: httpx2.Client, accepted: dict[str, str]) -> None:
    """The public feed shows each accepted post once, and the one with the video has something to play."""
    deadline = time.monotonic() + _SETTLE_S
    found: dict[str, str] = {}
    while time.monotonic() < deadline and found != accepted:
        page = send(member, "GET", "/api/feed", params={"kind": "latest", "limit": "50"}).json()
        shown = [post for post in page["posts"] if post["id"] in accepted and post["status"] == "published"]
        assert len({post["id"] for post in shown}) == len(shown)
        found = {post["id"]: post["content"] for post in shown if all(media["media_url"] for media in post["media"])}
        time.sleep(0.5)
    assert found == accepted


def test_killed_parts_were_replaced(hurt_stack: RunningStack) -> None:
    """The killed parts were replaced, and are ready."""
    deadline = time.monotonic() + _SETTLE_S
    while not hurt_stack.status()["ready"]:
        assert time.monotonic() < deadline, hurt_stack.status()
        time.sleep(1)
