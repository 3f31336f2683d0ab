"""The command line of make-phantom."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from cxrmine.cli.main import run
from cxrmine.cli.make_phantom import command

pytest.importorskip("pydicom")


def make_phantom(*arguments: object) -> int:
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command("make-phantom")(command)
    return run(app, "make-phantom", [str(one) for one in arguments])


def test_it_makes_a_hospital_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "hospital"
    assert make_phantom("--patients", 3, "--size", 64, "--out", out) == 0
    told = capsys.readouterr().out
    assert "3 patients" in told
    assert "not measured on" in told
    assert str(out / "truth.csv") in told
    assert (out / "reports.csv").exists()
    assert make_phantom("--patients", 3, "--size", 64, "--out", out, "--resume") == 0
    assert "nothing was left to do" in capsys.readouterr().out


def test_cheap_looks_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_phantom("--patients", 140, "--size", 64, "--out", tmp_path / "out") == 0
    told = capsys.readouterr().out
    assert "by the global mean (wanted: at most 0.65)" in told
    assert "by thumbnails of 16 × 16 (at most 0.80)" in told


def test_prevalence_and_difficulty_reach_the_hospital(tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--prevalence", "Mass=0.9", "--prevalence", "Nodule=0", "--difficulty", "hard")
    assert make_phantom("--patients", 6, "--size", 64, "--out", out, *options) == 0
    _, *rows = (out / "report_truth.csv").read_text(encoding="utf-8").splitlines()
    cells = [row.split(",") for row in rows]
    assert sum(row[5] == "1" for row in cells) > len(cells) / 2  # Mass
    assert all(row[6] == "0" for row in cells)  # Nodule


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--out DIR"),
        (("--out", "x", "--resume", "--force"), "exclude each other"),
        (("--out", "x", "--patients", 0), "at least 1"),
        (("--out", "x", "--seed", -3), "--seed -3"),
        (("--out", "x", "--difficulty", "none"), "easy, standard, hard"),
        (("--out", "x", "--prevalence", "Mass"), "write FINDING=SHARE"),
        (("--out", "x", "--prevalence", "Mass=much"), "write FINDING=SHARE"),
        (("--out", "x", "--prevalence", "Hernia=0.1"), "no finding of the phantom"),
        (("--out", "x", "--prevalence", "Mass=.1", "--prevalence", "Mass=.2"), "Mass twice"),
    ],
)
def test_wrong_usage_is_one_sentence(
    arguments: tuple[object, ...],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert make_phantom(*arguments) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_file_as_out_is_called_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("mine")
    assert make_phantom("--patients", 1, "--size", 64, "--out", tmp_path / "taken") == 2
    assert "is a file; name a folder" in capsys.readouterr().err
    assert (tmp_path / "taken").read_text() == "mine"


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert make_phantom("--help") == 0
    assert "make-phantom --patients 40 --out hospital" in capsys.readouterr().out
