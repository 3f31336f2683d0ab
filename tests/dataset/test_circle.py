from __future__ import annotations

from itertools import pairwise
from math import pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_set import FINDINGS, made_rows

from cxrmine.dataset.circle import arcs, draw_cooccurrence, spread
from cxrmine.dataset.model import ImageRow
from cxrmine.dataset.statistics import statistics


@given(st.integers(0, 10_000), st.integers(1, 25))
@settings(max_examples=30, deadline=None)
def test_arcs_share_out_the_circle(seed: int, patients: int) -> None:
    numbers = statistics(made_rows(patients, seed), label_columns=FINDINGS)
    totals = np.array([f.true for f in numbers.findings])
    overlaps = np.array([f.overlap for f in numbers.findings])
    places = arcs(totals, overlaps, numbers.together)
    assert {arc.finding for arc in places} == set(np.flatnonzero(totals).tolist())
    if not places:
        return
    scale = (places[0].end - places[0].start) / totals[places[0].finding]
    at = 0.0
    for arc in places:
        assert arc.start >= at - 1e-12
        at = arc.end
        assert arc.end - arc.start == pytest.approx(totals[arc.finding] * scale)
        assert arc.end - arc.together == pytest.approx(overlaps[arc.finding] * scale)
        # The chords fill the part with other findings, in proportion, without gap or overlap.
        ends = sorted(arc.shares.values())
        assert sum(b - a for a, b in ends) == pytest.approx(arc.end - arc.together)
        for (_, end), (start, _) in pairwise(ends):
            assert end == pytest.approx(start)
        for other, (start, end) in arc.shares.items():
            row = numbers.together[arc.finding].copy()
            row[arc.finding] = 0
            expected = (arc.end - arc.together) * row[other] / row.sum()
            assert end - start == pytest.approx(expected)
    assert at <= 2 * pi + 1e-9


@given(st.lists(st.floats(0, 1000), max_size=12), st.floats(1, 80))
@settings(max_examples=80, deadline=None)
def test_labels_stay_apart_in_order_and_near(wanted: list[float], least: float) -> None:
    got = spread(wanted, least)
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    for a, b in pairwise(order):
        assert got[b] - got[a] >= least - 1e-6
    # As a whole they move nowhere.
    assert sum(got) == pytest.approx(sum(wanted), abs=1e-6)
    if all(wanted[b] - wanted[a] >= least for a, b in pairwise(order)):
        assert got == pytest.approx(wanted)


def test_drawn_for_two_findings_and_more() -> None:
    def rows(*texts: str) -> list[ImageRow]:
        return [ImageRow(f"{i:08d}_000.png", t, 0, i) for i, t in enumerate(texts, 1)]

    assert draw_cooccurrence(statistics(rows())) is None
    assert draw_cooccurrence(statistics(rows("Mass", "No Finding"))) is None
    apart = draw_cooccurrence(statistics(rows("Mass", "Edema")))
    both = draw_cooccurrence(statistics(rows("Mass", "Edema", "Edema|Mass")))
    assert apart is not None
    assert both is not None
    assert apart != both
    # Eight findings, one colour more than there are; thirty, of which twenty are drawn.
    for number in (8, 22):
        names = [f"F{i}" for i in range(number)]
        several = rows(*names, "|".join(names))
        numbers = statistics(several)
        assert draw_cooccurrence(numbers) == draw_cooccurrence(numbers)
