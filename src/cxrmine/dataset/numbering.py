"""Numbers for patients and names for images, given once and kept in the private crosswalk.

A patient's number says nothing of the identifier: new patients are numbered in the order of a
keyed hash. Whoever has a number keeps it, so a later build with more patients, studies or images
renames nobody.
"""

from __future__ import annotations

import datetime
import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cxrmine.dataset.private import PrivateFolder, keyed_hash
from cxrmine.errors import UserError

PATIENT_COLUMNS = ("patient", "identity", "first_study_date")
CROSSWALK_COLUMNS = (
    "Image Index",
    "patient",
    "sop_uid",
    "copy",
    "study_uid",
    "series_uid",
    "accession",
    "study_date",
    "source",
)

NO_PATIENT_ID = (
    "no patient ID: its study counts as a patient of its own, so another study of the same person "
    "may stand in another part of the split"
)
TWO_ISSUERS = (
    "the same patient ID from another issuer, or from none: counted as a patient of its own"
)
OTHER_PIXELS = "the SOP instance UID of another image whose pixels differ: both are kept"
SAME_IMAGE = "the same image as another file"


@dataclass(frozen=True, slots=True)
class Found:
    """An image as its file's header describes it, before it has a name.

    ``number`` is the source file's number, ``source`` its relative path; ``sha256`` that of its
    pixels as they go into the set. The rest is from `cxrmine.images.header.Header`; dates are
    ``YYYYMMDD`` or blank.
    """

    number: int
    source: str
    sha256: str
    patient_id: str
    issuer: str
    study_uid: str
    series_uid: str
    sop_uid: str
    accession: str
    study_date: str
    study_time: str
    series_number: str
    instance_number: str

    @property
    def study(self) -> str:
        """What the images of one study have in common."""
        return self.study_uid or self.accession or self._file

    @property
    def image(self) -> str:
        """What tells the image from others."""
        return self.sop_uid or self._file

    @property
    def day(self) -> datetime.date | None:
        """The day of the study, None where the file does not say (`study_day`)."""
        return study_day(self.study_date)

    @property
    def _file(self) -> str:
        # A hash, since a file's name need not be text that a table can hold.
        digest = hashlib.sha256(self.source.encode("utf-8", errors="surrogatepass"))
        return f"file {digest.hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class Named:
    """An image with its name.

    ``follow_up`` counts the patient's studies from 0 in the order of time; ``study_day`` is the
    number of days since the patient's first study, None without a date or at 90 and over.
    """

    found: Found
    image_index: str
    patient: int
    follow_up: int
    study_day: int | None


@dataclass(frozen=True, slots=True)
class Numbering:
    """The names of all images, in their order, and what was noticed, by source file's number.

    ``same`` are the files that hold an image which another file holds too, and its name.
    """

    images: tuple[Named, ...]
    same: tuple[tuple[int, str], ...]
    warnings: tuple[tuple[int, str], ...]


#: What programs write where they do not know the date, within the years of digital radiography.
_NO_DATES = frozenset({datetime.date(2000, 1, 1), datetime.date(1999, 1, 1)})
#: No chest X-ray was digital before; whatever stands there is no day on which somebody was ill.
_FIRST_YEAR = 1985
_LAST_YEAR = 2090

#: Nobody's age is told from here on (HIPAA's safe harbour, 45 CFR 164.514 (b)(2)(i)(C)).
_OLDEST = 90
_DAYS_A_YEAR = 365.25


def study_day(text: str) -> datetime.date | None:
    """Return the date of a study, None for one that stands for no day.

    A placeholder must not be taken for a day: the days between it and the patient's next study
    would give that study's date away.

    Parameters
    ----------
    text : str
        ``YYYYMMDD`` or blank.
    """
    try:
        date = datetime.datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None
    placeholder = date in _NO_DATES or date.year < _FIRST_YEAR
    last_of_all = date.year >= _LAST_YEAR and (date.month, date.day) in ((12, 31), (1, 1))
    return None if placeholder or last_of_all else date


def found_in(number: int, source: str, sha256: str, header: Mapping[str, Any]) -> Found:
    """Return the image that a header describes."""
    names = [field for field in Found.__slots__ if field in header]
    return Found(number, source, sha256, **{name: header[name] for name in names})


