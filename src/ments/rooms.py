"""What each room does by jobs: which tasks an event starts, and what the relay repeats.

Part of `app`, which joins the rest. A room's tasks are imported when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from ments.jobs import JobDied
from ments.jobs.rooms import RoomTasks


def _jobs() -> RoomTasks:
    from ments.jobs.ledger.turns import restart_all_turns

    return RoomTasks(periodic=(restart_all_turns,))


def _accounts() -> RoomTasks:
    from ments.accounts import tasks

    return RoomTasks(periodic=tasks.PERIODIC)


def _relationships() -> RoomTasks:
    from ments.relationships import tasks
    from ments.relationships.model import EVENTS

    # Timelines listen to some of these (`_feeds`), notices will.
    return RoomTasks(dict.fromkeys(EVENTS, ()), periodic=tasks.PERIODIC)


def _media() -> RoomTasks:
    from ments.media import job_events, tasks
    from ments.media.caption_tracks import CaptionsWanted

    return RoomTasks(
        {
            job_events.MediaUploaded: (tasks.transcode,),
            JobDied: (tasks.give_up_transcode,),
            job_events.FirstPieceWanted: (tasks.encode_first,),
            job_events.PieceWanted: (tasks.encode_piece,),
            job_events.PiecesStored: (tasks.assemble,),
            job_events.PhotoStored: (tasks.improve_photo,),
            job_events.RebuildWanted: (tasks.rebuild,),
            job_events.TranscodeAgain: (tasks.transcode_again,),
            CaptionsWanted: (tasks.place_captions,),
            job_events.PublicAudienceWanted: (tasks.publish_audience,),
            job_events.MediaReleased: (tasks.erase,),
            job_events.MediaFailed: (),
        },
        periodic=tasks.PERIODIC,
    )


def _ranking() -> RoomTasks:
    from ments.feeds import rank_tasks, trending_tasks
    from ments.feeds.events import FeedEventsSent
    from ments.feeds.rank_model import RankingWanted
    from ments.feeds.trending_overrides import TrendingOverridden

    return RoomTasks(
        {
            FeedEventsSent: (rank_tasks.write_feed_events,),
            RankingWanted: (rank_tasks.rank_feed,),
            TrendingOverridden: (trending_tasks.make_trending_anew,),
        },
        periodic=[*rank_tasks.PERIODIC, *trending_tasks.PERIODIC],
    )


def _posts() -> RoomTasks:
    from ments.media.job_events import MediaFinished, MediaForPost, MediaPlayable
    from ments.posts import tasks

    return RoomTasks(
        {
            MediaPlayable: (tasks.publish_waiting,),
            MediaForPost: (tasks.attach_adopted,),
            MediaFinished: (tasks.tell_media_finished,),
        },
        periodic=tasks.PERIODIC,
    )


def _feeds() -> RoomTasks:
    from ments.feeds import fan_out_tasks, tasks
    from ments.posts.model import PostChanged, PostDeleted, PostPublished
    from ments.relationships.model import Followed, Unfollowed

    return RoomTasks(
        {
            PostPublished: (tasks.purge_after_publish, fan_out_tasks.push_post),
            PostChanged: (tasks.purge_after_change,),
            PostDeleted: (tasks.purge_after_delete,),
            Followed: (fan_out_tasks.remake_after_follow,),
            Unfollowed: (fan_out_tasks.remake_after_unfollow,),
        },
        periodic=fan_out_tasks.PERIODIC,
    )


ROOMS: dict[str, Callable[[], RoomTasks]] = {
    "jobs": _jobs,
    "accounts": _accounts,
    "relationships": _relationships,
    "media": _media,
    "ranking": _ranking,
    "posts": _posts,
    "feeds": _feeds,
}
"""What each room does by jobs: which tasks an event starts, and what the relay repeats."""
