"""`evaluate-labels` as a user runs it: outputs, exit codes, and one sentence for every mistake."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrmine.cli.main import build_app, run
from cxrmine.evaluation.evaluate_labels import OUTPUTS
from cxrmine.evaluation.findings import FINDINGS_14
from cxrmine.tables import read_csv, write_csv

PROGRAM = "evaluate-labels"
COLUMNS = (*FINDINGS_14, "normal")
SENTENCE = "There is <b>a</b> mass in PATIENT-SECRET."

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: object) -> tuple[int, str, str]:
        status = run(build_app(PROGRAM), PROGRAM, [str(a) for a in arguments])
        captured = capsys.readouterr()
        for text in (captured.out, captured.err):
            assert "Traceback" not in text
            assert "SECRET" not in text  # ids and report text stay in the files
        return status, captured.out, captured.err

    return call


def labels(path: Path, rows: dict[str, list[str]], id_column: str = "report_id") -> Path:
    """Write a file in which each report has the columns that `rows` names for it."""
    write_csv(
        path,
        [id_column, *COLUMNS],
        [[i, *(int(c in positive) for c in COLUMNS)] for i, positive in rows.items()],
    )
    return path


GOLD = {
    "SECRET-1": ["Mass"],
    "SECRET-2": ["Mass", "Effusion"],
    "SECRET-3": ["normal"],
    "SECRET-4": ["normal"],
    "SECRET-gold": [],
}
OURS = {
    "SECRET-4": ["Mass", "Hernia"],
    "SECRET-3": ["normal"],
    "SECRET-2": ["Mass"],
    "SECRET-1": ["Mass"],
    "SECRET-ours": [],
}


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return labels(tmp_path / "gold.csv", GOLD, "filename")


@pytest.fixture
def mined(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    labels(folder / "labels_openi.csv", OURS)
    labels(folder / "labels_chestxray14.csv", {i: [] for i in OURS})
    start = SENTENCE.index("mass")
    row = {
        "report_id": "SECRET-4",
        "section": "findings",
        "sentence": SENTENCE,
        "start": 30 + start,
        "end": 34 + start,
        "text": "mass",
        "finding": "Mass",
        "concept": "mass",
        "status": "present",
        "cue": "is",
        "rule": "some-rule",
        "sentence_start": 30,
        "sentence_end": 30 + len(SENTENCE),
    }
    pq.write_table(pa.Table.from_pylist([row]), folder / "mentions.parquet")
    (folder / "run.json").write_text(json.dumps({"schemes": {"openi": "", "chestxray14": ""}}))
    return folder


def metrics(out: Path) -> dict[tuple[str, str], dict[str, str]]:
    return {(r["method"], r["row"]): r for r in read_csv(out / "metrics.csv")[1]}


def test_a_run_against_its_gold(command: Command, mined: Path, gold: Path, tmp_path: Path):
    out = tmp_path / "scores"
    status, screen, errors = command(mined, "--gold", gold, "--out", out)
    assert (status, errors) == (0, "")
    assert sorted(p.name for p in out.iterdir()) == sorted(
        set(OUTPUTS) - {"agreement.csv", "disagreements.csv"}
    )
    table = metrics(out)
    mass = table["ours", "Mass"]
    assert [mass[k] for k in ("n_reports", "positives", "tp", "fp", "fn", "tn")] == list("422101")
    assert float(mass["precision"]) == pytest.approx(2 / 3, abs=1e-6)
    assert float(mass["f1"]) == pytest.approx(4 / 5)
    assert float(mass["f1_low"]) < 0.8 < float(mass["f1_high"])
    assert str(gold) in mass["measured_on"]
    assert "4 reports" in mass["measured_on"]
    eight = table["ours", "8 findings"]
    assert [eight[k] for k in ("tp", "fp", "fn")] == list("211")
    assert table["ours", "14 findings"]["fp"] == "2"
    assert table["ours", "14 findings, without Hernia"]["fp"] == "1"
    assert table["ChestX-ray8 (NegBio)", "8 findings + normal"]["f1"] == "0.9"
    assert table["NegBio's rules", "14 findings"]["f1"] == "0.859"
    for words in (
        "labels_openi.csv",
        "4 reports",
        "1 reports only in labels, 1 only in gold",
        "NegBio",
    ):
        assert words in screen
    assert "80.0 [" in screen


def test_errors_have_their_sentences(command: Command, mined: Path, gold: Path, tmp_path: Path):
    out = tmp_path / "scores"
    command(mined, "--gold", gold, "--out", out)
    rows = {(r["report_id"], r["finding"]): r for r in read_csv(out / "errors.csv")[1]}
    assert set(rows) == {
        ("SECRET-4", "Mass"),
        ("SECRET-4", "Hernia"),
        ("SECRET-4", "normal"),
        ("SECRET-2", "Effusion"),
    }
    wrong = rows["SECRET-4", "Mass"]
    assert (wrong["kind"], wrong["gold"], wrong["ours"]) == ("FP", "0", "1")
    assert (wrong["sentences"], wrong["mentions"]) == (SENTENCE, "mass")
    assert (wrong["statuses"], wrong["rules"]) == ("present", "some-rule")
    assert rows["SECRET-4", "normal"]["sentences"] == SENTENCE  # what denied it
    assert rows["SECRET-2", "Effusion"]["sentences"] == ""
    page = (out / "errors.html").read_text()
    assert "&lt;b&gt;a&lt;/b&gt; <mark" in page
    assert "<b>a</b>" not in page
    unmatched = [(r["report_id"], r["only_in"]) for r in read_csv(out / "unmatched.csv")[1]]
    assert unmatched == [("SECRET-ours", "labels"), ("SECRET-gold", "gold")]


def test_run_json_says_what_was_measured(command: Command, mined: Path, gold: Path, tmp_path: Path):
    out = tmp_path / "scores"
    command(mined, "--gold", gold, "--out", out, "--seed", 7, "--bootstrap", 50)
    record = json.loads((out / "run.json").read_text())
    assert record["command"] == PROGRAM
    assert record["scheme"] == "openi"
    assert record["options"]["seed"] == 7
    assert set(record["inputs"]) == {"labels", "mentions", "gold"}
    assert len(record["inputs"]["gold"]["sha256"]) == 64
    assert record["counts"] == {
        "reports": 4,
        "cells": 60,
        "wrong_cells": 4,
        "labels_without_gold": 1,
        "gold_without_labels": 1,
        "failures": 0,
    }


def test_the_same_bytes_every_time(command: Command, mined: Path, gold: Path, tmp_path: Path):
    for name in ("a", "b"):
        command(mined, "--gold", gold, "--out", tmp_path / name)
    for name in sorted(p.name for p in (tmp_path / "a").iterdir()):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_scheme_chooses_the_file(command: Command, mined: Path, gold: Path, tmp_path: Path):
    out = tmp_path / "scores"
    status, screen, _ = command(mined, "--gold", gold, "--out", out, "--scheme", "chestxray14")
    assert status == 0
    assert "labels_chestxray14.csv" in screen
    assert metrics(out)["ours", "Mass"]["fn"] == "2"


def test_any_csv_without_evidence(command: Command, gold: Path, tmp_path: Path):
    ours = tmp_path / "other.csv"
    write_csv(ours, ["id", "Lung Mass", "Notes"], [["SECRET-1", -1, "x"], ["SECRET-2", 1, "y"]])
    out = tmp_path / "scores"
    status, screen, _ = command(
        ours, "--gold", gold, "--out", out, "--map", "Lung Mass=Mass", "--uncertain", "ignore"
    )
    assert status == 0
    assert "Lung Mass = Mass" in screen
    assert "Columns only in labels, not compared: Notes." in screen
    assert metrics(out)["ours", "Mass"]["ignored"] == "1"
    assert "no sentences are known" in (out / "errors.html").read_text()
    # a partial gold table must not be put beside full totals
    assert not [key for key in metrics(out) if key[1].startswith("8 findings")]


def test_uncertain_as_positive(command: Command, gold: Path, tmp_path: Path):
    ours = tmp_path / "other.csv"
    write_csv(ours, ["id", "Mass"], [["SECRET-1", -1], ["SECRET-3", -1]])
    command(ours, "--gold", gold, "--out", tmp_path / "p", "--uncertain", "positive")
    row = metrics(tmp_path / "p")["ours", "Mass"]
    assert (row["tp"], row["fp"]) == ("1", "1")
    command(ours, "--gold", gold, "--out", tmp_path / "n")
    row = metrics(tmp_path / "n")["ours", "Mass"]
    assert (row["tp"], row["fp"], row["fn"]) == ("0", "0", "1")


def openi_xml(folder: Path) -> Path:
    folder.mkdir()
    for report_id, positive in GOLD.items():
        heads = "".join(
            f"<major>{ {'Effusion': 'Pleural Effusion'}.get(c, c) }/x</major>" for c in positive
        )
        (folder / f"{report_id}.xml").write_text(
            f'<eCitation><uId id="{report_id}"/><AbstractText Label="FINDINGS">Made-up '
            f"SECRET-text of {report_id}.</AbstractText><MeSH>{heads}</MeSH></eCitation>"
        )
    return folder


def test_gold_from_xml(command: Command, mined: Path, gold: Path, tmp_path: Path):
    source = openi_xml(tmp_path / "xml")
    status, screen, _ = command(mined, "--gold-xml", source, "--out", tmp_path / "x")
    assert status == 0
    assert "the human codes of" in screen
    command(mined, "--gold", gold, "--out", tmp_path / "g")

    def numbers(out: Path) -> list[list[str]]:
        return [
            [r[k] for k in ("method", "row", "tp", "fp", "fn", "tn", "f1", "f1_low")]
            for r in metrics(out).values()
        ]

    assert numbers(tmp_path / "x") == numbers(tmp_path / "g")
    assert "SECRET-text of SECRET-2" in (tmp_path / "x" / "errors.html").read_text()
    record = json.loads((tmp_path / "x" / "run.json").read_text())
    assert record["inputs"]["gold_conventions"]["file"] == "openi_gold.yaml"


def test_broken_xml_is_a_failure_and_the_rest_is_scored(
    command: Command, mined: Path, tmp_path: Path
):
    source = openi_xml(tmp_path / "xml")
    (source / "SECRET-broken.xml").write_text("<eCitation>")
    out = tmp_path / "x"
    status, screen, _ = command(mined, "--gold-xml", source, "--out", out)
    assert status == 1
    assert "1 inputs failed and were left out: see failures.csv" in screen
    assert [r["item"] for r in read_csv(out / "failures.csv")[1]] == ["SECRET-broken.xml"]
    assert metrics(out)["ours", "Mass"]["tp"] == "2"


def test_reports_are_shown_where_asked_for(
    command: Command, mined: Path, gold: Path, tmp_path: Path
):
    reports = tmp_path / "reports.csv"
    write_csv(reports, ["report_id", "text"], [["SECRET-2", "FINDINGS: Fluid on SECRET-side."]])
    command(mined, "--gold", gold, "--out", tmp_path / "x", "--reports", reports)
    assert "Fluid on SECRET-side" in (tmp_path / "x" / "errors.html").read_text()


def test_two_label_files(command: Command, mined: Path, tmp_path: Path):
    other = tmp_path / "other.csv"
    write_csv(
        other,
        ["report_id", "Mass", "Extra"],
        [["SECRET-1", 1, 0], ["SECRET-2", 0, 0], ["SECRET-3", -1, 0], ["SECRET-4", 1, 0]],
    )
    out = tmp_path / "x"
    status, screen, _ = command(mined, "--against", other, "--scheme", "openi", "--out", out)
    assert status == 0
    rows = {r["column"]: r for r in read_csv(out / "agreement.csv")[1]}
    assert list(rows) == ["Mass"]
    mass = rows["Mass"]
    assert [mass[k] for k in ("both_positive", "first_only", "second_only", "neither")] == list(
        "2101"
    )
    # p_o = 3/4, p_e = (3·2 + 1·2)/16 = 1/2
    assert float(mass["kappa"]) == pytest.approx(0.5)
    # values 1,1,0,1 and 1,0,-1,1: p_o = 1/2, p_e = (3·2 + 1·1)/16
    assert float(mass["kappa_values"]) == pytest.approx((8 - 7) / (16 - 7), abs=1e-6)
    found = [tuple(r.values()) for r in read_csv(out / "disagreements.csv")[1]]
    assert found == [
        ("SECRET-3", "Mass", "value only", "0", "-1"),
        ("SECRET-2", "Mass", "positivity", "1", "0"),
    ]
    assert "Columns only in second, not compared: Extra." in screen
    assert "0.500 [" in screen
    assert json.loads((out / "run.json").read_text())["counts"]["disagreements"] == 2


def test_blanks_that_only_one_file_has_are_no_disagreement(command: Command, tmp_path: Path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    write_csv(one, ["id", "Mass", "Edema"], [["x", 1, None], ["y", None, 1]])
    write_csv(two, ["id", "Mass", "Edema"], [["y", 0, 1], ["x", 1, 0]])
    status, screen, _ = command(one, "--against", two, "--out", tmp_path / "o")
    assert status == 0
    assert "they are taken as 0" in screen
    assert read_csv(tmp_path / "o" / "disagreements.csv")[1] == []
    pooled = read_csv(tmp_path / "o" / "agreement.csv")[1][-1]
    assert (pooled["column"], pooled["kappa_values"]) == ("all 2 columns", "1.0")


# --- mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "none was given"),
        (["--gold", "GOLD", "--against", "GOLD"], "not --gold and --against together"),
        (["--gold", "none.csv"], "none.csv does not exist"),
        (["--gold", "RUN"], "is a folder; give the gold CSV"),
        (["--gold-xml", "none.tgz"], "does not exist"),
        (["--gold-xml", "GOLD"], "holds no coded Open-i report"),
        (["--gold-xml", "GOLD", "--vocab", "none"], "schemes/openi_gold.yaml"),
        (["--gold", "GOLD", "--vocab", "none"], "--vocab 'none' is no folder"),
        (["--against", "none", "--scheme", "openi"], "does not exist"),
        (["--against", "GOLD"], "several schemes"),
        (["--gold", "GOLD", "--scheme", "mine"], "no labels of the scheme 'mine'"),
        (["--gold", "GOLD", "--uncertain", "maybe"], "negative, positive, ignore"),
        (["--gold", "GOLD", "--bootstrap", "-1"], "--bootstrap"),
        (["--gold", "GOLD", "--bootstrap", "many"], "'--bootstrap'"),
        (["--gold", "GOLD", "--seed", "-1"], "--seed"),
        (["--gold", "GOLD", "--map", "Mass"], "OURS=GOLD"),
        (["--gold", "GOLD", "--map", "Nothing=Mass"], "has no column 'Nothing'"),
        (["--gold", "GOLD", "--reports", "none"], "does not exist"),
        (["--against", "GOLD", "--scheme", "openi", "--reports", "GOLD"], "--reports"),
    ],
)
def test_wrong_usage_is_one_sentence(
    command: Command, mined: Path, gold: Path, tmp_path: Path, options: list[str], said: str
):
    names = {"GOLD": str(gold), "RUN": str(mined)}
    out = tmp_path / "scores"
    status, screen, errors = command(mined, "--out", out, *(names.get(o, o) for o in options))
    assert (status, screen) == (2, "")
    assert said in errors
    assert errors.startswith(f"{PROGRAM}: ")
    assert errors.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("report_id,Mass\n", "no row"),
        ("report_id,Mass\nSECRET,1\nSECRET,1\n", "lines 2 and 3"),
        ("report_id,Mass\nSECRET-1,SECRET-value\n", "line 2, column 'Mass'"),
        ("report_id,Mass\nSECRET,1,2\n", "line 2: 3 cells"),
        ("report_id,Other\nSECRET-1,1\n", "share no label column"),
        ("report_id,Mass\nSECRET-0,1\n", "share no id"),
    ],
    ids=["empty", "no-row", "id-twice", "bad-cell", "ragged", "no-column", "no-id"],
)
def test_broken_label_files(command: Command, gold: Path, tmp_path: Path, content: str, said: str):
    path = tmp_path / "ours.csv"
    path.write_text(content)
    status, _, errors = command(path, "--gold", gold, "--out", tmp_path / "o")
    assert status == 2
    assert said in errors
    assert "ours.csv" in errors
    assert not (tmp_path / "o").exists()


def test_broken_mentions(command: Command, mined: Path, gold: Path, tmp_path: Path):
    (mined / "mentions.parquet").write_bytes(b"nothing")
    status, _, errors = command(mined, "--gold", gold, "--out", tmp_path / "o")
    assert status == 2
    assert "cannot be read as Parquet" in errors


def test_an_output_folder_in_use(command: Command, mined: Path, gold: Path, tmp_path: Path):
    out = tmp_path / "scores"
    out.mkdir()
    assert command(mined, "--gold", gold, "--out", out)[0] == 0  # an empty one will do
    status, _, errors = command(mined, "--gold", gold, "--out", out)
    assert status == 2
    assert "--force" in errors
    (out / "mine.txt").write_text("keep")
    other = labels(tmp_path / "other.csv", OURS)
    status, _, _ = command(mined, "--against", other, "--scheme", "openi", "--out", out, "--force")
    assert status == 0
    assert (out / "mine.txt").read_text() == "keep"
    assert not (out / "metrics.csv").exists()  # nothing of the earlier evaluation stays


def test_force_never_replaces_what_another_command_wrote(
    command: Command, mined: Path, gold: Path, tmp_path: Path
):
    before = (mined / "run.json").read_bytes()
    status, _, errors = command(mined, "--gold", gold, "--out", mined, "--force")
    assert status == 2
    assert "is an input as well" in errors
    copy = tmp_path / "copy"
    shutil.copytree(mined, copy)
    status, _, errors = command(mined, "--gold", gold, "--out", copy, "--force")
    assert status == 2
    assert "output of another command" in errors
    assert (copy / "run.json").read_bytes() == before
    place = tmp_path / "place"
    place.mkdir()
    moved = shutil.copy(gold, place / "metrics.csv")
    status, _, errors = command(mined, "--gold", moved, "--out", place, "--force")
    assert status == 2
    assert "holds the input metrics.csv" in errors
    status, _, errors = command(mined, "--gold", gold, "--out", gold)
    assert status == 2
    assert "is an input" in errors or "is a file" in errors


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from cxrmine.cli.main import build_app, run\n"
        "status = run(build_app('evaluate-labels'), 'evaluate-labels', ['--help'])\n"
        "heavy = {'numpy', 'pyarrow', 'jinja2', 'yaml', 'spacy', 'rich', 'pydantic'}\n"
        "sys.exit(f'{status} {sorted(heavy & set(sys.modules))}' if status or heavy & set(sys.modules) else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "evaluate-labels run --gold" in done.stdout
    assert "--against" in done.stdout


def test_evaluation_imports_and_runs_without_the_labeler(mined: Path, gold: Path, tmp_path: Path):
    code = (
        "import sys, io\n"
        "for name in ('spacy', 'thinc', 'pydicom', 'rapidfuzz', 'pydantic', 'defusedxml', 'torch'):\n"
        "    sys.modules[name] = None\n"  # importing it raises
        "import pkgutil, importlib, cxrmine.evaluation\n"
        "for module in pkgutil.iter_modules(cxrmine.evaluation.__path__):\n"
        "    importlib.import_module('cxrmine.evaluation.' + module.name)\n"
        "from pathlib import Path\n"
        "from cxrmine.evaluation.evaluate_labels import Options, evaluate_labels\n"
        "labels, gold, out = map(Path, sys.argv[1:])\n"
        "sys.exit(evaluate_labels(Options(labels=labels, gold=gold, out=out), io.StringIO()))\n"
    )
    out = tmp_path / "scores"
    done = subprocess.run(
        [sys.executable, "-c", code, str(mined), str(gold), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (out / "errors.csv").read_text().count("some-rule") == 2


def test_a_terminal_gets_a_drawn_table(mined: Path, gold: Path, tmp_path: Path):
    import io

    from cxrmine.evaluation.evaluate_labels import Options, evaluate_labels

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    options = Options(labels=mined, gold=gold, out=tmp_path / "scores")
    assert evaluate_labels(options, screen) == 0
    assert "┃" in screen.getvalue()
    assert "80.0" in screen.getvalue()
