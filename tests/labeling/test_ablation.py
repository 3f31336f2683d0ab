"""``scripts/ablation.py``: its counts on reports made for the purpose, and its manners."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from cxrmine.reports.report import Report

if TYPE_CHECKING:
    from cxrmine import Labeler

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "ablation.py"
COLUMNS = ("Effusion", "Mass", "Nodule")


@pytest.fixture(scope="module")
def ablation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ablation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def gold(labeler: Labeler, **positive: tuple[str, ...]) -> dict[str, dict[str, int]]:
    columns = labeler.columns("openi")
    return {i: {c: int(c in found) for c in columns} for i, found in positive.items()}


REPORTS = [
    Report("one", "No pleural effusion. There is a nodule.", None),
    Report("two", "No pleural effusion. A mass is seen.", None),
    Report("three", "No pleural effusion at the right base. Left pleural effusion.", None),
]


def test_rule_scores(ablation: ModuleType, labeler: Labeler) -> None:
    truth = gold(labeler, one=("Nodule",), two=("Effusion",), three=("Effusion",))
    scores = ablation.rule_scores(labeler, labeler.label_many(REPORTS), truth)
    # Report three mentions the effusion twice: fired, but not checked.
    assert scores["no"] == (3, 1, 1)
    assert scores[""].fired >= 3
    assert (scores[""].right, scores[""].wrong) == (1, 1)
    assert set(scores) == {"", *labeler.rules.by_id}
    assert scores["rule-out"] == (0, 0, 0)


def test_micro_f1(ablation: ModuleType, labeler: Labeler) -> None:
    reports = labeler.label_many(REPORTS)  # ours: Nodule; Mass; Effusion
    truth = gold(labeler, one=("Nodule",), two=("Effusion",), three=("Effusion",))
    assert ablation.micro_f1(reports, truth, COLUMNS) == pytest.approx(2 * 2 / (3 + 3))
    assert ablation.micro_f1(reports, truth, ("Mass",)) == 0
    assert ablation.micro_f1(reports, truth, ("Nodule",)) == 1


def test_layers_are_counted_once_a_mention(ablation: ModuleType) -> None:
    from cxrmine import Labeler

    labeler = Labeler.load()
    reports, layers = ablation.label_and_count(labeler, [*REPORTS, *REPORTS])
    assert layers.total() == sum(len(r.mentions) for r in reports)
    assert layers["surface"] == 6  # "no", in each report twice over


def test_without_the_data_it_says_so(
    ablation: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ablation.main(["--rules-table", "--data", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"left out: the dev half of Open-i is not in {tmp_path / 'openi'}")


def test_a_wrong_folder_is_one_sentence(
    ablation: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ablation.main(["--rules", str(tmp_path), "--data", str(tmp_path)]) == 2
    assert "No rule files (*.yaml)" in capsys.readouterr().err


def test_the_rules_table_on_the_dev_half(
    ablation: ModuleType, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ablation.main(["--rules-table", "--data", str(data_dir)]) == 0
    out = capsys.readouterr().out
    assert "fired: mentions in the scored reports whose status the rule decided." in out
    (line,) = (line for line in out.splitlines() if line.startswith("negation.yaml       no  "))
    fired, right, wrong = map(int, line.split()[3:6])
    assert fired > right > 1000
    assert wrong < 0.02 * right
