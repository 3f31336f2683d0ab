"""The cache: right pixels, made once, and nothing stale, torn or changed goes unnoticed."""

from __future__ import annotations

import errno
import json
import os
import pickle
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_small_set import made_rows, picture, write_set
from numpy.typing import NDArray
from PIL import Image

from cxrmine.dataset.manifest import write_manifest
from cxrmine.dataset.read import Dataset, read_dataset
from cxrmine.errors import UserError
from cxrmine.training import cache as cache_module
from cxrmine.training.cache import Cache, open_cache, shrink

IMAGES = 20


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return write_set(tmp_path / "set", made_rows(["Mass"] * IMAGES))


def area_reference(image: NDArray[np.uint8], size: int) -> NDArray[np.float64]:
    """Area averages in float64, one output pixel at a time, from the definition."""
    out = np.empty((size, size))
    scale_y, scale_x = image.shape[0] / size, image.shape[1] / size
    for i in range(size):
        for j in range(size):
            y, x = np.arange(image.shape[0]), np.arange(image.shape[1])
            rows = np.clip(np.minimum(y + 1, (i + 1) * scale_y) - np.maximum(y, i * scale_y), 0, 1)
            cols = np.clip(np.minimum(x + 1, (j + 1) * scale_x) - np.maximum(x, j * scale_x), 0, 1)
            out[i, j] = rows @ image @ cols / (scale_y * scale_x)
    return out


def intact(cache: Cache) -> bool:
    """Whether every image has the checksum that was taken when it was written."""
    sums = json.loads(cache.path.with_suffix(".json").read_text())["crc32"]
    images = np.load(cache.path)
    assert len(sums) == len(images) == len(cache)
    return sums == [zlib.crc32(image.tobytes()) for image in images]


def test_every_image_is_there_under_its_name(dataset: Dataset):
    cache = open_cache(dataset, 32, workers=2)
    assert cache.images.shape == (IMAGES, 32, 32)
    assert cache.images.dtype == np.uint8
    assert isinstance(cache.images, np.memmap)
    assert list(cache.index) == [row.image_index for row in dataset.rows]
    for row in dataset.rows:
        mean = picture(row.patient).reshape(32, 2, 32, 2).mean(axis=(1, 3))
        assert np.abs(cache.images[cache.index[row.image_index]] - mean).max() <= 0.5
    assert cache.checked_by == "manifest"
    assert intact(cache)


def test_the_data_set_itself_stays_as_it_was(dataset: Dataset):
    before = sorted(str(path) for path in dataset.folder.rglob("*"))
    cache = open_cache(dataset, 16)
    assert sorted(str(path) for path in dataset.folder.rglob("*")) == before
    assert cache.path.parent == dataset.folder.with_name("set.cache")
    assert sorted(path.name for path in cache.path.parent.iterdir()) == [
        cache.path.with_suffix(".json").name,
        cache.path.name,
    ]


def test_it_is_made_once_and_is_the_same_with_any_workers(dataset: Dataset, tmp_path: Path):
    first = open_cache(dataset, 24, workers=1)
    said: list[tuple[int, int]] = []
    again = open_cache(dataset, 24, on_image=lambda done, of: said.append((done, of)))
    assert said == []
    other = open_cache(
        dataset, 24, tmp_path / "b", workers=3, on_image=lambda *counts: said.append(counts)
    )
    assert said == [(done, IMAGES) for done in range(1, IMAGES + 1)]
    assert again.path == first.path
    assert other.path.read_bytes() == first.path.read_bytes()
    assert other.key == first.key


def test_it_opens_late_and_travels_to_another_process(dataset: Dataset):
    cache = open_cache(dataset, 16)
    images = np.array(cache.images)
    packed = pickle.dumps(cache)
    assert len(packed) < images.nbytes
    np.testing.assert_array_equal(pickle.loads(packed).images, images)
    cold = Cache(Path("nowhere.npy"), {}, 16)
    with pytest.raises(FileNotFoundError):
        cold.images  # only now


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    size=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_shrinking_is_the_mean_of_the_area(rows: int, columns: int, size: int, seed: int):
    image = np.random.default_rng(seed).integers(0, 256, (rows, columns), dtype=np.uint8)
    small = shrink(image, size)
    assert small.shape == (size, size)
    assert small.dtype == np.uint8
    if size <= min(rows, columns):
        # Pillow's `reduce` multiplies by a rounded 1/n: just above a half it can round down, which
        # is (n + 1) / 2n from the mean for an odd n, two thirds at the most.
        assert np.abs(small - area_reference(image, size)).max() <= 2 / 3 + 1e-3


@pytest.mark.parametrize("size", [480, 300, 256, 224, 128])
def test_shrinking_agrees_with_build_datasets(size: int):
    image = np.random.default_rng(5).integers(0, 256, (1024, 1024), dtype=np.uint8)
    theirs = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    ours = shrink(image, size).astype(int)
    assert np.abs(ours - theirs).max() <= 1
    # A mean that lies just between two grey levels is rounded up here, to the even one there: of
    # 16 random pixels' means every 32nd.
    assert (ours != theirs).mean() < 0.04


