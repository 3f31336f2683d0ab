"""The direct door to a data set, for machines without pydicom."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrmine.dataset.manifest import verify
from cxrmine.dataset.read import read_dataset
from cxrmine.errors import UserError
from cxrmine.phantom.dataset_out import write_phantom_dataset
from cxrmine.phantom.hospital import HospitalSettings, phantom_images
from cxrmine.phantom.lesions import FINDINGS


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_phantom_dataset(tmp_path_factory.mktemp("phantom") / "set", 20, seed=6, size=64)


def test_it_is_a_data_set(made: Path) -> None:
    dataset = read_dataset(made, check_images=True)
    assert verify(made) == []
    assert dataset.label_columns == (*FINDINGS, "No Finding")
    assert set(dataset.parts) == {"train", "val", "test"}
    assert {"split_1", "split_5"} <= set(dataset.split_columns)
    images = list(phantom_images(20, 6, 64))
    assert len(images) == len(dataset.rows)
    boxes = {}
    for box in dataset.boxes:
        boxes.setdefault(box.image_index, []).append(box)
    for row, image in zip(dataset.rows, images, strict=True):
        with Image.open(dataset.image_path(row)) as file:
            assert file.mode == "L"
            np.testing.assert_array_equal(np.asarray(file), image.image)
        assert (row.patient, row.age, row.sex, row.view) == (
            image.patient,
            image.age,
            image.sex,
            image.view,
        )
        there = tuple(f for f, one in zip(FINDINGS, image.labels, strict=True) if one)
        assert row.findings == there
        assert [row.labels[f] for f in FINDINGS] == [str(one) for one in image.labels]
        assert row.labels["No Finding"] == str(int(not there))
        # Boxes count in 1024 px whatever the images' size.
        ours = boxes.get(row.image_index, [])
        assert [(b.finding, b.x, b.y, b.width, b.height) for b in ours] == [
            (b.finding, 16 * b.x, 16 * b.y, 16 * b.width, 16 * b.height) for b in image.boxes
        ]
    assert boxes


def test_it_says_what_cheap_looks_see(made: Path) -> None:
    card = (made / "dataset_card.md").read_text(encoding="utf-8")
    assert "no patient was near them" in card
    assert "global mean" in card
    with (made / "Data_Entry.csv").open(encoding="utf-8") as handle:
        assert len(list(csv.reader(handle))) == 1 + len(list(phantom_images(20, 6, 32)))


def test_workers_change_nothing(made: Path, tmp_path: Path) -> None:
    seen = []
    other = write_phantom_dataset(
        tmp_path / "set", 20, seed=6, size=64, workers=2, on_patient=lambda *n: seen.append(n)
    )
    assert digests(other) == digests(made)
    assert seen == [(8, 20), (16, 20), (20, 20)]


def test_what_is_there_already_is_not_drawn_again(made: Path) -> None:
    times = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    write_phantom_dataset(made, 20, seed=6, size=64)
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == times
    for change in ({"seed": 7}, {"size": 96}, {"settings": HospitalSettings(6, "hard")}):
        with pytest.raises(UserError, match="holds something else than this phantom"):
            write_phantom_dataset(made, 20, **{"seed": 6, "size": 64, **change})


def test_what_a_kill_left_is_swept_away(tmp_path: Path) -> None:
    left = tmp_path / ".set.partial"
    left.mkdir()
    (left / "half").write_text("x", encoding="utf-8")
    out = write_phantom_dataset(tmp_path / "set", 10, size=32)
    assert not left.exists()
    assert not (out / "half").exists()


def test_a_kill_leaves_no_half_set(tmp_path: Path) -> None:
    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_phantom_dataset(tmp_path / "set", 10, size=32, on_patient=stop)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [((3,), "cannot be split"), ((10, 16), "32 or more")],
)
def test_wrong_numbers_are_told(tmp_path: Path, arguments: tuple[int, ...], told: str) -> None:
    with pytest.raises(UserError, match=told):
        write_phantom_dataset(tmp_path / "set", arguments[0], size=(*arguments, 64)[1])
