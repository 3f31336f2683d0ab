"""COCO JSON: what a reader in pycocotools' manner finds in it."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from cxrmine.dataset.coco import coco, write_coco
from cxrmine.dataset.model import Box, ImageRow

ROWS = [ImageRow(f"{n:08d}_000.png", "", 0, n) for n in (1, 2, 3)]
BOXES = [
    Box("00000003_000.png", "Zebra", 0, 0, 1024, 1024),
    Box("00000001_000.png", "Nodule", 1.5, 2.25, 10, 20),
    Box("00000001_000.png", "Atelectasis", 0.1 + 0.2, 5, 1, 1),
]


def test_a_reader_finds_every_box_by_its_ids(tmp_path: Path):
    write_coco(tmp_path / "boxes.json", ROWS, BOXES, description="drawn by hand")
    document = json.loads((tmp_path / "boxes.json").read_text())
    assert set(document) == {"info", "licenses", "images", "categories", "annotations"}
    assert document["info"]["description"] == "drawn by hand"
    images = {image["id"]: image for image in document["images"]}
    categories = {category["id"]: category["name"] for category in document["categories"]}
    assert list(categories.values()) == ["Atelectasis", "Nodule", "Zebra"]
    assert all(image["width"] == image["height"] == 1024 for image in images.values())
    by_image = defaultdict(list)
    for annotation in document["annotations"]:
        assert annotation["area"] == annotation["bbox"][2] * annotation["bbox"][3]
        assert annotation["iscrowd"] == 0
        name = images[annotation["image_id"]]["file_name"]
        by_image[name].append((categories[annotation["category_id"]], annotation["bbox"]))
    assert by_image == {
        "00000003_000.png": [("Zebra", [0, 0, 1024, 1024])],
        "00000001_000.png": [("Nodule", [1.5, 2.25, 10, 20]), ("Atelectasis", [0.3, 5, 1, 1])],
    }
    # Images without boxes are negatives, not absent.
    assert len(images) == 3
    ids = [annotation["id"] for annotation in document["annotations"]]
    assert ids == [1, 2, 3]


def test_the_same_boxes_give_the_same_bytes(tmp_path: Path):
    write_coco(tmp_path / "a.json", ROWS, BOXES)
    write_coco(tmp_path / "b.json", ROWS, BOXES)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_set_without_boxes_and_a_box_without_an_image():
    assert coco(ROWS, [])["annotations"] == coco(ROWS, [])["categories"] == []
    with pytest.raises(ValueError, match="not among the rows"):
        coco(ROWS[:1], BOXES)


def test_pycocotools_reads_it(tmp_path: Path):
    reader = pytest.importorskip("pycocotools.coco")
    write_coco(tmp_path / "boxes.json", ROWS, BOXES)
    read = reader.COCO(str(tmp_path / "boxes.json"))
    (image,) = [i["id"] for i in read.loadImgs(read.getImgIds()) if "00000001" in i["file_name"]]
    assert [a["bbox"] for a in read.loadAnns(read.getAnnIds(imgIds=[image]))] == [
        [1.5, 2.25, 10, 20],
        [0.3, 5, 1, 1],
    ]
