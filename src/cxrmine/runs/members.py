"""Part files: what one chunk of reports adds to the output of a run, in one file.

A part is a zip: one file, so that it is either there or not, with a checksum on each member, so
that a damaged one is noticed. Members are Arrow streams, lines of a table as they will stand
there, and JSON.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import pyarrow as pa


def pack_members(members: Mapping[str, bytes]) -> bytes:
    """Return the bytes of a part file; the same members are the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            # A ZipInfo of one's own has a fixed date.
            archive.writestr(zipfile.ZipInfo(name), data)
    return target.getvalue()


def arrow_bytes(table: pa.Table) -> bytes:
    """Return a table as a compressed Arrow stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


class MemberFile:
    """A part file opened for reading, a member at a time.

    Parameters
    ----------
    path : Path or file object
        The part, on disk or in memory.

    Raises
    ------
    zipfile.BadZipFile
        On opening or reading, if the file is damaged.
    """

    def __init__(self, path: Path | IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._archive.close()

    def bytes(self, member: str) -> bytes:
        """Return a member as it is."""
        return self._archive.read(member)

    def json(self, member: str) -> Any:
        """Return a member that is JSON."""
        return json.loads(self._archive.read(member))

    def table(self, member: str) -> pa.Table:
        """Return a member that is an Arrow stream, each column in one piece."""
        import pyarrow as pa

        return pa.ipc.open_stream(self._archive.read(member)).read_all().combine_chunks()
