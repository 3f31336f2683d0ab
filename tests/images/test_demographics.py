"""Ages, sexes, dates and spacing in every form that headers have."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_files import radiograph

from cxrmine.images.demographics import (
    OLDEST,
    age_years,
    clean_date,
    clean_time,
    parse_date,
    pixel_spacing,
    sex,
)

dates = st.dates(datetime.date(1880, 1, 1), datetime.date(2100, 12, 31))


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("62", 62),
        ("062Y", 62),
        ("62y", 62),
        (" 062Y ", 62),
        ("062 Y", 62),
        ("62.0", 62),
        ("0062", 62),
        ("018M", 1),
        ("023M", 1),
        ("024M", 2),
        ("011M", 0),
        ("006W", 0),
        ("104W", 1),
        ("105W", 2),
        ("010D", 0),
        ("365D", 0),
        ("366D", 1),
        ("000Y", 0),
        ("089Y", 89),
        ("090Y", 90),
        ("093Y", 90),
        ("122Y", 90),
        ("123Y", None),
        ("999Y", None),
        ("999D", 2),
        ("", None),
        ("Y", None),
        ("-5", None),
        ("062X", None),
        ("062Y 3M", None),
        ("sixty", None),
        ("٦٢", None),
    ],
)
def test_stated_ages(text: str, years: int | None) -> None:
    assert age_years(text) == years


@pytest.mark.parametrize(
    ("birth", "study", "years"),
    [
        ("19580614", "20200613", 61),
        ("19580613", "20200613", 62),
        ("1958.06.14", "2020.06.13", 61),
        ("20000229", "20010228", 0),
        ("20000229", "20010301", 1),
        ("20200613", "20200613", 0),
        ("20200614", "20200613", None),
        ("19200101", "20200613", 90),
        ("18800101", "20200613", None),
        ("19000101", "20050613", None),
        ("19580631", "20200613", None),
        ("", "20200613", None),
        ("19580613", "", None),
    ],
)
def test_ages_between_dates(birth: str, study: str, years: int | None) -> None:
    assert age_years("", birth, study) == years
    # An age that nobody can have is as good as none, and one that is stated wins.
    assert age_years("999Y", birth, study) == years
    assert age_years("041Y", birth, study) == 41


@given(st.text(max_size=8), st.text(max_size=10), st.text(max_size=10))
def test_no_age_shows_who_is_very_old(text: str, birth: str, study: str) -> None:
    years = age_years(text, birth, study)
    assert years is None or 0 <= years <= OLDEST


@given(dates, dates)
def test_ages_against_the_calendar(birth: datetime.date, study: datetime.date) -> None:
    years = age_years("", f"{birth:%Y%m%d}", f"{study:%Y%m%d}")
    if years is None or years == OLDEST:
        return
    # The birthday of that age has come, the next one has not.
    assert (birth.year + years, birth.month, birth.day) <= (study.year, study.month, study.day)
    assert (birth.year + years + 1, birth.month, birth.day) > (study.year, study.month, study.day)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("M", "M"),
        ("F", "F"),
        ("O", "O"),
        (" f ", "F"),
        ("Male", "M"),
        ("Female", "F"),
        ("W", "F"),
        ("Other", "O"),
        ("U", ""),
        ("Unknown", ""),
        ("", ""),
        ("M\\F", ""),
        ("Müller", ""),
    ],
)
def test_sexes(text: str, expected: str) -> None:
    assert sex(text) == expected


@given(dates)
def test_dates_in_the_calendar(date: datetime.date) -> None:
    for text in ("%Y%m%d", "%Y.%m.%d", "%Y-%m-%d", " %Y/%m/%d ", "%Y-%m-%d 11:30:00"):
        assert parse_date(date.strftime(text)) == date
    assert clean_date(date.strftime("%Y.%m.%d")) == date.strftime("%Y%m%d")


@pytest.mark.parametrize(
    "text",
    ["", "0", "00000000", "20200631", "20210229", "20201301", "202006", "2020.0613", "2020613",
     "202006130", "today", "٢٠٢٠٠٦١٣"],
)  # fmt: skip
def test_dates_out_of_the_calendar(text: str) -> None:
    assert parse_date(text) is None
    assert clean_date(text) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("113000", "113000"),
        ("113000.5", "113000.5"),
        ("113000.123456", "113000.123456"),
        ("11:30:00", "113000"),
        ("1130", "113000"),
        ("11", "110000"),
        ("235960", "235960"),
        ("11.5", "110000"),
        ("246000", ""),
        ("116000", ""),
        ("113061", ""),
        ("noon", ""),
        ("", ""),
    ],
)
def test_times(text: str, expected: str) -> None:
    assert clean_time(text) == expected


def test_spacing_is_given_in_x_and_y() -> None:
    # DICOM: the distance of rows (y) first.
    assert pixel_spacing(radiograph(PixelSpacing=["0.2", "0.1"])) == ("0.1", "0.2")


def test_spacing_of_the_plane_that_is_nearest_to_the_patient() -> None:
    detector = {"ImagerPixelSpacing": ["0.3", "0.4"]}
    film = {"NominalScannedPixelSpacing": ["0.5", "0.6"]}
    assert pixel_spacing(radiograph(PixelSpacing=["0.2", "0.1"], **detector)) == ("0.1", "0.2")
    assert pixel_spacing(radiograph(**detector, **film)) == ("0.4", "0.3")
    assert pixel_spacing(radiograph(PixelSpacing="", **detector)) == ("0.4", "0.3")
    assert pixel_spacing(radiograph(**film)) == ("0.6", "0.5")
    assert pixel_spacing(radiograph()) == ("", "")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (b"0.139\\0.14300000000", ("0.143", "0.139")),
        (b"1.68e-1\\1.68E-1 ", ("0.168", "0.168")),
        (b"0.1943112345\\0.1", ("0.1", "0.194311")),
        (b"0\\0", ("", "")),
        (b"-0.1\\0.1", ("", "")),
        (b"0.1", ("", "")),
        (b"0.1\\0.1\\0.1", ("", "")),
        (b"0,1\\0,1", ("", "")),
        (b"nan\\inf", ("", "")),
        (b"1e9\\1e9", ("", "")),
        (b"Jane\\Doe", ("", "")),
        (b"", ("", "")),
    ],
)
def test_spacing_as_it_is_written(values: bytes, expected: tuple[str, str]) -> None:
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    tag = Tag("PixelSpacing")
    dataset = radiograph()
    dataset[tag] = RawDataElement(tag, "DS", len(values), values, 0, False, True)
    assert pixel_spacing(dataset) == expected