def number_images(
    images: Sequence[Found],
    private: PrivateFolder,
    ages: Mapping[int, int | None] | None = None,
) -> Numbering:
    """Give every image a name, and write the crosswalk.

    Parameters
    ----------
    images : sequence of Found
        In the order of their source files.
    private : PrivateFolder
        Holds the key and the crosswalk of earlier builds, which is extended.
    ages : mapping, optional
        The patient's age in years at the study, by source file's number.

    Raises
    ------
    UserError
        If the crosswalk is damaged.
    """
    key = private.key()
    kept, same, warnings = _without_copies(images)
    identities, noticed = _identities(kept)
    warnings += noticed
    with private.locked():
        patients = _read_patients(private)
        names = _read_images(private)
        _number_patients(patients, set(identities.values()), key)
        _date_patients(patients, kept, identities)
        numbers = {identity: patient for identity, (patient, _) in patients.items()}
        named = _name_images(kept, identities, numbers, names, key)
        _write(private, patients, names)
    follow_ups = _follow_ups(named, key)
    index_of = {(i.found.image, i.found.sha256): i.image_index for i in named}
    days = _study_days(named, dict(patients.values()), ages or {})
    return Numbering(
        tuple(
            sorted(
                (
                    replace(
                        image,
                        follow_up=follow_ups[image.patient, image.found.study],
                        study_day=days.get(image.found.number),
                    )
                    for image in named
                ),
                key=lambda image: image.image_index,
            )
        ),
        tuple((image.number, index_of[image.image, image.sha256]) for image in same),
        tuple(sorted(warnings)),
    )


def _without_copies(
    images: Sequence[Found],
) -> tuple[list[Found], list[Found], list[tuple[int, str]]]:
    """Leave out the second of two files with the same UID and pixels; tell of other pixels."""
    seen: dict[str, set[str]] = defaultdict(set)
    kept, same, warnings = [], [], []
    for image in images:
        pixels = seen[image.image]
        if image.sha256 in pixels:
            same.append(image)
            continue
        if pixels:
            warnings.append((image.number, OTHER_PIXELS))
        pixels.add(image.sha256)
        kept.append(image)
    return kept, same, warnings


def _identities(images: Iterable[Found]) -> tuple[dict[int, str], list[tuple[int, str]]]:
    """Return who each image's patient is, by source file's number, and what is odd about it.

    An issuer that only some files name must not split a patient in two: it counts only where one
    patient ID has several.
    """
    images = list(images)
    issuers: dict[str, set[str]] = defaultdict(set)
    for image in images:
        if image.issuer:
            issuers[image.patient_id].add(image.issuer)
    identities: dict[int, str] = {}
    warnings = []
    for image in images:
        if not image.patient_id:
            identities[image.number] = f"study {image.study}"
            warnings.append((image.number, NO_PATIENT_ID))
        elif len(issuers[image.patient_id]) > 1:
            identities[image.number] = f"id {image.patient_id} of {image.issuer}"
            warnings.append((image.number, TWO_ISSUERS))
        else:
            identities[image.number] = f"id {image.patient_id}"
    return identities, warnings


#: Identity → number and date of the first study.
_Patients = dict[str, tuple[int, str]]


def _read_patients(private: PrivateFolder) -> _Patients:
    rows = private.read_table("patients.csv", PATIENT_COLUMNS)
    try:
        patients = {r["identity"]: (int(r["patient"]), r["first_study_date"]) for r in rows}
    except ValueError as error:
        raise _damaged(private, "patients.csv") from error
    if len({number for number, _ in patients.values()}) != len(rows):
        raise _damaged(private, "patients.csv")
    return patients


def _number_patients(patients: _Patients, identities: Iterable[str], key: bytes) -> None:
    new = [identity for identity in identities if identity not in patients]
    new.sort(key=lambda identity: (keyed_hash(key, identity), identity))
    first = max((number for number, _ in patients.values()), default=0) + 1
    patients.update({identity: (number, "") for number, identity in enumerate(new, first)})


def _date_patients(
    patients: _Patients, images: Iterable[Found], identities: Mapping[int, str]
) -> None:
    """Note the date of the first study of each patient who has none yet; then it stays."""
    first: dict[str, str] = {}
    for image in images:
        identity = identities[image.number]
        if image.day and not patients[identity][1]:
            first[identity] = min(first.get(identity, image.study_date), image.study_date)
    for identity, date in first.items():
        patients[identity] = (patients[identity][0], date)


