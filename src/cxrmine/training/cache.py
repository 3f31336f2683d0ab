"""A data set's images at the training size, decoded once and mapped into memory.

Decoding a 1024-pixel PNG takes some 10 ms, a training step of one image on a GPU less than one.
So the images are decoded and shrunk once, into one array of grey bytes that the system keeps in
memory as far as there is room, and every epoch reads from there.

Which images a cache holds stands in its name: a hash of their SHA-256 from the data set's
manifest, of the size, and of the way of shrinking. A data set that was built again gives another
name, never old pixels under the new labels. It lies beside the data set (``NAME.cache``), not
inside, where it would be a file that the manifest does not know, and not in the user's home,
where nobody expects patients.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import shutil
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cxrmine.dataset.manifest import MANIFEST, read_manifest
from cxrmine.dataset.read import DATA_ENTRY, IMAGES, Dataset
from cxrmine.errors import UserError
from cxrmine.runs.endings import FULL
from cxrmine.tables import atomic_write_text

# Another number wherever the same files would give other pixels.
_FORMAT = "cxrmine-cache-1 area"
#: Rows between two points from which a killed build goes on.
_ROWS_BETWEEN_MARKS = 512
#: Rows, spread over all, whose checksum is looked at whenever a cache is opened.
_ROWS_LOOKED_AT = 32

OnImage = Callable[[int, int], None]


class Cache:
    """The images of a data set as one array, opened when they are first asked for.

    It can be sent to another process, which opens the file by itself.

    Parameters
    ----------
    path : Path
        The ``.npy`` file.
    index : dict
        Row of each image by its Image Index; rows are in the order of ``Data_Entry.csv``, as
        those of `cxrmine.training.labels.Labels` are.
    size : int
        Side of an image in pixels.
    checked_by : str
        ``manifest`` where the files' SHA-256 vouch for the pixels; ``size and time`` for a data
        set without a manifest, of which only the files' sizes and times of change are known.
    notes : tuple of str
        What a user should know, such as older caches of the data set that can go.
    """

    def __init__(
        self,
        path: Path,
        index: dict[str, int],
        size: int,
        checked_by: str = "manifest",
        notes: tuple[str, ...] = (),
    ) -> None:
        self.path = path
        self.index = index
        self.size = size
        self.checked_by = checked_by
        self.notes = notes
        self._images: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.index)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_images": None}

    @property
    def images(self) -> NDArray[np.uint8]:
        """The images: a read-only memory map, uint8, shape (n, size, size)."""
        if self._images is None:
            self._images = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return self._images

    @property
    def key(self) -> str:
        """The hash in the cache's name, for the record of a run."""
        return self.path.stem.rpartition("-")[2]


