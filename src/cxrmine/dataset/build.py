"""One run of ``build-dataset``: convert, name, link, write; killed at any point, it can be resumed.

The order of things: every source file becomes an image or a reason why not
(`cxrmine.dataset.conversion`), the images get names from the private crosswalk
(`cxrmine.dataset.numbering`) and labels from their reports (`cxrmine.dataset.rows`), and then all
tables are written (`cxrmine.dataset.tables_out`). Until a run is finished its images wait in
``OUT/.parts`` under names that say nothing, and all that names a patient lies in the private
folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cxrmine
from cxrmine.collector import collector_off
from cxrmine.dataset.boxes import read_boxes
from cxrmine.dataset.conversion import Conversion
from cxrmine.dataset.files import SourceFile, list_files, stamped
from cxrmine.dataset.label_origin import label_origin
from cxrmine.dataset.link import read_labels_table, read_link_table
from cxrmine.dataset.manifest import FileHash, hash_file, read_manifest
from cxrmine.dataset.numbering import SAME_IMAGE, found_in, number_images
from cxrmine.dataset.private import PrivateFolder, keyed_hash
from cxrmine.dataset.rows import Entry, dicom_entries, label_entries, source_entries
from cxrmine.dataset.settings import DICOM, OFFICIAL, RANDOM, BuildSettings
from cxrmine.dataset.sources.model import SourceSet
from cxrmine.dataset.splits import check_parts
from cxrmine.dataset.tables_out import (
    FIGURES,
    IMAGES,
    TABLES,
    Assembled,
    BoxesRead,
    Listed,
    write_all,
)
from cxrmine.dataset.work import FileOutcome, read_outcomes
from cxrmine.errors import UserError
from cxrmine.images.placement import SIZE
from cxrmine.runs.endings import endings_told
from cxrmine.runs.executors import Executor, open_executor
from cxrmine.runs.folder import OutputFolder, Writes
from cxrmine.runs.progress import Progress, open_progress

COMMAND = "build-dataset"

WRITES = Writes(COMMAND, frozenset({*TABLES, "run.json", "timing.json", "manifest.csv"}))

_OF_IMAGES = ("pydicom", "opencv-python-headless", "imagecodecs", "pillow", "pyjpegls", "numpy")
#: The first moment that a zip archive can hold, in seconds since 1970.
_NO_TIME = 315_619_200
#: The temporary files of `cxrmine.tables.atomic_writer`.
_HALF = re.compile(r"\.[\w.-]+\.[0-9a-f]{12}\.tmp")
_OUR_FILES = re.compile(rf"(?:{IMAGES}|{FIGURES})/[\w.-]+\.png")


_progress = partial(open_progress, "Converting", "converted", "files")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    ``record`` is what ``run.json`` holds; ``converted_now`` counts the source files read by this
    call, ``kept`` those that an earlier build had read. ``already_finished`` says that there was
    nothing left to do.
    """

    record: Mapping[str, Any]
    converted_now: int
    kept: int
    seconds: float
    already_finished: bool = False


def default_key_folder(out: Path) -> Path:
    """Return where the key and the crosswalk lie if nobody says where: beside the data set."""
    resolved = out.resolve()
    return resolved.with_name(f"{resolved.name}-key")


def build(
    settings: BuildSettings,
    out: Path,
    *,
    key: Path | None = None,
    workers: int = 1,
    dask: str | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Callable[[], Progress] = _progress,
) -> Outcome:
    """Build a data set in the folder `out`.

    Parameters
    ----------
    settings : BuildSettings
        What to build.
    out : Path
        The output folder.
    key : Path, optional
        The private folder; by default `default_key_folder`.
    workers : int
        Processes that convert; 1 is this one. No byte depends on it.
    dask : str, optional
        Address of a Dask scheduler whose workers convert instead; they must see the source files
        under the same paths.
    resume, force : bool
        Continue the killed run in `out`, or bring the finished set in it up to date; replace it.
    progress : callable
        Makes the display of how far the run is.

    Raises
    ------
    UserError
        If the user asked for what cannot be done, with exit status 2; with 1 if the workers died
        or the disk is full, with 130 after Ctrl-C. In the latter cases `resume` continues.
    """
    started = time.perf_counter()
    folder = OutputFolder(out, WRITES)
    folder.state()  # says so at once if it is a file
    private = PrivateFolder(key or default_key_folder(out))
    with folder.locked():
        state = folder.open(resume=resume, force=force)
        run = _Run(settings, folder, private, state, workers, dask)
        with endings_told(out, run.how_to_go_on, also=private.path), collector_off():
            return run.go(started, progress)


