"""How far a run is: a bar on a terminal, a plain line now and then elsewhere, both on stderr."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

_SECONDS_BETWEEN_LINES = 10.0


class Progress(Protocol):
    """What a run tells while it goes on; the numbers are reports, or images."""

    def __enter__(self) -> Progress: ...

    def __exit__(self, *exc: object) -> None: ...

    def update(self, *, read: int, done: int, all_read: bool) -> None:
        """Say how many reports are read and done, and whether no more will come."""

    def say(self, line: str) -> None:
        """Say what has happened or happens next, so that it stays to be read."""


class Lines:
    """Plain lines, for a log; `done` says what becomes of the `things`, `rate` how fast."""

    def __init__(
        self, done: str = "labelled", things: str = "reports", *, rate: bool = False
    ) -> None:
        self._done = done
        self._things = things
        self._rate = rate
        self._next = time.monotonic() + _SECONDS_BETWEEN_LINES
        # How many were done at the first word and when: a resumed run does not begin at 0.
        self._first: tuple[int, float] | None = None

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *exc: object) -> None:
        return

    def update(self, *, read: int, done: int, all_read: bool) -> None:
        """Print a line if the last one is some time ago."""
        now = time.monotonic()
        before, since = self._first = self._first or (done, now)
        if now < self._next:
            return
        self._next = now + _SECONDS_BETWEEN_LINES
        of = f" of {read:,}" if all_read else ""
        line = (
            f"{done:,}{of} {self._things} {self._done}" if done else f"{read:,} {self._things} read"
        )
        if self._rate and done > before and now > since:
            line += f", {(done - before) / (now - since):,.0f} {self._things}/s"
        self.say(line)

    def say(self, line: str) -> None:
        """Print the line."""
        print(line, file=sys.stderr, flush=True)


class Bar:
    """A bar, for a person at a terminal.

    Parameters
    ----------
    doing : str
        What is done with the reports.
    rate_of : str, optional
        Things of which the bar tells how many it does a second.
    console : rich.console.Console, optional
        By default standard error.
    """

    def __init__(
        self,
        doing: str = "Labelling",
        *,
        rate_of: str | None = None,
        console: Console | None = None,
    ) -> None:
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            *([_speed_column(rate_of)] if rate_of else []),
            progress.TimeRemainingColumn(),
            console=console or Console(stderr=True),
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
        """Print the line above the bar, where it stays."""
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _speed_column(things: str) -> ProgressColumn:
    """Return a column that tells how many things a second are done, of late."""
    from rich import progress
    from rich.text import Text

    class Speed(progress.ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f} {things}/s")

    return Speed()


def open_progress(
    doing: str = "Labelling",
    done: str = "labelled",
    things: str = "reports",
    *,
    rate: bool = False,
) -> Progress:
    """Return the progress display that suits standard error, in the words of the command.

    With `rate` it also tells how many things are done a second.
    """
    if sys.stderr.isatty():
        return Bar(doing, rate_of=things if rate else None)
    return Lines(done, things, rate=rate)
