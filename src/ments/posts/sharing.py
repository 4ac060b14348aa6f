"""What another site shows of a link to a post: title, words, picture, video. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ments.posts.model import MediaView, PostView, Visibility
from ments.web.pages import absolute
from ments.web.words import first_line

_TITLE_MAX = 70
_DESCRIPTION_MAX = 200


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A picture or video by its full address. Sizes in px, where known."""

    url: str
    type: str
    width: int | None
    height: int | None
    alt: str


@dataclass(frozen=True, slots=True)
class ShareCard:
    """The metadata of a shared link; `url` is the post's own, full address."""

    url: str
    title: str
    description: str
    image: SharedFile | None
    video: SharedFile | None


def share_card(post: PostView, site: str) -> ShareCard:
    """Describe a post for other sites; a post that is not for everybody shows its words and files to nobody."""
    name = post.author.full_name or post.author.username
    url = f"{site}/post/{post.id}"
    if post.visibility is not Visibility.PUBLIC:
        return ShareCard(url, f"{name} on ments", "A post on ments.", None, None)
    playing = [media for media in post.media if media.media_url]
    return ShareCard(
        url=url,
        title=f"{name}: {first_line(post.content, _TITLE_MAX)}" if post.content else f"{name} on ments",
        description=first_line(post.content, _DESCRIPTION_MAX) or _what_is_shown(playing),
        image=next((image for media in playing if (image := _image(media, site))), None),
        video=next((video for media in playing if (video := _video(media, site))), None),
    )


def _image(media: MediaView, site: str) -> SharedFile | None:
    address = media.media_url if media.media_type == "photo" else media.media_thumbnail
    if not address:
        return None
    kind = "image/webp" if address.endswith(".webp") else "image/jpeg"
    return SharedFile(absolute(site, address), kind, media.width, media.height, media.alt_text)


def _video(media: MediaView, site: str) -> SharedFile | None:
    if media.media_type != "video" or not media.media_url:
        return None
    return SharedFile(absolute(site, media.media_url), "video/mp4", media.width, media.height, media.alt_text)


def _what_is_shown(playing: list[MediaView]) -> str:
    described = next((media.alt_text for media in playing if media.alt_text), "")
    kinds = {media.media_type for media in playing}
    return described or ("A video." if "video" in kinds else "A photo." if "photo" in kinds else "A post on ments.")
