"""Labelling by named terms: what goes where, and the tables that mine-labels would write."""

from __future__ import annotations

import json
import os
import random
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_clauses import contents, made_reports, write_reports

from cxrmine.clauses import run
from cxrmine.clauses.apply import Assigner
from cxrmine.clauses.fit import Fit
from cxrmine.clauses.label import Apply
from cxrmine.clauses.settings import ApplySettings, ClusterSettings, ReadSettings
from cxrmine.clauses.terms_file import (
    Medoid,
    NamedTerm,
    TermsFile,
    TermsSettings,
    read_terms,
)
from cxrmine.errors import UserError
from cxrmine.evaluation.labels import read_labels
from cxrmine.runs.folder import OutputFolder
from cxrmine.runs.parts import mention_schema
from cxrmine.runs.progress import Lines
from cxrmine.tables import read_csv

REPORTS = made_reports(120)


def terms_of(*terms: NamedTerm, distance: str = "levenshtein") -> TermsFile:
    return TermsFile(TermsSettings(distance), terms, "0" * 64)


def medoids(*items: tuple[str, float, int]) -> tuple[Medoid, ...]:
    return tuple(Medoid(text, radius, n, count) for n, (text, radius, count) in enumerate(items, 1))


HEART = NamedTerm(1, "heart", medoids(("heart large", 2, 50), ("cardiac shadow wide", 0, 9)))
LUNG = NamedTerm(
    2,
    "lung",
    (Medoid("lung large", 3, 3, 80), Medoid("heart arge", 1, 4, 60)),
    clauses=("heart largf", "chest odd"),
)
ODD = NamedTerm(3, "drop", (Medoid("see doctor", 1, 5, 5),))
NEW = NamedTerm(4, "", (Medoid("rib broken", 1, 6, 4),))


def placed(*clauses: str, terms: TermsFile | None = None) -> list[tuple[object, ...]]:
    found = Assigner(terms or terms_of(HEART, LUNG, ODD, NEW)).place(clauses)
    return [(p.column, p.term, p.cluster) for p in found]


def test_a_clause_goes_to_its_nearest_medoid_within_the_radius() -> None:
    assert placed("heart large", "heart lrge", "heart big", "lung lerge") == [
        (0, 1, 1),
        (1, 2, 4),  # one step from both medoids: the larger cluster's
        (-1, None, None),
        (1, 2, 3),
    ]


def test_the_radius_is_the_nearest_clusters_own() -> None:
    # Two steps from "cardiac shadow wide" (radius 0), and far from all others.
    assert placed("cardiac shadow wid") == [(-1, None, None)]
    assert placed("cardiac shadow wide") == [(0, 1, 2)]


def test_what_a_reader_placed_wins_over_distance() -> None:
    rules = Assigner(terms_of(HEART, LUNG)).place(["heart largf", "chest odd"])
    assert [(p.column, p.term, p.cluster, p.rule) for p in rules] == [
        (1, 2, None, "by hand"),
        (1, 2, None, "by hand"),
    ]


def test_drop_and_empty_labels_take_their_clauses_but_make_no_column() -> None:
    assert placed("see doctors", "rib broke") == [(-1, 3, 5), (-1, 4, 6)]


def test_of_equally_near_medoids_the_larger_cluster_then_the_text_wins() -> None:
    terms = [NamedTerm(n, f"l{n}", (Medoid(t, 1, n, 7),)) for n, t in enumerate("ca", 1)]
    assert placed("b", terms=terms_of(*terms)) == [(1, 2, 2)]  # "a" before "c"


def test_terms_without_any_medoid() -> None:
    by_hand = NamedTerm(1, "x", (), ("one",))
    assert placed("one", "two", terms=terms_of(by_hand)) == [(0, 1, None), (-1, None, None)]


