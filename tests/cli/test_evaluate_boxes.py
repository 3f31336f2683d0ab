from __future__ import annotations

from pathlib import Path

import pytest
import typer

from cxrmine.cli.evaluate_boxes import command
from cxrmine.cli.main import run
from cxrmine.resources import samples_dir


def evaluate(*arguments: str) -> int:
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command("evaluate-boxes")(command)
    return run(app, "evaluate-boxes", [str(argument) for argument in arguments])


def test_the_example_of_its_help_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxes = Path(samples_dir()) / "boxes.csv"
    assert evaluate(boxes, boxes, "--out", tmp_path / "scores") == 0
    assert "1.000" in capsys.readouterr().out
    assert evaluate(boxes, boxes, "--out", tmp_path / "scores") == 2
    assert "--force" in capsys.readouterr().err
    assert evaluate(boxes, boxes, "--out", tmp_path / "scores", "--force") == 0


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--help") == 0
    said = capsys.readouterr().out
    for option in (
        "--images",
        "--part",
        "--image-folder",
        "--points",
        "--min-score",
        "--draws",
        "--resume",
    ):
        assert option in said
    assert 'evaluate-boxes "$S/boxes.csv"' in said


def test_mistakes_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxes = Path(samples_dir()) / "boxes.csv"
    for arguments, says in (
        ((tmp_path / "none.csv", boxes, "--out", tmp_path / "o"), "does not exist"),
        ((boxes, boxes), "--out"),
        ((boxes, boxes, "--out", tmp_path / "o", "--min-score", "0.5"), "needs a score"),
    ):
        assert evaluate(*arguments) == 2
        said = capsys.readouterr().err
        assert says in said
        assert said.count("\n") == 1
    assert not (tmp_path / "o").exists()
