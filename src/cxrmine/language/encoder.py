"""The bundled parser's word vectors, computed with what repeats computed once.

spaCy's tok2vec embeds every token anew and convolves rows of padding between sentences. In
reports the same few thousand words return, so here everything that depends on one word alone
(hash embedding, the mixing layer, and the word's three shares in the first convolution) is kept
by word; the remaining layers run on the rows that can still reach a token, in numpy, whose
matrix product is twice as fast as thinc's for these shapes. The numbers are those of
``tok2vec.predict`` (tested against it), and no `Doc` or lexeme is made, so that memory stays
flat over any number of reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from spacy.language import Language

Floats = NDArray[np.float32]

#: Words kept before the table starts anew: bounds memory (to about 32 MB) on any input.
_MAX_WORDS = 8192


class _MaxoutNorm:
    """A maxout layer and the layer normalisation after it."""

    def __init__(self, maxout: Any, norm: Any) -> None:
        weights = np.asarray(maxout.get_param("W"))  # (outputs, pieces, inputs)
        self.outputs, self.pieces, self.inputs = weights.shape
        # Pieces side by side, so that the maximum is one of whole slices.
        self.weights: Floats = np.ascontiguousarray(
            weights.transpose(2, 1, 0).reshape(self.inputs, -1)
        )
        self.bias: Floats = np.asarray(maxout.get_param("b")).T.reshape(-1).copy()
        self.gain: Floats = np.asarray(norm.get_param("G"))
        self.shift: Floats = np.asarray(norm.get_param("b"))

    def finish(self, sums: Floats) -> Floats:
        """Return maximum over pieces, normalised; `sums` has the bias in it and is overwritten."""
        width = self.outputs
        best: Floats = sums[:, :width]
        for piece in range(1, self.pieces):
            best = np.maximum(best, sums[:, piece * width : (piece + 1) * width])
        # thinc's layernorm: variance plus 1e-8 under the root.
        best = np.subtract(best, best.sum(axis=1, keepdims=True) * np.float32(1 / width))
        variance = np.einsum("ij,ij->i", best, best) * np.float32(1 / width)
        best *= (1.0 / np.sqrt(variance + np.float32(1e-8)))[:, None]
        best *= self.gain
        best += self.shift
        return best

    def __call__(self, rows: Floats) -> Floats:
        sums = rows @ self.weights
        sums += self.bias
        return self.finish(sums)


class Encoder:
    """``tok2vec`` of a pipeline built by ``scripts/train_parser.py``, for lists of words.

    Parameters
    ----------
    nlp
        The pipeline; its component ``tok2vec`` is a MultiHashEmbed and a MaxoutWindowEncoder
        of window 1.

    Raises
    ------
    ValueError
        If the component is built otherwise.
    """

    def __init__(self, nlp: Language) -> None:
        from spacy.attrs import IDS
        from spacy.strings import get_string_id

        model = nlp.get_pipe("tok2vec").model
        layers: dict[str, list[Any]] = {}
        for layer in model.walk(order="dfs_pre"):
            layers.setdefault(layer.name, []).append(layer)
        maxouts, norms = layers.get("maxout", []), layers.get("layernorm", [])
        windows = layers.get("expand_window", [])
        if len(maxouts) != len(norms) or len(maxouts) < 2 or len(windows) != len(maxouts) - 1:
            raise ValueError("this tok2vec is no MultiHashEmbed with a MaxoutWindowEncoder")
        if any(w.attrs["window_size"] != 1 for w in windows):
            raise ValueError("this tok2vec looks further than one word at each layer")
        self._mix = _MaxoutNorm(maxouts[0], norms[0])
        self._layers = [_MaxoutNorm(m, n) for m, n in zip(maxouts[1:], norms[1:], strict=True)]
        self._tables = [
            (np.asarray(h.get_param("E")), h.attrs["seed"], h.attrs["column"])
            for h in layers["hashembed"]
        ]
        columns = layers["extract_features"][0].attrs["columns"]
        getters = nlp.vocab.lex_attr_getters
        self._getters = [getters[IDS[c] if isinstance(c, str) else c] for c in columns]
        self._string_id = get_string_id
        self._ops = model.ops
        self.width = self._mix.outputs
        self.depth = len(self._layers)
        self._reset()

    def _reset(self) -> None:
        width = self.width
        self._row: dict[str, int] = {}
        first = self._layers[0]
        # Row 0 is padding: zeros, which add nothing to a neighbour's sum.
        self._vectors: Floats = np.zeros((256, width), dtype=np.float32)
        # A word's share in the first convolution as left neighbour, centre, right neighbour.
        self._shares: Floats = np.zeros((256, 3, first.weights.shape[1]), dtype=np.float32)
        self._used = 1

    def _learn(self, words: list[str]) -> None:
        """Add words to the table."""
        if self._used + len(words) > len(self._vectors):
            size = max(2 * len(self._vectors), self._used + len(words))
            for name in ("_vectors", "_shares"):
                old = getattr(self, name)
                new = np.zeros((size, *old.shape[1:]), dtype=np.float32)
                new[: self._used] = old[: self._used]
                setattr(self, name, new)
        features = np.empty((len(words), len(self._getters)), dtype=np.uint64)
        for i, word in enumerate(words):
            for j, getter in enumerate(self._getters):
                features[i, j] = self._string_id(getter(word))
        embedded = []
        for table, seed, column in self._tables:
            rows = self._ops.hash(np.ascontiguousarray(features[:, column]), seed) % len(table)
            embedded.append(table[rows].sum(axis=1))
        vectors = self._mix(np.concatenate(embedded, axis=1).astype(np.float32))
        start, end = self._used, self._used + len(words)
        self._vectors[start:end] = vectors
        weights = self._layers[0].weights.reshape(3, self.width, -1)
        for place in range(3):
            self._shares[start:end, place] = vectors @ weights[place]
        self._row.update(zip(words, range(start, end), strict=True))
        self._used = end

    def __call__(self, sentences: Sequence[Sequence[str]]) -> list[Floats]:
        """Return one array (words × width) a sentence; they share memory.

        Equal to ``tok2vec.predict`` on Docs of the same words up to rounding.
        """
        known = self._row
        new = {w for words in sentences for w in words if w not in known}
        if new:
            if self._used + len(new) > _MAX_WORDS:
                self._reset()
                known = self._row
                new = {w for words in sentences for w in words}
            self._learn(sorted(new))
        # Rows: each sentence, then `depth` rows of padding, as thinc has them. No token is
        # reached from another sentence across these.
        pad = self.depth
        lengths = np.array([len(words) for words in sentences])
        starts = pad + np.concatenate(([0], np.cumsum(lengths + pad)[:-1]))
        total = int(starts[-1] + lengths[-1] + pad)
        rows = np.zeros(total, dtype=np.intp)
        at = starts.tolist()
        row_of = known.__getitem__
        for start, words in zip(at, sentences, strict=True):
            rows[start : start + len(words)] = list(map(row_of, words))
        x = self._vectors[rows]
        x += self._first(rows)
        # Of the layers that follow, compute only rows that a token still sees: at layer k of
        # `depth`, those at most depth - k away from a token.
        reach = np.zeros(total, dtype=bool)
        reach[rows > 0] = True
        distance = np.where(reach, 0, pad + 1)
        for step in range(1, pad):
            grown = reach.copy()
            grown[1:] |= reach[:-1]
            grown[:-1] |= reach[1:]
            distance[grown & ~reach] = step
            reach = grown
        for number, layer in enumerate(self._layers[1:], start=2):
            wanted = np.flatnonzero(distance <= self.depth - number)
            window = np.empty((len(wanted), 3 * self.width), dtype=np.float32)
            width = self.width
            window[:, :width] = x[wanted - 1]
            window[:, width : 2 * width] = x[wanted]
            window[:, 2 * width :] = x[wanted + 1]
            y = layer(window)
            y += window[:, width : 2 * width]
            x[wanted] = y
        return [x[start : start + len(words)] for start, words in zip(at, sentences, strict=True)]

    def _first(self, rows: NDArray[np.intp]) -> Floats:
        """The first convolution, from the words' shares."""
        shares = self._shares
        layer = self._layers[0]
        sums = shares[rows, 1]
        sums[1:] += shares[rows[:-1], 0]
        sums[:-1] += shares[rows[1:], 2]
        sums += layer.bias
        return layer.finish(sums)
