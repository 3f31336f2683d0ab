"""The bundled parser: its scores, its manners, and how other pipelines come in."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc

from cxrmine.errors import UserError
from cxrmine.language.encoder import Encoder
from cxrmine.language.parser import (
    ParserNotFound,
    load_parser,
    parse_words,
    parser_fingerprint,
)
from cxrmine.language.tokens import tokenize

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.parser_training.score import score  # noqa: E402
from scripts.parser_training.trees import Tree, read_conllu  # noqa: E402

GOLD = list(read_conllu(ROOT / "tests/data/parser/radiology.conllu"))


@pytest.fixture(scope="module")
def nlp() -> Language:
    return load_parser()


def words_of(text: str) -> list[str]:
    return [text[start:end] for start, end in tokenize(text)]


def arcs(nlp: Language, text: str) -> dict[str, tuple[str, str]]:
    words, heads, deps, _ = parse_words(nlp, [words_of(text)])[0]
    return {
        word: (dep, words[head] if head >= 0 else "")
        for word, head, dep in zip(words, heads, deps, strict=True)
    }


# ------------------------------------------------------------------------------- scores


def scores_on_gold(nlp: Language, lower: bool) -> object:
    given = [[w.lower() if lower else w for w in t.words] for t in GOLD]
    guess = [
        Tree(gold.words, tuple(p.heads), tuple(p.deps), tuple(p.pos))
        for gold, p in zip(GOLD, parse_words(nlp, given), strict=True)
    ]
    return score(GOLD, guess)


def test_there_are_enough_gold_trees() -> None:
    assert len(GOLD) >= 150


@pytest.mark.parametrize("lower", [False, True], ids=["as written", "lower case"])
def test_scores_on_our_radiology_trees(nlp: Language, lower: bool) -> None:
    s = scores_on_gold(nlp, lower)
    assert s.uas >= 96.5
    assert s.las >= 94.5
    assert s.pos >= 96.5
    assert s.rule_uas >= 98.0
    assert s.rule_las >= 97.5


def test_gold_words_are_our_tokens() -> None:
    for tree in GOLD:
        assert tuple(words_of(" ".join(tree.words))) == tree.words


# ------------------------------------------------------------------------------- single parses


def test_list_of_three_under_clear_of(nlp: Language) -> None:
    tree = arcs(nlp, "The lungs are clear of edema, collapse, or nodules.")
    assert tree["edema"] == ("obl", "clear")
    assert tree["collapse"] == ("conj", "edema")
    assert tree["nodules"] == ("conj", "edema")


def test_masked_list_with_missing_commas(nlp: Language) -> None:
    parsed = parse_words(nlp, [["no", "opacity", "opacities", "or", "opacity", "."]])[0]
    assert parsed.heads[:5] == [1, -1, 1, 4, 1]
    assert parsed.deps[:5] == ["det", "root", "conj", "cc", "conj"]


def test_telegraphic_clinical_prose(nlp: Language) -> None:
    tree = arcs(nlp, "Pt denies rigors, hemoptysis, or leg swelling.")
    assert tree["rigors"] == ("obj", "denies")
    assert tree["hemoptysis"] == ("conj", "rigors")
    assert tree["swelling"] == ("conj", "rigors")


# ------------------------------------------------------------------------------- manners


def test_capitals_are_parsed_as_lower_case_and_words_come_back_as_given(nlp: Language) -> None:
    text = "NO FOCAL CONSOLIDATION, EFFUSION, OR PNEUMOTHORAX IS SEEN IN XXXX."
    upper = parse_words(nlp, [words_of(text)])[0]
    lower = parse_words(nlp, [words_of(text.lower())])[0]
    assert upper[1:] == lower[1:]
    assert upper.words == words_of(text)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(
            st.sampled_from(
                "no effusion . , or the is there ; XXXX ___ clear lungs ? 2.5 cm \u00e9 - n't".split()
            )
            | st.text(min_size=1, max_size=8).filter(lambda w: not w.isspace()),
            max_size=45,
        ),
        max_size=8,
    )
)
def test_every_sentence_is_one_tree(sentences: list[list[str]]) -> None:
    nlp = shared_parser()
    parsed = parse_words(nlp, sentences)
    assert len(parsed) == len(sentences)
    for words, tree in zip(sentences, parsed, strict=True):
        n = len(words)
        assert [len(column) for column in tree] == [n] * 4
        if n == 0:
            continue
        assert tree.heads.count(-1) == 1
        assert tree.deps[tree.heads.index(-1)] == "root"
        for i in range(n):
            steps = 0
            while i != -1:
                i = tree.heads[i]
                steps += 1
                assert steps <= n


_shared: list[Language] = []


def shared_parser() -> Language:
    """Hypothesis and module fixtures do not mix."""
    if not _shared:
        _shared.append(load_parser())
    return _shared[0]


def test_several_statements_stay_one_tree(nlp: Language) -> None:
    text = "Lungs are clear. Heart is normal. No effusion. " * 3
    assert parse_words(nlp, [words_of(text)])[0].heads.count(-1) == 1


def test_order_and_company_do_not_matter(nlp: Language) -> None:
    sentences = [list(t.words) for t in GOLD]
    together = parse_words(nlp, sentences)
    order = list(range(len(sentences)))
    random.Random(3).shuffle(order)
    shuffled = parse_words(nlp, [sentences[i] for i in order])
    assert [together[i] for i in order] == shuffled
    assert parse_words(nlp, sentences[:1]) == together[:1]


def test_same_trees_in_a_fresh_process() -> None:
    program = (
        "import sys, hashlib; from cxrmine.language.parser import load_parser, parse_words\n"
        "words = [s.split() for s in sys.stdin.read().splitlines()]\n"
        "print(hashlib.sha256(repr(parse_words(load_parser(), words)).encode()).hexdigest())"
    )
    text = "\n".join(" ".join(t.words) for t in GOLD[:80])
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], input=text, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_nlp_of_text_uses_our_tokens_and_keeps_the_text(nlp: Language) -> None:
    text = " No  2.5 cm mass,\tright-sided\nopacity isn't seen. "
    doc = nlp(text)
    assert doc.text == text
    assert [t.text for t in doc if not t.is_space] == words_of(text)


# ------------------------------------------------------------------------------- fast and plain


def plain_parse(
    nlp: Language, sentences: list[list[str]]
) -> list[tuple[list[int], list[str], list[str]]]:
    """The reference: spaCy's own way through the pipeline."""
    docs = [Doc(nlp.vocab, words=w, sent_starts=[True] + [False] * (len(w) - 1)) for w in sentences]
    return [
        (
            [-1 if t.head.i == t.i else t.head.i for t in doc],
            ["root" if t.dep_ == "ROOT" else t.dep_ for t in doc],
            [t.pos_ for t in doc],
        )
        for doc in nlp.pipe(docs)
    ]


