"""Splits by patient: every patient's images are all in train, or all in val, or all in test.

Patients are put in the order of a hash of seed, repeat and number, and the order is cut. The same
patients get the same parts on every machine, and when patients are added a patient changes sides
only where a cut moves past them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from cxrmine.dataset.csv_rows import full_rows, plain_row, require_columns
from cxrmine.dataset.model import ImageRow
from cxrmine.errors import UserError
from cxrmine.tables import TableError, atomic_write_text, atomic_writer, format_row

PARTS = ("train", "val", "test")
#: Baltruschat et al. 2019: 70 % train, 10 % validation, 20 % test, re-sampled five times.
FRACTIONS = (0.7, 0.1, 0.2)
REPEATS = 5
#: ChestX-ray14's official list gives train and validation as one; this much of it becomes the
#: latter, so that the parts stand as 70 to 10.
OFFICIAL_VAL = Fraction(1, 8)

MAIN = "split"
OFFICIAL = "official"
_IMAGE, _PATIENT = "Image Index", "Patient ID"
_SPELLINGS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
#: What the images of the official train/val list are in until `official` parts them.
TRAIN_VAL = "train_val"


@dataclass(frozen=True)
class Splits:
    """The columns of ``splits.csv``.

    Parameters
    ----------
    columns : mapping
        ``split``, ``split_1`` … and ``official`` where there is one → patient → part. A patient
        that a column leaves out is in none of its parts.
    origin : str
        What ``split`` is: ``split_1``, ``official``, or ``column`` for a user's own.
    seed : int
        Of the hash.
    """

    columns: Mapping[str, Mapping[int, str]]
    origin: str
    seed: int
    _digests: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def digest(self, column: str) -> str:
        """Return the SHA-256 of a split: of lines ``patient,part`` in the order of patients."""
        if column not in self._digests:
            text = "".join(f"{p},{part}\n" for p, part in sorted(self.columns[column].items()))
            self._digests[column] = hashlib.sha256(text.encode()).hexdigest()
        return self._digests[column]


def resample(
    patients: Iterable[int],
    *,
    seed: int,
    fractions: tuple[float, float, float] = FRACTIONS,
    repeats: int = REPEATS,
) -> list[dict[int, str]]:
    """Return `repeats` splits of the patients into train, val and test.

    The parts have exactly these fractions of the patients, each cut rounded half up.

    Parameters
    ----------
    patients
        Their numbers.
    seed : int
        Another seed, other splits.
    fractions : tuple of float
        Of train, val and test; their sum is 1.
    repeats : int
        How many; the n-th is the same whatever the number.

    Raises
    ------
    UserError
        If a fraction is negative or they do not add up to 1.
    """
    try:
        train, val, test = (Fraction(str(fraction)) for fraction in fractions)
    except ValueError:  # infinite, or no number
        train = val = test = Fraction(0)
    if min(train, val, test) < 0 or train + val + test != 1:
        raise UserError(
            "the parts of a split must be 0 or more and add up to 1, as 0.7, 0.1 and 0.2 do, not "
            f"{', '.join(map(str, fractions))}."
        )
    known = set(patients)
    splits = []
    for repeat in range(1, repeats + 1):
        order = _order(known, seed, repeat)
        first, second = _cut(train, len(order)), _cut(train + val, len(order))
        parts = ["train"] * first + ["val"] * (second - first) + ["test"] * (len(order) - second)
        splits.append(dict(zip(order, parts, strict=True)))
    return splits


def _order(patients: Iterable[int], seed: int, repeat: int) -> list[int]:
    return sorted(
        patients, key=lambda number: hashlib.sha256(f"{seed}:{repeat}:{number}".encode()).digest()
    )


def _cut(fraction: Fraction, number: int) -> int:
    return int(fraction * number + Fraction(1, 2))


def official(rows: Iterable[ImageRow], *, seed: int) -> dict[int, str]:
    """Return the source's own split (``ImageRow.official``) by patient.

    Where the source gives train and validation as one (``train_val``), the first 1/8 of its
    patients in the order of the hash (repeat 0) become val. Patients without a part stay out.

    Raises
    ------
    UserError
        If a patient is in two parts.
    """
    parts = _by_patient(
        ((row.patient, row.official) for row in rows if row.official), "the official split"
    )
    both = [patient for patient, part in parts.items() if part == TRAIN_VAL]
    order = _order(both, seed, 0)
    val = _cut(OFFICIAL_VAL, len(order))
    parts.update(dict.fromkeys(order[:val], "val"))
    parts.update(dict.fromkeys(order[val:], "train"))
    return parts


def check_no_patient_crosses(pairs: Iterable[tuple[int, str]], what: str) -> None:
    """Make sure that no patient is in two parts.

    Parameters
    ----------
    pairs
        Patient and part; a blank part is none.
    what : str
        What the message calls the split.

    Raises
    ------
    UserError
        With the number of such patients and the first of them by number.
    """
    _by_patient(((patient, part) for patient, part in pairs if part), what)


def _by_patient(pairs: Iterable[tuple[int, str]], what: str) -> dict[int, str]:
    parts: dict[int, str] = {}
    crossing: set[int] = set()
    for patient, part in pairs:
        if parts.setdefault(patient, part) != part:
            crossing.add(patient)
    if crossing:
        some = ", ".join(map(str, sorted(crossing)[:5])) + (", …" if len(crossing) > 5 else "")
        raise UserError(
            f"{len(crossing)} {'patient is' if len(crossing) == 1 else 'patients are'} in two "
            f"parts of {what} ({_PATIENT} {some}); put all images of a patient into one part."
        )
    return parts


def parts_by_patient(cells: Iterable[tuple[int, str]], what: str) -> dict[int, str]:
    """Return the parts that cells of a table name, by patient; blank cells name none.

    Parameters
    ----------
    cells
        Patient and cell. Parts may be spelled train or training; val, valid, validate, validation
        or dev; test or testing. Images whose cell is blank go where the patient's others are.
    what : str
        What the messages call the split.

    Raises
    ------
    UserError
        If a part is spelled otherwise, a patient is in two parts, or no patient has a part.
    """
    pairs = [(patient, text) for patient, cell in cells if (text := cell.strip().casefold())]
    check_parts((text for _, text in pairs), what)
    if not pairs:
        raise UserError(f"{what} gives none of the set's patients a part.")
    return _by_patient(((patient, _SPELLINGS[text]) for patient, text in pairs), what)


def check_parts(cells: Iterable[str], what: str) -> None:
    """Make sure that cells of a table name parts, or nothing.

    Raises
    ------
    UserError
        If one is neither train, val or test (nor another word for it) nor blank.
    """
    texts = {cell.strip().casefold() for cell in cells} - {""}
    if not texts <= _SPELLINGS.keys():
        raise UserError(
            f"{what} holds something else than train, val and test (also training, valid, "
            "validate, validation, dev, testing) or a blank."
        )


def make_splits(
    rows: Sequence[ImageRow],
    *,
    seed: int,
    main: str | Mapping[int, str] = "split_1",
    fractions: tuple[float, float, float] = FRACTIONS,
    repeats: int = REPEATS,
) -> Splits:
    """Return all the splits of a set.

    Parameters
    ----------
    rows
        Of the set.
    seed : int
        Of the hash.
    main : str or mapping
        What ``split`` is: ``split_1``, ``official``, or parts by patient (`parts_by_patient`).
    fractions, repeats
        See `resample`.

    Raises
    ------
    UserError
        If `main` is ``official`` and the rows have no official part, or an official part has a
        patient in two.
    """
    drawn = resample({row.patient for row in rows}, seed=seed, fractions=fractions, repeats=repeats)
    columns: dict[str, Mapping[int, str]] = {
        f"{MAIN}_{number}": split for number, split in enumerate(drawn, start=1)
    }
    if any(row.official for row in rows):
        columns[OFFICIAL] = official(rows, seed=seed)
    if isinstance(main, str):
        if main not in columns:
            what = "official split" if main == OFFICIAL else f"split {main!r}"
            raise UserError(
                f"the set has no {what}; it has {', '.join(columns)}; name one of them."
            )
        return Splits({MAIN: columns[main], **columns}, main, seed)
    present = {row.patient for row in rows}
    chosen = {patient: part for patient, part in main.items() if patient in present}
    return Splits({MAIN: chosen, **columns}, "column", seed)


def write_splits(path: Path, rows: Sequence[ImageRow], splits: Splits) -> int:
    """Write ``splits.csv``: Image Index, Patient ID and a column a split; return its rows."""
    parts = list(splits.columns.values())
    with atomic_writer(path) as handle:
        handle.write(format_row([_IMAGE, _PATIENT, *splits.columns]))
        for row in rows:
            of_row = [split.get(row.patient, "") for split in parts]
            handle.write(plain_row([row.image_index, row.patient, *of_row]))
    return len(rows)


def read_splits(
    path: Path, *, name: str = "splits.csv"
) -> tuple[dict[str, tuple[int, dict[str, str]]], tuple[str, ...]]:
    """Read ``splits.csv`` and make sure that no patient crosses in any of its columns.

    Returns
    -------
    tuple
        By Image Index the patient and the parts by column, and the columns' names.

    Raises
    ------
    UserError
        If the table is damaged, an Image Index stands twice, a part is none of train, val, test
        and blank, or a patient is in two parts.
    """
    header, lines = full_rows(path, name)
    require_columns(header, [_IMAGE, _PATIENT, MAIN], name)
    image_at, patient_at = header.index(_IMAGE), header.index(_PATIENT)
    columns = {column: at for at, column in enumerate(header) if at not in (image_at, patient_at)}
    known = {*PARTS, ""}
    images: dict[str, tuple[int, dict[str, str]]] = {}
    for line, cells in lines:
        image, patient = cells[image_at], cells[patient_at]
        if not image or image in images:
            what = "stands twice" if image else "is blank"
            raise TableError(f"{name}, line {line}: {_IMAGE!r} {what}.")
        if not patient.isdecimal():
            raise TableError(f"{name}, line {line}: {_PATIENT!r} is not a whole number.")
        parts = {column: cells[at] for column, at in columns.items()}
        if not known.issuperset(parts.values()):
            raise TableError(f"{name}, line {line}: a part is none of train, val, test and blank.")
        images[image] = (int(patient), parts)
    for column in columns:
        check_no_patient_crosses(
            ((patient, parts[column]) for patient, parts in images.values()),
            f"the column {column!r} of {name}",
        )
    return images, tuple(columns)


def write_lists(folder: Path, rows: Iterable[ImageRow], splits: Splits) -> None:
    """Write ``train_val_list.txt`` and ``test_list.txt`` in NIH's form, from ``split``.

    One Image Index a line, in the order of the rows; images without a part are in neither.
    """
    parts = splits.columns[MAIN]
    lists: dict[str, list[str]] = {"train_val_list.txt": [], "test_list.txt": []}
    for row in rows:
        if part := parts.get(row.patient):
            name = "test_list.txt" if part == "test" else "train_val_list.txt"
            lists[name].append(row.image_index + "\n")
    for name, lines in lists.items():
        atomic_write_text(folder / name, "".join(lines))
