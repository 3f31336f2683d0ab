"""Draw the bundled DICOM samples: the archive of a hospital that does not exist.

    python scripts/make_dicom_samples.py --out src/cxrmine/samples

Writes ``dicom/`` (seven patients, ten files), ``boxes/`` (Pascal VOC's XML, as ChestX-ray8's
radiologist drew them) and ``boxes.csv`` (the same boxes in NIH's columns). Every picture is drawn by
``tests/drawn_chest.py`` and stored by ``tests/hospital.py``; accession numbers are report ids of
``samples/reports.csv``, whose findings are drawn. The same command writes the same files with the
same versions of the encoders. Needs the extra ``[dicom]``.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from hospital import STORAGES, Film, Hospital, Storage, Written, write_film  # noqa: E402

SIZE = (288, 236)
#: In grey; little, because noise is what a file's bytes are spent on.
NOISE = 0.0015
#: Findings of which a box is written: a radiologist draws what can be pointed at.
BOXED = ("Mass", "Nodule")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "src" / "cxrmine" / "samples")
    out = parser.parse_args(arguments).out
    hospital = Hospital(out / "dicom", tuple(samples(out / "dicom")), ())
    for written in hospital.files:
        assert written.film is not None
        write_film(written.path, written.film)
    boxed = [one for one in hospital.files if one.film and set(one.film.findings) & set(BOXED)]
    chosen = replace(hospital, files=tuple(boxed))
    chosen.write_boxes_xml(out / "boxes", lambda one: one.path.name)
    chosen.write_boxes_csv(out / "boxes.csv", lambda one: one.path.name)
    total = sum(path.stat().st_size for path in out.glob("dicom/**/*.dcm"))
    print(f"{len(hospital.files)} files, {total / 1000:.0f} kB; {len(boxed)} with a box")


def samples(folder: Path) -> list[Written]:
    """Return the samples in the order of their patients and studies."""

    def stored(name: str, like: str, **changes: object) -> Storage:
        """Stored by that name of `STORAGES` but compressed as `like`; 10 bits, as old plates."""
        changes = {"syntax": STORAGES[like].syntax, "stored": 10, **changes}
        return replace(STORAGES[name], **changes)  # type: ignore[arg-type]

    jpeg_2000 = stored("window", "jpeg_2000", sop_class=STORAGES["jpeg_2000"].sop_class)
    sigmoid = stored("sigmoid", "jpeg_ls")
    infant = replace(STORAGES["eight_bit"], syntax=STORAGES["rle"].syntax)
    made = [
        # A heart failure that gets worse.
        _film(1, "S058", "20240311", jpeg_2000, "F", "071Y", 71, "AP", ("Cardiomegaly", "Edema")),
        _film(
            1,
            "S021",
            "20240402",
            jpeg_2000,
            "F",
            "071Y",
            71,
            "AP",
            ("Cardiomegaly", "Edema", "Effusion"),
        ),
        # A pneumothorax before and after the tube.
        _film(
            2,
            "S042",
            "20230508",
            stored("window", "jpeg_ls"),
            "M",
            "034Y",
            34,
            "AP",
            ("Atelectasis", "Pneumothorax"),
        ),
        _film(2, "S056", "20230512", stored("window", "jpeg_lossless"), "M", "034Y", 34, "PA", ()),
        _film(
            3,
            "S008",
            "20220920",
            stored("monochrome1", "jpeg_lossless"),
            "F",
            "055Y",
            55,
            "PA",
            ("Mass",),
        ),
        _film(
            4,
            "S007",
            "20221103",
            stored("voi_lut", "jpeg_2000"),
            "M",
            "62",
            62,
            "PA",
            ("Nodule",),
        ),
        # No window, so that the percentiles decide; an age that a data set must not tell.
        _film(
            5,
            "S010",
            "20240115",
            stored("no_window", "jpeg_ls"),
            "M",
            "093Y",
            90,
            "PA",
            ("Emphysema",),
        ),
        _film(6, "S072", "20231207", sigmoid, "F", "041Y", 41, "PA", ("Infiltration", "Pneumonia")),
        _film(
            6,
            "S072",
            "20231207",
            stored("window", "implicit"),
            "F",
            "041Y",
            41,
            "LL",
            (),
            "lateral",
        ),
        _film(7, "S005", "20240609", infant, "M", "018M", 1, "AP", ()),
    ]
    left = {"S042", "S007"}
    written = []
    for film in made:
        if film.accession in left:
            film = replace(film, side="left")
        if film.accession == "S005" or film.kind == "lateral":
            film = replace(film, size=(176, 144))
        name = f"{film.accession}{'_lateral' if film.kind == 'lateral' else ''}.dcm"
        fate, why = ("set aside", "lateral") if film.kind == "lateral" else ("image", "")
        written.append(Written(folder / film.patient.lower() / name, film, fate, why))
    return written


def _film(
    patient: int,
    accession: str,
    date: str,
    storage: Storage,
    sex: str,
    age_text: str,
    age: int,
    view: str,
    findings: tuple[str, ...],
    kind: str = "chest",
) -> Film:
    return Film(
        patient=f"DEMO-{patient}",
        study=f"sample {accession}",
        instance=f"sample {accession} {kind}",
        accession=accession,
        study_date=date,
        storage=storage,
        kind=kind,
        size=SIZE,
        seed=20 + patient,
        noise=NOISE,
        findings=findings,
        sex=sex,
        age_text=age_text,
        age=age,
        view=view,
        spacing=("1.3", "1.3"),
        attributes={
            "PatientName": f"Demo^{patient}",
            "InstitutionName": "A hospital that does not exist",
            "Manufacturer": "cxrmine",
            "ManufacturerModelName": "drawn with NumPy",
            "StudyDescription": "Chest",
            "SeriesDescription": "Chest lateral" if kind == "lateral" else f"Chest {view}",
        },
    )


if __name__ == "__main__":
    main()
