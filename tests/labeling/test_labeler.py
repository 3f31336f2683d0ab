"""The labeler: offsets that hold, order, streams, memory that changes nothing, anybody's spans."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from span_sets import read_spans

import cxrmine
from cxrmine.labeling import labeler as module
from cxrmine.labeling.mention import STATUSES, Mention
from cxrmine.reports.report import Report, Section

if TYPE_CHECKING:
    from cxrmine import LabeledReport, Labeler

REPORT = """\
INDICATION: Rule out pneumonia in a patient with known emphysema.
COMPARISON: Prior film with a large effusion.
FINDINGS: The heart is enlarged. No pleural effusion, pneumothorax or focal consolidation.
There may be a nodule in the left apex.
IMPRESSION:
1. Cardiomegaly, stable. 2. Probable XXXX atelectasis at the right base.
"""
REPORTS = [
    REPORT,
    "No acute disease.",
    "",
    "Small left effusion without pneumothorax. Small left effusion without pneumothorax.",
    "THE LUNGS ARE CLEAR OF EDEMA, EFFUSION, OR MASS.",
    "No change in the right effusion; the pneumothorax has resolved.",
    REPORT,
    "Nothing to see here.",
]


def check_offsets(report: LabeledReport) -> None:
    text = report.text
    for m in report.mentions:
        assert m.text == text[m.start : m.end]
        assert m.text.strip()
        assert m.sentence == text[m.sentence_start : m.sentence_end]
        assert m.sentence_start <= m.start < m.end <= m.sentence_end
        assert m.status in STATUSES
        assert bool(m.cue) <= bool(m.rule)
        assert all(part in m.sentence for part in m.cue.split(" … ")) if m.cue else True
    starts = [m.start for m in report.mentions]
    assert starts == sorted(starts)


# ------------------------------------------------------------------ mentions


def test_a_report(labeler: Labeler) -> None:
    report = labeler.label(REPORT)
    check_offsets(report)
    found = {(m.section, m.text.lower(), m.status) for m in report.mentions}
    assert found >= {
        ("findings", "pleural effusion", "absent"),
        ("findings", "pneumothorax", "absent"),
        ("findings", "nodule", "possible"),
        ("impression", "cardiomegaly", "present"),
        ("impression", "atelectasis", "probable"),
    }
    assert not {m.finding for m in report.mentions} & {"Pneumonia", "Emphysema"}
    assert {m.section for m in report.mentions} == {"findings", "impression"}
    assert report.text == REPORT
    assert not report.is_empty
    assert repr(report) == f"LabeledReport({len(report.mentions)} mentions)"


def test_cue_and_rule_say_why(labeler: Labeler) -> None:
    (mention,) = (m for m in labeler.label(REPORT).mentions if m.text == "pneumothorax")
    assert (mention.cue, mention.rule) == ("No", "no")
    (mention,) = (m for m in labeler.label(REPORT).mentions if m.text == "Cardiomegaly")
    assert (mention.cue, mention.rule) == ("", "")


def test_words_of_a_cue_that_stand_apart_are_joined_by_an_ellipsis() -> None:
    offsets = [(0, 2), (3, 5), (6, 8), (9, 11)]
    assert module.cue_text("is it not so", offsets, (0, 2)) == "is … no"
    assert module.cue_text("is it so no?", offsets, (0, 1, 3)) == "is it … no"
    assert module.cue_text("is it so no?", offsets, (2,)) == "so"


def test_a_report_with_sections_of_its_own(labeler: Labeler) -> None:
    text = "old effusion\nno effusion\nnodule"
    sections = (
        Section("history", 0, 12),
        Section("findings", 13, 24),
        Section("impression", 25, 31),
    )
    report = labeler.label(Report("r1", text, sections))
    check_offsets(report)
    assert report.report_id == "r1"
    assert [(m.section, m.text, m.status) for m in report.mentions] == [
        ("findings", "effusion", "absent"),
        ("impression", "nodule", "present"),
    ]


def test_sections_are_found_where_a_report_brings_none(labeler: Labeler) -> None:
    plain = labeler.label(REPORT)
    wrapped = labeler.label(Report("r2", REPORT, None))
    assert wrapped.mentions == plain.mentions
    assert (wrapped.report_id, plain.report_id) == ("r2", "")


def test_the_same_words_in_two_places_are_two_mentions(labeler: Labeler) -> None:
    report = labeler.label(REPORTS[3])
    effusions = [m for m in report.mentions if m.text == "effusion"]
    assert len({m.start for m in effusions}) == 2
    check_offsets(report)


@pytest.mark.parametrize(
    "text",
    [
        "İ No effusion, İİ pneumothorax İ or mass.",  # grows in lower case
        "ẞ Straße: no effusion.",
        "ﬁndings: small effusion",  # a ligature
        "Kein Erguss 😀 no effusion 👩‍⚕️ but cardiomegaly",
        "no\u00a0pleural\u2009effusion\u200b or e\u0301dema",
        "[**Name 12**] has ___ effusion. XXXX pneumothorax.",
        "NO EFFUSION\r\n\r\nBUT CARDIOMEGALY\r\n",
        "心影增大 effusion。无 pneumothorax",
        "\x00 effusion \x1f mass",
        "\ud800 effusion",  # half of a pair, as broken files have it
    ],
)
def test_offsets_hold_in_any_alphabet(labeler: Labeler, text: str) -> None:
    report = labeler.label(text)
    check_offsets(report)
    assert report.mentions


# ------------------------------------------------------------------ random reports

_snippets = st.sampled_from(
    [
        *"No no without or and , . ; : ( ) - / ? ' \n \t İ ß".split(" "),
        *"effusion pneumothorax cardiomegaly nodule mass atelectasis heart enlarged".split(),
        "FINDINGS:", "IMPRESSION:", "HISTORY:", "is not seen", "no evidence of", "may represent",
        "cannot be excluded", "1.", "XXXX", "___", "clear of", "history of", "\r\n", "\n\n",
    ]
)  # fmt: skip
_reports = st.lists(st.one_of(_snippets, st.text(max_size=6)), max_size=25).flatmap(
    lambda parts: st.sampled_from([" ", "", " "]).map(lambda glue: glue.join(parts))
)
_relaxed = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_relaxed
@given(_reports)
def test_random_texts_never_crash_and_offsets_hold(labeler: Labeler, text: str) -> None:
    report = labeler.label(text)
    check_offsets(report)
    for scheme in labeler.schemes():
        assert tuple(report.labels(scheme)) == labeler.columns(scheme)


@_relaxed
@given(st.lists(_reports, max_size=5))
def test_many_at_once_are_as_one_by_one(labeler: Labeler, texts: list[str]) -> None:
    together = [r.mentions for r in labeler.label_many(texts)]
    assert together == [labeler.label(text).mentions for text in texts]


@_relaxed
@given(_reports, st.data())
def test_any_valid_spans_get_a_status(labeler: Labeler, text: str, data: st.DataObject) -> None:
    offsets = st.integers(0, len(text)).flatmap(
        lambda start: (
            st.tuples(st.just(start), st.integers(start + 1, len(text)))
            if start < len(text)
            else st.nothing()
        )
    )
    spans = data.draw(st.lists(offsets, max_size=4)) if text else []
    found = labeler.assert_spans(text, spans)
    assert len(found) == len(spans)
    assert {d.status for d in found} <= set(STATUSES)
    # A span's status does not depend on which others are asked for, nor on their order.
    assert labeler.assert_spans(text, spans[::-1]) == found[::-1]
    assert [labeler.assert_spans(text, [span])[0] for span in spans] == found


# ------------------------------------------------------------------ many reports


def fresh(labeler: Labeler) -> Labeler:
    """A labeler of the same parts that remembers nothing."""
    return cxrmine.Labeler(
        labeler.vocabulary,
        labeler.rules,
        labeler.assertion,
        labeler.vocab_dir,
        "en_cxrmine_ud",
        labeler.fingerprint()["parser_sha256"],
    )


def test_label_many_keeps_the_order(labeler: Labeler) -> None:
    reports = [Report(str(i), text) for i, text in enumerate(REPORTS)]
    found = fresh(labeler).label_many(reports)
    assert [r.report_id for r in found] == [str(i) for i in range(len(REPORTS))]
    assert [r.text for r in found] == REPORTS
    assert [r.mentions for r in found] == [fresh(labeler).label(t).mentions for t in REPORTS]


def test_label_many_takes_any_iterable(labeler: Labeler) -> None:
    assert labeler.label_many([]) == []
    assert labeler.label_many(iter(())) == []
    by_generator = labeler.label_many(text for text in REPORTS)
    assert [r.text for r in by_generator] == REPORTS


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_batch_size_changes_nothing(labeler: Labeler, batch_size: int) -> None:
    expected = [r.mentions for r in fresh(labeler).label_many(REPORTS)]
    streamed = fresh(labeler).iter_many(REPORTS, batch_size=batch_size)
    assert [r.mentions for r in streamed] == expected


def test_iter_many_reads_no_further_than_a_batch(labeler: Labeler) -> None:
    taken = []

    def endless() -> Iterator[str]:
        while True:
            taken.append(len(taken))
            yield REPORTS[len(taken) % len(REPORTS)]

    stream = labeler.iter_many(endless(), batch_size=4)
    assert taken == []  # nothing is read before it is asked for
    next(stream)
    assert len(taken) == 4
    for _ in range(3):
        next(stream)
    assert len(taken) == 4
    next(stream)
    assert len(taken) == 8


def test_forgetting_changes_nothing(labeler: Labeler, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [r.mentions for r in labeler.label_many(REPORTS)]
    monkeypatch.setattr(module, "_REMEMBER", 1)
    small = fresh(labeler)
    for _ in range(2):
        assert [r.mentions for r in small.iter_many(REPORTS, batch_size=2)] == expected
        assert len(small._sentences) < 20


def test_a_known_sentence_is_not_parsed_again(labeler: Labeler) -> None:
    own = fresh(labeler)
    text = "The lungs, which were clear of any consolidation before, are now full of edema."
    own.label(text)
    parsed = labeler.assertion.parsed_sentences
    own.label_many([text] * 5)
    assert labeler.assertion.parsed_sentences == parsed


def test_the_same_words_in_every_process() -> None:
    """Python's hash seed must decide neither a status nor a cue (identical bytes, any worker)."""
    code = """
        import json, sys, cxrmine
        labeler = cxrmine.Labeler.load()
        for text, spans in json.load(sys.stdin):
            print(json.dumps(labeler.assert_with_cues(text, spans)))
    """
    sentences = json.dumps([(text, spans) for text, spans, _ in read_spans()])
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    first, second = (run.communicate(sentences)[0].splitlines() for run in runs)
    assert sum("absent" in line for line in first) > 200
    assert len(first) == len(second)
    differ = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    assert not differ


