"""`evaluate-classifier` as a user runs it: outputs, exit codes, and one sentence a mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer

from cxrmine.cli.evaluate_classifier import command as entry
from cxrmine.cli.main import run
from cxrmine.evaluation.auc import auc
from cxrmine.evaluation.classifier_report import METRIC_COLUMNS
from cxrmine.evaluation.evaluate_classifier import OUTPUTS, WRITES
from cxrmine.evaluation.rank_correlation import spearman
from cxrmine.runs.folder import OutputFolder
from cxrmine.tables import read_csv

PROGRAM = "evaluate-classifier"
FINDINGS = ("Edema", "Pleural Effusion", "Atelectasis")

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: object) -> tuple[int, str, str]:
        app = typer.Typer(
            add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
        )
        app.command(PROGRAM)(entry)
        status = run(app, PROGRAM, [str(a) for a in arguments])
        captured = capsys.readouterr()
        for text in (captured.out, captured.err):
            assert "Traceback" not in text
            assert "SECRET" not in text  # ids stay in the files
        return status, captured.out, captured.err

    return call


class Files:
    """A gold, two models and two readers of 120 studies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        generator = np.random.default_rng(0)
        self.ids = [f"SECRET-{k:03d}" for k in range(120)]
        self.truth = (generator.random((120, 3)) < [0.3, 0.4, 0.2]).astype(int)
        noise = generator.normal(size=(120, 3))
        self.scores = 1 / (1 + np.exp(-(noise + 2 * self.truth - 1)))
        self.other_scores = self.scores + 0.4 * generator.normal(size=(120, 3))  # not in [0, 1]
        self.gold = self.write("gold.csv", FINDINGS, self.truth)
        order = generator.permutation(120)
        self.ours = self.write(
            "ours_predictions.csv", [f"prob_{f}" for f in FINDINGS], self.scores, order
        )
        self.other = self.write("other.csv", FINDINGS[::-1], self.other_scores[:, ::-1])
        self.readers = [
            self.write(
                f"reader{k}.csv", FINDINGS, self.truth ^ (generator.random((120, 3)) < wrong)
            )
            for k, wrong in ((1, 0.4), (2, 0.01))
        ]

    def write(self, name, columns, values, order=None, ids=None) -> Path:
        rows = range(len(values)) if order is None else order
        names = self.ids if ids is None else ids
        lines = [",".join([names[r], *(str(v) for v in values[r])]) for r in rows]
        path = self.folder / name
        path.write_text("\n".join([",".join(["Study", *columns]), *lines]) + "\n")
        return path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def table(path: Path) -> list[dict[str, str]]:
    return read_csv(path)[1]


