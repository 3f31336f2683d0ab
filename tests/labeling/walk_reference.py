"""Pattern matching in its plainest form, on the networkx view of a sentence's graph.

It lists every walk that a pattern allows, where `cxrmine.labeling.patterns.match` stops at the
first; the tests compare the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import networkx

from cxrmine.labeling.patterns import Branch, Pattern, Step

Cues = frozenset[int]


def all_cues(
    pattern: Pattern, graph: networkx.MultiDiGraph, node: int, lemma: Callable[[int], str]
) -> set[Cues]:
    """Return the set of cue tokens of every way in which `pattern` matches from `node`."""
    return {
        here | onward
        for here in _branches(pattern.start, graph, node, lemma)
        for onward in _walks(pattern.steps, graph, [node], lemma)
    }


def _walks(
    steps: tuple[Step, ...],
    graph: networkx.MultiDiGraph,
    path: list[int],
    lemma: Callable[[int], str],
) -> Iterator[Cues]:
    if not steps:
        yield frozenset()
        return
    step, rest = steps[0], steps[1:]
    if step.repeat:
        yield from _walks(rest, graph, path, lemma)
    for other in _neighbours(graph, path[-1], step):
        if other in path or not _word_fits(step, graph, other, lemma):
            continue
        for here in _branches(step.branches, graph, other, lemma):
            for onward in _walks(steps if step.repeat else rest, graph, [*path, other], lemma):
                yield here | onward | ({other} if step.is_cue else set())


def _neighbours(graph: networkx.MultiDiGraph, node: int, step: Step) -> set[int]:
    edges = graph.in_edges(node, data="rel") if step.up else graph.out_edges(node, data="rel")
    return {
        head if step.up else child
        for head, child, rel in edges
        for wanted in step.relations
        if wanted in ("_", rel) or rel.startswith(wanted + ":")
    }


def _word_fits(
    step: Step, graph: networkx.MultiDiGraph, node: int, lemma: Callable[[int], str]
) -> bool:
    return step.words is None or bool(step.words & {graph.nodes[node]["word"], lemma(node)})


def _branches(
    branches: tuple[Branch, ...],
    graph: networkx.MultiDiGraph,
    node: int,
    lemma: Callable[[int], str],
) -> set[Cues]:
    """Return the cues of every way in which all branches hold at `node` (none: they do not)."""
    ways: set[Cues] = {frozenset()}
    for branch in branches:
        found = set(_walks(branch.steps, graph, [node], lemma))
        if branch.negated:
            found = set() if found else {frozenset()}
        ways = {here | more for here in ways for more in found}
    return ways
