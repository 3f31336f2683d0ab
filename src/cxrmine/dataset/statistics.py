"""What a data set holds, in numbers: findings, their overlap, patients, ages, splits.

The forms are those of the papers: number and overlap of findings (Wang et al. 2017, ChestX-ray8,
Table 1; arXiv 1705.02315v5, Table 16), true and false labels with prevalence (Baltruschat et al.
2019, Table 2), demographics (ibid., Table 3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cxrmine.dataset.model import NO_FINDING, Box, ImageRow
from cxrmine.dataset.prevalence import clustered_share
from cxrmine.evaluation.intervals import Estimate

#: Label columns that say that there is nothing.
NORMAL_COLUMNS = frozenset({NO_FINDING, "Normal", "normal"})

#: Years of one bin of the age histogram.
BIN_YEARS = 2

#: ChestX-ray14's findings in the order of arXiv 1705.02315v5, Table 16.
CHESTXRAY14 = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia",
    "Pneumothorax", "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening",
    "Hernia",
)  # fmt: skip

_Value = TypeVar("_Value", float, tuple[int, int])

_PARTS = ("train", "train_val", "val", "test")
_FALSE, _TRUE, _UNCERTAIN, _UNKNOWN = range(4)
_CODES = {
    "1": _TRUE,
    "1.0": _TRUE,
    "0": _FALSE,
    "0.0": _FALSE,
    "-1": _UNCERTAIN,
    "-1.0": _UNCERTAIN,
}


@dataclass(frozen=True, slots=True)
class FindingCount:
    """One finding over all images.

    ``true``, ``false``, ``uncertain`` and ``unknown`` are images and add up to all of them;
    ``overlap`` are those of ``true`` with another finding, ``patients`` those with a true image.
    ``prevalence`` is the share of true among true and false, in [0, 1], with its 95 % interval
    (`prevalence.clustered_share`). ``boxes`` are drawn on ``boxed`` images.
    """

    name: str
    true: int
    false: int
    uncertain: int
    unknown: int
    overlap: int
    patients: int
    prevalence: Estimate
    boxes: int = 0
    boxed: int = 0

    @property
    def alone(self) -> int:
        """Images with this finding only."""
        return self.true - self.overlap


@dataclass(frozen=True, slots=True)
class Ages:
    """Ages in whole years; ``sd`` is the sample's standard deviation (None for fewer than two)."""

    known: int
    mean: float
    sd: float | None
    median: float
    youngest: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Split:
    """One column of ``splits.csv``: images, patients and true labels by part.

    ``true`` is by finding, then by part in the order of ``parts``.
    """

    name: str
    parts: tuple[str, ...]
    images: tuple[int, ...]
    patients: tuple[int, ...]
    true: Mapping[str, tuple[int, ...]]
    without: int


@dataclass(frozen=True)
class Statistics:
    """The numbers of a data set; see `statistics`.

    ``together[i, j]`` are the images with findings i and j (on the diagonal: with i), in the
    order of ``findings``. ``per_image[k]`` are the labelled images with k findings. ``age_bins``
    holds the images by sex in bins of `BIN_YEARS` years from 0.
    """

    images: int
    patients: int
    studies: int
    labelled: int
    normal: int
    normal_patients: int
    findings: tuple[FindingCount, ...]
    together: NDArray[np.int64]
    per_image: tuple[int, ...]
    images_per_patient: tuple[int, float, int]
    ages: Ages | None
    patient_ages: Ages | None
    age_bins: Mapping[str, tuple[int, ...]]
    sexes: Mapping[str, int]
    patient_sexes: Mapping[str, int]
    views: Mapping[str, int]
    sizes: tuple[tuple[tuple[int, int], int], ...]
    spacings: tuple[tuple[float, int], ...]
    boxes: int
    boxed: int
    splits: tuple[Split, ...]


