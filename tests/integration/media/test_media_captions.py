"""Captions over HTTP: who may give them, where they lie, which playlist lists them, and what becomes of them as the film moves."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

import originals
from films import finish, make_ready
from ments.media.caption_tracks import CaptionsWanted
from ments.media.job_events import MediaReleased, MediaUploaded, PublicAudienceWanted
from ments.media.tasks import erase, place_captions, publish_audience, transcode
from ments.parts import Parts
from posting import Member, fetch_row, job_of, list_jobs, make_member, open_api
from uploaded import files_of, id_of, make_queued, row_of, run_of

VTT = b"WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nIt has been <i>under</i> for nine hours.\n"
SRT = "1\n00:00:00,500 --> 00:00:01,900\nNeun Stunden unter Wasser, trotz Böen.\n".encode()


@pytest.fixture
async def film(parts: Parts, tmp_path: Path) -> tuple[Member, MediaUploaded]:
    """A member's film that waits to be transcoded, private."""
    mara = await make_member(parts)
    return mara, await make_queued(parts, mara, originals.make_video(tmp_path / "a.mp4", size="426x240", seconds=2))


async def give(
    api: httpx2.AsyncClient, event: MediaUploaded, member: Member | None, data: bytes = VTT, **query: str
) -> httpx2.Response:
    address = f"/api/media/{id_of(event)}/captions"
    headers = {"Content-Type": "application/octet-stream", **(member.headers if member else {})}
    return await api.post(address, params={"language": "en", **query}, content=data, headers=headers)


async def read(parts: Parts, event: MediaUploaded, file: str) -> str:
    stored = await parts.bucket.read_bytes(f"media/{id_of(event)}/{file}")
    assert stored is not None, file
    return stored.decode()


async def follow_up(parts: Parts, event: MediaUploaded) -> None:
    """The job that every change asks for."""
    await place_captions(parts, job_of("place_captions"), CaptionsWanted(id_of(event)))


async def test_captions_of_a_film_lie_beside_it_and_are_listed(
    parts: Parts, film: tuple[Member, MediaUploaded]
) -> None:
    mara, event = film
    await make_ready(parts, event)
    async with open_api(parts) as api:
        english = await give(api, event, mara, label="English")
        assert english.status_code == 201, english.text
        german = await give(api, event, mara, SRT, language="de-at")
        assert german.json()["label"] == "de-AT"
        shown = (await api.get(f"/api/media/{id_of(event)}", headers=mara.headers)).json()
    row = await row_of(parts, event)
    assert [caption["language"] for caption in shown["captions"]] == ["de-AT", "en"]
    assert shown["captions"][1]["url"] == english.json()["url"]
    assert shown["hls_url"].endswith(f"/s1/{row['hls_file']}")
    assert row["hls_file"].startswith("master-")
    file = english.json()["url"].rsplit("/", 1)[1]
    assert "It has been <i>under</i> for nine hours." in await read(parts, event, f"s1/{file}")
    playlist = file.replace(".vtt", ".m3u8")
    assert file in await read(parts, event, f"s1/{playlist}")
    master = await read(parts, event, f"s1/{row['hls_file']}")
    assert f'NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="{playlist}"' in master
    assert 'NAME="de-AT"' in master
    assert master.count('SUBTITLES="captions"') == master.count("#EXT-X-STREAM-INF")
    # The one before says what it said.
    assert "SUBTITLES" not in await read(parts, event, "s1/master.m3u8")
    jobs = len(await list_jobs(parts, "place_captions"))
    await follow_up(parts, event)
    assert (await row_of(parts, event))["hls_file"] == row["hls_file"]
    assert jobs == 2


async def test_new_captions_of_a_language_take_the_place_of_the_old_under_another_name(
    parts: Parts, film: tuple[Member, MediaUploaded]
) -> None:
    mara, event = film
    await make_ready(parts, event)
    async with open_api(parts) as api:
        old = (await give(api, event, mara)).json()["url"].rsplit("/", 1)[1]
        new = (await give(api, event, mara, SRT)).json()["url"].rsplit("/", 1)[1]
        assert new != old
        files = await files_of(parts, event)
        assert f"s1/{new}" in files
        assert not [name for name in files if old in name]
        removed = await api.delete(f"/api/media/{id_of(event)}/captions/EN", headers=mara.headers)
        assert removed.status_code == 204
        again = await api.delete(f"/api/media/{id_of(event)}/captions/en", headers=mara.headers)
        assert (again.status_code, again.json()["code"]) == (404, "captions_not_found")
    files = await files_of(parts, event)
    assert not [name for name in files if name.endswith(".vtt") and "storyboard" not in name]
    assert "SUBTITLES" not in await read(parts, event, f"s1/{(await row_of(parts, event))['hls_file']}")


