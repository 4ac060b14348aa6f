"""Which queues a worker process serves."""

from __future__ import annotations

from typing import Any

import pytest

from ments.jobs.model import JobsError
from ments.jobs.slots import choose_slots
from ments.settings import Settings, read_settings


def settings(**more: Any) -> Settings:
    needed = dict.fromkeys(
        (
            "SECRET_KEY",
            "MEDIA_SIGNING_KEYS",
            "DATABASE_URL",
            "REDIS_URL",
            "S3_ENDPOINT_URL",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        ),
        "x" * 32,
    )
    return read_settings(needed | {"MENTS_MEDIA_CONCURRENCY": "2", "MENTS_LADDER_CONCURRENCY": "3"} | more)


def test_who_makes_media_playable_makes_them_better_too() -> None:
    assert choose_slots(settings(), ["media"]) == {"media": 2, "ladder": 3}
    assert choose_slots(settings(), ["media", "default"]) == {"media": 2, "ladder": 3, "default": 8}
    assert choose_slots(settings(), ["ladder"]) == {"ladder": 3}


def test_the_ladder_may_be_left_to_others() -> None:
    assert choose_slots(settings(MENTS_LADDER_CONCURRENCY="0"), ["media"]) == {"media": 2}
    with pytest.raises(JobsError, match="MENTS_LADDER_CONCURRENCY"):
        choose_slots(settings(MENTS_LADDER_CONCURRENCY="0"), ["ladder"])


@pytest.mark.parametrize("queues", [[], ["medja"], ["media", "x"]])
def test_there_is_no_other_queue(queues: list[str]) -> None:
    with pytest.raises(JobsError, match="choose from media, ladder, default"):
        choose_slots(settings(), queues)
