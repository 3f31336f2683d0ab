"""Precision, recall, F1: by hand, and against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxrmine.evaluation.findings import Total
from cxrmine.evaluation.labels import BLANK
from cxrmine.evaluation.scores import FN, FP, IGNORED, TN, TP, Score, outcomes, score_table

GOLD = np.array([[1, 0], [1, 0], [0, 1], [0, 0], [1, 0]], dtype=np.int8)
OURS = np.array([[1, 0], [0, 1], [1, 1], [BLANK, 0], [1, -1]], dtype=np.int8)


def row(scores: list[Score], name: str) -> Score:
    return next(s for s in scores if s.name == name)


def test_by_hand():
    scores = score_table(
        outcomes(GOLD, OURS), ["A", "B"], [Total("both", ("A", "B"))], draws=0, seed=0
    )
    a, b, both = (row(scores, n) for n in ("A", "B", "both"))
    assert (a.tp, a.fp, a.fn, a.tn, a.positives, a.ignored) == (2, 1, 1, 1, 3, 0)
    assert (b.tp, b.fp, b.fn, b.tn, b.positives) == (1, 1, 0, 3, 1)
    assert a.precision.value == pytest.approx(2 / 3)
    assert a.recall.value == pytest.approx(2 / 3)
    assert a.f1.value == pytest.approx(2 / 3)
    assert b.f1.value == pytest.approx(2 / 3)
    assert (both.tp, both.fp, both.fn) == (3, 2, 1)
    assert both.precision.value == pytest.approx(3 / 5)
    assert both.recall.value == pytest.approx(3 / 4)
    assert both.f1.value == pytest.approx(6 / 9)
    assert both.macro_f1 is not None
    assert both.macro_f1.value == pytest.approx(2 / 3)
    assert a.macro_f1 is None
    assert (a.f1.low, a.f1.high, a.n_reports) == (None, None, 5)


@pytest.mark.parametrize(
    ("uncertain", "cell"), [("negative", TN), ("positive", FP), ("ignore", IGNORED)]
)
def test_uncertain_cells(uncertain: str, cell: int):
    codes = outcomes(GOLD, OURS, uncertain)  # type: ignore[arg-type]
    assert codes[:, 0].tolist() == [TP, FN, FP, TN, TP]
    assert codes[:, 1].tolist() == [TN, FP, TP, TN, cell]


def test_undefined_scores_are_none_and_macro_leaves_unmarked_columns_out():
    gold = np.array([[1, 0, 0], [0, 0, 0]], dtype=np.int8)
    ours = np.array([[1, 0, 1], [0, 0, 0]], dtype=np.int8)
    total = Total("all", ("marked", "silent", "hernia"))
    scores = score_table(outcomes(gold, ours), total.columns, [total], draws=200, seed=1)
    silent, hernia, everything = (row(scores, n) for n in ("silent", "hernia", "all"))
    assert silent.precision.value is silent.recall.value is silent.f1.value is None
    assert silent.f1.low is None
    assert hernia.recall.value is None
    assert (hernia.precision.value, hernia.f1.value) == (0.0, 0.0)
    assert everything.macro_f1 is not None
    assert everything.macro_f1.value == 1.0
    assert everything.f1.value == pytest.approx(2 / 3)


def loop_scores(gold: np.ndarray, ours: np.ndarray) -> tuple[float, float, float, float]:
    tp = fp = fn = 0
    by_column = []
    for k in range(gold.shape[1]):
        t = f = m = 0
        for truth, claim in zip(gold[:, k].tolist(), ours[:, k].tolist(), strict=True):
            t += truth == 1 and claim == 1
            f += truth != 1 and claim == 1
            m += truth == 1 and claim != 1
        tp, fp, fn = tp + t, fp + f, fn + m
        if t + m:
            by_column.append(2 * t / (2 * t + f + m))

    def part(top: int, bottom: int) -> float:
        return top / bottom if bottom else math.nan

    macro = sum(by_column) / len(by_column) if by_column else math.nan
    return part(tp, tp + fp), part(tp, tp + fn), part(2 * tp, 2 * tp + fp + fn), macro


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_totals_equal_plain_loops(data: st.DataObject):
    shape = (data.draw(st.integers(1, 12)), data.draw(st.integers(2, 4)))
    cells = st.sampled_from([1, 0, -1, BLANK])
    gold = data.draw(arrays(np.int8, shape, elements=cells))
    ours = data.draw(arrays(np.int8, shape, elements=cells))
    columns = tuple(f"c{k}" for k in range(shape[1]))
    total = score_table(outcomes(gold, ours), columns, [Total("all", columns)], draws=20)[-1]
    assert total.macro_f1 is not None
    expected = loop_scores(gold, ours)
    for got, want in zip(
        (total.precision, total.recall, total.f1, total.macro_f1), expected, strict=True
    ):
        if math.isnan(want):
            assert got.value is None
        else:
            assert got.value == pytest.approx(want)
            assert got.low is None or 0 <= got.low <= (got.high or 0) <= 1
    assert total.tp + total.fp + total.fn + total.tn + total.ignored == gold.size
