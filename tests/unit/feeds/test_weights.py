"""How settings write weights and experiments."""

import pytest

from ments.weights import WEIGHTS, parse_experiments, parse_weights


def test_weights() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    changed = parse_weights("freshness=0.5, media=0", known=WEIGHTS)
    assert dict(changed) == {**WEIGHTS, "freshness": 0.5, "media": 0.0}
    assert parse_weights("", known=WEIGHTS) == WEIGHTS


@pytest.mark.parametrize(
    "written", ["colour=0.1", "media", "media=", "media=nan", "media=-1", "media=1.5", "media=0.1,media=0.2", "=1"]
)
def test_weights_that_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"feature|needs|twice"):
        parse_weights(written, known=WEIGHTS)


def test_experiments() -> None:
    fresh, other = parse_experiments("fresh: control=1 | fresher=3 freshness=0.4,media=0 ; other: a=50|b=50")
    assert (fresh.name, other.name) == ("fresh", "other")
    assert [(v.name, v.share, dict(v.weights)) for v in fresh.variants] == [
        ("control", 1.0, {}),
        ("fresher", 3.0, {"freshness": 0.4, "media": 0.0}),
    ]
    assert parse_experiments("") == ()


@pytest.mark.parametrize(
    "written",
    [
        "fresh",
        "fresh: only=1",
        "fresh: a=1 | a=2",
        "fresh: a=0 | b=0",
        "fresh: a=x | b=1",
        "fresh: a=1 | b=1 colour=1",
        "Fresh: a=1 | b=1",
        "one: a=1|b=1; one: a=1|b=1",
        ";".join(f"e{n}: a=1|b=1" for n in range(11)),
    ],
    ids=range(9),
)
def test_experiments_that_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_experiments(written)
