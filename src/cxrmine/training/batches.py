"""Batches of a part of the data set, epoch by epoch, the same ones however the run is cut up.

The order of an epoch and every image's augmentation depend on the seed, the epoch and the image's
place in it, and on nothing else: not on how many batches went before in this process (a resumed
run goes on exactly), nor on the batch size, the number of GPUs or the device (after a halved batch
the images are still the same, and two ranks see together what one would).

On a GPU the bytes are gathered into pinned memory by a thread and copied while the network
computes; or, where they take little of its memory, they lie there from the start and only row
numbers travel. What is left to the CPU is two memory copies an image at most.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cxrmine.errors import UserError
from cxrmine.training.labels import Labels

#: What an epoch gives for each step: x (b, 3, s, s), targets (b, k), mask (b, k).
Batch = tuple[Tensor, Tensor, Tensor]

# Batches that wait on the device for the network.
_AHEAD = 2
# Images of up to this share of a GPU's memory are kept there.
_RESIDENT_SHARE = 0.1
# Images that go to the device at once when all go.
_PIECE = 1024


class View(Protocol):
    """What makes a batch of grey bytes ready, as `cxrmine.training.augment.Augment` does."""

    @property
    def draws(self) -> int:
        """Uniform random numbers that an image takes; 0 for none."""

    def maps(self, uniform: NDArray[np.floating]) -> NDArray[np.float32]:
        """Turn them, shape (b, draws), into the images' maps, shape (b, …)."""

    def apply(self, images: Tensor, maps: Tensor) -> Tensor:
        """Make (b, S, S) uint8 into (b, 3, s, s) float32."""


class ImageStore(Protocol):
    """Where the bytes are: `cxrmine.training.cache.Cache`, or anything with such an array."""

    @property
    def images(self) -> NDArray[np.uint8]:
        """All images, uint8, shape (n, S, S)."""


