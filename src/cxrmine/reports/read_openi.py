"""Open-i (Indiana University) chest X-ray reports: one XML file a report.

The report's id is ``uId/@id``; its sections are the ``AbstractText`` elements, whose ``Label``
names them. The text is composed of them, one paragraph each (``LABEL: body``) in file order.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from cxrmine.reports.compose import compose
from cxrmine.reports.encoding import decode
from cxrmine.reports.format import ReadOptions, ReportFormat
from cxrmine.reports.report import Problem, Report
from cxrmine.reports.sources import MAX_REPORT_BYTES, OnProblem, Source

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_DECLARED = re.compile(rb"^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)")

_LIKE_ASCII = (b"utf-8", b"us-ascii", b"ascii", b"iso-8859-1", b"windows-1252")


def _matches(source: Source) -> bool:
    return source.suffix == ".xml"


def _read(source: Source, options: ReadOptions, on_problem: OnProblem) -> Iterator[Report]:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError

    found = 0
    try:
        for citation in _citations(source, on_problem):
            found += 1
            yield _report(citation)
    except ParseError as error:
        line, column = error.position
        message = f"The XML is broken at line {line}, column {column}: repair it or fetch it again."
        on_problem(Problem("failure", source.item, message))
        return
    except DefusedXmlException as error:
        message = (
            f"The XML declares entities or an external DTD ({type(error).__name__}), "
            "which is never read: remove the declaration."
        )
        on_problem(Problem("failure", source.item, message))
        return
    if not found:
        message = "The XML holds no eCitation element, so it is no Open-i report: leave it out."
        on_problem(Problem("failure", source.item, message))


def _citations(source: Source, on_problem: OnProblem) -> Iterator[Element]:
    """Yield the reports' elements; a large file is never in memory as a whole."""
    if source.size is not None and source.size > MAX_REPORT_BYTES:
        with source.open() as file:
            yield from _streamed(file)
        return
    data = source.read()
    declared = _DECLARED.match(data)
    content: bytes | str = data
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        pass  # as good as a declaration
    elif declared is None or declared[1].lower() in (b"utf-8", b"us-ascii", b"ascii"):
        text, encoding = decode(data)
        if encoding is not None:
            # expat would refuse the file for a byte that the text around it survives.
            content = text.lstrip("\ufeff")
            message = (
                f"The file is not UTF-8 as XML without another declaration must be; read as "
                f"{encoding}: check accented letters and signs."
            )
            on_problem(Problem("warning", source.item, message))
    yield from _parse(content).iter("eCitation")


def _parse(content: bytes | str) -> Element:
    """Parse a file; one that has a document type goes through defusedxml, which refuses its entities.

    Without a document type there are no entities to declare, and the C parser of the standard
    library, five times as fast, has nothing to fear. Other encodings could hide one.
    """
    if isinstance(content, str):
        plain = "<!DOCTYPE" not in content
    else:
        declared = _DECLARED.match(content)
        plain = (
            b"<!DOCTYPE" not in content
            and b"\0" not in content
            and (declared is None or declared[1].lower() in _LIKE_ASCII)
        )
    if plain:
        from xml.etree.ElementTree import fromstring as fast

        return fast(content)
    from defusedxml.ElementTree import fromstring

    root: Element = fromstring(content)
    return root


def _streamed(file: IO[bytes]) -> Iterator[Element]:
    from defusedxml.ElementTree import iterparse

    root: Element | None = None
    for event, element in iterparse(file, events=("start", "end")):
        if event == "start" and root is None:
            root = element
        elif event == "end" and element.tag == "eCitation":
            yield element
            element.clear()
            if root is not None and root is not element:
                root.clear()


def _report(citation: Element) -> Report:
    uid = citation.find("uId")
    report_id = (uid.get("id") or "").strip() if uid is not None else ""
    parts = [
        ((element.get("Label") or "").strip(), "".join(element.itertext()).strip())
        for element in citation.iter("AbstractText")
    ]
    return compose(report_id, parts)


FORMAT = ReportFormat(
    name="Open-i XML",
    description="Open-i XML (.xml; a folder, .tgz or .zip of them)",
    matches=_matches,
    read=_read,
)
