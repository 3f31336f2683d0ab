"""Where the rules, the vocabulary and the samples lie: in the wheel, or in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_dir(name: str) -> Path:
    """Return the folder of shipped data called `name` (``rules`` or ``vocab``).

    A wheel carries it as ``cxrmine/_data/NAME``; in a checkout (an editable install) it is the
    folder NAME beside ``src``.

    Raises
    ------
    FileNotFoundError
        If neither place has it, which means that the installation is broken.
    """
    places = (_PACKAGE / "_data" / name, _PACKAGE.parent.parent / name)
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(
        f"The folder {name!r} that ships with cxrmine is missing (looked in "
        f"{', '.join(str(p) for p in places)}): reinstall cxrmine."
    )


def samples_dir() -> Path:
    """Return the folder of the bundled sample reports."""
    return _PACKAGE / "samples"
