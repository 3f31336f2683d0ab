"""What a user asked of ``cluster-clauses``: everything that can change a byte of its output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The distance unless ``--distance`` says otherwise.
DEFAULT_DISTANCE = "normalized"
DEFAULT_TOP = 10
DEFAULT_MEMORY = 2.0
DEFAULT_SEED = 0


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """What to read, and which part of it.

    Parameters
    ----------
    inputs : tuple of str
        Files and folders of reports, as given.
    section : str, optional
        The section that holds the diagnoses; by default impression, then diagnosis.
    id_column, text_column : str, optional
        Columns of a table of reports.
    """

    inputs: tuple[str, ...]
    section: str | None = None
    id_column: str | None = None
    text_column: str | None = None


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """The options of a clustering.

    Processes and threads are left out on purpose: they must not change the output.

    Parameters
    ----------
    read : ReadSettings
        The reports.
    split_enumeration, drop_units : bool
        How clauses are split and normalised.
    k : int, optional
        Clusters; None lets the tool choose.
    top : int
        How many of the largest terms are told apart from the rest.
    distance : {"levenshtein", "normalized"}
        The metric.
    memory : float
        GiB that a matrix of distances may take; beyond, the clustering works on samples.
    seed : int
        Of all that is random.
    """

    read: ReadSettings
    split_enumeration: bool = False
    drop_units: bool = False
    k: int | None = None
    top: int = DEFAULT_TOP
    distance: str = DEFAULT_DISTANCE
    memory: float = DEFAULT_MEMORY
    seed: int = DEFAULT_SEED

    @property
    def memory_bytes(self) -> int:
        """`memory` in bytes."""
        return int(self.memory * (1 << 30))

    def recorded(self) -> dict[str, Any]:
        """Return the settings that ``run.json`` states beside the inputs."""
        return {
            "section": self.read.section,
            "id_column": self.read.id_column,
            "text_column": self.read.text_column,
            "split_enumeration": self.split_enumeration,
            "drop_units": self.drop_units,
            "k": "auto" if self.k is None else self.k,
            "top": self.top,
            "distance": self.distance,
            "memory": self.memory,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class ApplySettings:
    """The options of ``--apply``; a section given here wins over that of the file of terms."""

    read: ReadSettings
    terms: Path

    def recorded(self) -> dict[str, Any]:
        """Return the settings that ``run.json`` states beside the inputs and the terms."""
        return {
            "section": self.read.section,
            "id_column": self.read.id_column,
            "text_column": self.read.text_column,
        }
