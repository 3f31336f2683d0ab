"""Cue phrases in surface order: the longest at each place, and of overlapping ones the longer."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.labeling.cues import Cues
from cxrmine.labeling.phrases import PhraseError, PhraseParser

SETS = {"BE": ("is", "are"), "SEEN": ("seen", "identified")}


def make(*phrases: str) -> Cues[str]:
    """Cues whose value is the phrase itself."""
    parser = PhraseParser(SETS)
    cues: Cues[str] = Cues()
    for phrase in phrases:
        cues.add(phrase, parser, phrase)
    cues.ready()
    return cues


@pytest.mark.parametrize(
    ("phrases", "sentence", "expected"),
    [
        (["no"], "no edema and no mass", [(0, 1, "no"), (3, 4, "no")]),
        (["no"], "nothing", []),
        (["no", "no evidence of"], "no evidence of mass", [(0, 3, "no evidence of")]),
        # the longer phrase breaks off: the shorter one stands
        (["no", "no evidence of"], "no evidence for", [(0, 1, "no")]),
        # overlap: the longer wins, whichever begins first
        (
            ["be excluded", "cannot be excluded"],
            "cannot be excluded",
            [(0, 3, "cannot be excluded")],
        ),
        (["a b", "b c d"], "a b c d", [(1, 4, "b c d")]),
        (["a b", "b c"], "a b c", [(0, 2, "a b")]),  # of equally long ones the first
        (["a b", "c d", "b c d e"], "a b c d e", [(1, 5, "b c d e")]),
        # sets, alternatives, what may be missing, any ending
        (["BE not SEEN"], "are not identified", [(0, 3, "BE not SEEN")]),
        (["BE? absent"], "is absent", [(0, 2, "BE? absent")]),
        (["BE? absent"], "now absent", [(1, 2, "BE? absent")]),
        (["(no|without) change*"], "without changes", [(0, 2, "(no|without) change*")]),
        # what stands in back ticks is itself, in the tokens of a report
        (["`?`"], "edema ? mass", [(1, 2, "`?`")]),
        (["`( - )`"], "edema ( - ) , mass (", [(1, 4, "`( - )`")]),
        (["`(-)`"], "edema ( - )", [(1, 4, "`(-)`")]),
        (["`BE`"], "is be", [(1, 2, "`BE`")]),
        (["`no*`"], "note no *", [(1, 3, "`no*`")]),
        (["no", "`no ?`"], "no ? no", [(0, 2, "`no ?`"), (2, 3, "no")]),
    ],
)
def test_find(phrases: list[str], sentence: str, expected: list[tuple[int, int, str]]) -> None:
    found = [(start, end, *values) for start, end, values in make(*phrases).find(sentence.split())]
    assert found == expected


def test_one_phrase_of_two_rules_gives_both_values_in_order() -> None:
    parser = PhraseParser({})
    cues: Cues[int] = Cues()
    cues.add("no", parser, 1)
    cues.add("(no|without)", parser, 2)
    cues.ready()
    assert cues.find(["no"]) == [(0, 1, (1, 2))]
    assert cues.find(["without"]) == [(0, 1, (2,))]


def test_no_cue_in_no_words() -> None:
    assert make("no").find([]) == []


def test_an_unknown_set_is_named() -> None:
    with pytest.raises(PhraseError, match=r"unknown set 'HAVE' \(known: BE, SEEN\)"):
        make("HAVE no")


def test_a_mark_alone_is_notation() -> None:
    with pytest.raises(PhraseError, match=r"'\?' must follow a word"):
        make("?")


@pytest.mark.parametrize("phrase", ["`", "``", "` `", "`?", "?`", "no `?`", "`no` `?`", "`a`b`"])
def test_back_ticks_stand_around_the_whole_phrase(phrase: str) -> None:
    with pytest.raises(PhraseError) as error:
        make(phrase)
    assert str(error.value) == f"{phrase!r}: put back ticks around the whole phrase, as in `?`"


# ------------------------------------------------------------------ against a plain reference

_word = st.sampled_from("a b c d".split())
_part = st.tuples(  # alternatives of one to two words, and whether they may be missing
    st.lists(st.lists(_word, min_size=1, max_size=2), min_size=1, max_size=2), st.booleans()
)
_phrase = st.lists(_part, min_size=1, max_size=3).filter(lambda parts: not all(o for _, o in parts))


def write(parts: list[tuple[list[list[str]], bool]]) -> str:
    return " ".join(
        f"({'|'.join(' '.join(words) for words in choices)}){'?' if optional else ''}"
        for choices, optional in parts
    )


def expand(parts: list[tuple[list[list[str]], bool]]) -> set[tuple[str, ...]]:
    ways = [[tuple(c) for c in choices] + ([()] if optional else []) for choices, optional in parts]
    return {sum(way, ()) for way in product(*ways)}


def find_reference(
    phrases: list[set[tuple[str, ...]]], words: list[str]
) -> list[tuple[int, int, tuple[int, ...]]]:
    hits = []
    for start in range(len(words)):
        for end in range(len(words), start, -1):
            values = tuple(i for i, ways in enumerate(phrases) if tuple(words[start:end]) in ways)
            if values:
                hits.append((start, end, values))
                break
    kept: list[tuple[int, int, tuple[int, ...]]] = []
    for hit in sorted(hits, key=lambda h: (h[0] - h[1], h[0])):
        if all(hit[1] <= start or end <= hit[0] for start, end, _ in kept):
            kept.append(hit)
    return sorted(kept)


@settings(deadline=None)
@given(st.lists(_phrase, min_size=1, max_size=4), st.lists(_word, max_size=10))
def test_find_equals_the_reference(
    phrases: list[list[tuple[list[list[str]], bool]]], words: list[str]
) -> None:
    parser = PhraseParser({})
    cues: Cues[int] = Cues()
    for i, parts in enumerate(phrases):
        cues.add(write(parts), parser, i)
    cues.ready()
    assert cues.find(words) == find_reference([expand(p) for p in phrases], words)
    assert cues.find(words) == cues.find(words)  # states made on the way change nothing
    starts = [i for i, word in enumerate(words) if cues.opens(word)]
    assert cues.find(words, starts) == cues.find(words)
    assert cues.find(words, []) == []
