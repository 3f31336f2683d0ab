"""Age, sex, dates and pixel spacing as headers and tables write them, made of one form.

Sources: DICOM PS3.5 section 6.2 (AS, DA, TM, DS), PS3.3 C.7.1.1 (Patient), C.7.2.2 (Patient
Study), 10.7.1.3 (pixel spacing).
"""

from __future__ import annotations

import datetime
import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: Ages from here on become this one: there are so few people that an age could name one (HIPAA
#: Safe Harbor, 45 CFR 164.514(b)(2)(i)(C)).
OLDEST = 90
# Nobody has lived longer than 122 years; 999Y stands for an unknown age.
_LIMIT = 122
_AGE = re.compile(r"(\d{1,4})(?:\.\d*)?\s*([YMWD]?)", re.IGNORECASE | re.ASCII)
_DATE = re.compile(r"(\d{4})([.\-/]?)(\d{2})\2(\d{2})(?!\d)", re.ASCII)
_TIME = re.compile(r"(\d{2})(?::?(\d{2}))?(?::?(\d{2}))?(\.\d{1,6})?", re.ASCII)
_UNITS_A_YEAR = {"": 1.0, "Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}
# Written where a form wants a date and nobody knows one: the zero of spreadsheets and databases.
_NO_BIRTH_DATES = frozenset(
    datetime.date(*day) for day in ((1899, 12, 30), (1899, 12, 31), (1900, 1, 1), (1901, 1, 1))
)
_SEXES = {
    "M": "M",
    "MALE": "M",
    "F": "F",
    "FEMALE": "F",
    "W": "F",
    "O": "O",
    "OTHER": "O",
}


def age_years(text: str, birth_date: str = "", study_date: str = "") -> int | None:
    """Return an age in whole years, 90 for all ages from 90 on.

    Parameters
    ----------
    text : str
        As Patient's Age (0010,1010), ``062Y``, ``018M``, ``006W``, ``010D``, or years without a
        unit, as many writers leave it out: ``62``.
    birth_date, study_date : str
        Taken where the text is blank or impossible.

    Returns
    -------
    int or None
        None where neither gives an age that a person can have.

    Examples
    --------
    >>> age_years("018M"), age_years("093Y"), age_years("999Y")
    (1, 90, None)
    >>> age_years("", "19580614", "20200613")
    61
    """
    years = _stated_age(text)
    if years is None:
        years = _age_between(birth_date, study_date)
    return None if years is None else min(years, OLDEST)


def _stated_age(text: str) -> int | None:
    match = _AGE.fullmatch(text.strip())
    if match is None:
        return None
    years = int(int(match[1]) / _UNITS_A_YEAR[match[2].upper()])
    return years if years <= _LIMIT else None


def _age_between(birth_date: str, study_date: str) -> int | None:
    born, studied = parse_date(birth_date), parse_date(study_date)
    if born is None or studied is None or born in _NO_BIRTH_DATES:
        return None
    years = studied.year - born.year - ((studied.month, studied.day) < (born.month, born.day))
    return years if 0 <= years <= _LIMIT else None


def sex(text: str) -> str:
    """Return ``M``, ``F``, ``O`` or, for anything else, a blank (PS3.3 C.7.1.1, (0010,0040)).

    Examples
    --------
    >>> sex("f "), sex("Male"), sex("U")
    ('F', 'M', '')
    """
    return _SEXES.get(text.strip().upper(), "")


def parse_date(text: str) -> datetime.date | None:
    """Return a date, ``YYYYMMDD`` or ``YYYY.MM.DD``; None for one that is not in the calendar.

    The second form is that of ACR-NEMA, which PS3.5 section 6.2 lets readers accept; dashes and
    slashes are accepted as well, and a time behind the date is left out.
    """
    match = _DATE.match(text.strip())
    if match is None:
        return None
    try:
        return datetime.date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        return None


def clean_date(text: str) -> str:
    """Return a date as ``YYYYMMDD``, blank for one that is not in the calendar."""
    date = parse_date(text)
    return f"{date.year:04d}{date.month:02d}{date.day:02d}" if date else ""


def clean_time(text: str) -> str:
    """Return a time as ``HHMMSS``, with the fraction where there is one; blank for no time.

    ``1130`` and ``11:30:00`` become ``113000``, so that times of one day sort as text.
    """
    match = _TIME.match(text.strip())
    if match is None:
        return ""
    hour, minute, second = match[1], match[2] or "00", match[3] or "00"
    # 60 is a leap second.
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        return ""
    fraction = match[4] if match[3] and match[4] else ""
    return f"{hour}{minute}{second}{fraction}"


def pixel_spacing(dataset: Dataset) -> tuple[str, str]:
    """Return the distance of pixels in x and y, in mm, as decimal text; blanks where unknown.

    DICOM gives the distance of rows first, which is y (PS3.3 10.7.1.3); ChestX-ray14's column is
    ``[x,y]``. Pixel Spacing (0028,0030) is taken, else Imager Pixel Spacing (0018,1164) at the
    detector's plane, else Nominal Scanned Pixel Spacing (0018,2010) of digitised film.
    """
    from cxrmine.images.elements import text

    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        parts = text(dataset, keyword).split("\\")
        if len(parts) != 2:
            continue
        y, x = (_millimetres(part) for part in parts)
        if x and y:
            return x, y
    return "", ""


def _millimetres(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return ""
    # A pixel of a radiograph is about 0.1 mm wide; 0 and 1e9 stand for an unknown one.
    if not math.isfinite(value) or not 1e-3 <= value <= 100:
        return ""
    return f"{value:.6g}"