class Batches:
    """An iterator over a part of a data set for each epoch.

    Every rank takes the same number of full batches. The last ones are filled up from the epoch's
    beginning, with augmentations of their own, so that neither batch normalisation nor a compiled
    network ever meets a batch of another size.

    Parameters
    ----------
    cache : ImageStore
        Row i is image i of the labels.
    labels : Labels
    rows : ndarray of int, shape (m,)
        The images of the part.
    batch : int
        Images a step of one rank.
    seed : int
        Of the order and the augmentations.
    device : str or torch.device
        Where the batches are wanted.
    augment : View
        By default `cxrmine.training.augment.Augment` as it is by itself.
    rank, world : int
        This process among all; together they take ``batch × world`` images a step.
    resident : bool or "auto"
        Whether the images lie on the device from the start; by itself where they take at most a
        tenth of a GPU's memory.
    prefetch : bool, optional
        Whether a thread fetches ahead; by default on a GPU.

    Raises
    ------
    UserError
        If there are no rows.
    ValueError
        If a row is not one of the images, or a number is out of range.
    """

    def __init__(
        self,
        cache: ImageStore,
        labels: Labels,
        rows: NDArray[np.intp],
        batch: int,
        seed: int,
        device: str | torch.device = "cpu",
        augment: View | None = None,
        rank: int = 0,
        world: int = 1,
        *,
        resident: bool | Literal["auto"] = "auto",
        prefetch: bool | None = None,
    ) -> None:
        if augment is None:
            from cxrmine.training.augment import Augment

            augment = Augment()
        self._rows = np.asarray(rows, dtype=np.intp)
        if self._rows.ndim != 1 or self._rows.size == 0:
            raise UserError("there are no images to make batches of; see the part of the split.")
        if self._rows.min() < 0 or self._rows.max() >= min(len(labels), len(cache.images)):
            raise ValueError("a row is none of the images")
        if batch < 1 or not 0 <= rank < world or seed < 0:
            raise ValueError(f"batch {batch}, rank {rank} of {world} or seed {seed} out of range")
        self.names = labels.names
        self.batch = batch
        self.seed = seed
        self.device = torch.device(device)
        if self.device.type == "cuda" and self.device.index is None:
            # The thread has a current device of its own, always the first.
            self.device = torch.device("cuda", torch.cuda.current_device())
        self.view = augment
        self.rank = rank
        self.world = world
        self.prefetch = self.device.type == "cuda" if prefetch is None else prefetch
        #: Seconds that the one who iterates has waited for batches, augmentation included. On a
        #: GPU, which works on by itself, it is the time until the work was handed over.
        self.waited = 0.0
        self._cache = cache
        self._targets = torch.from_numpy(labels.targets).to(self.device)
        self._mask = torch.from_numpy(labels.mask).to(self.device)
        self.resident = self._fits() if resident == "auto" else resident
        self._on_device: Tensor | None = None

    def __len__(self) -> int:
        """Return the steps of an epoch."""
        return -(-self._rows.size // (self.batch * self.world))

    def epoch(self, number: int, start_step: int = 0) -> Iterator[Batch]:
        """Iterate over an epoch, or what is left of it.

        Parameters
        ----------
        number : int
            From 0.
        start_step : int
            Steps that are done already.

        Yields
        ------
        x : Tensor of float32, shape (b, 3, s, s)
        targets : Tensor of float32, shape (b, k)
        mask : Tensor of bool, shape (b, k)
        """
        if number < 0 or not 0 <= start_step <= len(self):
            raise ValueError(f"no step {start_step} of {len(self)} in epoch {number}")
        if start_step == len(self):
            return
        began = time.perf_counter()
        order, uniform = self._order(number)
        steps = [self._slice(step) for step in range(start_step, len(self))]
        chosen = [order[step] for step in steps]
        # All row numbers and maps of the epoch travel at once: they are small beside one batch.
        places = torch.from_numpy(np.concatenate(chosen)).to(self.device)
        maps = np.concatenate([self.view.maps(uniform[step]) for step in steps])
        pieces = zip(
            torch.split(places, self.batch),
            torch.split(torch.from_numpy(maps).to(self.device), self.batch),
            strict=True,
        )
        rows = torch.from_numpy(self._rows).to(self.device)
        images = self._source(chosen)
        try:
            for place, some_maps in pieces:
                grey = self._residents()[place] if images is None else next(images)
                row = rows[place]
                made = self.view.apply(grey, some_maps), self._targets[row], self._mask[row]
                self.waited += time.perf_counter() - began
                yield made
                began = time.perf_counter()
        finally:
            if images is not None:
                images.close()

    def _order(self, number: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return an epoch's places in the part, shape (m',), and their random numbers."""
        size = self._rows.size
        # Two streams, so that the order does not depend on what the augmentation takes; and raw
        # uniform numbers, the part of NumPy's generators that keeps from version to version.
        order, draws = (
            np.random.Generator(
                np.random.Philox(key=np.array([self.seed, 2 * number + stream], np.uint64))
            )
            for stream in range(2)
        )
        places = np.argsort(order.random(size), kind="stable")
        padded = len(self) * self.batch * self.world
        return (
            np.resize(places, padded),
            draws.random((padded, self.view.draws), dtype=np.float32),
        )

    def _slice(self, step: int) -> slice:
        first = (step * self.world + self.rank) * self.batch
        return slice(first, first + self.batch)

    def _source(self, places: list[NDArray[np.intp]]) -> Generator[Tensor, None, None] | None:
        """Return the steps' images on the device; None where they all lie there."""
        if self.resident:
            return None
        chosen = [self._rows[each] for each in places]
        if self.prefetch:
            return _fetched_ahead(self._cache, chosen, self.device)
        return _fetched(self._cache, chosen, self.device)

    def _fits(self) -> bool:
        if self.device.type != "cuda":
            return False
        side = self._cache.images.shape[1]
        whole: int = torch.cuda.get_device_properties(self.device).total_memory
        return bool(self._rows.size * side * side <= _RESIDENT_SHARE * whole)

    def _residents(self) -> Tensor:
        """Return the part's images on the device, in the order of the rows."""
        if self._on_device is None:
            side = self._cache.images.shape[1]
            whole = torch.empty(
                (self._rows.size, side, side), dtype=torch.uint8, device=self.device
            )
            for first in range(0, self._rows.size, _PIECE):
                piece = self._rows[first : first + _PIECE]
                whole[first : first + _PIECE] = _gathered(self._cache, piece).to(self.device)
            self._on_device = whole
        return self._on_device


def _gathered(store: ImageStore, rows: NDArray[np.intp], *, pinned: bool = False) -> Tensor:
    """Copy some rows of the images together: uint8, shape (b, S, S), on the CPU."""
    images = store.images
    out = torch.empty((len(rows), *images.shape[1:]), dtype=torch.uint8, pin_memory=pinned)
    # With "raise" NumPy would gather into a copy first; the rows are known to be in range.
    np.take(images, rows, axis=0, out=out.numpy(), mode="clip")
    return out


def _fetched(
    store: ImageStore, steps: list[NDArray[np.intp]], device: torch.device
) -> Generator[Tensor, None, None]:
    """Yield each step's images on the device, fetched when they are asked for."""
    for rows in steps:
        yield _gathered(store, rows).to(device)


def _fetched_ahead(
    store: ImageStore, steps: list[NDArray[np.intp]], device: torch.device
) -> Generator[Tensor, None, None]:
    """Yield each step's images on the device, fetched by a thread while the network computes.

    On a GPU they are copied from pinned memory on a stream of their own. Pinned memory is
    PyTorch's: it is not given out again before the copy from it has ended.
    """
    cuda = device.type == "cuda"
    ready: queue.Queue[tuple[Tensor, Any] | BaseException] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def hand_over(item: tuple[Tensor, Any] | BaseException) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def fetch() -> None:
        try:
            stream = None
            if cuda:
                torch.cuda.set_device(device)  # that pinned memory makes no context elsewhere
                stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            for rows in steps:
                if stopped.is_set():
                    return
                images = _gathered(store, rows, pinned=cuda)
                copied = None
                if stream is not None:
                    with torch.cuda.stream(stream):
                        images = images.to(device, non_blocking=True)
                        copied = stream.record_event()
                hand_over((images, copied))
        except BaseException as error:  # it belongs to the one who iterates
            hand_over(error)

    thread = threading.Thread(target=fetch, name="batches", daemon=True)
    thread.start()
    try:
        for _ in steps:
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            images, copied = item
            if copied is not None:
                here = torch.cuda.current_stream(device)
                here.wait_event(copied)
                images.record_stream(here)
            yield images
    finally:
        stopped.set()
        thread.join()
