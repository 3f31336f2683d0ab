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
from itertools import pairwise
from typing import NamedTuple

from cxrmine.labeling.graph import SentenceGraph
from cxrmine.labeling.patterns import Pattern, match
from cxrmine.labeling.reach import FINITE, backward, classify, forward
from cxrmine.labeling.rules import Rule, RuleSet, SurfaceCue

Span = tuple[int, int]


class Decision(NamedTuple):
    """The status of one mention, the cue's token indices, the rule's id, and which layer said it."""

    status: str
    cue: tuple[int, ...]
    rule: str
    layer: str


PRESENT = Decision("present", (), "", "none")
# The first letters of forms that a lemma of the rules cannot be told from: thought, felt, went …
_IRREGULAR = frozenset({"th", "fe", "wa", "we", "ar", "is", "ha"})
_CONTRASTS = frozenset({"but", "however", "although", "though", "except", "despite", "whereas"})
# Negations that are part of a finding's name: "absent pulses", "negative pressure".
_NAMING = frozenset({"absent", "absence", "lack", "negative", "neg", "free", "clear"})
_HEDGES = frozenset({"possible", "probable", "hypothetical"})


@dataclass(slots=True)
class Candidate:
    """A cue that may hold for a mention: how sure, how far."""

    rule: Rule
    cue: tuple[int, ...]
    sure: bool
    near: bool


@dataclass(slots=True)
class Survey:
    """What the first step found for one sentence."""

    words: Sequence[str]
    spans: Sequence[Span]
    reaches: list[list[Candidate]] = field(default_factory=list)
    ask_graph: list[bool] = field(default_factory=list)


_Hit = tuple[int, int, tuple[SurfaceCue, ...]]


class _Loose(NamedTuple):
    """A word that could set off a pattern of at most `priority`.

    `owner` is the mention that it is part of: its words are no cues for another mention.
    """

    token: int
    priority: int
    owner: Span | None

    def could_decide(self, span: Span, best: int) -> bool:
        """Whether a parse could let this word overrule what has priority `best` for `span`."""
        first, last = span
        return (
            self.priority > best
            and not first <= self.token < last
            and (self.owner is None or (self.owner[0] < last and first < self.owner[1]))
        )


class _Reached(NamedTuple):
    """The cues that may hold for a mention.

    `best` and `doubt` are the highest priorities among those that surely reach it and among those
    whose reach is in doubt (-1: none); `denied` says that a negation stands right before it.
    """

    candidates: list[Candidate]
    best: int
    doubt: int
    denied: bool


class _View:
    """What the reach of every cue of a sentence depends on."""

    __slots__ = ("ahead", "behind", "classes", "hedges", "repeated", "words")

    def __init__(self, words: Sequence[str], ahead: Sequence[_Hit], behind: Sequence[_Hit]) -> None:
        self.words = words
        self.ahead = ahead
        self.behind = behind
        self.classes = classify(words)
        self.hedges = {
            i
            for start, end, cues in ahead
            if any(cue.rule.status in _HEDGES for cue in cues)
            for i in range(start, end)
        }
        # "No A, no B, C noted": the sentence denies item by item.
        self.repeated = sum(any(cue.denies for cue in cues) for _, _, cues in ahead) > 1


ParsedWords = tuple[Sequence[str], Sequence[int], Sequence[str], Sequence[str]]
Parse = Callable[[Sequence[Sequence[str]]], Sequence[ParsedWords]]


class _Trigger(NamedTuple):
    """A pattern that a word of the sentence could set off, and what else it needs there."""

    rule: Rule
    pattern: Pattern
    required: tuple[frozenset[str], ...]


class _Heat(NamedTuple):
    """What a word can do: begin a cue before or behind a mention, set off patterns."""

    ahead: bool
    behind: bool
    triggers: tuple[_Trigger, ...]


