#!/usr/bin/env python
"""Train the dependency parser that ships with cxrmine, on one CPU core, in under half an hour.

    python scripts/train_parser.py [--data DIR] [--out DIR]

Reads the treebanks (EWT and GENIA to train; EWT, GENIA, GENTLE and the project's own radiology
trees to score), writes a spaCy pipeline and ``scores.json`` to the output folder, and prints the
scores.  The seed is fixed: on the same machine the same weights come out.
"""

from __future__ import annotations

import os

# One thread: sums in another order give other weights, and more threads gain nothing here.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import json
import platform
import random
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam, compounding, fix_random_seed

from cxrmine.language.parser import TOKENIZER, register_tokenizer

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from scripts.parser_training.convert import prepare  # noqa: E402
from scripts.parser_training.generate import generate, in_case, without_final_stop  # noqa: E402
from scripts.parser_training.score import Scores, score  # noqa: E402
from scripts.parser_training.trees import Tree, read_conllu  # noqa: E402

MODEL = REPOSITORY / "src/cxrmine/language/models/en_cxrmine_ud"
RADIOLOGY = REPOSITORY / "tests/data/parser/radiology.conllu"
MEDICAL = "GENTLE_medical"

CONFIG = {
    "tok2vec": {
        "model": {
            "@architectures": "spacy.Tok2Vec.v2",
            "embed": {
                "@architectures": "spacy.MultiHashEmbed.v2",
                "width": 64,
                "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
                "rows": [5000, 1000, 2500, 1000],
                "include_static_vectors": False,
            },
            "encode": {
                "@architectures": "spacy.MaxoutWindowEncoder.v2",
                "width": 64,
                "window_size": 1,
                "maxout_pieces": 3,
                "depth": 4,
            },
        }
    },
    "listener": {"@architectures": "spacy.Tok2VecListener.v1", "width": 64, "upstream": "tok2vec"},
}


def treebank_folder(given: Path | None) -> Path:
    """Return the treebanks' folder: as given, else in ``CXRMINE_DATA``, else ``../shared/data``."""
    data = Path(os.environ.get("CXRMINE_DATA", REPOSITORY.parent / "shared/data"))
    folder = given or data / "treebanks"
    if not (folder / "en_ewt-train.conllu.gz").exists():
        sys.exit(
            f"train_parser: no en_ewt-train.conllu.gz in {folder}; name the treebanks' folder with "
            "--data or its parent with CXRMINE_DATA."
        )
    return folder


def read_treebank(folder: Path, name: str) -> list[Tree]:
    trees = read_conllu(folder / f"{name}.conllu.gz")
    prepared = (prepare(t, version_1=name.startswith("genia")) for t in trees)
    return [t for t in prepared if t is not None]


def training_trees(folder: Path, generated: int, seed: int) -> list[Tree]:
    names = ("en_ewt-train", "genia-udv1-dev", "genia-udv1-future_use")
    trees = [t for name in names for t in read_treebank(folder, name)]
    return [t for t in trees if len(t) > 1] + list(generate(generated, seed))


def augmented(trees: Iterable[Tree], rng: random.Random) -> list[Tree]:
    """Return the trees as one epoch sees them: some in lower or upper case, some without a stop."""
    out = []
    for tree in trees:
        if rng.random() < 0.25:
            tree = without_final_stop(tree)
        # The labeler parses lower case; capitals are lower-cased first, so a little is enough.
        chance = rng.random()
        if chance < 0.5:
            tree = in_case(tree, str.lower)
        elif chance < 0.52:
            tree = in_case(tree, str.upper)
        out.append(tree)
    return out


def example(nlp: Language, tree: Tree) -> Example:
    """Return a spaCy example; one Doc is one sentence, before the parser and after."""
    starts = [True] + [False] * (len(tree) - 1)
    words = list(tree.words)
    predicted = Doc(nlp.vocab, words=words, sent_starts=starts)
    reference = Doc(
        nlp.vocab,
        words=words,
        pos=list(tree.pos),
        heads=[i if h < 0 else h for i, h in enumerate(tree.heads)],
        deps=["ROOT" if h < 0 else d for h, d in zip(tree.heads, tree.deps, strict=True)],
        sent_starts=starts,
    )
    return Example(predicted, reference)


