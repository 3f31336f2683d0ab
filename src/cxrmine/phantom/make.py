"""`make-phantom` from end to end: patients drawn, DICOM files and reports written, truth beside.

Chunks of patients are drawn by themselves and in any order; what they leave (rows of the tables,
thumbnails) waits in the work folder, so that ``--resume`` draws only what is missing.
"""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from cxrmine import __version__
from cxrmine.dataset.boxes import HEADER as BOX_HEADER
from cxrmine.errors import UserError
from cxrmine.phantom.hospital import HospitalSettings, Patient, Study, draw_patient
from cxrmine.phantom.lesions import FINDINGS
from cxrmine.phantom.parallel import in_order
from cxrmine.phantom.radiograph import TrueBox, grey, take_film, take_lateral
from cxrmine.phantom.report_grammar import write_report
from cxrmine.phantom.separability import Separability, separability, thumbnail
from cxrmine.runs.endings import endings_told
from cxrmine.runs.folder import OutputFolder, Writes
from cxrmine.runs.progress import Progress
from cxrmine.tables import atomic_write_bytes, atomic_writer, format_row, write_csv

NO_FINDING = "No Finding"
_CHUNK = 8
_FOLDERS = ("dicom", "boxes")
#: Films that are not square have this many columns for a row.
_PORTRAIT = 0.82
#: Below so many images the cheap looks say nothing.
ENOUGH = 200

WRITES = Writes(
    "make-phantom",
    frozenset(
        {
            "reports.csv",
            "links.csv",
            "truth.csv",
            "report_truth.csv",
            "said.csv",
            "boxes.csv",
            "separability.csv",
            "warnings.csv",
            "failures.csv",
            "run.json",
            "timing.json",
        }
    ),
)

TRUTH_COLUMNS = (
    "file",
    "report_id",
    "patient",
    "study",
    "film",
    "view",
    "age",
    "sex",
    "photometric",
    "rows",
    "columns",
    *FINDINGS,
    NO_FINDING,
)


@dataclass(frozen=True, slots=True)
class Made:
    """What a run of make-phantom came to."""

    counts: dict[str, int]
    cheap: Separability
    seconds: float
    already_finished: bool = False


@dataclass(frozen=True, slots=True)
class _Chunk:
    settings: HospitalSettings
    first: int
    last: int
    size: int
    out: Path


def make_phantom(
    out: Path,
    patients: int,
    settings: HospitalSettings,
    *,
    size: int = 512,
    workers: int = 1,
    resume: bool = False,
    force: bool = False,
    display: Progress | None = None,
) -> Made:
    """Write a synthetic hospital.

    Parameters
    ----------
    out : Path
        New or empty, else `resume` or `force`.
    patients : int
        At least 1.
    settings : HospitalSettings
    size : int
        Rows of the films, 64 to 4096; a third of the patients have narrower films.
    workers : int
        Processes that draw. The bytes do not depend on it.
    resume, force : bool
        Continue a killed run; replace an earlier one.
    display : Progress, optional

    Returns
    -------
    Made

    Raises
    ------
    UserError
        If a number is out of range or the folder may not be used.
    """
    if patients < 1:
        raise UserError(f"--patients {patients}: a hospital has at least 1.")
    if patients > 999_999:
        raise UserError(f"--patients {patients}: at most 999999 have room in the numbering.")
    if not 64 <= size <= 4096:
        raise UserError(f"--size {size}: write a number of pixels from 64 to 4096.")
    if workers < 1:
        raise UserError(f"--workers {workers}: at least 1 has to do the work.")
    begun = time.perf_counter()
    asked: dict[str, Any] = {
        "version": __version__,
        "settings": {
            "patients": patients,
            "seed": settings.seed,
            "size": size,
            "difficulty": settings.difficulty,
            "prevalences": {finding: settings.prevalence(finding) for finding in FINDINGS},
        },
    }
    folder = OutputFolder(out, WRITES)
    folder.state()  # says so at once if it is a file
    ways = f"continue with --resume and --out {str(out)!r}."
    with folder.locked(), endings_told(out, lambda: ways):
        state = folder.open(resume=resume, force=force)
        if state != "empty":
            folder.check_same(folder.earlier(state), asked)
        if state == "finished":
            record = folder.earlier(state)
            cheap = Separability(**{k: _tuple(v) for k, v in record["separability"].items()})
            return Made(record["counts"], cheap, 0.0, already_finished=True)
        if state == "empty":
            if folder.state() in ("finished", "unfinished"):
                _remove_trees(out)
                folder.clear()
            folder.begin({"command": WRITES.command, **asked})
        chunks = [
            _Chunk(settings, first, min(first + _CHUNK, patients + 1), size, out)
            for first in range(1, patients + 1, _CHUNK)
        ]
        _draw_missing(folder, chunks, workers, display)
        made = _write_tables(folder, chunks, asked, begun)
        folder.finish()
    return made


