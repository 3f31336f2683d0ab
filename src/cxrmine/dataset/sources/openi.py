"""Open-i's chest X-rays (Indiana University; Demner-Fushman et al. 2016) as NLM distributes them.

Read are the images of ``NLMCXR_png.tgz`` (``CXR1_1_IM-0001-3001.png``, unpacked anywhere in the
folder) and the reports of ``NLMCXR_reports.tgz`` (packed or not), whose ``parentImage`` elements
name the images. The set has no labels that count here: they come from `mine-labels` on the
reports, joined by ``uId/@id`` (``CXR1``). It has no patients either: each report is one.

Nothing in the PNG form says which image is frontal and which lateral (captions speak of the whole
study). The table ``indiana_projections.csv`` (``uid, filename, projection``) that goes round with
the Kaggle copy of the set does; it is used where it lies in the folder, and that copy's images
(``1_IM-0001-4001.dcm.png``) are read as well. Without it all images are kept and their view is
unknown. The original DICOM files (``NLMCXR_dcm.tgz``) state the view: ``--dicom`` reads those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cxrmine.dataset.csv_rows import full_rows, require_columns
from cxrmine.dataset.sources.layout import Level, Tables, better_image, is_image, walk
from cxrmine.dataset.sources.model import LeftOut, SourceImage, SourceSet
from cxrmine.errors import UserError
from cxrmine.reports.report import Problem
from cxrmine.reports.sources import READ_ERRORS, Source, is_archive, list_sources

NAME = "openi"
TITLE = "Open-i (Indiana University)"

# The part of an image's name that all copies share: the report's number, then the DICOM file's
# numbers. "CXR1_1_IM-0001-3001", "CXR2_IM-0652-1001" and "2_IM-0652-1001.dcm" have it.
_KEY = re.compile(r"(\d+)_IM-[\d-]*\d")
# Reports are 1.xml, 2.xml …, or lie in NLMCXR_reports.tgz.
_REPORT = re.compile(r"\d+\.xml", re.IGNORECASE)
_REPORTS = re.compile(r"NLMCXR_reports", re.IGNORECASE)
# Only the names of images are wanted of a report, so it is not parsed: no entity is ever expanded.
_PARENT_IMAGE = re.compile(rb"""<parentImage\b[^>]*?\bid\s*=\s*["']([^"'<>]+)["']""")
_PROJECTIONS = {"frontal": "", "lateral": "lateral view"}
_ARCHIVES = ("NLMCXR_png.tgz", "NLMCXR_png.tar.gz", "NLMCXR_png.zip")


def read(folder: Path, *, tables_only: bool = False) -> SourceSet:
    """Read Open-i; see the module and `cxrmine.dataset.sources.registry.read_source`."""
    levels = list(walk(folder, lambda name: True))
    tables = Tables(folder, levels)
    problems: list[str] = []
    files = _image_files(levels)
    stated = _read_projections(tables)
    named = set(_read_parent_images(levels, problems))
    known = sorted(files.keys() | stated.keys() | named, key=_natural)
    if not known:
        packed = any(tables.find(name) for name in _ARCHIVES)
        raise UserError(
            f"{str(folder)!r} holds no image of {TITLE}; "
            + (
                "unpack NLMCXR_png.tgz in it."
                if packed
                else "name the folder in which NLMCXR_png.tgz was unpacked."
            )
        )
    images: list[SourceImage] = []
    left_out: list[LeftOut] = []
    report, running = 0, 0
    for key in known:
        number = int(key.partition("_")[0])
        # Laterals are counted too, so that adding the table of projections renames no image.
        report, running = number, running + 1 if number == report else 0
        path = None if tables_only else files.get(key)
        private = {"image_id": key}
        aside = stated.get(key, "")
        if aside:
            left_out.append(LeftOut(aside, number, path, private))
            continue
        images.append(
            SourceImage(
                image_index=f"{number:08d}_{running:03d}.png",
                patient=number,
                follow_up=0,
                path=path,
                study=f"CXR{number}",
                view_confidence="stated" if key in stated else "unknown",
                report_ids=(f"CXR{number}", str(number)),
                private=private,
            )
        )
    unknown = sum(image.view_confidence == "unknown" for image in images)
    if unknown:
        problems.append(
            f"nothing says whether {unknown} images are frontal or lateral: kept, View Position "
            "blank. To set laterals aside, put indiana_projections.csv (uid, filename, "
            "projection) in the folder, or build from the DICOM files with --dicom."
        )
    missing = 0 if tables_only else sum(image.path is None for image in images)
    return SourceSet(
        name=NAME,
        title=TITLE,
        images=tuple(images),
        set_aside=tuple(left_out),
        missing=missing,
        problems=tuple(problems),
    )


def image_key(name: str) -> str:
    """Return what all copies of the set share of an image's name; blank for another file.

    >>> image_key("CXR1_1_IM-0001-3001.png"), image_key("2_IM-0652-1001.dcm.png")
    ('1_IM-0001-3001', '2_IM-0652-1001')
    """
    match = _KEY.search(name)
    return match[0] if match else ""


def _natural(key: str) -> tuple[tuple[int, ...], str]:
    return tuple(map(int, re.findall(r"\d+", key))), key


def _image_files(levels: Sequence[Level]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for level in levels:
        for name in level.files:
            key = image_key(name) if is_image(name) else ""
            if key:
                path = level.path / name
                found[key] = better_image(found[key], path) if key in found else path
    return found


def _read_projections(tables: Tables) -> dict[str, str]:
    """Return, by image, why it is set aside (blank for frontal images); none without the table."""
    path = tables.find("indiana_projections.csv")
    if path is None:
        return {}
    name = "indiana_projections.csv"
    header, lines = full_rows(path, name)
    require_columns(header, ("filename", "projection"), name)
    file_at, projection_at = header.index("filename"), header.index("projection")
    stated: dict[str, str] = {}
    for line, cells in lines:
        key = image_key(cells[file_at])
        projection = cells[projection_at].strip().lower()
        if not key or projection not in _PROJECTIONS:
            raise UserError(
                f"{name}, line {line}: "
                + (
                    "'projection' is neither Frontal nor Lateral"
                    if key
                    else "'filename' is no image of the set"
                )
                + "; put it right in the table."
            )
        stated[key] = _PROJECTIONS[projection]
    return stated


def _read_parent_images(levels: Sequence[Level], problems: list[str]) -> Iterator[str]:
    """Yield the images that the reports name, loose XML files or the archive of them."""
    damaged: list[Problem] = []
    for level in levels:
        for name in level.files:
            path = level.path / name
            if _REPORT.fullmatch(name):
                sources: Iterable[Source] = list_sources(path, damaged.append)
            elif _REPORTS.match(name) and is_archive(path):
                sources = (s for s in list_sources(path, damaged.append) if s.suffix == ".xml")
            else:
                continue
            for source in sources:
                try:
                    data = source.read()
                except READ_ERRORS:
                    damaged.append(Problem("failure", "", ""))
                    continue
                for image_id in _PARENT_IMAGE.findall(data):
                    key = image_key(image_id.decode("ascii", errors="replace"))
                    if key:
                        yield key
    if damaged:
        problems.append(
            f"{len(damaged)} reports or archives of them cannot be read: images that only these "
            "name are not counted as missing."
        )
