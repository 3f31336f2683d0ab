"""Reports a second through `Labeler.label_many`, against negspacy in the same run.

    python scripts/bench_labeling.py [--data DIR] [--repeat N]

Every measurement is a fresh process with one thread: load, then the whole of the reports once,
nothing kept on disk. CPU seconds of everything but load count. negspacy gets what it needs and
no more: a blank English pipeline, spaCy's sentencizer, an entity ruler and negspacy's own terms.
It runs twice: with the plain names of the 14 findings only (about a third of the mentions), and
with every wording that our vocabulary found in these reports, so that it has the same work to do.

The reports are the dev half of Open-i where it is at hand (Findings and Impression), else the
bundled samples, repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")


def read_texts(data: Path) -> tuple[list[str], str]:
    """Return the report texts and where they come from."""
    from cxrmine.reports.readers import read_reports
    from cxrmine.reports.sections import scored_sections
    from cxrmine.resources import samples_dir

    archive = data / "openi" / "NLMCXR_reports_dev.tgz"
    if archive.is_file():
        source, inputs, times = "Open-i, dev half", [archive], 1
    else:
        source, inputs, times = "bundled samples x 30", [samples_dir() / "reports.csv"], 30
    texts = []
    for report in read_reports(inputs, on_problem=lambda problem: None):
        parts = [
            f"{s.name.upper()}: {report.text[s.start : s.end]}"
            for s in scored_sections(report.text, report.sections)
        ]
        texts.append("\n".join(parts))
    return texts * times, source


def run_ours(texts: list[str], phrases: list[str] | None = None) -> dict[str, float]:
    """Label with cxrmine; return CPU seconds of load and of labelling.

    `phrases` takes every wording of a mention, if it is given.
    """
    import time

    begin = time.process_time()
    wall = time.perf_counter()
    import cxrmine

    labeler = cxrmine.Labeler.load()
    load, load_wall = time.process_time() - begin, time.perf_counter() - wall
    begin = time.process_time()
    reports = labeler.label_many(texts)
    found = sum(len(r.mentions) for r in reports)
    label = time.process_time() - begin
    if phrases is not None:
        phrases += sorted({m.text.lower() for r in reports for m in r.mentions})
    return {
        "load": load,
        "load_wall": load_wall,
        "label": label,
        "mentions": found,
        "parsed": labeler.assertion.parsed_sentences,
    }


def run_negspacy(texts: list[str], phrases: list[str]) -> dict[str, float]:
    """Label with negspacy; return CPU seconds of load and of labelling."""
    import time

    begin = time.process_time()
    wall = time.perf_counter()
    import spacy
    from negspacy.negation import Negex  # noqa: F401  (registers the factory)

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
    ruler.add_patterns([{"label": "FINDING", "pattern": p} for p in phrases])
    nlp.add_pipe("negex")
    load, load_wall = time.process_time() - begin, time.perf_counter() - wall
    begin = time.process_time()
    found = sum(sum(1 for e in doc.ents if e._.negex is not None) for doc in nlp.pipe(texts))
    return {
        "load": load,
        "load_wall": load_wall,
        "label": time.process_time() - begin,
        "mentions": found,
    }


# The plain names of the 14 findings, as a user of negspacy would list them.
FEW_PHRASES = [
    " ".join(phrase.split())
    for phrase in """atelectasis|atelectases|atelectatic|cardiomegaly|enlarged heart|enlarged cardiac
    silhouette|heart is enlarged|pleural effusion|pleural effusions|effusion|effusions|infiltrate|
    infiltrates|infiltration|mass|masses|nodule|nodules|pneumonia|pneumonias|pneumothorax|
    pneumothoraces|consolidation|consolidations|edema|pulmonary edema|emphysema|emphysematous|
    fibrosis|fibrotic|pleural thickening|hernia|hiatal hernia""".split("|")
]

LABELERS = ("ours", "negspacy, 14", "negspacy, all")


def main() -> None:
    """Run each labeler in processes of its own and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = Path(os.environ.get("CXRMINE_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--child", choices=["phrases", *LABELERS], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        import resource

        work = json.loads(sys.stdin.read())
        if arguments.child == "phrases":
            phrases: list[str] = []
            run_ours(work["texts"], phrases)
            print(json.dumps(phrases))
            return
        if arguments.child == "ours":
            result = run_ours(work["texts"])
        else:
            few = arguments.child == "negspacy, 14"
            result = run_negspacy(work["texts"], FEW_PHRASES if few else work["phrases"])
        result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(result))
        return
    texts, source = read_texts(arguments.data)
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}

    def child(name: str, work: str) -> Any:
        # A process of its own: its peak memory starts from this one's, so this one stays small.
        done = subprocess.run(
            [sys.executable, __file__, "--child", name],
            input=work,
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        return json.loads(done.stdout.splitlines()[-1])

    phrases = child("phrases", json.dumps({"texts": texts}))
    work = json.dumps({"texts": texts, "phrases": phrases})
    results: dict[str, list[dict[str, float]]] = {name: [] for name in LABELERS}
    for _ in range(arguments.repeat):  # taken in turn, so that a slow minute slows both
        for name, runs in results.items():
            runs.append(child(name, work))
    print(f"{len(texts)} reports ({source}); median of {arguments.repeat} fresh processes, CPU s")
    print(
        f"{'':15}{'reports/s':>10}{'label s':>9}{'load s':>8}{'load wall':>10}{'peak MB':>9}"
        f"{'mentions':>10}{'ours is':>9}"
    )
    ours = statistics.median(r["label"] for r in results["ours"])
    for name, runs in results.items():
        middle = {key: statistics.median(r[key] for r in runs) for key in runs[0]}
        print(
            f"{name:15}{len(texts) / middle['label']:>10.0f}{middle['label']:>9.3f}"
            f"{middle['load']:>8.2f}{middle['load_wall']:>10.2f}{middle['peak_mb']:>9.0f}"
            f"{middle['mentions']:>10.0f}{middle['label'] / ours:>8.2f}x"
        )
    print(f"{results['ours'][0]['parsed']:.0f} distinct masked sentences were parsed")


if __name__ == "__main__":
    main()
