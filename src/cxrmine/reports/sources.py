"""Where report files come from: a file, a folder, or an archive, which is never unpacked to disk.

Everything is listed as a stream of `Source`, in an order that the input alone decides: folders
and zips by path, tar archives in their own order (sorting one would mean to hold or to unpack
it).
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

from cxrmine.reports.report import Problem

OnProblem = Callable[[Problem], None]

#: The largest file that is read as a whole (one XML or text report), uncompressed, in bytes.
MAX_REPORT_BYTES = 64 << 20
#: The largest parquet file in an archive or ``.gz`` (it needs random access, so memory).
MAX_BUFFERED_BYTES = 1 << 30
#: A member of an archive that unpacks to more than this many times its size is no report …
MAX_RATIO = 200
#: … unless it is small all the same.
RATIO_FREE_BYTES = 1 << 20

_TAR_OPENERS: dict[str, Callable[[Path], IO[bytes]]] = {
    ".tgz": lambda path: cast("IO[bytes]", gzip.GzipFile(path)),
    ".tar.gz": lambda path: cast("IO[bytes]", gzip.GzipFile(path)),
    ".tar.bz2": lambda path: cast("IO[bytes]", bz2.BZ2File(path)),
    ".tbz2": lambda path: cast("IO[bytes]", bz2.BZ2File(path)),
    ".tar.xz": lambda path: cast("IO[bytes]", lzma.LZMAFile(path)),  # noqa: SIM115
    ".txz": lambda path: cast("IO[bytes]", lzma.LZMAFile(path)),  # noqa: SIM115
    ".tar": lambda path: path.open("rb"),
}
_DRIVE = re.compile(r"^[A-Za-z]:")


class SourceError(Exception):
    """A file that cannot be used; the message is one sentence for ``failures.csv``."""


#: What opening, unpacking or decoding a broken file raises.
READ_ERRORS: tuple[type[Exception], ...] = (
    SourceError,
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    NotImplementedError,  # a zip's unknown compression
    RuntimeError,  # a zip's password
    UnicodeError,
)


@dataclass(frozen=True, slots=True)
class Source:
    """One file of reports.

    ``name`` is its path within the input, with ``/`` and without ``.gz`` (ids are made of it);
    ``item`` says where it is to the user; ``path`` is set where it lies on disk as it is.
    ``packed`` and ``size`` are its bytes as stored and unpacked, where known. A member of a tar
    archive can be opened only ``once``.
    """

    name: str
    item: str
    opener: Callable[[], IO[bytes]]
    path: Path | None = None
    size: int | None = None
    packed: int | None = None
    once: bool = False

    @property
    def suffix(self) -> str:
        """The lower-case ending of the name, with the dot."""
        return os.path.splitext(self.name)[1].lower()

    def open(self) -> IO[bytes]:
        """Open the unpacked bytes for reading, once per source."""
        return self.opener()

    def reopenable(self) -> Source:
        """Return a source that can be opened again and again: itself, or a copy in memory.

        Raises
        ------
        SourceError
            If the copy would exceed `MAX_BUFFERED_BYTES`.
        """
        if not self.once:
            return self
        data = self.read(MAX_BUFFERED_BYTES)
        return replace(self, opener=lambda: io.BytesIO(data), size=len(data), once=False)

    def read(self, limit: int = MAX_REPORT_BYTES) -> bytes:
        """Return the whole file.

        Raises
        ------
        SourceError
            If it unpacks to more than `limit` bytes, or out of all proportion.
        """
        if self.size is not None:
            _check_size(self.size, self.packed, limit)
        with self.open() as file:
            data = file.read(limit + 1)
        _check_size(len(data), self.packed, limit)
        return data


def _check_size(size: int, packed: int | None, limit: int) -> None:
    if size > limit:
        raise SourceError(
            f"It holds more than {limit >> 20} MiB, too much for one file of this format: "
            "split it, or leave it out."
        )
    if packed is not None and size > RATIO_FREE_BYTES and size > MAX_RATIO * max(packed, 1):
        raise SourceError(
            f"It unpacks to more than {MAX_RATIO} times its size, as decompression bombs do: "
            "unpack it yourself if you trust it."
        )


def is_archive(path: Path) -> bool:
    """Say whether `path` names a tar or zip archive."""
    return path.name.lower().endswith((*_TAR_OPENERS, ".zip"))


def list_sources(path: Path, on_problem: OnProblem) -> Iterator[Source]:
    """Yield the files of an input, one at a time; read each before the next is asked for.

    Hidden files (names that begin with a dot, ``__MACOSX``) are passed over. Members of an
    archive that are links, or whose path leads out of it, are failures; so are files of a folder
    that may not be read, and links in it that lead nowhere.
    """
    lower = path.name.lower()
    if path.is_dir():
        yield from _folder(path, path, on_problem)
    elif lower.endswith(".zip"):
        yield from _zip(path, on_problem)
    elif tar_suffix := next((s for s in _TAR_OPENERS if lower.endswith(s)), None):
        yield from _tar(path, _TAR_OPENERS[tar_suffix], on_problem)
    else:
        yield _file(path, path.name, path.name)


def _file(path: Path, name: str, item: str) -> Source:
    size = path.stat().st_size if path.exists() else None
    if name.lower().endswith(".gz"):
        return Source(
            name[:-3], item, lambda: cast("IO[bytes]", gzip.GzipFile(path)), path=None, packed=size
        )
    return Source(name, item, lambda: path.open("rb"), path=path, size=size)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _folder(folder: Path, root: Path, on_problem: OnProblem) -> Iterator[Source]:
    try:
        with os.scandir(folder) as entries:
            names = sorted((entry.name, entry.is_dir(), entry.is_file()) for entry in entries)
    except OSError as error:
        item = folder.relative_to(root).as_posix()
        on_problem(Problem("failure", item, f"The folder cannot be read ({_reason(error)})."))
        return
    for name, is_folder, is_file in names:
        path = folder / name
        if name.startswith(".") or name == "__MACOSX":
            continue
        if is_folder:
            if path.is_symlink():  # it may lead back up
                item = path.relative_to(root).as_posix()
                on_problem(
                    Problem("warning", item, "The linked folder was not followed: name it itself.")
                )
                continue
            yield from _folder(path, root, on_problem)
        else:
            relative = path.relative_to(root).as_posix()
            if not is_file:
                message = "It is a link that leads nowhere, or a device: it was not read."
                on_problem(Problem("failure", relative, message))
            elif not os.access(path, os.R_OK):
                message = "The file cannot be read: check its permissions."
                on_problem(Problem("failure", relative, message))
            else:
                yield _file(path, relative, relative)


def _unsafe(name: str) -> bool:
    return (
        name.startswith(("/", "\\")) or bool(_DRIVE.match(name)) or ".." in re.split(r"[/\\]", name)
    )


def _zip(path: Path, on_problem: OnProblem) -> Iterator[Source]:
    try:
        archive = zipfile.ZipFile(path)
    except READ_ERRORS as error:
        on_problem(Problem("failure", path.name, _broken(error)))
        return
    with archive:
        for info in sorted(archive.infolist(), key=lambda i: i.filename.split("/")):
            if info.is_dir():
                continue
            source = _member(path, info.filename, on_problem)
            if source is None:
                continue
            yield Source(
                source,
                f"{path.name}/{info.filename}",
                _zip_opener(archive, info),
                size=None if info.filename.lower().endswith(".gz") else info.file_size,
                packed=info.compress_size,
            )


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    if info.filename.lower().endswith(".gz"):
        return lambda: cast("IO[bytes]", gzip.GzipFile(fileobj=archive.open(info)))
    return lambda: archive.open(info)


def _member(path: Path, name: str, on_problem: OnProblem) -> str | None:
    """Return the name under which a member is read, None where it is passed over."""
    if _unsafe(name):
        message = "Its path leads out of the archive: it was not read."
        on_problem(Problem("failure", f"{path.name}/{name}", message))
        return None
    name = name.removeprefix("./")
    if _hidden(name):
        return None
    return name[:-3] if name.lower().endswith(".gz") else name


def _tar(
    path: Path, opener: Callable[[Path], IO[bytes]], on_problem: OnProblem
) -> Iterator[Source]:
    try:
        with opener(path) as file:
            watched = _Watched(file)
            archive = tarfile.open(fileobj=cast("IO[bytes]", watched), mode="r|")  # noqa: SIM115
            for info in archive:
                # tarfile remembers every member; a million of them are a gigabyte.
                archive.members = []  # type: ignore[attr-defined]
                if info.isdir():
                    continue
                if not info.isfile():
                    message = "It is a link or a device, not a file: it was not read."
                    on_problem(Problem("failure", f"{path.name}/{info.name}", message))
                    continue
                name = _member(path, info.name, on_problem)
                if name is not None:
                    yield Source(
                        name,
                        f"{path.name}/{info.name}",
                        _tar_opener(archive, info),
                        size=None if info.name.lower().endswith(".gz") else info.size,
                        packed=info.size if info.name.lower().endswith(".gz") else None,
                        once=True,
                    )
            # tarfile takes a missing end for the end.
            if watched.tail.strip(b"\0"):
                raise tarfile.ReadError("the archive ends early")
    except READ_ERRORS as error:
        on_problem(Problem("failure", path.name, _broken(error)))


class _Watched:
    """A file that remembers its last block: that of a whole tar archive is all zeros."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.tail = b""

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.tail = (self.tail + data)[-tarfile.BLOCKSIZE :]
        return data


def _tar_opener(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    def opened() -> IO[bytes]:
        file = archive.extractfile(info)
        if file is None:
            raise SourceError("It is not a file.")
        return (
            cast("IO[bytes]", gzip.GzipFile(fileobj=file))
            if info.name.lower().endswith(".gz")
            else file
        )

    return opened


def _reason(error: BaseException) -> str:
    """Say in a few words what the system objected to, without paths."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _broken(error: BaseException) -> str:
    return (
        f"The file is damaged or cannot be read ({_reason(error)}); what came before was kept: "
        "fetch it again."
    )


def describe_error(error: BaseException) -> str:
    """Return the sentence for ``failures.csv`` about one of `READ_ERRORS` or a `SourceError`."""
    return str(error) if isinstance(error, SourceError) else _broken(error)