def test_one_model(command: Command, files: Files, tmp_path: Path):
    out = tmp_path / "scores"
    status, screen, errors = command(files.ours, files.gold, "--out", out)
    assert (status, errors) == (0, "")
    alone = {"models.csv", "comparison.csv", "rank_correlation.csv", "readers.csv"}
    assert {p.name for p in out.iterdir()} == set(OUTPUTS) - alone
    header, rows = read_csv(out / "metrics.csv")
    assert tuple(header) == METRIC_COLUMNS
    assert header[:7] == ["finding", "n", "positives", "auc", "auc_low", "auc_high", "ap"]
    assert [r["finding"] for r in rows] == [*FINDINGS, "mean"]
    for k, row in enumerate(rows[:3]):
        area = auc(files.scores[:, k], files.truth[:, k])
        assert float(row["auc"]) == pytest.approx(area, abs=1e-8)
        assert (row["n"], row["positives"]) == ("120", str(files.truth[:, k].sum()))
        assert float(row["auc_low"]) < area < float(row["auc_high"])
        assert row["interval"] == "DeLong"
        assert "120 images" in row["measured_on"]
        called = files.scores[:, k] >= float(row["threshold"])
        positive = files.truth[:, k] == 1
        assert float(row["sensitivity"]) == pytest.approx(called[positive].mean(), abs=1e-8)
        assert float(row["specificity"]) == pytest.approx((~called)[~positive].mean(), abs=1e-8)
        assert float(row["brier"]) == pytest.approx(
            np.mean((files.scores[:, k] - files.truth[:, k]) ** 2), abs=1e-8
        )
    mean = np.mean([float(r["auc"]) for r in rows[:3]])
    assert float(rows[3]["auc"]) == pytest.approx(mean, abs=1e-7)
    assert rows[3]["note"] == "mean of 3 findings"
    assert table(out / "unmatched.csv") == table(out / "failures.csv") == []
    bins = [r for r in table(out / "calibration.csv") if r["finding"] == "Edema"]
    assert sum(int(r["n"]) for r in bins) == 120
    corners = [r for r in table(out / "roc.csv") if r["finding"] == "Edema"]
    assert corners[0]["threshold"] == "inf"
    assert (corners[-1]["fpr"], corners[-1]["tpr"]) == ("1.0", "1.0")
    record = json.loads((out / "run.json").read_text())
    assert record["command"] == PROGRAM
    assert record["counts"]["images"] == 120
    assert record["inputs"]["predictions"]["file"] == files.ours.name
    assert sorted(record["outputs"]) == sorted(p.name for p in out.iterdir())
    assert "Pham et al. 2019" in screen
    assert "metrics.csv" in screen
    page = (out / "report.html").read_text()
    assert page.count("<svg") >= 6  # a curve and a reliability diagram a finding
    assert "Evaluation of ours" in page
    assert "Measured on 120 images" in page
    assert "SECRET" not in page
    printed = {(r["method"], r["finding"]): r for r in table(out / "published.csv")}
    assert printed["Ensemble of six", "Edema"]["auc"] == "0.958"
    assert float(printed["Ensemble of six", "Edema"]["ours"]) == float(rows[0]["auc"])


def test_other_models_and_readers(command: Command, files: Files, tmp_path: Path):
    out = tmp_path / "scores"
    readers = [a for path in files.readers for a in ("--readers", path)]
    status, screen, _ = command(
        files.ours, files.gold, "--compare", files.other, *readers, "--out", out
    )
    assert status == 0
    assert {p.name for p in out.iterdir()} == set(OUTPUTS)
    compared = {r["finding"]: r for r in table(out / "comparison.csv")}
    assert list(compared) == [*FINDINGS, "mean"]
    for k, finding in enumerate(FINDINGS):
        row = compared[finding]
        theirs = auc(files.other_scores[:, k], files.truth[:, k])
        assert float(row["model_auc"]) == pytest.approx(theirs, abs=1e-8)
        assert float(row["difference"]) == pytest.approx(
            float(row["auc"]) - float(row["model_auc"]), abs=2e-8
        )
        assert float(row["difference_low"]) < float(row["difference"])
        assert 0 <= float(row["p"]) <= 1
    assert compared["mean"]["interval"].endswith("mean of 3 findings")
    rho = {r["finding"]: float(r["spearman"]) for r in table(out / "rank_correlation.csv")}
    for k, finding in enumerate(FINDINGS):
        expected = spearman(files.scores[:, k], files.other_scores[:, k]).value
        assert rho[finding] == pytest.approx(expected, abs=1e-8)
    assert rho["mean"] == pytest.approx(np.mean([rho[f] for f in FINDINGS]), abs=1e-7)
    models = table(out / "models.csv")
    assert [r["model"] for r in models] == ["ours"] * 4 + ["other"] * 4
    assert {r["brier"] for r in models if r["model"] == "other"} == {""}  # not in [0, 1]
    points = table(out / "readers.csv")
    assert len(points) == 2 * 2 * 3
    for reader, where in (("reader1", "below"), ("reader2", "above")):
        placed = [r for r in points if r["model"] == "ours" and r["reader"] == reader]
        assert [r["position"] for r in placed] == [where] * 3
    assert [(r["readers"], r["readers_below"]) for r in table(out / "metrics.csv")[:3]] == [
        ("2", "1")
    ] * 3
    assert "1/2" in screen
    assert "1 of 2 readers lie below the curve of ours" in (out / "report.html").read_text()
    assert any("outside [0, 1]" in r["message"] for r in table(out / "warnings.csv"))


