"""How far a run is: a bar on a terminal, a plain line now and then elsewhere, both on stderr."""

from __future__ import annotations

import sys
import time
from typing import Protocol

_SECONDS_BETWEEN_LINES = 10.0


class Progress(Protocol):
    """What a run tells while it goes on; the numbers are reports, or images."""

    def __enter__(self) -> Progress: ...

    def __exit__(self, *exc: object) -> None: ...

    def update(self, *, read: int, done: int, all_read: bool) -> None:
        """Say how many reports are read and done, and whether no more will come."""

    def say(self, line: str) -> None:
        """Say what happens next."""


class Lines:
    """Plain lines, for a log; `done` says what becomes of the `things`."""

    def __init__(self, done: str = "labelled", things: str = "reports") -> None:
        self._done = done
        self._things = things
        self._next = time.monotonic() + _SECONDS_BETWEEN_LINES

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *exc: object) -> None:
        return

    def update(self, *, read: int, done: int, all_read: bool) -> None:
        """Print a line if the last one is some time ago."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _SECONDS_BETWEEN_LINES
        of = f" of {read:,}" if all_read else ""
        self.say(
            f"{done:,}{of} {self._things} {self._done}" if done else f"{read:,} {self._things} read"
        )

    def say(self, line: str) -> None:
        """Print the line."""
        print(line, file=sys.stderr, flush=True)


class Bar:
    """A bar, for a person at a terminal; `doing` says what is done with the reports."""

    def __init__(self, doing: str = "Labelling") -> None:
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._doing = doing
        self._task = self._bar.add_task("Reading", total=None)

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def update(self, *, read: int, done: int, all_read: bool) -> None:
        """Move the bar."""
        if all_read:
            self._bar.update(self._task, description=self._doing, completed=done, total=read)
        else:
            # How much there will be is not known yet, so the bar only pulses.
            self._bar.update(self._task, description="Reading", completed=read)

    def say(self, line: str) -> None:
        """Put the line before the bar."""
        self._bar.update(self._task, description=line.rstrip("."))


def open_progress(
    doing: str = "Labelling", done: str = "labelled", things: str = "reports"
) -> Progress:
    """Return the progress display that suits standard error, in the words of the command."""
    return Bar(doing) if sys.stderr.isatty() else Lines(done, things)
