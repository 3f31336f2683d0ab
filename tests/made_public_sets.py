"""Small public sets in the form in which the real ones are distributed; every value is made up."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

OBSERVATIONS = (
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,"
    "Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,"
    "Support Devices"
).split(",")
NIH_2020 = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
NIH_2017 = NIH_2020 + ","


def write(path: Path, text: str) -> Path:
    """Write a text file with its folders, gzipped where its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a CSV as pandas writes it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def image(path: Path, grey: int = 90) -> Path:
    """Write a real image file, PNG or JPEG by its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 6), grey).save(path)
    return path


def chexpert_labels(**values: str) -> list[str]:
    """Return the label cells of a CheXpert row: ``chexpert_labels(Lung_Opacity="1.0")``."""
    given = {name.replace("_", " "): value for name, value in values.items()}
    assert given.keys() <= set(OBSERVATIONS)
    return [given.get(name, "") for name in OBSERVATIONS]


def chexpert_row(
    path: str, *, sex: str = "Female", age: str = "61", view: str = "AP", **labels: str
) -> list[str]:
    """Return a row of ``train.csv``."""
    side = "Frontal" if "frontal" in path else "Lateral"
    return [path, sex, age, side, view if side == "Frontal" else "", *chexpert_labels(**labels)]


CHEXPERT_HEADER = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *OBSERVATIONS]
MIMIC_HEADER = (
    "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,"
    "StudyDate,StudyTime,ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,"
    "PatientOrientationCodeSequence_CodeMeaning"
).split(",")


def mimic_row(
    dicom_id: str,
    subject: int,
    study: int,
    view: str,
    *,
    date: str = "21800506",
    time: str = "213014.531",
    procedure: str = "CHEST (PA AND LAT)",
    meaning: str = "",
    size: tuple[str, str] = ("3056", "2544"),
) -> list[object]:
    """Return a row of ``mimic-cxr-2.0.0-metadata.csv``."""
    return [
        dicom_id, subject, study, procedure, view, *size, date, time, "CHEST", meaning, "Erect",
    ]  # fmt: skip


def mimic_set(
    root: Path,
    rows: Sequence[Sequence[object]],
    *,
    labels: Sequence[Sequence[object]] | None = None,
    split: Sequence[Sequence[object]] | None = None,
    patients: Sequence[Sequence[object]] | None = None,
    packed: bool = True,
) -> Path:
    """Write a MIMIC-CXR-JPG with an image for every row, and return its folder."""
    end = ".csv.gz" if packed else ".csv"
    write(root / f"mimic-cxr-2.0.0-metadata{end}", table(MIMIC_HEADER, rows))
    # The labels stand in alphabetical order there.
    names = sorted(OBSERVATIONS)
    if labels is not None:
        header = ["subject_id", "study_id", *names]
        write(root / f"mimic-cxr-2.0.0-chexpert{end}", table(header, labels))
    if split is not None:
        header = ["dicom_id", "study_id", "subject_id", "split"]
        write(root / f"mimic-cxr-2.0.0-split{end}", table(header, split))
    if patients is not None:
        header = ["subject_id", "gender", "anchor_age", "anchor_year", "anchor_year_group", "dod"]
        write(root / f"patients{end}", table(header, patients))
    for dicom_id, subject, study, *_ in rows:
        name = f"files/p{subject:08d}"[:9] + f"/p{subject:08d}/s{study}/{dicom_id}.jpg"
        image(root / name)
    return root


def openi_report(root: Path, number: int, *image_ids: str, folder: str = "ecgen-radiology") -> Path:
    """Write a report that names its images."""
    parents = "\n".join(
        f'  <parentImage id="{name}"><figureId>F{place}</figureId>'
        "<caption>PA and lateral chest</caption></parentImage>"
        for place, name in enumerate(image_ids, start=1)
    )
    return write(
        root / folder / f"{number}.xml",
        f'<?xml version="1.0" encoding="utf-8"?>\n<eCitation>\n  <uId id="CXR{number}"/>\n'
        f"{parents}\n</eCitation>\n",
    )