def _tuple(value: Any) -> Any:
    return (
        tuple(float("nan") if v is None else v for v in value) if isinstance(value, list) else value
    )


def _remove_trees(out: Path) -> None:
    """Remove the films and boxes of the earlier run that --force replaces."""
    for name in _FOLDERS:
        if (out / name).is_dir() and not (out / name).is_symlink():
            shutil.rmtree(out / name)


def _draw_missing(
    folder: OutputFolder, chunks: Sequence[_Chunk], workers: int, display: Progress | None
) -> None:
    missing = [k for k in range(len(chunks)) if not folder.part(k).exists()]
    done = sum(chunk.last - chunk.first for chunk in chunks) - sum(
        chunks[k].last - chunks[k].first for k in missing
    )
    total = chunks[-1].last - 1
    for name in _FOLDERS:
        (folder.path / name).mkdir(exist_ok=True)
    results = in_order(_draw, (chunks[k] for k in missing), workers=workers)
    for k, part in zip(missing, results, strict=True):
        folder.keep_part(k, json.dumps(part).encode())
        done += chunks[k].last - chunks[k].first
        if display is not None:
            display.update(read=total, done=done, all_read=True)


def accession_of(patient: int, study: int) -> str:
    """Return the accession number of a study, which is its report's id: 16 characters at most."""
    return f"PH{patient:06d}S{study:02d}"


def patient_id_of(patient: int) -> str:
    """Return a patient's id in DICOM files and tables."""
    return f"PH{patient:06d}"


def _draw(chunk: _Chunk) -> dict[str, Any]:
    """Draw a chunk of patients, write their files, return their rows."""
    part: dict[str, Any] = {
        "truth": [],
        "reports": [],
        "said": [],
        "boxes": [],
        "warnings": [],
        "laterals": 0,
    }
    thumbnails = []
    for number in range(chunk.first, chunk.last):
        patient = draw_patient(chunk.settings, number)
        earlier: tuple[str, ...] | None = None
        for study in patient.studies:
            accession = accession_of(number, study.number)
            report = write_report(
                np.random.default_rng((chunk.settings.seed, study.seed)),
                study.lesions,
                age=study.age,
                sex=patient.sex,
                view=study.view,
                earlier=earlier,
            )
            earlier = study.findings
            labels = _labels(study.findings)
            part["reports"].append([accession, report.text, labels])
            part["said"] += [
                [accession, said.finding, said.status, said.section, said.sentence]
                for said in report.said
            ]
            thumbnails += _films(chunk, patient, study, accession, labels, part)
    part["thumbnails"] = base64.b64encode(np.array(thumbnails, "<f4").tobytes()).decode()
    return part


def _labels(findings: Sequence[str]) -> list[int]:
    return [*(int(finding in findings) for finding in FINDINGS), int(not findings)]


def _films(
    chunk: _Chunk,
    patient: Patient,
    study: Study,
    accession: str,
    labels: list[int],
    part: dict[str, Any],
) -> list[Any]:
    """Write a study's films and boxes, add their rows to the part, return their thumbnails."""
    from cxrmine.phantom.dicom_out import dicom_bytes, machine_of

    rows = chunk.size
    columns = round(rows * _PORTRAIT) if patient.number % 3 == 0 else rows
    place = f"dicom/{patient_id_of(patient.number)}/{accession}"
    (chunk.out / place).mkdir(parents=True, exist_ok=True)
    thumbnails = []
    names = {"patient_id": patient_id_of(patient.number), "accession": accession}
    for k, film in enumerate(study.films):
        picture, boxes = take_film(
            patient.build,
            film,
            study.lesions,
            rows=rows,
            columns=columns,
            contrast=chunk.settings.contrast,
        )
        name = f"{accession}_{k}.dcm"
        data = dicom_bytes(
            picture, patient, study, name=name, view=study.view, number=k + 1, **names
        )
        atomic_write_bytes(chunk.out / place / name, data)
        part["truth"].append(
            [
                f"{place}/{name}",
                accession,
                patient.number,
                study.number,
                k,
                study.view,
                study.age,
                patient.sex,
                machine_of(study.seed, study.view).photometric,
                rows,
                columns,
                *labels,
            ]
        )
        part["boxes"] += [[name, box.finding, box.x, box.y, box.width, box.height] for box in boxes]
        if boxes:
            xml = box_xml(name, rows, columns, boxes)
            atomic_write_bytes(chunk.out / "boxes" / f"{name[:-4]}.xml", xml)
        unseen = {lesion.finding for lesion in study.lesions} - {box.finding for box in boxes}
        part["warnings"] += [
            [f"{place}/{name}", f"{finding}: nothing of it shows on this film, so it has no box"]
            for finding in FINDINGS
            if finding in unseen
        ]
        thumbnails.append(thumbnail(grey(picture)))
    if study.lateral is not None:
        picture = take_lateral(patient.build, study.lateral, rows=rows, columns=columns)
        name = f"{accession}_L.dcm"
        data = dicom_bytes(
            picture, patient, study, name=name, view="LL", number=len(study.films) + 1, **names
        )
        atomic_write_bytes(chunk.out / place / name, data)
        part["laterals"] += 1
    return thumbnails


