"""Reports a second through `Labeler.label_many`, against negspacy in the same run.

    python scripts/bench_labeling.py [--data DIR] [--repeat N]

Every measurement is a fresh process with one thread: load, then the whole of the reports once,
nothing kept on disk. CPU seconds of everything but load count. negspacy gets what it needs and
no more: a blank English pipeline, spaCy's sentencizer, an entity ruler with the phrases of the
14 findings, and negspacy's own terms.

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


def run_ours(texts: list[str]) -> dict[str, float]:
    """Label with cxrmine; return CPU seconds of load and of labelling."""
    import time

    begin = time.process_time()
    wall = time.perf_counter()
    import cxrmine

    labeler = cxrmine.Labeler.load()
    load, load_wall = time.process_time() - begin, time.perf_counter() - wall
    begin = time.process_time()
    found = sum(len(r.mentions) for r in labeler.label_many(texts))
    return {
        "load": load,
        "load_wall": load_wall,
        "label": time.process_time() - begin,
        "mentions": found,
        "parsed": labeler.assertion.parsed_sentences,
    }


def run_negspacy(texts: list[str]) -> dict[str, float]:
    """Label with negspacy; return CPU seconds of load and of labelling."""
    import time

    begin = time.process_time()
    wall = time.perf_counter()
    import spacy
    from negspacy.negation import Negex  # noqa: F401  (registers the factory)

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
    ruler.add_patterns([{"label": "FINDING", "pattern": p} for p in PEER_PHRASES])
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


# The plain names of the 14 findings, singular and plural, as a user of negspacy would list them.
PEER_PHRASES = """atelectasis|atelectases|atelectatic|cardiomegaly|enlarged heart|enlarged cardiac
silhouette|heart is enlarged|pleural effusion|pleural effusions|effusion|effusions|infiltrate|
infiltrates|infiltration|mass|masses|nodule|nodules|pneumonia|pneumonias|pneumothorax|
pneumothoraces|consolidation|consolidations|edema|pulmonary edema|emphysema|emphysematous|
fibrosis|fibrotic|pleural thickening|hernia|hiatal hernia""".replace("\n", " ").split("|")
PEER_PHRASES = [" ".join(p.split()) for p in PEER_PHRASES]  # type: ignore[assignment]


def main() -> None:
    """Run each labeler in processes of its own and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = Path(os.environ.get("CXRMINE_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--child", choices=["ours", "negspacy"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        import resource

        texts = json.loads(sys.stdin.read())
        result = (run_ours if arguments.child == "ours" else run_negspacy)(texts)
        result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(result))
        return
    texts, source = read_texts(arguments.data)
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    results: dict[str, list[dict[str, float]]] = {"ours": [], "negspacy": []}
    for _ in range(arguments.repeat):  # taken in turn, so that a slow minute slows both
        for name, runs in results.items():
            done = subprocess.run(
                [sys.executable, __file__, "--child", name],
                input=json.dumps(texts),
                capture_output=True,
                text=True,
                env=environment,
                check=True,
            )
            runs.append(json.loads(done.stdout.splitlines()[-1]))
    print(f"{len(texts)} reports ({source}); median of {arguments.repeat} fresh processes, CPU s")
    print(
        f"{'':10}{'reports/s':>10}{'label s':>9}{'load s':>8}{'load wall':>10}{'peak MB':>9}{'mentions':>10}"
    )
    for name, runs in results.items():
        middle = {key: statistics.median(r[key] for r in runs) for key in runs[0]}
        print(
            f"{name:10}{len(texts) / middle['label']:>10.0f}{middle['label']:>9.3f}"
            f"{middle['load']:>8.2f}{middle['load_wall']:>10.2f}{middle['peak_mb']:>9.0f}"
            f"{middle['mentions']:>10.0f}"
        )
    ratio = statistics.median(r["label"] for r in results["negspacy"]) / statistics.median(
        r["label"] for r in results["ours"]
    )
    parsed = results["ours"][0]["parsed"]
    print(f"ours / negspacy: {ratio:.2f} times the speed; {parsed:.0f} sentences were parsed")


if __name__ == "__main__":
    main()