class _Words(dict[str, _Heat | None]):
    """Word → what it can do, or None for the most that can do nothing; filled as words come."""

    def __init__(self, rules: RuleSet, lemma: Callable[[str, str], str]) -> None:
        super().__init__()
        self._rules = rules
        self._lemma = lemma
        self._needs: dict[int, tuple[frozenset[str], ...]] = {}
        # A word and its lemma share their first letters, but for the few of `_IRREGULAR`.
        self._openings = {word[:2] for word in rules.by_word} | _IRREGULAR

    def _required(self, pattern: Pattern) -> tuple[frozenset[str], ...]:
        required = self._needs.get(id(pattern))
        if required is None:
            required = self._needs[id(pattern)] = pattern.required_words()
        return required

    def __missing__(self, word: str) -> _Heat | None:
        triggers: dict[int, _Trigger] = {}
        if word[:2] in self._openings:
            forms = {word, *(self._lemma(word, pos) for pos in ("VERB", "NOUN"))}
            for form in sorted(forms):
                for rule, pattern in self._rules.by_word.get(form, ()):
                    triggers[id(pattern)] = _Trigger(rule, pattern, self._required(pattern))
        heat = _Heat(
            self._rules.before_mention.opens(word),
            self._rules.behind_mention.opens(word),
            tuple(triggers.values()),
        )
        if len(self) >= 100_000:
            self.clear()
        self[word] = found = heat if any(heat) else None
        return found


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
        self._heat = _Words(rules, lemma)
        self.parsed_sentences = 0

    # ---------------------------------------------------------------- step 1
    def _set_off(self, word: str) -> tuple[_Trigger, ...]:
        """Return the patterns whose cue `word` could be, in any of its forms."""
        heat = self._heat[word]
        return heat.triggers if heat is not None else ()

    def survey(
        self,
        words: Sequence[str],
        spans: Sequence[Span],
        asking: Sequence[bool] | None = None,
    ) -> Survey:
        """Find the cues of a sentence and what they surely decide.

        Parameters
        ----------
        words
            The sentence's tokens, lower case.
        spans
            The mentions, half-open in tokens.
        asking
            For each mention whether it is worth a parse (all are, by default).
        """
        result = Survey(words, spans)
        heat = self._heat
        hot = [(i, h) for i, word in enumerate(words) if (h := heat[word]) is not None]
        ahead: Sequence[_Hit] = ()
        behind: Sequence[_Hit] = ()
        loose: Sequence[_Loose] = ()
        if hot:
            ahead = self.rules.before_mention.find(words, [i for i, h in hot if h.ahead])
            behind = self.rules.behind_mention.find(words, [i for i, h in hot if h.behind])
            if self.use_graph:
                loose = self._loose(words, spans, hot, [*ahead, *behind])
        if not (ahead or behind or loose):
            result.reaches = [[] for _ in spans]
            result.ask_graph = [False] * len(spans)
            return result
        view = _View(words, ahead, behind)
        for number, span in enumerate(spans):
            found = self._reach(view, span) if self.use_surface else _Reached([], -1, -1, False)
            result.reaches.append(found.candidates)
            result.ask_graph.append(
                self.use_graph
                and not found.denied  # "no X": nothing further off can speak for it
                and (asking is None or asking[number])
                and (
                    found.doubt > found.best
                    or any(word.could_decide(span, found.best) for word in loose)
                )
            )
        return result

    def _loose(
        self,
        words: Sequence[str],
        spans: Sequence[Span],
        hot: Sequence[tuple[int, _Heat]],
        hits: Sequence[_Hit],
    ) -> list[_Loose]:
        """Return the words that could set off a pattern and that no cue phrase accounts for."""
        taken: set[int] = set()
        if self.use_surface:
            for start, end, _ in hits:
                taken.update(range(start, end))
        loose = []
        for i, heat in hot:
            if not heat.triggers or i in taken:
                continue
            highest = -1
            for trigger in heat.triggers:
                if trigger.rule.priority > highest and all(
                    not need.isdisjoint(words) for need in trigger.required
                ):
                    highest = trigger.rule.priority
            if highest >= 0:
                owner = next(((s, e) for s, e in spans if s <= i < e and e - s > 1), None)
                loose.append(_Loose(i, highest, owner))
        return loose

    def _reach(self, view: _View, span: Span) -> _Reached:
        """Return the cues that may hold for one mention, and how far they settle its status."""
        first, last = span
        words, classes = view.words, view.classes
        candidates: list[Candidate] = []
        best = doubt = -1
        closed = denied = False
        ahead = view.ahead
        for start, end, _ in ahead:
            if start < first < end:
                # A cue that runs into the mention counts as far as it stands before it.
                ahead = [
                    *self.rules.before_mention.find(words[:first]),
                    *(hit for hit in ahead if hit[0] >= first),
                ]
                break
        for start, end, cues in ahead:
            if start > first:
                break
            opens = start == first and end < last  # it opens somebody's span: "prior empyema"
            if end > first and (not opens or words[start] in _NAMING):
                continue  # behind the mention, or part of its name
            for cue in cues:
                reach = forward(
                    words, classes, view.hedges, min(end, first), first, last, cue, view.repeated
                )
                if reach is None:
                    continue
                sure, near, distance = reach
                candidates.append(Candidate(cue.rule, tuple(range(start, end)), sure, near))
                if sure:
                    best = max(best, cue.rule.priority)
                    closed = closed or distance <= 1
                    denied = denied or (cue.denies and distance <= 2)
                else:
                    doubt = max(doubt, cue.rule.priority)
        for start, end, cues in view.behind:
            if start < last:
                continue
            for cue in cues:
                reach = backward(words, classes, first, last, start, end, cue, closed)
                if reach is None:
                    continue
                sure, near, _ = reach
                candidates.append(Candidate(cue.rule, tuple(range(start, end)), sure, near))
                if sure:
                    best = max(best, cue.rule.priority)
                else:
                    doubt = max(doubt, cue.rule.priority)
        return _Reached(candidates, best, doubt, denied)

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
                row.append(self._choose(reaches, found, back) if reaches or found else PRESENT)
            decisions.append(row)
        return decisions

    def _walk(
        self, graph: SentenceGraph, index: list[int], span: Span
    ) -> tuple[Rule, list[int]] | None:
        nodes = sorted({index[i] for i in range(*span)})
        inside = set(nodes)
        head = next(
            (i for i in nodes if graph.heads[i] not in inside or graph.heads[i] == i), nodes[-1]
        )
        words, pos = graph.words, graph.pos
        lemma = self._lemma

        def lemma_at(i: int) -> str:
            return lemma(words[i], pos[i])

        candidates: list[tuple[Rule, list[int]]] = []
        seen: set[int] = set()
        for word in dict.fromkeys(words):
            for trigger in self._set_off(word):
                if id(trigger.pattern) in seen:
                    continue
                seen.add(id(trigger.pattern))
                cue = match(trigger.pattern, graph, head, lemma_at)
                if (
                    cue is not None
                    and not inside.issuperset(cue)
                    and not _apart(words, nodes, cue, trigger.rule.status)
                ):
                    candidates.append((trigger.rule, cue))
        if not candidates:
            return None
        return max(candidates, key=lambda c: (c[0].priority, -c[0].order))

    def _choose(
        self,
        reaches: list[Candidate],
        found: tuple[Rule, list[int]] | None,
        back: dict[int, list[int]],
    ) -> Decision:
        best: tuple[int, int, Decision] | None = None
        if self.use_surface:
            # A cue in doubt counts only where nothing better speaks.
            fallback = found is None and not any(reach.sure for reach in reaches)
            for reach in reaches:
                if not (reach.sure or (reach.near and fallback)):
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
        return PRESENT if best is None else best[2]


def _apart(words: Sequence[str], nodes: Sequence[int], cue: Sequence[int], status: str) -> bool:
    """Whether a semicolon, or for a negation a contrast, keeps cue and mention apart.

    A wrong parse may join what the writer has set apart.
    """
    if cue[-1] < nodes[0]:
        between = words[cue[-1] + 1 : nodes[0]]
        if ("other", "than") in pairwise(between):
            return True
        if status == "absent" and not _CONTRASTS.isdisjoint(between):
            return True
    else:
        between = words[nodes[-1] + 1 : cue[0]]
    return ";" in between


def mask(words: Sequence[str], spans: Sequence[Span]) -> tuple[tuple[str, ...], list[int]]:
    """Replace each mention that is a noun phrase by one plain noun.

    Returns the new words and, for each old token, the index of the new one that stands for it.
    """
    replace = {s: e for s, e in spans if not any(w in FINITE or w == "," for w in words[s:e])}
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
