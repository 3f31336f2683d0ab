"""``scripts/compare_clauses_with_labels.py``: its counts by hand, and the whole on made reports."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from cxrmine.labeling.schemes import load_scheme
from cxrmine.labeling.vocabulary import FILE_NAME, load_vocabulary
from cxrmine.resources import data_dir

if TYPE_CHECKING:
    from cxrmine import Labeler

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "compare_clauses_with_labels.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compare_clauses_with_labels", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def vocabulary() -> Any:
    return load_vocabulary(data_dir("vocab") / FILE_NAME)


def clause(script: ModuleType, labeler: Labeler, text: str, group: str, report: str = "r") -> Any:
    return script.Clause(report, text, group, group, labeler.label(text).mentions)


@pytest.mark.parametrize(
    ("text", "says", "openi", "chexpert"),
    [
        ("Small left effusion.", ("Effusion", "present"), "Effusion", "Pleural Effusion"),
        ("No pleural effusion.", ("Effusion", "absent"), "drop", "drop"),
        ("Likely pneumonia.", ("Pneumonia", "probable"), "Pneumonia", "other Pneumonia"),
        ("Possible pneumonia.", ("Pneumonia", "possible"), *["possible Pneumonia"] * 2),
        ("The lungs are clear.", ("normal", ""), "normal", "No Finding"),
        ("No acute cardiopulmonary abnormality.", ("normal", ""), "normal", "No Finding"),
        ("Cardiomegaly without edema.", ("Cardiomegaly", "present"), *["Cardiomegaly"] * 2),
        # The weightiest counts, wherever it stands; of the scheme's findings before others.
        ("No edema but a large mass.", ("Mass", "present"), "Mass", "Lung Lesion"),
        ("Scoliosis and cardiomegaly.", ("Scoliosis", "present"), *["Cardiomegaly"] * 2),
        ("Scoliosis of the thoracic spine.", ("Scoliosis", "present"), *["other Scoliosis"] * 2),
        ("Please call with questions.", ("nothing found", ""), "", ""),
    ],
)
def test_what_a_clause_says_and_would_be_called(
    script: ModuleType,
    vocabulary: Any,
    labeler: Labeler,
    text: str,
    says: tuple[str, str],
    openi: str,
    chexpert: str,
) -> None:
    mentions = labeler.label(text).mentions
    assert script.statement_of(mentions, vocabulary) == says
    for name, label in (("openi", openi), ("chexpert", chexpert)):
        scheme = load_scheme(name, data_dir("vocab"), vocabulary)
        assert script.label_of(mentions, vocabulary, scheme) == label


def test_purity_and_rand_by_hand(script: ModuleType) -> None:
    groups, kinds = list("aabbbc"), list("xxyyzz")
    assert script.purity(groups, kinds) == pytest.approx(5 / 6)
    # 15 pairs: 4 together in the one, 3 in the other, 2 in both.
    assert script.adjusted_rand(groups, kinds) == pytest.approx((2 - 12 / 15) / (3.5 - 12 / 15))
    assert script.adjusted_rand(groups, groups) == 1


def test_mixed_signs(script: ModuleType, labeler: Labeler) -> None:
    texts = {
        "one": ["Pleural effusion.", "Pleural effusion.", "No pleural effusion."],
        "two": ["No pneumothorax.", "No pneumothorax.", "Cardiomegaly."],  # not the same finding
        "three": ["Possible edema.", "No edema."],  # a hedge asserts nothing
    }
    clauses = [clause(script, labeler, t, group) for group, ts in texts.items() for t in ts]
    assert script.mixed_signs(clauses, lambda c: c.cluster) == (1, 3, 1)
    assert script.mixed_signs(clauses, lambda c: "all") == (1, 3, 1)


def test_differences(script: ModuleType) -> None:
    said = script.Statement
    most = [said("Edema", "absent")] * 3 + [said("Mass", "present")] * 3
    groups = ["a"] * 3 + ["b"] * 3
    other = {
        ("a", said("Edema", "probable")): 0,
        ("b", said("Mass", "absent")): 1,
        ("b", said("Mass", "possible")): 2,
        ("a", said("Edema", "historical")): 2,
        ("b", said("Nodule", "probable")): 3,
        ("a", said("Mass", "present")): 4,
        ("b", script.NORMAL): 5,
        ("a", script.NOTHING): 6,
    }
    for (group, kind), which in other.items():
        assert script.differences([*groups, group], [*most, kind]) == {which: 1}
    assert not script.differences(groups, most)


def test_halves(script: ModuleType) -> None:
    ids = [f"CXR{n}" for n in range(2000)]
    naming = [script.names_reports(i) for i in ids]
    assert 900 < sum(naming) < 1100
    assert [script.names_reports(i) for i in ids] == naming


def test_terms_are_named_by_most_of_their_clauses(script: ModuleType, tmp_path: Path) -> None:
    votes = {"1": ["b", "b", "a"], "2": ["b", "a"], "": ["a"], "12": ["", "", 'a "b"']}
    clauses = [script.Clause("r", v, t, t, ()) for t, vs in votes.items() for v in vs]
    names = script.name_terms(clauses, lambda c: c.text)
    assert names == {"1": "b", "2": "a", "12": ""}
    source, target = tmp_path / "terms.yaml", tmp_path / "named.yaml"
    head = '#   label: ""\n'
    source.write_text(head + "".join(f'- term: {n}\n  label: ""\n' for n in (1, 2, 12)))
    assert script.write_names(source, target, {"1": 'a "b"', "12": "c"}, None) == 2
    assert target.read_text() == head + (
        '- term: 1\n  label: "a \\"b\\""\n- term: 2\n  label: ""\n- term: 12\n  label: "c"\n'
    )
    assert script.write_names(source, target, {"1": "b", "2": "a", "12": "c"}, 2) == 2


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_scoring_half_of_labels(script: ModuleType, vocabulary: Any, tmp_path: Path) -> None:
    scheme = load_scheme("chexpert", data_dir("vocab"), vocabulary)
    source, half, strict = (tmp_path / name for name in ("labels.csv", "half.csv", "strict.csv"))
    ids = [f"r{n}" for n in range(40)]
    scored = [i for i in ids if not script.names_reports(i)]
    lines = ["report_id,Pneumonia,No Finding,other Scoliosis", *(f"{i},0,1,0" for i in ids)]
    lines[1 + ids.index(scored[0])] = f"{scored[0]},1,0,0"
    lines[1 + ids.index(scored[1])] = f"{scored[1]},0,1,1"
    source.write_text("\n".join(lines) + "\n")
    assert script.half_table(source, half, scheme) == len(scored)
    rows = rows_of(half)
    assert list(rows[0]) == ["report_id", *scheme.columns]
    assert [row["report_id"] for row in rows] == scored
    positive = [{name for name, value in row.items() if value == "1"} for row in rows]
    # Pneumonia's parents come with it; columns of no scheme do not.
    assert positive[0] == {"Pneumonia", "Consolidation", "Lung Opacity"}
    assert positive[1:] == [{"No Finding"}] * (len(scored) - 1)
    script.only_normal(source, half, strict, "No Finding")
    assert [row["No Finding"] for row in rows_of(strict)] == ["0", "0", *["1"] * (len(scored) - 2)]


# Wordings that lie far apart, so that the clusters are what is meant.
CLAUSES = {
    "normal": "no acute cardiopulmonary abnormality",
    "Cardiomegaly": "moderate cardiomegaly is seen",
    "Effusion": "there are small bilateral pleural effusions",
    "Pneumothorax": "large right apical pneumothorax",
    "": "zebra follow up as wanted",
}
FINDINGS = (
    "Atelectasis Cardiomegaly Effusion Infiltration Mass Nodule Pneumonia Pneumothorax "
    "Consolidation Edema Emphysema Fibrosis Pleural_Thickening Hernia normal"
).split()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    reports, gold = [], []
    for number in range(60):
        one = list(CLAUSES)[number % 5]
        found = {"normal"} if one == "normal" else {one, list(CLAUSES)[1 + number % 3]}
        text = ". ".join(CLAUSES[name] for name in sorted(found))
        # What the section leaves out, only the whole report has.
        reports.append((f"r{number}", f"FINDINGS: A nodule.\nIMPRESSION: {text}."))
        marked = (found - {"normal"}) | {"Nodule"}
        gold.append((f"r{number}", *(int(name in marked) for name in FINDINGS)))
    for name, header, rows in (
        ("reports.csv", ("report_id", "text"), reports),
        ("gold.csv", ("filename", *FINDINGS), gold),
    ):
        with (folder / name).open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows([header, *rows])
    return folder


def line_of(out: str, title: str, row: str) -> list[str]:
    """The cells of the first line that begins with `row` below the table `title`."""
    below = out[out.index(title) :].splitlines()
    line = next(line for line in below if line.startswith(row + "  "))
    return line[len(row) :].split()


def test_the_whole_on_made_reports(
    script: ModuleType, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--reports", str(made / "reports.csv"), "--gold", str(made / "gold.csv")]
    assert script.main([*given, "--bootstrap", "0", "--keep", str(tmp_path / "kept")]) == 0
    out = capsys.readouterr().out
    assert "Measured on reports.csv: 60 reports, of which 60 have clauses" in out
    assert all(word not in out.casefold() for word in ("zebra", "bilateral", "apical"))
    assert line_of(out, "Clusters and terms against", "term")[1:] == ["1.000"] * 4
    assert line_of(out, "The danger of", "cluster")[0] == "0"
    n = sum(not script.names_reports(f"r{number}") for number in range(60))
    assert f"other half, {n} reports (0 without clauses)." in " ".join(out.split())

    # Named right, the terms label what mine-labels does in the section: no nodule, so that the
    # whole report differs, and the gold with it.
    against = "against mine-labels as if it were the gold"
    assert line_of(out, against, "Cardiomegaly")[1:] == ["100.0", "1.000", "100.0", "1.000"]
    assert line_of(out, against, "Nodule")[0] == "0"
    assert line_of(out, against, "normal")[1] == "100.0"
    assert line_of(out, against, "normal")[3] == "0.0"
    gold = "F1 against the gold gold.csv"
    assert line_of(out, gold, "mine-labels, whole report")[0] == "100.0"
    named = "clusters of all reports, all 5 terms named"
    assert line_of(out, gold, named)[0] == line_of(out, gold, "mine-labels, same section")[0]
    assert 50 < float(line_of(out, gold, named)[0]) < 100
    assert line_of(out, "precision / recall / F1 by finding", "Effusion")[1:6:2] == ["100.0"] * 3

    # Finished runs are taken as they are.
    kept = tmp_path / "kept"
    given += ["--clusters", str(kept / "clusters"), "--labels", str(kept / "mine-labels")]
    assert script.main([*given, "--bootstrap", "0"]) == 0
    assert capsys.readouterr().out == out

    # … but not of other reports.
    given[1] = str(kept / "new.csv")
    assert script.main(given) == 2
    said = capsys.readouterr()
    assert "do not lie in these reports" in said.err
    assert not said.out


def test_without_the_data_it_says_so(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"left out: there are no reports at {tmp_path}")


def test_a_folder_that_is_no_run_is_one_sentence(
    script: ModuleType, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--reports", str(made / "reports.csv"), "--clusters", str(tmp_path)]
    assert script.main(given) == 2
    assert "holds no finished clustering" in capsys.readouterr().err
