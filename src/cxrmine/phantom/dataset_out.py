"""A phantom written straight as a data set: build-dataset's layout, without any DICOM file.

For a machine that trains and has no pydicom. Images can be smaller than 1024 × 1024; boxes are in
1024-px coordinates all the same, as in every data set.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrmine import __version__
from cxrmine.dataset.boxes import write_box_list
from cxrmine.dataset.data_entry import write_data_entry, write_labels
from cxrmine.dataset.manifest import write_manifest
from cxrmine.dataset.model import NO_FINDING, SEPARATOR, Box, ImageRow
from cxrmine.dataset.splits import make_splits, write_lists, write_splits
from cxrmine.errors import UserError
from cxrmine.phantom.hospital import HospitalSettings, draw_patient, patient_images
from cxrmine.phantom.lesions import FINDINGS
from cxrmine.phantom.parallel import in_order
from cxrmine.phantom.separability import Separability, separability, thumbnail
from cxrmine.runs.folder import write_json
from cxrmine.tables import atomic_write_text

#: The side of the image that a data set's boxes are counted in.
FRAME = 1024
_CHUNK = 8
_RECORD = "run.json"


@dataclass(frozen=True, slots=True)
class _Chunk:
    settings: HospitalSettings
    first: int
    last: int
    size: int
    images: Path


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What a chunk of patients gave: rows, boxes, thumbnails."""

    rows: list[ImageRow]
    boxes: list[Box]
    thumbnails: list[np.ndarray]


def write_phantom_dataset(
    out: Path,
    patients: int,
    *,
    seed: int = 0,
    size: int = 256,
    settings: HospitalSettings | None = None,
    workers: int = 1,
    on_patient: Callable[[int, int], None] | None = None,
) -> Path:
    """Draw a hospital's frontal films into a data set that `read_dataset` reads.

    Parameters
    ----------
    out : Path
        A new or empty folder. If it holds the data set of the same settings already, nothing is
        done: drawing again would give the same bytes.
    patients : int
        At least 10, so that every part of a split has one.
    seed : int
        Of the hospital and of the splits; not used for the hospital where `settings` are given.
    size : int
        Rows and columns of the PNG files, at least 32.
    settings : HospitalSettings, optional
    workers : int
        Processes that draw; the bytes do not depend on it.
    on_patient : callable, optional
        Called with the number of patients done and of all.

    Returns
    -------
    Path
        `out`, with ``images/``, ``Data_Entry.csv``, ``labels.csv`` (the eight findings and No
        Finding), ``BBox_List.csv``, ``splits.csv``, the two lists, ``dataset_card.md``,
        ``run.json`` and ``manifest.csv``.

    Raises
    ------
    UserError
        If `out` holds something else, or a number is out of range.
    """
    chosen = settings or HospitalSettings(seed)
    if patients < 10:
        raise UserError(f"a phantom of {patients} patients cannot be split; take 10 or more.")
    if size < 32:
        raise UserError(f"images of {size} pixels show nothing; take 32 or more.")
    out = Path(out)
    record = {
        "command": "write_phantom_dataset",
        "version": __version__,
        "patients": patients,
        "size": size,
        "seed": chosen.seed,
        "difficulty": chosen.difficulty,
        "prevalences": {finding: chosen.prevalence(finding) for finding in FINDINGS},
    }
    if _is_that(out, record):
        return out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(
            f"{str(out)!r} holds something else than this phantom; name a new or empty folder."
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    # Drawn beside its place and moved there whole: nobody ever reads half a data set.
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "images").mkdir(parents=True)
    chunks = [
        _Chunk(chosen, first, min(first + _CHUNK, patients + 1), size, partial / "images")
        for first in range(1, patients + 1, _CHUNK)
    ]
    rows: list[ImageRow] = []
    boxes: list[Box] = []
    thumbnails: list[np.ndarray] = []
    for k, drawn in enumerate(in_order(_draw, chunks, workers=workers)):
        rows += drawn.rows
        boxes += drawn.boxes
        thumbnails += drawn.thumbnails
        if on_patient is not None:
            on_patient(chunks[k].last - 1, patients)
    cheap = separability(
        np.stack(thumbnails),
        np.array([[int(f in row.findings) for f in FINDINGS] for row in rows]),
        np.array([row.patient for row in rows]),
        FINDINGS,
    )
    splits = make_splits(rows, seed=seed)
    write_data_entry(partial / "Data_Entry.csv", rows)
    write_labels(partial / "labels.csv", rows, (*FINDINGS, NO_FINDING))
    write_box_list(partial / "BBox_List.csv", boxes)
    write_splits(partial / "splits.csv", rows, splits)
    write_lists(partial, rows, splits)
    atomic_write_text(partial / "dataset_card.md", _card(record, rows, boxes, cheap))
    counts = {"images": len(rows), "patients": patients, "boxes": len(boxes)}
    write_json(partial / _RECORD, {**record, "counts": counts})
    write_manifest(partial)
    if out.exists():
        out.rmdir()
    os.replace(partial, out)
    return out


