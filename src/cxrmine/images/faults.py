"""Why an image file is not in the data set: it cannot be read, or it does not belong there."""

from __future__ import annotations


class ImageFault(Exception):
    """An image file that cannot be used; the message says why, in words of our own.

    The message goes to ``failures.csv``: it holds no path, no identifier and no text from the
    file.
    """


class SetAside(Exception):
    """An image file that is sound but does not belong in a set of frontal chest X-rays.

    The message goes to ``set_aside.csv``; it holds no path, no identifier and no free text from
    the file.
    """
