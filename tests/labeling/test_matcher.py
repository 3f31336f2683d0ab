"""The matcher agrees with its plain reference, and keeps its rules."""

from __future__ import annotations

import os
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.labeling import automaton as automaton_module
from cxrmine.labeling import matcher as matcher_module
from cxrmine.labeling.matcher import SEPARATOR, Match, Matcher
from cxrmine.labeling.matcher_reference import match_reference
from cxrmine.labeling.phrases import Bracket, Gap, Maybe, PhraseParser, Sequence_, Words
from cxrmine.labeling.vocabulary import Vocabulary, load_vocabulary, parse_vocabulary


def vocabulary(
    *entries: tuple[str, list[str], list[str]], stops: tuple[str, ...] = ()
) -> Vocabulary:
    """A vocabulary of (id, phrases, not-phrases)."""
    lines = [f"gap_stops: [{', '.join(stops)}]", "sets: {SIDE: [left, right, left and right]}"]
    lines.append("concepts:")
    for name, phrases, blocked in entries:
        lines += [
            f"- id: {name}", f"  name: {name}", "  type: fndg", "  finding: X",
            "  abnormal: true", "  example: x", "  lookalike: y", "  phrases:",
            *(f'    - "{p}"' for p in phrases),
        ]  # fmt: skip
        if blocked:
            lines += ["  not:", *(f'    - "{p}"' for p in blocked)]
    return parse_vocabulary("\n".join(lines))


def match(voc: Vocabulary, text: str) -> list[tuple[str, str]]:
    words = text.split()
    got = Matcher(voc).match(words)
    assert got == match_reference(voc, words)
    return [(voc.concepts[m.concept_index].id, " ".join(words[m.start : m.end])) for m in got]


@pytest.mark.parametrize(
    ("entries", "text", "expected"),
    [
        # longest wins, nested matches are dropped
        ([("a", ["effusion"], []), ("b", ["pleural effusion"], [])],
         "pleural effusion", [("b", "pleural effusion")]),
        # the longest wins over the leftmost
        ([("a", ["x y"], []), ("b", ["y z w"], [])], "x y z w", [("b", "y z w")]),
        # equal lengths: the leftmost
        ([("a", ["x y"], []), ("b", ["y z"], [])], "x y z", [("a", "x y")]),
        # what the winner leaves free may still match, even from the loser's start
        ([("a", ["x", "x y"], []), ("b", ["y z w"], [])], "x y z w", [("a", "x"), ("b", "y z w")]),
        # wildcards, sets, alternatives, options
        ([("a", ["SIDE (upper|lower lung) zone? opacit*"], [])],
         "left and right lower lung opacities", [("a", "left and right lower lung opacities")]),
        # gaps take up to so many tokens and no stop
        ([("a", ["heart ...2 enlarged"], [])], "heart is now enlarged",
         [("a", "heart is now enlarged")]),
        ([("a", ["heart ...2 enlarged"], [])], "heart is now much enlarged", []),
        ([("a", ["heart ...2 enlarged"], [])], "heart no enlarged", []),
        # a stop that the phrase itself names is no stop
        ([("a", ["heart no ...1 enlarged"], [])], "heart no big enlarged",
         [("a", "heart no big enlarged")]),
        # brackets: only the words inside, the context stays free
        ([("a", ["effusion*"], []), ("b", ["effusion or <thickening>"], [])],
         "effusion or thickening", [("a", "effusion"), ("b", "thickening")]),
        # more context wins for the same words
        ([("a", ["thickening"], []), ("b", ["pleural or <thickening>"], [])],
         "pleural or thickening", [("b", "thickening")]),
        # not-phrases block what they cover, and only their own concept
        ([("a", ["effusion"], ["pericardial effusion"])], "pericardial effusion", []),
        ([("a", ["effusion"], ["pericardial effusion"])],
         "pericardial effusion and effusion", [("a", "effusion")]),
        ([("a", ["effusion"], ["pericardial effusion"]), ("b", ["pericardial effusion"], [])],
         "pericardial effusion", [("b", "pericardial effusion")]),
        # the same words: less gap wins, then the first in the file
        ([("a", ["x ... z"], []), ("b", ["x ...1 z"], [])], "x y z", [("b", "x y z")]),
        ([("a", ["x (y|q) z"], []), ("b", ["x y z"], [])], "x y z", [("a", "x y z")]),
        # nothing
        ([("a", ["x"], [])], "", []),
    ],
)  # fmt: skip
def test_rules(
    entries: list[tuple[str, list[str], list[str]]], text: str, expected: list[tuple[str, str]]
) -> None:
    assert match(vocabulary(*entries, stops=("no", "but")), text) == expected


WORD = st.sampled_from(["a", "ab", "abc", "b", "ba", "c", "no", "d", "dd"])
PIECE = st.one_of(
    st.sampled_from(["a", "b", "c", "ab", "no"]),
    st.sampled_from(["a*", "b*", "d*"]),
    st.sampled_from(["(a|b)", "(a b|c)", "(a|b c|d*)", "(a ...1 b|c)", "SIDE"]),
    st.sampled_from(["a?", "(b|c)?", "(a b)?", "(a? b)?"]),
    st.sampled_from(["...", "...1", "...2"]),
)
ENDS = st.sampled_from(["a", "b*", "(a|c d)", "dd"])


