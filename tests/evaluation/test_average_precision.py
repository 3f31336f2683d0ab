"""Average precision against its definition, threshold by threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.evaluation.average_precision import average_precision

# No deadline: the machine may be busy.
few = settings(max_examples=40, deadline=None)


def by_thresholds(scores: list[float], labels: list[int]) -> float:
    """The sum over falling thresholds of (gain in recall) × precision."""
    total, recall = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        called = [y for s, y in zip(scores, labels, strict=True) if s >= threshold]
        now = sum(called) / sum(labels)
        total += (now - recall) * sum(called) / len(called)
        recall = now
    return total


@few
@given(
    st.lists(
        st.tuples(st.integers(-3, 12).map(lambda k: k / 7), st.integers(0, 1)),
        min_size=1,
        max_size=40,
    ).filter(lambda rows: any(y for _, y in rows))
)
def test_it_is_its_definition(rows):
    scores, labels = [s for s, _ in rows], [y for _, y in rows]
    got = average_precision(scores, labels)
    assert got == pytest.approx(by_thresholds(scores, labels), rel=1e-9)
    assert average_precision(scores[::-1], labels[::-1]) == pytest.approx(got, rel=1e-12)


def test_known_values():
    assert average_precision([0.9, 0.8, 0.7], [1, 1, 0]) == 1.0
    assert average_precision([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 0]) == 0.25  # a coin: the prevalence
    assert average_precision([0.9, 0.1], [0, 1]) == 0.5
    assert average_precision([0.9, 0.1], [0, 0]) is None
    assert average_precision([], []) is None
    with pytest.raises(ValueError, match="NaN"):
        average_precision([np.nan, 0.1], [0, 1])
