"""How a photo stands in a page: which of its files a browser may choose from."""

from __future__ import annotations

import re
from uuid import uuid4

from ments.media.model import MediaKind
from ments.media.shown import VariantView
from ments.posts.model import MediaView
from ments.web.pages import templates


def variant(width: int, kind: str) -> VariantView:
    url = f"/p/1/p1/w{width}.{kind}"
    return VariantView(f"w{width}", MediaKind.PHOTO, url, f"image/{kind}", width, width // 2, 1000, 0)


def draw(variants: list[VariantView], of: int = 1) -> str:
    media = MediaView(
        id=uuid4(),
        media_url="/p/1/p1/w2016.webp",
        media_type="photo",
        media_thumbnail="/p/1/p1/w640.webp",
        width=2016,
        height=1512,
        duration_s=None,
        alt_text='A "view"',
        status="ready",
        progress=1.0,
        error=None,
        blurhash=None,
        hls_url=None,
        variants=variants,
        filename=None,
    )
    return str(templates().get_template("media/frames.html").module.photo(media, 1, of))  # type: ignore[attr-defined]  # a macro


def test_a_browser_chooses_among_the_smaller_files_and_takes_avif_first() -> None:
    widths = (320, 640, 1280, 2016)
    page = draw([*(variant(width, "webp") for width in widths), *(variant(width, "avif") for width in widths[1:])])
    chosen = re.findall(r'srcset="([^"]*)"', page)
    assert chosen == [
        "/p/1/p1/w640.avif 640w, /p/1/p1/w1280.avif 1280w",
        "/p/1/p1/w320.webp 320w, /p/1/p1/w640.webp 640w, /p/1/p1/w1280.webp 1280w",
    ]
    assert (
        page.index("<picture>")
        < page.index('<source type="image/avif"')
        < page.index("<img")
        < page.index("</picture>")
    )
    assert 'src="/p/1/p1/w2016.webp"' in page
    assert 'href="/p/1/p1/w2016.webp" data-lightbox' in page
    assert page.count('sizes="(max-width: 820px) 100vw, 768px"') == 2
    assert 'sizes="(max-width: 820px) 62vw, 476px"' in draw([variant(640, "webp")], of=3)


def test_without_avif_there_is_only_the_picture() -> None:
    page = draw([variant(640, "webp")])
    assert "<picture>" not in page
    assert 'srcset="/p/1/p1/w640.webp 640w"' in page


def test_a_photo_whose_files_are_all_large_is_shown_as_it_is() -> None:
    assert "srcset" not in draw([variant(1900, "webp")])
