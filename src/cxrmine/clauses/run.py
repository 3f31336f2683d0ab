"""One run of ``cluster-clauses``; killed at any point, it can be resumed.

The order of things, for a clustering (`cxrmine.clauses.fit`) as for ``--apply``
(`cxrmine.clauses.label`): the inputs are read ahead and cut into packed chunks; each chunk is
split into clauses and kept as a finished part; when all parts are there a job makes the outputs
of them, and these move to their places. What is finished is on disk in one step and is never
done again.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import cxrmine
from cxrmine.clauses.settings import ReadSettings
from cxrmine.clauses.source import conclude, read_wanted
from cxrmine.clauses.steps import KeptSteps, Steps
from cxrmine.clauses.work import CHUNK, tally_of
from cxrmine.errors import UserError
from cxrmine.reports.report import Problem, Report
from cxrmine.runs.chunks import ChunkedWork, read_problems
from cxrmine.runs.endings import endings_told
from cxrmine.runs.executors import Executor, open_executor
from cxrmine.runs.folder import OutputFolder, Writes, write_json
from cxrmine.runs.inputs import Input, check_inputs, identify
from cxrmine.runs.members import MemberFile
from cxrmine.runs.merge import PROBLEM_COLUMNS
from cxrmine.runs.progress import Progress, open_progress
from cxrmine.tables import write_csv

COMMAND = "cluster-clauses"

_SECONDS_WORTH_A_LINE = 2.0

WRITES = Writes(
    COMMAND,
    frozenset(
        {
            "clauses.csv",
            "clusters.csv",
            "clusters.html",
            "clusters.png",
            "failures.csv",
            "k_curve.csv",
            "k_curve.png",
            "labels.csv",
            "mentions.parquet",
            "run.json",
            "table1.csv",
            "terms.yaml",
            "timing.json",
            "unassigned.csv",
            "warnings.csv",
        }
    ),
)


@dataclass(slots=True)
class Workplace:
    """What a job finds when all parts are finished.

    ``parts`` are the finished ones in their order; ``target`` is the folder in which the outputs
    grow; ``steps`` keeps what takes long; ``warnings`` takes what the job has to say, beside what
    reading had; ``seconds`` is the time spent, by stage.
    """

    parts: Sequence[Path]
    target: Path
    steps: Steps
    display: Progress
    workers: int
    warnings: list[Problem] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, line: str) -> Iterator[None]:
        """Tell what happens in the block, and take its time."""
        self.display.say(line)
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)

    def warn(self, item: str, message: str) -> None:
        """Add a line to ``warnings.csv``."""
        self.warnings.append(Problem("warning", item, message))


class Job(Protocol):
    """What is done with reports: they are clustered, or labelled."""

    @property
    def read(self) -> ReadSettings:
        """The reports to read."""

    @property
    def task(self) -> Callable[[Any, bytes], bytes]:
        """Makes a part of a packed chunk; a function that a worker process can import."""

    @property
    def spec(self) -> Any:
        """The first argument of the task."""

    @property
    def words(self) -> tuple[str, str]:
        """What is done with a report, as in Splitting and split."""

    def record(self) -> dict[str, Any]:
        """Return what ``run.json`` states beside versions and inputs; the same is the same run."""

    def finish(self, place: Workplace) -> dict[str, Any]:
        """Write the outputs; return the results for ``run.json``, among them ``counts``."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    ``record`` is what ``run.json`` holds. ``done_now`` counts the reports split by this call,
    ``steps_now`` the steps of the clustering that it finished. ``already_finished`` says that
    there was nothing left to do.
    """

    record: Mapping[str, Any]
    done_now: int
    steps_now: tuple[str, ...]
    seconds: float
    already_finished: bool = False


def run(
    job: Job,
    out: Path,
    *,
    workers: int = 1,
    resume: bool = False,
    force: bool = False,
    chunk_size: int = CHUNK,
    progress: Callable[[str, str], Progress] = open_progress,
) -> Outcome:
    """Carry out a job and write its tables to the folder `out`.

    Parameters
    ----------
    job : Job
        What to do.
    out : Path
        The output folder.
    workers : int
        Processes that split, and threads that measure distances. No byte depends on it.
    resume, force : bool
        Continue the run that lies in `out`; replace it.
    chunk_size : int
        Reports in a chunk. No byte of the output depends on it.
    progress : callable
        Makes the display of how far the run is, from the job's words.

    Raises
    ------
    UserError
        If the user asked for what cannot be done, with exit status 2; with 1 if the workers died
        or the disk is full, with 130 after Ctrl-C. In the latter cases `resume` continues.
    """
    started = time.perf_counter()
    check_inputs(job.read.inputs)
    folder = OutputFolder(out, WRITES)
    folder.state()  # says so at once if it is a file
    with folder.locked():
        state = folder.open(resume=resume, force=force)
        under_way = _Run(job, folder, workers, chunk_size)
        with endings_told(out, under_way.how_to_go_on):
            return under_way.go(state, started, progress)


class _Run:
    """The state of a run under way."""

    def __init__(self, job: Job, folder: OutputFolder, workers: int, chunk_size: int) -> None:
        self.job = job
        self.folder = folder
        self.workers = workers
        self.chunk_size = chunk_size
        self.reports: Iterator[Report] | None = None
        self.work: ChunkedWork[bytes] | None = None
        self.steps_now: list[str] = []

    def go(self, state: str, started: float, progress: Callable[[str, str], Progress]) -> Outcome:
        """Do whatever is left to do."""
        recorded = self.folder.earlier(state)
        inputs = identify(
            self.job.read.inputs,
            leave_out=self.folder.path,
            known=recorded.get("stamped_inputs", ()),
        )
        record = self._record(inputs)
        if state != "empty":
            self.folder.check_same(recorded, record)
        if state == "finished":
            self.folder.tidy()
            seconds = time.perf_counter() - started
            return Outcome(recorded, 0, (), seconds, already_finished=True)
        if state == "empty":
            # All that can be wrong in the request has been found by now, but for a section that
            # no report has, which only reading tells: then does the run that --force replaces go.
            self.reports = self._reports()
            self._spare_edited_terms()
            self.folder.clear()
            self.folder.begin(
                {
                    **record,
                    "stamped_inputs": [asdict(item) for item in inputs],
                    "chunk_size": self.chunk_size,
                }
            )
        else:
            self.chunk_size = recorded["chunk_size"]

        with progress(*self.job.words) as display:
            splitting = time.perf_counter()
            chunks = self._split(display, resumed=state != "empty")
            place = Workplace(
                parts=[self.folder.part(index) for index in range(chunks)],
                target=self.folder.merging,
                steps=KeptSteps(self.folder.parts / "steps", self._step_teller(display)),
                display=display,
                workers=self.workers,
                seconds={"read_and_split": round(time.perf_counter() - splitting, 3)},
            )
            self._conclude(place)
            whole = self._finish(place, record)
        seconds = time.perf_counter() - started
        assert self.work is not None
        self.folder.add_json(
            "timing.json",
            {
                "seconds": round(seconds, 3),
                # Of a run that had nothing done when it began: else it would be no speed.
                "clauses_per_second": round(whole["counts"]["clauses"] / seconds, 1)
                if state == "empty"
                else None,
                "reports_split": self.work.done_now,
                "stages": place.seconds,
                "resumed": state != "empty",
                "workers": self.workers,
            },
        )
        self.folder.finish()
        return Outcome(whole, self.work.done_now, tuple(self.steps_now), seconds)

    def _step_teller(self, display: Progress) -> Callable[[str], None]:
        """Return what notes a finished step, and tells it where steps take their time."""
        last = time.monotonic()

        def tell(name: str) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last > _SECONDS_WORTH_A_LINE:
                display.say(f"Finished {name.replace('-', ' ')} ({now - last:,.0f} s).")
            last = now
            self.steps_now.append(name)

        return tell

    def how_to_go_on(self) -> str:
        """Say how the run can be resumed, if it got so far that it can."""
        if self.folder.state() != "unfinished":
            return "nothing was written."
        return "continue with the same command and --resume; finished work is not done again."

    def _record(self, inputs: Sequence[Input]) -> dict[str, Any]:
        """Return what ``run.json`` states beside the results; two runs with the same are one."""
        return {
            "command": COMMAND,
            "format": 1,
            "versions": {
                "cxrmine": cxrmine.__version__,
                "python": platform.python_version(),
                **{name: version(name) for name in ("numpy", "pyarrow", "rapidfuzz")},
            },
            "inputs": [item.recorded() for item in inputs],
            **self.job.record(),
        }

    def _spare_edited_terms(self) -> None:
        """Refuse to replace a ``terms.yaml`` that somebody has put work into."""
        terms = self.folder.path / "terms.yaml"
        if not terms.exists():
            return
        from cxrmine.clauses.terms_file import file_sha256

        record = self.folder.path / "run.json"
        written = self.folder.earlier("finished") if record.exists() else {}
        if written.get("terms_yaml_sha256") != file_sha256(terms):
            raise UserError(
                f"{str(terms)!r} was edited since a run wrote it; move it to another folder (or "
                "delete it), then use --force."
            )

    def _split(self, display: Progress, *, resumed: bool) -> int:
        """Bring every chunk of reports to a finished part; return their number."""
        executor = open_executor(self.workers, None, self.folder.results)
        finished = False
        try:
            self.work = ChunkedWork[bytes](
                self.folder, executor, self.chunk_size, self._submitter(executor), bytes
            )
            if resumed:
                self.work.take_up(self.chunk_size)
            chunks = self.work.finish(lambda: self.reports or self._reports(), display)
            finished = True
        finally:
            executor.close(abandon=not finished)
        return chunks

    def _submitter(self, executor: Executor) -> Callable[[bytes], Future[bytes]]:
        return lambda chunk: executor.submit(self.job.task, self.job.spec, chunk)

    def _reports(self) -> Iterator[Report]:
        """Return the stream of reports; raise `UserError` at once for inputs that cannot work."""
        read = self.job.read
        columns: list[str] = []
        try:
            reports = read_wanted(
                [Path(item) for item in read.inputs],
                section=read.section,
                id_column=read.id_column,
                text_column=read.text_column,
                columns=columns,
                on_problem=self._keep_problem,
            )
        except ValueError as error:
            raise UserError(str(error)) from error

        def read_on() -> Iterator[Report]:
            yield from reports
            write_json(self._columns, columns)

        return read_on()

    @property
    def _columns(self) -> Path:
        """The file of the names of tables' columns, there when all is read."""
        return self.folder.parts / "columns.json"

    def _conclude(self, place: Workplace) -> None:
        """Say what is to be said of all reports together; a wrong section leaves nothing behind."""
        columns = json.loads(self._columns.read_bytes())
        try:
            conclude(tally_of(place.parts), self.job.read.section, columns, place.warnings.append)
        except UserError:
            self.folder.clear()
            raise

    def _keep_problem(self, problem: Problem) -> None:
        assert self.work is not None
        self.work.keep_problem(problem)

    def _finish(self, place: Workplace, record: Mapping[str, Any]) -> dict[str, Any]:
        """Make the outputs and put them in their places; return the whole record."""
        if place.target.exists():
            shutil.rmtree(place.target)
        place.target.mkdir()
        results = self.job.finish(place)
        counts = dict(results.pop("counts"))
        problems = {"failure": "failures", "warning": "warnings"}
        for severity, name in problems.items():
            counts[name] = write_csv(
                place.target / f"{name}.csv",
                PROBLEM_COLUMNS,
                ((p.item, p.message) for p in self._problems(place) if p.severity == severity),
            )
        names = sorted([*(entry.name for entry in place.target.iterdir()), "run.json"])
        whole = {
            **record,
            "counts": counts,
            **results,
            "outputs": sorted([*names, "timing.json"]),
        }
        write_json(place.target / "run.json", whole)
        for name in names:
            os.replace(place.target / name, self.folder.path / name)
        return whole

    def _problems(self, place: Workplace) -> Iterable[Problem]:
        yield from read_problems(self.folder)
        for path in place.parts:
            with MemberFile(path) as part:
                yield from (Problem(*problem) for problem in part.json("problems"))
        yield from place.warnings
