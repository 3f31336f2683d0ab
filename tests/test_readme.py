"""The README's examples are true: each is run, and its output compared.

Every ```` ```console ```` block is run as a session from the top of a clone, in order, in one
empty folder that shows the clone's ``src``: ``$ `` starts a command (a line that ends in a
backslash goes on in the next), and what follows is its output, standard output and error
together. Two marks stand for what differs from run to run or with every new rule (timings,
absolute paths, the number of mentions), and for the part of a long table that is left out:

- ``[…]`` within a line: any text in that line;
- a line that is only ``[…]``: any number of lines.

The ```` ```pycon ```` blocks run under doctest. Blocks of other kinds are not run: the two
set-up commands are (by ``.ci/run``, in a fresh clone).

``python tests/test_readme.py`` prints what the commands print now.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from cxrmine.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ANYTHING = "[…]"


class Example(NamedTuple):
    command: str
    output: str


def blocks(kind, text=README):
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def examples(block):
    found = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        count = 1
        while lines[count - 1].endswith("\\"):
            count += 1
        found.append(Example("\n".join(lines[:count]), "\n".join(lines[count:])))
    return found


def pattern(expected):
    """Return the regular expression that `expected`, with its marks, stands for."""
    lines = []
    for line in expected.rstrip().splitlines():
        if line.strip() == ANYTHING:
            lines.append(r"(?:[^\n]*\n)*")
        else:
            any_text = r"[^\n]*".join(re.escape(part) for part in line.rstrip().split(ANYTHING))
            lines.append(any_text + r"[ ]*\n")
    return "".join(lines)


def matches(expected, actual):
    actual = "".join(f"{line.rstrip()}\n" for line in actual.strip().splitlines())
    return re.fullmatch(pattern(expected), actual) is not None


EXAMPLES = [example for block in blocks("console") for example in examples(block)]


def run_examples(folder):
    """Run the commands in the order of the README; the empty `folder` becomes the clone."""
    (folder / "src").symlink_to(ROOT / "src")
    scripts = str(Path(sys.executable).parent)
    env = {k: v for k, v in os.environ.items() if not k.startswith("CXRMINE_")}
    env |= {"PATH": scripts + os.pathsep + env["PATH"], "COLUMNS": "100", "NO_COLOR": "1"}
    for example in EXAMPLES:
        yield subprocess.run(
            ["bash", "-c", example.command],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=300,
        )


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return list(run_examples(tmp_path_factory.mktemp("readme")))


@pytest.mark.parametrize("number", range(len(EXAMPLES)), ids=lambda n: EXAMPLES[n].command[:40])
def test_console_example(session, number):
    example, done = EXAMPLES[number], session[number]
    assert done.returncode == 0, done.stdout
    assert matches(example.output, done.stdout), (
        f"$ {example.command}\nprints\n{done.stdout}\nbut the README says\n{example.output}"
    )


def test_python_examples():
    # The blocks are one session: a later one uses the names of an earlier one.
    session = "".join(blocks("pycon"))
    test = doctest.DocTestParser().get_doctest(session, {}, "README", "README.md", 0)
    assert len(test.examples) >= 5
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_an_example_with_output(command):
    assert any(e.command.startswith(command) and e.output.strip() for e in EXAMPLES)


def test_setup_is_two_commands():
    (setup,) = [b for b in blocks("bash") if "quickstart.sh" in b]
    assert setup.split() == ["bash", "scripts/quickstart.sh", "bash", "scripts/test.sh"]


def test_readme_says_that_outputs_are_patient_data():
    assert re.search(r"outputs? counts? as patient data", README, re.IGNORECASE)


def test_links_and_pictures_exist():
    targets = re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r'src="([^":]+)"', README)
    assert targets
    assert [t for t in targets if not (ROOT / t).exists()] == []


# The comparison itself: a test of the README is worth only what its comparison refuses.


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\nb", "a\nc\n", False),
        ("a", "a\nb\n", False),
        ("done in […] s", "done in 0.4 s", True),
        ("done in […] s", "done in 0.4 s\nbug", False),
        ("done in […] s", "done in\n0.4 s", False),
        ("a\n[…]\nz", "a\nm\nn\nz", True),
        ("a\n[…]\nz", "a\nz", True),
        ("a\n[…]\nz", "a\nm\nn", False),
        ("1.5 (x)", "1x5 (x)", False),
        ("", "", True),
        ("", "oops", False),
    ],
)
def test_matches(expected, actual, same):
    assert matches(expected, actual) is same


def test_examples_are_split_at_prompts_and_continued_lines():
    block = "$ a \\\n    --b\nout\n$ c\n$ d\nx\ny\n"
    assert examples(block) == [("a \\\n    --b", "out"), ("c", ""), ("d", "x\ny")]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        for example, done in zip(EXAMPLES, run_examples(Path(name)), strict=True):
            print(f"$ {example.command}\n{done.stdout}", end="")