def test_ids_of_one_side_are_listed(command: Command, files: Files, tmp_path: Path):
    less = files.write("less.csv", FINDINGS, files.scores, range(20, 120))
    names = [*files.ids[:100], *(f"SECRET-x{k}" for k in range(20))]
    gold = files.write("more.csv", FINDINGS, files.truth, ids=names)
    out = tmp_path / "scores"
    status, screen, _ = command(less, gold, "--out", out)
    assert status == 0
    rows = table(out / "unmatched.csv")
    assert [r["only_in"] for r in rows] == ["predictions"] * 20 + ["gold"] * 40
    assert rows[0]["id"] == "SECRET-100"
    assert rows[-1]["id"] == "SECRET-x19"
    assert table(out / "metrics.csv")[0]["n"] == "80"
    assert "20 ids only in the predictions, 40 only in the gold" in screen


def test_comparison_is_on_the_images_and_findings_of_both(
    command: Command, files: Files, tmp_path: Path
):
    half = files.write("half.csv", FINDINGS[:2], files.other_scores[:, :2], range(60))
    out = tmp_path / "scores"
    assert command(files.ours, files.gold, "--compare", half, "--out", out)[0] == 0
    rows = table(out / "comparison.csv")
    assert [(r["finding"], r["n"]) for r in rows] == [
        ("Edema", "60"),
        ("Pleural Effusion", "60"),
        ("mean", "60"),
    ]
    assert float(rows[0]["auc"]) == pytest.approx(
        auc(files.scores[:60, 0], files.truth[:60, 0]), abs=1e-8
    )
    assert table(out / "metrics.csv")[0]["n"] == "120"


def test_models_that_share_nothing_are_said_to_be_not_compared(
    command: Command, files: Files, tmp_path: Path
):
    half = files.write("half.csv", FINDINGS, files.scores[:60], range(60))
    rest = files.write("rest.csv", FINDINGS, files.scores, range(60, 120))
    narrow = files.write("narrow.csv", FINDINGS[:1], files.scores[:, :1], range(60))
    wide = files.write("wide.csv", FINDINGS[1:], files.scores[:, 1:], range(60))
    for ours, other in ((half, rest), (narrow, wide)):
        out = tmp_path / f"scores_{ours.stem}"
        status, screen, _ = command(ours, files.gold, "--compare", other, "--out", out)
        assert (status, table(out / "comparison.csv")) == (0, [])
        assert (other.stem, True) in [
            (r["item"], r["message"].endswith("not compared.")) for r in table(out / "warnings.csv")
        ]
        assert "oddities: see warnings.csv" in screen


def test_a_readers_other_images_are_counted_and_listed(
    command: Command, files: Files, tmp_path: Path
):
    names = [*files.ids[:100], *(f"SECRET-x{k}" for k in range(20))]
    reader = files.write("radiologist.csv", FINDINGS, files.truth, ids=names)
    out = tmp_path / "scores"
    assert command(files.ours, files.gold, "--readers", reader, "--out", out)[0] == 0
    said = {r["item"]: r["message"] for r in table(out / "warnings.csv")}
    assert said == {"radiologist": "20 of this reader's 120 ids are not scored (unmatched.csv)."}
    alone = {r["id"] for r in table(out / "unmatched.csv") if r["only_in"] == "reader"}
    assert alone == set(names[100:])