def test_enlarging_is_linear_between_centres():
    image = np.array([[0, 100], [100, 200]], np.uint8)
    expected = [0, 25, 75, 100]
    np.testing.assert_array_equal(shrink(image, 4), np.add.outer(expected, expected))


def test_a_colour_file_is_read_as_grey_and_sixteen_bits_are_refused(dataset: Dataset):
    images = dataset.folder / "images"
    grey = picture(1)
    Image.fromarray(np.dstack([grey] * 3)).save(images / "00000001_000.png")
    write_manifest(dataset.folder)
    np.testing.assert_array_equal(open_cache(dataset, 64).images[0], grey)
    Image.fromarray(grey.astype(np.uint16) * 200).save(images / "00000001_000.png")
    write_manifest(dataset.folder)
    with pytest.raises(UserError, match=r"00000001_000\.png has more than 8 bits"):
        open_cache(dataset, 64)


def test_a_changed_data_set_gets_another_cache_and_the_old_one_is_named(dataset: Dataset):
    first = open_cache(dataset, 16)
    assert first.notes == ()
    Image.fromarray(picture(777)).save(dataset.folder / "images" / "00000003_000.png")
    write_manifest(dataset.folder)
    second = open_cache(dataset, 16)
    assert second.path != first.path
    assert (second.images[2] != first.images[2]).any()
    (note,) = second.notes
    assert first.path.name in note
    assert "stale" in note
    assert open_cache(dataset, 8).notes == ()  # another size is not stale


def test_an_image_that_the_manifest_does_not_know_is_refused(dataset: Dataset):
    path = dataset.folder / "images" / "00000003_000.png"
    data = bytearray(path.read_bytes())
    data[-20] ^= 1  # same size, other bytes
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"00000003_000\.png is not the file that manifest\.csv"):
        open_cache(dataset, 16)
    assert not list(dataset.folder.with_name("set.cache").glob("*.npy"))
    path.write_bytes(data + b"x")
    with pytest.raises(UserError, match=r"00000003_000\.png .* has not the size"):
        open_cache(dataset, 16)


def test_a_missing_image_is_named_even_where_the_cache_has_it(dataset: Dataset):
    open_cache(dataset, 16)
    for name in ("00000007_000.png", "00000005_000.png"):
        (dataset.folder / "images" / name).unlink()
    with pytest.raises(UserError, match=r"lacks 2 images of Data_Entry\.csv.*00000005_000\.png"):
        open_cache(dataset, 16)


def test_a_broken_image_is_named_and_leaves_no_cache(dataset: Dataset):
    path = dataset.folder / "images" / "00000004_000.png"
    path.write_bytes(path.read_bytes()[:200])
    write_manifest(dataset.folder)
    with pytest.raises(UserError, match=r"00000004_000\.png cannot be decoded"):
        open_cache(dataset, 16, workers=2)
    assert not list(dataset.folder.with_name("set.cache").glob("*.npy"))


@pytest.mark.parametrize("cut", [1, 1000])
def test_a_truncated_cache_is_named(dataset: Dataset, cut: int):
    path = open_cache(dataset, 16).path
    os.truncate(path, path.stat().st_size - cut)
    with pytest.raises(UserError, match=rf"{path.name}.* is truncated.*delete it"):
        open_cache(dataset, 16)
    path.unlink()
    assert intact(open_cache(dataset, 16))


def test_a_damaged_cache_is_named(dataset: Dataset):
    cache = open_cache(dataset, 16)
    data = bytearray(cache.path.read_bytes())
    data[-16 * 16 * 3 - 5] ^= 64
    cache.path.write_bytes(data)
    with pytest.raises(
        UserError, match=rf"image {IMAGES - 3} is not what was written; delete|{IMAGES - 3}"
    ):
        open_cache(dataset, 16)
    assert not intact(cache)
    data[-16 * 16 * 3 - 5] ^= 64
    data[20] ^= 1
    cache.path.write_bytes(data)
    with pytest.raises(UserError, match="its header"):
        open_cache(dataset, 16)


def test_a_cache_without_its_checksums_is_named(dataset: Dataset):
    path = open_cache(dataset, 16).path
    path.with_suffix(".json").write_text('{"crc32": [1, 2')
    with pytest.raises(UserError, match=r"json beside it is missing or broken"):
        open_cache(dataset, 16)
    path.with_suffix(".json").unlink()
    with pytest.raises(UserError, match=r"json beside it is missing or broken"):
        open_cache(dataset, 16)


def test_without_a_manifest_size_and_time_tell_files_apart(dataset: Dataset):
    (dataset.folder / "manifest.csv").unlink()
    first = open_cache(dataset, 16)
    assert first.checked_by == "size and time"
    assert open_cache(dataset, 16).path == first.path
    path = dataset.folder / "images" / "00000003_000.png"
    os.utime(path, (1, 1))
    assert open_cache(dataset, 16).path != first.path


