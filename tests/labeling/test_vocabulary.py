"""The shipped vocabulary says what it means, and a wrong one is told so in one sentence."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from cxrmine.labeling.matcher import Matcher
from cxrmine.labeling.phrases import Bracket, Gap, Maybe, Phrase, PhraseParser, Sequence_, Words
from cxrmine.labeling.vocabulary import (
    Concept,
    Vocabulary,
    VocabularyError,
    load_vocabulary,
    parse_vocabulary,
)
from cxrmine.language.tokens import tokenize

VOCABULARY = load_vocabulary()
MATCHER = Matcher(VOCABULARY)

NIH_14 = {
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia",
    "Pneumothorax", "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening",
    "Hernia",
}  # fmt: skip
NIH_8 = {
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia",
    "Pneumothorax",
}  # fmt: skip
# "No Finding" is no concept: the scheme works it out from the others.
CHEXPERT_13 = {
    "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion",
    "Pleural Other", "Fracture", "Support Devices",
}  # fmt: skip


def found(text: str, matcher: Matcher = MATCHER) -> dict[str, str]:
    """Concept id → the words it was found in."""
    words = [text[start:end].lower() for start, end in tokenize(text)]
    return {
        matcher.vocabulary.concepts[m.concept_index].id: " ".join(words[m.start : m.end])
        for m in matcher.match(words)
    }


@pytest.mark.parametrize("concept", VOCABULARY.concepts, ids=lambda c: c.id)
def test_example_holds_the_concept_and_lookalike_does_not(concept: Concept) -> None:
    assert concept.id in found(concept.example)
    assert concept.id not in found(concept.lookalike)


def test_at_least_320_concepts() -> None:
    assert len(VOCABULARY) >= 320


@pytest.mark.parametrize(
    ("scheme", "columns"),
    [("chestxray8", NIH_8), ("chestxray14", NIH_14), ("chexpert", CHEXPERT_13)],
)
def test_every_column_of_a_scheme_has_a_concept_and_no_other_column_is_named(
    scheme: str, columns: set[str]
) -> None:
    named = {c.schemes[scheme] for c in VOCABULARY.concepts if scheme in c.schemes}
    assert named == columns
    excluded = {c.excludes[scheme] for c in VOCABULARY.concepts if scheme in c.excludes}
    assert excluded <= columns


def test_codes_name_their_source() -> None:
    for concept in VOCABULARY.concepts:
        if concept.code is not None:
            assert concept.code.source
            assert concept.code.code or concept.code.heading


def test_statements_of_normality_make_nothing_abnormal() -> None:
    assert not [c.id for c in VOCABULARY.concepts if c.type in ("norm", "tech") and c.abnormal]
    assert not [c.id for c in VOCABULARY.concepts if c.excludes and c.abnormal]


def test_phrases_of_findings_hold_no_negation() -> None:
    # The rules judge negation. A negation may stand only as context outside the brackets.
    for concept in VOCABULARY.concepts:
        if concept.type in ("norm", "tech"):
            continue
        for text in concept.phrases:
            inside = text[text.index("<") : text.index(">")] if "<" in text else text
            assert not {"no", "not", "without", "nor"} & set(re.findall(r"\w+", inside)), text


class _HasGapError(Exception):
    pass


def expand(nodes: Sequence_) -> list[tuple[str, ...]]:
    """Every sequence of words and wildcards that gapless nodes stand for."""
    sequences: list[tuple[str, ...]] = [()]
    for node in nodes:
        if isinstance(node, Bracket):
            continue
        if isinstance(node, Gap):
            raise _HasGapError
        if isinstance(node, Words):
            tails = [(key,) for key in node.keys]
        elif isinstance(node, Maybe):
            tails = [(), *expand(node.sequence)]
        else:
            tails = [tail for sequence in node.sequences for tail in expand(sequence)]
        if len(sequences) * len(tails) > 20_000:
            raise _HasGapError
        sequences = [head + tail for head in sequences for tail in tails]
    return sequences


def gapless(vocabulary: Vocabulary) -> list[tuple[Concept, tuple[str, ...]]]:
    pairs = []
    for concept in vocabulary.concepts:
        for phrase in concept.parsed:
            if not phrase.bracketed:
                try:
                    pairs += [(concept, words) for words in expand(phrase.nodes)]
                except _HasGapError:
                    continue
    return pairs


def test_no_two_concepts_share_a_phrase_however_it_is_written() -> None:
    owner: dict[tuple[str, ...], str] = {}
    shared = [
        (owner[words], concept.id, " ".join(words))
        for concept, words in gapless(VOCABULARY)
        if owner.setdefault(words, concept.id) != concept.id
    ]
    assert not shared


def test_every_word_of_a_phrase_is_one_token() -> None:
    words = {word for _, phrase in gapless(VOCABULARY) for word in phrase}
    # "[*" and "__*" stand for de-identification marks, cut as one token by their own rule.
    odd = {w for w in words if len(tokenize(w.rstrip("*") or w)) != 1 and not w.endswith("-*")}
    assert not odd


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The heart is mildly enlarged.", {"cardiomegaly": "heart is mildly enlarged"}),
        ("The heart is not enlarged.", {"cardiomegaly": "enlarged"}),
        ("Cardiac silhouette remains borderline enlarged.",
         {"borderline_cardiac_silhouette": "cardiac silhouette remains borderline enlarged"}),
        ("Pleural effusion or thickening.",
         {"pleural_effusion": "pleural effusion", "pleural_thickening": "thickening"}),
        ("No pericardial or pleural effusion.",
         {"pericardial_effusion": "pericardial", "pleural_effusion": "pleural effusion"}),
        ("No acute cardiopulmonary process.",
         {"acute_cardiopulmonary_process": "acute cardiopulmonary process"}),
        ("Lungs are hyperexpanded.", {"hyperinflation": "lungs are hyperexpanded"}),
        ("Lungs are hyperexpanded but clear.",
         {"hyperinflation": "lungs are hyperexpanded", "lungs_clear": "clear"}),
        ("Aorta is tortuous and calcified.", {"aortic_tortuosity": "aorta is tortuous",
                                              "aortic_calcification": "calcified"}),
        ("Fluid in the left pleural space.", {"pleural_effusion": "fluid in the left pleural space"}),
        ("Heart is normal, aorta is enlarged.",
         {"heart_normal": "heart is normal", "aortic_ectasia": "aorta is enlarged"}),
        ("Calcified nodules/granulomas.",
         {"calcified_nodule": "calcified nodules", "calcified_granuloma": "granulomas"}),
        ("Bibasilar and lingular atelectasis.", {"atelectasis": "atelectasis"}),
        ("The heart and mediastinum are enlarged.",
         {"cardiomegaly": "heart", "mediastinal_widening": "mediastinum are enlarged"}),
        ("Heart size, mediastinal contour, and pulmonary vascularity are normal.",
         {"heart_normal": "heart size", "mediastinum_normal": "mediastinal contour",
          "vascularity_normal": "pulmonary vascularity are normal"}),
        ("XXXX deformity of T12.", {"vertebral_deformity": "xxxx deformity of t12"}),
        ("Scattered calcified granulomas.", {"calcified_granuloma": "calcified granulomas"}),
        ("Loss of disc height.", {"disc_disease": "loss of disc height"}),
        ("Subcutaneous emphysema.", {"subcutaneous_emphysema": "subcutaneous emphysema"}),
        ("Vascular engorgement within normal limits.", {"vascularity_normal":
         "vascular engorgement within normal limits"}),
        ("Mass effect on the trachea.", {"mass_effect": "mass effect"}),
        ("Scarring/atelectasis.", {"scarring": "scarring", "atelectasis": "atelectasis"}),
    ],
)  # fmt: skip
def test_mentions_are_the_natural_words(text: str, expected: dict[str, str]) -> None:
    assert found(text) == expected


# -- errors ------------------------------------------------------------------------------------

ENTRY = """
concepts:
- id: edema
  name: Edema
  type: fndg
  finding: Edema
  abnormal: true
  phrases:
    - edema
  example: Edema is seen.
  lookalike: Emphysema is seen.
