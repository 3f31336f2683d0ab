"""Fixtures that tests of several folders share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cxrmine import Labeler

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data that is not part of the project (``$CXRMINE_DATA``)."""
    path = Path(os.environ.get("CXRMINE_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"no real data at {path} (set CXRMINE_DATA to its folder)")
    return path


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium or Chrome that can run headless (``$CXRMINE_CHROMIUM`` wins)."""
    names = (os.environ.get("CXRMINE_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    for name in names:
        if name and (found := shutil.which(name)):
            return found
    pytest.skip("no Chromium on PATH (Debian: apt-get install chromium; or set CXRMINE_CHROMIUM)")


@pytest.fixture(scope="session")
def labeler() -> Labeler:
    """The default labeler, loaded once for the whole test run."""
    from cxrmine import Labeler

    return Labeler.load()