def statistics(
    rows: Sequence[ImageRow],
    *,
    boxes: Sequence[Box] = (),
    splits: Mapping[str, Mapping[int, str]] | None = None,
    label_columns: Sequence[str] = (),
) -> Statistics:
    """Count what a data set holds.

    Parameters
    ----------
    rows : sequence of ImageRow
        The images.
    boxes : sequence of Box
        Their boxes.
    splits : mapping, optional
        Column of ``splits.csv`` → patient → part.
    label_columns : sequence of str
        The label table's columns in their order; those that say that there is nothing do not
        count as findings. Where an image has no label table's row, ``Finding Labels`` decides: a
        finding that is not listed there is false, and where it is blank everything is unknown.

    Returns
    -------
    Statistics
        Findings in the order of `label_columns`, then those that only ``Finding Labels`` has, in
        ChestX-ray14's order and then by name.
    """
    names = finding_names(rows, label_columns)
    codes = _codes(rows, names)
    patients, patient_of = np.unique(
        np.fromiter((row.patient for row in rows), np.int64, len(rows)), return_inverse=True
    )
    true = codes == _TRUE
    per_image = true.sum(axis=1, dtype=np.int64)
    labelled = np.fromiter(
        (bool(row.finding_labels) or any(row.labels.values()) for row in rows), bool, len(rows)
    )
    normal = np.fromiter((row.finding_labels == NO_FINDING for row in rows), bool, len(rows))
    # float64: NumPy multiplies it with BLAS, and whole numbers up to 2**53 stay exact.
    numbers = true.astype(np.float64)
    together = np.rint(numbers.T @ numbers).astype(np.int64)
    box_counts = Counter(box.finding for box in boxes)
    boxed_counts = Counter(name for _, name in {(box.image_index, box.finding) for box in boxes})
    counts = []
    for column, name in enumerate(names):
        positive = true[:, column]
        decided = positive | (codes[:, column] == _FALSE)
        by_patient = _per_patient(positive, patient_of, len(patients))
        counts.append(
            FindingCount(
                name=name,
                true=int(positive.sum()),
                false=int(decided.sum() - positive.sum()),
                uncertain=int((codes[:, column] == _UNCERTAIN).sum()),
                unknown=int((codes[:, column] == _UNKNOWN).sum()),
                overlap=int((positive & (per_image > 1)).sum()),
                patients=int((by_patient > 0).sum()),
                prevalence=clustered_share(
                    by_patient, _per_patient(decided, patient_of, len(patients))
                ),
                boxes=box_counts[name],
                boxed=boxed_counts[name],
            )
        )
    spread = np.bincount(patient_of, minlength=len(patients))
    first = _first_images(rows)
    return Statistics(
        images=len(rows),
        patients=len(patients),
        studies=len({(row.patient, row.follow_up) for row in rows}),
        labelled=int(labelled.sum()),
        normal=int(normal.sum()),
        normal_patients=int((_per_patient(normal, patient_of, len(patients)) > 0).sum()),
        findings=tuple(counts),
        together=together,
        per_image=tuple(int(n) for n in np.bincount(per_image[labelled])),
        images_per_patient=(
            (int(spread.min()), float(np.median(spread)), int(spread.max()))
            if len(rows)
            else (0, 0.0, 0)
        ),
        ages=_ages([row.age for row in rows if row.age is not None]),
        patient_ages=_ages([row.age for row in first if row.age is not None]),
        age_bins=_age_bins(rows),
        sexes=_ordered(Counter(row.sex for row in rows), ("M", "F", "O", "")),
        patient_sexes=_ordered(_patient_sexes(rows), ("M", "F", "O", "M and F", "")),
        views=_ordered(Counter(row.view for row in rows), ("PA", "AP", "")),
        sizes=tuple(
            _commonest(
                (row.width, row.height)
                for row in rows
                if row.width is not None and row.height is not None
            )
        ),
        spacings=tuple(_commonest(_spacings(rows))),
        boxes=len(boxes),
        boxed=len({box.image_index for box in boxes}),
        splits=tuple(
            _split(name, parts, patients.tolist(), patient_of, names, true)
            for name, parts in (splits or {}).items()
        ),
    )


def finding_names(rows: Sequence[ImageRow], label_columns: Sequence[str]) -> tuple[str, ...]:
    """Return the findings in the order of the label table, then those it lacks."""
    columns = [name for name in label_columns if name not in NORMAL_COLUMNS]
    # Label texts repeat (836 different ones in ChestX-ray14), so each is taken apart once.
    texts = {row.finding_labels: row for row in rows}
    others = {name for row in texts.values() for name in row.findings} - set(columns)
    known = [name for name in CHESTXRAY14 if name in others]
    return (*columns, *known, *sorted(others - set(known)))


def _codes(rows: Sequence[ImageRow], names: tuple[str, ...]) -> NDArray[np.uint8]:
    """Return one code an image and finding, shape ``(images, findings)``."""
    made: dict[object, bytes] = {}
    parts = []
    for row in rows:
        key = (row.finding_labels, *row.labels.items()) if row.labels else row.finding_labels
        if (code := made.get(key)) is None:
            code = made[key] = bytes(_code(row, name) for name in names)
        parts.append(code)
    return np.frombuffer(bytearray().join(parts), np.uint8).reshape(len(rows), len(names))


