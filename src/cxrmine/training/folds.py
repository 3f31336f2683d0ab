"""Which images a run trains, chooses and tests on: a column of ``splits.csv``, or a fold.

Where a set is too small to give a fifth of it away for testing, cross-validation tests on all of
it: every patient is in the test part of one fold, and the folds' predictions are pooled.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace

from cxrmine.dataset.read import Dataset, read_dataset
from cxrmine.dataset.splits import MAIN
from cxrmine.errors import UserError

_FOLD = re.compile(r"fold (\d+) of (\d+)(?: without (.+) test)?")
#: Of the patients outside the test fold, every so-manyth is for choosing the epoch.
_VAL_EVERY = 8


def fold_name(number: int, folds: int, without: str | None = None) -> str:
    """Return how a recipe calls a fold.

    >>> fold_name(2, 5)
    'fold 2 of 5'
    >>> fold_name(2, 5, "official")
    'fold 2 of 5 without official test'
    """
    name = f"fold {number} of {folds}"
    return f"{name} without {without} test" if without else name


def read_with_split(folder: str | os.PathLike[str], split: str) -> Dataset:
    """Read a data set with the parts that a recipe's `split` says.

    Parameters
    ----------
    folder : path
        The data set.
    split : str
        A column of ``splits.csv``; or ``fold 2 of 5``: patients in the order of a hash of their
        number, every fifth of them (from the second) for test, of the others every eighth for
        val; or ``fold 2 of 5 without official test``: the same over the patients that the column
        ``official`` does not keep for testing.

    Raises
    ------
    UserError
        If there is no such column or fold, or too few patients for it.
    """
    match = _FOLD.fullmatch(split)
    if match is None:
        return read_dataset(folder, split=split)
    number, folds, without = int(match[1]), int(match[2]), match[3]
    if not 1 <= number <= folds or folds < 2:
        raise UserError(f"split {split!r}: folds count from 1, and there must be two or more.")
    dataset = read_dataset(folder, split=without or MAIN)
    kept = {
        row.patient
        for row, part in zip(dataset.rows, dataset.parts, strict=True)
        if without is None or part in ("train", "val")
    }
    if len(kept) < 2 * folds:
        raise UserError(
            f"split {split!r}: {len(kept)} patients are too few for {folds} folds; ask for at "
            f"most {len(kept) // 2}."
        )
    order = sorted(kept, key=lambda patient: hashlib.sha256(f"fold:{patient}".encode()).digest())
    parts: dict[int, str] = {}
    others = 0
    for at, patient in enumerate(order):
        if at % folds == number - 1:
            parts[patient] = "test"
            continue
        others += 1
        parts[patient] = "val" if others % _VAL_EVERY == 0 else "train"
    return replace(
        dataset, split=split, parts=tuple(parts.get(row.patient, "") for row in dataset.rows)
    )
