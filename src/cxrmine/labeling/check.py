"""Run the examples that the rules carry: ``mine-labels --check-rules`` and the test suite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cxrmine.labeling.labeler import Labeler


@dataclass(frozen=True, slots=True)
class Failure:
    """An example that did not come out: what was expected and what was found."""

    rule: str
    source: str
    text: str
    mention: str
    expected: str
    found: str
    by: str

    def sentence(self) -> str:
        """Return the failure as one line for a person."""
        return (
            f"{self.source}: rule {self.rule!r}: {self.mention!r} in {self.text!r} should be "
            f"{self.expected}, is {self.found}" + (f" (rule {self.by!r})" if self.by else "")
        )


def check_rules(
    rules: str | Path | None = None, vocab: str | Path | None = None, parser: str | None = None
) -> tuple[list[Failure], int]:
    """Return the examples that fail, and how many examples were run.

    An example holds when its mention gets the stated status; an example under ``not_here``
    must besides not be decided by the rule that carries it.
    """
    from cxrmine.labeling.labeler import Labeler

    return check_labeler(Labeler.load(rules=rules, vocab=vocab, parser=parser))


def check_labeler(labeler: Labeler) -> tuple[list[Failure], int]:
    """Run the examples of a loaded labeler's rules."""
    failures: list[Failure] = []
    count = 0
    for rule in labeler.rules.rules:
        for example, fires in [
            *((e, True) for e in rule.examples),
            *((e, False) for e in rule.not_here),
        ]:
            count += 1
            start = example.text.find(example.mention)
            if start < 0:
                found, by = "nowhere: the mention is not in the text", ""
            else:
                span = (start, start + len(example.mention))
                (decision,) = labeler.assert_spans(example.text, [span])
                found, by = decision.status, decision.rule
                if found == example.status and (fires or by != rule.id):
                    continue
                if found == example.status:
                    found += ", but by the rule that must not decide it"
            failures.append(
                Failure(
                    rule.id, rule.source, example.text, example.mention, example.status, found, by
                )
            )
    return failures, count
