from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from made_set import FINDINGS, draw_images, made_rows, one_box

from cxrmine.dataset.card import CARD, CardInput, WindowUse, card_text, write_card
from cxrmine.dataset.card_tables import plain
from cxrmine.dataset.manifest import write_manifest
from cxrmine.dataset.model import NO_FINDING, ImageRow
from cxrmine.dataset.statistics import CHESTXRAY14, statistics


def full(patients: int = 40) -> CardInput:
    """Everything that a card can tell."""
    rows = made_rows(patients)
    numbers = sorted({row.patient for row in rows})
    parts = {p: ("train", "val", "test")[p % 3] for p in numbers}
    return CardInput(
        source="dicom",
        rows=rows,
        boxes=one_box(rows),
        splits={"split": parts, "split_1": parts, "split_2": dict.fromkeys(numbers, "train")},
        label_columns=FINDINGS,
        label_origin="a table of report labels",
        settings={"--fit": "stretch", "--layout": "coco, chexpert", "--seed": "0"},
        versions={"cxrmine": "0.1.0", "pydicom": "3.0.2"},
        hashes={"labels": "ab" * 32},
        files_read=len(rows) + 5,
        set_aside={"lateral view": 3, "another body part": 1},
        failures={"the file is empty": 1},
        warnings={"several windows: the first was taken": 4, "a box without an image": 2},
        box_problems={"a box without an image": 2},
        links={"images with a report": 30, "images without a report": 4},
        confidence={"stated: ViewPosition": 50, "unknown": 10},
        windows=[WindowUse("window", 2048.0, 4096.0, "LINEAR"), WindowUse("percentiles", 1.0, 9.0)],
    )


def sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", text, flags=re.M)
    return dict(zip(parts[1::2], (body.strip() for body in parts[2::2]), strict=True))


def tables(text: str) -> list[list[list[str]]]:
    found = re.findall(r"(?:^\|.*\|\n)+", text + "\n", flags=re.M)
    return [
        [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in one.splitlines()]
        for one in found
    ]


def write(folder: Path, card: CardInput) -> str:
    folder.mkdir(exist_ok=True)
    write_card(folder, card)
    return (folder / CARD).read_text(encoding="utf-8")


def test_full_card(tmp_path: Path) -> None:
    card = full()
    draw_images(list(card.rows), tmp_path / "images", side=64)
    written = write_card(tmp_path, card)
    text = (tmp_path / CARD).read_text(encoding="utf-8")
    assert written == (
        "dataset_card.md", "figures/findings.png", "figures/cooccurrence.png", "figures/ages.png",
        "figures/contact_sheet.png", "figures/windows.png",
    )  # fmt: skip
    # Every figure that was written is shown, and none that was not.
    assert set(re.findall(r"!\[.+\]\((.+)\)", text)) == set(written) - {CARD}
    told = sections(text)
    assert list(told) == [
        "Files", "How it was made", "Findings", "Patients and views", "Splits",
        "What was left out", "De-identification", "Known limits", "How to check it",
        "Licence and citation",
    ]  # fmt: skip
    assert all(told.values())
    for cause in (*card.set_aside, *card.failures, "several windows: the first was taken"):
        assert cause in told["What was left out"]
    assert "a box without an image" in told["Findings"]
    assert "a box without an image" not in told["What was left out"]
    assert "To be filled in by the owner" in told["Licence and citation"]
    assert "BurnedInAnnotation" in told["De-identification"]
    assert "the same as `split_1`" in told["Splits"]
    for name in ("labels.csv", "boxes_coco.json", "train.csv", "unlinked.csv"):
        assert name in told["Files"]
    # Tables have as many cells in each line as in the header.
    for table in tables(text):
        assert {len(line) for line in table} == {len(table[0])}
        assert len(table) > 2
    assert not re.search(r"\bnan\b|None|\{|\}", text)
    assert "\n\n\n" not in text


def test_numbers_in_the_tables_are_those_of_the_set(tmp_path: Path) -> None:
    card = full()
    text = write(tmp_path, card)
    numbers = statistics(card.rows, label_columns=FINDINGS)
    by_header = {tuple(table[0][:3]): table for table in tables(text)}
    overlap = {line[0]: line for line in by_header["Finding", "Images", "Ov."]}
    prevalence = {line[0]: line for line in by_header["Finding", "True", "False"]}
    for finding in numbers.findings:
        assert overlap[finding.name][1:4] == [
            str(finding.true), str(finding.overlap), str(finding.patients)
        ]  # fmt: skip
        assert prevalence[finding.name][1:4] == [
            str(finding.true), str(finding.false), str(finding.unknown)
        ]  # fmt: skip
        low, high = finding.prevalence.low, finding.prevalence.high
        assert low is not None
        assert high is not None
        assert f"{low * 100:.2f}–{high * 100:.2f} %" in prevalence[finding.name]
    assert overlap[NO_FINDING][1] == str(numbers.normal)
    assert overlap["*not labelled*"][1] == str(numbers.images - numbers.labelled)
    # What the papers print stands beside it.
    assert "1,010" in overlap["Cardiomegaly"]
    assert prevalence["Cardiomegaly"][-3:] == ["2,776", "109,344", "2.48 %"]