def test_a_remembered_clause_is_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from cxrmine.clauses import apply

    measured: list[str] = []
    to_medoids = apply.to_medoids

    def counted(clauses: list[str], *arguments: object) -> object:
        measured.extend(clauses)
        return to_medoids(clauses, *arguments)

    monkeypatch.setattr(apply, "to_medoids", counted)
    assigner = Assigner(terms_of(HEART))
    first = assigner.place(["a", "heart", "a", "b"])
    assert assigner.place(["b", "heart", "c", "a"]) == [
        first[3],
        first[1],
        *assigner.place(["c", "a"]),
    ]
    assert measured == ["a", "heart", "b", "c"]
    # A national archive's odd clauses must not fill the memory.
    monkeypatch.setattr(apply, "REMEMBERED", 5)
    assert assigner.place(["d", "e", "a"])[2] == first[0]
    assert len(assigner._known) <= 5


def test_rounded_radii_take_in_the_member_that_they_are_made_of() -> None:
    # The radius stands in the file with six decimals, below the exact distance of 2/3 or above.
    for text, clause in (("abc", "axx"), ("abcdefg", "xxcdefg")):
        exact = 2 / len(text)
        terms = terms_of(NamedTerm(1, "x", (Medoid(text, round(exact, 6), 1, 1),)),
                         distance="normalized")  # fmt: skip
        assert placed(clause, terms=terms) == [(0, 1, 1)]


# ---------------------------------------------------------------------------- whole runs


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_reports(tmp_path_factory.mktemp("source") / "reports.csv", REPORTS)
    with path.open("a", encoding="utf-8") as handle:
        handle.write("made-00000,An id that was there before.\n")
    return path


@pytest.fixture(scope="module")
def fitted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "out"
    settings = ClusterSettings(ReadSettings((str(source),)), k=14)
    run.run(Fit(settings), out, progress=lambda *_: Lines())
    return out


