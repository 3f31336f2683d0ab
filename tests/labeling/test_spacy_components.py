"""The spaCy components: found by their entry points in anybody's pipeline."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from cxrmine.resources import data_dir

TEXT = "The heart is enlarged. No pleural effusion or pneumothorax. Probable atelectasis."
EXPECTED = [
    ("enlarged", "Cardiomegaly", "present"),
    ("pleural effusion", "Effusion", "absent"),
    ("pneumothorax", "Pneumothorax", "absent"),
    ("atelectasis", "Atelectasis", "probable"),
]


@pytest.fixture(scope="module")
def nlp() -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("cxrmine_matcher")
    nlp.add_pipe("cxrmine_assertion")
    return nlp


def found(doc: Doc, key: str = "findings") -> list[tuple[str, str, str]]:
    spans = doc.ents if key == "ents" else doc.spans[key]
    return [(s.text.split(" is ")[-1], s.label_, s._.status) for s in spans]


# ------------------------------------------------------------------ in a pipeline


def test_the_entry_points_name_both_factories() -> None:
    names = {e.name for e in entry_points(group="spacy_factories")}
    assert names >= {"cxrmine_matcher", "cxrmine_assertion"}


def test_spacy_finds_the_factories_without_an_import_of_ours() -> None:
    code = (
        "import spacy; nlp = spacy.blank('en'); nlp.add_pipe('cxrmine_matcher');"
        f"doc = nlp({TEXT!r}); print(len(doc.spans['findings']))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(len(EXPECTED))


def test_mentions_and_their_statuses(nlp: Language) -> None:
    doc = nlp(TEXT)
    assert found(doc) == EXPECTED
    effusion = doc.spans["findings"][1]
    assert (effusion._.cue, effusion._.rule) == ("No", "no")
    assert effusion.id_
    assert doc.spans["findings"][0]._.cue == ""
    assert doc.ents == ()


def test_statuses_are_those_of_the_labeler(nlp: Language, labeler) -> None:
    report = labeler.label(TEXT)
    doc = nlp(TEXT)
    spans = doc.spans["findings"]
    assert [(s.start_char, s.end_char, s.id_, s._.status, s._.rule) for s in spans] == [
        (m.start, m.end, m.concept, m.status, m.rule) for m in report.mentions
    ]


def test_pipe_is_as_one_by_one(nlp: Language) -> None:
    texts = [TEXT, "No nodule.", "", "Nothing of note."]
    piped = [found(doc) for doc in nlp.pipe(texts)]
    assert piped == [found(nlp(text)) for text in texts]
    assert piped[2:] == [[], []]


def test_a_span_takes_whole_tokens(nlp: Language) -> None:
    """spaCy's tokens may be longer than ours."""
    doc = Doc(nlp.vocab, words=["No", "effusion/mass"], spaces=[True, False])
    for _, component in nlp.pipeline:
        doc = component(doc)
    assert {s.text for s in doc.spans["findings"]} == {"effusion/mass"}
    assert {s._.status for s in doc.spans["findings"]} == {"absent"}


def test_spans_from_anywhere() -> None:
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("span_ruler", config={"spans_key": "wuzzles"})
    ruler.add_patterns([{"label": "WUZZLE", "pattern": "blue wuzzle"}])
    nlp.add_pipe("cxrmine_assertion", config={"spans_key": "wuzzles"})
    doc = nlp("He denies having a blue wuzzle. She has a blue wuzzle.")
    assert [s._.status for s in doc.spans["wuzzles"]] == ["absent", "present"]


def test_a_group_that_is_not_there() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("cxrmine_assertion", config={"spans_key": "nobody"})
    assert "nobody" not in nlp("No effusion.").spans


# ------------------------------------------------------------------ entities


def test_entities_are_judged_with_spans_key_ents() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("cxrmine_matcher", config={"set_ents": True})
    nlp.add_pipe("cxrmine_assertion", config={"spans_key": "ents"})
    doc = nlp(TEXT)
    assert found(doc, "ents") == EXPECTED


def test_set_ents_keeps_other_entities_and_the_longer_of_two_that_overlap() -> None:
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [
            {"label": "SIDE", "pattern": "left"},
            {"label": "PART", "pattern": "a large left pleural effusion"},
            {"label": "WORD", "pattern": "mass"},
        ]
    )
    nlp.add_pipe("cxrmine_matcher", config={"set_ents": True})
    doc = nlp("left lung: a large left pleural effusion, mass.")
    assert [(e.text, e.label_) for e in doc.ents] == [
        ("left", "SIDE"),
        ("a large left pleural effusion", "PART"),
        ("mass", "Mass"),
    ]


# ------------------------------------------------------------------ configuration


def test_the_config_serialises_to_json(nlp: Language) -> None:
    config = json.loads(json.dumps(nlp.config["components"]))
    assert config["cxrmine_matcher"] == {
        "factory": "cxrmine_matcher", "spans_key": "findings", "vocab": None, "set_ents": False,
    }  # fmt: skip
    assert config["cxrmine_assertion"] == {
        "factory": "cxrmine_assertion", "spans_key": "findings", "rules": None, "parser": None,
    }  # fmt: skip
    assert "doc.spans" in nlp.get_pipe_meta("cxrmine_matcher").assigns


def test_a_pipeline_survives_the_disk(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    assert again.pipe_names == ["cxrmine_matcher", "cxrmine_assertion"]
    assert again.config["components"] == nlp.config["components"]
    assert found(again(TEXT)) == EXPECTED


def test_a_pipeline_survives_bytes(nlp: Language) -> None:
    again = spacy.blank("en", config=json.loads(json.dumps(nlp.config)))
    again.from_bytes(nlp.to_bytes())
    assert found(again(TEXT)) == EXPECTED


def test_folders_of_ones_own(tmp_path: Path) -> None:
    shutil.copytree(data_dir("rules"), tmp_path / "rules")
    (tmp_path / "rules" / "user.yaml").write_text(
        """\
rules:
  - id: ghost
    status: absent
    priority: 99
    surface: {cue: [phantom], mention: after, adjacent: true}
    examples:
      - {text: A phantom effusion., mention: effusion, status: absent}
""",
        "utf-8",
    )
    nlp = spacy.blank("en")
    nlp.add_pipe("cxrmine_matcher", config={"spans_key": "own", "vocab": str(data_dir("vocab"))})
    nlp.add_pipe("cxrmine_assertion", config={"spans_key": "own", "rules": str(tmp_path / "rules")})
    doc = nlp("A phantom effusion.")
    assert found(doc, "own") == [("effusion", "Effusion", "absent")]
    assert doc.spans["own"][0]._.rule == "ghost"


def test_a_wrong_setting_is_named() -> None:
    nlp = spacy.blank("en")
    with pytest.raises(ValueError, match="span_key"):
        nlp.add_pipe("cxrmine_matcher", config={"span_key": "findings"})
    with pytest.raises(ValueError, match="No rule files"):
        nlp.add_pipe("cxrmine_assertion", config={"rules": "/nowhere"})
