"""How settings write the weights of a ranking, and the variants of an experiment with them. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_NAME = re.compile(r"^[a-z][a-z0-9_-]{0,39}$")
_EXPERIMENTS_MAX = 10
_VARIANTS_MAX = 8

DEFAULT_WEIGHTS = (
    "following=0.20,engagement=0.15,interaction=0.15,virality=0.10,creator=0.10,topic=0.10,freshness=0.10,"
    "network=0.05,form=0.03,media=0.02"
)
"""The features of a ranking by name, and what each counts for; the names are all that there are."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to do it: its share of the accounts (relative to the other variants'), and the weights that differ."""

    name: str
    share: float
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Experiment:
    """Ways of ranking that are compared; each account is in one of them."""

    name: str
    variants: tuple[Variant, ...]


def parse_weights(text: str, *, known: Mapping[str, float] | None = None) -> Mapping[str, float]:
    """Read `name=number,...` as weights; those that are not named stay as in `known` (the default's).

    Raises ValueError, in words for operators, for an unknown or repeated name, or a number outside 0..1.
    """
    given: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if known is not None and name not in known:
            raise ValueError(f"{name!r} is no feature; they are {', '.join(known)}")
        if name in given:
            raise ValueError(f"{name!r} is named twice")
        given[name] = _read_number(name, number, most=1.0)
    return MappingProxyType({**(known or {}), **given})


def parse_experiments(text: str) -> tuple[Experiment, ...]:
    """Read `name: variant=share [feature=weight,...] | variant=share ...; name2: ...`; '' is no experiment.

    Raises ValueError, in words for operators.
    """
    experiments: list[Experiment] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, colon, rest = part.partition(":")
        name = _read_name(name.strip())
        variants = tuple(_parse_variant(one.strip()) for one in rest.split("|")) if colon else ()
        if not 2 <= len(variants) <= _VARIANTS_MAX:
            raise ValueError(f"{name!r} needs 2 to {_VARIANTS_MAX} variants, separated by |")
        if len({variant.name for variant in variants}) < len(variants):
            raise ValueError(f"{name!r} has two variants of one name")
        if sum(variant.share for variant in variants) <= 0:
            raise ValueError(f"the shares of {name!r} add up to nothing")
        experiments.append(Experiment(name, variants))
    if len({experiment.name for experiment in experiments}) < len(experiments):
        raise ValueError("two experiments have one name")
    if len(experiments) > _EXPERIMENTS_MAX:
        raise ValueError(f"{_EXPERIMENTS_MAX} experiments at once are enough")
    return tuple(experiments)


def _parse_variant(text: str) -> Variant:
    head, _, weights = text.partition(" ")
    name, _, share = head.partition("=")
    changed = parse_weights(weights, known=WEIGHTS)
    named = {part.partition("=")[0].strip() for part in weights.split(",")}
    return Variant(
        _read_name(name),
        _read_number(name, share, most=1e6),
        MappingProxyType({feature: weight for feature, weight in changed.items() if feature in named}),
    )


def _read_name(text: str) -> str:
    if not _NAME.match(text):
        raise ValueError(f"{text!r} is no name: lower case letters, digits, _ and -, a letter first, 40 at most")
    return text


def _read_number(name: str, text: str, *, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= most:
        raise ValueError(f"{name!r} needs a number from 0 to {most:g}, not {text!r}")
    return number


WEIGHTS = parse_weights(DEFAULT_WEIGHTS)
"""The default's, as they are read."""
