"""TensorBoard files: its wire format, itself where it is, and a resumed one has the same bytes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from read_events import Entry, read_events

from cxrmine.training.event_file import NAME, EventFile, crc32c


def test_checksum() -> None:
    # RFC 3720, appendix B.4
    assert crc32c(b"\x00" * 32) == 0x8A9136AA
    assert crc32c(bytes(range(32))) == 0x46DD794E


def _written(folder: Path) -> bytes:
    """Write three losses, an AUC and a picture; return the picture."""
    buffer = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8)).save(buffer, format="PNG")
    events = EventFile(folder / NAME)
    for step, loss in enumerate((0.5, 0.25, 1e-30)):
        events.scalar("train/loss", loss, 200 * step)
    events.scalar("val AUC/Pleural_Thickening", 0.75, 600)
    events.image("first", buffer.getvalue(), 8, 6, 0)
    events.close()
    return buffer.getvalue()


def test_it_has_tensorboards_format(tmp_path: Path) -> None:
    picture = _written(tmp_path)
    assert read_events(tmp_path / NAME) == [
        Entry(0, "train/loss", 0.5),
        Entry(200, "train/loss", 0.25),
        Entry(400, "train/loss", float(np.float32(1e-30))),
        Entry(600, "val AUC/Pleural_Thickening", 0.75),
        Entry(0, "first", (8, 6, picture)),
    ]


def test_tensorboard_reads_it(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    picture = _written(tmp_path)
    read = accumulator.EventAccumulator(str(tmp_path))
    read.Reload()
    losses = [(entry.step, entry.value) for entry in read.Scalars("train/loss")]
    assert losses == [(0, 0.5), (200, 0.25), (400, pytest.approx(1e-30))]
    assert read.Scalars("val AUC/Pleural_Thickening")[0].value == 0.75
    (image,) = read.Images("first")
    assert (image.width, image.height) == (8, 6)
    assert image.encoded_image_string == picture


def test_a_resumed_file_is_the_same(tmp_path: Path) -> None:
    whole = EventFile(tmp_path / "whole")
    for step in range(5):
        whole.scalar("loss", step / 3, step)
    whole.close()
    killed = EventFile(tmp_path / "killed")
    for step in range(3):
        killed.scalar("loss", step / 3, step)
    size = killed.size
    killed.scalar("loss", 99.0, 3)  # after the checkpoint: done again by the next start
    killed.close()
    again = EventFile(tmp_path / "killed", size)
    for step in range(3, 5):
        again.scalar("loss", step / 3, step)
    again.close()
    assert (tmp_path / "killed").read_bytes() == (tmp_path / "whole").read_bytes()