def open_cache(
    dataset: Dataset,
    size: int,
    folder: str | os.PathLike[str] | None = None,
    workers: int = 1,
    *,
    on_image: OnImage | None = None,
) -> Cache:
    """Return the cache of a data set's images, made first where there is none.

    A build that was killed goes on where it stopped. Where two processes ask for the same cache,
    one makes it and the other waits.

    Parameters
    ----------
    dataset : Dataset
        As `cxrmine.dataset.read.read_dataset` gives it.
    size : int
        Side in pixels; images are shrunk to it (and stretched, if they are not square) by `shrink`.
    folder : path, optional
        Where caches lie; by default ``NAME.cache`` beside the data set's folder ``NAME``.
    workers : int
        Threads that decode (Pillow lets go of the interpreter meanwhile).
    on_image : callable, optional
        Called while a cache is made, with the number of images done and of all.

    Returns
    -------
    Cache

    Raises
    ------
    UserError
        If an image of the table is missing, has changed since the manifest was written or cannot
        be decoded; if the cache that is there is truncated or damaged; if there is no room for it
        or the folder cannot be written.
    """
    if size < 1 or workers < 1:
        raise ValueError(f"size {size} and workers {workers} must be 1 or more")
    names = [row.image_index for row in dataset.rows]
    if not names:
        raise UserError(f"{str(dataset.folder)!r} has no images; there is nothing to train on.")
    hashes, checked_by = _identities(dataset.folder, names)
    digest = hashlib.sha256(f"{_FORMAT} {size}\n".encode())
    for name in names:
        digest.update(f"{name}\t{hashes[name]}\n".encode())
    key = digest.hexdigest()[:16]
    home = dataset.folder.resolve()
    place = Path(folder) if folder is not None else home.with_name(f"{home.name}.cache")
    path = place / f"images-{size}-{key}.npy"
    index = {name: row for row, name in enumerate(names)}
    if not path.exists():
        try:
            place.mkdir(parents=True, exist_ok=True)
            with _locked(place / f"images-{size}-{key}.lock"):
                if not path.exists():
                    _build(dataset, names, hashes, path, size, workers, on_image)
        except OSError as error:
            raise UserError(
                f"the cache of images cannot be written in {str(place)!r} ({error.strerror}); "
                "name a folder with room that you may write to.",
                exit_code=1 if error.errno in FULL else 2,
            ) from error
        finally:
            with suppress(OSError):  # it stays unless nothing was put there
                place.rmdir()
    cache = Cache(path, index, size, checked_by, _older(path, size))
    sums = _check_whole(cache)
    step = max(1, len(cache) // _ROWS_LOOKED_AT)
    _check_rows(cache, sums, range(0, len(cache), step))
    return cache


def shrink(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Bring a grey image to ``size`` × ``size`` by area averaging.

    An output pixel is the mean of exactly the area that it covers, input pixels that it covers in
    part counted in part, as build-dataset does it (`cxrmine.images.resize`). Pillow's BOX filter
    counts a pixel wholly or not at all: from 1024 to 480 pixels it is up to 76 grey levels off
    on real radiographs, in stripes. An axis that is to grow is interpolated linearly between
    pixel centres.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns)
    size : int
        Side of the output.

    Returns
    -------
    ndarray of uint8, shape (size, size)
        The input itself if it has that size.
    """
    rows, columns = image.shape
    if (rows, columns) == (size, size):
        return image
    if rows % size == 0 and columns % size == 0:
        from PIL import Image

        # Whole pixels only: Pillow's reduce is the same mean, several times as fast.
        return np.asarray(Image.fromarray(image).reduce((columns // size, rows // size)))
    down = _along_rows(image, size)
    across = _along_rows(np.ascontiguousarray(down.T), size)
    grey: NDArray[np.uint8] = (across.T + np.float32(0.5)).astype(np.uint8)
    return grey


def _along_rows(image: NDArray[Any], size: int) -> NDArray[np.float32]:
    """Resample the first axis: float32, shape (size, columns)."""
    places, weights = _taps(image.shape[0], size)
    out = np.zeros((size, image.shape[1]), dtype=np.float32)
    for place, weight in zip(places, weights, strict=True):
        out += image[place] * weight[:, None]
    return out


def _taps(before: int, after: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return which input pixels make each output pixel, and by how much: both (taps, after)."""
    if after >= before:
        # Centre of output pixel i, in input pixels; held at the outer pixels' centres.
        centre = np.clip((np.arange(after) + 0.5) * (before / after) - 0.5, 0, before - 1)
        first = np.floor(centre).astype(np.intp)
        part = centre - first
        places = np.stack((first, np.minimum(first + 1, before - 1)))
        return places, np.stack((1 - part, part)).astype(np.float32)
    scale = before / after
    low = np.arange(after) * scale
    high = low + scale
    taps = math.ceil(scale) + 1
    places = np.floor(low).astype(np.intp) + np.arange(taps)[:, None]
    covered = np.minimum(places + 1, high) - np.maximum(places, low)
    weights = np.clip(covered, 0, None) / scale
    return np.minimum(places, before - 1), weights.astype(np.float32)


def _identities(folder: Path, names: Sequence[str]) -> tuple[dict[str, str], str]:
    """Return what identifies each image's bytes, and by what; look whether all are there."""
    try:
        with os.scandir(folder / IMAGES) as entries:
            present = {entry.name: entry.stat() for entry in entries}
    except OSError:
        raise UserError(
            f"{str(folder)!r} has no folder {IMAGES!r} that can be read; build the set again."
        ) from None
    if missing := [name for name in names if name not in present]:
        number = "1 image" if len(missing) == 1 else f"{len(missing)} images"
        raise UserError(
            f"{IMAGES}/ of {str(folder)!r} lacks {number} of {DATA_ENTRY} (the first: "
            f"{min(missing)}); build the set again, or see build-dataset --verify."
        )
    if not (folder / MANIFEST).is_file():
        return {
            name: f"{present[name].st_size} {present[name].st_mtime_ns}" for name in names
        }, "size and time"
    listed = read_manifest(folder)
    hashes = {}
    for name in names:
        entry = listed.get(f"{IMAGES}/{name}")
        if entry is None or entry.size != present[name].st_size:
            what = "is not in" if entry is None else "has not the size that it has in"
            raise UserError(
                f"{IMAGES}/{name} of {str(folder)!r} {what} {MANIFEST}; build the set again, or "
                "see build-dataset --verify."
            )
        hashes[name] = entry.sha256
    return hashes, "manifest"


def _build(
    dataset: Dataset,
    names: Sequence[str],
    hashes: dict[str, str],
    path: Path,
    size: int,
    workers: int,
    on_image: OnImage | None,
) -> None:
    """Decode all images into `path`, which appears only when it is whole."""
    shape = (len(names), size, size)
    header = _header(shape)
    growing, mark = path.with_suffix(".partial"), path.with_suffix(".partial.json")
    sums = _resumable(growing, mark, header, shape)
    needed = len(header) + math.prod(shape) - (growing.stat().st_size if sums else 0)
    if needed > (free := shutil.disk_usage(path.parent).free):
        raise UserError(
            f"the cache of {len(names):,} images needs {_told_size(needed)} in "
            f"{str(path.parent)!r}, where {_told_size(free)} are free; make room, or name another "
            "folder with --cache.",
            exit_code=1,
        )
    with _gone_unless_marked(growing, mark), growing.open("r+b" if sums else "wb") as handle:
        if not sums:
            handle.write(header)
        handle.seek(len(header) + len(sums) * size * size)
        handle.truncate()
        files = (
            (dataset.folder / IMAGES / name, hashes[name])
            for name in islice(names, len(sums), None)
        )
        with ThreadPoolExecutor(workers) as pool:
            for row in _in_order(pool, files, size, 2 * workers):
                handle.write(row)
                sums.append(zlib.crc32(row))
                if len(sums) % _ROWS_BETWEEN_MARKS == 0:
                    _to_disk(handle)
                    atomic_write_text(mark, json.dumps(sums))
                if on_image is not None:
                    on_image(len(sums), len(names))
        _to_disk(handle)
    # The array goes last: where it is, its checksums are.
    atomic_write_text(path.with_suffix(".json"), json.dumps({"format": _FORMAT, "crc32": sums}))
    os.replace(growing, path)
    mark.unlink(missing_ok=True)


@contextmanager
def _gone_unless_marked(growing: Path, mark: Path) -> Iterator[None]:
    """Leave no file of a build that fails, but one that another build can go on from."""
    try:
        yield
    except BaseException:
        if not mark.exists():
            growing.unlink(missing_ok=True)
        raise


def _told_size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e8 else f"{number / 1e6:.2f} MB"


def _in_order(
    pool: ThreadPoolExecutor, files: Iterator[tuple[Path, str]], size: int, ahead: int
) -> Iterator[bytes]:
    """Yield the images' bytes in order, with no more than `ahead` of them under way."""
    waiting: deque[Future[bytes]] = deque()
    try:
        for path, sha256 in files:
            waiting.append(pool.submit(_load, path, sha256, size))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _load(path: Path, sha256: str, size: int) -> bytes:
    """Read, check, decode and shrink one image."""
    from PIL import Image

    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{IMAGES}/{path.name} cannot be read ({error.strerror}); build the set again, or see "
            "build-dataset --verify."
        ) from None
    if len(sha256) == _SHA256 and hashlib.sha256(data).hexdigest() != sha256:
        raise UserError(
            f"{IMAGES}/{path.name} is not the file that {MANIFEST} lists; build the set again, or "
            "see build-dataset --verify."
        )
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode.startswith(("I", "F")):
                raise UserError(
                    f"{IMAGES}/{path.name} has more than 8 bits a pixel; build the set with "
                    "build-dataset."
                )
            grey = np.asarray(image if image.mode == "L" else image.convert("L"))
    except UserError:
        raise
    except Exception as error:  # Pillow raises of many kinds, after the format
        raise UserError(
            f"{IMAGES}/{path.name} cannot be decoded ({type(error).__name__}); build the set "
            "again, or see build-dataset --verify."
        ) from error
    return shrink(grey, size).tobytes()


