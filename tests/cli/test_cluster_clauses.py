"""The command line: what it says, what it refuses, and that its example works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxrmine.cli.main import build_app, run
from cxrmine.tables import read_csv


def cluster_clauses(*arguments: str | Path) -> int:
    return run(build_app("cluster-clauses"), "cluster-clauses", [str(a) for a in arguments])


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    path = tmp_path / "reports.csv"
    path.write_text(
        "report_id,diagnosis\n"
        "SECRET-1,PRIVATE lungs clear.\n"
        "SECRET-2,\n"
        "SECRET-3,心影增大，PRIVATE lungs clear\n"
        "SECRET-4,心影稍增大\n"
        "SECRET-5,心影增大\n",
        "utf-8",
    )
    return path


def name_first(terms: Path, target: Path, label: str = "normal") -> Path:
    text = terms.read_text("utf-8").replace('label: ""', f"label: {label}", 1)
    target.write_text(text, "utf-8")
    return target


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what stderr says, which must be one line and no traceback."""
    _, err = capsys.readouterr()
    assert err.startswith("cluster-clauses: ")
    assert err.count("\n") == 1
    return err


def test_says_what_it_found_and_where(
    reports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cluster_clauses(reports, "--out", out, "--k", "2", "--top", "1") == 0
    said = capsys.readouterr().out
    assert said.startswith("5 reports, 5 clauses (3 distinct), ")
    assert "2 clusters (as asked) in " in said
    assert "The largest term holds 60.0 % [23.1–88.2] of clauses" in said
    assert "97 % of its images" in said
    assert str(out / "terms.yaml") in said
    assert (out / "clusters.png").exists()
    # Once more: the same lines, and nothing done.
    assert cluster_clauses(reports, "--out", out, "--k", "2", "--top", "1", "--resume") == 0
    again = capsys.readouterr().out
    assert again == f"The run in {out} is already finished; nothing was left to do.\n{said}"


def test_auto_is_the_default_and_says_why(
    reports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster_clauses(reports, "--out", tmp_path / "one") == 0
    said = capsys.readouterr().out
    assert re.search(r"\d clusters? \(chosen: .{20,}\)", said)
    assert cluster_clauses(reports, "--out", tmp_path / "two", "--k", "auto") == 0
    for name in ("clusters.csv", "k_curve.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_too_large_a_k_is_said(
    reports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cluster_clauses(reports, "--out", out, "--k", "1000") == 0
    said = capsys.readouterr().out
    assert "3 clusters (1,000 were asked for, but there are no more distinct clauses)" in said
    assert f"({out / 'warnings.csv'})" in said


def test_labels_new_reports(
    reports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster_clauses(reports, "--out", tmp_path / "out", "--k", "2") == 0
    named = name_first(tmp_path / "out" / "terms.yaml", tmp_path / "named.yaml")
    capsys.readouterr()
    labels = tmp_path / "labels"
    assert cluster_clauses(reports, "--apply", named, "--out", labels, "--workers", "2") == 0
    said = capsys.readouterr().out
    assert said.startswith("5 reports, 5 clauses, ")
    assert "60.0 % labelled" in said
    assert "1 term of named.yaml still without a label." in said
    assert str(labels / "labels.csv") in said
    _, rows = read_csv(labels / "labels.csv")
    assert [list(row.values()) for row in rows] == [
        ["SECRET-1", "0"],
        ["SECRET-2", "0"],
        ["SECRET-3", "1"],
        ["SECRET-4", "1"],
        ["SECRET-5", "1"],
    ]


def test_shares_are_of_the_reports_with_clauses(
    reports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster_clauses(reports, "--out", tmp_path / "out", "--k", "1") == 0
    said = capsys.readouterr().out
    assert "100.0 % [51.0–100.0] of the 4 reports with clauses have one of these" in said


def test_a_file_of_nothing_but_drop_is_told(
    reports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster_clauses(reports, "--out", tmp_path / "out", "--k", "1") == 0
    named = name_first(tmp_path / "out" / "terms.yaml", tmp_path / "named.yaml", "drop")
    capsys.readouterr()
    assert cluster_clauses(reports, "--apply", named, "--out", tmp_path / "labels") == 2
    assert "named.yaml has no label but drop, so there is nothing" in one_sentence(capsys)


def test_labels_can_be_compared_with_mine_labels(
    reports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster_clauses(reports, "--out", tmp_path / "out", "--k", "2") == 0
    named = name_first(tmp_path / "out" / "terms.yaml", tmp_path / "named.yaml", "Cardiomegaly")
    assert cluster_clauses(reports, "--apply", named, "--out", tmp_path / "ours") == 0
    theirs = tmp_path / "theirs.csv"
    theirs.write_text(
        "report_id,Cardiomegaly\n" + "".join(f"SECRET-{n},{n % 2}\n" for n in range(1, 6))
    )
    app = build_app("evaluate-labels")
    arguments = [str(tmp_path / "ours"), "--against", str(theirs), "--out", str(tmp_path / "both")]
    assert run(app, "evaluate-labels", arguments) == 0
    _, rows = read_csv(tmp_path / "both" / "agreement.csv")
    assert [(row["column"], row["n_reports"]) for row in rows] == [("Cardiomegaly", "5")]


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
        (["{reports}", "--out", "{out}", "--k", "0"], "--k '0'"),
        (["{reports}", "--out", "{out}", "--k", "-3"], "--k '-3'"),
        (["{reports}", "--out", "{out}", "--k", "many"], "--k 'many'"),
        (["{reports}", "--out", "{out}", "--k", "2.5"], "--k '2.5'"),
        (["{reports}", "--out", "{out}", "--top", "0"], "--top 0"),
        (["{reports}", "--out", "{out}", "--distance", "cosine"], "levenshtein or normalized"),
        (["{reports}", "--out", "{out}", "--memory", "0"], "--memory 0"),
        (["{reports}", "--out", "{out}", "--memory", "-1"], "--memory -1"),
        (["{reports}", "--out", "{out}", "--memory", "nan"], "--memory nan"),
        (["{reports}", "--out", "{out}", "--seed", "-1"], "--seed -1"),
        (["{reports}", "--out", "{out}", "--workers", "0"], "--workers 0"),
        (["{reports}", "--out", "{out}", "--section", "remarks"], "'remarks'"),
        (["{reports}", "--out", "{out}", "--section", " "], "section"),
        (["{reports}", "--out", "{out}", "--apply", "{missing}"], "does not exist"),
        (["{reports}", "--out", "{out}", "--apply", "{full}"], "is a folder"),
        (["{reports}", "--out", "{out}", "--apply", "{reports}"], "reports.csv"),
        (["{reports}", "--out", "{out}", "--apply", "t", "--k", "3"], "--k and --apply"),
        (["{reports}", "--out", "{out}", "--apply", "t", "--seed", "1"], "--seed and --apply"),
        (
            ["{reports}", "--out", "{out}", "--apply", "t", "--drop-units", "--top", "3"],
            "--top, --drop-units and --apply",
        ),
        (["{reports}", "--out", "{full}", "--apply", "{full}/letter.txt"], "lies in --out"),
        (["{reports}", "--out", "{out}", "--kk", "3"], "--kk"),
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
    assert cluster_clauses(*filled) == 2
    assert says in one_sentence(capsys)
    assert not (tmp_path / "out").exists()
    assert [p.name for p in full.iterdir()] == ["letter.txt"]


def test_failures_give_status_1_and_the_rest_is_done(
    reports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with reports.open("a", encoding="utf-8") as handle:
        handle.write("SECRET-1,again\n")
    out = tmp_path / "out"
    assert cluster_clauses(reports, "--out", out, "--k", "2") == 1
    assert f"1 failure ({out / 'failures.csv'})" in capsys.readouterr().out
    named = name_first(out / "terms.yaml", tmp_path / "named.yaml")
    assert cluster_clauses(reports, "--apply", named, "--out", tmp_path / "labels") == 1


def test_a_report_without_clauses_is_no_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "reports.csv"
    source.write_text("report_id,diagnosis\n1,\n2,12\n")
    assert cluster_clauses(source, "--out", tmp_path / "out") == 0
    assert "No report has a clause" in capsys.readouterr().out


def test_messages_hold_no_ids_and_no_text(reports: Path, tmp_path: Path) -> None:
    with reports.open("a", encoding="utf-8") as handle:
        handle.write("SECRET-1,PRIVATE again\n")
    terms = tmp_path / "named.yaml"
    said = ""
    for arguments in (
        ["--out", "out", "--k", "2"],
        ["--out", "labels", "--apply", terms],
        ["--out", "broken", "--apply", tmp_path / "broken.yaml"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "cxrmine", "cluster-clauses", reports, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        said += done.stdout + done.stderr
        if not terms.exists():
            text = name_first(tmp_path / "out" / "terms.yaml", terms).read_text("utf-8")
            broken = text.replace("- {clause:", "- {PRIVATE:", 1)
            (tmp_path / "broken.yaml").write_text(broken, "utf-8")
    assert "1 failure" in said
    assert "broken.yaml, line" in said
    assert "Traceback" not in said
    assert "SECRET" not in said
    assert "lungs" not in said
    assert "心" not in said


def test_help_is_quick() -> None:
    script = "from cxrmine.cli.main import cluster_clauses; cluster_clauses()"
    times = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", script, "--help"], capture_output=True)
        times.append(time.perf_counter() - started)
        assert done.returncode == 0
        assert b"--split-enumeration" in done.stdout
    assert min(times) < 0.5


def test_the_help_s_example_works_as_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster_clauses("--help") == 0
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip().startswith("S=$("))
    script = "\n".join(line.strip() for line in lines[at : at + 4])
    assert script.count("cluster-clauses") == 2
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    _, rows = read_csv(tmp_path / "labels" / "labels.csv")
    assert 0.2 < sum(row["normal"] == "1" for row in rows) / len(rows) < 0.9


def test_runs_under_its_own_name(reports: Path, tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("cluster-clauses")
    if not script.exists():
        pytest.skip("cxrmine is not installed with its scripts beside this Python")
    command = f"{shlex.quote(str(script))} {shlex.quote(str(reports))} --out out --k 2 --workers 2"
    done = subprocess.run(
        shlex.split(command), cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "5 reports" in done.stdout
