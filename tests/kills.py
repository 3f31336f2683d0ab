"""Runs killed outright at a given step that they take on the disk."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

#: What Python says before it changes something on a disk (PEP 578).
STEPS = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"})


def killed(work: Callable[[], object]) -> bool:
    """Do `work` in a child; say whether it was killed rather than finished."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def kill_myself_at(step: int, within: Path | str, *, relative: bool = True) -> None:
    """Kill this process before its n-th step on the disk below `within`.

    `relative` counts paths too that are none of a whole: `shutil.rmtree` names what it removes
    relative to its folder.
    """
    left = step

    def watch(event: str, arguments: tuple) -> None:
        nonlocal left
        if event not in STEPS:
            return
        path = str(arguments[0])
        if path.startswith(str(within)) or (relative and not os.path.isabs(path)):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