def _code(row: ImageRow, name: str) -> int:
    if name in row.labels:
        return _CODES.get(row.labels[name], _UNKNOWN)
    if not row.finding_labels or (row.labels and name not in row.findings):
        return _UNKNOWN
    return _TRUE if name in row.findings else _FALSE


def _per_patient(
    chosen: NDArray[np.bool_], patient_of: NDArray[np.intp], patients: int
) -> NDArray[np.int64]:
    return np.bincount(patient_of[chosen], minlength=patients).astype(np.int64)


def _first_images(rows: Sequence[ImageRow]) -> list[ImageRow]:
    """Return each patient's first image whose age is known, by follow-up and name."""
    first: dict[int, ImageRow] = {}
    for row in rows:
        if row.age is None:
            continue
        known = first.get(row.patient)
        if known is None or (row.follow_up, row.image_index) < (known.follow_up, known.image_index):
            first[row.patient] = row
    return list(first.values())


def _ages(ages: Sequence[int]) -> Ages | None:
    if not ages:
        return None
    values = np.asarray(ages, np.float64)
    return Ages(
        known=len(values),
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if len(values) > 1 else None,
        median=float(np.median(values)),
        youngest=int(values.min()),
        oldest=int(values.max()),
    )


def _age_bins(rows: Sequence[ImageRow]) -> dict[str, tuple[int, ...]]:
    counts = Counter((row.sex, row.age // BIN_YEARS) for row in rows if row.age is not None)
    if not counts:
        return {}
    length = max(bin_ for _, bin_ in counts) + 1
    sexes = _ordered(Counter(sex for sex, _ in counts), ("M", "F", "O", ""))
    return {sex: tuple(counts[sex, bin_] for bin_ in range(length)) for sex in sexes}


def _patient_sexes(rows: Sequence[ImageRow]) -> Counter[str]:
    """Return patients by sex; one with several is ``M and F`` and not quietly one of them."""
    sexes: dict[int, set[str]] = {}
    for row in rows:
        sexes.setdefault(row.patient, set()).add(row.sex)
    return Counter(_only(known - {""}) for known in sexes.values())


def _only(sexes: set[str]) -> str:
    if len(sexes) > 1:
        return "M and F" if {"M", "F"} <= sexes else "O"
    return next(iter(sexes), "")


def _ordered(counts: Mapping[str, int], order: Sequence[str]) -> dict[str, int]:
    known = {name: counts[name] for name in order if counts.get(name)}
    return known | {name: counts[name] for name in sorted(counts) if name not in known}


def _spacings(rows: Sequence[ImageRow]) -> Iterator[float]:
    """Yield the images' horizontal spacings in mm, to four decimals, where there are any."""
    made = {text: _spacing(text) for text in {row.spacing_x for row in rows}}
    for row in rows:
        if (spacing := made[row.spacing_x]) is not None:
            yield spacing


def _spacing(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return round(value, 4) if 0 < value < float("inf") else None


def _commonest(values: Iterable[_Value]) -> list[tuple[_Value, int]]:
    counts = Counter(values)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def ordered_parts(names: Iterable[str]) -> tuple[str, ...]:
    """Return the parts of a split, each once: train before val before test, others by name."""
    present = set(names)
    known = [part for part in _PARTS if part in present]
    return (*known, *sorted(present - set(known)))


def _split(
    name: str,
    parts: Mapping[int, str],
    patients: Sequence[int],
    patient_of: NDArray[np.intp],
    names: tuple[str, ...],
    true: NDArray[np.bool_],
) -> Split:
    """Count a split; `patients` are those of the set, `patient_of` the place of each image's."""
    of_patient = [parts.get(patient, "") for patient in patients]
    order = ordered_parts(part for part in of_patient if part)
    number = {part: index for index, part in enumerate(order)}
    places = np.fromiter((number.get(p, -1) for p in of_patient), np.int64, len(patients))
    of_image = places[patient_of]
    sums = np.zeros((len(order), len(names)), np.int64)
    for index in range(len(order)):
        sums[index] = true[of_image == index].sum(axis=0)
    return Split(
        name=name,
        parts=order,
        images=tuple(int((of_image == index).sum()) for index in range(len(order))),
        patients=tuple(int((places == index).sum()) for index in range(len(order))),
        true={finding: tuple(int(n) for n in sums[:, i]) for i, finding in enumerate(names)},
        without=int((of_image < 0).sum()),
    )
