"""The wheel holds all that the package needs at run time, and nothing else.

`.ci/run` goes further: it installs the wheel into an empty environment outside the checkout.
"""

from __future__ import annotations

import email
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import cxrmine

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "cxrmine"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling", reason="hatchling is not installed (extra dev)")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("cxrmine-*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(archive.read(name))


def files_below(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("folder", ["rules", "vocab"])
def test_wheel_carries_every_data_file(names, folder):
    wanted = files_below(ROOT / folder)
    assert wanted
    assert {f"cxrmine/_data/{folder}/{name}" for name in wanted} <= names


def test_wheel_carries_the_whole_package(names):
    assert {f"cxrmine/{name}" for name in files_below(PACKAGE)} <= names
    assert "cxrmine/py.typed" in names
    assert "cxrmine/samples/reports.csv" in names


def test_wheel_carries_the_parser_with_its_licences(names):
    parser = {n for n in names if n.startswith("cxrmine/language/models/en_cxrmine_ud/")}
    assert any(n.endswith("/meta.json") for n in parser)
    assert any(n.endswith("/parser/model") for n in parser)
    assert any("LICENSE" in n or "NOTICE" in n for n in parser)


def test_wheel_holds_nothing_else(names):
    strangers = {n for n in names if n.split("/")[0] not in {"cxrmine", *info_folders(names)}}
    assert not strangers
    assert not {n for n in names if "__pycache__" in n or n.endswith((".pyc", ".parquet"))}


def info_folders(names):
    return {n.split("/")[0] for n in names if ".dist-info/" in n}


def test_wheel_is_small(wheel):
    assert wheel.stat().st_size < 20 * 2**20


def test_metadata(metadata, names):
    assert metadata["Name"] == "cxrmine"
    assert metadata["Version"] == cxrmine.__version__
    assert {"dicom", "train", "scispacy", "dask", "dev"} <= set(metadata.get_all("Provides-Extra"))
    assert any(n.endswith(".dist-info/licenses/LICENSE") for n in names)


def test_core_install_is_light(metadata):
    core = [r for r in metadata.get_all("Requires-Dist") if "extra ==" not in r]
    # matplotlib is there for the figures of cluster-clauses.
    heavy = ("pandas", "torch", "scipy", "scikit-learn", "numba", "nltk", "dask", "pydicom")
    assert not [r for r in core if r.startswith(heavy)]


def test_unpacked_wheel_labels_a_report(wheel, tmp_path):
    # Away from the checkout, and ahead of an editable install on the path.
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "import cxrmine; print(cxrmine.__file__); "
        "report = cxrmine.Labeler.load().label('Small left effusion. No pneumothorax.'); "
        "print(sorted((m.finding, m.status) for m in report.mentions))"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    where, found = done.stdout.splitlines()
    assert Path(where).is_relative_to(tmp_path)
    assert "('Effusion', 'present')" in found
    assert "('Pneumothorax', 'absent')" in found
