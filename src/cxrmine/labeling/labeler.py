"""The labeler: a report's text in, its mentions and their statuses out.

Reports repeat themselves, so the unit of work is the distinct sentence: each is tokenized,
matched and judged once and kept; only sentences with a cue whose reach is in doubt are parsed,
in one batch, and never the same (masked) sentence twice.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from itertools import islice
from operator import index
from pathlib import Path
from typing import Any, NamedTuple

from cxrmine.collector import collector_off
from cxrmine.labeling.assertion import PRESENT, Assertion, Decision, Survey
from cxrmine.labeling.matcher import Matcher
from cxrmine.labeling.mention import Mention
from cxrmine.labeling.rules import RuleSet, load_rules
from cxrmine.labeling.schemes import Scheme, SchemeError, load_scheme, scheme_names
from cxrmine.labeling.vocabulary import Vocabulary, load_vocabulary
from cxrmine.language.sentences import split_sentences
from cxrmine.language.tokens import TOKEN, tokenize
from cxrmine.reports.body_parts import of_the_chest
from cxrmine.reports.report import Report
from cxrmine.reports.sections import scored_sections
from cxrmine.resources import data_dir

# How many distinct sentences and section bodies are remembered; bounds the memory of a run over
# millions of reports.
_REMEMBER = 100_000
_BATCH = 2_000
_LONGEST = 3_000  # characters of a sentence


class Found(NamedTuple):
    """A mention within its sentence; offsets are relative to the sentence."""

    start: int
    end: int
    text: str
    finding: str
    concept: str
    status: str
    cue: str
    rule: str


class LabeledReport:
    """A report with its mentions.

    Attributes
    ----------
    report_id
        The report's id (empty where only a text was given).
    text
        The original text, into which every offset points.
    mentions
        The mentions in the order of the text.
    is_empty
        Whether nothing in the report counts: no text, or none but an indication or the like.
    """

    __slots__ = ("_labeler", "is_empty", "mentions", "report_id", "text")

    def __init__(
        self,
        report_id: str,
        text: str,
        mentions: tuple[Mention, ...],
        is_empty: bool,
        labeler: Labeler | None,
    ) -> None:
        self.report_id = report_id
        self.text = text
        self.mentions = mentions
        self.is_empty = is_empty
        self._labeler = labeler

    def labels(self, scheme: str = "chestxray14") -> dict[str, int | None]:
        """Return the labels by column, in the scheme's order.

        Raises
        ------
        SchemeError
            If there is no such scheme; the message lists those that exist.
        """
        if self._labeler is None:
            raise RuntimeError("a pickled report has no labels: take them before pickling it")
        return self._labeler.scheme(scheme).labels(self.mentions, is_empty=self.is_empty)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the labeler, which is heavy: a copy has its mentions but no `labels`."""
        return LabeledReport, (self.report_id, self.text, self.mentions, self.is_empty, None)

    def __repr__(self) -> str:
        return f"LabeledReport({len(self.mentions)} mentions)"