@st.composite
def phrases(draw: st.DrawFn) -> str:
    pieces = [draw(ENDS), *draw(st.lists(PIECE, max_size=3)), draw(ENDS)]
    if draw(st.booleans()):
        cut = draw(st.integers(0, len(pieces) - 1))
        return " ".join([*pieces[:cut], f"<{draw(ENDS)}>", *pieces[cut:]])
    return " ".join(pieces) if draw(st.booleans()) else draw(ENDS)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.lists(phrases(), min_size=1, max_size=3),
                       st.lists(st.sampled_from(["a b*", "c ...1 a", "(b|a) d*"]), max_size=1)),
             min_size=1, max_size=3),
    st.lists(st.lists(WORD, max_size=9), min_size=1, max_size=6),
)  # fmt: skip
def test_agrees_with_the_reference_on_random_vocabularies(
    concepts: list[tuple[list[str], list[str]]], sentences: list[list[str]]
) -> None:
    seen: set[str] = set()
    entries = []
    for number, (texts, blocked) in enumerate(concepts):
        own = [t for t in dict.fromkeys(texts) if t not in seen]
        seen.update(own)
        if own:
            entries.append((f"c{number}", own, blocked))
    voc = vocabulary(*entries, stops=("no",))
    matcher = Matcher(voc)
    for words in sentences:
        assert matcher.match(words) == match_reference(voc, words)


# A slice of the shipped vocabulary with every feature of the notation: the reference tries every
# phrase at every place, so the whole would take minutes.
SHIPPED = load_vocabulary()


def spell(nodes: Sequence_, rng: random.Random) -> list[str]:
    """Random words that a phrase matches (or nearly: its gaps may take a stop)."""
    words: list[str] = []
    for node in nodes:
        if isinstance(node, Words):
            key = rng.choice(node.keys)
            words.append(key[:-1] + rng.choice(["", "s", "al"]) if key[-1] == "*" else key)
        elif isinstance(node, Gap):
            fill = ["is", "mildly", "no", "the", "and", "heart", "left"]
            words += [rng.choice(fill) for _ in range(rng.randint(0, node.longest + 1))]
        elif isinstance(node, Maybe):
            words += spell(node.sequence, rng) if rng.random() < 0.5 else []
        elif not isinstance(node, Bracket):
            words += spell(rng.choice(node.sequences), rng)
    return words


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_the_reference_on_the_shipped_vocabulary(seed: int) -> None:
    rng = random.Random(seed)
    concepts = tuple(rng.sample(SHIPPED.concepts, 25))
    part = Vocabulary(concepts, SHIPPED.gap_stops, "", SHIPPED.path)
    matcher = Matcher(part)
    everything = [p for c in concepts for p in (*c.parsed, *c.parsed_not)]
    for _ in range(6):
        words: list[str] = []
        for phrase in rng.sample(everything, 2):
            words += spell(phrase.nodes, rng)
            words += rng.choice([[], [","], ["and"], ["with", "the"], ["zzz"]])
        assert matcher.match(words[:16]) == match_reference(part, words[:16])


def test_bounds_on_memory_change_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(1)
    sentences = [
        [w for p in rng.sample(rng.choice(SHIPPED.concepts).parsed, 1) for w in spell(p.nodes, rng)]
        for _ in range(60)
    ]
    expected = [Matcher(SHIPPED).match(words) for words in sentences]
    monkeypatch.setattr(matcher_module, "MAX_EDGES", 3)
    monkeypatch.setattr(automaton_module, "MAX_EDGES", 3)
    monkeypatch.setattr(automaton_module, "MAX_STATES", 7)
    small = Matcher(SHIPPED)
    assert [small.match(words) for words in sentences] == expected


def test_the_separator_inside_a_token_breaks_nothing() -> None:
    voc = vocabulary(("a", ["x ...1 <y>"], []))
    assert Matcher(voc).match(["x", f"[**a{SEPARATOR}b**]", "y"]) == [Match(2, 3, 0)]


def test_parser_shares_equal_groups() -> None:
    parser = PhraseParser({})
    one, two = parser.parse("(a|b c) d"), parser.parse("(a|b c) e")
    assert one.nodes[0] is two.nodes[0]


@pytest.mark.skipif("CXRMINE_BENCH" not in os.environ, reason="timing: set CXRMINE_BENCH=1")
def test_speed() -> None:
    started = time.process_time()
    matcher = Matcher(load_vocabulary())
    assert time.process_time() - started < 0.25
    words = "there is a small left pleural effusion without pneumothorax or focal opacity".split()
    matcher.match(words)
    started = time.process_time()
    for _ in range(2000):
        matcher.match(words)
    assert (time.process_time() - started) / 2000 / len(words) < 2e-6
