"""Lemmas of reports' words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.language.lemmas import lemma


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("pneumothoraces", "pneumothorax"),
        ("hydropneumothoraces", "hydropneumothorax"),
        ("bases", "base"),
        ("apices", "apex"),
        ("diverticula", "diverticulum"),
        ("atelectases", "atelectasis"),
        ("metastases", "metastasis"),
        ("hila", "hilum"),
        ("opacities", "opacity"),
        ("masses", "mass"),
        ("processes", "process"),
        ("abscesses", "abscess"),
        ("viruses", "virus"),
        ("diseases", "disease"),
        ("lobes", "lobe"),
        ("causes", "cause"),
        ("foci", "focus"),
        ("vertebrae", "vertebra"),
        ("x-rays", "x-ray"),
        # no plurals
        ("pelvis", "pelvis"),
        ("pus", "pus"),
        ("atelectasis", "atelectasis"),
        ("ascites", "ascites"),
        ("mass", "mass"),
        ("thymus", "thymus"),
        ("gas", "gas"),
        ("swelling", "swelling"),
    ],
)
def test_nouns(word: str, expected: str) -> None:
    assert lemma(word, "NOUN") == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("seen", "see"),
        ("shown", "show"),
        ("found", "find"),
        ("is", "be"),
        ("has", "have"),
        ("denies", "deny"),
        ("denied", "deny"),
        ("identified", "identify"),
        ("excluded", "exclude"),
        ("excluding", "exclude"),
        ("ruled", "rule"),
        ("noted", "note"),
        ("visualized", "visualize"),
        ("obscured", "obscure"),
        ("resolved", "resolve"),
        ("resolving", "resolve"),
        ("referred", "refer"),
        ("stopped", "stop"),
        ("limited", "limit"),
        ("suggesting", "suggest"),
        ("represents", "represent"),
        ("passes", "pass"),
        ("overlying", "overlie"),
        ("lies", "lie"),
        ("died", "die"),
        ("reidentified", "reidentify"),
        ("bring", "bring"),
        # off the list, by spelling
        ("catheterized", "catheterize"),
        ("regrafted", "regraft"),
    ],
)
def test_verbs(word: str, expected: str) -> None:
    assert lemma(word, "VERB") == expected


def test_participle_tagged_as_adjective_is_its_verb_but_an_adjective_stays() -> None:
    assert lemma("excluded", "ADJ") == "exclude"
    assert lemma("red", "ADJ") == "red"
    assert lemma("bibasilar", "ADJ") == "bibasilar"


def test_without_part_of_speech_the_ending_decides() -> None:
    assert lemma("excluded") == "exclude"
    assert lemma("lungs") == "lung"
    assert lemma("seen") == "see"
    assert lemma("n't", "PART") == "not"


@given(st.text(max_size=20), st.sampled_from(["", "NOUN", "VERB", "ADJ", "ADV", "X"]))
def test_any_text_has_a_lemma_and_blank_text_none(word: str, pos: str) -> None:
    assert bool(lemma(word, pos)) == bool(word)
