"""The verbs of media, one transaction each."""

from ments.media.actions.assemble import assemble_film, give_up_film
from ments.media.actions.audience import publish_audience
from ments.media.actions.captions import add_captions, list_captions, place_captions, remove_captions
from ments.media.actions.completion import complete_from_storage, complete_upload
from ments.media.actions.erase import erase_media
from ments.media.actions.give_up import give_up_media
from ments.media.actions.improve import improve_photo
from ments.media.actions.pieces import encode_piece, give_up_piece
from ments.media.actions.playlists import find_film, show_line, show_master
from ments.media.actions.rebuild import give_up_rebuild, rebuild_media
from ments.media.actions.reprocess import count_to_reprocess, reprocess_media, transcode_again
from ments.media.actions.sweep import open_forgotten, sweep_media
from ments.media.actions.transcode import transcode_media
from ments.media.actions.uploads import Started, abort_upload, read_upload, sign_request, start_upload
from ments.media.actions.watch import read_media, watch_media

__all__ = [
    "Started",
    "abort_upload",
    "add_captions",
    "assemble_film",
    "complete_from_storage",
    "complete_upload",
    "count_to_reprocess",
    "encode_piece",
    "erase_media",
    "find_film",
    "give_up_film",
    "give_up_media",
    "give_up_piece",
    "give_up_rebuild",
    "improve_photo",
    "list_captions",
    "open_forgotten",
    "place_captions",
    "publish_audience",
    "read_media",
    "read_upload",
    "rebuild_media",
    "remove_captions",
    "reprocess_media",
    "show_line",
    "show_master",
    "sign_request",
    "start_upload",
    "sweep_media",
    "transcode_again",
    "transcode_media",
    "watch_media",
]
