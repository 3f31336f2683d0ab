"""The machine with the accelerator has torch, and none of what reads reports and DICOM."""

from __future__ import annotations

import subprocess
import sys

ABSENT = ("spacy", "pydicom", "rapidfuzz", "pydantic", "defusedxml")
MODULES = (
    "cxrmine.training.run",
    "cxrmine.training.results",
    "cxrmine.training.sweep",
    "cxrmine.localization.gradcam",
)


def test_training_and_heat_maps_import_without_them() -> None:
    code = (
        f"import sys; absent = {ABSENT!r}; sys.modules.update(dict.fromkeys(absent)); "
        f"import {', '.join(MODULES)}; sys.exit(any(sys.modules[name] for name in absent))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
