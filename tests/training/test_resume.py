"""A run that was stopped anywhere and continued ends with the bytes of one that was not."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drawn_set import draw_set
from tiny_model import contents, settings_for

from cxrmine.errors import UserError
from cxrmine.training import results
from cxrmine.training.batches import Batches
from cxrmine.training.run import CHECKPOINT, train

CHANGES = ("training.epochs=3", "schedule.kind=cosine", "schedule.warmup=1")
STEPS = 3  # an epoch: 42 images, 16 a step


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Boxes take most of a short run's time, and are drawn after all that can be continued.
    return draw_set(tmp_path_factory.mktemp("drawn") / "set", patients=30, boxed=False)


@pytest.fixture(scope="module")
def whole(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "run"
    train(settings_for(dataset, *CHANGES), out)
    return contents(out)


def _stopping(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("stop_after", [0, 1, STEPS, STEPS + 2, 3 * STEPS - 1])
def test_stopped_within_an_epoch(
    dataset: Path,
    whole: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_after: int,
) -> None:
    real, given = Batches.epoch, [0]

    def stopping(self: Batches, number: int, start_step: int = 0) -> Iterator[Any]:
        for batch in real(self, number, start_step):
            # The first batch of all is also drawn for TensorBoard.
            if given[0] > stop_after:
                raise KeyboardInterrupt
            given[0] += 1
            yield batch

    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(Batches, "epoch", stopping)
        with pytest.raises(UserError, match=r"interrupted; continue with --resume") as caught:
            train(settings_for(dataset, *CHANGES, checkpoint_minutes=0), out)
    assert caught.value.exit_code == 130
    assert {path.name for path in out.iterdir()} == {".parts"}
    assert (out / ".parts" / CHECKPOINT).exists() == (stop_after > 0)
    with pytest.raises(UserError, match="holds an unfinished run"):
        train(settings_for(dataset, *CHANGES), out)
    train(settings_for(dataset, *CHANGES), out, resume=True)
    assert contents(out) == whole


def test_stopped_while_it_wrote_its_results(
    dataset: Path, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(results, "save_model", _stopping)
        with pytest.raises(UserError, match="interrupted"):
            train(settings_for(dataset, *CHANGES), out)
        # Training is over: going on must not train again.
        patched.undo()
        patched.setattr(Batches, "epoch", _stopping)
        train(settings_for(dataset, *CHANGES), out, resume=True)
    assert contents(out) == whole


def test_another_recipe_or_a_damaged_checkpoint_cannot_go_on(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(results, "save_model", _stopping)
        with pytest.raises(UserError, match="interrupted"):
            train(settings_for(dataset, *CHANGES), out)
    with pytest.raises(UserError, match=r"it had other optimizer\.lr"):
        train(settings_for(dataset, *CHANGES, "optimizer.lr=0.5"), out, resume=True)
    checkpoint = out / ".parts" / CHECKPOINT
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    with pytest.raises(UserError, match="cut short or damaged"):
        train(settings_for(dataset, *CHANGES), out, resume=True)
    assert {path.name for path in out.iterdir()} == {".parts"}


def test_killed_outright(dataset: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "run"
    _killed(dataset, out)
    train(settings_for(dataset, *CHANGES), out, resume=True)
    assert contents(out) == whole


def _killed(dataset: Path, out: Path) -> None:
    """Start a run in another process and kill it after its first checkpoint."""
    drive = Path(__file__).with_name("drive_training.py")
    process = subprocess.Popen(
        [sys.executable, str(drive), str(dataset), str(out), *CHANGES],
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 120
    try:
        while not (out / ".parts" / CHECKPOINT).exists():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
