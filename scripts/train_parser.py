#!/usr/bin/env python
"""Train the dependency parser that ships with cxrmine, on one CPU core, in under half an hour.

    python scripts/train_parser.py [--data DIR] [--out DIR]

Reads the treebanks (EWT and GENIA to train; EWT, GENIA, GENTLE and the project's own radiology
trees to score), writes a spaCy pipeline and its model card to the output folder, and prints the
scores.  The seed is fixed: on the same machine the same weights come out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

# One thread: sums in another order give other weights, and more threads gain nothing here.
if __name__ == "__main__":
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS"):
        os.environ[_name] = "1"

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

import numpy  # noqa: E402
import spacy  # noqa: E402
from scripts.parser_training.card import write_card  # noqa: E402
from scripts.parser_training.convert import prepare  # noqa: E402
from scripts.parser_training.generate import generate, in_case, without_final_stop  # noqa: E402
from scripts.parser_training.score import score  # noqa: E402
from scripts.parser_training.trees import Tree, read_conllu  # noqa: E402
from spacy.language import Language  # noqa: E402
from spacy.tokens import Doc  # noqa: E402
from spacy.training import Example  # noqa: E402
from thinc.api import Adam, NumpyOps, compounding, fix_random_seed, set_current_ops  # noqa: E402

from cxrmine.language.parser import (  # noqa: E402
    TOKENIZER,
    load_parser,
    parse_words,
    register_tokenizer,
)

MODEL = REPOSITORY / "src/cxrmine/language/models/en_cxrmine_ud"
RADIOLOGY = REPOSITORY / "tests/data/parser/radiology.conllu"
MEDICAL = "GENTLE_medical"
OWN = "radiology (own)"

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


def augmented(trees: Iterable[Tree], rng: random.Random, lower: float = 0.5) -> list[Tree]:
    """Return the trees as one epoch sees them: some in lower or upper case, some without a stop."""
    out = []
    for tree in trees:
        if rng.random() < 0.25:
            tree = without_final_stop(tree)
        # The labeler parses lower case; capitals are lower-cased first, so a little is enough.
        chance = rng.random()
        if chance < lower:
            tree = in_case(tree, str.lower)
        elif chance < lower + 0.02:
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
    # numpy's matrix product is about twice as fast as thinc's own for these shapes.
    set_current_ops(NumpyOps(use_blis=False))
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
                "extra_state_tokens": False,
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
    """Return the pipeline's trees over the same words."""
    parsed = parse_words(nlp, [t.words for t in trees])
    return [
        Tree(t.words, tuple(p.heads), tuple(p.deps), tuple(p.pos))
        for t, p in zip(trees, parsed, strict=True)
    ]


def parse_plainly(nlp: Language, trees: Sequence[Tree]) -> list[Tree]:
    """Return trees as spaCy's own way gives them, for weights that are still changing."""
    docs = nlp.pipe(example(nlp, t).predicted for t in trees)
    return [
        Tree(
            t.words,
            tuple(-1 if w.head.i == w.i else w.head.i for w in doc),
            tuple("root" if w.dep_ == "ROOT" else w.dep_ for w in doc),
            tuple(w.pos_ for w in doc),
        )
        for t, doc in zip(trees, docs, strict=True)
    ]


def gold_trees(folder: Path) -> dict[str, list[Tree]]:
    """Return the test sets by name."""
    gold = {
        "EWT test": read_treebank(folder, "en_ewt-test"),
        "GENIA test (converted)": read_treebank(folder, "genia-udv1-test"),
        "GENTLE medical": [
            t for t in read_treebank(folder, "en_gentle-test") if t.document.startswith(MEDICAL)
        ],
    }
    if RADIOLOGY.exists():
        gold[OWN] = list(read_conllu(RADIOLOGY))
    return gold


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
        epoch_trees = augmented(trees, rng, args.lower)
        rng.shuffle(epoch_trees)
        losses: dict[str, float] = {}
        for batch in by_words([example(nlp, t) for t in epoch_trees], sizes):
            total += sum(len(eg.reference) for eg in batch)
            # Linear decay: the last epochs settle what the first ones found.
            share = total / (words_an_epoch * args.epochs)
            optimizer.learn_rate = (
                args.rate * min(1.0, steps_done / 200 + 0.05) * (1.0 - 0.95 * share)
            )
            nlp.update(batch, sgd=optimizer, drop=args.dropout, losses=losses)
            steps_done += 1
        minutes = (time.perf_counter() - begin) / 60
        line = f"epoch {epoch + 1:2d}  {minutes:5.1f} min"
        if dev and epoch % 3 == 2:
            s = score(dev, parse_plainly(nlp, dev))
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