"""


def test_a_minimal_file_loads() -> None:
    vocabulary = parse_vocabulary(ENTRY)
    concept = vocabulary["edema"]
    assert (concept.line, concept.phrases, concept.schemes) == (3, ("edema",), {})
    assert "edema" in vocabulary
    assert vocabulary.fingerprint == hashlib.sha256(ENTRY.encode()).hexdigest()


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("type: fndg", "type: sign", ["line 5", "'edema'", "'type'", "dsyn, fndg"]),
        ("  finding: Edema\n", "", ["line 3", "'edema'", "'finding'", "add it"]),
        ("abnormal: true", "abnormal: maybe", ["line 7", "'abnormal'", "true or false"]),
        ("  name: Edema", "  nmae: Edema", ["line 3", "'name'", "missing"]),
        ("  name: Edema", "  name: Edema\n  nmae: x", ["line 5", "'nmae'", "use one of id, name"]),
        ("  name: Edema", "  name: Edema\n  name: x", ["line 5", "'name' twice"]),
        ("    - edema", "    - edema )", ["line 9", "'phrases'", "unexpected ')'"]),
        ("    - edema", "    - (edema", ["line 9", "lacks a ')'"]),
        ("    - edema", "    - edema ...", ["line 9", "ends with a gap"]),
        ("    - edema", "    - edema?", ["line 9", "no word"]),
        ("    - edema", "    - LOBE edema", ["line 9", "unknown set 'LOBE'"]),
        ("    - edema", "    - Edema", ["line 9", "lower case"]),
        ("    - edema", "    - a*b", ["line 9", "end of a word"]),
        ("    - edema", "    - < edema", ["line 9", "one '<' and one '>'"]),
        ("    - edema", "    - edema ...99 lung", ["line 9", "1 to 12"]),
        ("phrases:\n    - edema", "phrases: edema", ["line 8", "'phrases'", "list"]),
        ("concepts:", "conzepts:", ["line 2", "'conzepts'", "use version"]),
        ("id: edema", "id: Edema!", ["line 3", "'id'", "lower-case"]),
        ("name: Edema", "name: [", ["line", "YAML"]),
        ("concepts:", "sets: {LOBE: []}\nconcepts:", ["line 2", "'LOBE'", "empty"]),
        ("concepts:", "gap_stops: no\nconcepts:", ["line 2", "'gap_stops'"]),
    ],
)
def test_errors_name_entry_field_line_and_remedy(old: str, new: str, parts: list[str]) -> None:
    assert old in ENTRY
    with pytest.raises(VocabularyError) as error:
        parse_vocabulary(ENTRY.replace(old, new))
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_phrase_in_two_concepts_is_an_error() -> None:
    second = ENTRY.replace("concepts:\n", "").replace("id: edema", "id: oedema")
    with pytest.raises(VocabularyError, match=r"line 12: 'oedema' and 'edema' \(line 3\)"):
        parse_vocabulary(ENTRY + second.lstrip("\n"))


def test_the_same_id_twice_is_an_error() -> None:
    with pytest.raises(VocabularyError, match="stands twice"):
        parse_vocabulary(ENTRY + ENTRY.replace("concepts:\n", "").lstrip("\n"))


def test_a_missing_file_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"give a folder that holds findings\.yaml"):
        load_vocabulary(tmp_path)


def test_a_users_own_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "findings.yaml").write_text(ENTRY, encoding="utf-8")
    vocabulary = load_vocabulary(tmp_path)
    assert len(vocabulary) == 1
    assert found("No edema.", Matcher(vocabulary)) == {"edema": "edema"}


def test_slack_counts_the_tokens_of_gaps() -> None:
    phrase = PhraseParser({}).parse("a ... (b|c ...2 d) e?")
    assert isinstance(phrase, Phrase)
    assert phrase.slack == 6
