"""The gold from MeSH codes: the conventions on made-up reports, and every cell of the real gold."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from cxrmine.errors import UserError
from cxrmine.evaluation.findings import FINDINGS_14
from cxrmine.evaluation.gold_openi import (
    NotCodedError,
    gold_row,
    load_gold_conventions,
    parse_openi,
    read_openi_gold,
)
from cxrmine.evaluation.labels import read_labels
from cxrmine.resources import data_dir as shipped

CONVENTIONS = load_gold_conventions()


def xml(report_id: str, *heads: str) -> bytes:
    entries = "".join(f"<major>{h}</major>" for h in heads)
    return (
        f'<?xml version="1.0" encoding="utf-8"?><eCitation><uId id="{report_id}"/>'
        f"<MeSH>{entries}<automatic>Pneumonia</automatic></MeSH></eCitation>"
    ).encode()


def positives(*entries: str) -> set[str]:
    values = gold_row(entries, CONVENTIONS)
    return {c for c, v in zip(CONVENTIONS.columns, values, strict=True) if v}


def test_the_columns_are_those_of_the_gold():
    assert CONVENTIONS.columns == (*FINDINGS_14, "normal")


@pytest.mark.parametrize(
    ("entry", "columns"),
    [
        ("Pulmonary Atelectasis/base/left/mild", {"Atelectasis"}),
        ("Cardiomegaly/borderline", {"Cardiomegaly"}),
        ("Pleural Effusion/right", {"Effusion"}),
        ("Pericardial Effusion/large", {"Effusion"}),
        ("Infiltrate/lung", {"Infiltration"}),
        ("Pulmonary Edema/interstitial", {"Edema"}),
        ("Emphysema", {"Emphysema"}),
        ("Pulmonary  Emphysema ", {"Emphysema"}),
        ("Pulmonary Fibrosis", {"Fibrosis"}),
        ("Thickening/bronchi", {"Pleural_Thickening"}),
        ("normal", {"normal"}),
        ("Normal", {"normal"}),
        ("Hydropneumothorax/right", set()),
        ("Subcutaneous Emphysema/neck", set()),
        ("Bullous Emphysema", set()),
        ("Cystic Fibrosis", set()),
        ("Hernia, Hiatal", set()),
        ("Airspace Disease/lung", set()),
        ("Pulmonary Congestion", set()),
        ("Calcified Granuloma", set()),
        ("No Indexing", set()),
        ("Opacity/Mass", set()),  # a qualifier is no head
    ],
)
def test_conventions(entry: str, columns: set[str]):
    assert positives(entry) == columns
    assert positives("Scoliosis", entry) == columns


def test_several_entries_add_up():
    assert positives("Mass/lung", "Nodule", "Nodule/right") == {"Mass", "Nodule"}
    assert positives() == set()


def test_only_major_entries_count():
    assert parse_openi(xml("R1", "Mass/lung", "Opacity")) == [("R1", ["Mass/lung", "Opacity"])]


def test_every_way_to_give_the_reports(tmp_path: Path):
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    (folder / "2.xml").write_bytes(xml("R2", "normal"))
    (folder / "1.xml").write_bytes(xml("R1", "Mass"))
    (folder / "notes.txt").write_text("not XML")
    archive = tmp_path / "in.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "reports")
    shutil.make_archive(str(tmp_path / "in"), "zip", tmp_path / "in")
    for source in (tmp_path / "in", archive, tmp_path / "in.zip"):
        table, problems = read_openi_gold(source, CONVENTIONS)
        assert set(table.ids) == {"R1", "R2"}
        assert problems == []
        assert table.values(["Mass", "normal"], ["R1", "R2"]).tolist() == [[1, 0], [0, 1]]
    table, _ = read_openi_gold(folder / "1.xml", CONVENTIONS)
    assert table.ids == ("R1",)


def test_broken_reports_are_told_and_the_rest_goes_on(tmp_path: Path):
    contents = {
        "a.xml": xml("R1", "Mass"),
        "b.xml": xml("R2", "Mass")[:-9],
        "c.xml": xml("R1", "normal"),
        "d.xml": b"<eCitation><MeSH/></eCitation>",
        "e.xml": b'<eCitation><uId id="R5"/></eCitation>',
        "f.xml": b"<other/>",
        "g.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><eCitation>&b;</eCitation>',
        "h.xml": b'<?xml version="1.0" encoding="klingon"?><eCitation/>',
        "i.xml": xml("R9", "Caf\xe9").decode().encode("latin-1"),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    table, problems = read_openi_gold(tmp_path, CONVENTIONS)
    assert table.ids == ("R1", "R9")
    assert table.values(["Mass"], ["R1"]).tolist() == [[1]]
    told = {p.item.split(":")[0]: p.message for p in problems if p.severity == "failure"}
    assert set(told) == {f"{c}.xml" for c in "bcdefgh"}
    assert "broken" in told["b.xml"]
    assert "met before" in told["c.xml"]
    assert "uId" in told["d.xml"]
    assert "MeSH" in told["e.xml"]
    assert "eCitation" in told["f.xml"]
    assert "never read" in told["g.xml"]
    assert "encoding" in told["h.xml"]


def test_a_cut_archive_keeps_what_came_before(tmp_path: Path):
    path = tmp_path / "in.tar"
    with tarfile.open(path, "w") as tar:
        for number in range(4):
            data = xml(f"R{number}", "Mass")
            info = tarfile.TarInfo(f"{number}.xml")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(path.read_bytes()[:2600])  # within the third report
    table, problems = read_openi_gold(path, CONVENTIONS)
    assert table.ids == ("R0", "R1")
    assert {p.severity for p in problems} == {"failure"}


def test_inputs_without_a_report(tmp_path: Path):
    with pytest.raises(UserError, match="does not exist"):
        read_openi_gold(tmp_path / "none.tgz", CONVENTIONS)
    with pytest.raises(UserError, match="0 XML files"):
        read_openi_gold(tmp_path, CONVENTIONS)
    (tmp_path / "a.xml").write_bytes(b"<other/>")
    with pytest.raises(UserError, match="1 XML files were looked at, 1 problems"):
        read_openi_gold(tmp_path / "a.xml", CONVENTIONS)
    with pytest.raises(NotCodedError):
        parse_openi(b"")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gold: [", "cannot be read"),
        ("other: 1", "'gold:' with a list 'columns:'"),
        ("gold: {columns: [{column: A}]}", "entry 1 of gold.columns needs"),
        ("gold: {columns: [{column: A, heads: [1], why: x}]}", "entry 1 of gold.columns needs"),
        ("gold: {columns: [{column: A, heads: []}]}", "'A': say in 'why'"),
        (
            "gold: {columns: [{column: A, heads: [], why: x}, {column: a, heads: [], why: x}]}",
            "lists 'a' twice",
        ),
        (
            "gold: {columns: [{column: A, heads: [B], why: x}], not_counted: [{head: B}]}",
            "entry 1 of gold.not_counted needs",
        ),
        (
            "gold: {columns: [{column: A, heads: [B c], why: x}], "
            "not_counted: [{head: b  C, column: A, why: x}]}",
            "both counts and does not count for 'A'",
        ),
    ],
)
def test_broken_conventions(tmp_path: Path, text: str, said: str):
    (tmp_path / "schemes").mkdir()
    (tmp_path / "schemes" / "openi_gold.yaml").write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        load_gold_conventions(tmp_path)
    assert "openi_gold.yaml" in str(caught.value)


def test_conventions_of_ones_own(tmp_path: Path):
    with pytest.raises(UserError, match="does not exist; --vocab"):
        load_gold_conventions(tmp_path)
    (tmp_path / "schemes").mkdir()
    (tmp_path / "schemes" / "openi_gold.yaml").write_text(
        "gold: {columns: [{column: Hernia, heads: ['Hernia, Hiatal'], why: mine}]}"
    )
    own = load_gold_conventions(tmp_path)
    assert gold_row(["Hernia, Hiatal/large"], own) == [1]


def test_every_shipped_convention_has_its_reason():
    text = (shipped("vocab") / "schemes" / "openi_gold.yaml").read_text()
    assert text.count("why:") >= len(CONVENTIONS.columns) + 10


def test_equals_the_published_gold_in_every_cell(data_dir: Path):
    table, problems = read_openi_gold(data_dir / "openi" / "NLMCXR_reports_dev.tgz", CONVENTIONS)
    gold = read_labels(data_dir / "openi" / "openi_gold_dev.csv")
    assert problems == []
    assert len(table.ids) == 1995
    assert table.columns == gold.columns
    ours = table.values(gold.columns, gold.ids)
    theirs = gold.values(gold.columns, gold.ids)
    assert ours.shape == (1947, 15)
    assert (ours == theirs).all()
