"""The work on one chunk: reports in, a finished part out.

The same function runs here, in a process of a pool and on a Dask worker. It gets bytes and
returns bytes, so that a worker needs neither our file system nor anything but the installed
package, and it loads one labeler a process, once.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import platform
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

import cxrmine
from cxrmine.errors import UserError
from cxrmine.reports.report import Problem, Report
from cxrmine.runs.evidence_data import evidence_line
from cxrmine.runs.parts import MENTION_COLUMNS, Counts, Part, mention_schema, pack_part
from cxrmine.runs.settings import Settings
from cxrmine.runs.spool import unpack
from cxrmine.tables import format_row

if TYPE_CHECKING:
    from cxrmine.labeling.labeler import LabeledReport, Labeler

#: Variables that keep numeric libraries at one thread: the processes are the parallelism, and a
#: pool of threads in each would only make them fight for the cores.
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
)

_CELLS = {1: "1", 0: "0", -1: "-1", None: ""}

Files = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class LabelerSpec:
    """Which labeler a worker loads, and what a part shall hold.

    ``rules`` and ``vocab`` name folders on this machine; ``rules_files`` and ``vocab_files``
    carry their contents to a machine that does not have them (`shipped`).
    """

    schemes: tuple[str, ...]
    parser: str | None = None
    rules: str | None = None
    vocab: str | None = None
    assertion: str = "cxrmine"
    evidence: bool = False
    rules_files: Files | None = None
    vocab_files: Files | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """A loaded labeler: label columns by scheme, and versions and hashes of all that decides."""

    columns: dict[str, tuple[str, ...]]
    fingerprint: dict[str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a worker cannot do its work, in a sentence for the user."""

    message: str


def spec_of(settings: Settings) -> LabelerSpec:
    """Return what a worker must know of `settings`."""
    return LabelerSpec(
        schemes=settings.schemes,
        parser=settings.parser,
        rules=settings.rules,
        vocab=settings.vocab,
        assertion=settings.assertion,
        evidence=settings.evidence,
    )


def shipped(spec: LabelerSpec) -> LabelerSpec:
    """Return `spec` with the contents of the user's own folders in place of their names."""
    return LabelerSpec(
        schemes=spec.schemes,
        parser=spec.parser,
        assertion=spec.assertion,
        evidence=spec.evidence,
        rules_files=_contents(spec.rules),
        vocab_files=_contents(spec.vocab),
    )


def describe(spec: LabelerSpec) -> Description | Refusal:
    """Load the labeler and say what it is."""
    try:
        with _ONE_AT_A_TIME:
            labeler = _labeler(spec)
            columns = {scheme: tuple(labeler.columns(scheme)) for scheme in spec.schemes}
            return Description(columns, _fingerprint(labeler))
    except (UserError, OSError, ImportError) as error:
        return Refusal(str(error))


def label_chunk(spec: LabelerSpec, expected: dict[str, str], chunk: bytes) -> bytes | Refusal:
    """Label a packed chunk and return its part file.

    Parameters
    ----------
    spec : LabelerSpec
        Which labeler, which schemes.
    expected : dict
        The fingerprint that this run's labeler must have (`describe`): a cluster's workers may
        have another version installed.
    chunk : bytes
        Reports, packed by `cxrmine.runs.spool.pack`.
    """
    try:
        with _ONE_AT_A_TIME:
            labeler = _labeler(spec)
            if (found := _fingerprint(labeler)) != expected:
                differing = sorted(
                    key
                    for key in found.keys() | expected.keys()
                    if found.get(key) != expected.get(key)
                )
                return Refusal(
                    f"a worker's labeler differs from the run's in {', '.join(differing)}; every "
                    "worker needs the same version of cxrmine and of its dependencies, and rules "
                    "and vocabulary must not change during a run."
                )
            return pack_part(make_part(labeler, spec, unpack(chunk)))
    except (UserError, OSError, ImportError) as error:
        return Refusal(str(error))


