"""Readers as points: below, on or above a curve, on the same images."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrmine.errors import UserError
from cxrmine.evaluation.auc import roc_curve
from cxrmine.evaluation.predictions import Gold, Paired, pair, read_gold, read_scores
from cxrmine.evaluation.readers import place_reader, position, read_reader

IDS = "abcdefgh"
TRUTH = "11110000"
#        sensitivity 1/4 at 0, 3/4 at 1/4, 1 at 3/4
SCORES = [0.9, 0.7, 0.7, 0.3, 0.8, 0.4, 0.35, 0.1]


def table(path: Path, column: str, values: object, ids: str = IDS) -> Path:
    rows = "".join(f"{i},{v}\n" for i, v in zip(ids, values, strict=True))  # type: ignore[call-overload]
    path.write_text(f"id,{column}\n{rows}")
    return path


@pytest.fixture
def case(tmp_path: Path) -> tuple[Paired, Gold]:
    gold = read_gold(table(tmp_path / "gold.csv", "Edema", TRUTH))
    return pair(read_scores(table(tmp_path / "m.csv", "Edema", SCORES)), gold), gold


@pytest.mark.parametrize(
    ("decisions", "sensitivity", "specificity", "where", "there"),
    [
        ("11001000", 0.5, 0.75, "below", 0.75),  # (1/4, 1/2), the curve is at 3/4
        ("11101000", 0.75, 0.75, "on", 0.75),
        ("11111000", 1.0, 0.75, "above", 0.75),
        ("00000000", 0.0, 1.0, "below", 0.25),  # at no false alarm the model finds one of four
        ("11111111", 1.0, 0.0, "on", 1.0),
    ],
)
def test_where_a_reader_lies(tmp_path, case, decisions, sensitivity, specificity, where, there):
    paired, gold = case
    reader = read_reader(table(tmp_path / "r1.csv", "edema", decisions), gold)
    (point,) = place_reader(paired, reader)
    assert (point.model, point.reader, point.finding) == ("m", "r1", "Edema")
    assert (point.n, point.positives) == (8, 4)
    assert (point.sensitivity.value, point.specificity.value) == (sensitivity, specificity)
    assert (point.position, point.curve_sensitivity) == (where, there)
    assert point.sensitivity.low is not None


def test_on_a_slope_between_corners():
    curve = roc_curve([1, 1, 1, 0], [1, 1, 0, 0])  # a straight line from (0, 0) to (1/2, 1)
    assert curve is not None
    assert position(curve, 0.25, 0.5)[0] == "on"
    assert position(curve, 0.25, 0.4)[0] == "below"
    assert position(curve, 0.25, 0.6)[0] == "above"


def test_both_are_measured_where_the_reader_decided(tmp_path, case):
    paired, gold = case
    reader = read_reader(
        table(tmp_path / "r.csv", "Edema", ["1", "", "0", "-1", "1"], "abefz"), gold
    )
    (point,) = place_reader(paired, reader)
    # a: hit, e: right, b and f undecided, z unknown to the gold.
    assert (point.n, point.positives) == (2, 1)
    assert (point.sensitivity.value, point.specificity.value) == (1.0, 1.0)
    assert (point.position, point.curve_sensitivity) == ("on", 1.0)


def test_without_one_kind_there_is_no_position(tmp_path, case):
    paired, gold = case
    (point,) = place_reader(
        paired, read_reader(table(tmp_path / "r.csv", "Edema", "110", "abc"), gold)
    )
    assert (point.position, point.curve_sensitivity, point.specificity.value) == (None, None, None)
    assert point.sensitivity.value == pytest.approx(2 / 3)


def test_mistakes(tmp_path, case):
    _, gold = case
    with pytest.raises(UserError, match="share no finding"):
        read_reader(table(tmp_path / "r.csv", "Rib", TRUTH), gold)
    with pytest.raises(UserError, match="share no id"):
        read_reader(table(tmp_path / "r.csv", "Edema", "10", "xy"), gold)
    with pytest.raises(UserError, match="not a label"):
        read_reader(table(tmp_path / "r.csv", "Edema", SCORES), gold)
