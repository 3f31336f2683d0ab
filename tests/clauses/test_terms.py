from __future__ import annotations

import numpy as np
import pytest
from made_corpus import clusters_around, corpus_of

from cxrmine.clauses.grouping import Clusters
from cxrmine.clauses.terms import company, features, likeness, stand_alone, suggest_terms


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("胸膜增厚", {"胸", "膜", "增", "厚", "胸 膜", "膜 增", "增 厚"}),
        ("small effusion", {"small", "effusion", "small effusion"}),
        ("右侧picc置管", {"右", "侧", "picc", "置", "管", "右 侧", "侧 picc", "picc 置", "置 管"}),
        ("肺", {"肺"}),
        ("--", {"--"}),
        ("😀", {"😀"}),
    ],
)
def test_features(clause: str, expected: set[str]) -> None:
    assert features(clause) == expected


def test_company_counts_reports_not_clauses() -> None:
    corpus = corpus_of([["a", "a", "b"], ["a"], ["b", "c"], [], ["c", "c"]])
    together, alone, reports = company(corpus, clusters_around(corpus, ["a", "b", "c"]))
    assert together.tolist() == [[2, 1, 0], [1, 2, 1], [0, 1, 2]]
    assert alone.tolist() == [1, 0, 1]
    assert reports == 4


def test_a_clause_beyond_the_cut_off_is_company() -> None:
    corpus = corpus_of([["a", "zzzz"], ["a"]])
    clusters = Clusters(
        np.array([0]), np.zeros(2, np.int32), np.array([0.0, 1.0]), np.array([True, False]), 0.0
    )
    together, alone, _ = company(corpus, clusters)
    assert together.tolist() == [[2]]
    assert alone.tolist() == [1]


def test_likeness_is_a_cosine() -> None:
    corpus = corpus_of([["心影增大"], ["心影饱满"], ["胸膜增厚"]])
    like = likeness(corpus, clusters_around(corpus, ["心影增大", "心影饱满", "胸膜增厚"]))
    assert like.diagonal() == pytest.approx([1, 1, 1])
    assert like == pytest.approx(like.T)
    assert like[0, 1] == pytest.approx(3 / 7)  # 心, 影 and the pair of them, of 4 + 3 features each
    assert like[0, 2] == pytest.approx(1 / 7)


def sharing(*reports: tuple[int, list[str]]) -> list[list[str]]:
    return [clauses for count, clauses in reports for _ in range(count)]


def terms_of(reports: list[list[str]], medoids: list[str]) -> dict[str, int]:
    corpus = corpus_of(reports)
    found = suggest_terms(corpus, clusters_around(corpus, medoids))
    return dict(zip(medoids, found, strict=True))


# Two wordings that share half of what they consist of: 0.2 < likeness < 0.6.
ONE, OTHER = "双肺纹理增多", "两侧肺纹理紊乱"
AORTA = "主动脉迂曲硬化"


def test_wordings_that_never_meet_are_one_term() -> None:
    found = terms_of(
        sharing((150, [ONE]), (150, [OTHER]), (50, [ONE, AORTA]), (50, [OTHER, AORTA])),
        [ONE, OTHER, AORTA],
    )
    assert found[ONE] == found[OTHER] != found[AORTA]


def test_the_same_wordings_are_two_terms_where_they_meet() -> None:
    found = terms_of(
        sharing((100, [ONE]), (100, [OTHER]), (50, [ONE, OTHER]), (50, [OTHER, AORTA])),
        [ONE, OTHER, AORTA],
    )
    assert len(set(found.values())) == 3


def test_the_same_wordings_are_two_terms_where_the_reports_say_nothing() -> None:
    """A handful of reports are no evidence, and half alike is not alike enough without any."""
    found = terms_of(
        sharing((2, [ONE]), (2, [OTHER]), (300, [AORTA]), (20, [AORTA, "胸腔积液"])),
        [ONE, OTHER, AORTA, "胸腔积液"],
    )
    assert found[ONE] != found[OTHER]


def test_rare_wordings_that_are_nearly_alike_are_one_term() -> None:
    rare, rarer = "左侧肋膈角变钝", "右侧肋膈角变钝"
    found = terms_of(
        sharing((2, [rare]), (1, [rarer]), (300, [AORTA]), (20, [AORTA, "胸腔积液"])),
        [rare, rarer, AORTA, "胸腔积液"],
    )
    assert found[rare] == found[rarer]


def test_a_wording_that_stands_alone_is_not_one_that_never_does() -> None:
    """Alike and never together, but the one is always the whole report, the other never is."""
    normal, finding = "双肺未见明显实质性病变", "肺间质性改变"
    reports = sharing((300, [normal]), (120, [finding, AORTA]), (100, [AORTA]))
    assert len(set(terms_of(reports, [normal, finding, AORTA]).values())) == 3
    # With the same company the same two are one.
    reports = sharing((300, [normal, AORTA]), (120, [finding, AORTA]), (100, [AORTA]))
    found = terms_of(reports, [normal, finding, AORTA])
    assert found[normal] == found[finding]


def test_statements_that_always_stand_alone_are_one_term_in_whatever_words() -> None:
    reports = sharing(
        (60, ["心肺膈未见异常"]),
        (60, ["正常胸片"]),
        (60, [AORTA]),
        (60, [AORTA, "胸腔积液"]),
        (3, ["右位心"]),  # alone as well, but so may three be by chance
    )
    found = terms_of(reports, ["心肺膈未见异常", "正常胸片", AORTA, "胸腔积液", "右位心"])
    assert found["心肺膈未见异常"] == found["正常胸片"]
    assert len(set(found.values())) == 4


def test_standing_alone_says_nothing_where_everything_does() -> None:
    reports = sharing(*((80, [clause]) for clause in ("心影增大", "胸腔积液", "骨折", "气胸")))
    corpus = corpus_of(reports)
    clusters = clusters_around(corpus, ["心影增大", "胸腔积液", "骨折", "气胸"])
    together, alone, _ = company(corpus, clusters)
    assert not stand_alone(together, alone).any()
    assert len(set(suggest_terms(corpus, clusters))) == 4


def test_the_order_of_the_clusters_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    words = ["双肺纹理增多", "两肺纹理增粗", "主动脉硬化", "主动脉迂曲", "胸膜增厚", "胸腔积液"]
    reports = [list(rng.choice(words, size=rng.integers(1, 4))) for _ in range(400)]
    corpus = corpus_of(reports)
    expected = None
    for _ in range(5):
        order = rng.permutation(words).tolist()
        found = dict(
            zip(
                order,
                suggest_terms(corpus, clusters_around(corpus, order)),
                strict=True,
            )
        )
        partition = {
            frozenset(word for word in words if found[word] == term) for term in found.values()
        }
        assert expected in (None, partition)
        expected = partition


def test_one_cluster_is_one_term() -> None:
    corpus = corpus_of([["a"], ["a"]])
    assert suggest_terms(corpus, clusters_around(corpus, ["a"])) == [0]
