"""All source files brought to images, none of them twice: not after a kill, nor in a later build."""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from cxrmine.dataset.files import SourceFile
from cxrmine.dataset.private import PrivateFolder, keyed_hash
from cxrmine.dataset.work import FileOutcome, convert_files, read_outcomes
from cxrmine.runs.executors import Executor, Here, Processes, WorkersLost
from cxrmine.runs.members import MemberFile
from cxrmine.runs.progress import Progress
from cxrmine.tables import atomic_write_bytes

if TYPE_CHECKING:
    from cxrmine.images.convert import PixelSettings

#: Files in a task: few, so that a kill costs little and workers end together.
CHUNK = 4

CRASHED = "reading it ends the program that tries to: the file is damaged, or a decoder is faulty"


class Conversion:
    """The conversion of the source files of one build.

    Parameters
    ----------
    private : PrivateFolder
        Holds the outcomes, since headers name patients.
    work : Path
        A folder of this build's own in `private`.
    staged : Path
        Where the images wait, by a keyed hash of their file's stamp, until they have names.
    settings : PixelSettings
    dicom : bool
        Whether the files are DICOM; else PNG or JPEG.

    Attributes
    ----------
    converted_now : int
        Files that this object has read.
    """

    def __init__(
        self,
        private: PrivateFolder,
        work: Path,
        staged: Path,
        settings: PixelSettings,
        *,
        dicom: bool,
    ) -> None:
        self.converted_now = 0
        self.done = 0
        self.of = 0
        self._private = private
        self._key = private.key()
        self._work = work
        self._staged = staged
        self._settings = settings
        self._dicom = dicom
        self._chunks = count()
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        staged.mkdir(parents=True, exist_ok=True)

    def image_of(self, stamp: str) -> Path:
        """Return where the image of the file with this stamp waits."""
        return self._staged / f"{keyed_hash(self._key, stamp)[:32]}.png"

    def finish(
        self,
        files: Sequence[SourceFile],
        kept: Mapping[str, FileOutcome],
        executor: Executor,
        display: Progress,
    ) -> dict[str, FileOutcome]:
        """Bring every file to an outcome.

        Parameters
        ----------
        files : sequence of SourceFile
        kept : mapping
            Outcomes by stamp that an earlier build has left in the data set.
        executor : Executor
            The place of work; it is closed in the end.
        display : Progress
            Is told how far it is.

        Returns
        -------
        dict
            The outcome of each file by its stamp.
        """
        outcomes = {file.stamp: kept[file.stamp] for file in files if file.stamp in kept}
        wanted = {file.stamp for file in files}
        for outcome in self._finished_before():
            if outcome.stamp in wanted:
                outcomes[outcome.stamp] = outcome
        left = [file for file in files if file.stamp not in outcomes]
        self.of, self.done = len(files), len(files) - len(left)
        display.update(read=self.of, done=self.done, all_read=True)
        finished = False
        try:
            if left:
                left = self._alone_first(left, outcomes)
                executor = self._convert_all(executor, left, outcomes, display)
            finished = True
        finally:
            executor.close(abandon=not finished)
        return outcomes

    def _finished_before(self) -> Iterable[FileOutcome]:
        """Yield the outcomes that a killed run of this build has left, and go on counting."""
        last = -1
        for path in sorted(self._work.glob("[0-9]*.json")):
            last = max(last, int(path.stem))
            with suppress(ValueError):  # half a file, after a power cut
                yield from read_outcomes(json.loads(path.read_bytes()))
        self._chunks = count(last + 1)

    def _alone_first(
        self, left: list[SourceFile], outcomes: dict[str, FileOutcome]
    ) -> list[SourceFile]:
        """Convert by itself the file on which an earlier run of one process has ended.

        It may have been killed there by chance, or by the file.
        """
        marker = self._marker
        try:
            stamp = marker.read_text(encoding="utf-8", errors="surrogatepass")
        except FileNotFoundError:
            return left
        for file in left:
            if file.stamp == stamp:
                self._keep(self._alone(file), outcomes)
        marker.unlink(missing_ok=True)
        return [file for file in left if file.stamp not in outcomes]

    @property
    def _marker(self) -> Path:
        return self._work / "under_way"

    def _convert_all(
        self,
        executor: Executor,
        files: Sequence[SourceFile],
        outcomes: dict[str, FileOutcome],
        display: Progress,
    ) -> Executor:
        """Convert the files; return the executor, a new one where the first was lost."""
        backlog = deque(files[i : i + CHUNK] for i in range(0, len(files), CHUNK))
        pending: dict[Future[bytes], Sequence[SourceFile]] = {}
        while backlog or pending:
            try:
                while backlog and len(pending) < executor.limit:
                    chunk = backlog[0]
                    pending[self._submit(executor, chunk)] = chunk
                    backlog.popleft()
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    self._keep(executor.result(future), outcomes)
                    del pending[future]
            except WorkersLost:
                if not isinstance(executor, Processes):
                    raise
                # One of the files under way may have ended its process: each gets one of its own.
                suspects = [file for chunk in pending.values() for file in chunk]
                if not suspects:  # no file's fault: this machine starts no process at all
                    raise
                pending.clear()
                executor.close(abandon=True)
                for file in suspects:
                    self._keep(self._alone(file), outcomes)
                executor = executor.again()
            self.done = len(outcomes)
            display.update(read=self.of, done=self.done, all_read=True)
        return executor

    def _submit(self, executor: Executor, files: Sequence[SourceFile]) -> Future[bytes]:
        marker = str(self._marker) if isinstance(executor, Here) else None
        paths = [(str(file.path), file.stamp) for file in files]
        # A process that is alone has all cores to itself; others have one each.
        threads = 0 if isinstance(executor, Here) else 1
        return executor.submit(convert_files, self._settings, self._dicom, paths, threads, marker)

    def _alone(self, file: SourceFile) -> bytes | FileOutcome:
        """Convert one file in a process of its own."""
        executor = Processes(1, self._work / "results")
        try:
            return executor.result(self._submit(executor, [file]))
        except WorkersLost:
            return FileOutcome(file.stamp, "failed", CRASHED)
        finally:
            executor.close(abandon=True)

    def _keep(self, part: bytes | FileOutcome, outcomes: dict[str, FileOutcome]) -> None:
        """Keep what a task has made: the images first, then the outcomes that tell of them."""
        name = self._work / f"{next(self._chunks):07d}"
        if isinstance(part, FileOutcome):
            new = [part]
        else:
            with MemberFile(io.BytesIO(part)) as members:
                new = list(read_outcomes(members.json("outcomes.json")))
                for index, outcome in enumerate(new):
                    if outcome.kind == "image":
                        image = members.bytes(f"{index}.png")
                        atomic_write_bytes(self.image_of(outcome.stamp), image)
        records = [outcome.recorded() for outcome in new]
        self._private.write_bytes(name.with_suffix(".json"), json.dumps(records).encode())
        for outcome in new:
            outcomes[outcome.stamp] = outcome
        self.converted_now += len(new)