def _read_images(private: PrivateFolder) -> dict[str, dict[str, str]]:
    rows = private.read_table("crosswalk.csv", CROSSWALK_COLUMNS)
    names = {row["Image Index"]: row for row in rows}
    if len(names) != len(rows) or not all(_suffix(name) is not None for name in names):
        raise _damaged(private, "crosswalk.csv")
    return names


def _suffix(name: str) -> int | None:
    stem = name.removesuffix(".png").rpartition("_")[2]
    return int(stem) if stem.isdecimal() else None


def _name_images(
    images: Sequence[Found],
    identities: Mapping[int, str],
    numbers: Mapping[str, int],
    names: dict[str, dict[str, str]],
    key: bytes,
) -> list[Named]:
    """Name the images, those of earlier builds as they were; put the new ones into `names`."""
    by_identity = {(r["patient"], r["sop_uid"], r["copy"]): name for name, r in names.items()}
    last: dict[int, int] = defaultdict(lambda: -1)
    for name, row in names.items():
        patient = int(row["patient"])
        last[patient] = max(last[patient], _suffix(name) or 0)
    copies: dict[tuple[int, str], int] = defaultdict(int)
    named = []
    for image in sorted(images, key=lambda image: _in_time(image, key)):
        patient = numbers[identities[image.number]]
        copy = copies[patient, image.image]
        copies[patient, image.image] += 1
        name = by_identity.get((str(patient), image.image, str(copy)), "")
        if not name:
            last[patient] += 1
            name = f"{patient:08d}_{last[patient]:03d}.png"
        names[name] = {
            "Image Index": name,
            "patient": str(patient),
            "sop_uid": image.image,
            "copy": str(copy),
            "study_uid": image.study,
            "series_uid": image.series_uid,
            "accession": image.accession,
            "study_date": image.study_date,
            "source": image.source,
        }
        named.append(Named(image, name, patient, 0, None))
    return named


def _in_time(image: Found, key: bytes) -> tuple[object, ...]:
    """Sort by time; what has no time comes last, and no identifier decides an order."""
    return (
        image.study_date if image.day else "99999999",
        image.study_time or "999999",
        keyed_hash(key, image.study),
        _whole(image.series_number),
        _whole(image.instance_number),
        keyed_hash(key, image.image),
        image.number,
    )


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 1 << 31


def _follow_ups(images: Iterable[Named], key: bytes) -> dict[tuple[int, str], int]:
    """Return the place of each study among its patient's, from 0."""
    firsts: dict[int, dict[str, tuple[object, ...]]] = defaultdict(dict)
    for image in images:
        at = _in_time(image.found, key)
        studies = firsts[image.patient]
        studies[image.found.study] = min(studies.get(image.found.study, at), at)
    return {
        (patient, study): place
        for patient, studies in firsts.items()
        for place, study in enumerate(sorted(studies, key=studies.__getitem__))
    }


def _study_days(
    images: Iterable[Named], first_days: Mapping[int, str], ages: Mapping[int, int | None]
) -> dict[int, int]:
    """Return the days since the patient's first study, by source file's number.

    None is told for a study at which the patient was 90 or older: from an earlier age and the
    days between, the true age would follow.
    """
    days: dict[int, int] = {}
    born: dict[int, float] = {}  # at the latest, in days since the first study
    for image in images:
        day, first = image.found.day, study_day(first_days[image.patient])
        if day is None or first is None:
            continue
        days[image.found.number] = (day - first).days
        age = ages.get(image.found.number)
        if age is not None:
            birth = days[image.found.number] - age * _DAYS_A_YEAR
            born[image.patient] = min(born.get(image.patient, birth), birth)
    return {
        image.found.number: days[image.found.number]
        for image in images
        if image.found.number in days
        and days[image.found.number] - born.get(image.patient, math.inf)
        < _OLDEST * _DAYS_A_YEAR - 1
    }


def _write(
    private: PrivateFolder, patients: _Patients, names: Mapping[str, Mapping[str, str]]
) -> None:
    private.write_table(
        "patients.csv",
        PATIENT_COLUMNS,
        sorted((number, identity, date) for identity, (number, date) in patients.items()),
    )
    private.write_table(
        "crosswalk.csv",
        CROSSWALK_COLUMNS,
        ([names[name][column] for column in CROSSWALK_COLUMNS] for name in sorted(names)),
    )


def _damaged(private: PrivateFolder, name: str) -> UserError:
    return UserError(
        f"{str(private.file(name))!r} is damaged; put it back as a build wrote it, or name a new "
        "folder as --key (patients and images get other numbers then)."
    )