def test_the_same_bytes_twice_and_old_figures_go(tmp_path: Path) -> None:
    card = full(10)
    draw_images(list(card.rows), tmp_path / "images", side=64)
    write_card(tmp_path, card)
    before = {p.name: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    write_card(tmp_path, card)
    assert {p.name: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    bare = replace(card, rows=[replace(r, finding_labels="", age=None) for r in card.rows],
                   boxes=(), label_columns=(), windows=(), with_images=False)  # fmt: skip
    assert write_card(tmp_path, bare) == (CARD,)
    assert not list((tmp_path / "figures").iterdir())


@pytest.mark.parametrize(
    "card",
    [
        CardInput("dicom", [], files_read=2, failures={"the file is empty": 2}),
        CardInput("dicom", [ImageRow("00000001_000.png", "", 0, 1)]),
        CardInput("openi", [ImageRow("00000001_000.png", "Mass", 0, 1)], with_images=False),
        CardInput("nih", made_rows(5), label_columns=()),
        CardInput("chexpert", made_rows(5), label_columns=("No Finding", *FINDINGS)),
        CardInput("mimic-cxr-jpg", made_rows(5)),
    ],
)
def test_no_empty_section_whatever_is_missing(card: CardInput, tmp_path: Path) -> None:
    text = write(tmp_path, card)
    for name, body in sections(text).items():
        assert body, name
        assert not body.endswith(":"), name
    for table in tables(text):
        assert len(table) > 2
    for left, right in zip(text.splitlines(), text.splitlines()[1:], strict=False):
        assert left or right
    assert not re.search(r"\bnan\b|None|\{|\}", text)
    if not any(row.finding_labels for row in card.rows):
        assert "No image is labelled" in text
        assert "## Findings" not in text


def test_text_of_others_cannot_become_markdown() -> None:
    assert plain("a|b\n# <script> *x* `y` [z](u) \\ $m$") == (
        "a\\|b # &lt;script&gt; \\*x\\* \\`y\\` \\[z\\](u) \\\\ \\$m\\$"
    )
    assert plain("Pleural_Thickening _a_ __b") == "Pleural_Thickening \\_a\\_ \\_\\_b"
    name = "odd|<b>name</b>\nof a `finding`"
    rows = [ImageRow("00000001_000.png", "", 0, 1, labels={name: "1"})]
    card = CardInput("dicom", rows, label_columns=(name,), splits={"split": {1: "te|st"}})
    text = card_text(card, statistics(rows, label_columns=(name,), splits=card.splits), frozenset())
    assert "<b>" not in text
    for table in tables(text):
        assert {len(line) for line in table} == {len(table[0])}


def test_the_check_without_cxrmine_works_as_printed(tmp_path: Path) -> None:
    text = write(tmp_path, full(5))
    (tmp_path / "Data_Entry.csv").write_text("a table\n")
    write_manifest(tmp_path)
    command = re.findall(r"```\n(python3 .+)\n```", text)[0]
    arguments = [sys.executable, *shlex.split(command)[1:]]

    def run() -> str:
        return subprocess.run(
            arguments, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    assert run() == ""
    (tmp_path / "Data_Entry.csv").write_text("a table,\n")
    assert run() == "changed: Data_Entry.csv\n"


def test_nih_card_says_what_differs_from_the_papers(tmp_path: Path) -> None:
    rows = made_rows(20)
    text = write(tmp_path, CardInput("nih", rows))
    assert "the other way round" in text
    assert "63,340" in text
    assert "matches exactly" not in text  # twenty made-up patients do not
    assert "the other way round" not in write(tmp_path, CardInput("dicom", rows))


def test_a_large_set_in_seconds(tmp_path: Path) -> None:
    """A tenth of ChestX-ray14, most of whose time the figures take; the whole takes about 2.5 s."""
    rows = [
        replace(row, image_index=f"{copy:04d}{row.image_index}", patient=row.patient + 1000 * copy)
        for copy in range(14)
        for row in made_rows(400, copy)
    ]
    columns = dict.fromkeys(CHESTXRAY14, "0")
    rows = [
        replace(row, labels={**columns, **dict.fromkeys(row.findings, "1")}) for row in rows
    ]  # fmt: skip
    assert len(rows) > 12_000
    card = CardInput("nih", rows, label_columns=CHESTXRAY14, with_images=False)
    started = time.process_time()
    write_card(tmp_path, card)
    assert time.process_time() - started < 3
