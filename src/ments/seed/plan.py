"""Who follows whom and who likes what, drawn from power laws; the same numbers give the same place. Pure, but for numpy."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ments.errors import Invalid

Numbers = NDArray[np.int64]

ACCOUNTS_MAX = 5_000_000
POSTS_MAX = 50_000_000
PAIRS_MAX = 200_000_000
SEED_MAX = 9_999

_FOLLOWED = 2.5
_WRITES = 1.8
_LIKED = 2.2
"""A rank is the size times u to this power, u even: with 2.5 the first of a million is followed by 0.4 % of all."""

_EXTRA = 1.15
_ROUNDS_MAX = 40
_DENSE = 0.25
"""Of all pairs that can be, at most so many: drawing pairs until enough differ would take for ever."""


class SeedRefused(Invalid):
    """Such a place can't be made."""

    code = "seed_refused"


@dataclass(frozen=True)
class SeedPlan:
    """How large the place is.

    seed  0..9999: another one, another place beside the first
    """

    accounts: int
    posts: int
    follows: int
    likes: int
    seed: int = 1

    def __post_init__(self) -> None:
        bounds = {
            "accounts": (self.accounts, 1, ACCOUNTS_MAX),
            "posts": (self.posts, 0, POSTS_MAX),
            "follows": (self.follows, 0, min(PAIRS_MAX, int(_DENSE * self.accounts * (self.accounts - 1)))),
            "likes": (self.likes, 0, min(PAIRS_MAX, int(_DENSE * self.accounts * self.posts))),
            "seed": (self.seed, 0, SEED_MAX),
        }
        for name, (value, least, most) in bounds.items():
            if not least <= value <= most:
                raise SeedRefused(f"--{name} goes from {least} to {most} here, and was {value}.")

    @property
    def place(self) -> int:
        """What ids are made of, 48 bits: another size is another place, which has the same names and so can't stand beside it."""
        sizes = f"{self.accounts}:{self.posts}:{self.follows}:{self.likes}"
        return self.seed << 32 | zlib.crc32(sizes.encode())

    @cached_property
    def follow_pairs(self) -> Numbers:
        """Each follow as follower * accounts + followee, in the order of followers; none is there twice."""
        return self._draw_pairs(b"follows", self.follows, _FOLLOWED, self.accounts, lone=True)

    @cached_property
    def like_pairs(self) -> Numbers:
        """Each like as account * posts + post, in the order of accounts, which their primary key begins with."""
        pairs = self._draw_pairs(b"likes", self.likes, _LIKED, self.posts, lone=False)
        return np.sort(pairs % self.accounts * self.posts + pairs // self.accounts)

    @cached_property
    def authors(self) -> Numbers:
        """The author of each post."""
        dice = self._dice(b"authors")
        return self._shuffled(b"people", self.accounts)[_ranks(dice, self.posts, self.accounts, _WRITES)]

    def count_followers(self) -> Numbers:
        return np.bincount(self.follow_pairs % self.accounts, minlength=self.accounts)

    def count_following(self) -> Numbers:
        return np.bincount(self.follow_pairs // self.accounts, minlength=self.accounts)

    def count_likes(self) -> Numbers:
        return np.bincount(self.like_pairs % max(1, self.posts), minlength=max(1, self.posts))

    def _draw_pairs(self, what: bytes, wanted: int, power: float, targets: int, *, lone: bool) -> Numbers:
        """Draw pairs of somebody and a target, ascending. `lone`: the targets are accounts, and come second in the pair."""
        if wanted == 0:
            return np.empty(0, dtype=np.int64)
        dice, order = self._dice(what), self._shuffled(b"people" if lone else b"liked", targets)
        found = np.empty(0, dtype=np.int64)
        for _ in range(_ROUNDS_MAX):
            missing = int((wanted - len(found)) * _EXTRA) + 16
            people = dice.integers(0, self.accounts, missing)
            chosen = order[_ranks(dice, missing, targets, power)]
            pairs = people * self.accounts + chosen if lone else chosen * self.accounts + people
            if lone:
                pairs = pairs[people != chosen]
            found = _distinct(np.concatenate((found, pairs)))
            if len(found) >= wanted:
                # Any of them will do, but not the first ones, which are those of the first accounts.
                return np.sort(dice.permutation(found)[:wanted])
        raise SeedRefused("So many pairs do not fit into so small a place. Ask for fewer, or for more accounts.")

    def _shuffled(self, what: bytes, size: int) -> Numbers:
        """Ranks belong to whoever: else the oldest accounts would be the best known."""
        return self._dice(what + b" order").permutation(size)

    def _dice(self, what: bytes) -> np.random.Generator:
        return np.random.default_rng([self.seed, *what])


def _ranks(dice: np.random.Generator, count: int, size: int, power: float) -> Numbers:
    return np.minimum(size - 1, (size * dice.random(count) ** power).astype(np.int64))


def _distinct(numbers: Numbers) -> Numbers:
    """Each once, ascending: numpy's own `unique` hashes first, and takes eighty times as long for millions."""
    ordered = np.sort(numbers)
    return ordered[np.diff(ordered, prepend=-1) > 0]
