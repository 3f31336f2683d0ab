"""The label columns of ChestX-ray8 and ChestX-ray14, and the totals that papers report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: ChestX-ray8's findings, in the paper's order (Wang et al. 2017, Table 2).
FINDINGS_8 = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
)
#: ChestX-ray14's, in the order of its ``Data_Entry`` table.
FINDINGS_14 = (
    *FINDINGS_8,
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
NORMAL = "normal"
#: Scored in papers, but never marked in the Open-i gold: totals are given without it as well.
HERNIA = "Hernia"


@dataclass(frozen=True)
class Total:
    """A row of totals: its name and the columns it sums over."""

    name: str
    columns: tuple[str, ...]


def key(name: str) -> str:
    """Return `name` as columns are compared: ``Pleural_Thickening`` is ``pleural thickening``.

    >>> key("Pleural_Thickening") == key("pleural thickening")
    True
    """
    return " ".join(name.replace("_", " ").replace("-", " ").split()).casefold()


def is_openi(columns: Sequence[str]) -> bool:
    """Tell whether these are the columns of the Open-i gold: the 14 and ``normal``."""
    return {key(c) for c in columns} >= {key(c) for c in (*FINDINGS_14, NORMAL)}


def totals_for(columns: Sequence[str]) -> list[Total]:
    """Return the totals to report over the columns that were compared.

    Where some of the 8 or 14 findings are among them: over the 8, over the 8 and ``normal``, over
    the 14, and the same without Hernia wherever that makes a difference. A total that lacks some
    of its columns says so in its name, so that nobody compares it with a full one. Columns
    beyond those give one more total over all.
    """
    by_key = {key(c): c for c in columns}
    wanted = [
        ("8 findings", FINDINGS_8),
        ("8 findings + normal", (*FINDINGS_8, NORMAL)),
        ("14 findings", FINDINGS_14),
        ("14 findings + normal", (*FINDINGS_14, NORMAL)),
    ]
    totals: list[Total] = []
    for name, names in wanted:
        present = tuple(by_key[key(n)] for n in names if key(n) in by_key)
        missing = [n for n in names if key(n) not in by_key]
        # A total is worth a row only if it says something that no other row says.
        if len(present) < 2 or NORMAL in missing or any(t.columns == present for t in totals):
            continue
        if missing:
            name += f" (without {', '.join(missing)}: not comparable)"
        totals.append(Total(name, present))
        rest = tuple(c for c in present if key(c) != key(HERNIA))
        if rest != present:
            totals.append(Total(f"{name}, without Hernia", rest))
    everything = tuple(columns)
    if len(everything) > 1 and not any(set(t.columns) == set(everything) for t in totals):
        totals.append(Total(f"all {len(everything)} columns", everything))
    return totals
