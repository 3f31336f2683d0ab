"""The private folder beside a data set: the key, the crosswalk, and what a killed run has done.

Everything here is readable by its owner alone (files 600, folders 700) and never lies inside the
data set that is given away.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cxrmine.errors import UserError
from cxrmine.tables import format_row, read_csv

_KEY_FILE = "key"
_KEY_BYTES = 32

#: For whoever opens the folder a year later.
_README = """\
PRIVATE: this folder says who is who in the data set that was built with it.
Whoever has it can name the patients. Do not publish it, and do not copy it beside the data set.

key           the secret that orders the patients' numbers
patients.csv  the patients' numbers, identifiers and first study dates
crosswalk.csv the images' names, UIDs, accession numbers, dates and source files
*.files.csv   what became of every source file of a build
*.reports.csv what became of every report of a build
*.state.jsonl what a later build of the same set need not do again
"""


class PrivateFolder:
    """The folder that ``--key`` names.

    Parameters
    ----------
    path : Path
        Made with mode 700 if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self, out: Path) -> None:
        """Make the folder, or say why it cannot be used for the data set `out`.

        Raises
        ------
        UserError
            If it lies inside the data set (or is it), is a file, or cannot be written.
        """
        inside = self.path.resolve()
        if inside == out.resolve() or out.resolve() in inside.parents:
            raise UserError(
                f"--key {str(self.path)!r} lies inside --out; name a folder that is not given "
                "away with the data set."
            )
        if inside in out.resolve().parents:
            raise UserError(
                f"--out lies inside --key {str(self.path)!r}; name a folder beside the data set."
            )
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"--key {str(self.path)!r} is a file; name a folder.")
        if self.path.is_dir() and not self._is_ours():
            raise UserError(
                f"--key {str(self.path)!r} holds other files; name a new or empty folder, or one "
                "that a build has made."
            )
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A folder that was there before may be open to others, and files of 600 in it are
            # safe, but their names need not be seen either.
            with suppress(PermissionError):
                self.path.chmod(0o700)
            readme = self.path / "README.txt"
            if not readme.exists():
                self.write_text(readme, _README)
        except OSError as error:
            raise UserError(
                f"--key {str(self.path)!r} cannot be written ({error.strerror}); name a folder "
                "that you may write to."
            ) from error

    def _is_ours(self) -> bool:
        names = {path.name for path in self.path.iterdir()}
        if names <= {"README.txt"}:  # a run that was killed before it drew the key
            return not names or (self.path / "README.txt").read_bytes() == _README.encode()
        return _KEY_FILE in names

    def key(self) -> bytes:
        """Return the secret, drawn when it is first asked for.

        Raises
        ------
        UserError
            If the file that should hold it holds something else.
        """
        path = self.path / _KEY_FILE
        if not path.exists():
            if (self.path / "patients.csv").exists():
                raise UserError(
                    f"the folder {str(self.path)!r} has patients.csv but no key; put the key "
                    "back, or name a new folder as --key (the patients get other numbers then)."
                )
            self.write_text(path, secrets.token_hex(_KEY_BYTES) + "\n")
        try:
            key = bytes.fromhex(path.read_text("ascii").strip())
        except ValueError:
            key = b""
        if len(key) < 16:
            raise UserError(
                f"the file 'key' in {str(self.path)!r} is damaged: it must hold "
                f"{2 * _KEY_BYTES} hexadecimal digits; put the right one back."
            )
        return key

    def file(self, name: str) -> Path:
        """Return the path of a file in the folder."""
        return self.path / name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs from giving out numbers while the block does."""
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            with suppress(OSError):  # a file system without locks goes without
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def write_text(self, path: Path, text: str) -> None:
        """Write a file of mode 600 in one step."""
        with _private_writer(path) as handle:
            handle.write(text.encode("utf-8", errors="backslashreplace"))

    def write_bytes(self, path: Path, data: bytes) -> None:
        """Write a file of mode 600 in one step."""
        with _private_writer(path) as handle:
            handle.write(data)

    def write_table(
        self, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Write a CSV of mode 600 in one step."""
        with _private_writer(self.path / name) as handle:
            handle.write(format_row(header).encode())
            for row in rows:
                handle.write(format_row(row).encode("utf-8", errors="backslashreplace"))

    def read_table(self, name: str, header: Sequence[str]) -> list[dict[str, str]]:
        """Return the rows of a CSV, none if it does not exist.

        Raises
        ------
        UserError
            If it is damaged or lacks a column.
        """
        path = self.path / name
        if not path.exists():
            return []
        columns, rows = read_csv(path)
        if missing := [column for column in header if column not in columns]:
            raise UserError(
                f"{str(path)!r} lacks the column {missing[0]!r}; put the file back as a build "
                "wrote it."
            )
        return rows

    def write_lines(self, name: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Write a JSON Lines file of mode 600 in one step."""
        with _private_writer(self.path / name) as handle:
            for record in records:
                handle.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")

    def read_lines(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the records of a JSON Lines file, none if it does not exist or is damaged."""
        path = self.path / name
        with suppress(FileNotFoundError, ValueError), path.open("rb") as lines:
            for line in lines:
                yield json.loads(line)


def keyed_hash(key: bytes, text: str) -> str:
    """Return the HMAC-SHA-256 of a text, in hexadecimal digits: no order, no way back."""
    return hmac.new(key, text.encode("utf-8", errors="surrogatepass"), hashlib.sha256).hexdigest()


@contextmanager
def _private_writer(path: Path) -> Iterator[Any]:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with open(descriptor, "wb") as handle:
            yield handle
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
