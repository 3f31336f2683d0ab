"""How a run that cannot go on ends: with one sentence, and with how to continue it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cxrmine.errors import UserError
from cxrmine.runs.executors import WorkersLost

EXIT_INTERRUPTED = 130
#: What the system says where nothing more can be written.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def endings_told(
    out: Path, how_to_go_on: Callable[[], str], *, also: Path | None = None
) -> Iterator[None]:
    """Turn what ends a run from outside into a `UserError` that says how to continue.

    Parameters
    ----------
    out : Path
        The run's output folder.
    how_to_go_on : callable
        Returns the second half of the sentence.
    also : Path, optional
        Another folder that the run writes to.

    Raises
    ------
    UserError
        With exit status 130 after Ctrl-C, with 1 if the workers died or the disk is full.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise UserError(f"interrupted; {how_to_go_on()}", exit_code=EXIT_INTERRUPTED) from error
    except WorkersLost as error:
        raise UserError(f"{error}; {how_to_go_on()}", exit_code=1) from error
    except OSError as error:
        if error.errno not in FULL:
            raise
        places = " or ".join(repr(str(place)) for place in (out, also) if place is not None)
        what = "lets no file grow larger (ulimit -f)" if error.errno == errno.EFBIG else "is full"
        raise UserError(
            f"the disk that holds {places} {what}; make room; {how_to_go_on()}", exit_code=1
        ) from error