@pytest.fixture(scope="module")
def named(fitted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The terms of `fitted`, every other named, one to drop, the last without a label."""
    path = tmp_path_factory.mktemp("named") / "terms.yaml"
    parts = (fitted / "terms.yaml").read_text("utf-8").split('label: ""')
    labels = [f'label: "=Term, {n % 3}"' if n != 1 else "label: drop" for n in range(len(parts))]
    labels[len(parts) - 2] = 'label: ""'
    text = parts[0]
    for label, part in zip(labels, parts[1:], strict=False):
        text += label + part
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def settings(source: Path, named: Path) -> ApplySettings:
    return ApplySettings(ReadSettings((str(source),)), named)


def go(settings: ApplySettings, out: Path, **options: object) -> run.Outcome:
    return run.run(Apply.load(settings), out, progress=lambda *_: Lines(), **options)


def test_tables_agree_with_each_other_and_with_the_terms(
    settings: ApplySettings, fitted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    record = go(settings, out).record
    terms = read_terms(settings.terms)
    column = {term.number: term.column for term in terms.terms}
    texts = dict(REPORTS)

    _, clauses = read_csv(out / "clauses.csv")
    _, fitted_clauses = read_csv(fitted / "clauses.csv")
    assert len(clauses) == len(fitted_clauses)
    for ours, theirs in zip(clauses, fitted_clauses, strict=True):
        # The reports that the terms come from: each clause is where the clustering put it,
        # unless it lies so far from its medoid that it did not widen the radius.
        assert {k: ours[k] for k in ("report_id", "start", "end", "raw", "clause")} == {
            k: theirs[k] for k in ("report_id", "start", "end", "raw", "clause")
        }
        if ours["cluster"]:
            assert (ours["cluster"], ours["term"]) == (theirs["cluster"], theirs["term"])

    table = pq.read_table(out / "mentions.parquet")
    assert table.schema == mention_schema()
    mentions = table.to_pylist()
    labelled = [row for row in clauses if row["term"] and column[int(row["term"])]]
    assert len(mentions) == len(labelled) > 0
    for mention, row in zip(mentions, labelled, strict=True):
        assert mention["report_id"] == row["report_id"]
        text = texts[row["report_id"]]
        assert mention["text"] == text[mention["start"] : mention["end"]] == row["raw"]
        assert mention["sentence"] == text[mention["sentence_start"] : mention["sentence_end"]]
        assert mention["finding"] == column[int(row["term"])]
        assert mention["concept"] == f"term {row['term']}"
        assert (mention["status"], mention["cue"]) == ("present", "")
        assert mention["section"] == "diagnosis"
        assert mention["rule"].startswith(f"cluster {row['cluster']}: distance ")
        assert " <= radius " in mention["rule"]

    labels = read_labels(out / "labels.csv")
    assert labels.ids == tuple(report_id for report_id, _ in REPORTS)
    assert labels.columns == terms.labels
    positive = {(m["report_id"], m["finding"]) for m in mentions}
    for name in labels.columns:
        for report_id, cell in zip(labels.ids, labels.cells[name], strict=True):
            assert cell == str(int((report_id, name) in positive))
    assert record["positives"] == dict(Counter(name for _, name in sorted(positive)))

    _, unassigned = read_csv(out / "unassigned.csv")
    left = Counter(row["clause"] for row in clauses if not row["cluster"])
    assert {row["clause"]: int(row["count"]) for row in unassigned} == left
    counts = [int(row["count"]) for row in unassigned]
    assert counts == sorted(counts, reverse=True)
    counts = record["counts"]
    assert counts["labeled"] == len(mentions)
    assert counts["unassigned"] == sum(left.values())
    assert (
        counts["labeled"] + counts["dropped"] + counts["without_label"] + counts["unassigned"]
        == counts["clauses"]
        == len(clauses)
    )
    assert (counts["terms_dropped"], counts["terms_without_label"]) == (1, 1)
    assert counts["failures"] == 1
    warnings = [row["message"] for row in read_csv(out / "warnings.csv")[1]]
    assert any("1 terms have an empty label" in message for message in warnings)


def test_no_byte_depends_on_chunks_workers_or_the_way(
    settings: ApplySettings, tmp_path: Path
) -> None:
    go(settings, tmp_path / "whole")
    go(settings, tmp_path / "cut", chunk_size=7, workers=2)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_reports_and_clauses_never_seen(settings: ApplySettings, tmp_path: Path) -> None:
    source = write_reports(
        tmp_path / "new.csv",
        [("n1", "肝未见异常，zzzz yyyy。"), ("n2", ""), ("n3", "心肺未见异常")],
    )
    read = ReadSettings((str(source),))
    counts = go(replace(settings, read=read), tmp_path / "out").record["counts"]
    assert (counts["reports"], counts["clauses"]) == (3, 3)
    labels = read_labels(tmp_path / "out" / "labels.csv")
    assert len(labels.ids) == 3
    _, unassigned = read_csv(tmp_path / "out" / "unassigned.csv")
    assert [row["clause"] for row in unassigned if row["clause"] == "zzzz yyyy"]
    assert all(row["nearest"] and float(row["distance"]) > 0 for row in unassigned)


def test_no_report_with_a_clause(settings: ApplySettings, tmp_path: Path) -> None:
    source = write_reports(tmp_path / "new.csv", [("n1", ""), ("n2", "12")])
    read = ReadSettings((str(source),))
    counts = go(replace(settings, read=read), tmp_path / "out").record["counts"]
    assert (counts["reports"], counts["clauses"], counts["labeled"]) == (2, 0, 0)
    labels = read_labels(tmp_path / "out" / "labels.csv")
    assert all(set(labels.cells[name]) == {"0"} for name in labels.columns)
    assert pq.read_table(tmp_path / "out" / "mentions.parquet").num_rows == 0


def test_the_section_is_the_terms_own_unless_one_is_given(
    settings: ApplySettings, tmp_path: Path
) -> None:
    terms = tmp_path / "terms.yaml"
    text = settings.terms.read_text("utf-8")
    terms.write_text(text.replace("section: null", 'section: "Befund"'), "utf-8")
    source = tmp_path / "two.csv"
    source.write_text("report_id,befund,beurteilung\n1,心肺未见异常,主动脉硬化\n", "utf-8")
    told = ApplySettings(ReadSettings((str(source),)), terms)
    go(told, tmp_path / "own")
    _, rows = read_csv(tmp_path / "own" / "clauses.csv")
    assert [row["clause"] for row in rows] == ["心肺未见异常"]
    go(replace(told, read=replace(told.read, section="beurteilung")), tmp_path / "given")
    _, rows = read_csv(tmp_path / "given" / "clauses.csv")
    assert [row["clause"] for row in rows] == ["主动脉硬化"]


def test_terms_without_a_label_are_nothing_to_apply(settings: ApplySettings, fitted: Path) -> None:
    with pytest.raises(UserError, match="no label yet"):
        Apply.load(replace(settings, terms=fitted / "terms.yaml"))


def test_other_terms_are_another_run(settings: ApplySettings, named: Path, tmp_path: Path) -> None:
    go(settings, tmp_path / "out")
    assert go(settings, tmp_path / "out", resume=True).already_finished
    other = tmp_path / "terms.yaml"
    other.write_text(named.read_text("utf-8") + "\n# one more word\n", "utf-8")
    with pytest.raises(UserError, match="had other terms_sha256"):
        go(replace(settings, terms=other), tmp_path / "out", resume=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_killed_after_any_part_it_redoes_only_what_is_left(
    settings: ApplySettings, tmp_path: Path
) -> None:
    go(settings, tmp_path / "whole", chunk_size=30)
    keep_part = OutputFolder.keep_part
    for finished in range(1, 5):
        out = tmp_path / str(finished)

        def keep_and_die(
            self: OutputFolder, index: int, data: bytes, last: int = finished - 1
        ) -> None:
            keep_part(self, index, data)
            if index == last:
                os.kill(os.getpid(), signal.SIGKILL)

        child = os.fork()
        if child == 0:
            OutputFolder.keep_part = keep_and_die
            go(settings, out, chunk_size=30)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
        outcome = go(settings, out, resume=True)
        assert outcome.done_now == len(REPORTS) - 30 * finished
        assert contents(out) == contents(tmp_path / "whole")


def test_any_terms_give_consistent_tables(settings: ApplySettings, tmp_path: Path) -> None:
    """Random edits of a reader: merges, drops, moved clusters, clauses placed by hand."""
    import yaml

    content = yaml.safe_load(settings.terms.read_text("utf-8"))
    chance = random.Random(11)
    terms = content["terms"]
    for term in terms:
        term["label"] = chance.choice(["a", "b", "drop", "", "c d"])
    terms[0]["label"] = "a"
    terms[0]["medoids"].append(terms[1]["medoids"].pop())
    terms[-1]["clauses"] = ["心肺未见异常"]
    terms[-1]["label"] = "by hand"
    edited = tmp_path / "terms.yaml"
    edited.write_text(json.dumps(content, ensure_ascii=False), "utf-8")  # JSON is YAML
    go(replace(settings, terms=edited), tmp_path / "out")
    mentions = pq.read_table(tmp_path / "out" / "mentions.parquet").to_pylist()
    by_hand = [m for m in mentions if m["finding"] == "by hand" and m["rule"] == "by hand"]
    assert {m["text"] for m in by_hand} == {"心肺未见异常"}
    _, rows = read_csv(tmp_path / "out" / "clauses.csv")
    assert len(by_hand) == sum(row["clause"] == "心肺未见异常" for row in rows)
    labels = read_labels(tmp_path / "out" / "labels.csv")
    assert set(labels.columns) <= {"a", "b", "c d", "by hand"}
    assert "drop" not in labels.columns
