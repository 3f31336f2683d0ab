"""``terms.yaml``: what is written is read back, and every mistake of a reader has its sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.clauses.distance import METRICS
from cxrmine.clauses.model import Cluster, DistinctClause, Grouping, Term
from cxrmine.clauses.tables import shown_distance
from cxrmine.clauses.terms_file import (
    EXAMPLES,
    Medoid,
    TermsSettings,
    quoted,
    read_terms,
    write_terms,
)
from cxrmine.clauses.terms_schema import SettingsEntry
from cxrmine.errors import UserError

NASTY = (
    "=1+1",
    "-- dash",
    "---",
    "...",
    "no",
    "null",
    "~",
    "true",
    "1e3",
    "0x1f",
    "12:30",
    "2020-01-01",
    "key: value",
    "a #comment",
    "'single' \"double\" \\back",
    "{braces} [brackets], & * ! | > % @ `",
    "双肺纹理增多",
    "肺🫁 👩‍⚕️ 增大",
    "tab\tnewline\nreturn\r",
    "separators \u2028\u2029\x85 end",
    "bidi \u202e override \u2066",
    "controls \x00\x07\x1b\x7f\x9f",
    "\ufeffbom \ufffe \uffff",
    " leading and trailing ",
    "\u00a0nbsp",
    "\U0001f600\U0010ffff",
)


def grouping_of(texts: list[str]) -> Grouping:
    """Return a grouping of one cluster a text, each two of them a term, each with an example."""
    clusters = []
    clauses = []
    for number, text in enumerate(texts, 1):
        count = 10 * (len(texts) - number + 1)
        term = (number + 1) // 2
        clusters.append(Cluster(number, term, text, count, count - 1, number / 7))
        clauses.append(DistinctClause(text, count - 3, number, text, 0.0, term))
        clauses.append(DistinctClause(f"{text} typed", 3, number, text, 1 / 3, term))
    terms = []
    for number in range(1, (len(texts) + 1) // 2 + 1):
        own = [c for c in clusters if c.term == number]
        count = sum(c.count for c in own)
        terms.append(Term(number, tuple(c.number for c in own), count, count - 1, 2))
    total = sum(c.count for c in clusters)
    return Grouping(tuple(clauses), tuple(clusters), tuple(terms), total, total, "normalized")


SETTINGS = TermsSettings("normalized", section=None, seed=0, k=4)
FOUR = ["正常", "heart large", "effusion", "no"]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "terms.yaml"
    write_terms(path, grouping_of(FOUR), SETTINGS, top=1)
    return path


def edit(path: Path, old: str, new: str, count: int = 1) -> Path:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), "utf-8")
    return path


def test_what_is_written_is_read(written: Path) -> None:
    found = read_terms(written)
    assert found.settings == SETTINGS
    assert found.labels == ()
    assert [term.number for term in found.terms] == [1, 2]
    assert found.terms[0].label == ""
    assert found.terms[0].column is None
    assert found.terms[0].medoids == (
        Medoid("正常", shown_distance(1 / 7), 1, 40),
        Medoid("heart large", shown_distance(2 / 7), 2, 30),
    )
    assert found.terms[1].clauses == ()


def test_a_reader_finds_what_to_do(written: Path) -> None:
    text = written.read_text("utf-8")
    assert "patient data" in text
    assert "--apply terms.yaml" in text
    assert 'clause: "正常"' in text  # readable, not escaped
    assert text.index("You may stop here") > text.index("- term: 1\n")
    assert text.index("You may stop here") < text.index("- term: 2\n")
    entry = yaml.safe_load(text)["terms"][0]
    assert entry["count"] == 70
    assert entry["share_of_clauses"] == 0.7
    assert entry["share_of_reports"] == 0.69
    assert {"clause": "正常 typed", "count": 3} in entry["examples"]


def test_examples_are_the_most_frequent_clauses_that_are_no_medoids(tmp_path: Path) -> None:
    base = grouping_of(["medoid"])
    others = tuple(DistinctClause(f"clause {n:02d}", n, 1, "medoid", 0.5, 1) for n in range(1, 21))
    path = tmp_path / "terms.yaml"
    write_terms(path, replace(base, clauses=(*base.clauses[:1], *others)), SETTINGS, top=10)
    examples = yaml.safe_load(path.read_text("utf-8"))["terms"][0]["examples"]
    assert [e["count"] for e in examples] == [20 - n for n in range(EXAMPLES)]


@pytest.mark.parametrize("settings", [
    TermsSettings("levenshtein", "诊断: a", True, True, 7, 12),
    TermsSettings("normalized", "no", False, True, None, None),
])  # fmt: skip
def test_settings_come_back(tmp_path: Path, settings: TermsSettings) -> None:
    path = tmp_path / "terms.yaml"
    write_terms(path, grouping_of(FOUR), settings, top=10)
    assert read_terms(path).settings == settings


def test_nasty_clauses_come_back(tmp_path: Path) -> None:
    path = tmp_path / "terms.yaml"
    write_terms(path, grouping_of(list(NASTY)), SETTINGS, top=3)
    found = [m.clause for term in read_terms(path).terms for m in term.medoids]
    assert found == list(NASTY)
    # Whatever a clause holds, it takes one line, so that a reader can cut and paste it.
    assert path.read_text("utf-8").count("radius: ") == len(NASTY) + 1


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back(text: str) -> None:
    scalar = quoted(text)
    assert scalar.isprintable()
    assert yaml.safe_load(f"- {{clause: {scalar}, count: 1}}") == [{"clause": text, "count": 1}]


def test_no_terms(tmp_path: Path) -> None:
    path = tmp_path / "terms.yaml"
    write_terms(path, Grouping((), (), (), 0, 0, "normalized"), SETTINGS, top=10)
    assert read_terms(path).terms == ()


def test_labels(written: Path) -> None:
    edit(written, 'label: ""', 'label: "  large \n heart "')
    assert read_terms(written).labels == ("large heart",)
    edit(written, 'label: ""', "label: large heart")  # merged
    assert read_terms(written).labels == ("large heart",)


@pytest.mark.parametrize("word", ["drop", "DROP", '" Drop "'])
def test_drop_makes_no_column(written: Path, word: str) -> None:
    edit(written, 'label: ""', f"label: {word}")
    edit(written, 'label: ""', "label:")  # nothing behind the colon is an empty label
    found = read_terms(written)
    assert found.labels == ()
    assert [term.label for term in found.terms] == ["drop", ""]


def test_clauses_placed_by_hand_are_normalised(written: Path) -> None:
    edit(written, "- term: 2\n", '- term: 2\n  clauses: ["Heart  LARGE 12", ｅffusion]\n')
    assert read_terms(written).terms[1].clauses == ("heart large", "effusion")


def test_a_term_of_ones_own(written: Path) -> None:
    with written.open("a", encoding="utf-8") as handle:
        handle.write('- {term: 3, label: fracture, clauses: ["rib fracture"]}\n')
        handle.write("- {term: 4, label: plate, medoids: [{clause: plate, radius: 0.2}]}\n")
    found = read_terms(written)
    assert found.labels == ("fracture", "plate")
    assert found.terms[3].medoids == (Medoid("plate", 0.2),)


LINE = re.compile(r"terms\.yaml, line (\d+): ")


@pytest.mark.parametrize(
    ("old", "new", "at", "says"),
    [
        ('label: ""', 'lable: ""', 'lable: ""', "unknown key.*label"),
        ('label: ""', "label: 3", "label: 3", "label is 3: write a text"),
        ('label: ""', "label: [a]", "label: [a]", "label is a list: write a text"),
        ('label: ""', "label: report_id", "label: report_id", "column of ids"),
        ('label: ""', 'label: "large heart', 'label: "large', "quote.*not closed"),
        ('label: ""', 'label: "large\\0heart"', 'label: "large', "control character"),
        ("radius: 0.142857", "radius: wide", "radius: wide", "radius is a text.*number"),
        ("radius: 0.142857", "radius: -1", "radius: -1", "0 or more"),
        ("radius: 0.142857", "radius: .nan", "radius: .nan", "radius is nan"),
        ("radius: 0.142857, ", "", "cluster: 1,", "radius is missing"),
        ("cluster: 1,", "cluster: one,", "cluster: one,", "whole number"),
        ("distance: normalized", "distance: cosine", "distance: cosine", "'levenshtein'"),
        ("  distance: normalized\n", "", "settings:", "distance is missing"),
        ("  drop_units: false\n", "", "settings:", "drop_units is missing"),
        ("drop_units: false", "drop_units: no", "drop_units: no", "true or false"),
        ("- term: 2", "- term: 1", "- term: 1\n  label: \"\"\n  count: 30", "another term's"),
        ("- term: 2", "- name: 2", "- name: 2", "unknown key"),
        ('"no"', '"正常"', '"正常", cluster: 4', "stands in the file twice"),
        ("- term: 2", '- clauses: ["12 。"]\n  term: 2', '- clauses: ["12', "nothing but digits"),
        ("- term: 2", "- clauses: {a: b}\n  term: 2", "- clauses: {a", "write a list"),
        ("- term: 2", '- clauses: ["\\ud800x"]\n  term: 2', "- clauses: [", "not valid YAML.*character"),
        ("terms:\n", "term:\n", "term:\n", "unknown key: use one of settings, terms"),
        ("settings:", "settings: none\nsetting:", "setting:", "setting is an unknown key"),
    ],
)  # fmt: skip
def test_a_mistake_has_a_sentence_with_its_line(
    written: Path, old: str, new: str, at: str, says: str
) -> None:
    edit(written, old, new)
    with pytest.raises(UserError) as caught:
        read_terms(written)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in message
    found = LINE.match(message)
    assert found, message
    assert re.search(says, message), message
    text = written.read_text("utf-8")
    assert int(found[1]) == text[: text.index(at)].count("\n") + 1, message


def test_a_clause_under_two_terms(written: Path) -> None:
    edit(written, "- term: 1\n", '- term: 1\n  clauses: ["rib fracture"]\n')
    edit(written, "- term: 2\n", '- term: 2\n  clauses:\n  - "clear"\n  - "Rib Fracture 2"\n')
    line = written.read_text("utf-8").split("Rib Fracture")[0].count("\n") + 1
    with pytest.raises(UserError, match=f"line {line}: .*under term 1 too") as caught:
        read_terms(written)
    assert "racture" not in str(caught.value)  # no report text in messages
    # Twice under one term harms nobody.
    edit(written, '"Rib Fracture 2"', '"Clear"')
    assert read_terms(written).terms[1].clauses == ("clear", "clear")


def test_labels_that_differ_only_in_case_are_a_slip(written: Path) -> None:
    edit(written, 'label: ""', "label: Large Heart")
    edit(written, 'label: ""', "label: large_heart")
    with pytest.raises(UserError, match=r"line \d+: .*'large_heart' differs from 'Large Heart'"):
        read_terms(written)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: the file is empty"),
        ("- a\n- b\n", "line 1: the file is a list"),
        ("settings: [\n", r"line \d+: not valid YAML"),
        ("settings: {}\nsettings: {}\n", "line 2: the key 'settings' stands twice"),
    ],
)
def test_what_is_no_terms_file(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "terms.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=says):
        read_terms(path)


def test_a_clause_that_became_a_key_or_a_value_is_not_quoted(written: Path) -> None:
    secret = "Mr Example has a mass"
    edit(written, "\n  label:", f'\n  "{secret}": x\n  label:')
    with pytest.raises(UserError, match="unknown key") as caught:
        read_terms(written)
    assert secret not in str(caught.value)
    edit(written, f'  "{secret}": x\n', "")
    edit(written, "radius: 0.142857", f'radius: "{secret}"')
    with pytest.raises(UserError, match="radius is a text") as caught:
        read_terms(written)
    assert secret not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_terms(tmp_path / "terms.yaml")
    with pytest.raises(UserError, match="is a folder"):
        read_terms(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("settings: ä".encode("latin-1"))
    with pytest.raises(UserError, match="not UTF-8"):
        read_terms(tmp_path / "latin.yaml")


def test_the_schema_knows_every_metric() -> None:
    assert get_args(SettingsEntry.model_fields["distance"].annotation) == METRICS
