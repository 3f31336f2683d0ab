from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from .conftest import Read


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz"])
def test_lines(tmp_path: Path, read: Read, name: str) -> None:
    rows = [
        {"report_id": "r1", "text": "Big heart.\nNo fluid.", "age": 7},
        {"report_id": 2, "text": "'- Größe"},
        {"text": None, "report_id": "r3"},
    ]
    data = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    result = read(path)
    # The apostrophe is the text's own: only CSV has the guard.
    assert result.texts == {"r1": "Big heart.\nNo fluid.", "2": "'- Größe", "r3": ""}
    assert result.failures == []
    assert [p.item for p in result.warnings] == [f"{name}: r3"]


def test_sections(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"id": "1", "findings": "A.", "impression": "B."}\n{"id": "2", "impression": "C."}\n'
    )
    result = read(path)
    assert result.texts == {"1": "FINDINGS: A.\nIMPRESSION: B.", "2": "IMPRESSION: C."}
    assert result.problems == []


def test_bad_lines_fail_and_the_rest_goes_on(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        '{"id": "1", "text": "A."}',
        '{"id": "2", "text": "secret',
        "[1, 2]",
        "",
        '{"id": "4", "body": "A."}',
        '{"id": "5", "text": ["A."]}',
        '{"id": null, "text": "A."}',
        '{"id": "1", "text": "B."}',
        "[" * 100_000,
        '{"id": "9", "text": "C."}',
    ]
    path.write_text("\n".join(lines))
    result = read(path)
    assert result.texts == {"1": "A.", "9": "C."}
    assert [p.item for p in result.failures] == [
        "a.jsonl, row 2",
        "a.jsonl, row 3",
        "a.jsonl, row 4",
        "a.jsonl, row 5",
        "a.jsonl, row 6",
        "a.jsonl: 1",
        "a.jsonl, row 8",
    ]
    messages = [p.message for p in result.failures]
    assert "no JSON" in messages[0]
    assert "no object" in messages[1]
    assert "'body'" in messages[2]
    assert "list" in messages[3]
    assert not any("secret" in m for m in messages)


def test_missing_column(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "1", "text": "A."}\n')
    (problem,) = read(path, text_column="body").failures
    assert "'body'" in problem.message
    assert "'text'" in problem.message


def test_an_object_without_the_id_that_others_have(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "x", "text": "A."}\n{"text": "B."}\n{"id": "y", "text": "C."}\n')
    result = read(path)
    assert result.texts == {"x": "A.", "y": "C."}
    assert [p.item for p in result.failures] == ["a.jsonl, row 2"]
    path.write_text('{"text": "A."}\n{"text": "B."}\n')
    result = read(path)
    assert result.texts == {"1": "A.", "2": "B."}
    assert [p.item for p in result.warnings] == ["a.jsonl"]
