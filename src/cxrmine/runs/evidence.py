"""The evidence page: every label's words and rules, in the reports they come from.

A page is one HTML file that needs no network, no server and no other file. It shows 20 reports
at a time, so that its speed does not depend on how many it holds; a run of more than `PER_PAGE`
reports gets several pages and an index.

Reports hold any text. The script of a page puts it on the screen as text nodes only, the data
lies in the page as JSON in which nothing can end its element (`script_safe_json`), and a content
security policy lets no script run but the page's own and no connection open.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from cxrmine.labeling.mention import STATUSES
from cxrmine.offline_page import PageFolder
from cxrmine.runs.evidence_data import script_safe_json

#: Reports in one file: about 10 MB, which a browser reads in well under a second.
PER_PAGE = 10_000

_PAGES = PageFolder(Path(__file__).with_name("templates"))


def write_evidence(
    folder: Path,
    fragments: Iterable[bytes],
    *,
    reports: int,
    columns: Mapping[str, Sequence[str]],
    statuses: Mapping[str, int],
    per_page: int = PER_PAGE,
) -> list[str]:
    """Write ``evidence.html``, and its further pages where the reports need them.

    Parameters
    ----------
    folder : Path
        Where the pages go.
    fragments : iterable of bytes
        Lines of `cxrmine.runs.evidence_data.evidence_line`, any number in each, in order.
    reports : int
        How many lines there are in all.
    columns : mapping
        Label columns by scheme, in the order of the lines' values.
    statuses : mapping
        Number of mentions by status, of all reports.
    per_page : int
        Reports in one file.

    Returns
    -------
    list of str
        The names of the files.
    """
    lines = chain.from_iterable(fragment.splitlines() for fragment in fragments)
    pages = max(1, -(-reports // per_page))
    meta: dict[str, Any] = {
        "schemes": [{"name": name, "columns": list(names)} for name, names in columns.items()],
        "statuses": list(STATUSES),
        "reports": reports,
        "page": 1,
        "pages": pages,
        "offset": 0,
    }
    if pages == 1:
        _write_page(folder / "evidence.html", lines, meta)
        return ["evidence.html"]
    written: list[dict[str, Any]] = []
    for number in range(1, pages + 1):
        name = f"evidence_{number:03d}.html"
        meta.update(page=number, offset=(number - 1) * per_page)
        first, last, count = _write_page(folder / name, islice(lines, per_page), meta)
        written.append({"name": name, "first": first, "last": last, "count": count})
    index = _PAGES.render(
        "evidence_index.html.j2",
        style="evidence.css",
        pages=written,
        reports=reports,
        statuses=[(status, statuses[status]) for status in STATUSES if status in statuses],
    )
    (folder / "evidence.html").write_text(index, encoding="utf-8", newline="")
    return ["evidence.html", *(page["name"] for page in written)]


def _write_page(
    path: Path, lines: Iterator[bytes], meta: Mapping[str, Any]
) -> tuple[str, str, int]:
    """Write one page; return its first and last report id and the number of its reports."""
    template = _PAGES.render(
        "evidence.html.j2",
        style="evidence.css",
        script="evidence.js",
        meta=script_safe_json(meta),
        page=meta["page"],
        pages=meta["pages"],
        data=_DATA_MARK,
    )
    head, tail = template.split(_DATA_MARK)
    first = last = b""
    count = 0
    with path.open("wb") as handle:
        handle.write(head.encode())
        for line in lines:
            handle.write(b"\n" if count == 0 else b",\n")
            handle.write(line)
            first, last = first or line, line
            count += 1
        handle.write(tail.encode())
    return _report_id(first), _report_id(last), count


_DATA_MARK = "@@reports@@"


def _report_id(line: bytes) -> str:
    return str(json.loads(line)[0]) if line else ""