def _is_that(out: Path, record: dict[str, object]) -> bool:
    with suppress(OSError, ValueError):
        found = json.loads((out / _RECORD).read_bytes())
        return all(found.get(key) == value for key, value in record.items())
    return False


def _draw(chunk: _Chunk) -> _Drawn:
    from PIL import Image

    drawn = _Drawn([], [], [])
    for number in range(chunk.first, chunk.last):
        patient = draw_patient(chunk.settings, number)
        for k, one in enumerate(patient_images(patient, chunk.settings, chunk.size)):
            name = f"{number:08d}_{k:03d}.png"
            buffer = io.BytesIO()
            Image.fromarray(one.image).save(buffer, "PNG", compress_level=1)
            (chunk.images / name).write_bytes(buffer.getvalue())
            found = [f for f, there in zip(FINDINGS, one.labels, strict=True) if there]
            labels = {f: str(there) for f, there in zip(FINDINGS, one.labels, strict=True)}
            drawn.rows.append(
                ImageRow(
                    name,
                    SEPARATOR.join(found) or NO_FINDING,
                    one.study,
                    number,
                    one.age,
                    one.sex,
                    one.view,
                    chunk.size,
                    chunk.size,
                    labels={**labels, NO_FINDING: str(int(not found))},
                )
            )
            scale = FRAME / chunk.size
            drawn.boxes.extend(
                Box(name, b.finding, b.x * scale, b.y * scale, b.width * scale, b.height * scale)
                for b in one.boxes
            )
            drawn.thumbnails.append(thumbnail(one.image))
    return drawn


def _card(
    record: dict[str, object], rows: list[ImageRow], boxes: list[Box], cheap: Separability
) -> str:
    lines = [
        "# Phantom data set",
        "",
        "Synthetic chest radiographs, drawn by `cxrmine.phantom`: no patient was near them. Not",
        "for training anything that will see patients.",
        "",
        f"- {len(rows):,} images of {record['patients']:,} patients, {record['size']} px; seed "
        f"{record['seed']}, difficulty {record['difficulty']}",
        f"- {len(boxes):,} boxes, in {FRAME}-px coordinates",
        f"- mean AUC of a logistic model on the global mean: {cheap.mean:.3f}; on thumbnails of "
        f"16 × 16 pixels: {cheap.thumbnail:.3f} (5 folds of patients)",
        "",
        "| finding | images | AUC by global mean | AUC by thumbnail |",
        "|---|---|---|---|",
    ]
    for k, finding in enumerate(FINDINGS):
        count = sum(finding in row.findings for row in rows)
        lines.append(
            f"| {finding} | {count:,} | {cheap.by_mean[k]:.3f} | {cheap.by_thumbnail[k]:.3f} |"
        )
    return "\n".join(lines) + "\n"
