"""Runs the steps in order and times each; a step that fails ends the run, but what was made is still taken away."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from ments.errors import MentsError
from ments.smoke.clip import make_clip
from ments.smoke.journey import Credentials, SmokeFailed, SmokeJourney

_REQUEST_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step: what it shows, whether it held, how long it took, and why not."""

    name: str
    ok: bool
    seconds: float
    detail: str


def run_smoke(url: str, ffmpeg: str, credentials: Credentials | None, *, job_timeout_s: float) -> Iterator[StepResult]:
    """Sign in, post, upload, wait for the job, fetch the rendition from the edge, and check the login redirect.

    url            origin of the deployment, for example https://ments.example
    ffmpeg         program that makes the test clip
    credentials    an account to use; None registers a new one
    job_timeout_s  how long the transcode may take

    Yields a result a step, in order, stopping at the first that fails; clean-up is the last.
    """
    with tempfile.TemporaryDirectory(prefix="ments-smoke-") as folder:
        clip = Path(folder) / "smoke.mp4"
        headers = {"Origin": url, "User-Agent": "ments-smoke"}
        with httpx2.Client(base_url=url, headers=headers, timeout=_REQUEST_TIMEOUT_S) as client:
            journey = SmokeJourney(client, clip, credentials, job_timeout_s)
            steps: list[tuple[str, Callable[[], str]]] = [
                ("every part is ready", journey.check_ready),
                ("visitors are sent to sign in and back", journey.check_login_redirect),
                ("sign in", journey.sign_in),
                ("make a clip", lambda: make_clip(ffmpeg, clip)),
                ("upload to storage", journey.upload),
                ("post", journey.post),
                ("job is done", journey.wait_for_job),
                ("rendition comes from the edge", journey.fetch_rendition),
                ("post is in the feed", journey.find_in_feed),
            ]
            for name, step in steps:
                result = _timed(name, step)
                yield result
                if not result.ok:
                    break
            yield _timed("clean up", journey.clean_up)


def _timed(name: str, step: Callable[[], str]) -> StepResult:
    started = time.monotonic()
    try:
        detail, ok = step(), True
    except SmokeFailed as failure:
        detail, ok = str(failure), False
    except MentsError as error:
        detail, ok = error.safe, False
    except httpx2.ConnectError as error:
        detail, ok = (
            f"{error.request.url.copy_with(raw_path=b'/')} does not answer: check the address, and that it runs",
            False,
        )
    except httpx2.HTTPError as error:
        detail, ok = f"{type(error).__name__}: {error}", False
    return StepResult(name, ok, round(time.monotonic() - started, 3), detail)
