"""What a classifier is to learn: a data set's labels as targets and a mask.

A data set says of a finding 1, 0, -1 (uncertain, CheXpert) or nothing. A network needs a number
and the knowledge whether it counts: `Labels.targets` and `Labels.mask`. What is not known is
masked rather than taken for absent, because a blank of CheXpert's table means "not mentioned"
(Irvin et al. 2019, section "Label extraction"), and 0 would teach the network that it is not there.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cxrmine.dataset.model import NO_FINDING
from cxrmine.dataset.read import Dataset
from cxrmine.errors import UserError
from cxrmine.evaluation.findings import FINDINGS_14, key

#: What becomes of CheXpert's -1 (Irvin et al. 2019, section "Model", U-Ignore, U-Zeros, U-Ones).
Uncertain = Literal["ignore", "zeros", "ones"]
UNCERTAIN: tuple[Uncertain, ...] = get_args(Uncertain)
#: 14: ChestX-ray14's findings; 15: and No Finding (Baltruschat et al. 2019, section "Methods");
#: "columns": the data set's own; or findings by name.
Outputs = int | str | Sequence[str]
COLUMNS = "columns"

# Columns that say that there is nothing to find; they are no finding to be learnt by itself.
_NORMAL = frozenset((key(NO_FINDING), "normal"))


@dataclass(frozen=True)
class Labels:
    """Targets of a whole data set, a row an image, in the order of ``Data_Entry.csv``.

    Parameters
    ----------
    names : tuple of str
        The k outputs.
    targets : ndarray of float32, shape (n, k)
        1 where the finding is there, else 0; 0 as well where nothing is known.
    mask : ndarray of bool, shape (n, k)
        True where the target is known and counts.

    Raises
    ------
    UserError
        If a known target is neither 0 nor 1 (NaN is neither).
    ValueError
        If the shapes disagree.
    """

    names: tuple[str, ...]
    targets: NDArray[np.float32]
    mask: NDArray[np.bool_]

    def __post_init__(self) -> None:
        shape = (len(self.targets), len(self.names))
        if self.targets.shape != shape or self.mask.shape != shape:
            raise ValueError(
                f"targets {self.targets.shape} and mask {self.mask.shape} must both be (images, "
                f"{len(self.names)})"
            )
        if len(set(self.names)) != len(self.names) or not self.names:
            raise ValueError(f"outputs must be one or more and all different, not {self.names}")
        # NaN compares unequal to both, and must not hide behind the mask either: 0 x NaN is NaN.
        wrong = (self.targets != 0) & (self.targets != 1)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise UserError(
                f"the label {self.names[column]!r} of image {row + 1} is "
                f"{self.targets[row, column]}, neither 0 nor 1; put the table of labels right "
                "(leave a cell blank where nothing is known)."
            )

    def __len__(self) -> int:
        return len(self.targets)

    def counts(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return how many of `rows` have each finding, and how many are known not to have it.

        Returns
        -------
        positives, negatives : ndarray of int, shape (k,)
        """
        known = self.mask[rows]
        positive = self.targets[rows] == 1
        return (known & positive).sum(axis=0), (known & ~positive).sum(axis=0)


def training_labels(
    dataset: Dataset, outputs: Outputs = 14, uncertain: Uncertain = "ignore"
) -> Labels:
    """Return the targets of a data set.

    A finding that ``labels.csv`` has a column for is taken from there: 1, 0, -1 by `uncertain`,
    blank masked. Any other is read from ``Finding Labels``: present if it is named, absent if
    something else (or ``No Finding``) is, masked where the cell is blank.

    Parameters
    ----------
    dataset : Dataset
        As `cxrmine.dataset.read.read_dataset` gives it.
    outputs : int, str or sequence of str
        14, the findings of ChestX-ray14; 15, and No Finding; ``"columns"``, the findings that
        the data set itself labels (columns of ``labels.csv`` without No Finding; where there is
        no such table, whatever ``Finding Labels`` names); or findings by name. Case and ``_``
        do not matter in matching.
    uncertain : {"ignore", "zeros", "ones"}
        Whether a -1 is masked, 0, or 1.

    Returns
    -------
    Labels
        A row for each of ``dataset.rows``.

    Raises
    ------
    UserError
        If `outputs` is none of these, or the data set knows nothing of one of them.
    """
    if uncertain not in UNCERTAIN:
        raise UserError(
            f"uncertain must be {', '.join(UNCERTAIN[:-1])} or {UNCERTAIN[-1]}, not {uncertain!r}."
        )
    if not dataset.rows:
        raise UserError(f"{str(dataset.folder)!r} has no images; there is nothing to train on.")
    # Many rows, few different cells: what they name, by the key that findings are compared by.
    cells = {
        text: {key(finding): finding for finding in row.findings}
        for text, row in {row.finding_labels: row for row in dataset.rows}.items()
    }
    named = {each: finding for present in cells.values() for each, finding in present.items()}
    names = _names(dataset, outputs, named)
    columns = {key(column): column for column in dataset.label_columns}
    unknown = [
        name
        for name in names
        if key(name) not in columns and key(name) not in named and key(name) not in _NORMAL
    ]
    if unknown:
        raise UserError(
            f"no image of {str(dataset.folder)!r} is labelled with {_listed(unknown)}; name the "
            f"findings to learn, or take the data set's own with --set outputs={COLUMNS}."
        )
    values = {"1": 1.0, "0": 0.0, "-1": {"ignore": np.nan, "zeros": 0.0, "ones": 1.0}[uncertain]}
    targets = np.full((len(dataset.rows), len(names)), np.nan, dtype=np.float32)
    for at, name in enumerate(names):
        column = columns.get(key(name))
        if column is None and key(name) in _NORMAL:
            # The same statement, spelled otherwise by another scheme.
            column = next((columns[each] for each in sorted(_NORMAL) if each in columns), None)
        if column is not None:
            targets[:, at] = [
                values.get(row.labels.get(column, ""), np.nan) for row in dataset.rows
            ]
        else:
            said = {text: _from_text(text, present, name) for text, present in cells.items()}
            targets[:, at] = [said[row.finding_labels] for row in dataset.rows]
    mask = ~np.isnan(targets)
    targets[~mask] = 0.0
    return Labels(names, targets, mask)


