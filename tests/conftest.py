"""Fixtures that tests of several folders share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from cxrmine import Labeler

ROOT = Path(__file__).resolve().parent.parent

# No deadline: the machine may be busy.
settings.register_profile("cxrmine", deadline=None)
settings.load_profile("cxrmine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: by two processes, the other then does all the rest."""
    items.sort(key=lambda item: "end_to_end" not in item.path.parts)


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
