from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from made_boxes import inputs
from PIL import Image

from cxrmine.dataset.model import Box
from cxrmine.evaluation.box_inputs import Gold, match_boxes
from cxrmine.evaluation.box_scores import best_overlaps
from cxrmine.evaluation.overlays import draw_sheet, folder_pixels, make_overlays


def overlays(pixels=lambda name: None, most: int = 100, seed: int = 0):
    found = inputs(seed)
    overlaps = best_overlaps(found.task, found.predicted)
    return found, make_overlays(found.task, found.predicted, overlaps, pixels, most=most)


def test_boxes_are_what_they_are() -> None:
    truth = (Box("a", "Mass", 100, 100, 100, 100),)
    predicted = [
        Box("a", "Mass", 110, 110, 50, 50),
        Box("a", "Mass", 150, 100, 100, 100),  # IoBB 0.5: not above
        Box("a", "Mass", 700, 700, 50, 50),
    ]
    found = match_boxes(predicted, [0.9, 0.8, float("nan")], Gold(truth))
    (only,) = make_overlays(
        found.task, found.predicted, best_overlaps(found.task, found.predicted), lambda name: None
    )
    assert (only.name, only.finding, only.size) == ("a", "Mass", 1024)
    assert [(box.kind, box.x, box.says) for box in only.boxes] == [
        ("truth", 100, "true box"),
        ("hit", 110, "hit, IoBB 1.00, score 0.900"),
        ("false", 150, "false positive, IoBB 0.50, score 0.800"),
        ("false", 700, "false positive, IoBB 0.00"),
    ]


def test_findings_take_turns_and_no_pair_comes_twice() -> None:
    found, made = overlays(most=9)
    assert len(made) == 9
    assert len({(o.name, o.finding) for o in made}) == 9
    assert [o.finding for o in made] == list(found.task.findings) * 3
    _, every = overlays(most=1000)
    true = {(found.task.images[i], found.task.findings[f])
            for i, f in zip(found.task.truth.image, found.task.truth.finding, strict=True)}  # fmt: skip
    assert true <= {(o.name, o.finding) for o in every}
    # Images where a finding was predicted alone are among them, seldom at the front.
    alone = [o for o in every if not any(box.kind == "truth" for box in o.boxes)]
    assert alone
    assert all(any(box.kind == "false" for box in o.boxes) for o in alone)
    assert made == overlays(most=9)[1]  # the same every time


def test_images_at_hand_come_before_blanks() -> None:
    _, made = overlays(
        lambda name: np.zeros((4, 4), np.uint8) if name < "00000003" else None, most=8
    )
    assert made
    assert all(o.name < "00000003" and o.pixels is not None for o in made)
    blank = overlays(most=8)[1]
    assert len(blank) == 8
    assert all(o.pixels is None for o in blank)
    assert len({o.name for o in blank}) > 3


def test_reads_images_of_a_folder_and_nothing_outside(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    grey = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None], 64, axis=0)
    Image.fromarray(grey).save(folder / "a.png")
    Image.fromarray(grey).save(folder / "b.jpg")
    Image.fromarray(grey).save(tmp_path / "secret.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    read = folder_pixels(folder, 16)
    whole = read("a.png")
    assert whole is not None
    assert whole.shape == (16, 16)
    assert whole[0, 0] == round(np.arange(0, 16, 4).mean())
    assert read("b.png") is not None  # a set of JPEG files whose table says .png
    for name in ("missing.png", "broken.png", "../secret.png", str(tmp_path / "secret.png")):
        assert read(name) is None


def test_the_sheet_shows_boxes_in_their_colours() -> None:
    truth = (Box("a", "Mass", 100, 100, 300, 300),)
    predicted = [Box("a", "Mass", 150, 150, 100, 100), Box("a", "Mass", 600, 600, 300, 300)]
    found = match_boxes(predicted, [0.9, 0.8], Gold(truth))
    made = make_overlays(
        found.task,
        found.predicted,
        best_overlaps(found.task, found.predicted),
        lambda name: np.full((64, 64), 50, np.uint8),
    )
    data = draw_sheet(made, title="Boxes", says="one image")
    assert data == draw_sheet(made, title="Boxes", says="one image")
    with Image.open(io.BytesIO(data)) as image:
        sheet = np.asarray(image.convert("RGB")).astype(int)
    side, left, top = (1800 - 100 - 80) // 5, 50, 150
    scale = side / 1024

    def colour(x: float, y: float) -> tuple[int, ...]:
        place = sheet[round(top + y * scale), round(left + x * scale)]
        return tuple(place.tolist())

    assert colour(100, 250) == (0x4A, 0xA3, 0xFF)  # blue: true
    assert colour(150, 200) == (0x2F, 0xDC, 0x6E)  # green: hit
    edge = {colour(600, y) for y in range(610, 890, 3)}
    assert (0xFF, 0x5A, 0x4F) in edge  # red: false, and dashed
    assert (0, 0, 0) in edge
    assert colour(500, 500) == (50, 50, 50)
    assert draw_sheet([], title="Boxes", says="none") is None


def test_a_box_that_sticks_out_does_not_reach_its_neighbour() -> None:
    truth = (Box("a", "Mass", 700, 100, 900, 200), Box("b", "Mass", 10, 10, 20, 20))
    found = match_boxes([], [], Gold(truth))
    made = make_overlays(
        found.task, found.predicted, best_overlaps(found.task, found.predicted), lambda name: None
    )
    with Image.open(io.BytesIO(draw_sheet(made, title="", says=""))) as image:
        sheet = np.asarray(image.convert("RGB"))
    blue = (sheet == (0x4A, 0xA3, 0xFF)).all(axis=2)
    gutter = blue[150:474, 50 + 324 + 5 : 50 + 324 + 20 - 5]
    assert blue.any()
    assert not gutter.any()


@pytest.mark.parametrize("most", [0, 1])
def test_no_more_than_asked_for(most: int) -> None:
    assert len(overlays(most=most)[1]) == most
