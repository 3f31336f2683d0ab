"""A labelling process does not pay for torch; what has it keeps it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cxrmine.language.without_torch import torch_hidden


def test_it_can_be_imported_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with torch_hidden(), pytest.raises(ImportError):
        import torch  # noqa: F401
    assert "torch" not in sys.modules


def test_what_is_imported_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = object()
    monkeypatch.setitem(sys.modules, "torch", mark)
    with torch_hidden():
        assert sys.modules["torch"] is mark
    assert sys.modules["torch"] is mark


def test_mine_labels_does_not_import_it(tmp_path: Path) -> None:
    (tmp_path / "reports.csv").write_text("report_id,text\na,No effusion. Small nodule.\n")
    program = (
        "import sys\n"
        "from cxrmine.cli.main import build_app, run\n"
        f"run(build_app('mine-labels'), 'x', [{str(tmp_path / 'reports.csv')!r}, '--out', "
        f"{str(tmp_path / 'out')!r}])\n"
        "assert 'spacy' in sys.modules\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert (tmp_path / "out" / "labels.csv").is_file()