def test_a_killed_build_goes_on_where_it_stopped(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = open_cache(dataset, 16, tmp_path / "whole").path.read_bytes()
    monkeypatch.setattr(cache_module, "_ROWS_BETWEEN_MARKS", 4)

    def stop(done: int, of: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_cache(dataset, 16, on_image=stop)
    place = dataset.folder.with_name("set.cache")
    assert not list(place.glob("*.npy"))
    said: list[int] = []
    cache = open_cache(dataset, 16, on_image=lambda done, of: said.append(done))
    assert said == list(range(9, IMAGES + 1))  # 8 were safe
    assert cache.path.read_bytes() == whole
    assert intact(cache)
    assert not list(place.glob("*.partial*"))


def test_a_killed_build_whose_record_is_torn_starts_anew(dataset: Dataset):
    place = dataset.folder.with_name("set.cache")
    cache = open_cache(dataset, 16)
    growing = cache.path.with_suffix(".partial")
    cache.path.rename(growing)
    for record in ("[1, 2", "{}", "[0, 0, 0]", f"[{', '.join(['1'] * 99)}]"):
        growing.with_suffix(".partial.json").write_text(record)
        if record == "[0, 0, 0]":
            growing.write_bytes(b"not an array" * 999)
        assert intact(open_cache(dataset, 16))
        cache.path.rename(growing)
    assert [path.name for path in place.glob("*.partial.json")] == []


def test_two_processes_at_once_make_one(dataset: Dataset):
    code = (
        "import sys; from cxrmine.dataset.read import read_dataset; "
        "from cxrmine.training.cache import open_cache; import time; made = []; "
        "c = open_cache(read_dataset(sys.argv[1]), 16, "
        "on_image=lambda *n: (made.append(n), time.sleep(0.02))); print(len(made))"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(dataset.folder)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    counts = sorted(int(one.communicate(timeout=60)[0]) for one in both)
    assert counts == [0, IMAGES]


def test_no_room_is_said_before_the_work(dataset: Dataset, monkeypatch: pytest.MonkeyPatch):
    class Full:
        free = 10

    monkeypatch.setattr("shutil.disk_usage", lambda path: Full)
    with pytest.raises(UserError, match=r"needs 0\.01 MB in .*set\.cache") as told:
        open_cache(dataset, 16)
    assert told.value.exit_code == 1
    assert not dataset.folder.with_name("set.cache").exists()


def test_a_disk_that_fills_up_meanwhile_is_said(dataset: Dataset, monkeypatch: pytest.MonkeyPatch):
    def full(handle: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache_module, "_to_disk", full)
    with pytest.raises(UserError, match="No space left on device") as told:
        open_cache(dataset, 16)
    assert told.value.exit_code == 1
    assert not dataset.folder.with_name("set.cache").exists()


def test_a_build_that_fails_leaves_only_what_can_go_on(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
):
    spoiled = dataset.folder / "images" / dataset.rows[12].image_index
    good = spoiled.read_bytes()
    spoiled.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    place = dataset.folder.with_name("set.cache")
    with pytest.raises(UserError, match="is not the file that manifest"):
        open_cache(dataset, 16)
    assert not place.exists()
    # After a mark the work so far is kept for the day when the image is mended.
    monkeypatch.setattr(cache_module, "_ROWS_BETWEEN_MARKS", 5)
    with pytest.raises(UserError, match="is not the file that manifest"):
        open_cache(dataset, 16)
    assert sorted(path.suffix for path in place.iterdir()) == [".json", ".partial"]
    spoiled.write_bytes(good)
    done: list[int] = []
    assert intact(open_cache(dataset, 16, on_image=lambda at, of: done.append(at)))
    assert done == list(range(11, IMAGES + 1))
    assert sorted(path.suffix for path in place.iterdir()) == [".json", ".npy"]


def test_one_who_waited_for_a_build_that_failed_locks_what_is_there_now(tmp_path: Path):
    """Its file is gone by then; were it content with that, a third one could build as well."""
    path = tmp_path / "lock"
    inside, leave = [threading.Event() for _ in range(2)], threading.Event()

    def hold(number: int) -> None:
        with cache_module._locked(path):
            inside[number].set()
            leave.wait(60)

    others = [threading.Thread(target=hold, args=[number]) for number in range(2)]
    with cache_module._locked(path):
        others[0].start()
        assert not inside[0].wait(0.5)
    assert inside[0].wait(60)
    assert path.exists()
    others[1].start()
    assert not inside[1].wait(0.5)
    leave.set()
    for other in others:
        other.join(60)
    assert inside[1].is_set()
    assert not path.exists()


def test_a_folder_that_is_a_file_is_said(dataset: Dataset, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        open_cache(dataset, 16, tmp_path / "file")


def test_wrong_numbers_are_refused(dataset: Dataset):
    with pytest.raises(ValueError, match="size 0"):
        open_cache(dataset, 0)


def test_opening_takes_no_time_to_speak_of(tmp_path: Path):
    dataset = write_set(tmp_path / "set", made_rows(["Mass"] * 300), side=16)
    open_cache(dataset, 16)
    began = time.perf_counter()
    open_cache(read_dataset(dataset.folder), 16)
    assert time.perf_counter() - began < 1
