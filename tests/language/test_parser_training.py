"""What the parser is trained on: treebanks converted, trees generated."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.parser_training.convert import prepare, retokenize, to_version_2  # noqa: E402
from scripts.parser_training.generate import generate, without_final_stop  # noqa: E402
from scripts.parser_training.score import score  # noqa: E402
from scripts.parser_training.trees import (  # noqa: E402
    Tree,
    is_tree,
    parse_brackets,
    projective,
    read_conllu,
    write_conllu,
)

from cxrmine.language.tokens import tokenize  # noqa: E402

UNIVERSAL_LABELS = frozenset(
    """acl advcl advmod amod appos aux case cc ccomp clf compound conj cop csubj dep det discourse
    dislocated expl fixed flat goeswith iobj list mark nmod nsubj nummod obj obl orphan parataxis
    punct reparandum root vocative xcomp""".split()
)


def conllu(tmp_path: Path, rows: str, name: str = "made.conllu") -> Tree:
    """Rows of ``form tag head relation [misc]``."""
    lines = ["# newdoc id = made"]
    for i, line in enumerate(rows.strip().splitlines(), start=1):
        form, tag, head, dep, *misc = line.split()
        lines.append(
            "\t".join([str(i), form, form, tag, tag, "_", head, dep, "_", *(misc or ["_"])])
        )
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    (tree,) = read_conllu(path)
    return tree


def named(tree: Tree) -> dict[str, tuple[str, str]]:
    return {
        word: (dep, tree.words[head] if head >= 0 else "")
        for word, head, dep in zip(tree.words, tree.heads, tree.deps, strict=True)
    }


# ------------------------------------------------------------------------------- CoNLL-U


def test_ranges_and_empty_nodes_are_skipped_and_spaces_kept(tmp_path: Path) -> None:
    path = tmp_path / "range.conllu"
    path.write_text(
        "# newdoc id = note7\n"
        "1-2\tisn't\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n"
        "1\tis\tbe\tAUX\tVBZ\t_\t0\troot\t_\t_\n"
        "2\tn't\tnot\tPART\tRB\t_\t1\tadvmod\t_\t_\n"
        "2.1\tgone\tgo\tVERB\t_\t_\t_\t_\t_\t_\n"
        "3\t.\t.\tPUNCT\t.\t_\t1\tpunct\t_\t_\n\n",
        encoding="utf-8",
    )
    (tree,) = read_conllu(path)
    assert tree.words == ("is", "n't", ".")
    assert tree.space_after == (False, False, True)
    assert tree.document == "note7"


def test_written_trees_read_back(tmp_path: Path) -> None:
    trees = list(generate(25, seed=4))
    write_conllu(trees, tmp_path / "out.conllu")
    assert list(read_conllu(tmp_path / "out.conllu")) == trees


def test_broken_row_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.conllu"
    path.write_text("1\tno\tno\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"broken\.conllu:1"):
        list(read_conllu(path))


# ------------------------------------------------------------------------------- UD v1 to v2


def test_version_1_clause(tmp_path: Path) -> None:
    tree = named(
        to_version_2(
            conllu(
                tmp_path,
                """
                No DT 2 neg
                binding NN 4 nsubjpass
                was VBD 4 auxpass
                blocked VBN 0 root
                by IN 6 case
                zinc NN 4 nmod
                in IN 8 case
                serum NN 4 nmod
                """,
            )
        )
    )
    assert tree["No"] == ("det", "binding")
    assert tree["binding"] == ("nsubj:pass", "blocked")
    assert tree["was"] == ("aux:pass", "blocked")
    assert tree["zinc"] == ("obl:agent", "blocked")
    assert tree["serum"] == ("obl", "blocked")


def test_version_1_nominals_stay_nominal_and_objects_are_renamed(tmp_path: Path) -> None:
    tree = named(
        to_version_2(
            conllu(
                tmp_path,
                """
                Cells NNS 3 nsubj
                not RB 3 neg
                express VBP 0 root
                levels NNS 3 dobj
                of IN 6 case
                protein NN 4 nmod
                """,
            )
        )
    )
    assert tree["not"] == ("advmod", "express")
    assert tree["levels"] == ("obj", "express")
    assert tree["protein"] == ("nmod", "levels")


def test_version_1_coordination_hangs_from_the_following_conjunct(tmp_path: Path) -> None:
    tree = to_version_2(
        conllu(
            tmp_path,
            """
            iron NN 0 root
            , , 1 punct
            zinc NN 1 conj
            and CC 1 cc
            lead NN 1 conj
            . . 1 punct
            """,
        )
    )
    assert tree.heads == (-1, 2, 0, 4, 0, 0)
    assert tree.pos == ("NOUN", "PUNCT", "NOUN", "CCONJ", "NOUN", "PUNCT")


def test_version_1_comma_that_closes_an_apposition_stays(tmp_path: Path) -> None:
    tree = to_version_2(
        conllu(
            tmp_path,
            """
            iron NN 0 root
            , , 1 punct
            Fe NN 1 appos
            and CC 1 cc
            lead NN 1 conj
            """,
        )
    )
    assert tree.heads[1] == 0
    assert tree.heads[3] == 4


def test_adverb_mwe_is_fixed(tmp_path: Path) -> None:
    tree = to_version_2(
        conllu(
            tmp_path,
            """
            iron NN 0 root
            as RB 1 cc
            well RB 2 mwe
            as IN 2 mwe
            lead NN 1 conj
            """,
        )
    )
    assert tree.deps == ("root", "cc", "fixed", "fixed", "conj")
    assert tree.heads[1] == 4


# ------------------------------------------------------------------------------- tokens


def test_hyphenated_words_become_one_with_the_outer_head(tmp_path: Path) -> None:
    tree = prepare(
        conllu(
            tmp_path,
            """
            a DET 5 det
            right ADV 4 advmod SpaceAfter=No
            - PUNCT 2 punct SpaceAfter=No
            sided ADJ 5 amod
            mass NOUN 0 root SpaceAfter=No
            . PUNCT 5 punct
            """,
        )
    )
    assert tree is not None
    assert tree.words == ("a", "right-sided", "mass", ".")
    assert tree.deps == ("det", "amod", "root", "punct")
    assert tree.heads == (2, 2, -1, 2)


def test_title_with_a_stop_is_cut(tmp_path: Path) -> None:
    tree = prepare(conllu(tmp_path, "Dr. PROPN 2 nmod:desc\nLee PROPN 3 nsubj\nagrees VERB 0 root"))
    assert tree is not None
    assert tree.words == ("Dr", ".", "Lee", "agrees")
    assert tree.heads == (2, 0, 3, -1)
    assert tree.deps == ("nmod:desc", "punct", "nsubj", "root")


def test_spaced_hyphen_and_web_address_stay(tmp_path: Path) -> None:
    rows = "www.example.org X 0 root\n- PUNCT 1 punct\nhelp NOUN 1 parataxis"
    tree = conllu(tmp_path, rows)
    assert retokenize(tree).words == tree.words


def test_crossing_arcs_are_lifted() -> None:
    crossing = Tree(("a", "b", "c", "d"), (2, 3, -1, 2), ("x", "y", "root", "z"), ("X",) * 4)
    lifted = projective(crossing)
    assert lifted.heads == (2, 2, -1, 2)
    assert lifted.deps == crossing.deps
    assert is_tree(lifted)


# ------------------------------------------------------------------------------- brackets


def test_brackets() -> None:
    tree = parse_brackets("(nsubj:pass (det No) effusion) (aux:pass is) seen/VERB (punct .)")
    assert tree.words == ("No", "effusion", "is", "seen", ".")
    assert tree.heads == (1, 3, 3, -1, 3)
    assert tree.deps == ("det", "nsubj:pass", "aux:pass", "root", "punct")
    assert tree.pos == ("DET", "NOUN", "AUX", "VERB", "PUNCT")


@pytest.mark.parametrize("text", ["(det no)", "no effusion", "(det no effusion", "no) x"])
def test_brackets_that_are_no_tree(text: str) -> None:
    with pytest.raises(ValueError, match=r"head|bracket"):
        parse_brackets(text)


# ------------------------------------------------------------------------------- generator


def test_generated_trees_are_trees_of_our_tokens_and_labels() -> None:
    trees = list(generate(1500, seed=8))
    for tree in trees:
        assert is_tree(tree)
        assert projective(tree).heads == tree.heads
        assert {d.partition(":")[0] for d in tree.deps} <= UNIVERSAL_LABELS
        text = " ".join(tree.words)
        assert [text[a:b] for a, b in tokenize(text)] == list(tree.words)


def test_generator_repeats_itself_for_one_seed_only() -> None:
    assert list(generate(40, seed=1)) == list(generate(40, seed=1))
    assert list(generate(40, seed=1)) != list(generate(40, seed=2))


def test_generator_wrote_none_of_the_test_sentences() -> None:
    gold = {t.words for t in read_conllu(ROOT / "tests/data/parser/radiology.conllu")}
    made = [t.words for t in generate(4000, seed=17)]
    # Two or three words in a row ("No pneumothorax .") may well meet.
    assert [w for w in made if w in gold and len(w) > 6] == []


def test_final_stop_can_go() -> None:
    tree = next(t for t in generate(50, seed=3) if t.words[-1] == ".")
    assert without_final_stop(tree).words == tree.words[:-1]
    assert without_final_stop(without_final_stop(tree)).words == tree.words[:-1]


# ------------------------------------------------------------------------------- scores


def test_scores_count_heads_labels_and_rule_arcs() -> None:
    gold = parse_brackets("(nsubj:pass (det No) effusion) (aux:pass is) seen/VERB (punct .)")
    wrong = Tree(gold.words, (3, 3, 3, -1, 3), gold.deps, gold.pos)
    perfect, worse = score([gold], [gold]), score([gold], [wrong])
    assert (perfect.tokens, perfect.uas, perfect.las) == (4, 100, 100)
    assert worse.uas == 75
    assert worse.rule_arcs == 1
    assert worse.rule_uas == 0


def test_scores_refuse_other_words() -> None:
    a, b = (parse_brackets(t) for t in ("(det no) mass", "mass"))
    with pytest.raises(ValueError, match="words parsed"):
        score([a], [b])


def test_augmentation_keeps_trees() -> None:
    pytest.importorskip("spacy")
    from scripts.train_parser import augmented

    trees = list(generate(200, seed=6))
    seen = augmented(trees, random.Random(0))
    assert all(is_tree(t) for t in seen)
    assert any(t.words[0].islower() for t in seen)
    assert sum(t.words[-1] != "." for t in seen) > sum(t.words[-1] != "." for t in trees)


def test_training_repeats_itself_bit_for_bit(tmp_path: Path) -> None:
    from scripts.train_parser import arguments, save, train
    from thinc.api import get_current_ops, set_current_ops

    ops = get_current_ops()
    args = arguments().parse_args(["--epochs", "2", "--width", "32"])
    trees = list(generate(120, seed=2))
    written = []
    for run in ("first", "second"):
        save(train(trees, args.seed, args, []), tmp_path / run)
        files = sorted(p for p in (tmp_path / run).rglob("*") if p.is_file())
        written.append({p.relative_to(tmp_path / run): p.read_bytes() for p in files})
    set_current_ops(ops)
    assert written[0] == written[1]


def test_missing_treebanks_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts.train_parser import treebank_folder

    monkeypatch.setenv("CXRMINE_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match=r"no en_ewt-train\.conllu\.gz in"):
        treebank_folder(None)
