"""What made-up people are called, and what they write: topics are as uneven as real ones. Pure, but for numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ments.seed.binary import Ragged, pick, table
from ments.seed.plan import Numbers

_TOPICS = [
    "pricing",
    "churn",
    "hiring",
    "runway",
    "demo",
    "onboarding",
    "pitch",
    "retention",
    "growth",
    "design",
    "support",
    "launch",
    "waitlist",
    "fundraising",
    "customers",
    "roadmap",
    "pivot",
    "burnrate",
    "seo",
    "ads",
    "newsletter",
    "interviews",
    "cofounder",
    "equity",
    "security",
    "infra",
    "latency",
    "mvp",
]
_OPENINGS = (
    "Shipped the first cut of",
    "Three things we learnt about",
    "Does anybody else struggle with",
    "A small win today:",
    "Ask me anything about",
    "We were wrong about",
    "Looking for help with",
    "Half a year of work on",
)
_CLOSINGS = (
    "More tomorrow.",
    "What would you do?",
    "Numbers in the replies.",
    "It took longer than I thought.",
    "Thanks to everybody who tried it.",
    "Happy to share the template.",
)
_FIRST_NAMES = [
    "Ada",
    "Bela",
    "Cleo",
    "Dina",
    "Emil",
    "Fred",
    "Gus",
    "Hana",
    "Ines",
    "Jona",
    "Kira",
    "Lars",
    "Mara",
    "Nils",
    "Olga",
    "Pia",
    "Quin",
    "Rosa",
    "Sven",
    "Tove",
]
_LAST_NAMES = [
    "Adler",
    "Blum",
    "Costa",
    "Duran",
    "Evers",
    "Falk",
    "Gold",
    "Hoff",
    "Iversen",
    "Jung",
    "Kern",
    "Lind",
    "Moss",
    "Nagy",
    "Oster",
    "Park",
    "Quist",
    "Rau",
    "Stein",
    "Toth",
]
_PARTS = 997
# Heads end before the number of the part; tails are the closings, with each tag and, first, with none.
_HEADS = table([f"{opening} {topic}, part " for opening in _OPENINGS for topic in _TOPICS])
_NUMBERS = table([str(part) for part in range(_PARTS)])
_TAILS = table([f". {closing}{tag}" for closing in _CLOSINGS for tag in ("", *(f" #{topic}" for topic in _TOPICS))])
_TAGS = table(_TOPICS)
_FULL_NAMES = table([f"{first} {last}" for last in _LAST_NAMES for first in _FIRST_NAMES])
_HEADLINES = table([f"Founder, {topic}" for topic in _TOPICS])


@dataclass(frozen=True)
class Said:
    """What posts say, in pieces that follow each other, and which topics their hashtags are of: -1 is none."""

    pieces: tuple[Ragged, Ragged, Ragged]
    tags: Numbers


def words(numbers: Numbers) -> Said:
    """The words of posts; of every third, a hashtag ends them."""
    mixed = numbers * 2_654_435_761 % 2**32
    topics = (mixed % 1_009) * (mixed // 1_009 % 997) * len(_TOPICS) // (1_009 * 997)
    tags = np.where(mixed % 3 == 0, topics, -1)
    heads = pick(_HEADS, mixed // 7 % len(_OPENINGS) * len(_TOPICS) + topics)
    tails = pick(_TAILS, mixed // 61 % len(_CLOSINGS) * (len(_TOPICS) + 1) + tags + 1)
    return Said((heads, pick(_NUMBERS, numbers % _PARTS), tails), tags)


def tag_names(tags: Numbers) -> Ragged:
    """The names of hashtags."""
    return pick(_TAGS, tags)


def full_names(numbers: Numbers) -> Ragged:
    """The names of people."""
    return pick(_FULL_NAMES, numbers % len(_FULL_NAMES.lengths))


def headlines(numbers: Numbers) -> Ragged:
    """What people say of themselves."""
    return pick(_HEADLINES, numbers % len(_TOPICS))


def username(seed: int, number: int) -> str:
    """The name of a made-up account."""
    return f"seed{seed}_{number}"
