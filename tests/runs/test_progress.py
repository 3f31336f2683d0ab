from __future__ import annotations

import sys

import pytest

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