def part_rows(dataset: Dataset, labels: Labels, *parts: str) -> NDArray[np.intp]:
    """Return which rows of the data set are in these parts and have at least one known label.

    Raises
    ------
    UserError
        If there are none.
    """
    inside = np.array([part in parts for part in dataset.parts], dtype=bool)
    rows = np.flatnonzero(inside & labels.mask.any(axis=1))
    if rows.size == 0:
        what = "no image" if not inside.any() else "no image with a known label"
        raise UserError(
            f"the part {' + '.join(parts)} of the split {dataset.split!r} has {what}; name "
            f"another split, one of {', '.join(dataset.split_columns)}, or label the images."
        )
    return rows


def check_classes(labels: Labels, rows: NDArray[np.intp], part: str = "train") -> list[str]:
    """Look for findings of which a part holds no positive or no negative image.

    Nothing can be learnt of such a finding, so that in ``train`` it ends the run; elsewhere it
    only leaves the finding's AUC blank.

    Parameters
    ----------
    labels : Labels
    rows : ndarray of int
        The part's rows.
    part : str
        What it is called.

    Returns
    -------
    list of str
        Warnings, one a finding; always empty for ``train``.

    Raises
    ------
    UserError
        If `part` is ``train`` and there is such a finding; it names them and the rest.
    """
    positives, negatives = labels.counts(rows)
    without = [
        ("positive" if not yes else "negative", name)
        for name, yes, no in zip(labels.names, positives, negatives, strict=True)
        if not yes or not no
    ]
    if part != "train":
        return [
            f"the part {part} has no {kind} image of {name}: its AUC there is blank"
            for kind, name in without
        ]
    if without:
        lacking = "; ".join(
            f"no {kind} image of {_listed([name for each, name in without if each == kind])}"
            for kind in dict.fromkeys(kind for kind, _ in without)
        )
        rest = [name for name in labels.names if name not in {name for _, name in without}]
        remedy = (
            f"leave it out by naming the others: --set 'outputs=[{', '.join(rest)}]'"
            if rest
            else "take another split or label more images"
        )
        raise UserError(f"the part train has {lacking}; {remedy}.")
    return []


def _from_text(text: str, present: Container[str], name: str) -> float:
    if not text:
        return np.nan
    wanted = key(name)
    return float(text == NO_FINDING if wanted in _NORMAL else wanted in present)


def _names(dataset: Dataset, outputs: Outputs, named: dict[str, str]) -> tuple[str, ...]:
    if isinstance(outputs, str) and outputs.strip().isdecimal():
        outputs = int(outputs)
    if outputs == 14:
        return FINDINGS_14
    if outputs == 15:
        return (*FINDINGS_14, NO_FINDING)
    if outputs == COLUMNS:
        own = tuple(name for name in dataset.label_columns if key(name) not in _NORMAL)
        if not own:
            order = {key(name): place for place, name in enumerate(FINDINGS_14)}
            own = tuple(
                named[each] for each in sorted(named, key=lambda k: (order.get(k, len(order)), k))
            )
        if not own:
            raise UserError(
                f"no image of {str(dataset.folder)!r} is labelled with a finding; build the set "
                "with labels (build-dataset --labels)."
            )
        return own
    if isinstance(outputs, int | str) or not outputs:
        raise UserError(
            f"outputs must be 14, 15, {COLUMNS!r} or a list of findings, not {outputs!r}."
        )
    names = tuple(str(name) for name in outputs)
    if len({key(name) for name in names}) != len(names):
        raise UserError(f"outputs names a finding twice: {', '.join(names)}; name each once.")
    return names


def _listed(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
