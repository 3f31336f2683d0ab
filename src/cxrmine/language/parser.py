"""The dependency parser: the bundled pipeline by default, any installed spaCy pipeline by name.

`parse_words` gives every parser's trees in one form: Universal Dependencies v2 labels, one tree
a sentence. The bundled pipeline (``models/en_cxrmine_ud``, see its README) is run without Docs of
its own words, see `cxrmine.language.encoder`; another pipeline runs as spaCy runs it, and its
labels are translated where they are not UD v2 (`cxrmine.language.ud_labels`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from cxrmine.errors import UserError
from cxrmine.language.lemmas import lemma

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

__all__ = [
    "BUNDLED",
    "ParsedSentence",
    "ParserNotFound",
    "lemma",
    "load_parser",
    "parse_words",
    "parser_fingerprint",
    "register_tokenizer",
]

BUNDLED = "en_cxrmine_ud"
_MODELS = Path(__file__).resolve().parent / "models"

#: Components that neither parse nor feed the parser: left out, for they only cost time.
_NOT_NEEDED = (
    "ner", "entity_linker", "entity_ruler", "lemmatizer", "textcat", "textcat_multilabel",
    "senter", "sentencizer", "spancat", "span_ruler", "coref", "abbreviation_detector",
)  # fmt: skip

#: Sentences parsed in one go: large enough for wide matrices, small enough for the cache.
_BATCH = 192


#: Files in a pipeline's folder that change nothing of what it does.
_PAPERS = ("README", "LICENSE", "NOTICE", "training", ".")


class ParserNotFound(UserError):
    """The parser that a user asked for is not installed or is no parser."""


class ParsedSentence(NamedTuple):
    """One sentence's dependency tree over *n* words.

    Attributes
    ----------
    words
        The words as given.
    heads
        For each word the index of its head in the sentence, -1 for the root.
    deps
        For each word its Universal Dependencies v2 relation (``root`` for the root).
    pos
        For each word its universal part of speech (``NOUN``, ``VERB``, …).
    """

    words: Sequence[str]
    heads: list[int]
    deps: list[str]
    pos: list[str]


def load_parser(name: str | None = None) -> Language:
    """Return a spaCy pipeline that parses; nothing is ever downloaded.

    Parameters
    ----------
    name
        Name of an installed pipeline (``en_core_sci_md``) or its folder; the bundled one by
        default.

    Raises
    ------
    ParserNotFound
        If there is no such pipeline here or it has no dependency parser; the message lists the
        installed ones.
    """
    import spacy

    register_tokenizer()
    if name is None or name == BUNDLED:
        return spacy.load(_MODELS / BUNDLED)
    try:
        nlp = spacy.load(name, exclude=list(_NOT_NEEDED))
    except OSError as error:
        if Path(name).exists():
            raise ParserNotFound(
                f"{name!r} is no spaCy pipeline that can be read ({_first_line(error)}); "
                "name a folder that spaCy's `nlp.to_disk` wrote."
            ) from error
        raise ParserNotFound(
            f"The spaCy pipeline {name!r} is not installed here; installed: "
            f"{', '.join(installed_parsers())}. Install it with pip, or name one of these or a "
            "pipeline's folder."
        ) from error
    if not any(kind in _PARSER_FACTORIES for kind in _factories(nlp)):
        raise ParserNotFound(
            f"The spaCy pipeline {name!r} has no dependency parser (it has "
            f"{', '.join(nlp.pipe_names) or 'no components'}); name one that has, such as {BUNDLED}."
        )
    return nlp


_PARSER_FACTORIES = frozenset({"parser", "beam_parser", "experimental_arc_predicter"})


def _factories(nlp: Language) -> list[str]:
    return [nlp.get_pipe_meta(p).factory for p in nlp.pipe_names]


def installed_parsers() -> list[str]:
    """Return the names `load_parser` takes: the bundled pipeline, then the installed ones."""
    import spacy.util

    return [f"{BUNDLED} (bundled)", *sorted(spacy.util.get_installed_models())]


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def parser_fingerprint(nlp: Language) -> str:
    """Return the SHA-256 of the pipeline's configuration and weights, in hexadecimal digits.

    The bundled pipeline's, and that of any pipeline read from a folder, is that of its files;
    otherwise of what the pipeline would write.
    """
    digest = hashlib.sha256()
    folder = nlp.path
    if folder is not None and Path(folder).is_dir():
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and not path.name.startswith(_PAPERS):
                digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
                digest.update(path.read_bytes())
    else:
        digest.update(nlp.to_bytes())
    return digest.hexdigest()


# --------------------------------------------------------------------------- tokens


class ReportTokenizer:
    """spaCy's view of `cxrmine.language.tokens.tokenize`, for ``nlp(text)``."""

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        """Return the text as a Doc; white space other than one blank is a token, as in spaCy."""
        from spacy.tokens import Doc

        from cxrmine.language.tokens import tokenize

        words: list[str] = []
        spaces: list[bool] = []
        at = 0
        for start, end in tokenize(text):
            gap = text[at:start]
            if gap:
                if gap[0] == " " and words:
                    spaces[-1] = True
                    gap = gap[1:]
                if gap:
                    words.append(gap)
                    spaces.append(False)
            words.append(text[start:end])
            spaces.append(False)
            at = end
        rest = text[at:]
        if rest[:1] == " " and words:
            spaces[-1] = True
            rest = rest[1:]
        if rest:
            words.append(rest)
            spaces.append(False)
        return Doc(self.vocab, words=words, spaces=spaces)

    # spaCy writes and reads a tokenizer with the pipeline; this one has no state.
    def to_bytes(self, **_: Any) -> bytes:
        """Return nothing: there is no state."""
        return b""

    def from_bytes(self, _data: bytes, **_: Any) -> ReportTokenizer:
        """Read nothing."""
        return self

    def to_disk(self, _path: Any, **_: Any) -> None:
        """Write nothing."""

    def from_disk(self, _path: Any, **_: Any) -> ReportTokenizer:
        """Read nothing."""
        return self