def make_part(labeler: Labeler, spec: LabelerSpec, reports: Sequence[Report]) -> Part:
    """Label `reports` and collect what they add to the output."""
    import pyarrow as pa

    columns = {scheme: labeler.columns(scheme) for scheme in spec.schemes}
    lines: dict[str, list[str]] = {scheme: [] for scheme in spec.schemes}
    mentions: dict[str, list[object]] = {name: [] for name in MENTION_COLUMNS}
    statuses: dict[str, int] = {}
    problems: list[Problem] = []
    evidence: list[str] = []
    labeled = empty = 0
    for report, result in _label_each(labeler, reports):
        try:
            if isinstance(result, Exception):
                raise result
            # Everything of a report is made before any of it is kept, so that one that fails
            # half-way leaves nothing behind.
            labels = {scheme: result.labels(scheme) for scheme in spec.schemes}
            cells = {
                scheme: ",".join([_CELLS[labels[scheme][name]] for name in columns[scheme]])
                for scheme in spec.schemes
            }
            shown = evidence_line(report, result.mentions, labels) if spec.evidence else ""
        except Exception as error:
            # The exception's own message may quote the report.
            problems.append(
                Problem(
                    "failure",
                    report.report_id,
                    f"the report could not be labelled ({type(error).__name__}); it has no row "
                    "in the labels; please tell cxrmine's authors the name in brackets.",
                )
            )
            continue
        labeled += 1
        first = format_row([report.report_id])[:-1]
        for scheme in spec.schemes:
            lines[scheme].append(f"{first},{cells[scheme]}\n")
        for mention in result.mentions:
            mentions["report_id"].append(report.report_id)
            for name in MENTION_COLUMNS[1:]:
                mentions[name].append(getattr(mention, name))
            statuses[mention.status] = statuses.get(mention.status, 0) + 1
        if shown:
            evidence.append(shown)
        empty += result.is_empty
    counts = Counts(
        reports=len(reports),
        labeled=labeled,
        empty=empty,
        mentions=len(mentions["report_id"]),
        failures=len(problems),
        statuses=dict(sorted(statuses.items())),
    )
    schema = mention_schema()
    try:
        table = pa.Table.from_pydict(mentions, schema=schema)
    except UnicodeEncodeError:
        table = pa.Table.from_pydict(
            {name: [_encodable(value) for value in values] for name, values in mentions.items()},
            schema=schema,
        )
    return Part(
        counts=counts,
        mentions=table,
        labels={scheme: _utf8("".join(lines[scheme])) for scheme in spec.schemes},
        problems=problems,
        evidence=_utf8("".join(evidence)),
    )


def prepare_process() -> None:
    """Make a process of our own pool behave: die with its parent, leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = parent_process()
    if parent is not None:
        # Without this, the workers of a run killed outright would wait for ever for more work.
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()


def _die_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _label_each(
    labeler: Labeler, reports: Sequence[Report]
) -> Iterator[tuple[Report, LabeledReport | Exception]]:
    """Yield each report with its result, or with what labelling it raised.

    The labeler is fast on batches, and one bad report fails its batch: halving the batch finds
    it in a few steps.
    """
    try:
        results: Iterable[LabeledReport | Exception] = labeler.label_many(reports)
    except Exception as error:
        if len(reports) == 1:
            results = [error]
        else:
            middle = len(reports) // 2
            yield from _label_each(labeler, reports[:middle])
            yield from _label_each(labeler, reports[middle:])
            return
    yield from zip(reports, results, strict=True)


def _utf8(text: str) -> bytes:
    # As `cxrmine.tables` writes text: a lone surrogate becomes its escape.
    return text.encode("utf-8", errors="backslashreplace")


def _encodable(value: object) -> object:
    return _utf8(value).decode() if isinstance(value, str) else value


# A Dask worker may run several tasks at once in threads of one process; the labeler's caches are
# not made for that, and the interpreter lock leaves nothing to gain.
_ONE_AT_A_TIME = threading.Lock()
_LOADED: dict[LabelerSpec, tuple[Labeler, dict[str, str]]] = {}


def _labeler(spec: LabelerSpec) -> Labeler:
    if spec not in _LOADED:
        from cxrmine.labeling.labeler import Labeler
        from cxrmine.language.without_torch import torch_hidden

        rules = _folder(spec.rules_files) or spec.rules
        vocab = _folder(spec.vocab_files) or spec.vocab
        try:
            with torch_hidden() if spec.parser is None else nullcontext():
                labeler = Labeler.load(
                    rules=None if rules is None else Path(rules),
                    vocab=None if vocab is None else Path(vocab),
                    parser=spec.parser,
                    assertion=spec.assertion,
                )
            schemes = {
                f"scheme_{name}_sha256": labeler.scheme(name).fingerprint for name in spec.schemes
            }
        except ValueError as error:  # what reads a user's files says what is wrong with them
            raise UserError(str(error)) from error
        versions = {
            "cxrmine": cxrmine.__version__,
            "python": platform.python_version(),
            "spacy": version("spacy"),
            "pyarrow": version("pyarrow"),
        }
        _LOADED.clear()  # one labeler is all that a process needs, and all it has memory for
        _LOADED[spec] = (labeler, {**versions, **labeler.fingerprint(), **schemes})
    return _LOADED[spec][0]


def _fingerprint(labeler: Labeler) -> dict[str, str]:
    return next(fingerprint for loaded, fingerprint in _LOADED.values() if loaded is labeler)


def _contents(folder: str | None) -> Files | None:
    if folder is None:
        return None
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"folder {folder!r} does not exist; check --rules and --vocab.")
    return tuple(
        (path.relative_to(root).as_posix(), path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix in (".yaml", ".yml")
    )


def _folder(files: Files | None) -> str | None:
    """Write shipped files to a folder of this machine that goes when the process ends."""
    if files is None:
        return None
    digest = hashlib.sha256(repr(files).encode()).hexdigest()[:12]
    folder = Path(tempfile.mkdtemp(prefix=f"cxrmine-{digest}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, data in files:
        place = folder / name
        with suppress(FileExistsError):
            place.parent.mkdir(parents=True)
        place.write_bytes(data)
    return str(folder)