def words_a_second(nlp: Language, trees: Sequence[Tree]) -> float:
    """Measure `parse_words` on sentences in lower case, as the labeler gives them."""
    sentences = [[w.lower() for w in t.words] for t in trees]
    best = 0.0
    for _ in range(4):
        begin = time.process_time()
        parse_words(nlp, sentences)
        best = max(best, sum(map(len, sentences)) / (time.process_time() - begin))
    return best


def processor() -> str:
    """Return the processor's name as Linux knows it, else what Python knows."""
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in info.splitlines() if "model name" in line]
    return f"a machine with {len(names)} cores ({names[0]})" if names else platform.machine()


def arguments() -> argparse.ArgumentParser:
    """Return the command line; its defaults are what the shipped weights were trained with."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the treebanks")
    parser.add_argument("--out", type=Path, default=MODEL, help="where the pipeline goes")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--generated", type=int, default=6000, help="number of generated trees")
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--pieces", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--batch", type=float, default=1000.0, help="words a batch, at last")
    parser.add_argument("--rate", type=float, default=0.003, help="learning rate at its highest")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--lower", type=float, default=0.35, help="share of lower-cased sentences")
    parser.add_argument("--rows", type=int, nargs=4, default=[5000, 1000, 2500, 1000])
    parser.add_argument(
        "--score-only", action="store_true", help="train nothing; score --out, rewrite its card"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments().parse_args(argv)
    folder = treebank_folder(args.data)
    record_file = args.out / "training.json"
    if args.score_only:
        record = json.loads(record_file.read_text(encoding="utf-8"))
    else:
        record = train_and_save(args, folder, sys.argv[1:] if argv is None else argv)
        record_file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        print(f"{record['minutes']} minutes to train")
    # What is scored is what was written, run as the labeler runs it.
    nlp = load_parser(str(args.out))
    gold = gold_trees(folder)
    scores = {name: score(trees, parse(nlp, trees)) for name, trees in gold.items()}
    for name, s in scores.items():
        print(
            f"{name:22} {s.tokens:6} tokens  UAS {s.uas:5.2f}  LAS {s.las:5.2f}  POS {s.pos:5.2f}"
            f"  rule arcs {s.rule_arcs} UAS {s.rule_uas:5.2f} LAS {s.rule_las:5.2f}"
        )
    own = gold.get(OWN, [])
    write_card(
        args.out / "README.md",
        scores,
        record,
        own=len(own),
        size=sum(p.stat().st_size for p in args.out.rglob("*") if p.is_file()) / 1e6,
        speed=int(words_a_second(nlp, own * 4)),
    )


def train_and_save(
    args: argparse.Namespace, folder: Path, typed: Sequence[str]
) -> dict[str, object]:
    """Train, write the pipeline, and return what the model card says about the training."""
    begin = time.perf_counter()
    random.seed(args.seed)
    numpy.random.seed(args.seed)
    sources = {
        "ewt": read_treebank(folder, "en_ewt-train"),
        "genia": read_treebank(folder, "genia-udv1-dev")
        + read_treebank(folder, "genia-udv1-future_use"),
        "generated": list(generate(args.generated, args.seed)),
    }
    sources = {name: [t for t in trees if len(t) > 1] for name, trees in sources.items()}
    trees = [t for part in sources.values() for t in part]
    print(f"{len(trees)} trees, {sum(map(len, trees))} words", flush=True)
    nlp = train(trees, args.seed, args, read_treebank(folder, "en_ewt-dev")[:700])
    save(nlp, args.out)
    return {
        "sentences": {name: len(part) for name, part in sources.items()},
        "options": _without_places(typed),
        "lower": args.lower,
        "minutes": round((time.perf_counter() - begin) / 60, 1),
        "machine": processor(),
        "spacy": spacy.__version__,
        "numpy": numpy.__version__,
    }


def _without_places(typed: Sequence[str]) -> str:
    """Return the options but --data and --out, which say nothing about the model."""
    kept: list[str] = []
    skip = False
    for word in typed:
        if skip:
            skip = False
        elif word in ("--data", "--out"):
            skip = True
        elif not word.startswith(("--data=", "--out=")):
            kept.append(word)
    return "".join(f" {word}" for word in kept)


if __name__ == "__main__":
    main()
