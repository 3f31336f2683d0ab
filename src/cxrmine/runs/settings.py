"""What a user asked of a run: everything that can change a byte of its output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DEFAULT_SCHEMES = ("chestxray14",)


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of ``mine-labels`` that decide what it writes.

    How a run is carried out (processes, a Dask cluster, resumed or not) is left out on purpose:
    it must not change the output, and a run may be resumed with another number of workers.

    Parameters
    ----------
    inputs : tuple of str
        Files and folders of reports, as given.
    schemes : tuple of str
        Label schemes, in the order asked for.
    id_column, text_column : str, optional
        Columns of a table of reports.
    section_columns : tuple of str, optional
        Columns of a table that has one column a section.
    parser : str, optional
        An installed spaCy pipeline in place of the bundled one.
    rules, vocab : str, optional
        Folders of a user's own rules and vocabulary.
    assertion : {"cxrmine", "negex"}
        What decides a mention's status.
    evidence : bool
        Whether to write the evidence page.
    """

    inputs: tuple[str, ...]
    schemes: tuple[str, ...] = DEFAULT_SCHEMES
    id_column: str | None = None
    text_column: str | None = None
    section_columns: tuple[str, ...] | None = None
    parser: str | None = None
    rules: str | None = None
    vocab: str | None = None
    assertion: str = "cxrmine"
    evidence: bool = False

    def recorded(self) -> dict[str, Any]:
        """Return the settings that ``run.json`` states.

        The inputs, the schemes, the rules, the vocabulary and the parser stand there by their
        names and hashes: the same files at another place are the same run.
        """
        return {
            "id_column": self.id_column,
            "text_column": self.text_column,
            "section_columns": list(self.section_columns) if self.section_columns else None,
            "assertion": self.assertion,
            "evidence": self.evidence,
        }
