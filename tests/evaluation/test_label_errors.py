"""Wrong cells and the mentions that bear on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrmine.errors import UserError
from cxrmine.evaluation.label_errors import (
    MentionRow,
    WrongCell,
    add_evidence,
    by_name,
    by_scheme,
    error_rows,
    read_mentions,
    wrong_cells,
)
from cxrmine.evaluation.scores import outcomes


def record(
    report_id: str, text: str, finding: str, status: str = "present", start: int = 0
) -> dict:
    return {
        "report_id": report_id,
        "section": "findings",
        "sentence": f"{text} is seen.",
        "start": start,
        "end": start + len(text),
        "text": text,
        "finding": finding,
        "concept": finding.lower().replace(" ", "_"),
        "status": status,
        "cue": "",
        "rule": "" if status == "present" else "some-rule",
    }


def mention(finding: str, status: str = "present", concept: str = "c") -> MentionRow:
    return MentionRow(
        "findings", f"{finding} here.", 0, 4, "text", finding, concept, status, "", "", 0
    )


def test_wrong_cells_in_order_of_columns():
    gold = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.int8)
    ours = np.array([[1, 1], [1, -1], [0, 1]], dtype=np.int8)
    cells = wrong_cells(outcomes(gold, ours), gold, ours, ["x", "y", "z"], ["A", "B"])
    assert [(c.report_id, c.finding, c.kind, c.gold, c.ours) for c in cells] == [
        ("y", "A", "FP", 0, 1),
        ("z", "A", "FN", 1, 0),
        ("x", "B", "FP", 0, 1),
        ("y", "B", "FN", 1, -1),
    ]


def test_mentions_are_read_for_the_reports_asked_for(tmp_path: Path):
    path = tmp_path / "mentions.parquet"
    rows = [
        record("x", "Effusion", "Effusion", start=9),
        record("q", "Mass", "Mass"),
        record("x", "Edema", "Edema", start=2),
    ]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=1)
    found = read_mentions(path, ["x", "none"])
    assert {k: [m.text for m in v] for k, v in found.items()} == {"x": ["Edema", "Effusion"]}
    assert found["x"][0].sentence_start is None


def test_dictionary_encoded_ids_and_sentence_spans(tmp_path: Path):
    path = tmp_path / "mentions.parquet"
    table = pa.Table.from_pylist(
        [record("x", "Mass", "Mass") | {"sentence_start": 0, "sentence_end": 13}]
    )
    encoded = table.set_column(0, "report_id", table["report_id"].dictionary_encode())
    pq.write_table(encoded, path)
    assert read_mentions(path, ["x"])["x"][0].sentence_start == 0


def test_broken_mentions(tmp_path: Path):
    path = tmp_path / "mentions.parquet"
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        read_mentions(path, ["x"])
    pq.write_table(pa.table({"report_id": ["x"], "text": ["a"]}), path)
    with pytest.raises(UserError, match="lacks the columns section, sentence"):
        read_mentions(path, ["x"])


def test_evidence_by_name_and_by_scheme():
    mentions = {
        "x": [
            mention("Pleural_Thickening"),
            mention("Pericardial Effusion", concept="pericardial_effusion"),
            mention("Mass", "absent"),
        ]
    }
    cells = [
        WrongCell("x", "Pleural Thickening", 0, 1, "FP"),
        WrongCell("x", "Effusion", 1, 0, "FN"),
        WrongCell("none", "Effusion", 1, 0, "FN"),
    ]
    named = add_evidence(cells, mentions, by_name)
    assert [[m.finding for m in c.mentions] for c in named] == [["Pleural_Thickening"], [], []]
    scheme = by_scheme({"pericardial_effusion": ["Effusion"]})
    assert [[m.finding for m in c.mentions] for c in add_evidence(cells, mentions, scheme)] == [
        ["Pleural_Thickening"],
        ["Pericardial Effusion"],
        [],
    ]


def test_normal_rests_on_everything_said():
    mentions = {"x": [mention("Mass", "absent"), mention("Scoliosis")]}
    denied, stated = add_evidence(
        [WrongCell("x", "normal", 1, 0, "FN"), WrongCell("x", "No Finding", 0, 1, "FP")],
        mentions,
        by_name,
    )
    assert [m.finding for m in denied.mentions] == ["Scoliosis"]
    assert [m.finding for m in stated.mentions] == ["Mass", "Scoliosis"]


def test_only_abnormal_concepts_deny_normal():
    said = {"x": [mention("Normal Heart", concept="heart_ok"), mention("Scoliosis", concept="s")]}
    cell = WrongCell("x", "normal", 1, 0, "FN")
    (denied,) = add_evidence([cell], said, by_name, frozenset({"s"}))
    assert [m.finding for m in denied.mentions] == ["Scoliosis"]


def test_rows_of_errors_csv():
    cell = WrongCell(
        "x",
        "Mass",
        -2,
        1,
        "FP",
        (
            MentionRow(
                "findings", "A mass\nor nodule.", 2, 6, "mass", "Mass", "mass", "present", "", "", 0
            ),
            MentionRow(
                "findings",
                "A mass\nor nodule.",
                10,
                16,
                "nodule",
                "Mass",
                "n",
                "possible",
                "or",
                "r1",
                0,
            ),
        ),
    )
    assert list(error_rows([cell])) == [
        [
            "x",
            "Mass",
            "FP",
            None,
            1,
            "A mass or nodule.",
            "mass | nodule",
            "present | possible",
            " | r1",
            " | or",
            "mass | n",
        ]
    ]
