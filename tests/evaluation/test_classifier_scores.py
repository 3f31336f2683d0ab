"""A classifier's scores as a whole: what is undefined stays blank, and the mean says of what."""

from __future__ import annotations

import numpy as np
import pytest

from cxrmine.evaluation.auc import Influence, auc, auc_interval, influence, mean_interval
from cxrmine.evaluation.average_precision import average_precision
from cxrmine.evaluation.classifier_scores import evaluate
from cxrmine.evaluation.operating_point import youden

NAMES = ["Mass", "Edema", "No Finding"]


def images(n: int = 300, seed: int = 0):
    generator = np.random.default_rng(seed)
    truth = generator.random((n, 3)) < [0.3, 0.1, 0.5]
    logits = generator.normal(size=(n, 3)) + 1.5 * truth - 1
    return 1 / (1 + np.exp(-logits)), truth, generator.integers(n // 3, size=n)


def test_findings_and_their_mean():
    scores, truth, _ = images()
    found = evaluate(NAMES, scores, truth, draws=50)
    assert [s.finding for s in found.findings] == NAMES
    for k, s in enumerate(found.findings):
        assert (s.n, s.positives) == (300, int(truth[:, k].sum()))
        assert s.auc.value == auc(scores[:, k], truth[:, k])
        assert s.average_precision.value == average_precision(scores[:, k], truth[:, k])
        assert s.auc.low < s.auc.value < s.auc.high
        assert s.average_precision.low < s.average_precision.value < s.average_precision.high
    assert found.in_mean == ("Mass", "Edema")  # No Finding is none
    first, second = found.findings[:2]
    assert found.mean_auc.value == pytest.approx((first.auc.value + second.auc.value) / 2)
    widths = [s.auc.high - s.auc.low for s in (first, second)]
    # Two nearly independent findings: the mean is surer than the less sure of them.
    assert found.mean_auc.high - found.mean_auc.low < max(widths)
    assert (found.interval, found.images, found.patients) == ("DeLong", 300, None)
    assert found.warnings == ()
    assert found.of("Edema") is second
    with pytest.raises(KeyError):
        found.of("Rib")


def test_unknown_cells_are_left_out():
    scores, truth, _ = images()
    known = np.ones_like(truth)
    known[:100, 1] = False
    cells = truth.astype(float)
    cells[:100, 1] = np.nan
    scores[:100, 1] = 99.0
    found = evaluate(NAMES, scores, cells, known, draws=0)
    edema = found.of("Edema")
    assert edema.n == 200
    assert edema.auc.value == auc(scores[100:, 1], truth[100:, 1])
    assert edema.calibration is not None
    assert edema.average_precision.low is None
    assert found.of("Mass").n == 300


def test_several_images_of_a_patient_choose_the_bootstrap():
    scores, truth, patients = images()
    auto = evaluate(NAMES, scores, truth, patients=patients, draws=200)
    delong = evaluate(NAMES, scores, truth, patients=patients, draws=200, interval="delong")
    single = evaluate(NAMES, scores, truth, patients=np.arange(300), draws=200)
    forced = evaluate(NAMES, scores, truth, draws=200, interval="bootstrap")
    none = evaluate(NAMES, scores, truth, patients=patients, draws=0)
    assert auto.interval == "bootstrap of patients, 200 draws"
    assert delong.interval == none.interval
    assert "Obuchowski" in delong.interval
    assert single.interval == "DeLong"
    assert forced.interval == "bootstrap of images, 200 draws"
    assert auto.patients == len(np.unique(patients))
    for a, b in zip(auto.findings, delong.findings, strict=True):
        assert a.auc.value == b.auc.value
        assert (a.auc.low, a.auc.high) == pytest.approx((b.auc.low, b.auc.high), abs=0.02)
    assert (auto.mean_auc.low, auto.mean_auc.high) == pytest.approx(
        (delong.mean_auc.low, delong.mean_auc.high), abs=0.02
    )


def test_patients_are_kept_where_cells_are_unknown():
    scores, truth, patients = images()
    known = np.random.default_rng(3).random(truth.shape) < 0.7
    found = evaluate(NAMES, scores, truth, known, 10 * patients + 7, draws=0, interval="delong")
    areas = []
    for k, s in enumerate(found.findings):
        rows = known[:, k]
        own = scores[rows, k], truth[rows, k]
        expected = auc_interval(*own, clusters=patients[rows])
        blind = auc_interval(*own)
        assert (s.auc.low, s.auc.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
        assert s.auc.low != pytest.approx(blind.low, rel=1e-8)
        assert s.youden == youden(*own, patients[rows])
        part = influence(*own, patients[rows])
        assert part is not None
        whole = np.zeros(len(scores))
        whole[rows] = part.parts
        areas.append(Influence(part.auc, whole))
    mean = mean_interval(areas[:2], clusters=patients)
    assert (found.mean_auc.low, found.mean_auc.high) == pytest.approx((mean.low, mean.high))


def test_one_kind_only_is_blank_and_named():
    scores, truth, _ = images()
    truth[:, 0] = False
    truth[:, 1] = True
    found = evaluate(NAMES, scores, truth, draws=20)
    for name in ("Mass", "Edema"):
        s = found.of(name)
        assert s.auc.value is s.average_precision.value is s.youden is None
        assert s.calibration is not None
        assert s.calibration.brier.value is not None
    assert found.in_mean == ()
    assert found.mean_auc.value is None
    said = dict(found.warnings)
    assert said["Mass"].startswith("no image has it")
    assert said["Edema"].startswith("every image has it")


def test_scores_that_are_no_probabilities_leave_only_calibration_blank():
    scores, truth, _ = images()
    inside = evaluate(NAMES, scores, truth, draws=20)
    scores[:, 0] = 3 * scores[:, 0] - 1
    found = evaluate(NAMES, scores, truth, draws=20)
    assert found.of("Mass").calibration is None
    assert found.of("Mass").auc.value == inside.of("Mass").auc.value
    assert found.of("Mass").youden.sensitivity == inside.of("Mass").youden.sensitivity
    assert found.of("Edema").calibration is not None
    ((finding, said),) = found.warnings
    assert finding == "Mass"
    assert "outside [0, 1]" in said


def test_an_interval_without_width_or_without_an_interval_is_named():
    truth = np.array([[1], [1], [0], [0]])
    apart = evaluate(["Mass"], [[0.9], [0.8], [0.2], [0.1]], truth, draws=0)
    assert (apart.findings[0].auc.low, apart.findings[0].auc.high) == (1.0, 1.0)
    assert "separate" in apart.warnings[0][1]
    flat = evaluate(["Mass"], [[0.5]] * 4, truth, draws=0)
    assert "all alike" in flat.warnings[0][1]
    alone = evaluate(["Mass"], [[0.9], [0.1], [0.95]], [[1], [0], [0]], draws=0)
    assert alone.findings[0].auc.value == 0.5
    assert alone.findings[0].auc.low is None
    assert alone.mean_auc.value == 0.5
    assert alone.mean_auc.low is None
    assert "no interval" in alone.warnings[0][1]
    nothing = evaluate(["Mass"], [[0.9]], [[0]], [[False]], draws=0)
    assert nothing.findings[0].n == 0
    assert nothing.findings[0].calibration is None
    assert "nothing is scored" in nothing.warnings[0][1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scores": [[0.1]]}, "must both be"),
        ({"truth": [[1, 0]]}, "must both be"),
        ({"known": [[True]]}, "known"),
        ({"patients": [1]}, "patients"),
        ({"scores": [[0.1], [np.nan]]}, "not finite"),
        ({"interval": "wald"}, "unknown"),
        ({"interval": "bootstrap", "draws": 0}, "needs draws"),
    ],
)
def test_bad_arguments(change, said):
    arguments = {"names": ["Mass"], "scores": [[0.1], [0.9]], "truth": [[0], [1]], **change}
    with pytest.raises(ValueError, match=said):
        evaluate(**arguments)
