"""Where bfloat16 is computed in: asked of the processor, never of a GPU that is not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from drawn_set import draw_set
from tiny_model import contents, settings_for

from cxrmine.errors import UserError
from cxrmine.training.batches import Batches
from cxrmine.training.precision import computed_in, in_half
from cxrmine.training.run import train

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 3)


def _able(monkeypatch: pytest.MonkeyPatch, **words: object) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: words, raising=False)


@pytest.mark.parametrize("word", ["avx512_bf16", "amx_bf16", "bf16"])
def test_a_processor_that_can(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    _able(monkeypatch, **{word: True})
    assert in_half(CPU, "bf16")
    assert not in_half(CPU, "float32")
    _able(monkeypatch, **{word: False})
    assert not in_half(CPU, "bf16")


def test_a_processor_that_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    _able(monkeypatch, avx2=True, avx512_f=True, architecture="x86_64", amx_tile=True)
    assert not in_half(CPU, "bf16")


def test_a_torch_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not in_half(CPU, "bf16")


def test_a_gpu_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object, **__: object) -> None:
        raise AssertionError("the GPU was asked")

    for name in ("is_available", "device_count", "get_device_capability", "_lazy_init"):
        monkeypatch.setattr(torch.cuda, name, touched)
    monkeypatch.setattr(torch.cpu, "get_capabilities", touched, raising=False)
    assert in_half(CUDA, "bf16")
    assert not in_half(CUDA, "float32")


def test_what_it_means(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = torch.nn.Linear(4, 4), torch.randn(2, 4)
    with computed_in(CPU, True):
        assert layer(x).dtype == torch.bfloat16
    with computed_in(CPU, False):
        assert layer(x).dtype == torch.float32


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_set(tmp_path_factory.mktemp("drawn") / "set", patients=20, boxed=False)


CHANGES = ("training.precision=bf16", "training.epochs=2", "model=normed")


def _used(folder: Path) -> str:
    word: str = json.loads((folder / "run.json").read_text())["training"]["precision"]
    return word


@pytest.mark.skipif(not in_half(CPU, "bf16"), reason="this processor has no bfloat16")
def test_a_run_in_bfloat16_goes_on_to_the_bit(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(dataset, *CHANGES, checkpoint_minutes=0)
    train(settings, tmp_path / "whole")
    assert _used(tmp_path / "whole") == "bf16"
    real, given = Batches.epoch, [0]

    def stopping(self: Batches, number: int, start_step: int = 0) -> Iterator[Any]:
        for batch in real(self, number, start_step):
            given[0] += 1
            if given[0] == 4:
                raise KeyboardInterrupt
            yield batch

    with monkeypatch.context() as patched:
        patched.setattr(Batches, "epoch", stopping)
        with pytest.raises(UserError, match="interrupted"):
            train(settings, tmp_path / "run")
    train(settings, tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")
    plain = settings_for(dataset, *CHANGES[1:], "training.precision=float32")
    train(plain, tmp_path / "plain")
    assert _used(tmp_path / "plain") == "float32"
    model = "model.safetensors"
    assert (tmp_path / "plain" / model).read_bytes() != (tmp_path / "run" / model).read_bytes()


def test_a_run_on_another_processor_says_so(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _able(monkeypatch, avx2=True)
    train(settings_for(dataset, *CHANGES, "training.epochs=1"), tmp_path / "run")
    assert _used(tmp_path / "run") == "float32"
