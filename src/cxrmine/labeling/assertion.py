"""The status of a mention: surface cues where they are sure, the dependency graph where not.

For every sentence three steps, each cheaper than the next:

1. **Survey.** Find the cue phrases. A mention with no cue on either side is ``present``. A cue
   that is joined to the mention by nothing but nouns, adjectives, commas and "or" decides it.
2. **Graph.** Where words stand between them that could end the cue's reach (a verb, a
   preposition, "which"), the sentence is parsed and the rules' patterns walk from the mention.
3. **Fallback.** Where the graph finds no cue, which a wrong parse can cause, a near cue counts.

Of several rules that hold, the one with the highest priority wins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cxrmine.labeling.graph import ASSERTING, SentenceGraph
from cxrmine.labeling.patterns import match
from cxrmine.labeling.rules import Rule, RuleSet

Span = tuple[int, int]


class Decision(NamedTuple):
    """The status of one mention, the cue's token indices, the rule's id, and which layer said it."""

    status: str
    cue: tuple[int, ...]
    rule: str
    layer: str


PRESENT = Decision("present", (), "", "none")

# How words between a cue and a mention bear on the cue's reach.
_NEUTRAL, _HAZARD, _VERB, _STOP = 0, 1, 2, 3
_CLASS: dict[str, int] = {}
for _word in """with in on at from by for to into within along near over under above below around
    about across adjacent as than that due secondary related associated given after before since
    during until between toward towards upon via per like including such causing versus vs
    : ( ) - – " [ ] = > so then there this it he she they we patient
    compared status post while when where""".split():
    _CLASS[_word] = _HAZARD
for _word in """is are was were be been being has have had do does did can could may might will would
    should must remain remains remained appear appears appeared seem seems seemed show shows showed
    shown demonstrate demonstrates demonstrated reveal reveals revealed represent represents
    represented representing reflect reflects reflecting suggest suggests suggested suggesting
    indicate indicates indicating indicated seen identified noted visualized present evident found
    detected appreciated observed increased decreased improved worsened developed resolved
    persists persist continues obscures obscured extends extending overlying involving
    obscuring lies projects exclude excluded account accounting explain presented presents
    complained complains states stated reports reported denies denied went came taken taking
    treated started admitted given received underwent gets got became becomes""".split():
    _CLASS[_word] = _VERB
for _word in "but however although though except which who whom whose ; yet nevertheless apart aside otherwise because whereas . ? ! •".split():
    _CLASS[_word] = _STOP
# "No X is seen" closes a negation without ending it; "no X is unchanged" is two statements.
_SEEN = frozenset(
    """seen identified noted visualized visualised present evident appreciated observed detected
    demonstrated apparent visible found shown suspected definitely clearly definitively
    confidently convincingly well currently now recognized recognised suggested there""".split()
)
_FINITE = frozenset("is are was were has have had remains remain appears appear".split())


@dataclass(slots=True)
class Reach:
    """A cue that may hold for a mention: how sure, how far."""

    rule: Rule
    cue: tuple[int, ...]
    sure: bool
    near: bool
    distance: int


@dataclass(slots=True)
class Survey:
    """What the first step found for one sentence."""

    words: Sequence[str]
    spans: Sequence[Span]
    reaches: list[list[Reach]] = field(default_factory=list)
    ask_graph: list[bool] = field(default_factory=list)


ParsedWords = tuple[Sequence[str], Sequence[int], Sequence[str], Sequence[str]]
Parse = Callable[[Sequence[Sequence[str]]], Sequence[ParsedWords]]


class Assertion:
    """Decides the status of mentions.

    Parameters
    ----------
    rules
        The loaded rules.
    parse
        Parses sentences given as words; returns for each ``(words, heads, deps, pos)``.
    lemma
        ``lemma(word, pos)`` in lower case.
    use_graph, use_surface
        Switch one layer off, to see what the other is worth (`scripts/ablation.py`).
    """

    def __init__(
        self,
        rules: RuleSet,
        parse: Parse,
        lemma: Callable[[str, str], str],
        *,
        use_graph: bool = True,
        use_surface: bool = True,
    ) -> None:
        self.rules = rules
        self._parse = parse
        self._lemma = lemma
        self.use_graph = use_graph
        self.use_surface = use_surface
        self._triggers = frozenset(rules.by_word)
        self.parsed_sentences = 0

    # ---------------------------------------------------------------- step 1
    def survey(self, words: Sequence[str], spans: Sequence[Span]) -> Survey:
        """Find the cues of a sentence and what they surely decide."""
        result = Survey(words, spans)
        hits = self.rules.cues.find(words)
        triggers = self._triggers
        loose = [i for i, w in enumerate(words) if w in triggers] if self.use_graph else []
        if not hits and not loose:
            result.reaches = [[] for _ in spans]
            result.ask_graph = [False] * len(spans)
            return result
        classes = [_CLASS.get(w, 0) for w in words]
        accounted = set()
        for start, end, _ in hits:
            accounted.update(range(start, end))
        unaccounted = [i for i in loose if i not in accounted]
        for first, last in spans:
            reaches: list[Reach] = []
            ask = not self.use_surface and bool(loose)
            for start, end, cues in hits:
                if start < last and first < end:
                    continue  # a cue inside the mention belongs to its name
                for cue in cues:
                    if cue.rule.status == "none":
                        continue
                    if end <= first and cue.after:
                        reach = self._forward(words, classes, spans, end, first, last, cue)
                    elif last <= start and cue.before:
                        reach = self._backward(words, classes, spans, last, start, cue)
                    else:
                        continue
                    if reach is None:
                        continue
                    sure, near, distance = reach
                    reaches.append(
                        Reach(cue.rule, tuple(range(start, end)), sure, near, distance)
                    )
                    if not sure:
                        ask = True
            if unaccounted and any(not (first <= i < last) for i in unaccounted):
                ask = True
            result.reaches.append(reaches)
            result.ask_graph.append(ask and self.use_graph)
        return result

    def _forward(self, words, classes, spans, end, first, last, cue):  # type: ignore[no-untyped-def]
        distance = first - end
        if distance > cue.within:
            return None
        hazard = 0
        for k in range(end, first):
            c = classes[k]
            if c == _STOP:
                return None
            if c > hazard:
                hazard = c
        if cue.adjacent and (hazard or distance > 4 or "," in words[end:first]):
            return None
        between = words[end:first]
        if distance and ("," in between or "and" in between):
            # "no A, stable B": a new statement unless "or"/"nor" carries the list on
            link = max(k for k in range(end, first) if words[k] in (",", "and"))
            closes = "or" in words[link:first] or "nor" in words[link:first]
            if not closes:
                lead = words[link + 1 : first + 1]
                if any(w in ASSERTING for w in lead):
                    later = words[last:]
                    hazard = max(hazard, _HAZARD if ("or" in later or "nor" in later) else _VERB)
            if last < len(words) and words[last] in _FINITE and not (
                last + 1 < len(words)
                and (words[last + 1] in _SEEN or words[last + 1] in ("not", "n't"))
            ):
                hazard = max(hazard, _VERB)
        sure = hazard == _NEUTRAL and distance <= 12
        near = hazard < _VERB and distance <= 10
        return sure, near, distance

    def _backward(self, words, classes, spans, last, start, cue):  # type: ignore[no-untyped-def]
        distance = start - last
        if distance > cue.within:
            return None
        hazard = 0
        for k in range(last, start):
            c = classes[k]
            if c == _STOP:
                return None
            if c > hazard:
                hazard = c
        if cue.adjacent and (hazard or distance > 3):
            return None
        if "," in words[last:start] and "or" not in words[last:start] and "and" not in words[last:start]:
            hazard = max(hazard, _HAZARD)
        sure = hazard == _NEUTRAL and distance <= 8
        near = hazard < _VERB and distance <= 6
        return sure, near, distance

    # ---------------------------------------------------------------- steps 2 and 3
    def decide(self, surveys: Sequence[Survey], masked: bool) -> list[list[Decision]]:
        """Return each survey's decisions, parsing in one batch what must be parsed.

        With `masked`, a mention's words are replaced by one plain noun before parsing, so that
        sentences which differ only in their findings are parsed once and in words that the
        parser knows.
        """
        wanted: dict[tuple[str, ...], None] = {}
        requests: list[tuple[tuple[str, ...], list[int]] | None] = []
        for survey in surveys:
            if True in survey.ask_graph:
                words, index = mask(survey.words, survey.spans if masked else ())
                wanted[words] = None
                requests.append((words, index))
            else:
                requests.append(None)
        graphs: dict[tuple[str, ...], SentenceGraph] = {}
        if wanted:
            keys = list(wanted)
            self.parsed_sentences += len(keys)
            for key, (_, heads, deps, pos) in zip(keys, self._parse(keys), strict=True):
                graphs[key] = SentenceGraph(key, heads, deps, pos)
        decisions: list[list[Decision]] = []
        for survey, request in zip(surveys, requests, strict=True):
            row: list[Decision] = []
            graph = graphs[request[0]] if request else None
            back = _invert(request[1]) if request else {}
            for span, reaches, ask in zip(
                survey.spans, survey.reaches, survey.ask_graph, strict=True
            ):
                found = None
                if ask and graph is not None and request is not None:
                    found = self._walk(graph, request[1], span)
                row.append(self._choose(reaches, found, ask, back))
            decisions.append(row)
        return decisions

    def _walk(
        self, graph: SentenceGraph, index: list[int], span: Span
    ) -> tuple[Rule, list[int]] | None:
        nodes = sorted({index[i] for i in range(*span)})
        inside = set(nodes)
        head = next((i for i in nodes if graph.heads[i] not in inside or graph.heads[i] == i), nodes[-1])
        words, pos = graph.words, graph.pos
        lemma = self._lemma

        def lemma_at(i: int) -> str:
            return lemma(words[i], pos[i])

        candidates: list[tuple[Rule, list[int]]] = []
        seen: set[int] = set()
        by_word = self.rules.by_word
        for i in range(len(words)):
            for form in {words[i], lemma_at(i)}:
                for rule, pattern in by_word.get(form, ()):
                    if id(pattern) in seen:
                        continue
                    seen.add(id(pattern))
                    cue = match(pattern, graph, head, lemma_at)
                    if cue is not None and not inside.issuperset(cue):
                        candidates.append((rule, cue))
        if not candidates:
            return None
        return max(candidates, key=lambda c: (c[0].priority, -c[0].order))

    def _choose(
        self,
        reaches: list[Reach],
        found: tuple[Rule, list[int]] | None,
        asked: bool,
        back: dict[int, list[int]],
    ) -> Decision:
        best: tuple[int, int, Decision] | None = None
        if self.use_surface:
            for reach in reaches:
                if not (reach.sure or (reach.near and found is None)):
                    continue
                key = (reach.rule.priority, -reach.rule.order)
                if best is None or key > best[:2]:
                    layer = "surface" if reach.sure else "fallback"
                    best = (*key, Decision(reach.rule.status, reach.cue, reach.rule.id, layer))
        if found is not None:
            rule, nodes = found
            key = (rule.priority, -rule.order)
            if best is None or key > best[:2]:
                cue = tuple(sorted({t for n in nodes for t in back.get(n, ())}))
                best = (*key, Decision(rule.status, cue, rule.id, "graph"))
        if best is None or best[2].status == "none":
            return PRESENT
        return best[2]


def mask(words: Sequence[str], spans: Sequence[Span]) -> tuple[tuple[str, ...], list[int]]:
    """Replace each mention that is a noun phrase by one plain noun.

    Returns the new words and, for each old token, the index of the new one that stands for it.
    """
    replace = {s: e for s, e in spans if not any(w in _FINITE or w == "," for w in words[s:e])}
    if not replace:
        return tuple(words), list(range(len(words)))
    out: list[str] = []
    index: list[int] = []
    i = 0
    n = len(words)
    while i < n:
        end = replace.get(i)
        if end is not None:
            last = words[end - 1]
            if last.endswith(("ed", "ing", "ic", "al", "ous")):
                # an adjective or participle is no noun: leave it to the parser as it stands
                for k in range(i, end):
                    index.append(len(out))
                    out.append(words[k])
            else:
                plural = last.endswith("s") and not last.endswith(("ss", "is", "us", "axs"))
                index += [len(out)] * (end - i)
                out.append("opacities" if plural else "opacity")
            i = end
        else:
            index.append(len(out))
            out.append(words[i])
            i += 1
    return tuple(out), index


def _invert(index: list[int]) -> dict[int, list[int]]:
    back: dict[int, list[int]] = {}
    for old, new in enumerate(index):
        back.setdefault(new, []).append(old)
    return back
