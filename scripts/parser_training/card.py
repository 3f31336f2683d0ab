"""The model card that lies beside the weights, written from what training measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.parser_training.score import Scores

_CARD = """\
# en_cxrmine_ud: the dependency parser of cxrmine

A small spaCy {spacy} pipeline (`tok2vec`, `morphologizer`, `parser`) for English radiology reports:
Universal Dependencies v2 relations, universal parts of speech. One `Doc` is one sentence; the parser
was trained with `is_sent_start` set and never splits. Load it with
`cxrmine.language.parser.load_parser()`; its tokens are those of `cxrmine.language.tokens.tokenize`
(words keep their hyphens, contractions split).

Written by `python scripts/train_parser.py{options}`; do not edit by hand.

## Training data

| source | sentences | licence |
|---|---|---|
| UD English EWT, train (sentences of two words or more) | {ewt} | CC BY-SA 4.0 |
| GENIA treebank in UD v1 (AllenAI's conversion), dev and future_use, converted to v2 | {genia} | annotations CC BY 3.0, abstracts from PubMed |
| Generated radiology and clinical trees (`scripts/parser_training/generate.py`) | {generated} | this project's |

UD English GUM and GENTLE are partly non-commercial: nothing of them is in the weights; GENTLE's
medical documents only score them. No report of any hospital or of Open-i was trained on.

Hyphenated words of the treebanks are merged; of each epoch's sentences {lower:.0%} are lower-cased,
2% are in capitals, and a quarter lose their final stop.

## Scores

Attachment in percent over all tokens but punctuation. *Rule arcs* are those that a rule for status may walk:
arcs at a cue (no, without, free, denies …), between conjuncts, and to prepositions and determiners.

{table}

*Radiology (own)* are {own} sentences of `tests/data/parser/radiology.conllu`, written and annotated
by hand for this project and not trained on. They flatter the parser: they are short, the author of
the generator wrote them, and the first model's errors on them were read, which mended about ten
annotations and showed what the generator lacked. The medical documents of GENTLE are clinical notes
by others and were looked at for label conventions only.

## Size and speed

{size:.1f} MB. {speed} words a second through `cxrmine.language.parser.parse_words` on one thread of
{machine}; training took {minutes:.0f} minutes on one thread of it.

## Limits

English only. The trees of long or telegraphic sentences are often wrong somewhere; rules should
not stand on an arc that carries no meaning for them. "X versus Y" is a coordination (EWT has
`case`), "X seen." a clause without its auxiliary, "Lungs: clear." a heading with `parataxis`.

## Licence

The weights are derived from EWT and are licensed CC BY-SA 4.0 (`LICENSE`); `NOTICE` holds the
attributions, among them: Corpus annotations (c) GENIA Project.
"""


def write_card(
    path: Path,
    scores: Mapping[str, Scores],
    training: Mapping[str, Any],
    *,
    own: int,
    size: float,
    speed: int,
) -> None:
    """Write the card.

    Parameters
    ----------
    path
        Where to.
    scores
        By test set, in order.
    training
        What ``train_parser.train_and_save`` returned.
    own
        Number of the project's own test sentences.
    size
        Of the pipeline's files, in 10^6 bytes.
    speed
        Words a second.
    """
    rows = [
        "| test set | tokens | UAS | LAS | parts of speech | rule arcs | rule UAS | rule LAS |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    rows += [
        f"| {name} | {s.tokens:,} | {s.uas:.1f} | {s.las:.1f} | {s.pos:.1f} | {s.rule_arcs:,} | "
        f"{s.rule_uas:.1f} | {s.rule_las:.1f} |"
        for name, s in scores.items()
    ]
    sentences = {name: f"{count:,}" for name, count in training["sentences"].items()}
    path.write_text(
        _CARD.format(
            spacy=training["spacy"],
            options=training["options"],
            lower=training["lower"],
            machine=training["machine"],
            minutes=training["minutes"],
            **sentences,
            own=own,
            table="\n".join(rows),
            size=size,
            speed=f"{round(speed, -3):,}",
        ),
        encoding="utf-8",
    )