class Labeler:
    """Finds the concepts of the vocabulary in reports and decides their status.

    Use `Labeler.load`.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        rules: RuleSet,
        assertion: Assertion,
        vocab_dir: Path,
        parser_name: str,
        parser_fingerprint: str,
        negex: Any = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.rules = rules
        self.assertion = assertion
        self.vocab_dir = vocab_dir
        self.matcher = Matcher(vocabulary)
        self._parser_name = parser_name
        self._parser_fingerprint = parser_fingerprint
        self._negex = negex
        self._schemes: dict[str, Scheme] = {}
        self._sentences: dict[str, tuple[Found, ...]] = {}
        self._bodies: dict[str, tuple[tuple[int, int], ...]] = {}
        # A statement of normality or about the examination is seldom hedged: no parse for it.
        self._judged = [c.type not in ("norm", "tech") for c in vocabulary.concepts]
        self._names = [(c.finding, c.id) for c in vocabulary.concepts]

    @classmethod
    def load(
        cls,
        *,
        rules: str | Path | None = None,
        vocab: str | Path | None = None,
        parser: str | None = None,
        assertion: str = "cxrmine",
        use_graph: bool = True,
        use_surface: bool = True,
    ) -> Labeler:
        """Load a labeler.

        Parameters
        ----------
        rules, vocab
            Folders of your own in place of the shipped ``rules/`` and ``vocab/``.
        parser
            An installed spaCy pipeline in place of the bundled one.
        assertion
            ``cxrmine``, or ``negex`` to let negspacy decide (extra ``[negex]``).
        use_graph, use_surface
            Switch one layer of the assertion off, to see what the other is worth.

        Raises
        ------
        UserError
            If a folder, a rule, a concept or the pipeline cannot be used.
        """
        from cxrmine.errors import UserError
        from cxrmine.language.parser import lemma, load_parser, parse_words, parser_fingerprint

        if assertion not in ("cxrmine", "negex"):
            raise UserError(f"There is no assertion {assertion!r}: use cxrmine or negex.")
        with collector_off():
            vocab_dir = data_dir("vocab") if vocab is None else Path(vocab)
            vocabulary = load_vocabulary(vocab_dir / "findings.yaml")
            ruleset = load_rules(rules)
            nlp = load_parser(parser)

            def parse(sentences: Sequence[Sequence[str]]) -> Any:
                return parse_words(nlp, sentences)

            decide = Assertion(ruleset, parse, lemma, use_graph=use_graph, use_surface=use_surface)
            negex = None
            if assertion == "negex":
                from cxrmine.labeling.negex import NegexAssertion

                negex = NegexAssertion()
            labeler = cls(
                vocabulary,
                ruleset,
                decide,
                vocab_dir,
                parser or "en_cxrmine_ud",
                parser_fingerprint(nlp),
                negex,
            )
        # spaCy and the vocabulary are hundreds of thousands of objects that live as long as the
        # process: without this every full garbage collection walks them (0.1 s each).
        gc.freeze()
        return labeler

    # ------------------------------------------------------------------ labels
    def scheme(self, name: str) -> Scheme:
        """Return the scheme `name`, loaded once."""
        scheme = self._schemes.get(name)
        if scheme is None:
            scheme = load_scheme(name, self.vocab_dir, self.vocabulary)
            unknown = sorted(scheme.rule_values.keys() - self.rules.by_id.keys())
            if unknown:  # a scheme may name a shipped rule that somebody's own rules leave out
                unknown = sorted(set(unknown) - load_rules().by_id.keys())
            if unknown:
                raise SchemeError(
                    f"{name}.yaml: rules: there is no rule {unknown[0]!r} among the loaded rules; "
                    "take it out of the scheme or give --rules a folder that has it."
                )
            self._schemes[name] = scheme
        return scheme

    def schemes(self) -> list[str]:
        """Return the names of the schemes that the vocabulary folder has."""
        return scheme_names(self.vocab_dir)

    def columns(self, scheme: str) -> tuple[str, ...]:
        """Return the label columns of a scheme in order."""
        return self.scheme(scheme).columns

    def fingerprint(self) -> dict[str, str]:
        """Return versions and SHA-256 hashes of everything that decides a label."""
        return {
            "cxrmine": metadata.version("cxrmine"),
            "vocabulary_sha256": self.vocabulary.fingerprint,
            "rules_sha256": self.rules.fingerprint,
            "parser": self._parser_name,
            "parser_sha256": self._parser_fingerprint,
            "assertion": "negex" if self._negex is not None else "cxrmine",
        }

    def label(self, report: str | Report) -> LabeledReport:
        """Label one report, a `Report` or its text."""
        return self.label_many([report])[0]

    def label_many(self, reports: Iterable[str | Report]) -> list[LabeledReport]:
        """Label reports in order, in batches."""
        if isinstance(reports, str):
            raise TypeError("label_many takes several reports; label takes one")
        return list(self.iter_many(reports))

    def iter_many(
        self, reports: Iterable[str | Report], batch_size: int = _BATCH
    ) -> Iterator[LabeledReport]:
        """Label a stream of reports in order; at most `batch_size` are held at a time."""
        stream = iter(reports)
        while batch := list(islice(stream, batch_size)):
            with collector_off():
                labeled = self._label_batch(batch)
            yield from labeled

    def _label_batch(self, batch: Sequence[str | Report]) -> list[LabeledReport]:
        known = self._sentences
        bodies = self._bodies
        if len(known) > _REMEMBER or len(bodies) > _REMEMBER:
            known.clear()
            bodies.clear()
        fresh: dict[str, None] = {}
        layouts = []
        for report in batch:
            if isinstance(report, str):
                report_id, text, given = "", report, None
            elif not isinstance(report, Report):
                raise TypeError(
                    f"a report is a str or a cxrmine.reports.report.Report, not {type(report).__name__}"
                )
            else:
                report_id, text, given = report.report_id, report.text, report.sections
            layout = []
            for name, start, end in scored_sections(text, given):
                body = text[start:end]
                spans = bodies.get(body)
                if spans is None:
                    sentences = of_the_chest(body, split_sentences(body))
                    spans = bodies[body] = tuple(bounded(body, sentences))
                for first, last in spans:
                    sentence = body[first:last]
                    layout.append((name, start + first, sentence))
                    if sentence not in known:
                        fresh[sentence] = None
            layouts.append((report_id, text, layout))
        if fresh:
            self._judge(list(fresh))
        return [self._assemble(*layout) for layout in layouts]

    def _assemble(
        self, report_id: str, text: str, layout: list[tuple[str, int, str]]
    ) -> LabeledReport:
        known = self._sentences
        mentions: list[Mention] = []
        for section, origin, sentence in layout:
            found = known[sentence]
            if found:
                stop = origin + len(sentence)
                mentions += [
                    Mention(
                        section,
                        sentence,
                        origin + start,
                        origin + end,
                        words,
                        finding,
                        concept,
                        status,
                        cue,
                        rule,
                        origin,
                        stop,
                    )
                    for start, end, words, finding, concept, status, cue, rule in found
                ]
        is_empty = not layout
        return LabeledReport(report_id, text, tuple(mentions), is_empty, self)

    def _judge(self, sentences: Sequence[str]) -> None:
        """Match and judge distinct sentences and remember the result."""
        known = self._sentences
        match = self.matcher.match
        judged = self._judged
        pending: list[tuple[str, list[tuple[int, int]], list[Any], Survey]] = []
        for sentence in sentences:
            lower = sentence.lower()
            if len(lower) != len(sentence):  # a few letters grow in lower case
                offsets = tokenize(sentence)
                words = [sentence[a:b].lower() for a, b in offsets]
                matches = match(words)
            else:
                words = TOKEN.findall(lower)
                matches = match(words)
                offsets = locate(lower, words) if matches else []
            if not matches:
                known[sentence] = ()
                continue
            if self._negex is not None:
                decisions = self._negex.decide(sentence, offsets, matches)
                self._remember(sentence, offsets, matches, decisions)
                continue
            survey = self.assertion.survey(
                words, [(m[0], m[1]) for m in matches], [judged[m[2]] for m in matches]
            )
            pending.append((sentence, offsets, matches, survey))
        if pending:
            decided = self.assertion.decide([p[3] for p in pending], masked=True)
            for (sentence, offsets, matches, _), decisions in zip(pending, decided, strict=True):
                self._remember(sentence, offsets, matches, decisions)

    def _remember(
        self,
        sentence: str,
        offsets: Sequence[tuple[int, int]],
        matches: Sequence[Any],
        decisions: Sequence[Decision],
    ) -> None:
        names = self._names
        found = []
        for (first, last, concept), (status, cue, rule, _) in zip(matches, decisions, strict=True):
            start, end = offsets[first][0], offsets[last - 1][1]
            text = cue_text(sentence, offsets, cue) if cue else ""
            finding, name = names[concept]
            found.append(Found(start, end, sentence[start:end], finding, name, status, text, rule))
        self._sentences[sentence] = tuple(found)

    # ------------------------------------------------------------------ anybody's spans
    def assert_with_cues(
        self, text: str, spans: Sequence[tuple[int, int]]
    ) -> list[tuple[str, str, str]]:
        """Return ``(status, cue text, rule id)`` for each span of `text`."""
        found = []
        for decision, home in self._assert(text, spans):
            cue = cue_text(text, home, decision.cue) if decision.cue else ""
            found.append((decision.status, cue, decision.rule))
        return found

    def assert_spans(self, text: str, spans: Sequence[tuple[int, int]]) -> list[Decision]:
        """Return the decision for each span of `text`; see `assert_status`."""
        return [decision for decision, _ in self._assert(text, spans)]

    def _assert(
        self, text: str, spans: Sequence[tuple[int, int]]
    ) -> list[tuple[Decision, list[tuple[int, int]]]]:
        """Return each span's decision with the token offsets that its cue counts in."""
        for span in spans:
            try:
                start, end = (index(offset) for offset in span)
            except (TypeError, ValueError):
                start, end = -1, -1
            if not 0 <= start < end <= len(text):
                raise ValueError(
                    f"span {span!r} does not lie within the text: give half-open character "
                    f"offsets with 0 <= start < end <= {len(text)}"
                )
        sentences = list(bounded(text, split_sentences(text)))
        jobs: dict[int, list[int]] = {}
        for number, (start, end) in enumerate(spans):
            home = next((i for i, (s, e) in enumerate(sentences) if s < end and start < e), None)
            jobs.setdefault(-1 if home is None else home, []).append(number)
        nothing: tuple[Decision, list[tuple[int, int]]] = (PRESENT, [])
        result = [nothing] * len(spans)
        homes: list[list[tuple[int, int]]] = []
        surveys: list[Survey] = []
        owners: list[list[int]] = []
        for home, numbers in jobs.items():
            s, e = sentences[home] if home >= 0 else (0, len(text))
            offsets = tokenize(text, s, e)
            words = [text[a:b].lower() for a, b in offsets]
            token_spans = []
            kept = []
            for number in numbers:
                start, end = spans[number]
                inside = [i for i, (a, b) in enumerate(offsets) if a < end and start < b]
                if inside:
                    token_spans.append((inside[0], inside[-1] + 1))
                    kept.append(number)
            if kept and self._negex is not None:
                local = [(a - s, b - s) for a, b in offsets]
                judged = self._negex.decide(text[s:e], local, [(a, b, 0) for a, b in token_spans])
                for number, decision in zip(kept, judged, strict=True):
                    result[number] = (decision, offsets)
            elif kept:
                surveys.append(self.assertion.survey(words, token_spans))
                owners.append(kept)
                homes.append(offsets)
        for numbers, offsets, decisions in zip(
            owners, homes, self.assertion.decide(surveys, masked=False), strict=True
        ):
            for number, decision in zip(numbers, decisions, strict=True):
                result[number] = (decision, offsets)
        return result