_SHA256 = 64


def _header(shape: tuple[int, ...]) -> bytes:
    """Return the first bytes of the ``.npy`` file (NumPy's format 1.0)."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


def _resumable(growing: Path, mark: Path, header: bytes, shape: tuple[int, ...]) -> list[int]:
    """Return the checksums of the rows that an earlier, killed build is known to have written."""
    with suppress(OSError, ValueError):
        sums = json.loads(mark.read_bytes())
        whole = len(header) + len(sums) * math.prod(shape[1:])
        if isinstance(sums, list) and growing.stat().st_size >= whole:
            with growing.open("rb") as handle:
                if handle.read(len(header)) == header:
                    return sums
    return []


def _to_disk(handle: IO[bytes]) -> None:
    handle.flush()
    os.fsync(handle.fileno())


def _check_whole(cache: Cache) -> NDArray[np.uint32]:
    """Make sure that the file is as long as it says, and return its checksums."""
    shape = (len(cache), cache.size, cache.size)
    header = _header(shape)
    whole = len(header) + math.prod(shape)
    try:
        present = cache.path.stat().st_size
        with cache.path.open("rb") as handle:
            begins_well = handle.read(len(header)) == header
    except OSError as error:
        raise UserError(
            f"the cache {str(cache.path)!r} cannot be read ({error.strerror}); mend its "
            "permissions or delete it."
        ) from error
    if present != whole:
        raise UserError(
            f"the cache {str(cache.path)!r} is truncated or overlong: {present:,} bytes instead of "
            f"{whole:,}; delete it, and the next run makes it again."
        )
    if not begins_well:
        raise UserError(_damaged(cache.path, "its header is not that of these images"))
    return _read_sums(cache.path, len(cache))


def _read_sums(path: Path, number: int) -> NDArray[np.uint32]:
    beside = path.with_suffix(".json")
    try:
        sums = np.array(json.loads(beside.read_bytes())["crc32"], dtype=np.uint32)
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        raise UserError(_damaged(path, f"{beside.name} beside it is missing or broken")) from None
    if sums.shape != (number,):
        raise UserError(_damaged(path, f"{beside.name} beside it is of other images"))
    return sums


def _check_rows(cache: Cache, sums: NDArray[np.uint32], rows: Sequence[int]) -> None:
    for row in rows:
        if zlib.crc32(np.ascontiguousarray(cache.images[row]).data) != sums[row]:
            raise UserError(_damaged(cache.path, f"image {row + 1} is not what was written"))


def _damaged(path: Path, how: str) -> str:
    return (
        f"the cache {str(path)!r} is damaged ({how}); delete it, and the next run makes it again."
    )


def _older(path: Path, size: int) -> tuple[str, ...]:
    """Name caches of this size that are of other images, or of what the data set once was."""
    name = re.compile(rf"images-{size}-[0-9a-f]{{16}}\.npy")
    with suppress(OSError):
        others = sorted(
            entry.name
            for entry in os.scandir(path.parent)
            if name.fullmatch(entry.name) and entry.name != path.name
        )
        return tuple(
            f"{other} in {str(path.parent)!r} is stale: it is of other images, or of what the data "
            "set was before it changed; it was not used and can be deleted"
            for other in others
        )
    return ()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time pass; systems without locks go without."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = path.open("ab")
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
            # One who waited may hold a file that is gone, and a third one a new file.
            while not _is_at(handle, path):
                handle.close()
                handle = path.open("ab")
                fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        handle.close()


def _is_at(handle: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


__all__ = ["Cache", "open_cache", "shrink"]