# ------------------------------------------------------------------ what is no report, no sentence


@pytest.mark.parametrize("wrong", [None, 3, b"No effusion.", ["No effusion."]])
def test_what_is_no_report_is_refused(labeler: Labeler, wrong: object) -> None:
    message = f"a report is a str or a .*Report, not {type(wrong).__name__}$"
    with pytest.raises(TypeError, match=message):
        labeler.label(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=message):
        labeler.label_many(["No effusion.", wrong])  # type: ignore[list-item]
    assert labeler.label("No effusion.").mentions


@pytest.mark.parametrize("report", [REPORT, Report("r1", "No effusion.", None), ""])
def test_a_pickled_report_keeps_all_but_its_labels(labeler: Labeler, report: str | Report) -> None:
    original = labeler.label(report)
    data = pickle.dumps(original)
    copied = pickle.loads(data)
    for name in ("report_id", "text", "mentions", "is_empty"):
        assert getattr(copied, name) == getattr(original, name)
    assert isinstance(copied, cxrmine.LabeledReport)
    assert repr(copied) == repr(original)
    assert len(data) < 20_000  # the labeler is not in it
    with pytest.raises(RuntimeError, match="take them before pickling it"):
        copied.labels()
    assert original.labels()
    assert pickle.loads(pickle.dumps(copied)).mentions == original.mentions