def bounded(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Cut spans longer than any sentence at white space.

    Judging takes time by the square of a sentence's mentions; a broken file may hold megabytes
    without a full stop.
    """
    for start, end in spans:
        while end - start > _LONGEST:
            stop = start + _LONGEST
            spaces = (i for i in range(stop, stop - _LONGEST // 2, -1) if text[i].isspace())
            cut = next(spaces, stop)
            yield start, start + len(text[start:cut].rstrip())
            start = cut
            while start < end and text[start].isspace():
                start += 1
        if start < end:
            yield start, end


def locate(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Return the offsets of the tokens `words` of `text`: between them stands only white space."""
    find = text.find
    at = 0
    offsets = []
    for word in words:
        start = find(word, at)
        at = start + len(word)
        offsets.append((start, at))
    return offsets


def cue_text(sentence: str, offsets: Sequence[tuple[int, int]], cue: Sequence[int]) -> str:
    """Return the words of a cue; words that are not neighbours are joined by an ellipsis."""
    parts: list[str] = []
    first = previous = cue[0]
    for token in [*cue[1:], None]:
        if token is not None and token == previous + 1:
            previous = token
            continue
        parts.append(sentence[offsets[first][0] : offsets[previous][1]])
        if token is not None:
            first = previous = token
    return " … ".join(parts)


_default: Labeler | None = None


def assert_status(text: str, spans: Iterable[tuple[int, int]]) -> list[str]:
    """Return the status of each span of a text, in order, as a string.

    Parameters
    ----------
    text
        Any text; no section logic is applied.
    spans
        Half-open character offsets ``(start, end)`` into `text`.

    Returns
    -------
    list of str
        One of ``present, probable, possible, absent, historical, hypothetical`` for each span.

    Raises
    ------
    ValueError
        If a span does not lie within the text or is empty.

    Examples
    --------
    >>> import cxrmine
    >>> cxrmine.assert_status("No fever, but mild cough.", [(3, 8), (19, 24)])
    ['absent', 'present']
    """
    global _default
    if _default is None:
        _default = Labeler.load()
    return [decision.status for decision in _default.assert_spans(text, list(spans))]
