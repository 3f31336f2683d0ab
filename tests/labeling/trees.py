"""Small dependency trees for tests: written by hand, or drawn at random by Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from cxrmine.labeling.graph import SentenceGraph
from cxrmine.labeling.patterns import FUNCTION_WORDS
from cxrmine.language.lemmas import lemma


def tree(text: str) -> SentenceGraph:
    """Read a tree written as ``word|relation|head``, heads counted from 1 as in CoNLL-U.

    An adjective, adverb, verb or noun may add its part of speech: ``seen|root|0|VERB``.
    """
    rows = [token.split("|") for token in text.split()]
    return SentenceGraph(
        [row[0] for row in rows],
        [int(row[2]) - 1 for row in rows],
        [row[1] for row in rows],
        [row[3] if len(row) > 3 else "" for row in rows],
    )


def edges(graph: SentenceGraph) -> set[tuple[str, str, str]]:
    """Return the graph's edges as ``(head word, relation, dependent word)``."""
    words = graph.words
    return {
        (words[head], rel, words[child])
        for child, above in enumerate(graph.up)
        for rel, head in above
    }


def lemma_of(graph: SentenceGraph):
    """Return what `cxrmine.labeling.patterns.match` takes as its last argument."""
    return lambda i: lemma(graph.words[i], graph.pos[i])


RELATIONS = (
    "det case mark cc cc:preconj advmod amod nmod nmod:poss obl obl:agent obj nsubj nsubj:pass "
    "conj acl acl:relcl advcl fixed punct compound aux xcomp"
).split()
#: Words that patterns test for, in the forms in which reports have them, and some others.
WORDS = sorted(
    {w for w in FUNCTION_WORDS if w != "w/o"}
    | set(
        """n’t ca wo 'll 'd w/o / and/or but , small new there evidence seen excluded excludes
        effusion effusions opacity suggesting suggests resolved is""".split()
    )
)


@st.composite
def random_graphs(draw: st.DrawFn, longest: int = 8) -> SentenceGraph:
    """Draw the graph of a random tree over random words."""
    n = draw(st.integers(1, longest))
    order = draw(st.permutations(range(n)))
    heads = [0] * n
    heads[order[0]] = order[0]
    for at in range(1, n):
        heads[order[at]] = order[draw(st.integers(0, at - 1))]
    deps = draw(st.lists(st.sampled_from(RELATIONS), min_size=n, max_size=n))
    deps[order[0]] = "root"
    words = draw(st.lists(st.sampled_from(WORDS), min_size=n, max_size=n))
    pos = draw(
        st.lists(
            st.sampled_from(["NOUN", "VERB", "AUX", "ADJ", "ADV", "PART", ""]),
            min_size=n,
            max_size=n,
        )
    )
    return SentenceGraph(words, heads, deps, pos)


_NAMES = ["_", *RELATIONS, "conj:or", "nmod:of", "obl:for", "obl:without|obl:from", "nmod|obl"]
_TESTS = st.one_of(
    st.just("{_}"),
    st.lists(st.sampled_from([*WORDS, "see", "exclude", "suggest"]), min_size=1, max_size=3).map(
        lambda words: "{" + "|".join(words) + "}"
    ),
)


@st.composite
def _steps(draw: st.DrawFn, depth: int, cue: bool) -> str:
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        part = draw(st.sampled_from("<>")) + draw(st.sampled_from(_NAMES))
        part += draw(st.sampled_from(["", "", "", "*"]))
        if draw(st.booleans()):
            part += " " + ("@" if cue and draw(st.booleans()) else "") + draw(_TESTS)
        parts.append(part + draw(_branches(depth)))
    return " ".join(parts)


@st.composite
def _branches(draw: st.DrawFn, depth: int) -> str:
    if depth == 0 or draw(st.integers(0, 3)):
        return ""
    negated = draw(st.booleans())
    return f" [{'!' if negated else ''}{draw(_steps(depth - 1, not negated))}]"


@st.composite
def random_patterns(draw: st.DrawFn) -> str:
    """Draw a pattern in the notation of the rule files."""
    start = draw(_branches(1))
    steps = draw(_steps(1, True)) if not start or draw(st.booleans()) else ""
    return f"mention{start} {steps}".rstrip()


@st.composite
def walked_patterns(draw: st.DrawFn, graph: SentenceGraph) -> str:
    """Draw a pattern that follows a random walk through `graph`, so that it often matches."""
    node = draw(st.integers(0, len(graph.words) - 1))
    parts = ["mention", draw(_branches(1))]
    path = [node]
    for _ in range(draw(st.integers(1, 4))):
        ways = [("<", rel, other) for rel, other in graph.up[node] if other not in path]
        ways += [(">", rel, other) for rel, other in graph.down[node] if other not in path]
        if not ways:
            break
        arrow, rel, node = draw(st.sampled_from(ways))
        path.append(node)
        word = graph.words[node]
        relation = draw(st.sampled_from([rel, rel.partition(":")[0], f"obj|{rel}", "_"]))
        test = draw(st.sampled_from(["", "{_}", "@{_}", f"{{{word}}}", f"@{{{word}|see}}"]))
        parts.append(f"{arrow}{relation}{draw(st.sampled_from(['', '', '*']))} {test}")
        if draw(st.booleans()):
            others = [(">", r, o) for r, o in graph.down[node] if o not in path]
            if others:
                arrow, rel, other = draw(st.sampled_from(others))
                parts.append(f"[{arrow}{rel} @{{{graph.words[other]}}}]")
    if len(parts) == 2 and not parts[1]:
        parts.append(">_*")
    return " ".join(part for part in parts if part)


@st.composite
def graphs_and_patterns(draw: st.DrawFn) -> tuple[SentenceGraph, str]:
    """Draw a graph and a pattern, which half of the time was made from a walk through it."""
    graph = draw(random_graphs())
    made = walked_patterns(graph) if draw(st.booleans()) else random_patterns()
    return graph, draw(made)