def box_xml(name: str, rows: int, columns: int, boxes: Sequence[TrueBox]) -> bytes:
    """Return the boxes of a film as Pascal VOC XML, corners in the film's own pixels.

    Parameters
    ----------
    name : str
        The DICOM file's.
    rows, columns : int
        Of the film.
    boxes : sequence of TrueBox
    """
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "filename").text = name
    extent = ElementTree.SubElement(root, "size")
    for key, value in (("width", columns), ("height", rows), ("depth", 1)):
        ElementTree.SubElement(extent, key).text = str(value)
    for box in boxes:
        thing = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(thing, "name").text = box.finding
        corners = ElementTree.SubElement(thing, "bndbox")
        for key, value in (
            ("xmin", box.x),
            ("ymin", box.y),
            ("xmax", box.x + box.width),
            ("ymax", box.y + box.height),
        ):
            ElementTree.SubElement(corners, key).text = str(value)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode").encode() + b"\n"


def _write_tables(
    folder: OutputFolder, chunks: Sequence[_Chunk], asked: Mapping[str, Any], begun: float
) -> Made:
    out = folder.path
    parts = [json.loads(folder.part(k).read_bytes()) for k in range(len(chunks))]

    def rows(key: str) -> Iterator[list[Any]]:
        for part in parts:
            yield from part[key]

    write_csv(out / "reports.csv", ("report_id", "text"), ([i, t] for i, t, _ in rows("reports")))
    # A report is named by its study's accession number; said once more in the form of --links.
    write_csv(
        out / "links.csv",
        ("report_id", "accession"),
        ([i, i] for i, _, _ in rows("reports")),
    )
    write_csv(
        out / "report_truth.csv",
        ("report_id", *FINDINGS, NO_FINDING),
        ([i, *labels] for i, _, labels in rows("reports")),
    )
    write_csv(
        out / "said.csv", ("report_id", "finding", "status", "section", "sentence"), rows("said")
    )
    truth = write_csv(out / "truth.csv", TRUTH_COLUMNS, rows("truth"))
    boxes = 0
    with atomic_writer(out / "boxes.csv") as handle:
        handle.write(BOX_HEADER + "\n")
        for row in rows("boxes"):
            handle.write(format_row(row))
            boxes += 1
    write_csv(out / "warnings.csv", ("file", "message"), rows("warnings"))
    write_csv(out / "failures.csv", ("file", "message"), ())

    table = list(rows("truth"))
    patient, first = TRUTH_COLUMNS.index("patient"), TRUTH_COLUMNS.index(FINDINGS[0])
    raw = b"".join(base64.b64decode(part["thumbnails"]) for part in parts)
    cheap = separability(
        np.frombuffer(raw, "<f4").reshape(len(table), -1),
        np.array([row[first : first + len(FINDINGS)] for row in table]),
        np.array([row[patient] for row in table]),
        FINDINGS,
    )
    write_csv(
        out / "separability.csv",
        ("finding", "images", "positives", "auc_global_mean", "auc_thumbnail"),
        [
            *(
                (
                    finding,
                    cheap.images,
                    sum(row[first + k] for row in table),
                    _cell(cheap.by_mean[k]),
                    _cell(cheap.by_thumbnail[k]),
                )
                for k, finding in enumerate(FINDINGS)
            ),
            ("mean", cheap.images, None, _cell(cheap.mean), _cell(cheap.thumbnail)),
        ],
    )
    counts = {
        "patients": int(asked["settings"]["patients"]),
        "studies": sum(len(part["reports"]) for part in parts),
        "films": truth,
        "laterals": sum(part["laterals"] for part in parts),
        "boxes": boxes,
        "warnings": sum(len(part["warnings"]) for part in parts),
        "failures": 0,
    }
    seconds = time.perf_counter() - begun
    folder.add_json(
        "timing.json",
        {
            "seconds": round(seconds, 3),
            "films_per_second": round((truth + counts["laterals"]) / seconds, 2),
        },
    )
    told = {k: _json(v) for k, v in asdict(cheap).items()}
    folder.add_json(
        "run.json",
        {"command": WRITES.command, **asked, "counts": counts, "separability": told},
    )
    return Made(counts, cheap, seconds)


def _cell(value: float) -> float | None:
    return None if value != value else round(value, 4)


def _json(value: Any) -> Any:
    """NaN is no JSON."""
    if isinstance(value, tuple):
        return [None if v != v else v for v in value]
    return value
