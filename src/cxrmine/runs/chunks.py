"""Reports read ahead, cut into chunks, and each chunk brought to a finished part.

The inputs are read once; every chunk is kept on disk until its part is. So a killed run that is
resumed reads nothing again that was read to the end, and redoes no more than the chunks that
were under way.
"""

from __future__ import annotations

import json
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import IO, Generic, TypeVar

from cxrmine.reports.report import Problem, Report
from cxrmine.runs.executors import Executor
from cxrmine.runs.folder import OutputFolder, write_json
from cxrmine.runs.progress import Progress
from cxrmine.runs.spool import cut, pack
from cxrmine.tables import atomic_write_bytes

Result = TypeVar("Result")


class ChunkedWork(Generic[Result]):
    """The chunks of a run and how far they are.

    Parameters
    ----------
    folder : OutputFolder
        Where chunks and parts lie.
    executor : Executor
        Where the work is done.
    chunk_size : int
        Reports in a chunk.
    submit : callable
        Starts the work on a packed chunk (`cxrmine.runs.spool.pack`).
    accept : callable
        Turns its result into the bytes of the part, a zip file; may raise.

    Attributes
    ----------
    read, done, done_now : int
        Reports read, reports in finished parts, those of them that this object finished.
    """

    def __init__(
        self,
        folder: OutputFolder,
        executor: Executor,
        chunk_size: int,
        submit: Callable[[bytes], Future[Result]],
        accept: Callable[[Result], bytes],
    ) -> None:
        self.chunk_size = chunk_size
        self.read = 0
        self.done = 0
        self.done_now = 0
        self._folder = folder
        self._executor = executor
        self._submit = submit
        self._accept = accept
        self._all_read = False
        self._finished: set[int] = set()
        self._sizes: dict[int, int] = {}
        self._backlog: deque[int] = deque()
        self._pending: dict[Future[Result], int] = {}
        self._problems: IO[str] | None = None

    def take_up(self, chunk_size: int) -> None:
        """Take up the work of a killed run, whose chunks had this size."""
        self.chunk_size = chunk_size
        self._finished = set(self._sound_parts())

    def finish(self, reports: Callable[[], Iterator[Report]], display: Progress) -> int:
        """Bring every chunk to a finished part.

        Parameters
        ----------
        reports : callable
            Gives the stream of reports; called only where they were not read to the end before.
            What is wrong with them goes to `keep_problem`.
        display : Progress
            Is told how far it is.

        Returns
        -------
        int
            The number of chunks.
        """
        marker = self._folder.parts / "read.json"
        sizes = read_sizes(self._folder)
        if sizes is not None and all(
            index in self._finished or self._folder.chunk(index).exists()
            for index in range(len(sizes))
        ):
            self._sizes = dict(enumerate(sizes))
            self.read = sum(sizes)
            self.done = sum(sizes[index] for index in self._finished)
            self._backlog.extend(i for i in range(len(sizes)) if i not in self._finished)
        else:
            marker.unlink(missing_ok=True)
            self._read(reports, display)
            write_json(marker, [self._sizes[index] for index in range(len(self._sizes))])
        self._all_read = True
        while self._backlog or self._pending:
            self._fill()
            self._collect(block=True)
            self._show(display)
        return len(self._sizes)

    def keep_problem(self, problem: Problem) -> None:
        """Keep what went wrong in reading."""
        line = json.dumps([problem.severity, problem.item, problem.message])
        print(line, file=self._problems)

    def _sound_parts(self) -> Iterator[int]:
        """Yield the numbers of the finished parts, and remove what is none."""
        for path in self._folder.finished_parts.iterdir():
            try:
                with zipfile.ZipFile(path):
                    yield int(path.name)
            except (zipfile.BadZipFile, ValueError):
                path.unlink()

    def _read(self, reports: Callable[[], Iterator[Report]], display: Progress) -> None:
        """Read the inputs, keep what is to be done, and do it meanwhile where that can be."""
        with self._folder.problems.open("w", encoding="ascii") as self._problems:
            for index, chunk in enumerate(cut(reports(), self.chunk_size)):
                self._sizes[index] = len(chunk)
                self.read += len(chunk)
                if index in self._finished:
                    self.done += len(chunk)
                else:
                    atomic_write_bytes(self._folder.chunk(index), pack(chunk))
                    self._backlog.append(index)
                    if self._executor.elsewhere:
                        self._collect(block=False)
                        self._fill()
                self._show(display)

    def _fill(self) -> None:
        """Start tasks up to the limit."""
        limit = self._executor.limit
        while self._backlog and len(self._pending) < limit:
            index = self._backlog.popleft()
            self._pending[self._submit(self._folder.chunk(index).read_bytes())] = index

    def _collect(self, *, block: bool) -> None:
        """Keep the parts that are done."""
        if not self._pending:
            return
        done, _ = wait(self._pending, timeout=None if block else 0, return_when=FIRST_COMPLETED)
        for future in done:
            index = self._pending.pop(future)
            self._folder.keep_part(index, self._accept(self._executor.result(future)))
            self.done += self._sizes[index]
            self.done_now += self._sizes[index]

    def _show(self, display: Progress) -> None:
        display.update(read=self.read, done=self.done, all_read=self._all_read)


def read_sizes(folder: OutputFolder) -> list[int] | None:
    """Return the numbers of reports of all chunks, if the inputs were read to their end."""
    try:
        sizes: list[int] = json.loads((folder.parts / "read.json").read_bytes())
    except FileNotFoundError:
        return None
    return sizes


def read_problems(folder: OutputFolder) -> Iterator[Problem]:
    """Yield what went wrong in reading, in the order of the input."""
    with folder.problems.open(encoding="ascii") as lines:
        for line in lines:
            yield Problem(*json.loads(line))