def build(seed: int, args: argparse.Namespace) -> Language:
    fix_random_seed(seed)
    register_tokenizer()
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": TOKENIZER}}})
    width = args.width
    tok2vec = CONFIG["tok2vec"]["model"]
    tok2vec["embed"]["width"] = tok2vec["encode"]["width"] = CONFIG["listener"]["width"] = width
    tok2vec["encode"]["depth"] = args.depth
    tok2vec["encode"]["maxout_pieces"] = args.pieces
    tok2vec["embed"]["rows"] = args.rows
    nlp.add_pipe("tok2vec", config=CONFIG["tok2vec"])
    nlp.add_pipe(
        "morphologizer",
        config={
            "model": {
                "@architectures": "spacy.Tagger.v2",
                "tok2vec": CONFIG["listener"],
                "nO": None,
                "normalize": False,
            }
        },
    )
    nlp.add_pipe(
        "parser",
        config={
            "model": {
                "@architectures": "spacy.TransitionBasedParser.v2",
                "state_type": "parser",
                "extra_state_tokens": args.extra,
                "hidden_width": args.hidden,
                "maxout_pieces": 2,
                "use_upper": True,
                "tok2vec": CONFIG["listener"],
                "nO": None,
            },
            "min_action_freq": 20,
        },
    )
    return nlp


def by_words(examples: list[Example], sizes: Iterable[float]) -> Iterable[list[Example]]:
    """Yield batches of about so many words, of sentences of about the same length or not."""
    size = next(iter(sizes))
    batch: list[Example] = []
    words = 0
    sizes = iter(sizes)
    for eg in examples:
        batch.append(eg)
        words += len(eg.reference)
        if words >= size:
            yield batch
            batch, words, size = [], 0, next(sizes)
    if batch:
        yield batch


def parse(nlp: Language, trees: Sequence[Tree]) -> list[Tree]:
    docs = [
        Doc(nlp.vocab, words=list(t.words), sent_starts=[True] + [False] * (len(t) - 1))
        for t in trees
    ]
    out = []
    for doc in nlp.pipe(docs, batch_size=256):
        out.append(
            Tree(
                tuple(t.text for t in doc),
                tuple(-1 if t.head is t or t.head.i == t.i else t.head.i for t in doc),
                tuple("root" if t.dep_ == "ROOT" else t.dep_ for t in doc),
                tuple(t.pos_ for t in doc),
            )
        )
    return out


def score_all(nlp: Language, folder: Path) -> dict[str, Scores]:
    gold = {
        "EWT test": read_treebank(folder, "en_ewt-test"),
        "GENIA test": read_treebank(folder, "genia-udv1-test"),
        "GENTLE medical": [
            t for t in read_treebank(folder, "en_gentle-test") if t.document.startswith(MEDICAL)
        ],
    }
    if RADIOLOGY.exists():
        gold["radiology (own)"] = list(read_conllu(RADIOLOGY))
    return {name: score(trees, parse(nlp, trees)) for name, trees in gold.items()}


