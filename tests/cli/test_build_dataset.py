"""The command line of build-dataset: what a user types and sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrmine.cli.main import build_app, run
from cxrmine.resources import samples_dir

pytest.importorskip("pydicom", reason="the extra [dicom] is not installed")
pytest.importorskip("cv2", reason="the extra [dicom] is not installed")


def call(*arguments: object) -> int:
    return run(build_app("build-dataset"), "build-dataset", [str(a) for a in arguments])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cli") / "set"
    assert call("--dicom", samples_dir() / "dicom", "--out", out) == 0
    return out


def test_it_tells_numbers_and_places(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--dicom", samples_dir() / "dicom", "--out", dataset, "--resume") == 0
    told = capsys.readouterr().out
    assert "is up to date" in told
    assert f"{dataset / 'dataset_card.md'}" in told
    assert f"{dataset}-key" in told


def test_verify(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--verify", dataset) == 0
    assert "as it was built" in capsys.readouterr().out
    stray = dataset / "stray.txt"
    stray.write_text("")
    try:
        assert call("--verify", dataset) == 1
    finally:
        stray.unlink()
    assert "surplus: stray.txt" in capsys.readouterr().out


def test_verify_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--verify", tmp_path) == 2
    assert "no manifest.csv" in capsys.readouterr().err


WRONG = [
    (["--out", "OUT"], "nothing to build from"),
    (["--dicom", "DICOM"], "no output folder"),
    (["DICOM", "--out", "OUT"], "a folder without --from"),
    (["--dicom", "nowhere", "--out", "OUT"], "does not exist"),
    (["--from", "nihh", "DICOM", "--out", "OUT"], "no set that cxrmine knows"),
    (["--from", "nih", "--out", "OUT"], "needs one folder"),
    (["--from", "nih", "DICOM", "--out", "OUT"], "Data_Entry"),
    (["--dicom", "DICOM", "--out", "OUT", "--fit", "squash"], "stretch, pad, crop"),
    (["--dicom", "DICOM", "--out", "OUT", "--window", "0"], "count from 1"),
    (["--dicom", "DICOM", "--out", "OUT", "--layout", "voc"], "coco, chexpert"),
    (["--dicom", "DICOM", "--out", "OUT", "--split", "official"], "for public sets"),
    (["--dicom", "DICOM", "--out", "OUT", "--split", "fold"], "--links"),
    (["--dicom", "DICOM", "--out", "OUT", "--tables-only"], "for public sets"),
    (["--dicom", "DICOM", "--out", "OUT", "--labels", "nowhere.csv"], "does not exist"),
    (["--dicom", "DICOM", "--out", "OUT", "--workers", "0"], "at least 1"),
    (["--dicom", "DICOM", "--out", "OUT", "--resume", "--force"], "exclude each other"),
    (["--dicom", "DICOM", "--out", "OUT", "--resume"], "no run to resume"),
    (["--dicom", "DICOM", "--out", "OUT", "--key", "OUT/key"], "inside --out"),
    (["--dicom", "", "--out", "OUT"], "an argument is empty"),
    (["--dicom", "DICOM", "--out", "OUT", "--dask", "localhost"], "tcp://HOST:8786"),
    (["--dicom", "DICOM", "--out", "OUT", "--boxes", "DICOM"], "--boxes"),
    (["--verify", "DICOM", "--out", "OUT"], "leave the rest out"),
    (["--dicom", "DICOM", "--out", "OUT", "--dask", "tcp://127.0.0.1:9"], "no Dask scheduler"),
]


@pytest.mark.parametrize(("typed", "said"), WRONG)
def test_a_mistake_gets_one_sentence_and_leaves_nothing(
    typed: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    if "no run to resume" in said:
        out.mkdir()
        (out / "mine.txt").write_text("")
    places = {"DICOM": str(samples_dir() / "dicom"), "OUT": str(out), "OUT/key": str(out / "key")}
    before = sorted(tmp_path.rglob("*"))
    assert call(*(places.get(word, word) for word in typed)) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    left = [p for p in sorted(tmp_path.rglob("*")) if p not in before]
    assert [p for p in left if "set-key" not in p.as_posix()] == []


def test_from_and_dicom_mean_the_same_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Neither holds ChestX-ray14, which is what the message says of both.
    assert call("--from", "nih", "--dicom", tmp_path, "--out", tmp_path / "a") == 2
    by_option = capsys.readouterr().err
    assert call("--from", "nih", tmp_path, "--out", tmp_path / "a") == 2
    assert capsys.readouterr().err == by_option
