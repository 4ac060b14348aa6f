"""The templates, drawn with all that they are given and nothing more: a name that is missing fails here."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ments.accounts.model import Viewer
from ments.feeds.model import FeedKind, FeedPage, FeedSource, Landing, Tile
from ments.feeds.pages import Tab
from ments.media.model import MediaKind
from ments.media.shown import ErrorView, VariantView
from ments.posts.model import (
    AuthorView,
    EnvironmentView,
    MediaView,
    PostView,
    ReplyPage,
    ShownStatus,
    Visibility,
)
from ments.posts.sharing import share_card
from ments.relationships.model import PeoplePage, Person, Profile, TiesView
from ments.web.pages import draw
from ments.web.words import count

ID = UUID("6f1c2a7e-0000-4000-8000-000000000001")
NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
MARA = Viewer(ID, "mara", "Mara Oyelaran", None, False, False)
ROOM = EnvironmentView(ID, "mvp", "MVP")


@pytest.fixture(autouse=True, scope="module")
def _built_files() -> object:
    """Stand-ins for what `npm run build` makes: these tests are about markup."""
    from ments.web import assets

    before = dict(assets._manifest)
    names = ("main.js", "main.css", "theme.js", "icons.svg", "favicon.svg", "touch-icon.png")
    assets._manifest.update({name: f"built-{name}" for name in names})
    yield
    assets._manifest.clear()
    assets._manifest.update(before)


def make_media(**changes: object) -> MediaView:
    media = MediaView(
        id=ID,
        media_url="/p/x/p1/720p.mp4",
        media_type="video",
        media_thumbnail="/p/x/p1/poster.jpg",
        width=1280,
        height=720,
        duration_s=151.0,
        alt_text="A lake",
        status="ready",
        progress=1.0,
        error=None,
        blurhash="LEHV6nWB2yk8pyo0adR*.7kCMdnj",
        hls_url=None,
        variants=[VariantView("720p", MediaKind.VIDEO, "/p/x/p1/720p.mp4", "video/mp4", 1280, 720, 1000, 100)],
        filename=None,
    )
    return replace(media, **changes)  # type: ignore[arg-type]  # fields by name


def make_post(content: str = "Day nine at the reservoir.", **changes: object) -> PostView:
    post = PostView(
        id=ID,
        content=content,
        created_at=NOW,
        published_at=NOW,
        edited_at=None,
        status=ShownStatus.PUBLISHED,
        visibility=Visibility.PUBLIC,
        author=AuthorView(ID, "mara", None, "Mara Oyelaran", "Tidewell", False),
        environment=ROOM,
        media=[],
        poll=None,
        likes=0,
        replies=1284,
        reposts=0,
        parent_post_id=None,
    )
    return replace(post, **changes)  # type: ignore[arg-type]  # fields by name


def draw_page(template: str, viewer: Viewer | None, **context: object) -> str:
    return draw(
        template,
        layout="web/layout.html",
        path="/",
        site="http://x.test",
        viewer=viewer,
        signed_in=viewer is not None,
        **context,
    )


def draw_feed(*posts: PostView, viewer: Viewer | None = MARA) -> str:
    page = FeedPage(list(posts), "abc", True, FeedSource.CACHE)
    return draw_page(
        "feeds/home.html", viewer, page=page, base="/", room=None, environments=[ROOM], tiles=[], trending=[], kind=FeedKind.LATEST,
        tabs=[Tab("Latest", "/", True)],
    )  # fmt: skip


# The first page compiles every template.
@settings(deadline=None)
@given(st.text(max_size=80))
def test_a_post_says_its_words_and_nothing_of_them_is_markup(text: str) -> None:
    page = draw_feed(make_post(f"<script>{text}"))
    assert "<script>" not in page.split("<body", 1)[1]
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("media", "status", "sees"),
    [
        (make_media(media_url=None, status="queued", variants=[]), "waiting", "Queued"),
        (make_media(media_url=None, status="processing", progress=0.64, variants=[]), "waiting", "64%"),
        (make_media(media_url=None, status="uploading", variants=[], media_type=None), "waiting", "Still uploading"),
        (make_media(status="failed", media_url=None, error=ErrorView("dts", "The sound is DTS.")), "failed", "The sound is DTS."),
    ],
)  # fmt: skip
def test_states_are_for_the_author(media: MediaView, status: str, sees: str) -> None:
    post = make_post(media=[media], status=ShownStatus(status), published_at=None)
    assert sees in draw_feed(post)


def test_a_video_has_its_shape_its_poster_and_its_file_before_anything_arrives() -> None:
    page = draw_feed(make_post(media=[make_media()]))
    assert '<svg class="sizer" viewBox="0 0 16 9"' in page
    assert 'poster="/p/x/p1/poster.jpg"' in page
    assert '<source src="/p/x/p1/720p.mp4" type="video/mp4"' in page
    assert "2:31" in page


def test_nothing_in_a_page_needs_an_inline_style_or_script() -> None:
    page = draw_feed(make_post(media=[make_media(media_type="photo")] * 4), make_post(media=[make_media()]))
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script>|javascript:", page)


def test_more_posts_do_not_rename_the_page() -> None:
    assert 'hx-swap="outerHTML ignoreTitle:true"' in draw_feed(make_post())


def test_a_post_that_is_not_out_has_no_place_for_replies() -> None:
    failed = make_post(status=ShownStatus.FAILED, media=[make_media(status="failed", media_url=None)])
    for post, has_replies in ((make_post(), True), (failed, False)):
        page = draw_page(
            "posts/permalink.html",
            MARA,
            post=post,
            name="Mara",
            replies=ReplyPage([], None, False),
            reply_text="",
            reply_error=None,
            share=share_card(post, "http://x.test"),
        )
        assert ('id="replies"' in page) == has_replies


def test_only_the_author_is_offered_to_delete() -> None:
    assert "/delete" in draw_feed(make_post())
    assert "/delete" not in draw_feed(make_post(), viewer=replace(MARA, id=UUID(int=2)))
    assert "/delete" not in draw_feed(make_post(), viewer=None)


def test_the_permalink_describes_itself_to_other_sites() -> None:
    post = make_post(media=[make_media()])
    context = {
        "post": post, "name": "Mara Oyelaran", "replies": ReplyPage([make_post("Well done.")], None, False),
        "reply_text": "", "reply_error": None, "share": share_card(post, "https://ments.example"),
    }  # fmt: skip
    page = draw_page("posts/permalink.html", None, **context)
    assert '<meta property="og:title" content="Mara Oyelaran: Day nine at the reservoir.">' in page
    assert '<meta property="og:video" content="https://ments.example/p/x/p1/720p.mp4">' in page
    assert '<meta property="og:image" content="https://ments.example/p/x/p1/poster.jpg">' in page
    assert draw_page("posts/permalink.html", MARA, **context)


def test_a_post_that_is_not_for_everybody_tells_other_sites_nothing() -> None:
    card = share_card(
        make_post("A secret.", visibility=Visibility.PRIVATE, media=[make_media()]), "https://ments.example"
    )
    assert "secret" not in f"{card.title}{card.description}"
    assert card.image is None
    assert card.video is None


NO_TIES = TiesView(False, False, False, False)


@pytest.mark.parametrize(
    ("ties", "offered"),
    [
        (NO_TIES, ["Follow", "Mute", "Block"]),
        (replace(NO_TIES, follows=True), ["Following", "Mute", "Block"]),
        (replace(NO_TIES, followed_by=True), ["Follow back", "Mute", "Block"]),
        (replace(NO_TIES, mutes=True), ["Follow", "Unmute", "Block"]),
    ],
    ids=["none", "follows", "followed_by", "mutes"],
)
def test_a_profile_offers_what_can_be_done(ties: TiesView, offered: list[str]) -> None:
    empty = FeedPage([], None, False, FeedSource.CACHE)
    wen = Profile(UUID(int=7), "wen", "Wen <b>Zhao", "Slowboat", None, True, NOW, 1, 1200, 10000, ties)
    page = draw_page("feeds/profile.html", MARA, person=wen, page=empty, base="/profile/wen")
    buttons = re.findall(r'<button[^>]* type="submit"[^>]*>(?:<svg.*?</svg>)?([^<]*)', page[page.index("<main") :])
    assert sorted(button.strip() for button in buttons) == sorted(offered)
    for text in ("<b>1</b> follower<", "<b>1,200</b> following", f"<b>{count(10_000)}+</b> posts"):
        assert text in page
    assert "<b>Zhao" not in page
    for visitor in (None, replace(MARA, id=wen.id)):
        page = draw_page(
            "feeds/profile.html", visitor, person=replace(wen, viewer=None), page=empty, base="/profile/wen"
        )
        assert "/profile/wen/follow" not in page.replace("/profile/wen/followers", "").replace(
            "/profile/wen/following", ""
        )


@pytest.mark.parametrize("which", ["followers", "following"])
def test_a_list_of_people(which: str) -> None:
    wen = Profile(UUID(int=7), "wen", "Wen Zhao", "", None, False, NOW, 1, 1, 0, NO_TIES)
    people = PeoplePage([Person(ID, "mara", "", "Tidewell", None, True, None)], "abc", True)
    for one, says in ((people, "@mara"), (PeoplePage([], None, False), "Nobody yet")):
        base = f"/profile/wen/{which}"
        page = draw_page("relationships/people.html", None, person=wen, people=one, which=which, base=base)
        assert says in page
    assert "Unblock" in draw_page("relationships/blocked.html", MARA, person=wen)


def test_the_landing_page() -> None:
    tile = Tile(
        ID, ID, "/p/x/p1/poster.jpg", 1280, 720, None, "A lake", 151.0, "First night", "Mara Oyelaran, Tidewell"
    )
    page = draw_page(
        "feeds/landing.html",
        None,
        redirect="/create?a=1&b=2",
        landing=Landing(accounts=1284, environments=12, tiles=[tile] * 6),
        environments=[ROOM],
        page=FeedPage([make_post()], None, False, FeedSource.CACHE),
    )
    assert "1,284" in page
    assert page.count("mosaic") == 1
    assert 'name="redirect" value="/create?a=1&amp;b=2"' in page
    assert "/register?redirect=/create%3Fa%3D1%26b%3D2" in page


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (None, "Sign in"),
        ({"code": "wrong_login", "message": "no", "tries_left": 4}, "Four tries left before a ten-minute pause."),
        ({"code": "wrong_login", "message": "no", "tries_left": 1}, "One try left"),
        ({"code": "sign_in_paused", "message": "x", "paused_until": NOW.isoformat(), "retry_after_s": 558}, "Try again in 9:18"),
        ({"code": "too_many_requests", "message": "Wait a minute.", "retry_after_s": 60}, "Wait a minute."),
        ({"code": "invalid_fields", "message": "Enter it.", "errors": []}, "Enter it."),
        ({"code": "cross_site", "message": "Not from here."}, "Not from here."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("template", ["accounts/login.html", "accounts/register.html"])
def test_the_forms_say_what_is_wrong(template: str, problem: dict[str, object] | None, says: str) -> None:
    values = {"login": '"><b>', "email": '"><b>'}
    page = draw_page(template, None, redirect="/", values=values, errors={"login": "Cut off?", "email": "Cut off?"}, problem=problem)  # fmt: skip
    assert says in page or (problem is None and "Create the account" in page)
    assert "<b>" not in page
    assert 'aria-describedby="login-error"' in page or 'aria-describedby="email-error"' in page


def test_the_pages_that_have_little_to_say() -> None:
    mine = Profile(ID, "mara", "Mara", "", None, False, NOW, 0, 0, 0, NO_TIES)
    empty = FeedPage([], None, False, FeedSource.CACHE)
    assert "haven’t posted" in draw_page("feeds/profile.html", MARA, person=mine, page=empty, base="/profile/mara")
    assert "quiet in MVP" in draw_page(
        "feeds/home.html", None, page=empty, base="/browse", room=ROOM, environments=[ROOM], tiles=[], trending=[], tabs=[], kind=FeedKind.LATEST
    )  # fmt: skip
    tabs = [Tab("Latest", "/", False), Tab("Following", "/?kind=following", True)]
    assert "Nobody’s posts yet" in draw_page(
        "feeds/home.html", MARA, page=empty, base="/?kind=following", room=None, environments=[], tiles=[], trending=[], tabs=tabs,
        kind=FeedKind.FOLLOWING,
    )  # fmt: skip
    for number in (404, 503):
        assert draw_page("web/error.html", None, title="T", detail="D", trace_id="abc", number=number)
    assert draw_page("accounts/link.html", None, token="x")


def test_the_composer_keeps_what_was_written() -> None:
    kept = [SimpleNamespace(id=ID, filename="a.jpg", alt_text="A", media_thumbnail=None)]
    page = draw_page(
        "posts/create.html", MARA, environments=[ROOM], text="<Half> a post", chosen=str(ID), visibility="private",
        error="Too long.", instead=ID, kept=kept, poll=None,
    )  # fmt: skip
    assert "&lt;Half&gt; a post" in page
    assert f'value="{ID}" selected' in page
    assert 'value="private" selected' in page
    assert "Too long." in page
