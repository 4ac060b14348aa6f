"""Which feed a reader gets."""

import pytest

from ments.errors import Unauthenticated
from ments.feeds.model import FeedKind, FeedKindUnavailable
from ments.feeds.rules import choose_kind


def test_kinds() -> None:
    assert choose_kind(None, signed_in=False) is FeedKind.LATEST
    assert choose_kind("", signed_in=True) is FeedKind.FOR_YOU
    assert choose_kind("latest", signed_in=True) is FeedKind.LATEST
    assert choose_kind("following", signed_in=True) is FeedKind.FOLLOWING
    with pytest.raises(Unauthenticated):
        choose_kind("following", signed_in=False)
    for unavailable in ("nonsense", "LATEST"):
        with pytest.raises(FeedKindUnavailable) as refused:
            choose_kind(unavailable, signed_in=True)
        assert refused.value.problem_code == "feed_kind_unavailable"
        assert refused.value.problem_status == 422
