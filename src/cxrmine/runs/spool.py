"""Chunks of reports on their way to a worker: cut, packed, kept until they are labelled.

The inputs are read once, ahead of the labelling, and every chunk is kept in the run's work
folder until its part is finished. So a resumed run need not read (and parse, and unzip) what the
killed one had read, and a progress bar knows how much is left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from cxrmine.reports.report import Report, Section

#: Reports in a chunk. Small enough that a killed run loses less than a second of work, large
#: enough that packing costs little beside labelling; the output does not depend on it.
CHUNK = 250


def cut(reports: Iterable[Report], size: int = CHUNK) -> Iterator[list[Report]]:
    """Yield `reports` in their order in lists of `size`, the last one shorter."""
    if size < 1:
        raise ValueError(f"a chunk holds at least one report, not {size}")
    chunk: list[Report] = []
    for report in reports:
        chunk.append(report)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def pack(reports: Iterable[Report]) -> bytes:
    """Return reports as compressed bytes that `unpack` gives back as they were.

    JSON rather than pickle, because what lies in a folder must not be able to run code.
    """
    import pyarrow as pa

    rows = [(report.report_id, report.text, report.sections) for report in reports]
    # ASCII escapes carry lone surrogates (undecodable bytes in a file's name) through unharmed.
    data = json.dumps(rows, separators=(",", ":")).encode("ascii")
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def unpack(data: bytes) -> list[Report]:
    """Return the reports that `pack` packed."""
    import pyarrow as pa

    with pa.input_stream(pa.BufferReader(data), compression="zstd") as stream:
        rows = json.loads(stream.read())
    return [
        Report(
            report_id,
            text,
            None if sections is None else tuple(Section(*section) for section in sections),
        )
        for report_id, text, sections in rows
    ]
