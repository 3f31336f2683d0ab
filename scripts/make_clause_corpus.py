"""Write an invented corpus of diagnosis clauses with the truth of every clause.

    python scripts/make_clause_corpus.py --out src/cxrmine/samples/clauses    # the bundled one
    python scripts/make_clause_corpus.py --diagnoses 25 --seed 3 --out /tmp/zh25
    python scripts/make_clause_corpus.py --diagnoses clinic --zipf 0 --out /tmp/hard
    python scripts/make_clause_corpus.py --language de --out /tmp/de

What is written how often stands in ``scripts/clause_grammar/LANGUAGE.yaml``; nothing is taken from
a real report. ``reports.csv`` holds the reports (``report_id, diagnosis``), ``truth.csv`` one row a
clause: ``report_id, start, end`` (half-open character offsets into the diagnosis), ``diagnosis``
(its English name) and ``meant``, the clause as it was meant where it has a slip of the keyboard,
else empty. The same command writes the same bytes on every machine.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import random
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml

GRAMMARS = Path(__file__).resolve().parent / "clause_grammar"
SLOT = re.compile(r"<(\w+)>")
# What ends a clause, so that no wording may hold it outside parentheses.
ENDS_A_CLAUSE = re.compile(r"[，。；：;\n]|,(?!\d)|[.:](?![\d<])")
PARENTHESES = re.compile(r"[（(][^）)]*[）)]")

QUESTION_MARKS = "?？"
FULL_STOPS = ".。"

T = TypeVar("T")


class Clause(NamedTuple):
    """A clause as it stands in a report, and what it stands for.

    ``meant`` is empty where it stands as it was meant; ``mark`` is a question mark behind it, or
    empty. As other marks, it is no part of the clause.
    """

    text: str
    diagnosis: str
    meant: str
    mark: str


class Truth(NamedTuple):
    """One row of ``truth.csv``: half-open character offsets into the report's text."""

    report_id: str
    start: int
    end: int
    diagnosis: str
    meant: str


@dataclass(frozen=True)
class Corpus:
    """Reports in their order as (id, text), and the truth of their clauses in the same order."""

    reports: tuple[tuple[str, str], ...]
    truth: tuple[Truth, ...]


class Dice:
    """Draws from ``random()`` alone, the one sequence that Python promises to keep the same."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def chance(self, share: float) -> bool:
        """Return True with a probability of ``share``."""
        return self.random() < share

    def below(self, n: int) -> int:
        """Return a whole number from 0 to n - 1."""
        return min(int(self.random() * n), n - 1)

    def pick(self, weights: Mapping[T, float]) -> T:
        """Return a key, with a probability in proportion to its weight."""
        at = self.random() * sum(weights.values())
        for key, weight in weights.items():
            at -= weight
            if at < 0:
                return key
        return key

    def shuffle(self, items: list[T]) -> None:
        """Put the items into a random order, in place (Fisher and Yates)."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]


def load_grammar(language: str) -> dict[str, Any]:
    """Return the grammar of a language; ValueError names what is wrong with it, and where."""
    grammar: dict[str, Any] = yaml.safe_load(
        (GRAMMARS / f"{language}.yaml").read_text(encoding="utf-8")
    )
    wordings = [
        wording
        for entry in grammar["diagnoses"].values()
        for wording in (*entry["wordings"], *entry.get("also", {}).get("wordings", ()))
    ]
    wordings += [wording for some in grammar["tails"].values() for wording in some]
    wordings += [text for slot in grammar["slots"].values() for text in slot]
    for wording in wordings:
        if ENDS_A_CLAUSE.search(PARENTHESES.sub("", wording)):
            raise ValueError(f"{language}.yaml: {wording!r} holds what ends a clause")
        for slot in SLOT.findall(wording):
            if slot not in grammar["slots"]:
                raise ValueError(f"{language}.yaml: no slot {slot!r} for {wording!r}")
    for name, plan in grammar["sets"].items():
        named = [*plan["counts"], *plan["rare"]]
        if unknown := set(named) - set(grammar["diagnoses"]):
            raise ValueError(f"{language}.yaml: set {name}: no wordings of {sorted(unknown)}")
        if len(set(named)) < len(named):
            raise ValueError(f"{language}.yaml: set {name}: a diagnosis is named twice")
    return grammar


