"""Rows of label cells as public sets write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cxrmine.dataset.link import finding_labels

# How public sets write a value, and what it becomes; "nan" is a blank that pandas saved.
_VALUES = {
    **dict.fromkeys(("", "nan", "NaN"), ""),
    **dict.fromkeys(("1", "1.0"), "1"),
    **dict.fromkeys(("0", "0.0"), "0"),
    **dict.fromkeys(("-1", "-1.0"), "-1"),
}


class LabelRows:
    """Turns rows of cells into label mappings, one mapping for all equal rows.

    Parameters
    ----------
    columns : sequence of str
        The label columns, in the order of the cells.

    Attributes
    ----------
    unknown : int
        How many cells held something that is no label; they count as blank.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self.unknown = 0
        # A quarter of a million rows are some thousands of different ones.
        self._seen: dict[tuple[str, ...], tuple[dict[str, str], str, int]] = {}

    def read(self, cells: Sequence[str]) -> tuple[Mapping[str, str], str]:
        """Return the labels of a row and its ``Finding Labels``."""
        cell_row = tuple(cells)
        known = self._seen.get(cell_row)
        if known is None:
            values = [_VALUES.get(cell.strip()) for cell in cell_row]
            labels = dict(zip(self.columns, (value or "" for value in values), strict=True))
            known = (labels, finding_labels(labels), values.count(None))
            self._seen[cell_row] = known
        labels, findings, unknown = known
        self.unknown += unknown
        return labels, findings
