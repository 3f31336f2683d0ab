"""One run of ``mine-labels``: read, label, merge; killed at any point, it can be resumed.

The order of things: the inputs are read ahead and cut into packed chunks; each chunk is labelled
by a worker and kept as a finished part; when all parts are there they are merged into the
outputs. What is finished is on disk in one step and is never done again.
"""

from __future__ import annotations

import errno
import json
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from cxrmine.errors import UserError
from cxrmine.reports.report import Problem, Report
from cxrmine.runs.executors import Executor, WorkersLost, open_executor
from cxrmine.runs.folder import COMMAND, OutputFolder, write_json
from cxrmine.runs.inputs import Input, check_inputs, identify
from cxrmine.runs.merge import label_tables, merge
from cxrmine.runs.parts import Counts
from cxrmine.runs.progress import Progress, open_progress
from cxrmine.runs.settings import Settings
from cxrmine.runs.spool import CHUNK, cut, pack
from cxrmine.runs.work import (
    Description,
    LabelerSpec,
    Refusal,
    describe,
    label_chunk,
    shipped,
    spec_of,
)
from cxrmine.tables import atomic_write_bytes

EXIT_INTERRUPTED = 130

_Result = TypeVar("_Result", bytes, Description)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    ``labeled_now`` counts the reports labelled by this call (fewer than ``counts.reports`` where
    it resumed), ``seconds`` its wall-clock time. ``already_finished`` says that there was nothing
    left to do.
    """

    counts: Counts
    outputs: tuple[str, ...]
    labeled_now: int
    seconds: float
    already_finished: bool = False


def mine(
    settings: Settings,
    out: Path,
    *,
    workers: int = 1,
    dask: str | None = None,
    resume: bool = False,
    force: bool = False,
    chunk_size: int = CHUNK,
    progress: Callable[[], Progress] = open_progress,
) -> Outcome:
    """Label the reports of ``settings.inputs`` and write the tables to the folder `out`.

    Parameters
    ----------
    settings : Settings
        What to label, and how.
    out : Path
        The output folder.
    workers : int
        Processes that label; 1 is this one.
    dask : str, optional
        Address of a Dask scheduler whose workers label instead.
    resume, force : bool
        Continue the run that lies in `out`; replace it.
    chunk_size : int
        Reports in a chunk. No byte of the output depends on it.
    progress : callable
        Makes the display of how far the run is.

    Raises
    ------
    UserError
        If the user asked for what cannot be done, with exit status 2; with 1 if the workers died
        or the disk is full, with 130 after Ctrl-C. In the latter cases `resume` continues.
    """
    started = time.perf_counter()
    check_inputs(settings.inputs)
    folder = OutputFolder(out)
    folder.state()  # says so at once if it is a file
    with folder.locked():
        state = folder.open(resume=resume, force=force)
        executor = open_executor(workers, dask, folder.results)
        run = _Run(settings, folder, executor, chunk_size, ship=dask is not None)
        finished = False
        try:
            counts, outputs, labeled_now, done_before = run.go(
                state, started=started, workers=workers, dask=dask, progress=progress
            )
            finished = True
        except KeyboardInterrupt as error:
            raise UserError(
                f"interrupted; {run.how_to_go_on()}", exit_code=EXIT_INTERRUPTED
            ) from error
        except WorkersLost as error:
            raise UserError(f"{error}; {run.how_to_go_on()}", exit_code=1) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise UserError(
                f"the disk that holds {str(out)!r} is full; make room, then {run.how_to_go_on()}",
                exit_code=1,
            ) from error
        finally:
            executor.close(abandon=not finished)
    return Outcome(counts, tuple(outputs), labeled_now, time.perf_counter() - started, done_before)


class _Run:
    """The state of a run under way."""

    def __init__(
        self,
        settings: Settings,
        folder: OutputFolder,
        executor: Executor,
        chunk_size: int,
        *,
        ship: bool,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.executor = executor
        self.chunk_size = chunk_size
        spec = spec_of(settings)
        self.spec: LabelerSpec = shipped(spec) if ship else spec
        self.fingerprint: dict[str, str] = {}
        self.read = 0
        self.done = 0
        self.labeled_now = 0
        self.all_read = False
        self.finished: set[int] = set()
        self.sizes: dict[int, int] = {}
        self.backlog: deque[int] = deque()
        self.pending: dict[Future[bytes | Refusal], int] = {}
        self.reports: Iterator[Report] | None = None
        self.problems: IO[str] | None = None

    def go(
        self,
        state: str,
        *,
        started: float,
        workers: int,
        dask: str | None,
        progress: Callable[[], Progress],
    ) -> tuple[Counts, list[str], int, bool]:
        """Do whatever is left to do; return counts, outputs, reports labelled, nothing was left."""
        recorded = self._earlier(state)
        # The workers' labelers load while the inputs are hashed, all at the same time: with one
        # task more for each process that has yet to start, none waits for the first chunks.
        description = self.executor.submit(describe, self.spec)
        for _ in range(1, self._processes_worth_starting(state)):
            self.executor.submit(describe, self.spec)
        inputs = identify(
            self.settings.inputs,
            leave_out=self.folder.path,
            known=recorded.get("stamped_inputs", ()),
        )
        described = _accepted(self.executor.result(description))
        self.fingerprint = described.fingerprint
        record = self._record(inputs)
        if state != "empty":
            self._check_same(recorded, record)
        if state == "finished":
            self.folder.tidy()
            return Counts(**recorded["counts"]), recorded["outputs"], 0, True
        if state == "unfinished":
            self.chunk_size = recorded["chunk_size"]
            self.finished = set(self._sound_parts())
        else:
            # All that can be wrong in the request has been found by now: only then does the run
            # that --force replaces go.
            self.reports = self._reports()
            self.folder.clear()
            self.folder.begin(
                {
                    **record,
                    "stamped_inputs": [asdict(item) for item in inputs],
                    "chunk_size": self.chunk_size,
                    "outputs": list(label_tables(self.settings.schemes).values()),
                }
            )

        with progress() as display:
            chunks = self._read_and_label(display)
            display.say("Writing the tables.")
            counts, outputs = merge(
                self.folder,
                chunks=chunks,
                columns=described.columns,
                record=record,
                evidence=self.settings.evidence,
            )
        seconds = time.perf_counter() - started
        self.folder.add_json(
            "timing.json",
            {
                "seconds": round(seconds, 3),
                "reports_per_second": round(self.labeled_now / seconds, 1),
                "reports_labeled": self.labeled_now,
                "resumed": state != "empty",
                "workers": "dask" if dask is not None else workers,
            },
        )
        self.folder.finish()
        return counts, outputs, self.labeled_now, False

    def how_to_go_on(self) -> str:
        """Say how the run can be resumed, if it got so far that it can."""
        if self.folder.state() != "unfinished":
            return "nothing was written."
        return (
            f"{self.done:,} of {self.read:,} reports read are labelled; continue with the same "
            "command and --resume."
        )

    def _record(self, inputs: Sequence[Input]) -> dict[str, Any]:
        """Return what ``run.json`` states beside the counts; two runs with the same are one."""
        versions = {
            name: self.fingerprint[name] for name in ("cxrmine", "python", "spacy", "pyarrow")
        }
        return {
            "command": COMMAND,
            "format": 1,
            "versions": versions,
            "schemes": list(self.settings.schemes),
            "labeler": {k: v for k, v in self.fingerprint.items() if k not in versions},
            "inputs": [item.recorded() for item in inputs],
            "settings": self.settings.recorded(),
        }

    def _earlier(self, state: str) -> dict[str, Any]:
        if state == "unfinished":
            return self.folder.plan()
        if state == "finished":
            with suppress(ValueError):
                finished: dict[str, Any] = json.loads((self.folder.path / "run.json").read_bytes())
                return finished
        return {}

    def _processes_worth_starting(self, state: str) -> int:
        """Return how many of the workers will find something to do."""
        sizes = _sizes(self.folder.parts / "read.json") if state == "unfinished" else None
        if sizes is None:
            return 1 if state == "finished" else self.executor.to_start
        left = len(sizes) - sum(1 for _ in self.folder.finished_parts.iterdir())
        return min(self.executor.to_start, max(1, left))

    def _check_same(self, earlier: dict[str, Any], now: dict[str, Any]) -> None:
        """Refuse to mix two runs in one folder."""
        before, after = _flat(earlier, now.keys()), _flat(now, now.keys())
        differing = [
            key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)
        ]
        if differing:
            raise UserError(
                f"the run in {str(self.folder.path)!r} cannot be resumed because it had other "
                f"{', '.join(differing)}; use the same ones, or start anew with --force or "
                "another --out."
            )

    def _sound_parts(self) -> Iterator[int]:
        """Yield the numbers of the finished parts, and remove what is none."""
        for path in self.folder.finished_parts.iterdir():
            try:
                with zipfile.ZipFile(path):
                    yield int(path.name)
            except (zipfile.BadZipFile, ValueError):
                path.unlink()

    def _read_and_label(self, display: Progress) -> int:
        """Bring every chunk to a finished part; return the number of chunks."""
        marker = self.folder.parts / "read.json"
        sizes = _sizes(marker)
        if sizes is not None and all(
            index in self.finished or self.folder.chunk(index).exists()
            for index in range(len(sizes))
        ):
            self.sizes = dict(enumerate(sizes))
            self.read = sum(sizes)
            self.done = sum(sizes[index] for index in self.finished)
            self.backlog.extend(i for i in range(len(sizes)) if i not in self.finished)
        else:
            marker.unlink(missing_ok=True)
            self._read(display)
            write_json(marker, [self.sizes[index] for index in range(len(self.sizes))])
        self.all_read = True
        while self.backlog or self.pending:
            self._fill()
            self._collect(block=True)
            self._show(display)
        return len(self.sizes)

    def _read(self, display: Progress) -> None:
        """Read the inputs, keep what is to be labelled, and label meanwhile where that can be."""
        with self.folder.problems.open("w", encoding="ascii") as self.problems:
            reports = self.reports or self._reports()
            for index, chunk in enumerate(cut(reports, self.chunk_size)):
                self.sizes[index] = len(chunk)
                self.read += len(chunk)
                if index in self.finished:
                    self.done += len(chunk)
                else:
                    atomic_write_bytes(self.folder.chunk(index), pack(chunk))
                    self.backlog.append(index)
                    if self.executor.elsewhere:
                        self._collect(block=False)
                        self._fill()
                self._show(display)

    def _reports(self) -> Iterator[Report]:
        """Return the stream of reports; raise `UserError` at once for inputs that cannot work."""
        from cxrmine.reports.readers import read_reports

        try:
            return read_reports(
                [Path(item) for item in self.settings.inputs],
                id_column=self.settings.id_column,
                text_column=self.settings.text_column,
                section_columns=self.settings.section_columns,
                on_problem=self._keep_problem,
            )
        except ValueError as error:
            raise UserError(str(error)) from error

    def _keep_problem(self, problem: Problem) -> None:
        line = json.dumps([problem.severity, problem.item, problem.message])
        print(line, file=self.problems)

    def _fill(self) -> None:
        """Start tasks up to the limit."""
        limit = self.executor.limit
        while self.backlog and len(self.pending) < limit:
            index = self.backlog.popleft()
            future = self.executor.submit(
                label_chunk, self.spec, self.fingerprint, self.folder.chunk(index).read_bytes()
            )
            self.pending[future] = index

    def _collect(self, *, block: bool) -> None:
        """Keep the parts that are done."""
        if not self.pending:
            return
        done, _ = wait(self.pending, timeout=None if block else 0, return_when=FIRST_COMPLETED)
        for future in done:
            index = self.pending.pop(future)
            self.folder.keep_part(index, _accepted(self.executor.result(future)))
            self.done += self.sizes[index]
            self.labeled_now += self.sizes[index]

    def _show(self, display: Progress) -> None:
        display.update(read=self.read, done=self.done, all_read=self.all_read)


def _accepted(result: _Result | Refusal) -> _Result:
    if isinstance(result, Refusal):
        raise UserError(result.message)
    return result


def _sizes(marker: Path) -> list[int] | None:
    """Return the numbers of reports of all chunks, if the inputs were read to their end."""
    try:
        sizes: list[int] = json.loads(marker.read_bytes())
    except FileNotFoundError:
        return None
    return sizes


def _flat(record: dict[str, Any], keys: Any) -> dict[str, Any]:
    """Return the settings, hashes and inputs of a record by the name that a user would know."""
    flat: dict[str, Any] = {}
    for key in keys:
        value = record.get(key)
        flat.update(value if isinstance(value, dict) else {key: value})
    return flat