# Which diagnoses a report has


def apportion(shares: Sequence[float], total: int) -> list[int]:
    """Return whole numbers near ``shares * total`` that keep their sum (largest remainders)."""
    exact = [share * total for share in shares]
    whole = [int(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda i: (whole[i] - exact[i], i))
    for i in order[: round(sum(exact)) - sum(whole)]:
        whole[i] += 1
    return whole


def deal_diagnoses(plan: Mapping[str, Any], reports: int, dice: Dice) -> list[list[str]]:
    """Return each report's diagnoses, so that totals and sole ones are those of the plan.

    Reports with a sole diagnosis are counted out; what is left of each total is dealt to the
    reports with several, to those first that have a diagnosis it goes together with.
    """
    names = list(plan["counts"])
    of_images = [plan["counts"][name] for name in names]
    sole = apportion([count[1] / plan["images"] for count in of_images], reports)
    beside = apportion([(count[0] - count[1]) / plan["images"] for count in of_images], reports)
    dealt = [[name] for name, n in zip(names, sole, strict=True) for _ in range(n)]
    several: list[list[str]] = [[] for _ in range(round(plan["covered"] * reports) - sum(sole))]
    together = {(a, b): times for a, b, times in plan["together"]}
    for n, name in sorted(zip(beside, names, strict=True), reverse=True):
        if n > len(several):
            raise ValueError(f"{name}: {n} reports with others, only {len(several)} have several")

        def wait(report: list[str], name: str = name) -> float:
            likelier = 1.0
            for other in report:
                likelier *= together.get((other, name), 1) * together.get((name, other), 1)
            return dice.random() / likelier

        waits = [wait(report) for report in several]
        for i in sorted(range(len(several)), key=waits.__getitem__)[:n]:
            several[i].append(name)
    _fill_up(several, dice)
    for report in several:
        if dice.chance(plan["rare_beside"]):
            report.append(_rare(plan, dice))
    dealt += several
    dealt += [[_rare(plan, dice)] for _ in range(reports - len(dealt))]
    dice.shuffle(dealt)
    return dealt


def _fill_up(several: list[list[str]], dice: Dice) -> None:
    """Give every report at least two diagnoses, from those that have three or more."""
    for report in several:
        while len(report) < 2:
            givers = [
                other
                for other in several
                if len(other) > 2 and any(name not in report for name in other)
            ]
            if not givers:
                raise ValueError("too few diagnoses besides the sole ones: lower `covered`")
            giver = givers[dice.below(len(givers))]
            given = [name for name in giver if name not in report]
            name = given[dice.below(len(given))]
            giver.remove(name)
            report.append(name)


def _rare(plan: Mapping[str, Any], dice: Dice) -> str:
    names: list[str] = plan["rare"]
    return dice.pick({name: 1 / rank**0.7 for rank, name in enumerate(names, 1)})


# How a clause is worded


class Writer:
    """Words clauses and sets out reports as the grammar says."""

    def __init__(self, grammar: Mapping[str, Any], dice: Dice) -> None:
        self.grammar = grammar
        self.dice = dice
        self.order = {name: i for i, name in enumerate(grammar["diagnoses"])}

    def report(self, diagnoses: Sequence[str], plan: Mapping[str, Any]) -> list[Clause]:
        """Return the clauses of a report with these diagnoses, in the order they are written."""
        names = sorted(diagnoses, key=self.order.__getitem__)
        if self.dice.chance(self.grammar["out_of_order"]):
            self.dice.shuffle(names)
        clauses = []
        for name in names:
            entry = self.grammar["diagnoses"][name]
            wording = self.zipf(entry["wordings"])
            if self.dice.chance(entry.get("hedged", self.grammar["hedged"])):
                wording = self.dice.pick(self.grammar["hedges"]).replace("*", wording)
            clauses.append(self.clause(wording, name))
            if "also" in entry and self.dice.chance(entry["also"]["share"]):
                clauses.append(self.clause(self.zipf(entry["also"]["wordings"]), name))
        if "normal" not in names:
            for name, share in plan["tails"].items():
                if self.dice.chance(share):
                    clauses.append(self.clause(self.zipf(self.grammar["tails"][name]), name))
                    break
        return clauses

    def zipf(self, wordings: Sequence[str]) -> str:
        """Return one of the wordings, the r-th with a weight of 1 / r ** zipf."""
        power = self.grammar["zipf"]
        return self.dice.pick({w: 1 / rank**power for rank, w in enumerate(wordings, 1)})

    def clause(self, wording: str, diagnosis: str) -> Clause:
        """Return the wording with its slots filled, now and then with a slip."""
        meant = wording
        while found := SLOT.search(meant):
            filling = str(self.dice.pick(self.grammar["slots"][found[1]]))
            meant = meant[: found.start()] + filling + meant[found.end() :]
        meant = re.sub(" +", " ", meant).strip()
        mark = meant[-1] if meant[-1] in QUESTION_MARKS else ""
        meant = meant.rstrip(QUESTION_MARKS)
        if self.dice.chance(self.grammar["typos"]):
            return Clause(self.slip(meant), diagnosis, meant, mark)
        return Clause(meant, diagnosis, "", mark)

    def slip(self, text: str) -> str:
        """Return the text with one letter replaced, left out, doubled or swapped with the next."""
        slips = self.grammar["slips"]
        ways: dict[str, Callable[[str, int], Iterable[str]]] = {
            "replaced": lambda t, i: (
                t[:i] + c + t[i + 1 :] for c in slips["for"].get(t[i].lower(), "")
            ),
            "left out": lambda t, i: (t[:i] + t[i + 1 :],),
            "doubled": lambda t, i: (t[:i] + t[i] + t[i:],),
            "swapped": lambda t, i: (t[:i] + t[i + 1 : i + 2] + t[i] + t[i + 2 :],),
        }
        letters = [i for i, character in enumerate(text) if character.isalpha()]
        while True:
            way = ways[self.dice.pick(slips["kinds"])]
            at = letters[self.dice.below(len(letters))]
            options = list(way(text, at))
            if options:
                slipped = options[self.dice.below(len(options))]
                # Digits, brackets and spaces stay where they are, so that no slip makes a list
                # number where there was none or opens a bracket that nothing closes.
                if slipped != text and _shape(slipped) == _shape(text):
                    return slipped

    def set_out(self, clauses: Sequence[Clause]) -> tuple[str, list[tuple[int, int]]]:
        """Return the report's text and each clause's offsets in it."""
        layouts = self.grammar["layouts"]["several" if len(clauses) > 1 else "alone"]
        while True:
            layout = layouts[self.dice.pick({i: x["weight"] for i, x in enumerate(layouts)})]
            # "约1.5cm2.": nobody can tell where that clause ends, a writer would see it.
            if "" not in layout.get("between", {}) or not any(
                c.text[-1].isascii() for c in clauses
            ):
                break
        text = ""
        offsets = []
        for at, clause in enumerate(clauses):
            if at:
                text += self._behind(clauses[at - 1], layout["between"])
            number = str(layout.get("number", ""))
            text += number.split("|")[at] if "|" in number else number.replace("%d", str(at + 1))
            written = clause.text
            if self.grammar.get("capitals") and (number or not text or _sentence_ended(text)):
                written = written[0].upper() + written[1:]
            offsets.append((len(text), len(text) + len(written)))
            text += written
        return text + self._behind(clauses[-1], layout["end"]), offsets

    def _behind(self, clause: Clause, choices: Mapping[str, float]) -> str:
        """Return the separator drawn; a question mark stands in the place of a full stop."""
        separator = self.dice.pick(choices)
        if clause.mark:
            return clause.mark + separator.lstrip(FULL_STOPS)
        return separator


def _sentence_ended(text: str) -> bool:
    return text.endswith("\n") or text.rstrip().endswith(".")


def _shape(text: str) -> str:
    """Return the text with every run of letters as one: its digits, brackets and spaces."""
    return re.sub(r"[^\W\d_]+", "a", text)


def make_corpus(
    language: str = "zh",
    diagnoses: int | str = 10,
    reports: int = 3500,
    seed: int = 1,
    zipf: float | None = None,
) -> Corpus:
    """Return an invented corpus.

    Parameters
    ----------
    language
        The name of a grammar in ``scripts/clause_grammar``.
    diagnoses
        The name of one of the grammar's sets of diagnoses.
    reports
        How many reports, at least 200: below, the rare diagnoses round to none.
    seed
        Where the random sequence starts.
    zipf
        In the grammar's place: the r-th wording weighs ``1 / r ** zipf``; 0 makes all alike.
    """
    grammar = load_grammar(language)
    if zipf is not None:
        grammar["zipf"] = zipf
    plan = {str(name): plan for name, plan in grammar["sets"].items()}[str(diagnoses)]
    dice = Dice(seed)
    writer = Writer(grammar, dice)
    written: list[tuple[str, str]] = []
    truth: list[Truth] = []
    for number, names in enumerate(deal_diagnoses(plan, reports, dice), 1):
        report_id = f"{language}{number:05d}"
        clauses = writer.report(names, plan)
        text, offsets = writer.set_out(clauses)
        written.append((report_id, text))
        for clause, (start, end) in zip(clauses, offsets, strict=True):
            truth.append(Truth(report_id, start, end, clause.diagnosis, clause.meant))
    return Corpus(tuple(written), tuple(truth))


def write_corpus(corpus: Corpus, out: Path, readme: str) -> None:
    """Write ``reports.csv``, ``truth.csv`` and ``README.md`` into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "reports.csv", _csv(("report_id", "diagnosis"), corpus.reports))
    _write(out / "truth.csv", _csv(Truth._fields, corpus.truth))
    _write(out / "README.md", readme)


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="")
    os.replace(part, path)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    languages = sorted(path.stem for path in GRAMMARS.glob("*.yaml"))
    parser.add_argument("--language", choices=languages, default="zh")
    parser.add_argument(
        "--diagnoses", default="10", metavar="SET", help="zh: 5, 10, 25 or clinic; de, en: 10"
    )
    parser.add_argument("--reports", type=int, default=3500, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--zipf", type=float, metavar="X", help="weigh the r-th wording 1 / r**X; 0 is the hardest"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    options = parser.parse_args(arguments)
    sets = [str(name) for name in load_grammar(options.language)["sets"]]
    if options.diagnoses not in sets:
        parser.error(f"--diagnoses: {options.language} has {', '.join(sets)}")
    if options.reports < 200:
        parser.error("--reports: at least 200, or the rare diagnoses round to none")
    corpus = make_corpus(
        options.language, options.diagnoses, options.reports, options.seed, options.zipf
    )
    write_corpus(corpus, options.out, describe(corpus, options))
    slips = sum(1 for row in corpus.truth if row.meant)
    print(
        f"{options.out}: {len(corpus.reports)} reports, {len(corpus.truth)} clauses, "
        f"{slips} with a slip"
    )
    return 0


def describe(corpus: Corpus, options: argparse.Namespace) -> str:
    """Return the README of a corpus."""
    command = (
        f"python scripts/make_clause_corpus.py --language {options.language} "
        f"--diagnoses {options.diagnoses} --reports {options.reports} --seed {options.seed}"
    )
    if options.zipf is not None:
        command += f" --zipf {options.zipf}"
    return f"""# Invented diagnosis clauses

{len(corpus.reports)} diagnosis sections of chest film reports (language: {options.language}) and \
the truth of their {len(corpus.truth)} clauses. **All of it is invented**: written by

    {command} --out DIR

from the grammar `scripts/clause_grammar/{options.language}.yaml`; no patient, no real report.
Licence: Apache-2.0, as the rest of the project.

- `reports.csv`: `report_id, diagnosis` (the text; some hold line breaks).
- `truth.csv`: one row a clause: `report_id, start, end` (half-open character offsets into the \
diagnosis), `diagnosis` (its name) and `meant`: what was meant where the clause has a slip of the \
keyboard, else empty.

What it leaves out: two diagnoses in one clause, clauses parted by nothing but a space, slips in \
digits and separators, and two slips in one clause.
"""


if __name__ == "__main__":
    sys.exit(main())