LONGEST = 3_000


@pytest.mark.parametrize("gap", [" ", "\n", "\t", "\u00a0", "  \n "])
def test_a_sentence_without_end_is_cut_at_white_space(gap: str) -> None:
    text = gap.join(f"w{number}" for number in range(3_000))
    spans = list(module.bounded(text, [(0, len(text))]))
    pieces = [text[start:end] for start, end in spans]
    assert len(pieces) > 4
    assert [word for piece in pieces for word in piece.split()] == text.split()
    assert all(0 < len(piece) <= LONGEST for piece in pieces)
    assert all(len(piece) > LONGEST // 2 for piece in pieces[:-1])
    assert all(piece == piece.strip() for piece in pieces)


def test_a_word_without_end_is_cut_anywhere() -> None:
    spans = [(0, 2), (3, 3 + 2 * LONGEST + 1), (7_000, 7_000 + LONGEST)]
    assert list(module.bounded("x" * 10_000, spans)) == [
        (0, 2), (3, 3_003), (3_003, 6_003), (6_003, 6_004), (7_000, 10_000),
    ]  # fmt: skip


@_relaxed
@given(st.text(st.sampled_from("ab \n"), max_size=60))
def test_the_pieces_of_a_text_hold_all_its_words(text: str) -> None:
    start = len(text) - len(text.lstrip())
    whole = (start, max(start, len(text.rstrip())))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LONGEST", 10)
        pieces = list(module.bounded(text, [whole]))
    assert all(0 < end - first <= 10 for first, end in pieces)
    assert all(a[1] <= b[0] for a, b in pairwise(pieces))
    kept = "".join(text[start:end] for start, end in pieces)
    assert "".join(kept.split()) == "".join(text.split())


@pytest.mark.parametrize("gap", [" ", "\n"])
def test_no_mention_of_an_endless_sentence_is_lost(labeler: Labeler, gap: str) -> None:
    report = labeler.label(gap.join(["effusion"] * 20_000))
    check_offsets(report)
    assert len(report.mentions) == 20_000
    assert max(len(m.sentence) for m in report.mentions) <= LONGEST


# ------------------------------------------------------------------ the fixed names


def test_the_python_door(labeler: Labeler) -> None:
    assert set(cxrmine.__all__) == {
        "LabeledReport", "Labeler", "Mention", "__version__", "assert_status",
    }  # fmt: skip
    assert set(dir(cxrmine)) >= set(cxrmine.__all__)
    load = inspect.signature(cxrmine.Labeler.load).parameters
    assert {"rules", "vocab", "parser", "assertion"} <= set(load)
    assert all(p.kind is p.KEYWORD_ONLY for p in load.values())
    assert all(p.default is not p.empty for p in load.values())
    report = labeler.label("No effusion.")
    assert isinstance(report, cxrmine.LabeledReport)
    assert isinstance(report.mentions, tuple)
    assert Mention._fields[:2] == ("section", "sentence")
    assert isinstance(report.mentions[0], cxrmine.Mention)
    assert report.labels() == report.labels("chestxray14")
    with pytest.raises(AttributeError, match="module 'cxrmine' has no attribute 'Labeller'"):
        cxrmine.Labeller


def test_the_fingerprint_names_all_that_decides_a_label(labeler: Labeler) -> None:
    found = labeler.fingerprint()
    assert found["cxrmine"] == cxrmine.__version__
    assert found["parser"] == "en_cxrmine_ud"
    assert found["assertion"] == "cxrmine"
    for name in ("vocabulary_sha256", "rules_sha256", "parser_sha256"):
        assert len(found[name]) == 64
        int(found[name], 16)


def test_an_unknown_assertion_is_refused() -> None:
    with pytest.raises(ValueError, match="There is no assertion 'regex': use cxrmine or negex"):
        cxrmine.Labeler.load(assertion="regex")


def test_importing_cxrmine_imports_next_to_nothing() -> None:
    code = (
        "import sys, cxrmine; cxrmine.__version__; dir(cxrmine);"
        "heavy = {'spacy', 'thinc', 'numpy', 'torch', 'networkx', 'pydantic', 'yaml', 'pyarrow'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "from cxrmine import Mention;"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ------------------------------------------------------------------ anybody's spans


@pytest.mark.parametrize(
    ("text", "span", "status"),
    [
        ("There is an effusion.", "effusion", "present"),
        ("Probable effusion.", "effusion", "probable"),
        ("Possible effusion.", "effusion", "possible"),
        ("No effusion.", "effusion", "absent"),
        ("History of effusion.", "effusion", "historical"),
        ("Evaluate for effusion.", "effusion", "hypothetical"),
        # whatever the words of the span
        ("He denies any blue wuzzles.", "blue wuzzles", "absent"),
        ("NO WUZZLES SEEN.", "WUZZLES", "absent"),
        # which wins: negation over history and hedge
        ("No history of asthma.", "asthma", "absent"),
        ("Denies prior asthma.", "asthma", "absent"),
        ("Asthma was ruled out.", "Asthma", "absent"),
        ("Asthma cannot be excluded.", "Asthma", "possible"),
        ("The asthma has resolved.", "asthma", "historical"),
    ],
)
def test_assert_status(text: str, span: str, status: str) -> None:
    start = text.index(span)
    assert cxrmine.assert_status(text, [(start, start + len(span))]) == [status]


def test_statuses_come_in_the_order_of_the_spans() -> None:
    text = "No fever. Mild cough, probable asthma. Denies chills."
    words = ["chills", "fever", "asthma", "cough"]
    spans = [(text.index(w), text.index(w) + len(w)) for w in words]
    assert cxrmine.assert_status(text, spans) == ["absent", "absent", "probable", "present"]
    assert cxrmine.assert_status(text, iter(spans)) == cxrmine.assert_status(text, spans)
    assert cxrmine.assert_status(text, []) == []
    assert cxrmine.assert_status("", []) == []


def test_a_span_around_another_changes_nothing_for_it() -> None:
    text = "The wound did not appear infected."
    inner, outer = (25, 33), (0, 34)
    assert cxrmine.assert_status(text, [inner]) == ["absent"]
    assert cxrmine.assert_status(text, [inner, outer])[0] == "absent"


def test_no_section_logic() -> None:
    text = "HISTORY: no effusion.\nINDICATION: no mass."
    spans = [(12, 20), (37, 41)]
    assert [text[a:b] for a, b in spans] == ["effusion", "mass"]
    assert cxrmine.assert_status(text, spans) == ["absent", "absent"]


def test_the_same_span_twice() -> None:
    assert cxrmine.assert_status("No effusion.", [(3, 11), (3, 11)]) == ["absent", "absent"]


@pytest.mark.parametrize("span", [(5, 11), (3, 9), (4, 6)])
def test_a_span_inside_a_token_stands_for_the_token(span: tuple[int, int]) -> None:
    assert cxrmine.assert_status("No effusion.", [span]) == ["absent"]


def test_a_span_of_white_space_is_present() -> None:
    assert cxrmine.assert_status("No  effusion.", [(2, 4)]) == ["present"]
    assert cxrmine.assert_status("   ", [(0, 3)]) == ["present"]


def test_a_span_across_sentences_is_judged_by_the_first() -> None:
    text = "No mass. Effusion is seen."
    assert cxrmine.assert_status(text, [(3, 17), (9, 17)]) == ["absent", "present"]


def test_a_cue_that_opens_a_span_counts_for_the_rest_of_it() -> None:
    assert cxrmine.assert_status("No effusion.", [(0, 11)]) == ["absent"]
    assert cxrmine.assert_status("Prior empyema.", [(0, 13)]) == ["historical"]


@pytest.mark.parametrize(
    "span",
    [(-1, 3), (3, 3), (5, 3), (0, 13), (12, 13), (13, 14), (0.0, 3.0), ("0", "3"), (0, None)],
)
def test_bad_offsets_are_refused(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"does not lie within the text: give half-open") as error:
        cxrmine.assert_status("No effusion.", [(0, 2), span])
    assert repr(span) in str(error.value)
    assert "0 <= start < end <= 12" in str(error.value)


@pytest.mark.parametrize("span", [3, None, (1, 2, 3), (1,), (), "no", {"start": 1}])
def test_a_span_that_is_no_pair_is_refused(span: object) -> None:
    with pytest.raises(ValueError, match="give half-open character offsets") as error:
        cxrmine.assert_status("No effusion.", [(3, 11), span])  # type: ignore[list-item]
    assert f"span {span!r} does not lie" in str(error.value)


def test_integers_of_numpy_are_offsets_too() -> None:
    import numpy as np

    spans = [tuple(np.array([3, 11]))]
    assert cxrmine.assert_status("No effusion.", spans) == ["absent"]
