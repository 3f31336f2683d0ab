"""Where the work on chunks happens: in this process, in processes of ours, on a Dask cluster.

All three take a function and its arguments and give a future; the code that cuts, collects and
merges does not know which one it has.
"""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from cxrmine.errors import UserError
from cxrmine.runs.work import ONE_THREAD, prepare_process
from cxrmine.tables import write_private

Result = TypeVar("Result")


class WorkersLost(RuntimeError):
    """The processes or the cluster that did the work have gone; the message is for the user."""


class Executor(Protocol):
    """What a run needs of the place where its chunks are labelled."""

    @property
    def limit(self) -> int:
        """Tasks that may be under way at once, so that memory stays flat."""

    @property
    def elsewhere(self) -> bool:
        """Whether tasks run beside this process, so that it can read on meanwhile."""

    @property
    def to_start(self) -> int:
        """Processes of this run's own that have yet to start when the first task comes."""

    def submit(self, task: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Start a task."""

    def result(self, future: Future[Result]) -> Result:
        """Return a task's result; raise `WorkersLost` if nobody is left to make it."""

    def close(self, *, abandon: bool) -> None:
        """Let go of the workers, finishing no more work if `abandon`."""


class Here:
    """One worker: this process. A task runs when it is submitted."""

    limit = 1
    elsewhere = False
    to_start = 0

    def submit(self, task: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Run the task."""
        future: Future[Result] = Future()
        try:
            future.set_result(task(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def result(self, future: Future[Result]) -> Result:
        """Return the result."""
        return future.result()

    def close(self, *, abandon: bool) -> None:
        """Do nothing: there is nobody to let go."""


class Processes:
    """Processes of our own, started afresh (not forked: this process may have threads).

    A result of bytes comes back through a file in `scratch`. Through the pool's pipe only its
    name comes, which the system writes in one step: of a process that is ended (or killed for
    want of memory) while it hands over a large result, half of a message would stay in the pipe,
    and the pool would wait for the other half for ever.
    """

    elsewhere = True

    def __init__(self, workers: int, scratch: Path) -> None:
        self._scratch = scratch
        self._workers = workers
        self.limit = 2 * workers
        self.to_start = workers
        self._pool = ProcessPoolExecutor(
            workers, mp_context=multiprocessing.get_context("spawn"), initializer=prepare_process
        )

    def submit(self, task: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Hand the task to a process."""
        try:
            # Ctrl-C goes to every process of the terminal. One that is just starting inherits
            # the blocked signal, and so does not end in a traceback; it ignores it later on.
            with _interrupts_blocked():
                future = self._pool.submit(_leave_bytes_in_file, self._scratch, task, arguments)
        except BrokenProcessPool as error:
            raise WorkersLost(_WORKER_DIED) from error
        return cast("Future[Result]", future)

    def result(self, future: Future[Result]) -> Result:
        """Wait for the result."""
        try:
            result = future.result()
        except BrokenProcessPool as error:
            raise WorkersLost(_WORKER_DIED) from error
        if isinstance(result, _InFile):
            data = result.path.read_bytes()
            result.path.unlink()
            return cast(Result, data)
        return result

    def again(self) -> Processes:
        """Return as many processes anew, after these were lost."""
        return Processes(self._workers, self._scratch)

    def close(self, *, abandon: bool) -> None:
        """End the processes, at once if `abandon`."""
        children = multiprocessing.active_children() if abandon else []
        self._pool.shutdown(wait=not abandon, cancel_futures=True)
        for child in children:
            child.terminate()


@dataclass(frozen=True, slots=True)
class _InFile:
    """Where a task's result lies."""

    path: Path


_results_left = itertools.count()


def _leave_bytes_in_file(
    scratch: Path, task: Callable[..., Any], arguments: tuple[Any, ...]
) -> Any:
    """Run a task in a worker process; write a result of bytes to a file of its own."""
    result = task(*arguments)
    if not isinstance(result, bytes):
        return result
    # Results hold what reports and headers say.
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = scratch / f"{os.getpid()}-{next(_results_left)}"
    write_private(path, result)
    return _InFile(path)


class Dask:
    """The workers of an existing Dask cluster, which need only the installed package."""

    elsewhere = True
    to_start = 0

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise UserError(
                "--dask needs the extra [dask]; install it with: pip install 'cxrmine[dask]'"
            ) from error
        if "://" not in address:
            raise UserError(
                f"{address!r} is no address of a Dask scheduler, which looks like tcp://HOST:8786."
            )
        _silence("distributed", "tornado")
        try:
            self._client = Client(address, timeout="10s", set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise UserError(
                f"no Dask scheduler answers at {address!r}; check the address, which "
                "looks like tcp://HOST:8786."
            ) from error
        if not self._threads():
            self._client.close()
            raise UserError(
                f"the Dask scheduler at {address!r} has no workers; start some with: "
                f"dask worker {address}"
            )
        # Each task is to run even where another one has the same arguments.
        self._executor = self._client.get_executor(pure=False)

    @property
    def limit(self) -> int:
        """Two tasks for each thread that the cluster has now."""
        return max(2, 2 * self._threads())

    def _threads(self) -> int:
        return sum(self._client.nthreads().values())

    def submit(self, task: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Hand the task to the cluster."""
        try:
            future: Future[Result] = self._executor.submit(task, *arguments)
        except (OSError, RuntimeError) as error:
            raise WorkersLost(_CLUSTER_GONE) from error
        return future

    def result(self, future: Future[Result]) -> Result:
        """Wait for the result."""
        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError

        try:
            return future.result()
        except KilledWorker as error:
            raise WorkersLost(
                "the Dask workers died again and again on the same chunk, often for want of memory"
            ) from error
        except (CancelledError, CommClosedError) as error:
            raise WorkersLost(_CLUSTER_GONE) from error
        except ModuleNotFoundError as error:
            raise UserError(
                f"a Dask worker lacks the module {error.name!r}; install cxrmine on every worker."
            ) from error

    def close(self, *, abandon: bool) -> None:
        """Leave the cluster; it runs on."""
        self._executor.shutdown(wait=False)
        self._client.close(timeout=2 if abandon else 10)


_WORKER_DIED = (
    "a worker process died, often for want of memory; try fewer --workers if it does so again"
)
_CLUSTER_GONE = "the Dask cluster has gone or has given the work up"


def open_executor(workers: int, dask: str | None, scratch: Path) -> Executor:
    """Return the executor for ``--workers`` and ``--dask``.

    Processes of ours leave results in the folder `scratch`, made when it is needed.

    Raises
    ------
    UserError
        If the cluster cannot be reached or has no workers.
    """
    # Before any numeric library is imported, here or in a process that inherits it.
    os.environ.update(ONE_THREAD)
    if dask is not None:
        return Dask(dask)
    return Here() if workers == 1 else Processes(workers, scratch)


def _silence(*packages: str) -> None:
    """Keep packages from logging tracebacks of what we tell the user in a sentence."""
    for name in [*packages, *logging.root.manager.loggerDict]:
        if name.split(".")[0] in packages:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