TOKENIZER = "cxrmine.ReportTokenizer.v1"


def create_tokenizer() -> Callable[[Language], ReportTokenizer]:
    """Return what spaCy's registry calls to make a pipeline's tokenizer."""

    def make(nlp: Language) -> ReportTokenizer:
        return ReportTokenizer(nlp.vocab)

    return make


def register_tokenizer() -> None:
    """Make the bundled pipeline's tokenizer known to spaCy; harmless if done twice."""
    import spacy

    if not spacy.registry.has("tokenizers", TOKENIZER):
        spacy.registry.tokenizers(TOKENIZER, func=create_tokenizer)


# --------------------------------------------------------------------------- parsing

_ENGINES: WeakKeyDictionary[Language, Callable[[list[Sequence[str]]], list[ParsedSentence]]] = (
    WeakKeyDictionary()
)
_LOWER = re.compile(r"[a-z]")


def parse_words(nlp: Language, sentences: Sequence[Sequence[str]]) -> list[ParsedSentence]:
    """Return the dependency trees of sentences given as words, in order.

    A sentence is never split. One without a lower-case letter (a report dictated in capitals) is
    lower-cased for the parser; the result holds the words as given.

    Parameters
    ----------
    nlp
        From `load_parser`.
    sentences
        Words of each sentence, as `cxrmine.language.tokens.tokenize` cuts them.
    """
    engine = _ENGINES.get(nlp)
    if engine is None:
        engine = _ENGINES[nlp] = _make_engine(nlp)
    lowered = [_without_capitals(words) for words in sentences]
    # Sentences of like length go together: a batch takes as many steps as its longest one.
    order = sorted((i for i, s in enumerate(lowered) if s), key=lambda i: len(lowered[i]))
    parsed: list[ParsedSentence] = [ParsedSentence([], [], [], [])] * len(sentences)
    for begin in range(0, len(order), _BATCH):
        batch = order[begin : begin + _BATCH]
        for i, tree in zip(batch, engine([lowered[i] for i in batch]), strict=True):
            parsed[i] = ParsedSentence(sentences[i], tree.heads, tree.deps, tree.pos)
    return parsed


def _without_capitals(words: Sequence[str]) -> Sequence[str]:
    if any(map(_LOWER.search, words)):
        return words
    return [w.lower() for w in words]


