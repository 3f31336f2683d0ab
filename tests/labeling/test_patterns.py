"""The notation of the dependency patterns, and what can be known of one before a parse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from trees import graphs_and_patterns, lemma_of, tree

from cxrmine.labeling.graph import SentenceGraph
from cxrmine.labeling.patterns import PatternError, compile_pattern, match
from cxrmine.language.lemmas import lemma

LISTS = {"SEE": frozenset({"see", "identify"}), "SEEN": frozenset({"seen", "visible"})}


def found(source: str, graph: SentenceGraph, mention: str) -> list[str] | None:
    """Return the cue words that a pattern finds for a mention, None without a match."""
    cue = match(
        compile_pattern(source, LISTS), graph, list(graph.words).index(mention), lemma_of(graph)
    )
    return None if cue is None else [graph.words[i] for i in cue]


SEEN = tree(
    "no|det|2 evidence|nsubj:pass|6 of|case|4 effusion|nmod|2 is|aux:pass|6 seen|root|0|VERB "
    "today|advmod|6"
)
CLEAR = tree(
    "lungs|nsubj|3 are|cop|3 clear|root|0 of|case|5 edema|obl|3 ,|punct|7 mass|conj|5 or|cc|9 "
    "effusion|conj|5"
)


# ------------------------------------------------------------------ the notation


@pytest.mark.parametrize(
    ("source", "mention", "cue"),
    [
        # arrows
        ("mention >det @{no}", "evidence", ["no"]),
        ("mention >det @{no}", "effusion", None),
        ("mention <nmod {_} >det @{no}", "effusion", ["no"]),
        ("mention <nmod:of {_} >det @{no}", "effusion", ["no"]),
        ("mention <nmod:for {_} >det @{no}", "effusion", None),
        ("mention <nsubj @{see}", "evidence", ["seen"]),  # nsubj takes nsubj:pass
        ("mention <nsubj:pass @{see}", "evidence", ["seen"]),
        ("mention <nsubj:outer @{see}", "evidence", None),
        # alternatives and any relation
        ("mention <obl:of|nmod:of @{evidence}", "effusion", ["evidence"]),
        ("mention <_ @{evidence}", "effusion", ["evidence"]),
        # words: as they stand, by lemma, in any case, from a list, any
        ("mention <nmod {evidence} <nsubj @{seen}", "effusion", ["seen"]),
        ("mention <nmod {Evidence|sign} <nsubj @{SEE}", "effusion", ["seen"]),
        ("mention <nmod {sign} <nsubj @{SEE}", "effusion", None),
        ("mention <nmod {_} <nsubj @{note|SEEN}", "effusion", ["seen"]),
        ("mention <nmod <nsubj @{ see | note }", "effusion", ["seen"]),  # no test is any word
        ("mention <nmod {_|sign} >det @{no}", "effusion", ["no"]),
        # repetition: none at all, then once, twice …
        ("mention <_* >det @{no}", "evidence", ["no"]),
        ("mention <_* >det @{no}", "effusion", ["no"]),
        ("mention <nsubj* >det @{no}", "effusion", None),
        ("mention <nmod* <nsubj @{see}", "effusion", ["seen"]),
        # several cue nodes
        ("mention <nmod {_} <nsubj @{see} >advmod @{today}", "effusion", ["seen", "today"]),
        # branches
        ("mention <nmod @{evidence} [>det {no}]", "effusion", ["evidence"]),
        ("mention <nmod @{evidence} [>det @{no}]", "effusion", ["no", "evidence"]),
        ("mention <nmod @{evidence} [>det {the}]", "effusion", None),
        ("mention <nmod @{evidence} [!>det {the}]", "effusion", ["evidence"]),
        ("mention <nmod @{evidence} [!>det {no}]", "effusion", None),
        (
            "mention <nmod @{evidence} [>det {no}] [<nsubj {see} [>advmod {_}]]",
            "effusion",
            ["evidence"],
        ),
        ("mention <nmod @{evidence} [>det {no}] [<nsubj {see} [!>advmod {_}]]", "effusion", None),
        ("mention <nmod {_} [>det @{no}] <nsubj {see}", "effusion", ["no"]),
        # conditions on the mention itself
        ("mention [>det @{no}]", "evidence", ["no"]),
        ("mention [>det {no}] <nsubj @{see}", "evidence", ["seen"]),
        ("mention [!>det {no}] <nsubj @{see}", "evidence", None),
        ("mention [<nmod {evidence}] >case @{of}", "effusion", ["of"]),
    ],
)
def test_notation(source: str, mention: str, cue: list[str] | None) -> None:
    assert found(source, SEEN, mention) == cue


@pytest.mark.parametrize("mention", ["edema", "mass", "effusion"])
def test_one_pattern_serves_every_member_of_a_list(mention: str) -> None:
    assert found("mention <obl:of @{clear}", CLEAR, mention) == ["clear"]


def test_a_walk_visits_no_word_twice() -> None:
    assert found("mention <nmod {_} >nmod @{effusion}", SEEN, "effusion") is None
    assert found("mention <nmod {_} >_ {_} <_ @{evidence}", SEEN, "effusion") is None


def test_a_branch_may_look_back() -> None:
    """A branch tests what stands around its node, the words of the walk included."""
    assert found("mention <nmod @{evidence} [>nmod {effusion}]", SEEN, "effusion") == ["evidence"]


def test_the_shortest_walk_is_taken_first() -> None:
    graph = tree("no|det|2 signs|nsubj|5 without|case|4 mass|nmod|2 change|root|0")
    assert found("mention <_* >det|case @{no|without}", graph, "mass") == ["without"]


def test_layout_does_not_matter() -> None:
    tight = compile_pattern("mention<nmod:of{_}>det@{no}[!>_{_}]")
    loose = compile_pattern("mention  < nmod:of  { _ }  > det  @{ no }  [! > _ {_} ]")
    assert (tight.start, tight.steps) == (loose.start, loose.steps)


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "pattern '': must begin with 'mention'"),
        (">det @{no}", "pattern '>det @{no}': must begin with 'mention'"),
        ("finding >det @{no}", "must begin with 'mention'"),
        ("mention", "nothing follows 'mention'"),
        ("mention {no}", "expected a step such as >det or <obj"),
        ("mention >", "expected a relation such as det or nmod:of, found 'the end'"),
        ("mention > {no}", "expected a relation such as det or nmod:of, found 'no'"),
        ("mention >det <", "expected a relation such as det or nmod:of, found 'the end'"),
        ("mention >det {no", "cannot read '{no'"),
        ("mention >det @ no", "cannot read '@ no'"),
        ("mention >det no}", "cannot read '}'"),
        ("mention >det @{no} obj", "unexpected 'obj'"),
        ("mention >det @{no} {not}", "unexpected 'not'"),
        ("mention >det @{no}]", "unexpected ']'"),
        ("mention >det @{no} [>obj {_}", "expected ']', found 'the end'"),
        ("mention >det @{no} []", "expected a step such as >det or <obj"),
        ("mention >det @{no} [!{_}]", "expected a step such as >det or <obj"),
        ("mention >det @{}", "{} holds an empty word; write {_} for any"),
        ("mention >det @{no|}", "{no|} holds an empty word; write {_} for any"),
        ("mention >det @{NEG}", "no list 'NEG'; lists are SEE, SEEN"),
        ("mention >nsubjpass @{no}", "'nsubjpass' is no relation of Universal Dependencies v2"),
        ("mention >det|dobj @{no}", "'dobj' is no relation of Universal Dependencies v2"),
        ("mention >det| @{no}", "'' is no relation of Universal Dependencies v2"),
        ("mention >det** @{no}", "'det*' is no relation"),
        ("mention >det [!>obj @{no}]", "a cue @{…} cannot stand in [!…]"),
        ("mention [!>obj {_} [>det @{no}]]", "a cue @{…} cannot stand in [!…]"),
    ],
)
def test_errors_say_what_is_wrong(source: str, message: str) -> None:
    with pytest.raises(PatternError) as error:
        compile_pattern(source, LISTS)
    assert message in str(error.value)
    assert str(error.value).startswith(f"pattern {source!r}: ")


def test_without_lists_the_error_says_so() -> None:
    with pytest.raises(PatternError, match=r"no list 'NEG'; lists are \(none\)"):
        compile_pattern("mention >det @{NEG}")


def test_the_error_lists_the_relations() -> None:
    with pytest.raises(PatternError, match=r"nsubj, nummod, obj, obl,"):
        compile_pattern("mention >dobj @{no}")


# ------------------------------------------------------------------ what a match needs


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("mention >det @{no|neither}", {"no", "neither"}),
        ("mention <nmod {_} >det @{no}", {"no"}),
        ("mention <obj @{see} >advmod @{not}", {"see"}),
        ("mention <nmod {_} [>det @{no}]", {"no"}),
        ("mention [>det @{no}] <obj {see}", {"no"}),
        ("mention <obj {see}", set()),
        ("mention >det @{_}", set()),
        ("mention <obj* @{see}", set()),  # the step may be left out, and its cue with it
        ("mention <obj* {see} [>det @{no}]", set()),
        ("mention <obj* @{see} >det @{no}", {"no"}),
    ],
)
def test_cue_words(source: str, words: set[str]) -> None:
    assert compile_pattern(source).cue_words() == words


@pytest.mark.parametrize(
    ("source", "sets"),
    [
        ("mention <obl:of|obl:from @{free}", [{"of", "from"}]),
        ("mention <obl:of|obl @{free}", []),
        ("mention <obl:due_to @{relate}", [{"due"}]),
        ("mention <obj @{exclude} [>mark {to}]", [{"to"}]),
        ("mention <obj @{exclude} [!>mark {to}]", []),
        ("mention [>det {no}] <obj @{see}", [{"no"}]),
        ("mention <obj @{exclude} >advmod {not}", [{"not", "n't", "n’t"}]),
        ("mention <obj {_} >aux @{can|could}", [{"can", "could", "ca"}]),
        ("mention <obj {_} >det @{no|nothing}", []),  # "nothing" is no function word
        ("mention <obj* {_} <nmod:of @{lack}", [{"of"}]),
        ("mention <nmod:of* @{lack}", []),
        ("mention >conj:or {_} >cc @{or}", [{"or", "/", "and/or"}, {"or"}]),
        # subtypes that are not a word of the sentence
        ("mention >nmod:poss @{mother}", []),
        ("mention <acl:relcl @{suspect}", []),
        ("mention <nmod:of|nmod:poss @{mother}", []),
    ],
)
def test_required_words(source: str, sets: list[set[str]]) -> None:
    assert [set(words) for words in compile_pattern(source).required_words()] == sets


def test_a_possessive_pattern_fires() -> None:
    """``nmod:poss`` once counted as a preposition called "poss", which no sentence holds."""
    pattern = compile_pattern("mention >nmod:poss @{mother}")
    assert not pattern.required_words()
    assert found(pattern.source, tree("mother|nmod:poss|3 's|case|1 asthma|root|0"), "asthma") == [
        "mother"
    ]


@settings(max_examples=500, deadline=None)
@given(graphs_and_patterns())
def test_what_matches_has_the_words_that_a_match_needs(
    drawn: tuple[SentenceGraph, str],
) -> None:
    """Sentences without them are not parsed: a match must never lack one."""
    graph, source = drawn
    pattern = compile_pattern(source)
    lemma_at = lemma_of(graph)
    if all(match(pattern, graph, i, lemma_at) is None for i in range(len(graph.words))):
        return
    present = set(graph.words)
    for needed in pattern.required_words():
        assert needed & present
    cues = pattern.cue_words()
    # What `Assertion` looks up: the word, and its lemma whatever its part of speech.
    forms = {form for w in present for form in (w, *(lemma(w, p) for p in ("VERB", "NOUN", "ADJ")))}
    assert not cues or cues & forms
