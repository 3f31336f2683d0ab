"""One run of ``mine-labels``: read, label, merge; killed at any point, it can be resumed.

The order of things: the inputs are read ahead and cut into packed chunks; each chunk is labelled
by a worker and kept as a finished part; when all parts are there they are merged into the
outputs. What is finished is on disk in one step and is never done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from cxrmine.errors import UserError
from cxrmine.reports.report import Report
from cxrmine.runs.chunks import ChunkedWork, read_sizes
from cxrmine.runs.endings import endings_told
from cxrmine.runs.executors import Executor, open_executor
from cxrmine.runs.folder import COMMAND, OutputFolder
from cxrmine.runs.inputs import Input, check_inputs, identify
from cxrmine.runs.merge import label_tables, merge
from cxrmine.runs.parts import Counts
from cxrmine.runs.progress import Progress, open_progress
from cxrmine.runs.settings import Settings
from cxrmine.runs.spool import CHUNK
from cxrmine.runs.work import (
    Description,
    LabelerSpec,
    Refusal,
    describe,
    label_chunk,
    shipped,
    spec_of,
)

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
            with endings_told(out, run.how_to_go_on):
                counts, outputs, labeled_now, done_before = run.go(
                    state, started=started, workers=workers, dask=dask, progress=progress
                )
            finished = True
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
        spec = spec_of(settings)
        self.spec: LabelerSpec = shipped(spec) if ship else spec
        self.fingerprint: dict[str, str] = {}
        self.reports: Iterator[Report] | None = None
        self.work = ChunkedWork[bytes | Refusal](
            folder, executor, chunk_size, self._submit, _accepted
        )

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
        recorded = self.folder.earlier(state)
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
            self.folder.check_same(recorded, record)
        if state == "finished":
            self.folder.tidy()
            return Counts(**recorded["counts"]), recorded["outputs"], 0, True
        if state == "unfinished":
            self.work.take_up(recorded["chunk_size"])
        else:
            # All that can be wrong in the request has been found by now: only then does the run
            # that --force replaces go.
            self.reports = self._reports()
            self.folder.clear()
            self.folder.begin(
                {
                    **record,
                    "stamped_inputs": [asdict(item) for item in inputs],
                    "chunk_size": self.work.chunk_size,
                    "outputs": list(label_tables(self.settings.schemes).values()),
                }
            )

        with progress() as display:
            chunks = self.work.finish(lambda: self.reports or self._reports(), display)
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
                "reports_per_second": round(self.work.done_now / seconds, 1),
                "reports_labeled": self.work.done_now,
                "resumed": state != "empty",
                "workers": "dask" if dask is not None else workers,
            },
        )
        self.folder.finish()
        return counts, outputs, self.work.done_now, False

    def how_to_go_on(self) -> str:
        """Say how the run can be resumed, if it got so far that it can."""
        if self.folder.state() != "unfinished":
            return "nothing was written."
        return (
            f"{self.work.done:,} of {self.work.read:,} reports read are labelled; continue with the same "
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

    def _processes_worth_starting(self, state: str) -> int:
        """Return how many of the workers will find something to do."""
        sizes = read_sizes(self.folder) if state == "unfinished" else None
        if sizes is None:
            return 1 if state == "finished" else self.executor.to_start
        left = len(sizes) - sum(1 for _ in self.folder.finished_parts.iterdir())
        return min(self.executor.to_start, max(1, left))

    def _reports(self) -> Iterator[Report]:
        """Return the stream of reports; raise `UserError` at once for inputs that cannot work."""
        from cxrmine.reports.readers import read_reports

        try:
            return read_reports(
                [Path(item) for item in self.settings.inputs],
                id_column=self.settings.id_column,
                text_column=self.settings.text_column,
                section_columns=self.settings.section_columns,
                on_problem=self.work.keep_problem,
            )
        except ValueError as error:
            raise UserError(str(error)) from error

    def _submit(self, chunk: bytes) -> Future[bytes | Refusal]:
        return self.executor.submit(label_chunk, self.spec, self.fingerprint, chunk)


def _accepted(result: _Result | Refusal) -> _Result:
    if isinstance(result, Refusal):
        raise UserError(result.message)
    return result
