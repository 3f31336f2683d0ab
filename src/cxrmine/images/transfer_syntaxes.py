"""The transfer syntaxes that can be read, with names that may leave the file.

A transfer syntax is named from this closed list only: its UID comes from the file, and a private
one may say which hospital's archive wrote it.

Source: DICOM PS3.5 section 10 and annex A; PS3.6 table A-1 (the names).
"""

from __future__ import annotations

from dataclasses import dataclass

#: Stands for every transfer syntax that is not in the list.
OTHER = "other"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """How a file's pixel data is written.

    Parameters
    ----------
    name : str
        In the standard's words, shortened.
    encapsulated : bool
        Whether the pixel data is a sequence of compressed fragments (PS3.5 A.4).
    big_endian : bool
        Whether cells of 16 bits have their high byte first.
    """

    name: str
    encapsulated: bool = True
    big_endian: bool = False


SYNTAXES = {
    "1.2.840.10008.1.2": TransferSyntax("Implicit VR Little Endian", False),
    "1.2.840.10008.1.2.1": TransferSyntax("Explicit VR Little Endian", False),
    "1.2.840.10008.1.2.1.99": TransferSyntax("Deflated Explicit VR Little Endian", False),
    "1.2.840.10008.1.2.2": TransferSyntax("Explicit VR Big Endian", False, True),
    "1.2.840.10008.1.2.5": TransferSyntax("RLE Lossless"),
    "1.2.840.10008.1.2.4.50": TransferSyntax("JPEG Baseline"),
    "1.2.840.10008.1.2.4.51": TransferSyntax("JPEG Extended"),
    "1.2.840.10008.1.2.4.57": TransferSyntax("JPEG Lossless"),
    "1.2.840.10008.1.2.4.70": TransferSyntax("JPEG Lossless SV1"),
    "1.2.840.10008.1.2.4.80": TransferSyntax("JPEG-LS Lossless"),
    "1.2.840.10008.1.2.4.81": TransferSyntax("JPEG-LS Near-Lossless"),
    "1.2.840.10008.1.2.4.90": TransferSyntax("JPEG 2000 Lossless"),
    "1.2.840.10008.1.2.4.91": TransferSyntax("JPEG 2000"),
    "1.2.840.10008.1.2.4.201": TransferSyntax("HTJ2K Lossless"),
    "1.2.840.10008.1.2.4.202": TransferSyntax("HTJ2K Lossless RPCL"),
    "1.2.840.10008.1.2.4.203": TransferSyntax("HTJ2K"),
}
#: Without a stated transfer syntax a file is in DICOM's default one (PS3.5 section 10.1).
DEFAULT = "1.2.840.10008.1.2"
RLE_LOSSLESS = "1.2.840.10008.1.2.5"


def transfer_syntax_name(uid: str) -> str:
    """Return the name of a transfer syntax, ``other`` for one that is not in the list.

    Examples
    --------
    >>> transfer_syntax_name("1.2.840.10008.1.2.4.70")
    'JPEG Lossless SV1'
    >>> transfer_syntax_name("1.2.3")
    'other'
    """
    syntax = SYNTAXES.get(str(uid).strip(" \0"))
    return syntax.name if syntax else OTHER
