from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cxrmine.reports.compose import compose


def test_paragraphs_and_offsets() -> None:
    report = compose("r", [("FINDINGS", " A. "), ("REMARK", ""), ("", "B."), ("Impression", "C.")])
    assert report.text == "FINDINGS: A.\nB.\nImpression: C."
    assert [(s.name, report.text[s.start : s.end]) for s in report.sections or ()] == [
        ("findings", "A."),
        ("text", "B."),
        ("impression", "C."),
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "FINDINGS", "Odd Label", "诊断"]), st.text(max_size=40)),
        max_size=6,
    )
)
def test_sections_lie_in_the_text(parts: list[tuple[str, str]]) -> None:
    report = compose("r", parts)
    end = 0
    for section in report.sections or ():
        assert end <= section.start < section.end <= len(report.text)
        end = section.end
    for _, body in parts:
        assert body.strip() in report.text