def made_sentences(count: int, seed: int) -> list[list[str]]:
    """Words of the gold trees in random order and length, odd words among them."""
    rng = random.Random(seed)
    odd = ["Zxqv", "12/4", "ÉTAT", "µ", "…", "n't"]
    vocabulary = [*sorted({w for t in GOLD for w in t.words}), *odd]
    return [rng.choices(vocabulary, k=rng.randint(1, 40)) for _ in range(count)]


def test_encoder_equals_tok2vec(nlp: Language) -> None:
    encoder = Encoder(nlp)
    reference = nlp.get_pipe("tok2vec")
    for sentences in (
        made_sentences(60, 1),
        made_sentences(60, 2),
        [["no"]],
        [["no"], ["no", "."]],
    ):
        docs = [Doc(nlp.vocab, words=w) for w in sentences]
        for ours, theirs in zip(encoder(sentences), reference.predict(docs), strict=True):
            assert ours.shape == theirs.shape
            assert abs(ours - theirs).max() < 1e-4


def test_encoder_forgets_when_full_and_still_gives_the_same(
    nlp: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = made_sentences(40, 5)
    whole = Encoder(nlp)(sentences)
    monkeypatch.setattr("cxrmine.language.encoder._MAX_WORDS", 150)
    small = Encoder(nlp)
    for words, expected in zip(sentences, whole, strict=True):
        assert abs(small([words])[0] - expected).max() < 1e-4


def test_fast_way_gives_spacys_trees(nlp: Language) -> None:
    sentences = [list(t.words) for t in GOLD if any(c.islower() for c in "".join(t.words))]
    sentences += [s for s in made_sentences(150, 9) if any(c.islower() for c in "".join(s))]
    ours = [(p.heads, p.deps, p.pos) for p in parse_words(nlp, sentences)]
    theirs = plain_parse(load_parser(), sentences)
    # Sums in another order may tip a tie between two actions.
    assert sum(a != b for a, b in zip(ours, theirs, strict=True)) <= 1


def test_parsing_leaves_no_words_behind(nlp: Language) -> None:
    parse_words(nlp, [["warm", "up"]])
    before = len(nlp.vocab), len(nlp.vocab.strings)
    parse_words(nlp, [[f"word{i}", "unheard-of"] for i in range(300)])
    assert (len(nlp.vocab), len(nlp.vocab.strings)) == before


def test_parsing_uses_one_thread_and_gives_the_others_back() -> None:
    program = (
        "from cxrmine.language.one_thread import _openblas, one_thread\n"
        "found = _openblas()\n"
        "if found is None: print('no OpenBLAS'); raise SystemExit\n"
        "get, put = found; put(2)\n"
        "with one_thread(): inside = get()\n"
        "print(inside, get())"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    if run.stdout.strip() == "no OpenBLAS":
        pytest.skip("numpy stands on another library than its wheel's OpenBLAS")
    assert run.stdout.split() == ["1", "2"]


# ------------------------------------------------------------------------------- other pipelines


def test_unknown_pipeline_is_one_clear_sentence() -> None:
    with pytest.raises(ParserNotFound) as error:
        load_parser("en_no_such_parser")
    message = str(error.value)
    assert isinstance(error.value, UserError)
    assert "'en_no_such_parser' is not installed" in message
    assert "en_cxrmine_ud (bundled)" in message
    assert "\n" not in message


def test_folder_that_is_no_pipeline(tmp_path: Path) -> None:
    with pytest.raises(ParserNotFound, match="no spaCy pipeline that can be read"):
        load_parser(str(tmp_path))


def test_pipeline_without_a_parser(tmp_path: Path) -> None:
    blank = spacy.blank("en")
    blank.add_pipe("sentencizer")
    blank.to_disk(tmp_path / "blank")
    with pytest.raises(ParserNotFound, match="has no dependency parser"):
        load_parser(str(tmp_path / "blank"))


def test_bundled_pipeline_by_name_and_by_folder(nlp: Language) -> None:
    by_name = load_parser("en_cxrmine_ud")
    by_folder = load_parser(str(nlp.path))
    words = words_of("Lungs are clear without effusion.")
    assert (
        parse_words(by_name, [words])
        == parse_words(by_folder, [words])
        == parse_words(nlp, [words])
    )
    assert parser_fingerprint(by_name) == parser_fingerprint(nlp)


def test_any_other_pipeline_is_run_as_spacy_does(tmp_path: Path) -> None:
    """A pipeline with a parser that was trained on nothing: trees, never split, and translated."""
    other = spacy.blank("en")
    parser = other.add_pipe("parser")
    for label in ("nsubjpass", "dobj", "prep", "pobj"):
        parser.add_label(label)
    other.initialize()
    other.to_disk(tmp_path / "other")
    loaded = load_parser(str(tmp_path / "other"))
    trees = parse_words(loaded, [list(t.words) for t in GOLD[:20]] + [[]])
    assert [t.heads.count(-1) for t in trees] == [1] * 20 + [0]
    assert not {"nsubjpass", "dobj", "prep", "pobj"} & {d for t in trees for d in t.deps}


def test_fingerprint_is_of_the_weights(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "same")
    same = load_parser(str(tmp_path / "same"))
    before = parser_fingerprint(same)
    weights = tmp_path / "same" / "parser" / "model"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    assert parser_fingerprint(same) != before
    assert len(before) == 64


@pytest.mark.slow
def test_loading_is_quick() -> None:
    program = (
        "import time; t = time.process_time()\n"
        "from cxrmine.language.without_torch import torch_hidden\n"
        "with torch_hidden():\n"
        "    from cxrmine.language.parser import load_parser; load_parser()\n"
        "print(time.process_time() - t)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 1.5  # about 0.6 s on the author's machine


def test_parsing_is_quick(nlp: Language) -> None:
    sentences = made_sentences(400, 11)
    parse_words(nlp, sentences)
    begin = time.process_time()
    parse_words(nlp, sentences)
    words_a_second = sum(map(len, sentences)) / (time.process_time() - begin)
    assert words_a_second > 8000  # about 45,000 on the author's machine
