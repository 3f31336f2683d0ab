"""What papers print about ChestX-ray8 and ChestX-ray14, to stand beside a set's own numbers.

The tables lie in ``published/``, one row a figure, with the paper and its table: facts from the
papers. Where a cell is blank the figure is not given here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

from cxrmine.tables import read_csv


@dataclass(frozen=True, slots=True)
class PublishedFinding:
    """Images with a finding, and those among them with another one; None where not given."""

    images: int
    overlap: int | None


@dataclass(frozen=True, slots=True)
class PublishedPrevalence:
    """True and false labels, and the printed prevalence in percent."""

    true: int
    false: int
    percent: float


@dataclass(frozen=True, slots=True)
class PublishedShare:
    """Images with an attribute, and the printed share in percent."""

    images: int
    percent: float


@cache
def published_findings() -> Mapping[str, Mapping[str, PublishedFinding]]:
    """Return number and overlap of findings, by data set, then by finding."""
    found: dict[str, dict[str, PublishedFinding]] = {}
    for row in _read("findings.csv"):
        overlap = int(row["overlap"]) if row["overlap"] else None
        found.setdefault(row["dataset"], {})[row["finding"]] = PublishedFinding(
            int(row["images"]), overlap
        )
    return found


@cache
def published_prevalence() -> Mapping[str, PublishedPrevalence]:
    """Return the label distribution of ChestX-ray14 (Baltruschat et al. 2019, Table 2)."""
    return {
        row["finding"]: PublishedPrevalence(
            int(row["true"]), int(row["false"]), float(row["prevalence"])
        )
        for row in _read("prevalence.csv")
    }


@cache
def published_demographics() -> Mapping[tuple[str, str], PublishedShare]:
    """Return the demographics of ChestX-ray14 as printed (ibid., Table 3), the sexes swapped."""
    return {
        (row["attribute"], row["value"]): PublishedShare(int(row["images"]), float(row["share"]))
        for row in _read("demographics.csv")
    }


def _read(name: str) -> list[dict[str, str]]:
    with as_file(files("cxrmine.dataset") / "published" / name) as path:
        return read_csv(path)[1]
