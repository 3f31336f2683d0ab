from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.reports.report import Report, Section
from cxrmine.runs.spool import cut, pack, unpack

texts = st.text(st.characters(codec=None), max_size=40)
sections = st.lists(
    st.builds(Section, texts, st.integers(0, 99), st.integers(0, 99)), max_size=3
).map(tuple)
reports = st.lists(st.builds(Report, texts, texts, st.none() | sections), max_size=8)


@given(reports)
def test_packing_loses_nothing(made: list[Report]) -> None:
    # Lone surrogates too: an undecodable byte of a file's name ends up as one in an id.
    assert unpack(pack(made)) == made


def test_packed_sections_stay_sections() -> None:
    (report,) = unpack(pack([Report("1", "Findings: x", (Section("findings", 10, 11),))]))
    assert report.sections is not None
    assert report.sections[0].name == "findings"


@given(reports, st.integers(1, 9))
def test_chunks_keep_the_order_and_are_full(made: list[Report], size: int) -> None:
    chunks = list(cut(iter(made), size))
    assert [report for chunk in chunks for report in chunk] == made
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(chunks)


def test_cutting_reads_no_further_than_it_must() -> None:
    def endless():
        number = 0
        while True:
            number += 1
            assert number <= 3, "read ahead of the chunk"
            yield Report(str(number), "")

    assert len(next(cut(endless(), 3))) == 3


def test_a_chunk_holds_something() -> None:
    with pytest.raises(ValueError, match="at least one"):
        next(cut(iter([]), 0))
