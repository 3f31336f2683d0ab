"""Work on several processes whose results come in the order of the work, whoever did it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from cxrmine.errors import UserError

Work = TypeVar("Work")
Result = TypeVar("Result")


def in_order(
    task: Callable[[Work], Result], work: Iterable[Work], *, workers: int
) -> Iterator[Result]:
    """Yield ``task(one)`` for every piece of work, in its order.

    Parameters
    ----------
    task : callable
        Of a module's top level, so that another process can find it.
    work : iterable
        Pieces that can be pickled; at most two a process wait, so that memory stays flat.
    workers : int
        Processes; 1 does the work here.

    Raises
    ------
    UserError
        With exit status 1 if a process was ended from outside (for want of memory, say).
    """
    if workers <= 1:
        for one in work:
            yield task(one)
        return
    # Spawned, not forked: this process may have threads (torch's, a progress bar's).
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for one in work:
                waiting.append(pool.submit(task, one))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise UserError(
                "a process that draws was ended by the system, perhaps for want of memory; use "
                "fewer --workers and run again.",
                exit_code=1,
            ) from error
        finally:
            for future in waiting:
                future.cancel()


def _start() -> None:
    # Ctrl-C goes to every process of the terminal; the one that collects ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
