"""The steps of the smoke test: each returns a line of detail, or raises SmokeFailed with the reason."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

_POLL_S = 0.25
_FEED_TIMEOUT_S = 15.0
_FEED_PAGES = 5


class SmokeFailed(Exception):
    """A step did not hold; the text says what was seen."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account that exists: e-mail address or username, and its password."""

    login: str
    password: str


class SmokeJourney:
    """One member's way through a deployment. Steps are to be called in the order they are written."""

    def __init__(
        self, client: httpx2.Client, clip: Path, credentials: Credentials | None, job_timeout_s: float
    ) -> None:
        self._client = client
        self._clip = clip
        self._credentials = credentials
        self._job_timeout_s = job_timeout_s
        self._media_id = ""
        self._post_id = ""
        self._text = f"Smoke test {secrets.token_hex(4)}"

    def check_ready(self) -> str:
        """Readiness names each part, and all are ready."""
        parts = _json(self._client.get("/api/ready"), 200).get("parts", {})
        return ", ".join(sorted(parts)) or "ready"

    def check_login_redirect(self) -> str:
        """A visitor to a page that needs an account goes to `/?redirect=` with that page."""
        answer = self._client.get("/create", follow_redirects=False)
        target = answer.headers.get("location", "")
        path = target.removeprefix(str(self._client.base_url).rstrip("/"))
        if answer.status_code not in (302, 303, 307) or path not in ("/?redirect=/create", "/?redirect=%2Fcreate"):
            raise SmokeFailed(f"/create answered {answer.status_code} to {target or 'nowhere'}")
        return f"/create -> {path}"

    def sign_in(self) -> str:
        """Sign in with the given account, or as a new one; `/api/me` knows who is asking."""
        if self._credentials:
            body = {"login": self._credentials.login, "password": self._credentials.password}
            _json(self._client.post("/api/auth/login", json=body), 200, 201)
        else:
            name = f"smoke_{secrets.token_hex(5)}"
            body = {"username": name, "email": f"{name}@smoke.example.com", "password": secrets.token_urlsafe(18)}
            _json(self._client.post("/api/auth/register", json=body), 201)
        me = _json(self._client.get("/api/me"), 200)
        return f"as {me.get('username') or me.get('user', {}).get('username')}"

    def upload(self) -> str:
        """Ask for a signed request, send the bytes straight to storage, say that it is complete."""
        size = self._clip.stat().st_size
        wish = {"filename": self._clip.name, "content_type": "video/mp4", "size": size}
        signed = _json(self._client.post("/api/uploads", json=wish), 201)
        # The storage gets neither our cookie nor our Origin: the signature alone must do.
        put = httpx2.request(
            signed["method"], signed["url"], headers=signed["headers"], content=self._clip.read_bytes(), timeout=60
        )
        if put.status_code not in (200, 201, 204):
            raise SmokeFailed(f"storage answered {put.status_code} to the signed {signed['method']}: {put.text[:200]}")
        done = _json(self._client.post(f"/api/uploads/{signed['id']}/complete", json={}), 202)
        self._media_id = done["media_id"]
        return f"{size:,} bytes"

    def post(self) -> str:
        """Publish a post that holds the upload; it goes out when the video can be played."""
        body = {"content": self._text, "media_ids": [self._media_id], "visibility": "public"}
        made = _json(self._client.post("/api/posts", json=body), 201)
        self._post_id = made["id"]
        return f"status {made.get('status', 'unknown')}"

    def wait_for_job(self) -> str:
        """The worker finishes all of it within the time allowed; it plays before."""
        began, playable_s = time.monotonic(), 0.0
        deadline = time.monotonic() + self._job_timeout_s
        while time.monotonic() < deadline:
            media = _json(self._client.get(f"/api/media/{self._media_id}"), 200)
            if media["status"] in ("playable", "ready") and not playable_s:
                playable_s = time.monotonic() - began
            if media["status"] == "ready":
                size = f"{media['width']}x{media['height']}, {media['duration_s']} s"
                return f"ready, {size}, playable after {playable_s:.1f} s"
            if media["status"] == "failed":
                raise SmokeFailed(f"the job failed: {media.get('error')}")
            time.sleep(_POLL_S)
        raise SmokeFailed(f"still {media['status']} after {self._job_timeout_s:.0f} s")

    def fetch_rendition(self) -> str:
        """The edge serves the rendition with ranges, and its second answer comes from the cache."""
        media = _json(self._client.get(f"/api/media/{self._media_id}"), 200)
        url = media["variants"][0]["url"]
        whole = self._client.get(url)
        if whole.status_code != 200 or not whole.headers.get("content-type", "").startswith("video/"):
            raise SmokeFailed(f"{url} answered {whole.status_code} {whole.headers.get('content-type')}")
        part = self._client.get(url, headers={"Range": "bytes=0-99"})
        if part.status_code != 206 or part.content != whole.content[:100]:
            raise SmokeFailed(f"a range of {url} answered {part.status_code} with {len(part.content)} bytes")
        cached = part.headers.get("x-cache", "none")
        if cached != "HIT":
            raise SmokeFailed(f"the second answer was not cached at the edge (X-Cache: {cached})")
        return f"{len(whole.content):,} bytes, then {cached}"

    def find_in_feed(self) -> str:
        """The public feed shows the post, with its poster."""
        deadline = time.monotonic() + _FEED_TIMEOUT_S
        while time.monotonic() < deadline:
            post = self._search_feed()
            if post:
                if not post["media"][0].get("media_thumbnail"):
                    raise SmokeFailed("the post is in the feed without its poster")
                return "with its poster"
            time.sleep(_POLL_S)
        raise SmokeFailed(f"not within {_FEED_TIMEOUT_S:.0f} s")

    def clean_up(self) -> str:
        """Delete the post and sign out."""
        if self._post_id:
            answer = self._client.delete(f"/api/posts/{self._post_id}")
            if answer.status_code not in (200, 204):
                raise SmokeFailed(f"deleting the post answered {answer.status_code}")
        if self._client.cookies:
            self._client.post("/api/auth/logout")
        return "post deleted, signed out" if self._post_id else "nothing to delete"

    def _search_feed(self) -> dict[str, Any] | None:
        cursor = ""
        with httpx2.Client(base_url=self._client.base_url, timeout=self._client.timeout) as visitor:
            for _ in range(_FEED_PAGES):
                page = _json(
                    visitor.get("/api/feed", params={"kind": "latest", **({"cursor": cursor} if cursor else {})}), 200
                )
                for post in page["posts"]:
                    if post["id"] == self._post_id:
                        return dict(post)
                cursor = page.get("cursor") or ""
                if not page.get("has_more"):
                    break
        return None


def _json(answer: httpx2.Response, *wanted: int) -> dict[str, Any]:
    """The body of an answer with one of the wanted statuses; SmokeFailed with what came otherwise."""
    if answer.status_code not in wanted:
        raise SmokeFailed(
            f"{answer.request.method} {answer.request.url.path} answered {answer.status_code}: {answer.text[:300]}"
        )
    if "json" not in answer.headers.get("content-type", ""):
        raise SmokeFailed(f"{answer.request.url.path} answered no JSON")
    return dict(answer.json())
