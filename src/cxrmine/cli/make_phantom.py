"""The command line of `make-phantom`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    patients: Annotated[int, typer.Option(metavar="N", help="How many patients.")] = 100,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the hospital; new or empty, else --resume, --force."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed, another hospital.")] = 0,
    size: Annotated[int, typer.Option(metavar="PIXELS", help="Rows of the films.")] = 512,
    difficulty: Annotated[
        str,
        typer.Option(metavar="NAME", help="Contrast of the lesions: easy, standard or hard."),
    ] = "standard",
    prevalence: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FINDING=SHARE",
            help="Share of studies with a finding (Nodule=0.2); may be repeated.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Processes that draw.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the killed run in --out.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier run in --out.")
    ] = False,
) -> int:
    """Write a synthetic hospital: drawn chest radiographs, reports, and the truth of both.

    Nothing in it comes from a patient. dicom/ holds 12-bit DICOM files (MONOCHROME1 among them,
    some laterals), reports.csv their reports by accession number, truth.csv the findings of every
    film, report_truth.csv those of every report, said.csv what each sentence says, boxes/ (XML)
    and boxes.csv the lesions' true boxes in the films' own pixels. Prints how much of the labels
    the global mean and thumbnails give away. Needs the extra [dicom] or [train].

    Example, from drawn hospital to data set:

    \b
      make-phantom --patients 40 --out hospital
      mine-labels hospital/reports.csv --out mined
      build-dataset --dicom hospital/dicom --labels mined/labels.csv --boxes hospital/boxes --out phantom
    """
    from importlib.util import find_spec

    from cxrmine.errors import UserError
    from cxrmine.phantom.hospital import HospitalSettings

    if out is None:
        raise UserError("no output folder given; name one with --out DIR.")
    if resume and force:
        raise UserError("--resume and --force exclude each other; give one of them.")
    settings = HospitalSettings(seed, difficulty, _prevalences(prevalence or []))
    if find_spec("pydicom") is None:
        raise UserError(
            "make-phantom writes DICOM files and needs the extra [dicom] or [train]; install one "
            "with: pip install 'cxrmine[dicom]'"
        )

    from cxrmine.phantom.make import ENOUGH, make_phantom
    from cxrmine.phantom.separability import LIMITS
    from cxrmine.runs.progress import open_progress

    with open_progress("Drawing", "drawn", "patients") as display:
        made = make_phantom(
            out,
            patients,
            settings,
            size=size,
            workers=workers,
            resume=resume,
            force=force,
            display=display,
        )
    if made.already_finished:
        typer.echo(f"The hospital in {out} is finished; nothing was left to do.")
    counts = made.counts
    typer.echo(
        f"{counts['patients']:,} patients, {counts['studies']:,} studies and reports: "
        f"{counts['films']:,} frontal and {counts['laterals']:,} lateral films, "
        f"{counts['boxes']:,} boxes."
    )
    cheap = made.cheap
    if cheap.images < ENOUGH or cheap.mean != cheap.mean:
        typer.echo(f"Cheap looks: not measured on {cheap.images:,} images, {ENOUGH} are the least.")
    else:
        typer.echo(
            f"Cheap looks, mean AUC over findings on these {cheap.images:,} images (5 folds of "
            f"patients): {cheap.mean:.3f} by the global mean (wanted: at most {LIMITS[0]:.2f}), "
            f"{cheap.thumbnail:.3f} by thumbnails of 16 × 16 (at most {LIMITS[1]:.2f})."
        )
    typer.echo(
        f"Films: {out / 'dicom'}; reports: {out / 'reports.csv'}; truth: {out / 'truth.csv'}"
    )
    return 0


def _prevalences(texts: list[str]) -> dict[str, float]:
    from cxrmine.errors import UserError
    from cxrmine.phantom.hospital import PREVALENCES

    shares: dict[str, float] = {}
    for text in texts:
        finding, equals, share = text.partition("=")
        try:
            value = float(share)
        except ValueError:
            value = float("nan")
        if not equals or value != value:
            raise UserError(
                f"--prevalence {text!r}: write FINDING=SHARE, as Nodule=0.2; the findings are "
                f"{', '.join(PREVALENCES)}."
            )
        if finding.strip() in shares:
            raise UserError(
                f"--prevalence names {finding.strip()} twice; give one share a finding."
            )
        shares[finding.strip()] = value
    return shares
