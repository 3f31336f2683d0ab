"""The figures: what is drawn, what is not, and always the same bytes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrmine.dataset.drawing import BLUE, ORANGE, WIDTH
from cxrmine.evaluation import classifier_figures
from cxrmine.evaluation.auc import roc_curve
from cxrmine.evaluation.classifier_figures import Model, draw_calibration, draw_roc
from cxrmine.evaluation.classifier_scores import evaluate

NAMES = ["Mass", "Edema", "Hernia", "Pleural_Thickening", "Nodule"]


def model(name: str, seed: int, findings: int = 2, *, outside: bool = False) -> Model:
    generator = np.random.default_rng(seed)
    truth = generator.random((200, findings)) < 0.3
    scores = 1 / (1 + np.exp(-(generator.normal(size=truth.shape) + 1.5 * truth - 1)))
    if outside:
        scores += 2
    names = (NAMES * 10)[:findings] if findings <= 5 else [f"finding {k}" for k in range(findings)]
    found = evaluate(names, scores, truth, draws=0)
    curves = {
        name: curve
        for k, name in enumerate(names)
        if (curve := roc_curve(scores[:, k], truth[:, k])) is not None
    }
    return Model(name, found, curves)


def pixels(png: bytes | None) -> np.ndarray:
    assert png is not None
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def inked(image: np.ndarray, colour: str) -> int:
    rgb = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return int((np.abs(image.astype(int) - rgb).max(axis=2) < 12).sum())


def test_a_curve_a_model_in_every_panel():
    one = draw_roc([model("first", 1)], measured_on="200 images")
    two = draw_roc([model("first", 1), model("second", 2)], measured_on="200 images")
    image = pixels(one)
    assert image.shape[1] == WIDTH
    assert inked(image, BLUE) > 1500
    assert inked(image, ORANGE) == 0
    assert inked(pixels(two), ORANGE) > 800
    assert draw_roc([model("first", 1)], measured_on="200 images") == one


def test_the_curve_is_where_the_numbers_are():
    # A perfect model hugs the upper left corner, a useless one the diagonal.
    truth = np.arange(100)[:, None] < 40
    for scores, below in ((truth * 1.0, 0), (np.full((100, 1), 0.5), 40)):
        found = evaluate(["Mass"], scores, truth, draws=0)
        curve = roc_curve(scores[:, 0], truth[:, 0])
        assert curve is not None
        image = pixels(draw_roc([Model("m", found, {"Mass": curve})], measured_on=""))
        # The only panel's plot: below the title, its right half cut off at the diagonal.
        panel = image[180 : 180 + 335, 120 : 120 + 335]
        low_triangle = panel[200:300, 40:120]
        assert (inked(low_triangle, BLUE) > below) == (below > 0)


def test_many_models_and_findings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(classifier_figures, "MOST_FINDINGS", 12)
    many = [model(f"model {k}", k) for k in range(16)]
    assert pixels(draw_roc(many, measured_on="x")).shape[1] == WIDTH
    tall = pixels(draw_roc([model("m", 0, 14)], measured_on="x"))
    short = pixels(draw_roc([model("m", 0, 3)], measured_on="x"))
    row = (tall.shape[0] - short.shape[0]) / 2  # 12 panels against 3, four a row
    assert 400 < row < 600


def test_a_name_in_any_script():
    found = evaluate(["胸腔积液"], [[0.1], [0.2], [0.3]], [[0], [1], [0]], draws=0)
    curve = roc_curve([0.1, 0.2, 0.3], [0, 1, 0])
    assert curve is not None
    assert draw_roc([Model("模型", found, {"胸腔积液": curve})], measured_on="x") is not None


def test_reliability_needs_probabilities():
    assert inked(pixels(draw_calibration(model("m", 1), measured_on="x")), BLUE) > 500
    assert draw_calibration(model("m", 1, outside=True), measured_on="x") is None


def test_nothing_to_draw():
    found = evaluate(["Mass"], [[0.1], [0.2]], [[0], [0]], draws=0)
    assert draw_roc([Model("m", found, {})], measured_on="x") is None


@pytest.mark.parametrize("setting", ["text.usetex: True", "lines.antialiased: False"])
def test_a_users_matplotlibrc_changes_nothing(setting: str, tmp_path: Path):
    import matplotlib

    before = draw_roc([model("m", 1, 1)], measured_on="x")
    (tmp_path / "rc").write_text(setting + "\n")
    with matplotlib.rc_context(fname=tmp_path / "rc"):
        assert draw_roc([model("m", 1, 1)], measured_on="x") == before
