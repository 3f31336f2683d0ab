from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cxrmine.dataset.sources.registry import NAMES, read_source
from cxrmine.errors import UserError
from made_public_sets import NIH_2020, image, write


def test_names() -> None:
    assert NAMES == ("nih", "chexpert", "mimic-cxr-jpg", "openi")


def test_unknown_set_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"padchest.*nih, chexpert, mimic-cxr-jpg, openi"):
        read_source("padchest", tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_folder_that_is_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_source(name, tmp_path / "nowhere")
    (tmp_path / "file.zip").write_bytes(b"x")
    with pytest.raises(UserError, match="is a file"):
        read_source(name, tmp_path / "file.zip")
    with pytest.raises(UserError, match=r"unpacked"):
        read_source(name, tmp_path)


def test_tables_without_images_are_asked_for(tmp_path: Path) -> None:
    header = NIH_2020 + "\n"
    rows = [f"0000000{n}_000.png,Mass,0,{n},50,M,PA,1,1,1,1\n" for n in (1, 2)]
    write(tmp_path / "Data_Entry_2017_v2020.csv", header + "".join(rows))
    with pytest.raises(UserError, match=r"none of its images; unpack them there, or .*tables-only"):
        read_source("nih", tmp_path)
    assert len(read_source("nih", tmp_path, tables_only=True).images) == 2
    image(tmp_path / "images" / "00000002_000.png")
    found = read_source("nih", tmp_path)
    assert found.missing == 1
    assert found.problems[0].startswith("1 of the 2 images of the tables have no file")


def test_needs_none_of_the_image_libraries() -> None:
    code = (
        "import sys\n"
        "for name in ('pydicom', 'cv2', 'pydantic', 'defusedxml'): sys.modules[name] = None\n"
        "from cxrmine.dataset.sources import chexpert, mimic_cxr_jpg, nih, openi, registry\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