def test_a_pipe_is_refused_and_not_taken_for_an_empty_file(
    command: Command, files: Files, tmp_path: Path
):
    os.mkfifo(tmp_path / "pipe")
    for arguments in ((tmp_path / "pipe", files.gold), (files.ours, tmp_path / "pipe")):
        status, _, errors = command(*arguments, "--out", tmp_path / "out")
        assert (status, "is a pipe" in errors) == (2, True)
    assert not (tmp_path / "out").exists()


def test_runs_are_alike_to_the_byte_and_resume_finishes(
    command: Command, files: Files, tmp_path: Path
):
    arguments = (files.ours, files.gold, "--compare", files.other)
    first, second = tmp_path / "first", tmp_path / "second"
    assert command(*arguments, "--out", first)[0] == 0
    # A run that was killed as it wrote: the plan is there, some outputs are not.
    killed = OutputFolder(second, WRITES)
    assert command(*arguments, "--out", second)[0] == 0
    record = json.loads((second / "run.json").read_text())
    killed.begin({k: record[k] for k in ("command", "versions", "settings", "inputs")})
    (second / "run.json").unlink()
    (second / "roc.png").unlink()
    status, _, errors = command(*arguments, "--out", second)
    assert (status, "--resume" in errors) == (2, True)
    status, _, errors = command(*arguments, "--out", second, "--resume", "--seed", 5)
    assert (status, "seed" in errors) == (2, True)
    assert command(*arguments, "--out", second, "--resume")[0] == 0
    assert {p.name for p in first.iterdir()} == {p.name for p in second.iterdir()}
    for path in first.iterdir():
        if path.name != "timing.json":
            assert path.read_bytes() == (second / path.name).read_bytes(), path.name
    stamp = (second / "metrics.csv").stat().st_mtime_ns
    status, screen, _ = command(*arguments, "--out", second, "--resume")
    assert (status, "already finished" in screen) == (0, True)
    assert (second / "metrics.csv").stat().st_mtime_ns == stamp


def test_force_replaces_only_evaluations(command: Command, files: Files, tmp_path: Path):
    out = tmp_path / "scores"
    assert command(files.ours, files.gold, "--compare", files.other, "--out", out)[0] == 0
    (out / "notes.txt").write_text("mine")
    status, _, errors = command(files.ours, files.gold, "--out", out)
    assert (status, "--force" in errors) == (2, True)
    assert command(files.ours, files.gold, "--out", out, "--force")[0] == 0
    assert not (out / "models.csv").exists()  # of the run before
    assert (out / "notes.txt").read_text() == "mine"
    (out / "run.json").write_text('{"command": "mine-labels"}')
    status, _, errors = command(files.ours, files.gold, "--out", out, "--force")
    assert (status, "another command" in errors) == (2, True)


def test_a_mistake_leaves_everything_as_it_was(command: Command, files: Files, tmp_path: Path):
    broken = files.write("broken.csv", FINDINGS, np.full((120, 3), np.nan))
    out = tmp_path / "scores"
    status, _, errors = command(broken, files.gold, "--out", out)
    assert status == 2
    assert "no finite number" in errors
    assert not out.exists()
    assert command(files.ours, files.gold, "--out", out)[0] == 0
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    assert command(broken, files.gold, "--out", out, "--force")[0] == 2
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--interval", "wald"), "--interval 'wald' is unknown; use auto, delong, bootstrap"),
        (("--bootstrap", "-1"), "--bootstrap"),
        (("--interval", "bootstrap", "--bootstrap", "0"), "needs draws"),
        (("--seed", "-1"), "--seed"),
        (("--map", "Edema"), "OURS=GOLD"),
        (("--map", "Rib=Edema"), "no column 'Rib'"),
        (("--map", "Edema=Edema", "--map", "edema=Atelectasis"), "'edema' twice"),
        (("--resume", "--force"), "exclude each other"),
        (("--compare", "{ours}"), "the predictions themselves"),
        (("--compare", "{other}", "--compare", "{other}"), "twice"),
        (("--compare", "{gone}"), "does not exist"),
        (("--readers", "{other}"), "is not a label"),
        (("--readers", "{gone}"), "does not exist"),
    ],
)
def test_one_sentence_for_a_mistake(
    command: Command, files: Files, tmp_path: Path, arguments, said
):
    names = {"ours": files.ours, "other": files.other, "gone": tmp_path / "gone.csv"}
    given = [a.format(**names) for a in arguments]
    status, _, errors = command(files.ours, files.gold, "--out", tmp_path / "out", *given)
    assert status == 2
    assert said in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_inputs_are_never_replaced(command: Command, files: Files, tmp_path: Path):
    inside = files.ours.rename(tmp_path / "metrics.csv")
    status, _, errors = command(inside, files.gold, "--out", tmp_path, "--force")
    assert (status, "would be replaced" in errors) == (2, True)
    status, _, errors = command(files.other, files.gold, "--out", files.gold)
    assert (status, "--out" in errors) == (2, True)
    assert files.gold.read_text().startswith("Study")


