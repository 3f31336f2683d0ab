"""Read reports from files, folders and archives, whatever their format.

A format is one module ``read_NAME.py`` in this package (see `cxrmine.reports.format`); it is
found by its name, so that adding one touches nothing else.
"""

from __future__ import annotations

import hashlib
import os
import pkgutil
import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import cxrmine.reports as package
from cxrmine.errors import UserError
from cxrmine.reports.format import ReadOptions, ReportFormat
from cxrmine.reports.report import Problem, Report
from cxrmine.reports.sources import (
    READ_ERRORS,
    OnProblem,
    Source,
    describe_error,
    is_archive,
    list_sources,
)

__all__ = ["UsageError", "formats", "input_fingerprint", "list_sources", "read_reports"]

#: A folder's fingerprint covers the bytes of its files up to so many files and bytes, and
#: names and sizes beyond.
CONTENT_FILES = 10_000
CONTENT_BYTES = 256 << 20

# Text files that lie beside reports in published collections and are none.
_NOT_REPORTS = frozenset({"license", "readme", "sha256sums", "changelog", "requirements", "notice"})


class UsageError(UserError):
    """A command line that cannot work; the message is one sentence for the user."""


@cache
def formats() -> tuple[ReportFormat, ...]:
    """Return the known formats, in alphabetical order of their modules."""
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
    modules = (import_module(f"cxrmine.reports.{n}") for n in names if n.startswith("read_"))
    return tuple(module.FORMAT for module in modules)


def read_reports(
    inputs: Sequence[Path],
    *,
    id_column: str | None = None,
    text_column: str | None = None,
    section_columns: Sequence[str] | None = None,
    wanted_sections: Sequence[str] = (),
    on_columns: Callable[[Sequence[str]], object] | None = None,
    on_problem: OnProblem,
) -> Iterator[Report]:
    """Read reports one by one, in an order that depends on the inputs alone.

    Parameters
    ----------
    inputs
        Files, folders and archives, read in the order given; folders and zips by path, tar
        archives in their own order.
    id_column, text_column, section_columns
        The columns of tables; by default ``report_id``, else ``id``, else the row's number;
        ``text`` or ``report``; and columns named like sections. A section column is a name or
        ``SECTION=COLUMN``.
    wanted_sections, on_columns
        For a caller who wants nothing but these sections (see `ReadOptions`).
    on_problem
        Called with every `Problem` as it is met. A failure loses its report (of several with one
        id, the first is kept), a warning loses nothing.

    Returns
    -------
    iterator of Report
        Ids are unique and not empty. Memory does not grow with the input, but for 8 bytes (and
        Python's overhead) an id.

    Raises
    ------
    UsageError
        At once, if an input does not exist or holds no file of a known format.
    """
    options = ReadOptions(
        id_column,
        text_column,
        tuple(section_columns) if section_columns else None,
        tuple(wanted_sections),
        on_columns,
    )
    if not inputs:
        raise UsageError(f"No input was named: give at least one file or folder ({_known()}).")
    for path in inputs:
        _check_input(Path(path))
    return _read_all([Path(p) for p in inputs], options, on_problem)


def _known() -> str:
    return "; ".join(f.description for f in formats())


def _check_input(path: Path) -> None:
    if not path.exists():
        raise UsageError(f"The input {str(path)!r} does not exist: check the path.")
    if not os.access(path, os.R_OK):
        raise UsageError(f"The input {str(path)!r} cannot be read: check its permissions.")
    damaged: list[Problem] = []
    for source in list_sources(path, damaged.append):
        if _format_of(source, path) is not None:
            return
    if damaged:
        return  # a damaged archive is a failure, told when it is read
    if path.is_dir() or is_archive(path):
        kind = "folder" if path.is_dir() else "archive"
        raise UsageError(
            f"The {kind} {str(path)!r} holds no file of a known format; known are: {_known()}."
        )
    raise UsageError(
        f"The input {str(path)!r} is in no known format (by its name); known are: {_known()}."
    )


