"""Predicted boxes, true boxes and the images that they are asked for: read, matched, checked.

Boxes are matched by the image's name and the finding's, never by order. What cannot be used is
told: rows that are no boxes fail, boxes of other images or findings are listed as unmatched, and
odd ones are warned of.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cxrmine.dataset.boxes import BoxProblem, RawBox, read_box_list
from cxrmine.dataset.csv_rows import csv_rows
from cxrmine.dataset.model import Box
from cxrmine.dataset.read import BOXES, IMAGES, read_dataset
from cxrmine.errors import UserError
from cxrmine.evaluation.box_scores import BoxArrays, BoxTask
from cxrmine.evaluation.findings import FINDINGS_14, key
from cxrmine.evaluation.pointing import Points

# The share of images without any predicted box from which on that looks like a mistake.
_SILENT = 0.1
# ChestX-ray14's names and ours: the patient, then the follow-up.
_NAMED_BY_PATIENT = re.compile(r"(\d{8})_\d{3}\.\w+")
_POINT_COLUMNS = ("Image Index", "Finding Label", "x", "y")


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A box or a point that was left out: which list it is from, and why."""

    list: str
    image: str
    finding: str
    cause: str


@dataclass(frozen=True)
class BoxInputs:
    """What is compared.

    Parameters
    ----------
    task : BoxTask
    predicted : BoxArrays
    unmatched : tuple of Unmatched
    warnings : tuple of str
    """

    task: BoxTask
    predicted: BoxArrays
    unmatched: tuple[Unmatched, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gold:
    """True boxes, and what is known of the images.

    Parameters
    ----------
    boxes : tuple of Box
    problems : tuple of BoxProblem
    images : tuple of str, optional
        The stated images; None for those with a true box.
    patients : mapping of str to str
        An image's patient, where it is known.
    image_folder : Path, optional
        Where the images lie.
    """

    boxes: tuple[Box, ...]
    problems: tuple[BoxProblem, ...] = ()
    images: tuple[str, ...] | None = None
    patients: Mapping[str, str] = field(default_factory=dict)
    image_folder: Path | None = None


def read_gold(path: Path, *, part: str | None = None, split: str = "split") -> Gold:
    """Read true boxes: a table in ``BBox_List.csv``'s columns, or a data set's folder.

    Parameters
    ----------
    path : Path
    part : str, optional
        ``train``, ``val`` or ``test`` of a data set: only its images are asked for.
    split : str
        The column of ``splits.csv`` that knows the parts.

    Raises
    ------
    UserError
        If it cannot be read, or a part is asked for that a table cannot know or the set has not.
    """
    if not path.is_dir():
        if part is not None:
            raise UserError(
                f"--part {part} needs a data set's folder as GOLD; a table of boxes knows no parts "
                "(name its images with --images)."
            )
        raw, problems = read_box_list(path, name=f"GOLD {str(path)!r}")
        _some_box(raw, problems, f"GOLD {str(path)!r}")
        return Gold(tuple(map(_plain, raw)), tuple(problems))
    dataset = read_dataset(path, split=split)
    if not dataset.boxes:
        raise UserError(f"{str(path)!r} has no {BOXES} with a box; name a data set with boxes.")
    patients = {row.image_index: str(row.patient) for row in dataset.rows}
    images = None
    if part is not None:
        known = sorted(set(dataset.parts) - {""})
        if part not in known:
            raise UserError(f"--part {part}: the data set has the parts {', '.join(known)}.")
        boxed = {box.image_index for box in dataset.boxes}
        inside = {
            row.image_index
            for row, own in zip(dataset.rows, dataset.parts, strict=True)
            if own == part
        }
        images = tuple(sorted(boxed & inside))
        if not images:
            raise UserError(f"--part {part} has no image with a box; choose another part.")
    return Gold(dataset.boxes, (), images, patients, path / IMAGES)


def _some_box(raw: Sequence[RawBox], problems: Sequence[BoxProblem], name: str) -> None:
    if raw:
        return
    if not problems:
        raise UserError(f"{name} has a header but no row.")
    first = problems[0]
    raise UserError(
        f"{name}: none of the {len(problems):,} rows is a box (line {first.number}: {first.cause})."
    )


def _plain(raw: RawBox) -> Box:
    return Box(raw.image, raw.finding, raw.x, raw.y, raw.width, raw.height)


def read_predicted(path: Path) -> tuple[list[Box], list[float], list[BoxProblem]]:
    """Read predicted boxes: the boxes, their scores (NaN where there is none), and the failures.

    Raises
    ------
    UserError
        If the table cannot be read.
    """
    if path.is_dir():
        raise UserError(f"PREDICTED {str(path)!r} is a folder; name the table of predicted boxes.")
    raw, problems = read_box_list(path, name=f"PREDICTED {str(path)!r}")
    if problems:  # a table without rows says that nothing was found
        _some_box(raw, problems, f"PREDICTED {str(path)!r}")
    scores = [math.nan if box.score is None else box.score for box in raw]
    return [_plain(box) for box in raw], scores, problems


def read_images(path: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Read the stated images: a list of one name a line, or a table with ``Image Index``.

    Returns
    -------
    tuple
        The names in the file's order, and patients by image where the table has ``Patient ID``.

    Raises
    ------
    UserError
        If the file cannot be read, is empty, or names an image twice.
    """
    name = f"--images {str(path)!r}"
    rows = csv_rows(path, name)
    first_line, first = next(rows)
    heads = [key(cell) for cell in first]
    images: dict[str, int] = {}
    twice: list[tuple[int, int]] = []
    patients: dict[str, str] = {}

    def state(image: str, line: int) -> None:
        if image in images:
            twice.append((images[image], line))
        elif image:
            images[image] = line

    at = heads.index("image index") if "image index" in heads else 0
    patient = heads.index("patient id") if "patient id" in heads else None
    if "image index" not in heads:
        state(first[0].strip(), first_line)
    for line, cells in rows:
        if len(cells) <= at:
            raise UserError(f"{name}, line {line}: no cell for the image's name.")
        image = cells[at].strip()
        state(image, line)
        if patient is not None and len(cells) > patient:
            patients[image] = cells[patient].strip()
    if not images:
        raise UserError(f"{name} names no image.")
    if twice:
        # By line: an image's name can be patient data.
        raise UserError(
            f"{name} names {len(twice):,} images again (lines {twice[0][0]} and {twice[0][1]} "
            "first); an image counts once, remove the others."
        )
    return tuple(images), patients


def match_boxes(
    predicted: Sequence[Box],
    scores: Sequence[float],
    gold: Gold,
    *,
    size: float = 1024.0,
    min_score: float | None = None,
) -> BoxInputs:
    """Bring predicted and true boxes onto one set of images and findings.

    Parameters
    ----------
    predicted : sequence of Box
    scores : sequence of float
        One a predicted box; NaN where there is none.
    gold : Gold
        `images` None asks for the images with a true box.
    size : float
        Pixels a side of the images that boxes are counted in.
    min_score : float, optional
        Leave out predicted boxes below it.

    Raises
    ------
    UserError
        If there is no true box on the stated images, no predicted box is on one of them (names
        that do not match), or `min_score` is asked for where boxes have no score.
    """
    stated = gold.images
    if stated is None:
        stated = tuple(sorted({box.image_index for box in gold.boxes}))
    places = {image: place for place, image in enumerate(stated)}
    unmatched: list[Unmatched] = []
    warnings: list[str] = []

    truth = _kept_once([b for b in gold.boxes if b.image_index in places], "true", warnings)[0]
    unmatched += (
        Unmatched("gold", box.image_index, box.finding, "not one of the stated images")
        for box in gold.boxes
        if box.image_index not in places
    )
    if not truth:
        raise UserError(
            "there is no true box on the stated images; check that GOLD and --images use the same "
            "names."
        )
    findings = _ordered({box.finding for box in truth})
    if min_score is not None and any(math.isnan(score) for score in scores):
        raise UserError("--min-score needs a score for every predicted box; PREDICTED lacks some.")

    pairs = list(zip(predicted, scores, strict=True))
    if min_score is not None:
        pairs = [(box, score) for box, score in pairs if score >= min_score]
    kept: list[tuple[Box, float]] = []
    for box, score in pairs:
        if box.image_index not in places:
            cause = "not one of the stated images"
        elif box.finding not in findings:
            cause = "no true box of the finding"
        else:
            kept.append((box, score))
            continue
        unmatched.append(Unmatched("predicted", box.image_index, box.finding, cause))
    if pairs and not any(box.image_index in places for box, _ in pairs):
        raise UserError(
            "no predicted box is on one of the stated images; names are compared letter by "
            "letter: do PREDICTED and GOLD (or --images) name images the same way?"
        )
    others = sorted({u.finding for u in unmatched if u.cause == "no true box of the finding"})
    if others:
        warnings.append(
            f"Findings without a true box were left out of the predictions: {', '.join(others)}."
        )
    single, own_scores = _kept_once(
        [box for box, _ in kept], "predicted", warnings, [score for _, score in kept]
    )
    boxed = {box.image_index for box in truth}
    silent = len(boxed - {box.image_index for box in single})
    if single and silent > _SILENT * len(boxed):
        warnings.append(
            f"{silent:,} of the {len(boxed):,} images with a true box have no predicted one, so "
            "their true boxes are missed; if the predictions are for a part of the images, name "
            "it with --part or --images."
        )
    warnings += _oddities(single, size, "predicted") + _oddities(truth, size, "true")
    clusters, clustered_by = _clusters(stated, gold.patients)
    finding_places = {finding: place for place, finding in enumerate(findings)}
    task = BoxTask(
        stated,
        findings,
        _arrays(truth, [math.nan] * len(truth), places, finding_places),
        clusters,
        clustered_by,
        size,
    )
    arrays = _arrays(single, own_scores, places, finding_places)
    return BoxInputs(task, arrays, tuple(unmatched), tuple(warnings))


def _kept_once(
    boxes: Sequence[Box], what: str, warnings: list[str], scores: Sequence[float] | None = None
) -> tuple[list[Box], list[float]]:
    """Return boxes without exact repetitions; of a predicted one the highest score stays."""
    values = scores if scores is not None else [math.nan] * len(boxes)
    best: dict[Box, float] = {}
    for box, score in zip(boxes, values, strict=True):
        earlier = best.get(box, math.nan)
        best[box] = score if math.isnan(earlier) else max(earlier, score)
    if len(best) < len(boxes):
        extra = len(boxes) - len(best)
        number = f"{extra:,} {what} boxes repeat" if extra > 1 else f"A {what} box repeats"
        warnings.append(f"{number} another one exactly; such a box counts once.")
    return list(best), list(best.values())


def _ordered(findings: Iterable[str]) -> tuple[str, ...]:
    """Return ChestX-ray14's findings in its order, then the others by name."""
    order = {finding: place for place, finding in enumerate(FINDINGS_14)}
    return tuple(sorted(findings, key=lambda name: (order.get(name, len(order)), name)))


def _oddities(boxes: Sequence[Box], size: float, what: str) -> list[str]:
    if not boxes:
        return [] if what == "true" else ["There is no predicted box for the stated images."]
    corners = np.array([(b.x, b.y, b.x + b.width, b.y + b.height) for b in boxes])
    outside = int(
        ((corners[:, :2] < -1).any(axis=1) | (corners[:, 2:] > size + 1).any(axis=1)).sum()
    )
    found = []
    if outside:
        found.append(
            f"{outside:,} {what} boxes reach beyond the image of {size:g} × {size:g} pixels; are "
            "they counted in pixels of another image?"
        )
    elif len(boxes) > 20 and corners.max() <= size / 2:
        found.append(
            f"All {what} boxes lie in the upper left quarter of the image of {size:g} × {size:g} "
            "pixels; are they counted in pixels of a smaller one?"
        )
    return found


def _clusters(images: Sequence[str], patients: Mapping[str, str]) -> tuple[np.ndarray, str]:
    """Return each image's patient as a number, and by what images were told together."""
    names: list[str] = []
    known = 0
    for image in images:
        if image in patients:
            names.append(f"patient {patients[image]}")
            known += 1
        elif not patients and (found := _NAMED_BY_PATIENT.fullmatch(image)):
            names.append(f"patient {found[1]}")
            known += 1
        else:
            names.append(f"image {image}")
    by = "patient" if known == len(images) else "patient where known, else image"
    _, numbers = np.unique(np.array(names), return_inverse=True)
    return numbers.astype(np.int64), by if known else "image"


def _arrays(
    boxes: Sequence[Box],
    scores: Sequence[float],
    images: Mapping[str, int],
    findings: Mapping[str, int],
) -> BoxArrays:
    return BoxArrays(
        np.array([images[box.image_index] for box in boxes], np.int64),
        np.array([findings[box.finding] for box in boxes], np.int64),
        np.array([(b.x, b.y, b.width, b.height) for b in boxes], np.float64).reshape(-1, 4),
        np.array(scores, np.float64),
    )


def read_points(path: Path, task: BoxTask) -> tuple[Points, list[Unmatched]]:
    """Read the hottest points of heat maps: ``Image Index, Finding Label, x, y``.

    Parameters
    ----------
    path : Path
    task : BoxTask
        Points of other images or findings are returned as unmatched.

    Raises
    ------
    UserError
        If the table is broken, lacks a column, or gives two points for an image and finding.
    """
    from cxrmine.dataset.boxes import finding_name

    name = f"--points {str(path)!r}"
    rows = csv_rows(path, name)
    _, header = next(rows)
    at = {cell.strip(): place for place, cell in enumerate(header)}
    missing = [column for column in _POINT_COLUMNS if column not in at]
    if missing:
        raise UserError(
            f"{name} has no column {missing[0]!r}; it needs {', '.join(_POINT_COLUMNS)}."
        )
    images = {image: place for place, image in enumerate(task.images)}
    findings = {finding: place for place, finding in enumerate(task.findings)}
    found: dict[int, tuple[float, float]] = {}
    unmatched = []
    for line, cells in rows:
        try:
            image, finding, *texts = (cells[at[column]].strip() for column in _POINT_COLUMNS)
            x, y = map(float, texts)
        except (IndexError, ValueError) as error:
            raise UserError(f"{name}, line {line}: x and y must be numbers.") from error
        if not (math.isfinite(x) and math.isfinite(y)):
            raise UserError(f"{name}, line {line}: x and y must be finite numbers.")
        finding = finding_name(finding)
        if image not in images or finding not in findings:
            cause = "not one of the stated images"
            if image in images:
                cause = "no true box of the finding"
            unmatched.append(Unmatched("points", image, finding, cause))
            continue
        pair = images[image] * len(findings) + findings[finding]
        if pair in found:
            raise UserError(
                f"{name}, line {line}: a second point for one image and finding; give one."
            )
        found[pair] = (x, y)
    return Points(
        np.array(list(found), np.int64), np.array(list(found.values()), np.float64).reshape(-1, 2)
    ), unmatched
