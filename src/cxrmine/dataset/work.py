"""The work on a few source files: paths in, images and what is known of them out.

The same function runs here, in a process of a pool and on a Dask worker (which must see the
source files under the same paths). What it returns is private but for the images: headers name
patients.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cxrmine.runs.members import pack_members
from cxrmine.tables import write_private

if TYPE_CHECKING:
    from cxrmine.images.convert import Converted, PixelSettings

# A Dask worker may have several threads, and libraries are kept quiet for the whole process.
_ONE_AT_A_TIME = threading.Lock()

Kind = Literal["image", "aside", "failed"]


CLOSED_FOLDER = "a folder that cannot be opened: what lies in it is not in the set"


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one source file.

    Parameters
    ----------
    stamp : str
        Of the file as it was read (`SourceFile.stamp`). Private.
    kind : str
        ``image``, ``aside`` (sound, but not for this set) or ``failed``.
    cause : str
        Why it is no image; blank for one that is.
    sha256, bytes : str, int
        Of the PNG.
    width, height : int
        Of the original, in pixels.
    placement : tuple
        Scale and offset in x and y (`cxrmine.images.resize.Placement`).
    grey : mapping
        Where the grey values come from (`cxrmine.images.convert.GreyUse`).
    header : mapping
        The DICOM header's `cxrmine.images.header.Header`; empty for other files. Private.
    warnings : sequence of str
        What was odd.
    """

    stamp: str
    kind: Kind
    cause: str = ""
    sha256: str = ""
    bytes: int = 0
    width: int = 0
    height: int = 0
    placement: Sequence[float] = ()
    grey: Mapping[str, Any] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    def recorded(self) -> dict[str, Any]:
        """Return it as JSON can hold it; `FileOutcome(**recorded)` is the same again."""
        return asdict(self)


def convert_files(
    settings: PixelSettings,
    dicom: bool,
    files: Sequence[tuple[str, str]],
    threads: int,
    marker: str | None,
) -> bytes:
    """Convert files and return a part: ``outcomes.json`` and ``N.png`` for the Nth, from 0.

    Parameters
    ----------
    settings : PixelSettings
    dicom : bool
        Whether the files are DICOM; else PNG or JPEG.
    files : sequence of (path, stamp)
    threads : int
        What a decoder may use; 0 for as many as there are cores. No byte depends on it.
    marker : str, optional
        A file that holds the stamp of the file under way, for whoever starts again after a file
        has killed this process.
    """
    from cxrmine.images.convert import quiet_libraries
    from cxrmine.images.decoders import set_decoder_threads

    outcomes: list[dict[str, Any]] = []
    images: dict[str, bytes] = {}
    with _ONE_AT_A_TIME, quiet_libraries():
        set_decoder_threads(threads)
        for index, (path, stamp) in enumerate(files):
            if marker is not None:
                write_private(Path(marker), stamp.encode("utf-8", errors="surrogatepass"))
            outcome, png = _convert(Path(path), stamp, settings, dicom)
            outcomes.append(outcome.recorded())
            if png:
                images[f"{index}.png"] = png
    if marker is not None:
        Path(marker).unlink(missing_ok=True)
    return pack_members({"outcomes.json": json.dumps(outcomes).encode(), **images})


def _convert(
    path: Path, stamp: str, settings: PixelSettings, dicom: bool
) -> tuple[FileOutcome, bytes]:
    from cxrmine.images.convert import convert_dicom, convert_raster
    from cxrmine.images.faults import ImageFault, SetAside

    if path.is_dir():
        return FileOutcome(stamp, "failed", CLOSED_FOLDER), b""
    try:
        converted = (convert_dicom if dicom else convert_raster)(path, settings)
    except ImageFault as fault:
        return FileOutcome(stamp, "failed", str(fault)), b""
    except SetAside as reason:
        return FileOutcome(stamp, "aside", str(reason)), b""
    except MemoryError:
        return FileOutcome(stamp, "failed", "not enough memory to read it"), b""
    except Exception as error:
        # Libraries raise whatever they like on a damaged file, and their messages quote it.
        return FileOutcome(stamp, "failed", f"damaged in a way of its own ({_place(error)})"), b""
    return _outcome(stamp, converted), converted.png


def _outcome(stamp: str, converted: Converted) -> FileOutcome:
    place = converted.placement
    return FileOutcome(
        stamp=stamp,
        kind="image",
        sha256=converted.sha256,
        bytes=len(converted.png),
        width=converted.width,
        height=converted.height,
        placement=(place.scale_x, place.scale_y, place.offset_x, place.offset_y),
        grey=asdict(converted.grey),
        header=asdict(converted.header) if converted.header is not None else {},
        warnings=converted.warnings,
    )


def _place(error: BaseException) -> str:
    """Return the kind of an error and the line of ours where it came up: nothing of the file."""
    place = "outside cxrmine"
    frame = error.__traceback__
    while frame is not None:
        path = Path(frame.tb_frame.f_code.co_filename)
        if "cxrmine" in path.parts:
            place = f"{path.name}:{frame.tb_lineno}"
        frame = frame.tb_next
    return f"{type(error).__name__} at {place}"


def read_outcomes(records: Sequence[Mapping[str, Any]]) -> Iterator[FileOutcome]:
    """Yield the outcomes that `FileOutcome.recorded` made records of."""
    for record in records:
        yield FileOutcome(**record)