def _format_of(source: Source, path: Path) -> ReportFormat | None:
    """Return the format of a file within the input `path`, None for one to pass over."""
    stem = posixpath.splitext(posixpath.basename(source.name))[0].lower()
    if stem in _NOT_REPORTS and source.name != path.name:
        return None
    return next((f for f in formats() if f.matches(source)), None)


def _read_all(
    inputs: Sequence[Path], options: ReadOptions, on_problem: OnProblem
) -> Iterator[Report]:
    seen: set[int] = set()
    for path in inputs:
        unread: Counter[str] = Counter()
        for source in list_sources(path, on_problem):
            report_format = _format_of(source, path)
            if report_format is None:
                if is_archive(Path(source.name)):
                    message = (
                        "An archive within a folder or an archive is not opened: name it itself."
                    )
                    on_problem(Problem("warning", source.item, message))
                else:
                    unread[source.suffix or "no suffix"] += 1
                continue
            try:
                for report in report_format.read(source, options, on_problem):
                    if _usable(report, source, seen, on_problem):
                        yield report
            except READ_ERRORS as error:
                on_problem(Problem("failure", source.item, describe_error(error)))
        if unread:
            kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(unread.items()))
            message = f"Files of no known format were passed over ({kinds})."
            on_problem(Problem("warning", path.name, message))


def _usable(report: Report, source: Source, seen: set[int], on_problem: OnProblem) -> bool:
    """Report what is wrong with a report; say whether it is kept."""
    if not report.report_id:
        message = "The report has no id: give it one."
        on_problem(Problem("failure", source.item, message))
        return False
    digest = hashlib.blake2b(report.report_id.encode("utf-8", "surrogatepass"), digest_size=8)
    key = int.from_bytes(digest.digest(), "big")
    item = f"{source.item}: {report.report_id}"
    if key in seen:
        message = "The id was met before; the first report of that id was kept, this one was not."
        on_problem(Problem("failure", item, message))
        return False
    seen.add(key)
    if not report.text or report.text.isspace():
        message = "The report is empty; it was kept, without findings."
        on_problem(Problem("warning", item, message))
    return True


def input_fingerprint(inputs: Sequence[Path]) -> dict[str, Any]:
    """Describe the inputs for ``run.json``: enough to notice that they changed.

    Returns
    -------
    dict
        ``sha256`` over all inputs, and ``inputs``, a list with ``name``, ``files``, ``bytes``,
        ``sha256`` and ``covers`` of each: ``content`` (every byte), or ``names and sizes`` for a
        folder of more than `CONTENT_FILES` files or `CONTENT_BYTES` bytes.
    """
    entries = [_fingerprint(Path(path)) for path in inputs]
    total = hashlib.sha256("\n".join(str(e["sha256"]) for e in entries).encode())
    return {"sha256": total.hexdigest(), "inputs": entries}


def _fingerprint(path: Path) -> dict[str, Any]:
    name = path.name or str(path)
    if not path.is_dir():
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
        return {"name": name, "files": 1, "bytes": size, "sha256": digest, "covers": "content"}
    listing = hashlib.sha256()
    files = size = 0
    for source in list_sources(path, lambda problem: None):
        stat = (path / source.item).stat()
        listing.update(f"{source.item}\0{stat.st_size}\n".encode("utf-8", "surrogateescape"))
        files += 1
        size += stat.st_size
    covers = "names and sizes"
    if files <= CONTENT_FILES and size <= CONTENT_BYTES:
        covers = "content"
        for source in list_sources(path, lambda problem: None):
            with (path / source.item).open("rb") as file:
                listing.update(hashlib.file_digest(file, "sha256").digest())
    digest = listing.hexdigest()
    return {"name": name, "files": files, "bytes": size, "sha256": digest, "covers": covers}
