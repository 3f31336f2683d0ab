from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cxrmine.cli.main import build_app, run
from cxrmine.labeling.schemes import scheme_names
from cxrmine.resources import data_dir, samples_dir
from cxrmine.tables import read_csv

RULE = """
rules:
"""


def mine_labels(*arguments: str | Path) -> int:
    return run(build_app("mine-labels"), "mine-labels", [str(a) for a in arguments])


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    path = tmp_path / "reports.csv"
    path.write_text("report_id,text\n1,No pneumothorax.\n2,\n3,Left pleural effusion.\n")
    return path


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what stderr says, which must be one line and no traceback."""
    _, err = capsys.readouterr()
    assert err.startswith("mine-labels: ")
    assert err.count("\n") == 1
    return err


def test_writes_labels_and_says_what_it_did(
    reports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert mine_labels(reports, "--out", out, "--evidence") == 0
    said = capsys.readouterr().out
    assert said.startswith("3 reports, ")
    assert f"1 warning ({out / 'warnings.csv'})" in said
    assert "0 failures" in said
    assert str(out / "labels.csv") in said
    assert str(out / "evidence.html") in said
    _, rows = read_csv(out / "labels.csv")
    assert [row["report_id"] for row in rows] == ["1", "2", "3"]
    assert [row["Effusion"] for row in rows] == ["0", "0", "1"]


def test_schemes_repeat(reports: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    schemes = ["--scheme", "chexpert", "--scheme", "openi", "--scheme", "chexpert"]
    assert mine_labels(reports, "--out", out, *schemes) == 0
    assert {p.name for p in out.glob("labels*")} == {"labels_chexpert.csv", "labels_openi.csv"}
    _, rows = read_csv(out / "labels_chexpert.csv")
    assert set(list(rows[1].values())[1:]) == {""}  # the empty report is left blank
    _, rows = read_csv(out / "labels_openi.csv")
    assert rows[1]["normal"] == "1"  # and counts as normal here, as in the gold


def test_an_unknown_scheme_lists_those_that_exist(
    reports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mine_labels(reports, "--out", tmp_path / "out", "--scheme", "chexpart") == 2
    said = one_sentence(capsys)
    assert "'chexpart'" in said
    for name in scheme_names(data_dir("vocab")):
        assert name in said


def test_columns_of_any_name(tmp_path: Path) -> None:
    source = tmp_path / "table.tsv"
    source.write_text("nr\tF\tI\nA-1\tLeft pleural effusion.\tNo pneumothorax.\n")
    out = tmp_path / "out"
    columns = ["--section-column", "findings=F", "--section-column", "impression=I"]
    assert mine_labels(source, "--out", out, "--id-column", "nr", *columns) == 0
    _, rows = read_csv(out / "labels.csv")
    assert (rows[0]["report_id"], rows[0]["Effusion"], rows[0]["Pneumothorax"]) == ("A-1", "1", "0")


def test_failures_give_status_1_and_the_rest_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "reports.csv"
    source.write_text("report_id,text\n1,Edema.\n1,Edema again.\n")
    out = tmp_path / "out"
    assert mine_labels(source, "--out", out) == 1
    assert f"1 failure ({out / 'failures.csv'})" in capsys.readouterr().out
    assert len(read_csv(out / "labels.csv")[1]) == 1
    # It stays so when the finished run is asked for once more.
    assert mine_labels(source, "--out", out, "--resume") == 1
    assert "already finished" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{reports}"], "--out"),
        (["--out", "{out}"], "input"),
        (["{missing}", "--out", "{out}"], "missing.csv' does not exist"),
        (["{reports}", "--out", "{reports}"], "is a file"),
        (["{reports}", "--out", "{full}"], "not empty"),
        (["{reports}", "--out", "{full}", "--resume"], "no run to resume"),
        (["{reports}", "--out", "{out}", "--resume", "--force"], "exclude each other"),
        (["{reports}", "--out", "{out}", "--workers", "2", "--dask", "tcp://h:1"], "exclude"),
        (["{reports}", "--out", "{out}", "--workers", "0"], "workers"),
        (["{reports}", "--out", "{out}", "--assertion", "guess"], "cxrmine or negex"),
        (["{reports}", "--out", "{out}", "--rules", "{missing}"], "missing.csv"),
        (["{reports}", "--out", "{out}", "--vocab", "{missing}"], "missing.csv"),
        (["{reports}", "--out", "{out}", "--rules", "{full}"], "rule"),
        (["{reports}", "--out", "{out}", "--parser", "no_such_pipeline"], "no_such_pipeline"),
        (["{reports}", "--out", "{out}", "--check-rules"], "--check-rules"),
        (["--check-rules", "--vocab", "{missing}"], "missing.csv"),
        (["--check-rules", "--rules", "{full}"], "rule"),
        (["{reports}", "--out", "{out}", "--sheme", "openi"], "--sheme"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(
    reports: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter.txt").write_text("Dear reader")
    names = {"reports": reports, "missing": tmp_path / "missing.csv", "full": full}
    filled = [a.format(out=tmp_path / "out", **names) for a in arguments]
    assert mine_labels(*filled) == 2
    assert says in one_sentence(capsys)
    assert not (tmp_path / "out").exists()
    assert [p.name for p in full.iterdir()] == ["letter.txt"]


def test_messages_hold_no_ids_and_no_text(tmp_path: Path) -> None:
    source = tmp_path / "reports.csv"
    with source.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["report_id", "text"])
        writer.writerows([("SECRET-7", "PRIVATE edema."), ("SECRET-7", ""), ("SECRET-8", "")])
    done = subprocess.run(
        [sys.executable, "-m", "cxrmine", "mine-labels", source, "--out", tmp_path / "out"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "1 failure" in done.stdout
    assert "SECRET" not in done.stdout + done.stderr
    assert "PRIVATE" not in done.stdout + done.stderr


def test_our_rules_pass_their_own_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert mine_labels("--check-rules") == 0
    said = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"[\d,]+ examples: \d+ passed, 0 failed\.", said[-1])


def test_a_rule_with_a_wrong_example_fails_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    for file in data_dir("rules").glob("*.yaml"):
        (rules / file.name).write_bytes(file.read_bytes())
    victim = rules / "negation.yaml"
    changed, count = re.subn(
        r"(text: .*mention: .*)status: absent", r"\1status: possible", victim.read_text(), count=1
    )
    if not count:
        changed, count = re.subn(r"status: absent", "status: possible", changed, count=1)
    victim.write_text(changed)
    assert mine_labels("--check-rules", "--rules", rules) == 1
    said = capsys.readouterr().out
    assert "FAIL negation.yaml" in said
    assert "should be possible" in said


def test_the_help_s_example_works_as_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mine_labels("--help") == 0
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip().startswith("Example"))
    script = "\n".join(line.strip() for line in lines[at + 1 : at + 4])
    assert "mine-labels" in script
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "labels.csv").exists()
    assert (tmp_path / "run" / "evidence.html").exists()


def test_help_names_every_scheme_that_ships(capsys: pytest.CaptureFixture[str]) -> None:
    assert mine_labels("--help") == 0
    said = " ".join(capsys.readouterr().out.split())
    for name in scheme_names(data_dir("vocab")):
        assert name in said


def test_every_sample_format_is_labelled(tmp_path: Path) -> None:
    for name in ("reports.csv", "openi", "mimic"):
        out = tmp_path / name
        assert mine_labels(samples_dir() / name, "--out", out) == 0, name
        assert read_csv(out / "labels.csv")[1]


def test_runs_under_its_own_name(reports: Path, tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("mine-labels")
    if not script.exists():
        pytest.skip("cxrmine is not installed with its scripts beside this Python")
    command = f"{shlex.quote(str(script))} {shlex.quote(str(reports))} --out out --workers 2"
    done = subprocess.run(
        shlex.split(command), cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "3 reports" in done.stdout
