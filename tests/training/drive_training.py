"""Runs a training in a process of its own: ``drive_training.py DATASET OUT [KEY=VALUE …]``.

The word ``sweep`` makes it a sweep over two networks.
"""

from __future__ import annotations

import sys
from pathlib import Path

import tiny_model  # registers its networks

from cxrmine.training.run import train
from cxrmine.training.sweep import SweepSettings, run_sweep

if __name__ == "__main__":
    dataset, out, *rest = sys.argv[1:]
    changes = [word for word in rest if "=" in word]
    settings = tiny_model.settings_for(Path(dataset), *changes, checkpoint_minutes=0)
    if "sweep" in rest:
        models = {"model": ("still", "normed")}
        run_sweep(SweepSettings(settings, models, ("split",)), Path(out))
    else:
        train(settings, Path(out))
