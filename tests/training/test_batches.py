"""Batches: the same ones however the run is cut up, each image with its own labels and draw."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_small_set import made_rows, write_set
from numpy.typing import NDArray

from cxrmine.errors import UserError
from cxrmine.training.augment import Augment, AugmentConfig, evaluation_view
from cxrmine.training.batches import Batch, Batches
from cxrmine.training.cache import open_cache
from cxrmine.training.labels import Labels, part_rows, training_labels

torch.set_num_threads(1)

N, SIDE = 50, 12


class Store:
    """Image i is noise around grey level i, so that an image says which one it is."""

    def __init__(self, number: int = N) -> None:
        rng = np.random.default_rng(0)
        self.images: NDArray[np.uint8] = np.empty((number, SIDE, SIDE), np.uint8)
        self.images[:] = np.arange(number)[:, None, None] + 100
        self.images[:, :4] += rng.integers(0, 50, (number, 4, SIDE), dtype=np.uint8)


def labels(number: int = N) -> Labels:
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 2, (number, 3)).astype(np.float32)
    return Labels(("Mass", "Edema", "Hernia"), targets, rng.random((number, 3)) < 0.8)


ROWS = np.random.default_rng(2).permutation(N)[:37]
SMALL = AugmentConfig(size=8)


def made(batch: int = 5, **more: object) -> Batches:
    arguments: dict[str, object] = {"seed": 7, "augment": Augment(SMALL), **more}
    return Batches(Store(), labels(), ROWS, batch, **arguments)  # type: ignore[arg-type]


def joined(batches: list[Batch]) -> Batch:
    return tuple(torch.cat(each) for each in zip(*batches, strict=True))  # type: ignore[return-value]


def same(first: Batch, second: Batch) -> bool:
    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def which(x: torch.Tensor) -> list[int]:
    """The image that each is, from its lower half as `Plain` leaves it."""
    return (x[:, 0, -1, -1] * 0.229 * 255 + 0.485 * 255 - 100).round().int().tolist()


class Plain:
    """Takes draws and leaves the image as it is, so that it says which one it is."""

    draws = 3

    def maps(self, uniform: NDArray[np.floating]) -> NDArray[np.float32]:
        return np.asarray(uniform, dtype=np.float32)

    def apply(self, images: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        assert maps.shape == (len(images), self.draws)
        return evaluation_view(images, SIDE)


@pytest.mark.parametrize("prefetch", [False, True])
@pytest.mark.parametrize("resident", [False, True])
def test_images_targets_and_mask_belong_together(prefetch: bool, resident: bool):
    batches = made(augment=Plain(), prefetch=prefetch, resident=resident)
    known = labels()
    seen = []
    for x, targets, mask in batches.epoch(2):
        rows = which(x)
        np.testing.assert_array_equal(targets.numpy(), known.targets[rows])
        np.testing.assert_array_equal(mask.numpy(), known.mask[rows])
        seen += rows
    assert sorted(set(seen)) == sorted(ROWS.tolist())


def test_an_epoch_has_each_image_once_and_fills_the_last_batch_from_its_start():
    batches = made(augment=Plain())
    assert len(batches) == 8
    seen = [row for x, _, _ in batches.epoch(0) for row in which(x)]
    assert len(seen) == 40
    assert sorted(seen[:37]) == sorted(ROWS.tolist())
    assert seen[37:] == seen[:3]
    orders = {tuple(which(joined(list(batches.epoch(number)))[0])) for number in range(5)}
    assert len(orders) == 5
    assert which(next(made(augment=Plain(), seed=8).epoch(0))[0]) != seen[:5]


def test_what_fills_the_last_batch_has_draws_of_its_own():
    x, _, _ = joined(list(made().epoch(0)))
    assert not torch.equal(x[37:], x[:3])


def test_a_part_smaller_than_a_batch_still_fills_it():
    batches = Batches(Store(), labels(), ROWS[:3], 8, 0, augment=Plain())
    (x, _, _), *none = list(batches.epoch(0))
    assert none == []
    assert sorted(which(x)[:3]) == sorted(ROWS[:3].tolist())
    assert len(x) == 8


@pytest.mark.parametrize("prefetch", [False, True])
@pytest.mark.parametrize("start", [0, 1, 5, 8])
def test_an_epoch_goes_on_from_any_step_to_the_bit(prefetch: bool, start: int):
    whole = list(made().epoch(3))
    rest = list(made(prefetch=prefetch).epoch(3, start))
    assert len(rest) == len(whole) - start
    assert all(same(one, other) for one, other in zip(rest, whole[start:], strict=True))


@pytest.mark.parametrize("more", [{"prefetch": True}, {"resident": True}])
def test_a_thread_or_images_on_the_device_change_nothing(more: dict[str, object]):
    assert same(joined(list(made(**more).epoch(1))), joined(list(made().epoch(1))))


@settings(max_examples=20, deadline=None)
@given(world=st.integers(1, 4), batch=st.integers(1, 9), number=st.integers(0, 3))
def test_ranks_see_together_what_one_process_would(world: int, batch: int, number: int):
    whole = list(made(batch * world).epoch(number))
    ranks = [list(made(batch, rank=rank, world=world).epoch(number)) for rank in range(world)]
    assert {len(steps) for steps in ranks} == {len(whole)}
    for step, one in enumerate(whole):
        together = joined([steps[step] for steps in ranks])
        # Of smaller batches the same images; the arithmetic may differ in the last bit.
        torch.testing.assert_close(together[0], one[0], rtol=1e-5, atol=1e-5)
        assert same(together[1:], one[1:])  # type: ignore[arg-type]


def test_a_smaller_batch_gives_the_same_images_in_the_same_way():
    """After a halved batch the run goes on with what would have come."""
    large, small = joined(list(made(8).epoch(0))), joined(list(made(4).epoch(0)))
    assert len(large[0]) == len(small[0]) == 40
    torch.testing.assert_close(large, small, rtol=1e-5, atol=1e-5)


def test_every_image_has_its_own_draw_and_another_in_every_epoch():
    store = Store()
    store.images[:] = np.random.default_rng(5).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    batches = Batches(store, labels(), np.arange(N), 10, 3, augment=Augment(SMALL))
    x = torch.cat([each for number in range(3) for each, _, _ in batches.epoch(number)])
    flat = x.reshape(len(x), -1)
    distance = torch.cdist(flat, flat)
    distance.fill_diagonal_(torch.inf)
    assert distance.min() > 0.01


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "batches"]


def test_the_thread_ends_when_nobody_asks_any_more():
    running = made(1, prefetch=True).epoch(0)
    next(running)
    assert len(threads()) == 1
    running.close()
    assert threads() == []
    list(made(1, prefetch=True).epoch(0))
    assert threads() == []


def test_an_error_in_the_thread_comes_to_the_one_who_asks():
    class Broken(Store):
        asked = 0

        def __getattribute__(self, name: str) -> object:
            if name == "images" and threading.current_thread().name == "batches":
                self.asked += 1
                if self.asked == 3:
                    raise OSError("the disk has gone")
            return super().__getattribute__(name)

    batches = Batches(Broken(), labels(), ROWS, 5, 0, augment=Augment(SMALL), prefetch=True)
    steps = batches.epoch(0)
    next(steps)
    next(steps)
    with pytest.raises(OSError, match="the disk has gone"):
        next(steps)
    assert threads() == []


def test_the_thread_fetches_while_the_network_computes():
    class Slow(Store):
        def __getattribute__(self, name: str) -> object:
            if name == "images" and threading.current_thread().name == "batches":
                time.sleep(0.03)
            return super().__getattribute__(name)

    batches = Batches(Slow(), labels(), ROWS, 5, 0, augment=Augment(SMALL), prefetch=True)
    for _ in batches.epoch(0):
        time.sleep(0.06)  # the network
    # One of 8 fetches is waited for, not all: 0.03 s of 0.24, with room for a busy machine.
    assert batches.waited < 0.16


def test_waiting_is_measured_without_what_the_network_takes():
    batches = made()
    for _ in batches.epoch(0):
        time.sleep(0.02)
    assert 0 < batches.waited < 8 * 0.02


def test_wrong_arguments_are_refused():
    with pytest.raises(UserError, match="no images"):
        Batches(Store(), labels(), ROWS[:0], 5, 0)
    with pytest.raises(ValueError, match="none of the images"):
        Batches(Store(), labels(), np.array([N]), 5, 0)
    for wrong in ({"rank": 2, "world": 2}, {"seed": -1}, {"batch": 0}):
        with pytest.raises(ValueError, match="out of range"):
            made(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no step 9 of 8"):
        next(made().epoch(0, 9))


def test_from_the_files_to_the_batches(tmp_path: Path):
    texts = ["Mass", "No Finding", "Edema|Mass", "Edema", "No Finding"] * 6
    dataset = write_set(tmp_path / "set", made_rows(texts))
    cache, known = open_cache(dataset, 32), training_labels(dataset, "columns")
    rows = part_rows(dataset, known, "train")
    batches = Batches(cache, known, rows, 4, 0, augment=Plain())
    # No two are alike, so each image of a batch says which one it is.
    views = evaluation_view(torch.from_numpy(np.array(cache.images)), SIDE)
    for x, targets, _ in batches.epoch(0):
        assert x.shape == (4, 3, SIDE, SIDE)
        for image, target in zip(x, targets.tolist(), strict=True):
            ((row,),) = np.nonzero([torch.equal(image, view) for view in views])
            findings = dataset.rows[row].findings
            assert target == [float(name in findings) for name in known.names]
            assert dataset.parts[row] == "train"


def test_it_needs_none_of_the_heavy_packages():
    code = (
        "import sys; import cxrmine.training.batches, cxrmine.training.augment; "
        "bad = {'spacy', 'pydicom', 'pydantic', 'rapidfuzz', 'defusedxml', 'cv2', 'PIL'}"
        " & set(sys.modules); sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("resident", [False, True])
@pytest.mark.parametrize("prefetch", [False, True])
def test_a_gpu_gets_what_the_cpu_gets(resident: bool, prefetch: bool):
    there = made(device="cuda", resident=resident, prefetch=prefetch)
    for ours, theirs in zip(there.epoch(1), made().epoch(1), strict=True):
        assert {each.device.type for each in ours} == {"cuda"}
        torch.testing.assert_close(ours[0].cpu(), theirs[0], rtol=1e-4, atol=1e-4)
        assert same(tuple(each.cpu() for each in ours[1:]), theirs[1:])  # type: ignore[arg-type]