async def test_captions_given_before_a_film_plays_join_it_and_follow_it_to_its_public_files(
    parts: Parts, film: tuple[Member, MediaUploaded]
) -> None:
    mara, event = film
    async with open_api(parts) as api:
        early = await give(api, event, mara, label="English")
        assert (early.status_code, early.json()["url"]) == (201, None)
        await transcode(parts, run_of(), event)
        await follow_up(parts, event)
        listed = (await api.get(f"/api/media/{id_of(event)}/captions", headers=mara.headers)).json()
        assert "/s1/en-" in listed[0]["url"]
        await finish(parts)
        await follow_up(parts, event)
        row = await row_of(parts, event)
        assert 'LANGUAGE="en"' in await read(parts, event, f"s1/{row['hls_file']}")
        file = listed[0]["url"].rsplit("/", 1)[1]
        assert file in "".join(await files_of(parts, event))
        await publish_audience(parts, job_of("publish_audience"), PublicAudienceWanted(id_of(event)))
        await follow_up(parts, event)
        row = await row_of(parts, event)
        assert 'LANGUAGE="en"' in await read(parts, event, f"{row['generation']}/{row['hls_file']}")
        assert await read(parts, event, f"{row['generation']}/{file}")
    caption = await fetch_row(parts, "select generation from media_captions where media_id = %s", id_of(event))
    assert caption["generation"] == row["generation"] == "p2"
    # Each change of files has asked for the job that was done here by hand.
    assert len(await list_jobs(parts, "place_captions")) == 4


async def test_only_their_owner_gives_captions_and_only_who_may_see_them_is_told(
    parts: Parts, film: tuple[Member, MediaUploaded]
) -> None:
    mara, event = film
    await make_ready(parts, event)
    stranger = await make_member(parts)
    async with open_api(parts) as api:
        assert (await give(api, event, None)).status_code == 401
        assert (await give(api, event, stranger)).status_code == 404
        address = f"/api/media/{id_of(event)}/captions"
        assert (await api.get(address)).status_code == 404
        assert (await api.get(address, headers=stranger.headers)).status_code == 404
        assert (await api.delete(f"{address}/en", headers=stranger.headers)).status_code == 404
        assert (await api.delete(f"{address}/en")).status_code == 401
        await publish_audience(parts, job_of("publish_audience"), PublicAudienceWanted(id_of(event)))
        assert (await give(api, event, mara)).status_code == 201
        post = {"content": "Nine hours", "media_ids": [str(id_of(event))], "visibility": "public"}
        posted = (await api.post("/api/posts", json=post, headers=mara.headers)).json()
        assert posted["status"] == "published"
        assert (await give(api, event, stranger)).status_code == 403
        assert (await api.delete(f"{address}/en", headers=stranger.headers)).status_code == 403
        seen = (await api.get(address)).json()
        assert seen[0]["url"].startswith("/p/")
        card = (await api.get(f"/api/posts/{posted['id']}")).json()["media"][0]
        assert (card["captions"], card["hls_url"][:3]) == (seen, "/p/")


@pytest.mark.parametrize(
    ("data", "query", "code", "words"),
    [
        (b"WEBVTT\n\n00:00:05.000 --> 00:00:02.000\nx\n", {}, "captions_unreadable", "Line 3: "),
        (b"\x00\x01\x02 no text", {}, "no_captions", "no text file"),
        (b"hello\n", {}, "no_captions", "WebVTT (.vtt) or SubRip (.srt)"),
        (VTT, {"language": "klingon!"}, "unknown_language", "en, de or pt-BR"),
    ],
)
async def test_what_can_not_be_shown_is_refused_in_words(
    parts: Parts,
    film: tuple[Member, MediaUploaded],
    data: bytes,
    query: dict[str, str],
    code: str,
    words: str,
) -> None:
    mara, event = film
    async with open_api(parts) as api:
        refused = await give(api, event, mara, data, **query)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert words in refused.json()["detail"]
    assert not [name for name in await files_of(parts, event) if "captions" in name]


async def test_captions_may_come_as_json_and_go_with_their_film(
    parts: Parts, film: tuple[Member, MediaUploaded]
) -> None:
    mara, event = film
    address = f"/api/media/{id_of(event)}/captions"
    async with open_api(parts) as api:
        sent = await api.post(
            address, json={"language": "en", "text": VTT.decode(), "label": "E"}, headers=mara.headers
        )
        assert sent.status_code == 201, sent.text
        malformed = await api.post(address, json={"language": "en"}, headers=mara.headers)
        assert malformed.status_code == 400
    await erase(parts, job_of("erase_media"), MediaReleased((id_of(event),)))
    assert await files_of(parts, event) == []
    async with parts.primary.session() as session:
        left = await session.connection.execute("select 1 from media_captions where media_id = %s", (id_of(event),))
        assert await left.fetchone() is None
