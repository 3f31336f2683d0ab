from __future__ import annotations

import pytest

from cxrmine.language.sentences import split_sentences
from cxrmine.reports.body_parts import of_the_chest


def kept(text: str) -> list[str]:
    return [text[s:e] for s, e in of_the_chest(text, split_sentences(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Chest. Lungs are clear. Right knee. Severe joint space narrowing.",
            ["Chest.", "Lungs are clear."],
        ),
        (
            "Left ankle. Soft tissue swelling. Chest. Heart size is normal.",
            ["Chest.", "Heart size is normal."],
        ),
        ("Hand 1. Displaced fracture. Chest 1. No effusion.", ["Chest 1.", "No effusion."]),
        ("Right elbow and forearm. Effusion of the joint.", []),
        ("Chest. Clear lungs. Abdomen. Dilated bowel loops.", ["Chest.", "Clear lungs."]),
        (
            "Chest, PA and lateral. Clear. Left hip x-ray. Fracture.",
            ["Chest, PA and lateral.", "Clear."],
        ),
        # a structured report of the chest alone
        (
            "Lungs. Clear. Abdomen. Normal gas pattern. Bones. Old rib fracture.",
            ["Lungs.", "Clear.", "Abdomen.", "Normal gas pattern.", "Bones.", "Old rib fracture."],
        ),
        # not a heading
        ("The patient fell on the right knee. Rib fracture.", None),
        ("No effusion. Cervical spine fusion is seen. Lungs are clear.", None),
    ],
)
def test_only_the_chest_counts(text: str, expected: list[str] | None) -> None:
    if expected is None:
        expected = [text[s:e] for s, e in split_sentences(text)]
    assert kept(text) == expected


def test_a_knee_is_not_labelled(labeler) -> None:  # type: ignore[no-untyped-def]
    report = labeler.label("FINDINGS: Chest. Lungs are clear. Right knee. There is a fracture.")
    assert report.labels("chexpert")["Fracture"] is None
    assert "fracture" not in [m.text for m in report.mentions]
