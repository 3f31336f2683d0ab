"""The command line of `build-dataset`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer


def command(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER",
            help="The folder of a public set, as it was unpacked (with --from).",
            show_default=False,
        ),
    ] = None,
    dicom: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="A folder of DICOM files, searched through; may be repeated."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="NAME", help="A public set: nih, chexpert, mimic-cxr-jpg or openi."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the data set; new or empty, else see --resume, --force."
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Private folder for the key and the crosswalk (default: OUT-key, beside OUT).",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="labels.csv", help="Labels of the reports, from mine-labels."),
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Which report belongs to which image: columns report_id and accession, study_uid, "
            "sop_uid or image. Without it a report_id is an accession number or a study UID.",
        ),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Boxes: a folder of XML files (Pascal VOC) or a table like BBox_List_2017.csv.",
        ),
    ] = None,
    fit: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How an image becomes a square: stretch (as ChestX-ray8), pad or crop.",
        ),
    ] = "stretch",
    window: Annotated[
        int, typer.Option(metavar="N", help="Which of a file's windows or VOI LUTs to take.")
    ] = 1,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What train_val_list.txt and test_list.txt are: random, official (the public "
            "set's own, the default where there is one), or a column of --links.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the random splits.")] = 0,
    layout: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A table in another set's layout as well: coco or chexpert; may be repeated.",
        ),
    ] = None,
    tables_only: Annotated[
        bool,
        typer.Option("--tables-only", help="Import a public set's tables without its images."),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(metavar="N", show_default=False, help="Processes that convert (default 1)."),
    ] = 1,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="A Dask scheduler (tcp://HOST:8786) whose workers convert; they must see the "
            "files under the same paths.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue the killed run in --out, or bring its set up to date: only new and "
            "changed files are converted.",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier data set in --out.")
    ] = False,
    verify: Annotated[
        Path | None,
        typer.Option(metavar="DATASET", help="Only compare a finished data set with its manifest."),
    ] = None,
) -> int:
    """Turn DICOM files and labels into a data set without patient identifiers.

    Writes images/*.png (1024×1024, 8-bit grey), Data_Entry.csv in ChestX-ray14's columns,
    labels.csv, BBox_List.csv, splits by patient, dataset_card.md with figures, lists of what was
    set aside or failed, and manifest.csv to --out. Who is who stays in the private folder --key.
    Needs the extra [dicom]. Exit status: 0 done, 1 some files failed, 2 wrong usage.

    Example, with the sample reports and DICOM files that come with cxrmine:

    \b
      S=$(python -c "from cxrmine.resources import samples_dir; print(samples_dir())")
      mine-labels "$S/reports.csv" --out run
      build-dataset --dicom "$S/dicom" --labels run/labels.csv --out dataset
      build-dataset --verify dataset
    """
    from cxrmine.errors import UserError

    if workers < 1:
        raise UserError(f"--workers {workers}: at least 1 has to do the work.")
    if verify is not None:
        if out is not None or dicom or source is not None or folders:
            raise UserError("--verify only compares a finished data set; leave the rest out.")
        return _verify(verify, workers)
    if out is None:
        raise UserError("no output folder given; name one with --out DIR.")
    if resume and force:
        raise UserError("--resume and --force exclude each other; give one of them.")
    settings = _settings(
        folders or [],
        dicom or [],
        source,
        labels,
        links,
        boxes,
        fit,
        window,
        split,
        seed,
        layout or [],
        tables_only,
    )
    if not tables_only:
        _check_extra()

    from cxrmine.dataset.build import build, default_key_folder

    private = key or default_key_folder(out)
    outcome = build(
        settings, out, key=private, workers=workers, dask=dask, resume=resume, force=force
    )
    if outcome.already_finished:
        typer.echo(f"The data set in {out} is up to date; nothing was left to do.")
    for line in _told(outcome, out, private):
        typer.echo(line)
    return 1 if outcome.record["counts"]["failures"] else 0


def _settings(
    folders: list[Path],
    dicom: list[Path],
    source: str | None,
    labels: Path | None,
    links: Path | None,
    boxes: Path | None,
    fit: str,
    window: int,
    split: str | None,
    seed: int,
    layouts: list[str],
    tables_only: bool,
) -> Any:
    """Return the settings of a build, or say which option is wrong."""
    from cxrmine.dataset.settings import (
        DICOM,
        FITS,
        LAYOUTS,
        OFFICIAL,
        RANDOM,
        BuildSettings,
    )
    from cxrmine.dataset.sources.registry import NAMES
    from cxrmine.errors import UserError

    if source is None:
        if folders:
            raise UserError(
                "a folder without --from; name DICOM files with --dicom DIR, or say which public "
                f"set the folder holds: --from {', '.join(NAMES)}."
            )
        if not dicom:
            raise UserError(
                "nothing to build from; name DICOM files with --dicom DIR, or a public set with "
                f"--from NAME FOLDER (NAME is one of {', '.join(NAMES)})."
            )
        if tables_only:
            raise UserError("--tables-only is for public sets; give --from NAME FOLDER with it.")
        inputs = tuple(dicom)
    else:
        if source not in NAMES:
            raise UserError(f"--from {source!r} is no set that cxrmine knows: {', '.join(NAMES)}.")
        # Whoever types --from nih --dicom DIR means the same folder.
        inputs = tuple(folders) + tuple(dicom)
        if len(inputs) != 1:
            raise UserError(
                f"--from {source} needs one folder, that of the set: {len(inputs)} given."
            )
    for path in inputs:
        if not path.exists():
            raise UserError(f"{str(path)!r} does not exist; check the path.")
    for option, table in (("--labels", labels), ("--links", links), ("--boxes", boxes)):
        if table is not None and not table.exists():
            raise UserError(f"{option} {str(table)!r} does not exist; check the path.")
    if fit not in FITS:
        raise UserError(f"--fit {fit!r} does not exist; use {', '.join(FITS)}.")
    if window < 1:
        raise UserError(f"--window {window}: windows count from 1.")
    if seed < 0:
        raise UserError(f"--seed {seed}: write a whole number of 0 or more.")
    if unknown := [name for name in layouts if name not in LAYOUTS]:
        raise UserError(f"--layout {unknown[0]!r} does not exist; use {', '.join(LAYOUTS)}.")
    if tables_only and boxes is not None:
        raise UserError("--boxes needs the images, which --tables-only leaves out; drop one.")
    if split not in (None, RANDOM, OFFICIAL) and links is None:
        raise UserError(
            f"--split {split!r} is a column of a --links table, and none is given; give one, or "
            f"use {RANDOM} or {OFFICIAL}."
        )
    if split == OFFICIAL and source is None:
        raise UserError("--split official is for public sets; use random, or a column of --links.")
    if links is not None and labels is None and split in (None, RANDOM, OFFICIAL):
        raise UserError("--links says which report an image has; give the reports' --labels too.")
    return BuildSettings(
        folders=inputs,
        source=source or DICOM,
        labels=labels,
        links=links,
        boxes=boxes,
        fit=fit,
        window=window,
        split=split,
        seed=seed,
        layouts=tuple(dict.fromkeys(layouts)),
        tables_only=tables_only,
    )


def _check_extra() -> None:
    """Say at once if the extra [dicom] is missing, not at the first file."""
    from importlib.util import find_spec

    from cxrmine.errors import UserError

    missing = [name for name in ("pydicom", "cv2") if find_spec(name) is None]
    if missing:
        raise UserError(
            "build-dataset needs the extra [dicom]; install it with: pip install 'cxrmine[dicom]'"
        )


def _verify(folder: Path, workers: int) -> int:
    """Compare a data set with its manifest and tell what differs."""
    from cxrmine.dataset.manifest import read_manifest, verify
    from cxrmine.errors import UserError
    from cxrmine.runs.progress import open_progress

    try:
        count = len(read_manifest(folder))
    except UserError as error:
        raise UserError(f"--verify {str(folder)!r}: {error}") from error
    with open_progress("Comparing", "compared", "files") as display:
        differences = verify(
            folder,
            workers=workers,
            on_file=lambda done, of: display.update(read=of, done=done, all_read=True),
        )
    shown = 20
    for path, what in differences[:shown]:
        typer.echo(f"{what}: {path}")
    if len(differences) > shown:
        typer.echo(f"… and {len(differences) - shown:,} more")
    if differences:
        typer.echo(
            f"{folder} differs from its manifest in {len(differences):,} of {count:,} files."
        )
        return 1
    typer.echo(f"{folder} is as it was built: all {count:,} files of its manifest are unchanged.")
    return 0


def _count(number: int, thing: str, things: str = "") -> str:
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def _told(outcome: Any, out: Path, private: Path) -> list[str]:
    """Return the closing lines: numbers and files, nothing that names a patient."""
    counts: Mapping[str, Any] = outcome.record["counts"]
    lines = []
    if not outcome.already_finished:
        kept = f", {outcome.kept:,} kept from before" if outcome.kept else ""
        read = f"{_count(counts['files'], 'file')} ({outcome.converted_now:,} read{kept})"
        if outcome.record["settings"]["tables_only"]:
            read = "Tables only"
        lines.append(
            f"{read}: {_count(counts['images'], 'image')} of "
            f"{_count(counts['patients'], 'patient')}, "
            f"{counts['set_aside']:,} set aside, {counts['failures']:,} failed."
        )
    links = counts["links"]
    if links:
        lines.append(
            f"{links['images with a report']:,} images have the labels of a report; "
            f"{links['images without a report']:,} images and "
            f"{links['reports without an image']:,} reports have no counterpart"
            + (
                f" (see {out / 'unlinked.csv'})."
                if links["images without a report"] or links["reports without an image"]
                else "."
            )
        )
    if counts["boxes"] or counts["boxes_left_out"]:
        left_out = counts["boxes_left_out"]
        lines.append(
            _count(counts["boxes"], "box", "boxes")
            + (f", {left_out:,} left out (see {out / 'warnings.csv'})." if left_out else ".")
        )
    if counts["failures"]:
        lines.append(f"What failed, and why: {out / 'failures.csv'}")
    lines.append(f"The data set and its card: {out / 'dataset_card.md'}")
    lines.append(f"Who is who (PRIVATE, do not publish): {private}")
    return lines
