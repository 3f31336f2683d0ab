"""The matcher and the assertion step as spaCy components, for anybody's pipeline.

.. code-block:: python

    nlp = spacy.blank("en")
    nlp.add_pipe("cxrmine_matcher")     # doc.spans["findings"], one span a mention
    nlp.add_pipe("cxrmine_assertion")   # span._.status, span._.cue, span._.rule

The entry points make the factories known to spaCy, which imports this module whenever a pipeline
is made: it therefore imports nothing but spaCy itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spacy.language import Language

if TYPE_CHECKING:
    from spacy.tokens import Doc

_EXTENSIONS = ("status", "cue", "rule")


class FindingMatcher:
    """Sets ``doc.spans[spans_key]``: one span a mention, labelled with the finding's name.

    The span's id (``span.id_``) is the concept's. Where a mention begins or ends inside one of
    the pipeline's tokens, the span takes the whole token.
    """

    def __init__(self, spans_key: str, vocab: str | None, set_ents: bool) -> None:
        from pathlib import Path

        from cxrmine.labeling.matcher import Matcher
        from cxrmine.labeling.vocabulary import load_vocabulary
        from cxrmine.resources import data_dir

        folder = data_dir("vocab") if vocab is None else Path(vocab)
        self.vocabulary = load_vocabulary(folder / "findings.yaml")
        self.matcher = Matcher(self.vocabulary)
        self.spans_key = spans_key
        self.set_ents = set_ents

    def __call__(self, doc: Doc) -> Doc:
        """Find the mentions of one document."""
        from spacy.util import filter_spans

        from cxrmine.language.sentences import split_sentences
        from cxrmine.language.tokens import tokenize

        text = doc.text
        spans = []
        for start, end in split_sentences(text):
            offsets = tokenize(text, start, end)
            words = [text[a:b].lower() for a, b in offsets]
            for first, last, index in self.matcher.match(words):
                concept = self.vocabulary.concepts[index]
                span = doc.char_span(
                    offsets[first][0],
                    offsets[last - 1][1],
                    label=concept.finding,
                    span_id=concept.id,
                    alignment_mode="expand",
                )
                if span is not None:
                    spans.append(span)
        doc.spans[self.spans_key] = spans
        if self.set_ents:
            doc.ents = filter_spans([*spans, *doc.ents])
        return doc


class FindingAssertion:
    """Sets ``span._.status``, ``span._.cue`` and ``span._.rule`` on a group of spans.

    The spans may come from anywhere: `cxrmine_matcher`, an entity ruler, a trained model. With
    ``spans_key="ents"`` the document's entities are judged.
    """

    def __init__(self, spans_key: str, rules: str | None, parser: str | None) -> None:
        from spacy.tokens import Span

        from cxrmine.labeling.labeler import Labeler

        self.labeler = Labeler.load(rules=rules, parser=parser)
        self.spans_key = spans_key
        for name in _EXTENSIONS:
            if not Span.has_extension(name):
                Span.set_extension(name, default=None)

    def __call__(self, doc: Doc) -> Doc:
        """Decide the status of each span of one document."""
        if self.spans_key == "ents":
            spans: list[Any] = list(doc.ents)
        else:
            spans = list(doc.spans.get(self.spans_key, ()))
        offsets = [(span.start_char, span.end_char) for span in spans]
        for span, found in zip(
            spans, self.labeler.assert_with_cues(doc.text, offsets), strict=True
        ):
            span._.status, span._.cue, span._.rule = found
        return doc


def create_matcher(
    nlp: Language,
    name: str,
    spans_key: str,
    vocab: str | None,
    set_ents: bool,
) -> FindingMatcher:
    """Make a `FindingMatcher` (factory ``cxrmine_matcher``)."""
    return FindingMatcher(spans_key, vocab, set_ents)


def create_assertion(
    nlp: Language,
    name: str,
    spans_key: str,
    rules: str | None,
    parser: str | None,
) -> FindingAssertion:
    """Make a `FindingAssertion` (factory ``cxrmine_assertion``)."""
    return FindingAssertion(spans_key, rules, parser)


# Defaults are plain strings, booleans and nulls: a pipeline's config must serialise to JSON.
Language.factory(
    "cxrmine_matcher",
    default_config={"spans_key": "findings", "vocab": None, "set_ents": False},
    assigns=["doc.spans"],
    func=create_matcher,
)
Language.factory(
    "cxrmine_assertion",
    default_config={"spans_key": "findings", "rules": None, "parser": None},
    func=create_assertion,
)
