"""Failed media once more: what was our trouble is begun again by its owner; what lies in the file is not."""

from __future__ import annotations

from pathlib import Path

import originals
from films import make_ready
from ments.parts import Parts
from posting import list_jobs, make_member, open_api
from uploaded import id_of, make_queued, row_of, set_row


async def test_what_failed_by_our_trouble_is_begun_again_by_its_owner(parts: Parts, tmp_path: Path) -> None:
    mara, stranger = await make_member(parts), await make_member(parts)
    event = await make_queued(parts, mara, originals.make_video(tmp_path / "a.mp4", size="320x180", seconds=1))
    address = f"/api/media/{id_of(event)}/retry"
    async with open_api(parts) as api:
        post = {"content": "Nine hours", "media_ids": [str(id_of(event))]}
        posted = (await api.post("/api/posts", json=post, headers=mara.headers)).json()
        await set_row(parts, event, "status = 'failed', error_code = 'never_finished', error_text = 'Our trouble.'")
        assert (await api.post(address)).status_code == 401
        assert (await api.post(address, headers=stranger.headers)).status_code == 404
        shown = (await api.get(f"/api/media/{id_of(event)}", headers=mara.headers)).json()
        assert shown["error"] == {"code": "never_finished", "message": "Our trouble.", "can_retry": True}
        page = (await api.get(f"/post/{posted['id']}", headers={**mara.headers, "Accept": "text/html"})).text
        assert f'action="/post/{posted["id"]}/retry/{id_of(event)}"' in page
        assert (await api.post(address, headers=mara.headers)).status_code == 202
        row = await row_of(parts, event)
        assert (row["status"], row["error_code"]) == ("queued", None)
        assert (await api.post(address, headers=mara.headers)).status_code == 202
    assert len(await list_jobs(parts, "transcode")) == 1
    await make_ready(parts, event)
    assert (await row_of(parts, event))["status"] == "ready"


async def test_a_file_that_would_fail_again_is_not_begun(parts: Parts, tmp_path: Path) -> None:
    mara = await make_member(parts)
    event = await make_queued(parts, mara, originals.written(tmp_path / "a.mp4", b"no film"))
    async with open_api(parts) as api:
        await set_row(parts, event, "status = 'failed', error_code = 'unreadable', error_text = 'No film.'")
        refused = await api.post(f"/api/media/{id_of(event)}/retry", headers=mara.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_to_be_retried")
        await set_row(parts, event, "error_code = 'never_finished'")
        await parts.bucket.delete(event.key)
        missing = await api.post(f"/api/media/{id_of(event)}/retry", headers=mara.headers)
        assert (missing.status_code, missing.json()["code"]) == (409, "upload_missing")
    assert (await row_of(parts, event))["status"] == "failed"