def test_models_of_one_name_are_told_apart(command: Command, files: Files, tmp_path: Path):
    (tmp_path / "b").mkdir()
    twin = tmp_path / "b" / "ours_predictions.csv"
    twin.write_bytes(files.other.read_bytes())
    out = tmp_path / "scores"
    assert command(files.ours, files.gold, "--compare", twin, "--out", out)[0] == 0
    names = {r["model"] for r in table(out / "models.csv")}
    assert names == {f"{tmp_path.name}/ours", "b/ours"}
    same = tmp_path / "b" / "reader1.csv"
    same.write_bytes(files.readers[0].read_bytes())
    status, _, errors = command(
        files.ours, files.gold, "--readers", files.readers[0], "--readers", same,
        "--out", tmp_path / "again",
    )  # fmt: skip
    assert (status, "different names" in errors) == (2, True)


def test_the_example_of_the_help_works(tmp_path: Path):
    lines = [line.strip() for line in (entry.__doc__ or "").split("\b")[1].splitlines()]
    script = "\n".join(line for line in lines if line)
    program = (
        "import sys, typer; from cxrmine.cli.evaluate_classifier import command; typer.run(command)"
    )
    stand_in = tmp_path / PROGRAM
    stand_in.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{program}' \"$@\"\n")
    stand_in.chmod(0o755)
    done = subprocess.run(
        ["sh", "-e", "-c", f'PATH="{tmp_path}:$PATH"\n{script}'],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert table(tmp_path / "scores" / "metrics.csv")[0]["auc"].startswith("0.833")


def test_it_runs_without_what_a_training_machine_lacks(files: Files, tmp_path: Path):
    blocked = ("spacy", "pydicom", "rapidfuzz", "pydantic", "defusedxml", "cv2", "torch", "sklearn",
               "scipy", "pandas")  # fmt: skip
    script = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from pathlib import Path
from cxrmine.evaluation.evaluate_classifier import Options, evaluate_classifier
evaluate_classifier(Options(*map(Path, sys.argv[1:])))
"""
    out = tmp_path / "scores"
    subprocess.run(
        [sys.executable, "-c", script, files.ours, files.gold, out], check=True, capture_output=True
    )
    assert (out / "metrics.csv").is_file()


@pytest.mark.browser
def test_the_page_shows_without_a_network(
    command: Command, files: Files, tmp_path: Path, chromium: str
):
    out = tmp_path / "scores"
    readers = [a for path in files.readers for a in ("--readers", path)]
    assert command(files.ours, files.gold, *readers, "--bootstrap", 0, "--out", out)[0] == 0
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
         "--v=0", f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000",
         "--dump-dom", (out / "report.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    for said in ("Content Security Policy", "Uncaught"):
        assert said not in done.stderr
    for said in ("ROC curves", "Calibration", *FINDINGS, "reader1"):
        assert said in done.stdout