class _Run:
    """The state of a run under way."""

    def __init__(
        self,
        settings: BuildSettings,
        folder: OutputFolder,
        private: PrivateFolder,
        state: str,
        workers: int,
        dask: str | None,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.private = private
        self.state = state
        self.workers = workers
        self.dask = dask
        self.conversion: Conversion | None = None
        self.executor: Executor | None = None
        self.name = folder.path.resolve().name

    def go(self, started: float, progress: Callable[[], Progress]) -> Outcome:
        """Do whatever is left to do."""
        settings = self.settings
        # All that can be wrong in the request comes up here, before anything is written.
        labels = read_labels_table(settings.labels) if settings.labels else None
        links = read_link_table(settings.links) if settings.links else None
        if links is not None and settings.split not in (None, RANDOM, OFFICIAL):
            place = links.column(settings.split)
            check_parts((row[place] for row in links.rows), f"the column {settings.split!r}")
        boxes = self._read_boxes()
        source = self._read_source()
        self.private.prepare(self.folder.path)
        files = self._files(source)
        record = self._record()
        earlier = self.folder.earlier(self.state)
        if self.state != "empty":
            self.folder.check_same(earlier, {"pixels": record["pixels"]})
        listing = hashlib.sha256("\n".join(f.stamp for f in files).encode("utf-8", "replace"))
        whole = {
            **record,
            "listing": listing.hexdigest(),
            "out": str(self.folder.path.resolve()),
        }
        # The tables of a public set are read each time, since that is soon done.
        if source is None and self.state == "finished" and self._up_to_date(whole):
            self.folder.tidy()
            seconds = time.perf_counter() - started
            return Outcome(earlier, 0, len(files), seconds, already_finished=True)
        token = _token(earlier) if self.state == "unfinished" else secrets.token_hex(8)
        self.executor = self._open_executor(token) if files else None
        self._begin(record, token)

        with progress() as display:
            converting = time.perf_counter()
            outcomes = self._convert(files, token, display)
            stages = {"convert": round(time.perf_counter() - converting, 3)}
            display.say("Naming the images.")
            entries, listed = self._entries(source, files, outcomes)
            labelled = label_entries(entries, labels, links) if labels else None
            self._place(entries)
            display.say("Writing tables and figures.")
            writing = time.perf_counter()
            kept = {f"{IMAGES}/{e.row.image_index}": _hash_of(e) for e in entries if e.outcome}
            counts = write_all(
                self.folder.path,
                Assembled(
                    settings=settings,
                    source=source,
                    entries=labelled.entries if labelled else tuple(entries),
                    labelled=labelled,
                    label_columns=labels.columns if labels else _own_columns(source),
                    links=links,
                    boxes=boxes,
                    listed=listed,
                    files=len(files) + (len(source.set_aside) if source is not None else 0),
                    record=record,
                    hashes=kept,
                    private=self.private,
                    name=self.name,
                    workers=self.workers,
                ),
            )
            stages["write"] = round(time.perf_counter() - writing, 3)
        result = {**record, "counts": counts}
        self._keep_state(whole, files, outcomes, entries)
        converted = self.conversion.converted_now if self.conversion else 0
        total = time.perf_counter() - started
        self.folder.add_json(
            "timing.json",
            {
                "seconds": round(total, 3),
                "stages": stages,
                "files_converted": converted,
                "files_per_second": round(converted / stages["convert"], 2)
                if converted and stages["convert"]
                else None,
                "resumed": self.state != "empty",
                "workers": "dask" if self.dask is not None else self.workers,
            },
        )
        # First, since nobody knows of it any more once the run is finished; what it holds is in
        # the state that was just kept.
        shutil.rmtree(self._work(token), ignore_errors=True)
        self._hide_times()
        self.folder.finish()
        return Outcome(result, converted, len(files) - converted, total)

    def _hide_times(self) -> None:
        """Give every file of the set one time: the order in which they were made is that of the
        source files' names, and archives carry times along."""
        for name in (*read_manifest(self.folder.path), "manifest.csv", "timing.json"):
            os.utime(self.folder.path / name, (_NO_TIME, _NO_TIME))

    def how_to_go_on(self) -> str:
        """Say how the run can be resumed, if it got so far that it can."""
        if self.folder.state() != "unfinished":
            return "nothing was written."
        done, of = (self.conversion.done, self.conversion.of) if self.conversion else (0, 0)
        return (
            f"{done:,} of {of:,} files are converted; continue with the same command and --resume."
        )

    # What is asked for

    def _record(self) -> dict[str, Any]:
        """Return what ``run.json`` states beside the counts: no path and no identifier."""
        settings = self.settings
        versions = {"cxrmine": cxrmine.__version__, "python": platform.python_version()}
        for name in _OF_IMAGES:
            with suppress(PackageNotFoundError):
                versions[name] = version(name)
        inputs = {
            name: _hash_of_all(path)
            for name in ("labels", "links", "boxes")
            if (path := getattr(settings, name)) is not None
        }
        if settings.source == DICOM:
            # A small table of a hospital's: most of it is published, and the few short identifiers
            # in it could be guessed until a plain hash fits.
            inputs = {n: keyed_hash(self.private.key(), plain) for n, plain in inputs.items()}
        return {
            "command": COMMAND,
            "format": 1,
            "versions": versions,
            "pixels": {
                **settings.of_pixels(),
                "key": keyed_hash(self.private.key(), "which key")[:16],
                **{
                    f"version of {name}": versions.get(name, "")
                    for name in ("cxrmine", *_OF_IMAGES)
                },
            },
            "settings": settings.recorded(),
            "inputs": inputs,
            "labels_from": label_origin(settings.labels) if settings.labels else {},
        }

    def _read_boxes(self) -> BoxesRead | None:
        if self.settings.boxes is None:
            return None
        # A public set's boxes count in pixels of its images as they are given out; a hospital's
        # in those of the file.
        frame = (SIZE, SIZE) if self.settings.source == "nih" else None
        try:
            return read_boxes(self.settings.boxes, frame=frame)
        except UserError as error:
            raise UserError(f"--boxes {str(self.settings.boxes)!r}: {error}") from error

    def _read_source(self) -> SourceSet | None:
        if self.settings.source == DICOM:
            return None
        from cxrmine.dataset.sources.registry import read_source

        (folder,) = self.settings.folders
        return read_source(self.settings.source, folder, tables_only=self.settings.tables_only)

    def _files(self, source: SourceSet | None) -> list[SourceFile]:
        if source is None:
            leave_out = (self.folder.path, self.private.path)
            files = list_files(self.settings.folders, leave_out, self.private.key())
            if not files:
                raise UserError("--dicom holds no file at all; check the path.")
            return files
        root = self.settings.folders[0]
        with_file = (image.path for image in source.images if image.path is not None)
        return [
            stamped(number, path, _below(root, path)) for number, path in enumerate(with_file, 1)
        ]

    # What an earlier run has left

    def _state_file(self) -> str:
        return f"{self.name}.state.jsonl"

    def _up_to_date(self, whole: Mapping[str, Any]) -> bool:
        """Say whether the finished set in the folder is what is asked for."""
        first = next(self.private.read_lines(self._state_file()), None)
        if first != json.loads(json.dumps(whole)):
            return False
        with suppress(UserError):
            listed = read_manifest(self.folder.path)
            return all(
                (path := self.folder.path / name).is_file() and path.stat().st_size == entry.size
                for name, entry in listed.items()
            )
        return False

    def _kept(self) -> dict[str, FileOutcome]:
        """Return the outcomes whose images are in the set and as long as they were."""
        if self.state == "empty":
            return {}
        kept = {}
        for line in self._state_lines():
            image_index = line.pop("image_index")
            (outcome,) = read_outcomes([line])
            # A file that failed may have failed for want of a decoder or of a permission.
            if outcome.kind == "failed" or (outcome.kind == "image" and not image_index):
                continue
            if outcome.kind == "image":
                path = self.folder.path / IMAGES / image_index
                if not path.is_file() or path.stat().st_size != outcome.bytes:
                    continue
            kept[outcome.stamp] = outcome
        return kept

    def _work(self, token: str) -> Path:
        return self.private.file(f".work-{token}")

    def _begin(self, record: Mapping[str, Any], token: str) -> None:
        """Make the folders of a new run, or take up those of a killed one."""
        if self.state == "unfinished":
            self._sweep()
            return
        if self.state == "empty":
            self._clear()
        self.folder.begin({**record, "token": token})

    def _sweep(self) -> None:
        """Remove the halves of files that a kill has left."""
        for place in (self.folder.path, *(self.folder.path / n for n in (IMAGES, FIGURES))):
            if place.is_dir():
                for path in place.glob(".*.tmp"):
                    if _HALF.fullmatch(path.name):
                        path.unlink()

    def _clear(self) -> None:
        """Remove what an earlier run wrote, which --force replaces, and nothing else."""
        plan = self.folder.parts / "plan.json"
        if plan.exists():
            with suppress(UserError, KeyError):
                shutil.rmtree(self._work(_token(self.folder.plan())), ignore_errors=True)
        if not self.folder.path.exists():
            return
        self._sweep()
        with suppress(UserError):
            for name in read_manifest(self.folder.path):
                if _OUR_FILES.fullmatch(name):
                    (self.folder.path / name).unlink(missing_ok=True)
        self.folder.clear()
        for name in (IMAGES, FIGURES):
            with suppress(OSError):  # somebody else's files keep it
                (self.folder.path / name).rmdir()

    def _keep_state(
        self,
        whole: Mapping[str, Any],
        files: Sequence[SourceFile],
        outcomes: Mapping[str, FileOutcome],
        entries: Sequence[Entry],
    ) -> None:
        # A second copy of an image has its name too, in case the first one's file goes.
        names = {_pixels(e.outcome): e.row.image_index for e in entries if e.outcome}

        def lines() -> Iterator[dict[str, Any]]:
            yield dict(whole)
            for file in files:
                outcome = outcomes[file.stamp]
                yield {**outcome.recorded(), "image_index": names.get(_pixels(outcome), "")}

        self.private.write_lines(self._state_file(), lines())

    # The work

    def _convert(
        self, files: Sequence[SourceFile], token: str, display: Progress
    ) -> dict[str, FileOutcome]:
        if not files:
            return {}
        from cxrmine.images.convert import PixelSettings

        self.conversion = Conversion(
            self.private,
            self._work(token),
            self.folder.parts / IMAGES,
            PixelSettings(self.settings.fit, self.settings.window),
            dicom=self.settings.source == DICOM,
        )
        assert self.executor is not None
        return self.conversion.finish(files, self._kept(), self.executor, display)

    def _open_executor(self, token: str) -> Executor:
        return open_executor(self.workers, self.dask, self._work(token) / "results")

    def _entries(
        self,
        source: SourceSet | None,
        files: Sequence[SourceFile],
        outcomes: Mapping[str, FileOutcome],
    ) -> tuple[list[Entry], Listed]:
        """Return the images of the set, and what is to be listed of all other files."""
        listed = Listed()
        for file in files:
            outcome = outcomes[file.stamp]
            if outcome.kind == "failed":
                listed.failures.append((file.number, outcome.cause))
            elif outcome.kind == "aside":
                listed.set_aside.append((file.number, outcome.cause))
        if source is not None:
            stamps = dict(
                zip(
                    (i.image_index for i in source.images if i.path is not None),
                    (file.stamp for file in files),
                    strict=True,
                )
            )
            entries = source_entries(
                [i for i in source.images if i.path is not None or self.settings.tables_only],
                outcomes,
                stamps,
            )
            listed.paths = {file.number: file.relative for file in files}
            if self.settings.tables_only:
                for number, image in enumerate(source.images, start=1):
                    if image.private:
                        listed.paths[number] = ""
                        listed.names[number] = image.image_index
                        listed.identifiers[number] = _identifiers(image.private)
            in_set = {entry.row.image_index for entry in entries}
            with_file = (image for image in source.images if image.path is not None)
            for file, image in zip(files, with_file, strict=True):
                listed.identifiers[file.number] = _identifiers(image.private)
                if image.image_index in in_set:
                    listed.names[file.number] = image.image_index
            for number, left_out in enumerate(source.set_aside, start=len(source.images) + 1):
                listed.set_aside.append((number, left_out.cause))
                listed.paths[number] = _below(self.settings.folders[0], left_out.path)
                listed.identifiers[number] = _identifiers(left_out.private)
            listed.warnings += (("", problem) for problem in source.problems)
            self._tell_oddities(files, outcomes, listed)
            return entries, listed
        by_number = {file.number: file for file in files}
        images = {
            file.number: outcomes[file.stamp]
            for file in files
            if outcomes[file.stamp].kind == "image"
        }
        found = [
            found_in(number, by_number[number].relative, outcome.sha256, outcome.header)
            for number, outcome in images.items()
        ]
        ages = {n: by_stamp.header["age"] for n, by_stamp in images.items()}
        numbering = number_images(found, self.private, ages)
        listed.copies = dict(numbering.same)
        listed.set_aside += ((number, SAME_IMAGE) for number in listed.copies)
        listed.set_aside.sort()
        listed.paths = {file.number: file.relative for file in files}
        listed.names = {i.found.number: i.image_index for i in numbering.images}
        listed.warnings += (
            (listed.names.get(number, f"file {number}"), text)
            for number, text in numbering.warnings
        )
        self._tell_oddities(files, outcomes, listed)
        return dicom_entries(numbering.images, by_number, outcomes), listed

    def _tell_oddities(
        self,
        files: Sequence[SourceFile],
        outcomes: Mapping[str, FileOutcome],
        listed: Listed,
    ) -> None:
        """Put what was odd about files into the warnings, by the image where there is one.

        A file's number beside an oddity that the tables show of one image would join the two.
        """
        for file in files:
            item = listed.names.get(file.number, f"file {file.number}")
            listed.warnings += ((item, text) for text in outcomes[file.stamp].warnings)

    def _place(self, entries: Sequence[Entry]) -> None:
        """Move the images to their places, and remove those that are in the set no longer."""
        if self.conversion is None:
            return
        images = self.folder.path / IMAGES
        images.mkdir(exist_ok=True)
        names = set()
        for entry in entries:
            if entry.outcome is None:
                continue
            names.add(entry.row.image_index)
            waiting = self.conversion.image_of(entry.outcome.stamp)
            try:
                os.replace(waiting, images / entry.row.image_index)
            except FileNotFoundError as error:
                # In its place already: it was moved before a kill, or never taken away.
                if not (images / entry.row.image_index).is_file():
                    raise UserError(
                        f"images are missing from {str(self.folder.path)!r}; start anew with "
                        "--force."
                    ) from error
        for line in self._names_before():
            if line not in names:
                (images / line).unlink(missing_ok=True)

    def _names_before(self) -> Iterator[str]:
        for line in self._state_lines():
            if self.state != "empty" and line["image_index"]:
                yield line["image_index"]

    def _state_lines(self) -> Iterator[dict[str, Any]]:
        """Yield what the last finished build of this very folder has kept, file by file."""
        lines = self.private.read_lines(self._state_file())
        first = next(lines, {})
        if first.get("out") == str(self.folder.path.resolve()):
            yield from lines


def _pixels(outcome: FileOutcome) -> tuple[str, str]:
    """Return what two copies of one image have in common."""
    return outcome.header.get("sop_uid") or outcome.stamp, outcome.sha256


def _token(plan: Mapping[str, Any]) -> str:
    """Return the token of a killed run's plan, which becomes part of a path.

    Raises
    ------
    UserError
        If it is none of ours.
    """
    token = str(plan.get("token", ""))
    if not re.fullmatch(r"[0-9a-f]{16}", token):
        raise UserError("the plan of the unfinished run is damaged; start anew with --force.")
    return token


def _hash_of_all(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files of a folder."""
    if not path.is_dir():
        return hash_file(path).sha256
    digest = hashlib.sha256()
    for below in sorted(p for p in path.rglob("*") if p.is_file()):
        line = f"{hash_file(below).sha256}  {below.relative_to(path).as_posix()}\n"
        digest.update(line.encode("utf-8", "replace"))
    return digest.hexdigest()


def _hash_of(entry: Entry) -> FileHash:
    assert entry.outcome is not None
    return FileHash(entry.outcome.bytes, entry.outcome.sha256)


def _own_columns(source: SourceSet | None) -> tuple[str, ...]:
    return source.label_columns if source is not None else ()


def _identifiers(private: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in private.items())


def _below(root: Path, path: Path | None) -> str:
    if path is None:
        return ""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
