"""Scores on the two sets of sentences that were written without sight of the rules.

The rules were tuned on part a, then part b was looked at as well: on the first look it scored F1
0.914 of ``absent`` (general) and 0.933 (hard). ``scripts/ablation.py`` prints the same numbers. The two
held-out files were scored before their errors were looked at; their headers say with what result. The
floors here stand a little below what was measured when they were set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from span_sets import PARTS, SETS, Scores, read_spans, score

from cxrmine.labeling.mention import STATUSES

if TYPE_CHECKING:
    from cxrmine import Labeler

# accuracy, F1 of `absent`
FLOORS = {
    ("hard_sentences", "a"): (0.92, 0.955),
    ("hard_sentences", "b"): (0.91, 0.955),
    ("general_clinical", "a"): (0.97, 0.97),
    ("general_clinical", "b"): (0.96, 0.965),
}


# F1 of `absent`; the first scores were 0.960 and 0.984 (general, radiology), and 0.988
HELD_OUT = {"held_out": 0.965, "held_out_2": 0.97}


@pytest.mark.parametrize("name", HELD_OUT)
def test_sentences_that_were_held_out(labeler: Labeler, name: str) -> None:
    found = score(labeler, read_spans(name))
    print(f"\n{name}: {found}")
    assert found.f1_absent >= HELD_OUT[name]


@pytest.fixture(scope="module")
def scores(labeler: Labeler) -> dict[tuple[str, str, str], Scores]:
    """The scores of both layers and of each alone, by layers, set and part."""
    from cxrmine import Labeler

    labelers = {
        "both": labeler,
        "surface": Labeler.load(use_graph=False),
        "graph": Labeler.load(use_surface=False),
    }
    return {
        (layers, name, part): score(each, read_spans(name, part))
        for layers, each in labelers.items()
        for name in SETS
        for part in PARTS
    }


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", SETS)
def test_scores(scores: dict[tuple[str, str, str], Scores], name: str, part: str) -> None:
    found = scores["both", name, part]
    print(f"\n{name}, part {part}: {found}")
    accuracy, f1_absent = FLOORS[name, part]
    assert found.accuracy >= accuracy
    assert found.f1_absent >= f1_absent


@pytest.mark.parametrize("part", PARTS)
def test_surface_rules_alone_lose_clearly_on_hard_sentences(
    scores: dict[tuple[str, str, str], Scores], part: str
) -> None:
    """Long lists, nested phrases, cues far from their finding: here the graph earns its place."""
    both, surface = (scores[layers, "hard_sentences", part] for layers in ("both", "surface"))
    print(f"\npart {part}: both: {both}; surface only: {surface}")
    assert both.accuracy - surface.accuracy >= 0.04
    assert both.f1_absent > surface.f1_absent


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", SETS)
def test_each_layer_adds_to_the_other(
    scores: dict[tuple[str, str, str], Scores], name: str, part: str
) -> None:
    both, surface, graph = (scores[k, name, part] for k in ("both", "surface", "graph"))
    print(f"\n{name}, part {part}: both: {both}; surface only: {surface}; graph only: {graph}")
    assert both.right > max(surface.right, graph.right)


def test_each_layer_off_is_off(scores: dict[tuple[str, str, str], Scores]) -> None:
    layers = {
        name: set().union(*(s.layers for (k, _, _), s in scores.items() if k == name))
        for name in ("both", "surface", "graph")
    }
    assert layers == {
        "both": {"none", "surface", "graph", "fallback"},
        "surface": {"none", "surface", "fallback"},
        "graph": {"none", "graph"},
    }


# ------------------------------------------------------------------ the sets themselves


@pytest.mark.parametrize("name", SETS)
def test_the_sets_are_large_and_sound(name: str) -> None:
    sentences = read_spans(name)
    assert len(sentences) >= 200
    assert len({s.text for s in sentences}) == len(sentences)
    assert {ok[0] for s in sentences for ok in s.right} == set(STATUSES)
    for _, spans, right in sentences:
        assert spans
        assert len(set(spans)) == len(spans)
        assert all(set(ok) <= set(STATUSES) and len(set(ok)) == len(ok) for ok in right)


def test_a_second_status_is_as_right_as_the_first() -> None:
    class Always:
        def assert_spans(self, text: str, spans: list[tuple[int, int]]):
            from cxrmine.labeling.assertion import Decision

            return [Decision("possible", (), "", "none")] * len(spans)

    doubtful = [s for s in read_spans() if any(len(ok) == 2 for ok in s.right)]
    assert doubtful, "no span has a second status any more"
    n = sum(len(s.spans) for s in doubtful)
    assert score(Always(), doubtful)[:2] == (
        n,
        sum("possible" in ok for s in doubtful for ok in s.right),
    )
