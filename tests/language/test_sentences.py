"""Sentence boundaries: our own marked cases, and what every split must keep."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.language.sentences import split_sentences

BOUNDARIES = Path(__file__).parents[1] / "data" / "sentences" / "boundaries.yaml"
MARK = "‖"


def read_case(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the text without its marks, and the offsets of its sentences."""
    text: list[str] = []
    spans: list[tuple[int, int]] = []
    first: int | None = None
    outside = False

    def close() -> None:
        nonlocal first
        if first is not None:
            end = len(text)
            while text[end - 1].isspace():
                end -= 1
            spans.append((first, end))
        first = None

    for char in marked:
        if char == MARK:
            close()
        elif char == "{":
            outside = True
            close()
        elif char == "}":
            outside = False
        else:
            if not outside and first is None and not char.isspace():
                first = len(text)
            text.append(char)
    close()
    return "".join(text), spans


def load_cases(part: str) -> list[tuple[str, str]]:
    data = yaml.safe_load(BOUNDARIES.read_text(encoding="utf-8"))
    return [(kind, text) for kind, texts in data[part].items() for text in texts]


def score(cases: list[tuple[str, str]]) -> tuple[float, float, list[str]]:
    """Return the share of cases that match exactly, the F1 of inner boundaries, and the misses."""
    exact = hit = found = true = 0
    missed = []
    for kind, marked in cases:
        text, gold = read_case(marked)
        got = split_sentences(text)
        exact += got == gold
        if got != gold:
            missed.append(f"{kind}: {[text[a:b] for a, b in got]}")
        gold_starts = {a for a, _ in gold[1:]}
        got_starts = {a for a, _ in got[1:]}
        hit += len(gold_starts & got_starts)
        found += len(got_starts)
        true += len(gold_starts)
    return exact / len(cases), 2 * hit / (found + true), missed


ALL_PARTS = ("tuned", "first-held-out", "held-out")


def test_there_are_at_least_240_cases() -> None:
    assert sum(len(load_cases(part)) for part in ALL_PARTS) >= 240


def test_boundaries_of_all_cases() -> None:
    exact, f1, missed = score([case for part in ALL_PARTS for case in load_cases(part)])
    assert exact >= 0.99, missed
    assert f1 >= 0.99, missed


def test_boundaries_of_the_held_out_cases() -> None:
    exact, f1, missed = score(load_cases("held-out"))
    assert exact >= 0.95, missed
    assert f1 >= 0.98, missed


def test_a_part_of_a_text_splits_like_that_part_alone() -> None:
    before, body, after = "Indication: cough. ", "1. Clear lungs. 2. No effusion.", " Dr. Who."
    text = before + body + after
    start = len(before)
    got = split_sentences(text, start, start + len(body))
    assert got == [(a + start, b + start) for a, b in split_sentences(body)]
    assert [text[a:b] for a, b in got] == ["Clear lungs.", "No effusion."]


@pytest.mark.parametrize("text", ["", " ", "\n\n", ".", "1.", "- ", "…", "1. 2. 3.", "?!"])
def test_text_without_words_has_no_sentences(text: str) -> None:
    assert split_sentences(text) == []


def test_a_dash_within_a_line_is_kept() -> None:
    # "- fever" says that there is none: only a dash that begins a line is a bullet.
    text = "Cough +. - fever."
    assert [text[a:b] for a, b in split_sentences(text)] == ["Cough +.", "- fever."]


PIECES = [
    "no effusion", "Clear", "XXXX", "___", "2.5 cm", "Dr", "vs", "T8", "1", "2", "a.m", "[** A. 1. **]",
    ".", ". ", "..", " . ", "?", "\n", "\n\n", " ", ":", ";", ",", "(", ")", "- ", "•", "#1", "…", "。",
]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=80))
def test_sentences_are_ordered_disjoint_stripped_and_lose_no_words(text: str) -> None:
    spans = split_sentences(text)
    end = 0
    rest = []
    for a, b in spans:
        assert end <= a < b <= len(text)
        assert text[a:b] == text[a:b].strip()
        rest.append(text[end:a])
        end = b
    rest.append(text[end:])
    # What lies outside is white space, punctuation, list numbers and list letters.
    for gap in rest:
        assert not re.search(r"[^\W\d_]{2,}|\d{3,}", gap)


def test_a_mark_with_full_stops_inside_is_never_split() -> None:
    text = "Seen by [**Name 1. of St. X. Y. **]. No change."
    assert [text[a:b] for a, b in split_sentences(text)] == [
        "Seen by [**Name 1. of St. X. Y. **].",
        "No change.",
    ]


@pytest.mark.parametrize("unit", [". ", "1. ", "\n", "? ", "(1) ", "[** ", "a.", "- ", "No. "])
def test_time_grows_linearly(unit: str) -> None:
    def seconds(repeats: int) -> float:
        text = unit * repeats
        best = float("inf")
        for _ in range(3):
            begin = time.process_time()
            split_sentences(text)
            best = min(best, time.process_time() - begin)
        return best

    # A quadratic scan takes 16 times as long here; 10 leaves room for a noisy machine.
    assert seconds(20_000) < 10 * seconds(5_000) + 0.02
