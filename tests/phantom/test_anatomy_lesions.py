"""A drawn chest, and lesions whose boxes are where the picture changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrmine.phantom.anatomy import ENLARGED, Build, Chest, draw_build, draw_chest
from cxrmine.phantom.canvas import SIDES, Pose, Sheet
from cxrmine.phantom.lesions import (
    DIFFICULTIES,
    FINDINGS,
    Lesion,
    draw_lesion,
    plan_lesions,
    raised_domes,
)

SIDE = 192


def build(seed: int = 0, age: int = 50, sex: str = "M") -> Build:
    return draw_build(np.random.default_rng(seed), age, sex)


def chest(patient: Build, pose: Pose | None = None, lesion: Lesion | None = None) -> Chest:
    raised = raised_domes([lesion]) if lesion else {}
    enlarged = lesion is not None and lesion.finding == "Cardiomegaly"
    return draw_chest(Sheet(SIDE, pose or Pose()), patient, enlarged=enlarged, raised=raised)


def planned(finding: str, seed: int) -> Lesion:
    return plan_lesions(np.random.default_rng(seed), [finding])[0]


def changed(lesion: Lesion, contrast: float, patient: Build) -> tuple[np.ndarray, tuple]:
    """What a lesion changed, and its box."""
    before, after = chest(patient, lesion=lesion), chest(patient, lesion=lesion)
    if lesion.finding == "Cardiomegaly":
        before = draw_chest(before.sheet, patient, enlarged=False, raised={})
    box = draw_lesion(after, lesion, contrast)
    assert box is not None
    return np.abs(after.brightness - before.brightness), box


def test_the_enlarged_heart_is_enlarged_and_the_others_are_not() -> None:
    for seed in range(30):
        patient = build(seed, age=18 + 2 * seed, sex="MF"[seed % 2])
        for view in ("PA", "AP"):
            sheet = Sheet(48, Pose(view=view))
            small = draw_chest(sheet, patient, enlarged=False, raised={}).heart_ratio
            large = draw_chest(sheet, patient, enlarged=True, raised={}).heart_ratio
            assert small < 0.53 < ENLARGED < large


def test_the_heart_that_is_seen_has_the_ratio_that_was_drawn() -> None:
    patient = build(3)
    drawn = chest(patient)
    lungs = (drawn.lungs["right"] + drawn.lungs["left"]) > 0.5
    cage = np.flatnonzero(lungs.any(0))
    heart = np.flatnonzero((drawn.heart > 0.5).any(0))
    ratio = (heart[-1] - heart[0]) / (cage[-1] - cage[0])
    assert abs(ratio - drawn.heart_ratio) < 0.05


def test_the_parts_of_a_chest_lie_where_they_do() -> None:
    drawn = chest(build(1))
    u, v = drawn.sheet.u, drawn.sheet.v
    for side, sign in SIDES.items():
        lung = drawn.lungs[side] > 0.5
        assert (u[lung] * sign > 0).all()
        assert 0.06 < lung.mean() < 0.2
    # Air is darker than the heart and the abdomen; outside the body there is nothing.
    lungs = (drawn.lungs["right"] + drawn.lungs["left"] > 0.9) & (drawn.heart < 0.01)
    assert drawn.brightness[lungs].mean() < 0.5 * drawn.brightness[drawn.heart > 0.9].mean()
    assert (
        drawn.brightness[lungs].mean() < 0.6 * drawn.brightness[(v > 0.4) & (abs(u) < 0.2)].mean()
    )
    assert not drawn.brightness[0, :20].any()
    # Most of the heart lies to the left.
    assert u[drawn.heart > 0.5].mean() > 0.02


def test_women_have_breasts_and_the_old_have_thin_bones() -> None:
    assert build(0, 40, "M").breast == 0 < build(0, 40, "F").breast
    young, old = (np.mean([build(seed, age).bone for seed in range(40)]) for age in (25, 85))
    assert old < 0.85 * young


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_box_is_where_the_picture_changed(finding: str) -> None:
    for seed in range(6):
        lesion = planned(finding, seed)
        change, (left, top, width, height) = changed(lesion, 1.0, build(seed))
        inside = change[int(top) : int(top + height), int(left) : int(left + width)]
        # A larger heart also moves what lies beside it; air also frees the lung below it.
        least = {"Cardiomegaly": 0.6, "Pneumothorax": 0.75}.get(finding, 0.8)
        assert inside.sum() >= least * change.sum()
        if finding == "Cardiomegaly":
            continue
        # Nor is the box wider than the change: it is seen at each of the four edges.
        seen = inside > 0.02
        for edge in (seen[:3], seen[-3:], seen[:, :3], seen[:, -3:]):
            assert edge.any()


@pytest.mark.parametrize("finding", [f for f in FINDINGS if f != "Cardiomegaly"])
def test_a_lesion_lies_on_its_side(finding: str) -> None:
    for side, sign in SIDES.items():
        lesion = replace(planned(finding, 7), side=side)
        change, _ = changed(lesion, 1.0, build(2))
        sheet = Sheet(SIDE, Pose())
        assert (change * sheet.u).sum() * sign > 0


@pytest.mark.parametrize("finding", ["Mass", "Nodule", "Infiltration", "Pneumonia"])
def test_upper_lesions_lie_above_lower_ones(finding: str) -> None:
    tops = {}
    for zone in ("upper", "mid", "lower"):
        lesion = replace(planned(finding, 3), zone=zone, height=0.0, size=0.2, side="right")
        _, (_, top, _, height) = changed(lesion, 1.0, build(5))
        tops[zone] = top + height / 2
    assert tops["upper"] < tops["mid"] < tops["lower"]


@pytest.mark.parametrize("finding", [f for f in FINDINGS if f != "Cardiomegaly"])
def test_the_harder_the_fainter(finding: str) -> None:
    lesion = planned(finding, 1)
    sums = [changed(lesion, DIFFICULTIES[name], build(1))[0].sum() for name in DIFFICULTIES]
    assert sums == sorted(sums, reverse=True)
    assert sums[2] < 0.8 * sums[1]


def test_a_nodule_is_small_and_a_mass_is_not() -> None:
    wide = 38.0 / SIDE  # cm a pixel
    for seed in range(10):
        nodule = changed(planned("Nodule", seed), 1.0, build(seed))[1]
        mass = changed(planned("Mass", seed), 1.0, build(seed))[1]
        assert nodule[2] * wide < 3.1
        assert max(mass[2:]) * wide > 3.0


def test_a_collapsed_base_pulls_the_diaphragm_up() -> None:
    lesion = replace(planned("Atelectasis", 0), zone="lower", side="left", size=1.0)
    patient = build(4)
    up, usual = chest(patient, lesion=lesion), chest(patient)
    assert up.domes["left"] < usual.domes["left"] - 0.015
    assert up.domes["right"] == usual.domes["right"]


def test_what_is_off_the_film_has_no_box() -> None:
    lesion = replace(planned("Nodule", 0), side="right", zone="upper")
    away = chest(build(0), Pose(shift_v=-0.9))
    assert draw_lesion(away, lesion, 1.0) is None


def test_plans_are_by_lot_but_the_same_for_the_same_lot() -> None:
    plans = [plan_lesions(np.random.default_rng(seed), FINDINGS) for seed in range(200)]
    assert plans[3] == plan_lesions(np.random.default_rng(3), FINDINGS)
    both = [len({one.side for one in plan if one.finding == "Effusion"}) == 2 for plan in plans]
    assert 0.2 < np.mean(both) < 0.4
    for plan in plans:
        assert {lesion.finding for lesion in plan} == set(FINDINGS)
    with pytest.raises(ValueError, match="no finding 'Hernia'"):
        plan_lesions(np.random.default_rng(0), ["Hernia"])
