from __future__ import annotations

import io
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from made_set import FINDINGS, made_rows
from PIL import Image

from cxrmine.dataset import figures
from cxrmine.dataset.drawing import BLUE, SKY, VERMILION, WIDTH, Page, count, number, ticks
from cxrmine.dataset.figures import draw_ages, draw_findings, draw_windows
from cxrmine.dataset.model import ImageRow
from cxrmine.dataset.statistics import statistics
from cxrmine.dataset.windows import WindowUse


def pixels(png: bytes | None) -> np.ndarray:
    assert png is not None
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def of_colour(image: np.ndarray, colour: str) -> np.ndarray:
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return (image == wanted).all(axis=-1)


def row(index: int, findings: str, **others: object) -> ImageRow:
    return ImageRow(f"{index:08d}_000.png", findings, 0, index, **others)  # type: ignore[arg-type]


def test_bars_are_as_long_as_prevalences() -> None:
    rows = [row(i, "Mass" if i <= 40 else "Mass|Edema" if i <= 60 else "No Finding")
            for i in range(1, 101)]  # fmt: skip
    image = pixels(draw_findings(statistics(rows)))
    # Below the intervals' line: the first bar is Mass (60 %, 40 alone), the second Edema.
    top = 150 + 14
    alone, other = of_colour(image, BLUE)[top].sum(), of_colour(image, SKY)[top].sum()
    assert alone / other == pytest.approx(2.0, rel=0.02)
    edema = of_colour(image, SKY)[top + 56].sum()
    assert of_colour(image, BLUE)[top + 56].sum() <= 2
    assert edema / (alone + other) == pytest.approx(1 / 3, rel=0.02)


def test_no_finding_no_figure() -> None:
    assert draw_findings(statistics([])) is None
    assert draw_findings(statistics([row(1, ""), row(2, "No Finding")])) is None
    unknown = row(1, "", labels={"Mass": "", "Edema": "0"})
    assert draw_findings(statistics([unknown], label_columns=("Mass", "Edema"))) is None


def test_many_and_odd_names_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    original = Page.text

    def checked(self: Page, x: float, y: float, text: str, **options: object) -> None:
        width = self.text_width(text, options.get("size", 28.0))  # type: ignore[arg-type]
        align = options.get("align", "left")
        left = x - {"left": 0, "middle": width / 2, "right": width}[str(align)]
        assert left >= -1, text
        assert left + width <= WIDTH + 1, text
        assert 0 < y < self.height
        written.append(text)
        original(self, x, y, text, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(figures.Page, "text", checked)
    names = ["a finding whose name does not end where it should " * 3, "$x_1$", "肺 opacity"]
    names += [f"Finding {i}" for i in range(60)]
    rows = [row(i, name) for i, name in enumerate(names, 1)]
    image = pixels(draw_findings(statistics(rows)))
    assert image.shape[0] < 60 * 56
    assert any("the 40 most common of 63" in said for said in written)
    assert "$x_1$" in written


def test_ages_show_each_sex() -> None:
    rows = [row(i, "", age=30, sex="M") for i in range(1, 9)]
    rows += [row(i, "", age=60, sex="F") for i in range(9, 13)]
    image = pixels(draw_ages(statistics(rows)))
    grey = of_colour(image, "#c3cad4")[180:845]  # below the legend
    heights = np.sort(grey.sum(axis=0)[grey.any(axis=0)])
    assert heights[-5] / heights[5] == pytest.approx(2.0, rel=0.05)
    columns = np.flatnonzero(grey.any(axis=0))
    assert columns.max() - columns.min() > (WIDTH - 240) * 30 / 92
    for colour in (BLUE, VERMILION):
        assert of_colour(image, colour)[200:840].any()
    assert draw_ages(statistics([row(1, "Mass")])) is None


def test_windows() -> None:
    assert draw_windows([]) is None
    few = [WindowUse("as stored")] * 3 + [WindowUse("percentiles")]
    plain = pixels(draw_windows(few))
    with_pairs = [*few, WindowUse("window", 40.0, 400.0, "LINEAR")]
    pairs = pixels(draw_windows(with_pairs))
    assert pairs.shape[0] > plain.shape[0] + 500
    # One window only, windows of one centre, and widths over many magnitudes.
    for uses in (
        [WindowUse("window", 0.0, 1.0)],
        [WindowUse("window", 2048.0, w, "SIGMOID") for w in (100.0, 200.0)],
        [WindowUse("window", c, w, "LINEAR_EXACT") for c, w in ((1, 3), (40, 50), (9e4, 6e4))],
        [WindowUse("window", -600.0, 1500.0, "LINEAR"), WindowUse("voi lut"), WindowUse("new")],
        [WindowUse("window", 100.0, 0.0, "LINEAR")],
    ):
        assert pixels(draw_windows(uses)).std() > 1


def test_the_same_bytes_whatever_the_users_settings() -> None:
    rows = made_rows()
    numbers = statistics(rows, label_columns=FINDINGS)
    uses = [WindowUse("window", 2048.0, 4096.0, "LINEAR")] * 3

    def drawn() -> list[bytes | None]:
        return [draw_findings(numbers), draw_ages(numbers), draw_windows(uses)]

    before = drawn()
    with mpl.rc_context({"text.usetex": True, "axes.unicode_minus": False, "lines.antialiased": False,
                         "patch.antialiased": False, "savefig.dpi": 50, "figure.dpi": 50,
                         "path.simplify_threshold": 1.0, "font.family": "serif"}):  # fmt: skip
        assert drawn() == before
    for data in before:
        assert data is not None
        assert b"Software" not in data
        assert b"tEXt" not in data


def test_import_draws_nothing_in() -> None:
    code = (
        "import sys, cxrmine.dataset.card; "
        "bad = {'matplotlib', 'PIL', 'pydicom', 'cv2', 'pydantic', 'defusedxml'} & set(sys.modules);"
        "sys.exit(repr(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_small_helpers() -> None:
    assert ticks(0, 17.7, 8) == [0, 2.5, 5, 7.5, 10, 12.5, 15, 17.5]
    assert ticks(0, 1, 4)[-1] == 1
    assert [number(x) for x in (1234.0, -2.5, 0.0)] == ["1,234", "−2.5", "0"]
    assert (count(1, "study", "studies"), count(2000, "image")) == ("1 study", "2,000 images")
