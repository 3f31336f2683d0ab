"""The output folder: what lies in it, whether a run may use it, and the plan of a killed run.

While a run is under way its work lies in ``OUT/.parts/``: the plan (what was asked, of which
inputs, with which rules), the chunks of reports still to be labelled, and the finished parts. The
outputs take their places at the very end; then ``.parts`` is renamed, in one step, and removed.
So at every moment a folder is one of: nothing there, unfinished (``.parts``), finished.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cxrmine.errors import UserError
from cxrmine.tables import atomic_write_bytes, atomic_write_text

COMMAND = "mine-labels"
PARTS = ".parts"
_FINISHED = ".parts-finished"


class Writes(NamedTuple):
    """What runs of a command write: the command's name, and the names of its files.

    ``files`` always have the same name; others match ``pages``, or match ``listed`` and are
    among the ``outputs`` that the run's record lists. Nothing else is ever removed.
    """

    command: str
    files: frozenset[str]
    pages: str = ""
    listed: str = ""


MINE_LABELS = Writes(
    COMMAND,
    frozenset(
        {
            "mentions.parquet",
            "labels.csv",
            "warnings.csv",
            "failures.csv",
            "run.json",
            "timing.json",
            "evidence.html",
        }
    ),
    pages=r"evidence_\d+\.html",
    listed=r"labels_[\w.-]+\.csv",
)

State = Literal["empty", "unfinished", "finished", "foreign"]


class OutputFolder:
    """The folder of one run.

    Parameters
    ----------
    path : Path
        The folder that ``--out`` names; it need not exist.
    writes : Writes, optional
        The command whose run it is, and its files; by default mine-labels.
    """

    def __init__(self, path: Path, writes: Writes = MINE_LABELS) -> None:
        self.path = path
        self.parts = path / PARTS
        self.writes = writes

    def state(self) -> State:
        """Say what lies in the folder; ``foreign`` is anything but an unfinished or finished run.

        Raises
        ------
        UserError
            If the path is a file.
        """
        if not self.path.exists():
            return "empty"
        if not self.path.is_dir():
            raise UserError(f"--out {str(self.path)!r} is a file; name a folder.")
        plan = self.parts / "plan.json"
        if plan.exists():
            # A plan that names no command (damaged, or of an earlier version) is mine-labels'.
            ours = (_command_of(plan) or COMMAND) == self.writes.command
            return "unfinished" if ours else "foreign"
        # A run killed before it had a plan, or while it was tidying up, left nothing to keep.
        names = {entry.name for entry in self.path.iterdir()} - {PARTS, _FINISHED}
        if not names:
            return "empty"
        command = _command_of(self.path / "run.json")
        return "finished" if command == self.writes.command else "foreign"

    def open(self, *, resume: bool, force: bool) -> State:
        """Check that a run may use the folder and return its state.

        Returns
        -------
        str
            ``empty`` (also where `force` allows to `clear` what is there), ``unfinished`` or
            ``finished``; the latter two only where `resume` asks for it.

        Raises
        ------
        UserError
            If the folder holds something and neither option says what to do, if there is
            nothing to resume, or if another command's output would be lost.
        """
        state = self.state()
        name = str(self.path)
        if state == "empty":
            return state
        records = (self.path / "run.json", self.parts / "plan.json")
        if state == "foreign" and any(record.exists() for record in records):
            raise UserError(
                f"{name!r} holds the output of another command; name another --out (--force "
                f"replaces runs of {self.writes.command} only)."
            )
        if force:
            return "empty"
        if state == "unfinished" and not resume:
            raise UserError(
                f"{name!r} holds an unfinished run; continue it with --resume or start anew with "
                "--force."
            )
        if state == "finished" and not resume:
            raise UserError(
                f"{name!r} holds a finished run; name another --out or replace it with --force."
            )
        if state == "foreign":
            ask = "holds no run to resume" if resume else "is not empty"
            raise UserError(
                f"{name!r} {ask}; name an empty or new folder as --out (--force writes there all "
                "the same and leaves the other files alone)."
            )
        return state

    def clear(self) -> None:
        """Remove what a run wrote, and nothing else."""
        records = (self.path / "run.json", self.parts / "plan.json")
        names = self.writes.files.union(*map(self._outputs_named_in, records)) - {"run.json"}
        pages = re.compile(self.writes.pages)
        names |= {e.name for e in self.path.iterdir() if pages.fullmatch(e.name)}
        for name in names:
            (self.path / name).unlink(missing_ok=True)
        self.tidy()
        # The records go last, or what a second try should remove would be known to nobody.
        records[0].unlink(missing_ok=True)
        records[1].unlink(missing_ok=True)
        if self.parts.exists():
            shutil.rmtree(self.parts)

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Make the work folder and write the plan; whatever an earlier start left there goes."""
        self.tidy()
        if self.parts.exists():
            shutil.rmtree(self.parts)
        try:
            for folder in (self.chunks, self.finished_parts):
                folder.mkdir(parents=True)
        except OSError as error:
            raise self._not_ours(error) from error
        write_json(self.parts / "plan.json", plan)

    def _not_ours(self, error: OSError) -> UserError:
        return UserError(
            f"--out {str(self.path)!r} cannot be written ({error.strerror}); name a folder that "
            "you may write to."
        )

    def plan(self) -> dict[str, Any]:
        """Return the plan of the unfinished run."""
        try:
            plan: dict[str, Any] = json.loads((self.parts / "plan.json").read_bytes())
        except ValueError as error:
            raise UserError(
                f"the plan of the unfinished run in {str(self.path)!r} is damaged; start anew "
                "with --force."
            ) from error
        return plan

    def earlier(self, state: str) -> dict[str, Any]:
        """Return the record of the run that lies in the folder, empty where there is none."""
        if state == "unfinished":
            return self.plan()
        if state == "finished":
            with suppress(ValueError):
                finished: dict[str, Any] = json.loads((self.path / "run.json").read_bytes())
                return finished
        return {}

    def check_same(self, earlier: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        """Refuse to mix two runs: what the record `now` states must stand in `earlier` as well.

        Raises
        ------
        UserError
            Names what differs.
        """
        before, after = _flat(earlier, now.keys()), _flat(now, now.keys())
        differing = [
            key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)
        ]
        if differing:
            raise UserError(
                f"the run in {str(self.path)!r} cannot be resumed because it had other "
                f"{', '.join(differing)}; use the same ones, or start anew with --force or "
                "another --out."
            )

    def add_json(self, name: str, value: object) -> None:
        """Write one more output, so that a kill leaves no half of it beside the others."""
        write_json(self.parts / name, value)
        os.replace(self.parts / name, self.path / name)

    def finish(self) -> None:
        """Declare the run finished and remove the work folder."""
        self.tidy()
        os.replace(self.parts, self.path / _FINISHED)
        self.tidy()

    def tidy(self) -> None:
        """Remove what a finished run had no time to remove."""
        shutil.rmtree(self.path / _FINISHED, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second run out of the folder while the block runs.

        The system lets go of the lock when this process ends in whatever way. File systems
        without locks go without.
        """
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        fresh = not self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise self._not_ours(error) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(
                    f"another run is writing to {str(self.path)!r}; wait for it, or name another "
                    "--out."
                ) from error
            except OSError:
                pass
            yield
        finally:
            os.close(descriptor)
            if fresh:
                with suppress(OSError):  # it stays unless the run came to nothing
                    self.path.rmdir()

    def _outputs_named_in(self, record: Path) -> set[str]:
        """Return the files that a run's record says it writes, if their names are plain."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            names = json.loads(record.read_bytes())["outputs"]
            return {name for name in names if re.fullmatch(self.writes.listed, name)}
        return set()

    @property
    def chunks(self) -> Path:
        """The folder of packed reports that wait for a worker."""
        return self.parts / "chunks"

    @property
    def finished_parts(self) -> Path:
        """The folder of finished parts."""
        return self.parts / "parts"

    @property
    def results(self) -> Path:
        """The folder of results on their way from a worker process."""
        return self.parts / "results"

    @property
    def problems(self) -> Path:
        """The file of what went wrong in reading, one JSON array a line."""
        return self.parts / "problems.jsonl"

    @property
    def merging(self) -> Path:
        """The folder in which the outputs grow."""
        return self.parts / "merging"

    def chunk(self, index: int) -> Path:
        """Return the path of a packed chunk."""
        return self.chunks / f"{index:07d}"

    def part(self, index: int) -> Path:
        """Return the path of a finished part."""
        return self.finished_parts / f"{index:07d}"

    def keep_part(self, index: int, data: bytes) -> None:
        """Write a finished part in one step; then its chunk of reports can go."""
        atomic_write_bytes(self.part(index), data)
        self.chunk(index).unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON in one step."""
    atomic_write_text(path, json.dumps(value, indent=2) + "\n")


def _flat(record: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """Return the settings, hashes and inputs of a record by the name that a user would know."""
    flat: dict[str, Any] = {}
    for key in keys:
        value = record.get(key)
        flat.update(value if isinstance(value, dict) else {key: value})
    return flat


def _command_of(record: Path) -> str | None:
    with suppress(OSError, ValueError, AttributeError):
        command = json.loads(record.read_bytes()).get("command")
        return command if isinstance(command, str) else None
    return None
