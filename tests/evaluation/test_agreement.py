"""Cohen's kappa by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cxrmine.evaluation.agreement import agreement, compare_values, kappa
from cxrmine.evaluation.labels import BLANK


def test_kappa_of_a_textbook_table():
    # 50 cases, both yes 20, both no 15: p_o = 0.7, p_e = 0.5·0.6 + 0.5·0.4 = 0.5.
    table = np.array([[15.0, 10.0], [5.0, 20.0]])
    assert kappa(table) == pytest.approx(0.4)
    assert agreement(table) == pytest.approx(0.7)


def test_kappa_extremes():
    tables = np.array([[[5.0, 0], [0, 5]], [[0, 5], [5, 0]], [[9, 0], [0, 0]], [[0, 0], [0, 0]]])
    got = kappa(tables)
    assert got[:2] == pytest.approx([1.0, -1.0])
    assert np.isnan(got[2:]).all()


def test_columns_by_hand():
    first = np.array([[1, 1], [1, 0], [0, -1], [0, BLANK], [-1, 0]], dtype=np.int8)
    second = np.array([[1, 1], [0, 0], [0, -1], [1, BLANK], [0, 1]], dtype=np.int8)
    a, b, both = compare_values(first, second, ["A", "B"], draws=300, seed=0)
    assert (a.both, a.first_only, a.second_only, a.neither, a.ignored) == (1, 1, 1, 2, 0)
    # p_o = 3/5; p_e = (2/5)² + (3/5)² = 13/25; kappa = (15 - 13) / (25 - 13)
    assert a.kappa.value == pytest.approx(1 / 6)
    assert a.kappa.low is not None
    assert a.kappa.high is not None
    assert a.kappa.low < a.kappa.value < a.kappa.high
    # values: first 1,1,0,0,-1; second 1,0,0,1,0: p_o = 2/5; p_e = (2·2 + 2·3) / 25
    assert a.kappa_values.value == pytest.approx(0.0)
    assert a.agreement_values.value == pytest.approx(2 / 5)
    # values: p_o = 4/5; p_e = (1·2 + 2·1 + 1 + 1) / 25
    assert b.kappa_values.value == pytest.approx((20 - 6) / (25 - 6))
    assert (b.both, b.first_only, b.second_only, b.neither) == (1, 0, 1, 3)
    assert both.column == "all 2 columns"
    assert (both.both, both.first_only, both.second_only, both.neither) == (2, 1, 2, 5)
    # p_o = 7/10; p_e = (3·4 + 7·6) / 100
    assert both.kappa.value == pytest.approx((70 - 54) / (100 - 54))


def test_uncertain_cells_can_be_left_out():
    first = np.array([[1], [-1], [0]], dtype=np.int8)
    second = np.array([[1], [1], [0]], dtype=np.int8)
    (row,) = compare_values(first, second, ["A"], uncertain="ignore", draws=0)
    assert (row.both, row.neither, row.ignored) == (1, 1, 1)
    assert row.kappa.value == 1.0
    (row,) = compare_values(first, second, ["A"], uncertain="positive", draws=0)
    assert (row.both, row.neither, row.ignored) == (2, 1, 0)


def test_undefined_kappa_is_none():
    zeros = np.zeros((4, 1), dtype=np.int8)
    (row,) = compare_values(zeros, zeros, ["A"], draws=50)
    assert row.kappa.value is None
    assert row.agreement.value == 1.0
