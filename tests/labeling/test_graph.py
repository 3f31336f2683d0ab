"""The sentence graph: collapsed prepositions, propagated conjuncts, shared negation."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from trees import edges, graphs_and_patterns, lemma_of, random_graphs, tree
from walk_reference import all_cues

from cxrmine.labeling.graph import ASSERTING, SentenceGraph
from cxrmine.labeling.patterns import compile_pattern, match


def negated(graph: SentenceGraph) -> set[str]:
    """The words under a negative determiner, preposition, adverb or conjunction."""
    cues = {"no", "not", "n't", "neither", "nor", "without", "never"}
    return {head for head, _, child in edges(graph) if child in cues}


# ------------------------------------------------------------------ collapsed prepositions


def test_nmod_and_obl_carry_their_preposition() -> None:
    graph = tree(
        "evidence|nsubj:pass|6 of|case|3 effusion|nmod|1 was|aux:pass|6 not|advmod|6 seen|root|0 "
        "on|case|9 the|det|9 film|obl|6"
    )
    assert ("evidence", "nmod:of", "effusion") in edges(graph)
    assert ("seen", "obl:on", "film") in edges(graph)


def test_the_preposition_keeps_its_own_edge() -> None:
    graph = tree("lungs|root|0 without|case|3 edema|nmod|1")
    assert edges(graph) == {("lungs", "nmod:without", "edema"), ("edema", "case", "without")}


def test_fixed_expressions_are_one_preposition() -> None:
    graph = tree("opacity|root|0 due|case|4 to|fixed|2 edema|nmod|1")
    assert ("opacity", "nmod:due_to", "edema") in edges(graph)


def test_of_two_prepositions_the_last_names_the_relation() -> None:
    graph = tree("line|root|0 from|case|4 within|case|4 vein|nmod|1")
    assert ("line", "nmod:within", "vein") in edges(graph)


def test_a_preposition_wins_over_a_marker() -> None:
    graph = tree("seen|root|0 for|case|4 that|mark|4 reason|obl|1")
    assert ("seen", "obl:for", "reason") in edges(graph)


def test_clauses_carry_their_marker() -> None:
    graph = tree("obtain|root|0 if|mark|3 suspected|advcl|1 findings|obj|1 to|mark|6 suggest|acl|4")
    assert ("obtain", "advcl:if", "suspected") in edges(graph)
    assert ("findings", "acl:to", "suggest") in edges(graph)


def test_a_subtype_of_the_parser_is_kept() -> None:
    graph = tree("patient|nmod:poss|3 's|case|1 mother|root|0")
    assert ("mother", "nmod:poss", "patient") in edges(graph)


def test_conj_carries_its_conjunction() -> None:
    graph = tree("edema|root|0 or|cc|3 pneumonia|conj|1")
    assert ("edema", "conj:or", "pneumonia") in edges(graph)


@pytest.mark.parametrize("slash", ["/", "and/or"])
def test_a_slash_is_an_or(slash: str) -> None:
    graph = tree(f"edema|root|0 {slash}|cc|3 pneumonia|conj|1")
    assert ("edema", "conj:or", "pneumonia") in edges(graph)


def test_relations_are_lower_case_whatever_the_parser_writes() -> None:
    graph = tree("no|DET|2 effusion|ROOT|0")
    assert edges(graph) == {("effusion", "det", "no")}


# ------------------------------------------------------------------ propagated conjuncts


def test_what_governs_the_first_conjunct_governs_all() -> None:
    graph = tree("clear|root|0 of|case|3 edema|obl|1 ,|punct|5 effusion|conj|3 or|cc|7 mass|conj|3")
    for word in ("edema", "effusion", "mass"):
        assert ("clear", "obl:of", word) in edges(graph)


def test_a_chain_of_conjuncts_passes_its_governor_on() -> None:
    """Some parsers hang each conjunct on the one before it instead of on the first."""
    graph = tree("shows|root|0 edema|obj|1 ,|punct|4 effusion|conj|2 and|cc|6 mass|conj|4")
    assert ("shows", "obj", "mass") in edges(graph)


def test_conjoined_verbs_do_not_share_objects() -> None:
    graph = tree("denies|root|0 pain|obj|1 but|cc|4 reports|conj|1 nausea|obj|4")
    assert ("denies", "obj", "nausea") not in edges(graph)


# ------------------------------------------------------------------ shared negation


@pytest.mark.parametrize("conjunction", ["or", "nor", "and", "/", "and/or"])
def test_negation_holds_for_a_list_of_three(conjunction: str) -> None:
    graph = tree(f"no|det|2 edema|root|0 ,|punct|4 effusion|conj|2 {conjunction}|cc|6 mass|conj|2")
    assert negated(graph) == {"edema", "effusion", "mass"}


def test_negation_holds_over_commas_alone() -> None:
    graph = tree("no|det|2 edema|root|0 ,|punct|4 effusion|conj|2 ,|punct|6 mass|conj|2")
    assert negated(graph) == {"edema", "effusion", "mass"}


def test_without_is_shared_as_a_preposition() -> None:
    graph = tree("lungs|root|0 without|case|3 edema|nmod|1 or|cc|5 mass|conj|3")
    assert negated(graph) == {"edema", "mass"}
    assert ("lungs", "nmod:without", "mass") in edges(graph)


def test_neither_nor() -> None:
    graph = tree("neither|cc:preconj|2 edema|root|0 nor|cc|4 mass|conj|2")
    assert negated(graph) == {"edema", "mass"}


@pytest.mark.parametrize(
    "contrast", ["but", "yet", "however", "although", "except", "though", "plus"]
)
def test_a_contrast_ends_the_negation(contrast: str) -> None:
    graph = tree(f"no|det|2 edema|root|0 {contrast}|cc|4 effusion|conj|2")
    assert negated(graph) == {"edema"}


def test_a_determiner_of_its_own_ends_the_negation() -> None:
    graph = tree("no|det|2 edema|root|0 ,|punct|5 the|det|5 effusion|conj|2")
    assert negated(graph) == {"edema"}


def test_or_carries_the_negation_over_a_determiner() -> None:
    graph = tree("no|det|2 edema|root|0 or|cc|5 an|det|5 effusion|conj|2")
    assert negated(graph) == {"edema", "effusion"}


@pytest.mark.parametrize("adjective", ["small", "stable", "mild", "unchanged", "persistent"])
def test_an_asserting_adjective_ends_the_negation(adjective: str) -> None:
    assert adjective in ASSERTING
    graph = tree(f"no|det|2 edema|root|0 ,|punct|5 {adjective}|amod|5 effusion|conj|2")
    assert negated(graph) == {"edema"}


@pytest.mark.parametrize("conjunction", ["or", "nor"])
def test_or_carries_the_negation_over_an_asserting_adjective(conjunction: str) -> None:
    graph = tree(f"no|det|2 edema|root|0 {conjunction}|cc|5 small|amod|5 effusion|conj|2")
    assert negated(graph) == {"edema", "effusion"}


def test_a_list_that_or_closes_is_one_list() -> None:
    graph = tree(
        "no|det|2 edema|root|0 ,|punct|5 small|amod|5 effusion|conj|2 ,|punct|8 or|cc|8 mass|conj|2"
    )
    assert negated(graph) == {"edema", "effusion", "mass"}


def test_a_plain_adjective_does_not_end_the_negation() -> None:
    graph = tree("no|det|2 edema|root|0 ,|punct|5 pleural|amod|5 effusion|conj|2")
    assert negated(graph) == {"edema", "effusion"}


def test_a_determiner_of_a_later_conjunct_is_not_shared_backwards() -> None:
    graph = tree("edema|root|0 and|cc|4 no|det|4 effusion|conj|1")
    assert negated(graph) == {"effusion"}


def test_an_article_is_not_shared() -> None:
    graph = tree("the|det|2 edema|root|0 and|cc|4 effusion|conj|2")
    assert ("effusion", "det", "the") not in edges(graph)


def test_not_is_shared_over_or_but_not_over_and() -> None:
    either = tree("not|advmod|2 enlarged|root|0 or|cc|4 displaced|conj|2")
    both = tree("not|advmod|2 enlarged|root|0 and|cc|4 displaced|conj|2")
    assert negated(either) == {"enlarged", "displaced"}
    assert negated(both) == {"enlarged"}


# ------------------------------------------------------------------ odd input


def test_a_lone_word_has_no_edges() -> None:
    graph = SentenceGraph(["effusion"], [-1], ["ROOT"])
    assert graph.up == [[]]
    assert graph.down == [[]]
    assert graph.pos == [""]


def test_an_empty_sentence() -> None:
    graph = SentenceGraph([], [], [])
    assert graph.up == []
    assert len(graph.to_networkx()) == 0


@pytest.mark.parametrize("root", [-1, 1, 7])
def test_the_root_may_be_marked_in_any_way(root: int) -> None:
    """Its own index, -1, or an index outside the sentence."""
    graph = SentenceGraph(["no", "edema"], [1, root], ["det", "root"])
    assert graph.up == [[("det", 1)], []]


# ------------------------------------------------------------------ properties


@given(random_graphs())
def test_edges_are_seen_from_both_ends_once(graph: SentenceGraph) -> None:
    above = Counter((rel, head, child) for child, e in enumerate(graph.up) for rel, head in e)
    below = Counter((rel, head, child) for head, e in enumerate(graph.down) for rel, child in e)
    assert above == below
    assert set(above.values()) <= {1}
    assert not any(head == child for _, head, child in above)


@given(random_graphs())
def test_every_arc_of_the_tree_is_an_edge(graph: SentenceGraph) -> None:
    for child, (head, dep) in enumerate(zip(graph.heads, graph.deps, strict=True)):
        if head != child:
            assert any(
                h == head and (r == dep or r.startswith(dep + ":")) for r, h in graph.up[child]
            )


@given(random_graphs())
def test_the_networkx_view_has_the_same_edges(graph: SentenceGraph) -> None:
    view = graph.to_networkx()
    assert list(view.nodes) == list(range(len(graph.words)))
    assert [view.nodes[i]["word"] for i in view] == list(graph.words)
    assert [view.nodes[i]["pos"] for i in view] == list(graph.pos)
    ours = sorted((head, child, rel) for child, e in enumerate(graph.up) for rel, head in e)
    assert sorted(view.edges(data="rel")) == ours


@settings(max_examples=400, deadline=None)
@given(graphs_and_patterns())
def test_matching_equals_the_reference_on_networkx(drawn: tuple[SentenceGraph, str]) -> None:
    graph, source = drawn
    pattern = compile_pattern(source)
    view = graph.to_networkx()
    lemma = lemma_of(graph)
    for node in range(len(graph.words)):
        found = match(pattern, graph, node, lemma)
        expected = all_cues(pattern, view, node, lemma)
        assert (found is not None) == bool(expected)
        if found is not None:
            assert found == sorted(set(found))
            assert frozenset(found) in expected
