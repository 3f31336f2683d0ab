"""negspacy in place of our rules: the paper's baseline, two outcomes only."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import pytest

from cxrmine.errors import UserError
from cxrmine.labeling.assertion import PRESENT

if TYPE_CHECKING:
    from cxrmine import Labeler

try:
    import negspacy  # noqa: F401
except ImportError:  # pragma: no cover
    HAS_NEGSPACY = False
else:
    HAS_NEGSPACY = True

needs_negspacy = pytest.mark.skipif(
    not HAS_NEGSPACY, reason="negspacy is not installed (pip install 'cxrmine[negex]')"
)


@pytest.fixture(scope="module")
def negex() -> Labeler:
    from cxrmine import Labeler

    return Labeler.load(assertion="negex")


@needs_negspacy
def test_a_plain_negation(negex: Labeler) -> None:
    report = negex.label("No pleural effusion or pneumothorax. There is a nodule.")
    assert [(m.text, m.status, m.rule) for m in report.mentions] == [
        ("pleural effusion", "absent", "negex"),
        ("pneumothorax", "absent", "negex"),
        ("nodule", "present", ""),
    ]
    for m in report.mentions:
        assert m.text == report.text[m.start : m.end]


@needs_negspacy
@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("Small effusion.", "present"),
        ("Possible effusion.", "possible"),
        ("Likely effusion.", "probable"),
        ("The effusion has resolved.", "historical"),
    ],
)
def test_negex_knows_two_outcomes(negex: Labeler, labeler: Labeler, text: str, ours: str) -> None:
    (theirs,) = negex.label(text).mentions
    assert theirs.status in ("present", "absent")
    assert (theirs.rule == "negex") == (theirs.status == "absent")
    (mention,) = labeler.label(text).mentions
    assert mention.status == ours


@needs_negspacy
def test_each_sentence_is_judged_by_itself(negex: Labeler) -> None:
    report = negex.label("No effusion\nPneumothorax on the left.")
    assert [m.status for m in report.mentions] == ["absent", "present"]


@needs_negspacy
def test_the_fingerprint_tells_them_apart(negex: Labeler, labeler: Labeler) -> None:
    assert negex.fingerprint()["assertion"] == "negex"
    assert labeler.fingerprint()["assertion"] == "cxrmine"


@needs_negspacy
def test_mentions_that_share_a_token_are_judged_alike() -> None:
    """spaCy's entities may not overlap; ours may, once spaCy has cut the tokens."""
    from cxrmine.labeling.negex import NEGATED, NegexAssertion

    sentence = "No pleural effusion, a nodule."
    offsets = [(0, 2), (3, 10), (11, 15), (15, 19), (19, 20), (21, 22), (23, 29), (29, 30)]
    assert [sentence[a:b] for a, b in offsets[:4]] == ["No", "pleural", "effu", "sion"]
    decided = NegexAssertion().decide(
        sentence, offsets, [(1, 3, 0), (2, 3, 1), (3, 4, 2), (1, 2, 3)]
    )
    assert decided == [NEGATED] * 4
    assert NegexAssertion().decide("A mass.", [(0, 1), (2, 6), (6, 7)], [(1, 2, 0)]) == [PRESENT]
    assert NegexAssertion().decide("Clear.", [(0, 5), (5, 6)], []) == []


def test_without_negspacy_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from cxrmine.labeling.negex import NegexAssertion

    ordinary = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("negspacy"):
            raise ImportError(name)
        return ordinary(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError) as error:
        NegexAssertion()
    assert str(error.value) == (
        "The assertion 'negex' needs negspacy: pip install 'cxrmine[negex]'."
    )
