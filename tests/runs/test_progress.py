from __future__ import annotations

import io
import re
import sys

import pytest
from rich.console import Console

from cxrmine.runs import progress
from cxrmine.runs.progress import Bar, Lines, open_progress


def test_a_log_gets_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with Lines() as display:
        for second in range(25):
            now = float(second)
            display.update(read=5000, done=1000 * (second >= 15), all_read=second >= 15)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["5,000 reports read", "1,000 of 5,000 reports labelled"]


@pytest.mark.parametrize(("terminal", "kind"), [(True, Bar), (False, Lines)])
def test_only_a_terminal_gets_a_bar(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, kind: type
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with open_progress() as display:
        assert isinstance(display, kind)
        display.update(read=10, done=0, all_read=False)
        display.update(read=10, done=5, all_read=True)
        display.say("Writing the tables.")


def test_a_command_has_its_own_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", -1.0)
    with open_progress("Splitting", "split into clauses") as display:
        display.update(read=10, done=5, all_read=True)
    assert capsys.readouterr().err == "5 of 10 reports split into clauses\n"


class _Terminal:
    """A terminal of rich's, with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.written = io.StringIO()
        self.console = Console(
            file=self.written,
            force_terminal=True,
            width=120,
            color_system=None,
            legacy_windows=False,
            get_time=lambda: self.now,
        )

    def lines(self) -> list[str]:
        """What was written, the bar's own drawings and the control codes taken away."""
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.written.getvalue())
        return [line for line in re.split(r"[\r\n]+", text) if line.strip()]


def test_what_is_said_stays_above_the_bar() -> None:
    terminal = _Terminal()
    said = "epoch 1 of 20: loss 0.5, [val] mean AUC 0.700, 81 images/s."
    with Bar("Training", console=terminal.console) as display:
        display.update(read=1000, done=10, all_read=True)
        display.say(said)
        display.update(read=1000, done=20, all_read=True)
    lines = terminal.lines()
    # By itself on its line: in the bar the counts would follow it, until the next update.
    assert lines.count(said) == 1
    assert not [line for line in lines if said.rstrip(".") in line and "/1000" in line]
    assert any(line.startswith("Training") for line in lines[lines.index(said) :])


@pytest.mark.parametrize("rate_of", [None, "images"])
def test_a_bar_tells_the_rate_where_it_is_asked_for(rate_of: str | None) -> None:
    terminal = _Terminal()
    with Bar("Training", rate_of=rate_of, console=terminal.console) as display:
        # A resumed run begins at 4,000 and does 50 a second.
        for done in range(4000, 4501, 50):
            display.update(read=9000, done=done, all_read=True)
            terminal.now += 1
    last = [line for line in terminal.lines() if line.startswith("Training")][-1]
    assert "4500/9000" in last
    assert ("50 images/s" in last) == (rate_of is not None)
    assert ("/s" in last) == (rate_of is not None)


def test_a_log_tells_the_rate_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    with open_progress("Training", "trained on", "images", rate=True) as display:
        for second in range(12):
            now = float(second)
            display.update(read=9000, done=4000 + 50 * second, all_read=True)
    assert capsys.readouterr().err == "4,500 of 9,000 images trained on, 50 images/s\n"
