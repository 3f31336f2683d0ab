"""A report's text composed of sections that come apart: XML elements, or columns of a table."""

from __future__ import annotations

from collections.abc import Iterable

from cxrmine.reports.report import Report, Section
from cxrmine.reports.sections import canonical_name, split_section


def compose(report_id: str, parts: Iterable[tuple[str, str]]) -> Report:
    """Join labelled bodies to one text, one paragraph each, and note where each one lies.

    Parameters
    ----------
    report_id
        The report's id.
    parts
        Pairs of label and body; empty bodies are left out, an empty label adds none to the text.

    Returns
    -------
    Report
        With ``LABEL: body`` lines as text, and its sections' exact offsets. Headers within a body
        (a whole earlier report pasted into the Impression) begin sections of their own.
    """
    paragraphs: list[str] = []
    spans: list[Section] = []
    length = 0
    for label, body in parts:
        body = body.strip()
        if not body:
            continue
        header = f"{label}: " if label else ""
        start = length + len(header)
        name = canonical_name(label) if label else "text"
        spans.append(Section(name or "text", start, start + len(body)))
        paragraphs.append(header + body)
        length = start + len(body) + 1
    text = "\n".join(paragraphs)
    sections = tuple(part for span in spans for part in split_section(text, span))
    return Report(report_id, text, sections)
