"""ClearNLP and UD v1 trees, made by hand, as UD v2."""

from __future__ import annotations

from cxrmine.language.ud_labels import is_universal, to_universal


def convert(rows: str) -> dict[str, tuple[str, str]]:
    """Rows ``word head-number relation part-of-speech``; returns word → (relation, head's word)."""
    table = [line.split() for line in rows.strip().splitlines()]
    words = [r[0] for r in table]
    heads, deps, _ = to_universal(
        words, [int(r[1]) - 1 for r in table], [r[2] for r in table], [r[3] for r in table]
    )
    return {
        word: (dep, words[head] if head >= 0 else "")
        for word, head, dep in zip(words, heads, deps, strict=True)
    }


def test_clear_preposition_becomes_case_of_its_noun_and_lists_are_flat() -> None:
    tree = convert(
        """
        lungs 2 nsubj NOUN
        are 0 ROOT AUX
        clear 2 acomp ADJ
        of 3 prep ADP
        infiltrate 4 pobj NOUN
        , 5 punct PUNCT
        mass 5 conj NOUN
        or 7 cc CCONJ
        effusion 7 conj NOUN
        . 2 punct PUNCT
        """
    )
    assert tree["clear"] == ("root", "")
    assert tree["are"] == ("cop", "clear")
    assert tree["lungs"] == ("nsubj", "clear")
    assert tree["infiltrate"] == ("obl", "clear")
    assert tree["of"] == ("case", "infiltrate")
    assert tree["mass"] == ("conj", "infiltrate")
    assert tree["effusion"] == ("conj", "infiltrate")
    assert tree["or"] == ("cc", "effusion")
    assert tree[","] == ("punct", "mass")


def test_clear_expletive_keeps_its_verb() -> None:
    tree = convert(
        """
        there 2 expl PRON
        is 0 ROOT VERB
        no 4 det DET
        evidence 2 attr NOUN
        of 4 prep ADP
        pneumonia 5 pobj NOUN
        """
    )
    assert tree["is"] == ("root", "")
    assert tree["evidence"] == ("nsubj", "is")
    assert tree["pneumonia"] == ("nmod", "evidence")
    assert tree["no"] == ("det", "evidence")


def test_clear_passive_negation_and_agent() -> None:
    tree = convert(
        """
        embolism 4 nsubjpass NOUN
        was 4 auxpass AUX
        not 4 neg PART
        excluded 0 ROOT VERB
        by 4 agent ADP
        angiography 5 pobj NOUN
        """
    )
    assert tree["embolism"] == ("nsubj:pass", "excluded")
    assert tree["was"] == ("aux:pass", "excluded")
    assert tree["not"] == ("advmod", "excluded")
    assert tree["angiography"] == ("obl:agent", "excluded")
    assert tree["by"] == ("case", "angiography")


def test_clear_stacked_prepositions_end_at_the_noun() -> None:
    tree = convert(
        """
        fluid 0 ROOT NOUN
        from 1 prep ADP
        within 2 prep ADP
        lung 3 pobj NOUN
        """
    )
    assert tree["lung"] == ("nmod", "fluid")
    assert tree["from"][1] == "lung"
    assert tree["within"] == ("case", "lung")


def test_clear_clause_after_a_preposition_is_a_marked_clause() -> None:
    tree = convert(
        """
        walks 0 ROOT VERB
        without 1 prep ADP
        limping 2 pcomp VERB
        """
    )
    assert tree["limping"] == ("advcl", "walks")
    assert tree["without"] == ("mark", "limping")


def test_version_1_labels_of_scispacy() -> None:
    tree = convert(
        """
        no 2 neg DET
        effusion 4 nsubjpass NOUN
        is 4 auxpass AUX
        seen 0 ROOT VERB
        in 7 case ADP
        the 7 det DET
        chest 4 nmod NOUN
        """
    )
    assert tree["no"] == ("det", "effusion")
    assert tree["effusion"] == ("nsubj:pass", "seen")
    assert tree["chest"] == ("obl", "seen")


def test_version_2_trees_stay_as_they_are() -> None:
    words = ["denies", "pain", "or", "fever"]
    heads, deps, pos = (
        [-1, 0, 3, 1],
        ["ROOT", "obj", "cc", "conj"],
        ["VERB", "NOUN", "CCONJ", "NOUN"],
    )
    assert is_universal(deps)
    assert to_universal(words, heads, deps, pos) == (heads, ["root", "obj", "cc", "conj"], pos)


def test_penn_tags_stand_in_for_missing_parts_of_speech() -> None:
    _, _, pos = to_universal(
        ["clear", "lungs", "12", "is"], [1, -1, 1, 1], ["amod", "ROOT", "nummod", "cop"],
        ["", "", "", "AUX"], ["JJ", "NNS", "CD", "VBZ"],
    )  # fmt: skip
    assert pos == ["ADJ", "NOUN", "NUM", "AUX"]