def _make_engine(nlp: Language) -> Callable[[list[Sequence[str]]], list[ParsedSentence]]:
    ours = BUNDLED.partition("_")[2]
    if nlp.meta.get("name") == ours and nlp.pipe_names == ["tok2vec", "morphologizer", "parser"]:
        try:
            return _BundledEngine(nlp)
        except ValueError:
            # Trained with another architecture than the script's: spaCy's own way runs it too.
            return _SpacyEngine(nlp)
    return _SpacyEngine(nlp)


class _BundledEngine:
    """Runs the bundled pipeline's three components without Docs of the sentences' words."""

    def __init__(self, nlp: Language) -> None:
        import numpy as np
        from spacy.attrs import DEP, HEAD
        from spacy.tokens import Doc
        from thinc.api import NumpyOps

        from cxrmine.language.encoder import Encoder
        from cxrmine.language.one_thread import one_thread

        self._one_thread = one_thread
        self._encode = Encoder(nlp)
        self._parser = nlp.get_pipe("parser")
        # numpy's matrix product is the faster one for these shapes.
        ops = NumpyOps(use_blis=False)
        for layer in self._parser.model.walk():
            layer.ops = ops
        tagger = nlp.get_pipe("morphologizer")
        output = next(x for x in tagger.model.walk(order="dfs_post") if x.name == "softmax")
        self._tag_weights = np.ascontiguousarray(np.asarray(output.get_param("W")).T)
        self._tag_bias = np.asarray(output.get_param("b"))
        self._tags = [
            label.partition("POS=")[2].partition("|")[0] or "X" for label in tagger.labels
        ]
        # The parser looks at a Doc's length alone once it has the vectors.
        self._vocab = nlp.vocab
        self._attributes = [HEAD, DEP]
        self._label: dict[int, str] = {}
        self._doc = Doc
        self._numpy = np

    def __call__(self, sentences: list[Sequence[str]]) -> list[ParsedSentence]:
        with self._one_thread():
            return self._parse(sentences)

    def _parse(self, sentences: list[Sequence[str]]) -> list[ParsedSentence]:
        np, vocab = self._numpy, self._vocab
        vectors = self._encode(sentences)
        docs = []
        for words, vector in zip(sentences, vectors, strict=True):
            n = len(words)
            doc = self._doc(vocab, words=["x"] * n, sent_starts=[True] + [False] * (n - 1))
            doc.tensor = vector
            docs.append(doc)
        self._parser.set_annotations(docs, self._parser.predict(docs))
        tag_rows = np.concatenate(vectors) @ self._tag_weights
        tag_rows += self._tag_bias
        tags = tag_rows.argmax(axis=1).tolist()
        names = self._tags
        parsed = []
        at = 0
        for doc in docs:
            n = len(doc)
            # HEAD is an offset, as an unsigned number that wraps around.
            arcs = doc.to_array(self._attributes).view(np.int64)
            heads = arcs[:, 0].tolist()
            labels = [self._name(d) for d in arcs[:, 1].tolist()]
            parsed.append(
                ParsedSentence(
                    (),
                    [i + h if h else -1 for i, h in enumerate(heads)],
                    labels,
                    [names[t] for t in tags[at : at + n]],
                )
            )
            at += n
        return parsed

    def _name(self, label: int) -> str:
        name = self._label.get(label)
        if name is None:
            name = self._vocab.strings[label % 2**64]
            name = "root" if name == "ROOT" else name.partition("||")[0]
            self._label[label] = name
        return name


class _SpacyEngine:
    """Runs any pipeline as spaCy does, and translates its labels."""

    def __init__(self, nlp: Language) -> None:
        from spacy.tokens import Doc

        from cxrmine.language.ud_labels import to_universal

        self._nlp = nlp
        self._doc = Doc
        self._to_universal = to_universal

    def __call__(self, sentences: list[Sequence[str]]) -> list[ParsedSentence]:
        vocab = self._nlp.vocab
        docs = [
            self._doc(vocab, words=list(words), sent_starts=[True] + [False] * (len(words) - 1))
            for words in sentences
        ]
        parsed = []
        for doc in self._nlp.pipe(docs, batch_size=_BATCH):
            heads, deps, pos = self._to_universal(
                [t.lower_ for t in doc],
                [-1 if t.head.i == t.i else t.head.i for t in doc],
                [t.dep_ for t in doc],
                [t.pos_ for t in doc],
                [t.tag_ for t in doc],
            )
            parsed.append(ParsedSentence((), heads, deps, pos))
        return parsed
