"""The console scripts: ``cxrmine COMMAND``, and each command under its own name.

Every command goes through `run`, which turns whatever it raises into one sentence on standard
error and an exit status. Rich's help and tracebacks are off: they double the time that
``--help`` takes, and a traceback that shows local variables would show patient text.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from cxrmine import __version__
from cxrmine.errors import UserError

#: The commands, in the order of the work; each is `command` in the module named beside it.
COMMANDS = {
    "mine-labels": "cxrmine.cli.mine_labels",
    "evaluate-labels": "cxrmine.cli.evaluate_labels",
    "cluster-clauses": "cxrmine.cli.cluster_clauses",
    "build-dataset": "cxrmine.cli.build_dataset",
    "make-phantom": "cxrmine.cli.make_phantom",
    "train-baseline": "cxrmine.cli.train_baseline",
    "evaluate-classifier": "cxrmine.cli.evaluate_classifier",
    "evaluate-boxes": "cxrmine.cli.evaluate_boxes",
}

EXIT_USAGE = 2
EXIT_BUG = 70  # sysexits.h's EX_SOFTWARE: not 1, which says that only some inputs failed
EXIT_INTERRUPTED = 130

# Recent Typer carries its own copy of Click, older ones import it: this is the base of both's
# usage errors.
_ClickException: type[Any] = next(
    c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"
)


def main() -> None:
    """Run ``cxrmine COMMAND``."""
    _exit_with(build_app(), "cxrmine")


def mine_labels() -> None:
    """Run ``mine-labels``."""
    _exit_with(build_app("mine-labels"), "mine-labels")


def evaluate_labels() -> None:
    """Run ``evaluate-labels``."""
    _exit_with(build_app("evaluate-labels"), "evaluate-labels")


def cluster_clauses() -> None:
    """Run ``cluster-clauses``."""
    _exit_with(build_app("cluster-clauses"), "cluster-clauses")


def build_dataset() -> None:
    """Run ``build-dataset``."""
    _exit_with(build_app("build-dataset"), "build-dataset")


def train_baseline() -> None:
    """Run ``train-baseline``."""
    _exit_with(build_app("train-baseline"), "train-baseline")


def make_phantom() -> None:
    """Run ``make-phantom``."""
    _exit_with(build_app("make-phantom"), "make-phantom")


def evaluate_classifier() -> None:
    """Run ``evaluate-classifier``."""
    _exit_with(build_app("evaluate-classifier"), "evaluate-classifier")


def evaluate_boxes() -> None:
    """Run ``evaluate-boxes``."""
    _exit_with(build_app("evaluate-boxes"), "evaluate-boxes")


def build_app(only: str | None = None) -> typer.Typer:
    """Return the app of all commands, or of the one called `only`."""
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=only is None,
    )
    if only is None:
        app.callback()(_about)
    for name, module in COMMANDS.items():
        if only in (None, name):
            app.command(name)(import_module(module).command)
    return app


def run(app: Callable[..., Any], program: str, arguments: list[str] | None = None) -> int:
    """Run `app` on `arguments` (default: ``sys.argv[1:]``) and return its exit status.

    Parameters
    ----------
    app : Callable
        A Typer app.
    program : str
        The name that the messages start with.
    arguments : list of str, optional
        The command line without the program's name.

    Returns
    -------
    int
        0 done, 1 some inputs failed, 2 wrong usage or a `UserError`'s own status, 130
        interrupted, 70 a bug in cxrmine.
    """
    typed = sys.argv[1:] if arguments is None else arguments
    if "" in typed:
        # An empty path would be taken for the folder that one stands in.
        message = "an argument is empty; is a variable of the shell not set?"
        return _fail(program, message, EXIT_USAGE)
    try:
        result = app(args=typed, prog_name=program, standalone_mode=False)
    except UserError as error:
        return _fail(program, str(error), error.exit_code)
    except _ClickException as error:
        return _fail(program, *_usage_message(error, program))
    except (KeyboardInterrupt, typer.Abort):
        result = EXIT_INTERRUPTED
    except OSError as error:
        if error.strerror is None:
            return _fail(program, _bug_message(error), EXIT_BUG)
        return _fail(program, _system_message(error, typed), EXIT_USAGE)
    except Exception as error:
        return _fail(program, _bug_message(error), EXIT_BUG)
    if result == EXIT_INTERRUPTED:  # newer Typer returns this status rather than raise Abort
        return _fail(program, "interrupted; --resume continues a run.", EXIT_INTERRUPTED)
    return result if isinstance(result, int) else 0


def _exit_with(app: Callable[..., Any], program: str) -> None:
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show must not end a command whose work is done.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(app, program))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cxrmine {__version__}")
        raise typer.Exit


def _about(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Turn chest X-ray reports into labels that can be traced, and DICOM files into a data set."""


def _fail(program: str, message: str, status: int) -> int:
    if os.environ.get("CXRMINE_DEBUG") and sys.exc_info()[0] is not None:
        traceback.print_exc()
    if message:
        print(f"{program}: {message}", file=sys.stderr)
    return status


def _usage_message(error: Any, program: str) -> tuple[str, int]:
    context = getattr(error, "ctx", None)
    name = context.command_path if context is not None else program
    if type(error).__name__ == "NoArgsIsHelpError":
        # Its message is the whole help page, which belongs on the screen as it is.
        print(error.format_message(), file=sys.stderr)
        return "", EXIT_USAGE
    message = " ".join(error.format_message().split()).rstrip(".")
    return f"{message[:1].lower()}{message[1:]} (see `{name} --help`).", int(error.exit_code)


def _system_message(error: OSError, typed: list[str]) -> str:
    """Say what the operating system refused, naming no path that the user did not type.

    A file's name below an input folder can hold a patient's identifier, so of the file's path
    only the part that stands on the command line is shown.
    """
    where = ""
    if isinstance(error.filename, str | bytes):
        path = Path(os.fsdecode(error.filename)).absolute()
        for argument in typed:
            if path.is_relative_to(Path(argument).absolute()):
                inside = "" if path == Path(argument).absolute() else "a file in "
                where = f" at {inside}{argument!r}"
    return f"the system refused{where}: {error.strerror}; put that right and start again."


def _bug_message(error: BaseException) -> str:
    """Say where it broke without the exception's own message, which may quote a report."""
    place = "unknown place"
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if "cxrmine" in path.parts:
            place = f"{path.name}:{frame.lineno}"
    return (
        f"this is a bug in cxrmine {__version__} ({type(error).__name__} at {place}): please "
        "report this line; CXRMINE_DEBUG=1 shows the traceback, which may quote a report, so "
        "read it before you pass it on."
    )