def train(trees: list[Tree], seed: int, args: argparse.Namespace, dev: list[Tree]) -> Language:
    nlp = build(seed, args)
    rng = random.Random(seed)
    nlp.initialize(lambda: [example(nlp, t) for t in trees])
    total = 0
    optimizer = Adam(
        learn_rate=0.001, beta1=0.9, beta2=0.999, L2=0.01, L2_is_weight_decay=True, grad_clip=1.0
    )
    sizes = compounding(200.0, args.batch, 1.003)
    words_an_epoch = sum(map(len, trees))
    steps_done = 0
    begin = time.perf_counter()
    for epoch in range(args.epochs):
        epoch_trees = augmented(trees, rng)
        rng.shuffle(epoch_trees)
        losses: dict[str, float] = {}
        for batch in by_words([example(nlp, t) for t in epoch_trees], sizes):
            total += sum(len(eg.reference) for eg in batch)
            # Linear decay: the last epochs settle what the first ones found.
            share = total / (words_an_epoch * args.epochs)
            optimizer.learn_rate = args.rate * min(1.0, steps_done / 200 + 0.05) * (1.0 - 0.95 * share)
            nlp.update(batch, sgd=optimizer, drop=args.dropout, losses=losses)
            steps_done += 1
        minutes = (time.perf_counter() - begin) / 60
        line = f"epoch {epoch + 1:2d}  {minutes:5.1f} min"
        if dev and (epoch % 2 == 1 or epoch + 1 == args.epochs):
            s = score(dev, parse(nlp, dev))
            line += f"  EWT dev UAS {s.uas:.2f} LAS {s.las:.2f} POS {s.pos:.2f}"
        print(line, {k: round(v) for k, v in losses.items()}, flush=True)
    # The running average of the weights over about the last tenth of the steps scores better than
    # the last weights.
    for component in (nlp.get_pipe(name) for name in nlp.pipe_names):
        for layer in component.model.walk():
            for param in layer.param_names:
                key = (layer.id, param)
                if key in optimizer.averages and layer.has_param(param):
                    layer.set_param(param, optimizer.averages[key].copy())
    return nlp


def save(nlp: Language, out: Path) -> None:
    nlp.meta.update(
        name="cxrmine_ud",
        version="1.0.0",
        description="Dependency parser for radiology reports: Universal Dependencies v2.",
        author="the cxrmine authors",
        license="CC BY-SA 4.0",
        sources=[
            {"name": "UD English EWT 2", "license": "CC BY-SA 4.0"},
            {"name": "GENIA treebank (UD v1 by AllenAI)", "license": "CC BY 3.0 (annotations)"},
        ],
    )
    nlp.to_disk(out)
    # Training left every word it saw in the string store; loading needs the labels alone.
    keep = set(nlp.get_pipe("parser").labels) | set(nlp.get_pipe("morphologizer").labels)
    keep |= {label.partition("=")[2] for label in keep if "=" in label} | {"ROOT", "dep", "en"}
    strings = out / "vocab" / "strings.json"
    strings.write_text(json.dumps(sorted(keep)), encoding="utf-8")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the treebanks")
    parser.add_argument("--out", type=Path, default=MODEL, help="where the pipeline goes")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--generated", type=int, default=4000, help="number of generated trees")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--pieces", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--extra", action="store_true")
    parser.add_argument("--batch", type=float, default=800.0)
    parser.add_argument("--rate", type=float, default=0.002)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--rows", type=int, nargs=4, default=[5000, 1000, 2500, 1000])
    args = parser.parse_args(argv)
    folder = treebank_folder(args.data)
    begin = time.perf_counter()
    random.seed(args.seed)
    numpy.random.seed(args.seed)
    trees = training_trees(folder, args.generated, args.seed)
    print(f"{len(trees)} trees, {sum(map(len, trees))} words", flush=True)
    nlp = train(trees, args.seed, args, read_treebank(folder, "en_ewt-dev")[:700])
    save(nlp, args.out)
    results = score_all(nlp, folder)
    minutes = (time.perf_counter() - begin) / 60
    for name, s in results.items():
        print(
            f"{name:18} {s.tokens:6} tokens  UAS {s.uas:5.2f}  LAS {s.las:5.2f}  POS {s.pos:5.2f}"
            f"  rule arcs {s.rule_arcs} UAS {s.rule_uas:5.2f} LAS {s.rule_las:5.2f}"
        )
    record = {
        "scores": {name: vars(s) for name, s in results.items()},
        "minutes": round(minutes, 1),
        "machine": f"{platform.processor() or platform.machine()}, one thread",
        "seed": args.seed,
    }
    (args.out / "scores.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"{minutes:.1f} minutes")


if __name__ == "__main__":
    main()
