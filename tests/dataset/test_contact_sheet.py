from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
from made_set import draw_images, made_rows, one_box
from PIL import Image

from cxrmine.dataset.contact_sheet import MOST_IMAGES, choose_images, draw_contact_sheet
from cxrmine.dataset.model import Box, ImageRow

SIDE = 266  # of a thumbnail: (1800 - 100 - 5 * 20) // 6


def test_all_images_once_rare_findings_early() -> None:
    rows = made_rows(120)
    rows.append(ImageRow("00000999_000.png", "Hernia", 0, 999))
    chosen = list(choose_images(rows, []))
    assert Counter(chosen_row.image_index for chosen_row in chosen) == Counter(
        r.image_index for r in rows
    )
    first = chosen[:MOST_IMAGES]
    assert first[0].image_index == "00000999_000.png"
    assert len({r.patient for r in first}) == MOST_IMAGES
    shown = Counter(name for r in first for name in (r.findings or (r.finding_labels,)))
    assert set(shown) == {"Hernia", "Cardiomegaly", "Effusion", "Mass", "Pleural_Thickening",
                          "No Finding", ""}  # fmt: skip
    assert max(shown.values()) <= 3 * min(n for name, n in shown.items() if name != "Hernia")


def test_order_of_rows_does_not_matter() -> None:
    rows = made_rows(30)
    boxes = one_box(rows)
    names = [r.image_index for r in choose_images(rows, boxes)]
    assert [r.image_index for r in choose_images(rows[::-1], boxes)] == names


def test_boxed_images_come_first() -> None:
    rows = [ImageRow(f"{i:08d}_000.png", "Mass", 0, i) for i in range(1, 50)]
    boxes = [Box("00000031_000.png", "Mass", 1, 1, 9, 9)]
    assert next(choose_images(rows, boxes)).image_index == "00000031_000.png"


def test_sheet_shows_pixels_and_boxes(tmp_path: Path) -> None:
    rows = [ImageRow("00000001_000.png", "Mass", 0, 1), ImageRow("00000002_000.png", "", 0, 2)]
    draw_images(rows, tmp_path)
    Image.new("L", (1024, 1024), 90).save(tmp_path / rows[0].image_index)
    boxes = [Box(rows[0].image_index, "Mass", 256, 512, 512, 256)]
    png = draw_contact_sheet(rows, boxes, tmp_path)
    assert png is not None
    image = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    first = image[150 : 150 + SIDE, 50 : 50 + SIDE]
    assert (first == 90).all(axis=-1).mean() > 0.75
    yellow = (abs(first - [0xF0, 0xE4, 0x42]).sum(axis=-1) < 30) & (np.arange(SIDE) < 999)
    inside = np.argwhere(yellow[int(SIDE * 0.5) - 1 :])  # the name stands above the box
    assert abs(inside[:, 1].min() - SIDE * 0.25) <= 3
    assert abs(inside[:, 1].max() - SIDE * 0.75) <= 3
    assert abs(inside[:, 0].max() + int(SIDE * 0.5) - 1 - SIDE * 0.75) <= 3
    second = image[150 : 150 + SIDE, 70 + SIDE : 70 + 2 * SIDE]
    assert second[0, 0, 0] < 10
    assert second[-1, -1, 0] > 245
    assert draw_contact_sheet(rows, boxes, tmp_path) == png


def test_names_of_boxes_stay_on_their_image(tmp_path: Path) -> None:
    rows = [ImageRow("00000001_000.png", "Mass", 0, 1)]
    Image.new("L", (1024, 1024), 0).save(tmp_path / rows[0].image_index)
    name = "a finding with a name far too long for any thumbnail"
    boxes = [Box(rows[0].image_index, name, x, y, 60, 40)
             for x, y in ((0, 0), (964, 0), (964, 984), (0, 984), (500, 500), (505, 500))]  # fmt: skip
    png = draw_contact_sheet(rows, boxes, tmp_path)
    assert png is not None
    image = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    beyond = image[140:440, 50 + SIDE + 6 :]
    assert (beyond == 255).all()


def test_images_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    rows = made_rows(30)
    assert draw_contact_sheet(rows, [], tmp_path / "nowhere") is None
    draw_images(rows[:3], tmp_path, side=64)
    (tmp_path / rows[3].image_index).write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    (tmp_path / rows[4].image_index).write_bytes(b"")
    assert draw_contact_sheet(rows[3:5], [], tmp_path) is None
    assert draw_contact_sheet(rows[:5], [], tmp_path) is not None
