"""The rule files: the shipped ones hold their own examples, broken ones say what is wrong."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cxrmine.errors import UserError
from cxrmine.labeling.check import check_labeler, check_rules
from cxrmine.labeling.mention import STATUSES
from cxrmine.labeling.rules import (
    RuleEntry,
    RuleError,
    RuleFile,
    RuleSet,
    SurfaceEntry,
    load_rules,
)
from cxrmine.resources import data_dir

if TYPE_CHECKING:
    from cxrmine import Labeler


@pytest.fixture(scope="module")
def shipped() -> RuleSet:
    return load_rules()


RULE = """\
rules:
  - id: ghost
    status: absent
    priority: 99
    comment: A word that only this rule knows.
    pattern: mention >amod @{phantom}
    surface: {cue: [phantom], mention: after, adjacent: true}
    examples:
      - {text: There is a phantom effusion., mention: effusion, status: absent}
    not_here:
      - {text: There is an effusion., mention: effusion, status: present}
"""


def folder(tmp_path: Path, **files: str) -> Path:
    """A rule folder with these files."""
    path = tmp_path / "rules"
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / f"{name}.yaml").write_text(text, "utf-8")
    return path


# ------------------------------------------------------------------ the shipped rules


def test_every_example_of_the_shipped_rules_holds(labeler: Labeler) -> None:
    failures, count = check_labeler(labeler)
    assert not failures, "\n".join(failure.sentence() for failure in failures)
    assert count >= sum(len(r.examples) + len(r.not_here) for r in labeler.rules.rules)


def test_every_rule_has_an_example_of_its_own_status(shipped: RuleSet) -> None:
    for rule in shipped.rules:
        assert rule.examples, rule.id
        assert all(example.status == rule.status for example in rule.examples), rule.id


def test_every_rule_with_a_pattern_says_where_it_must_not_fire(shipped: RuleSet) -> None:
    lacking = [rule.id for rule in shipped.rules if rule.patterns and not rule.not_here]
    assert not lacking


def test_precedence_is_that_of_the_design(shipped: RuleSet) -> None:
    """Pseudo-negation over negation over history and questions over hedges."""
    priority = {rule.id: rule.priority for rule in shipped.rules}
    assert min(priority["no-change-in"], priority["cannot-exclude"]) > priority["no"]
    assert priority["no"] > max(priority["history-of"], priority["prior"], priority["resolved"])
    assert min(priority["history-of"], priority["prior"]) > priority["rule-out"]
    assert min(priority["rule-out"], priority["if"]) > max(
        priority["may-represent"], priority["possible"], priority["probable"]
    )


def test_the_rules_cover_every_status(shipped: RuleSet) -> None:
    assert {rule.status for rule in shipped.rules} == set(STATUSES)


def test_the_word_no_is_a_word(shipped: RuleSet) -> None:
    """YAML 1.1 reads a bare ``no`` as false."""
    ((start, end, cues),) = shipped.before_mention.find(["no"])
    assert (start, end) == (0, 1)
    assert {cue.rule.id for cue in cues} == {"no"}
    assert any(rule.id == "no" for rule, _ in shipped.by_word["no"])


def test_yes_on_and_off_are_words_too(tmp_path: Path) -> None:
    from cxrmine import Labeler

    words = ("no", "on", "off", "yes", "y")
    text = RULE.replace("[phantom]", f"[{', '.join(words)}]").replace("ghost", "no")
    own = Labeler.load(rules=folder(tmp_path, own=text))
    for word in words:
        found = own.assert_spans(f"There is {word} effusion.", [(10 + len(word), 18 + len(word))])
        assert [(d.status, d.rule) for d in found] == [("absent", "no")], word


def test_the_fingerprint_follows_the_files(tmp_path: Path) -> None:
    path = folder(tmp_path, own=RULE)
    before = load_rules(path).fingerprint
    assert before == load_rules(path).fingerprint
    (path / "own.yaml").write_text(RULE + "# a comment\n", "utf-8")
    changed = load_rules(path).fingerprint
    (path / "own.yaml").rename(path / "other.yaml")
    assert len({before, changed, load_rules(path).fingerprint}) == 3
    assert len(before) == 64


# ------------------------------------------------------------------ a rule of one's own


def test_a_new_rule_touches_one_file(tmp_path: Path, labeler: Labeler) -> None:
    from cxrmine import Labeler

    sentence, span = "There is a phantom effusion.", (19, 27)
    assert labeler.assert_spans(sentence, [span])[0].status == "present"
    path = tmp_path / "rules"
    shutil.copytree(data_dir("rules"), path)
    (path / "user.yaml").write_text(RULE, "utf-8")
    own = Labeler.load(rules=path)
    decision = own.assert_spans(sentence, [span])[0]
    assert (decision.status, decision.rule) == ("absent", "ghost")
    assert own.assert_with_cues(sentence, [span]) == [("absent", "phantom", "ghost")]
    (mention,) = own.label(sentence).mentions
    assert (mention.text, mention.status, mention.cue) == ("effusion", "absent", "phantom")
    failures, count = check_labeler(own)
    assert count == sum(len(rule.examples) + len(rule.not_here) for rule in own.rules.rules)
    assert [f.sentence() for f in failures if f.rule == "ghost"] == []
    assert own.fingerprint()["rules_sha256"] != labeler.fingerprint()["rules_sha256"]


def test_check_rules_tells_what_fails(tmp_path: Path) -> None:
    text = RULE + (
        "  - id: astray\n"
        "    status: possible\n"
        "    priority: 5\n"
        "    surface: {cue: [astray], mention: before}\n"
        "    examples:\n"
        "      - {text: An effusion is there., mention: effusion, status: possible}\n"
        "      - {text: A nodule., mention: mass, status: possible}\n"
        "      - {text: An effusion astray., mention: effusion, status: possible}\n"
        "    not_here:\n"
        "      - {text: A mass astray., mention: mass, status: possible}\n"
        "      - {text: A phantom mass., mention: mass, status: possible}\n"
    )
    failures, count = check_rules(rules=folder(tmp_path, own=text))
    assert count == 7
    assert [failure.sentence() for failure in failures] == [
        "own.yaml: rule 'astray': 'effusion' in 'An effusion is there.' should be possible, "
        "is present",
        "own.yaml: rule 'astray': 'mass' in 'A nodule.' should be possible, "
        "is nowhere: the mention is not in the text",
        "own.yaml: rule 'astray': 'mass' in 'A mass astray.' should be possible, "
        "is possible, but by the rule that must not decide it (rule 'astray')",
        "own.yaml: rule 'astray': 'mass' in 'A phantom mass.' should be possible, "
        "is absent (rule 'ghost')",
    ]


def test_earlier_rules_win_ties_of_priority(tmp_path: Path) -> None:
    from cxrmine import Labeler

    twin = RULE.replace("ghost", "twin").replace("status: absent", "status: possible")
    own = Labeler.load(rules=folder(tmp_path, a=twin, b=RULE))
    assert own.assert_spans("A phantom effusion.", [(10, 18)])[0].rule == "twin"


@pytest.mark.parametrize(
    ("fields", "text", "status"),
    [
        # `lists`: a hedge holds for the first item unless told otherwise, a denial for every one
        ("status: possible, mention: after", "There is phantom edema, effusion.", "present"),
        ("status: possible, mention: after, lists: true", "There is phantom edema, effusion.",
         "possible"),
        ("status: absent, mention: after", "There is phantom edema, effusion.", "absent"),
        ("status: absent, mention: after, lists: false", "There is phantom edema, effusion.",
         "present"),
        # `anywhere`: whatever stands between, up to a semicolon
        ("status: absent, mention: after", "A phantom lobe but the left has an effusion.", "present"),
        ("status: absent, mention: after, anywhere: true",
         "A phantom lobe but the left has an effusion.", "absent"),
        ("status: absent, mention: after, anywhere: true", "A phantom lobe; left effusion.", "present"),
        ("status: absent, mention: before, anywhere: true",
         "An effusion, but the lobe was phantom.", "absent"),
        ("status: absent, mention: before, anywhere: true", "An effusion; the lobe was phantom.",
         "present"),
        # `closing`: the cue ends its clause
        ("status: absent, mention: before, closing: true", "An effusion phantom.", "absent"),
        ("status: absent, mention: before, closing: true", "Effusion phantom, and more.", "absent"),
        ("status: absent, mention: before, closing: true", "An effusion phantom tissue.",
         "present"),
        ("status: absent, mention: before", "An effusion phantom tissue.", "absent"),
    ],
)  # fmt: skip
def test_the_fields_of_a_surface_entry(tmp_path: Path, fields: str, text: str, status: str) -> None:
    from cxrmine import Labeler

    given, entry = fields.split(", ", 1)
    rule = RULE.replace("status: absent\n", f"{given}\n", 1)
    rule = rule.replace("    pattern: mention >amod @{phantom}\n", "")
    rule = rule.replace("mention: after, adjacent: true", entry)
    own = Labeler.load(rules=folder(tmp_path, own=rule))
    start = text.lower().index("effusion")
    assert own.assert_spans(text, [(start, start + 8)])[0].status == status


def test_a_cue_in_back_ticks(tmp_path: Path) -> None:
    from cxrmine import Labeler

    rule = RULE.replace("cue: [phantom]", "cue: ['`(?)`']").replace(
        "mention: after", "mention: before"
    )
    own = Labeler.load(rules=folder(tmp_path, own=rule))
    found = own.assert_with_cues("Small effusion (?), edema", [(6, 14), (20, 25)])
    assert found == [("absent", "(?)", "ghost"), ("present", "", "")]


def test_lists_of_one_file_serve_the_others(tmp_path: Path) -> None:
    using = RULE.replace("@{phantom}", "@{GHOSTLY}").replace("cue: [phantom]", "cue: [GHOSTLY]")
    path = folder(tmp_path, a=using, b="lists: {GHOSTLY: [spectral, phantom]}\nrules: []\n")
    rules = load_rules(path)
    assert set(rules.by_word) == {"spectral", "phantom"}


def test_a_files_own_list_wins(tmp_path: Path) -> None:
    using = RULE.replace("@{phantom}", "@{GHOSTLY}")
    path = folder(
        tmp_path,
        a="lists: {GHOSTLY: [spectral]}\n" + using,
        b="lists: {GHOSTLY: [phantom]}\nrules: []\n",
    )
    assert set(load_rules(path).by_word) == {"spectral"}


# ------------------------------------------------------------------ what the README says

README = (data_dir("rules") / "README.md").read_text("utf-8")


def test_the_rule_of_the_readme_works(tmp_path: Path) -> None:
    from cxrmine import Labeler

    path = tmp_path / "rules"
    shutil.copytree(data_dir("rules"), path)
    (example,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (path / "ward.yaml").write_text(example, "utf-8")
    failures, _ = check_labeler(Labeler.load(rules=path))
    assert [f.sentence() for f in failures if f.source == "ward.yaml"] == []


def test_the_graph_of_the_readme_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(example, {})
    lines = set(capsys.readouterr().out.splitlines())
    assert lines >= {
        "evidence >det no", "evidence >nmod:of edema", "evidence >nmod:of effusion",
        "edema >conj:or effusion",
    }  # fmt: skip


def test_the_readme_knows_every_field_and_file(shipped: RuleSet) -> None:
    fields = {*RuleFile.model_fields, *RuleEntry.model_fields, *SurfaceEntry.model_fields}
    missing = [f for f in sorted(fields) if f"| `{f}` |" not in README]
    assert not missing
    assert all(f"| `{rule.source}` |" in README for rule in shipped.rules)


def test_priorities_lie_in_the_bands_of_the_readme(shipped: RuleSet) -> None:
    rows = re.findall(r"^\| (\d+)–(\d+) \| ([a-z, ]+) \|", README, re.MULTILINE)
    bands = [(int(low), int(high), set(statuses.split(", "))) for low, high, statuses in rows]
    assert len(bands) == 7
    astray = [
        (rule.id, rule.priority, rule.status)
        for rule in shipped.rules
        if not any(low <= rule.priority <= high and rule.status in s for low, high, s in bands)
    ]
    assert not astray


# ------------------------------------------------------------------ broken files


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("status: absent\n", "status: missing\n",
         "own.yaml, line 3: rules, 'ghost', status is wrong: 'missing' is not a status; use one of "
         "present, probable, possible, absent, historical, hypothetical."),
        ("mention: effusion, status: absent", "mention: effusion, status: gone",
         "own.yaml, line 9: rules, 'ghost', examples, 1, status is wrong: 'gone' is not a status; "
         "use one of present, "),
        ("mention: effusion, status: absent", "status: absent",
         "own.yaml, line 9: rules, 'ghost', examples, 1, mention is missing: add it."),
        ("    priority: 99\n", "", "own.yaml, line 2: rules, 'ghost', priority is missing: add it."),
        ("priority: 99", "priority: high",
         "own.yaml, line 4: rules, 'ghost', priority is 'high': write a whole number."),
        ("priority: 99", "priority:",
         "own.yaml, line 4: rules, 'ghost', priority is empty: write a whole number."),
        ("    priority: 99\n", "    priority: 99\n    priority: 9\n",
         "own.yaml, line 5: the key 'priority' stands twice: keep one of them."),
        ("    comment", "    coment",
         "own.yaml, line 5: rules, 'ghost', coment is an unknown key: use one of id, status, "
         "priority, comment, pattern, surface, examples, not_here."),
        ("id: ghost", "id: Ghost Rule",
         "own.yaml, line 2: rules, 'Ghost Rule', id is wrong: 'Ghost Rule' is no id; use lower-case "
         "letters, digits and hyphens."),
        ("id: ghost", "id: 3", "own.yaml, line 2: rules, '3', id is 3: write a text (a number or "),
        ("- id: ghost\n    status", "- status", "own.yaml, line 2: rules, 1, id is missing: add it."),
        ("@{phantom}", "{phantom}",
         "own.yaml: rule 'ghost': pattern 'mention >amod {phantom}': mark its cue, as in @{no}."),
        ("@{phantom}", "@{GHOSTLY}",
         "own.yaml: rule 'ghost': pattern 'mention >amod @{GHOSTLY}': no list 'GHOSTLY'; lists "
         "are (none)."),
        (">amod", ">adjective", "own.yaml: rule 'ghost': pattern"),
        ("cue: [phantom]", "cue: [GHOSTLY]",
         "own.yaml: rule 'ghost': 'GHOSTLY' uses the unknown set 'GHOSTLY' (known: none)."),
        ("cue: [phantom]", "cue: ['(phantom']", "own.yaml: rule 'ghost': '(phantom' lacks a ')'."),
        ("cue: [phantom]", "cue: ['phantom?']",
         "own.yaml: rule 'ghost': 'phantom?' may match no word at all"),
        ("cue: [phantom]", "cue: ['no `?`']",
         "own.yaml: rule 'ghost': 'no `?`': put back ticks around the whole phrase, as in `?`."),
        ("cue: [phantom]", "cue: phantom",
         "own.yaml, line 7: rules, 'ghost', surface, cue is 'phantom': write a list, as in [one, "),
        ("cue: [phantom]", "cue: []",
         "own.yaml, line 7: rules, 'ghost', surface, cue is empty: list at least one."),
        ("mention: after", "mention: behind",
         "own.yaml, line 7: rules, 'ghost', surface, mention is 'behind': write 'after', 'before' or "
         "'either'."),
        ("{cue: [phantom], mention: after, adjacent: true}",
         "\n    - {cue: [phantom], mention: after}\n    - {cue: [phantom], mention: behind}",
         "own.yaml, line 9: rules, 'ghost', surface, 2, mention is 'behind': write "),
        ("adjacent: true", "within: 0",
         "own.yaml, line 7: rules, 'ghost', surface, within is 0: write a number of 1 or more."),
        ("adjacent: true", "within: 201",
         "own.yaml, line 7: rules, 'ghost', surface, within is 201: write a number of 200 or less."),
        *[("adjacent: true", f"{field}: maybe",
           f"own.yaml, line 7: rules, 'ghost', surface, {field} is 'maybe': write true or false.")
          for field in ("adjacent", "lists", "anywhere", "closing")],
        ("adjacent: true", "closes: true",
         "own.yaml, line 7: rules, 'ghost', surface, closes is an unknown key: use one of cue, "
         "mention, within, adjacent, lists, anywhere, closing."),
        ("rules:", "rule:",
         "own.yaml, line 1: rule is an unknown key: use one of about, lists, rules."),
        ("rules:", "lists: {A: x}\nrules:",
         "own.yaml, line 1: lists, A is 'x': write a list, as in [one, two]."),
        ("rules:", "lists: {ghostly: [phantom]}\nrules:",
         "own.yaml: the set 'ghostly' must be named in capitals."),
        ("rules:", "lists: {GHOSTLY: []}\nrules:", "own.yaml: the set 'GHOSTLY' is empty"),
        ("  - id", " - id: [\n  - id", "own.yaml, line "),
    ],
)  # fmt: skip
def test_a_broken_rule_is_one_sentence(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in RULE
    path = folder(tmp_path, own=RULE.replace(old, new, 1))
    with pytest.raises(UserError) as error:
        load_rules(path)
    assert str(error.value).startswith(message)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


def test_neither_a_pattern_nor_a_cue(tmp_path: Path) -> None:
    lines = [
        line for line in RULE.splitlines() if "pattern:" not in line and "surface:" not in line
    ]
    with pytest.raises(RuleError) as error:
        load_rules(folder(tmp_path, own="\n".join(lines)))
    assert str(error.value) == (
        "own.yaml: rule 'ghost' has neither a pattern nor a surface cue: add one."
    )


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("", "own.yaml, line 2: rules, 'ghost', examples is missing: add it."),
        ("    examples: []\n",
         "own.yaml, line 8: rules, 'ghost', examples is empty: list at least one."),
    ],
)  # fmt: skip
def test_a_rule_without_an_example(tmp_path: Path, added: str, message: str) -> None:
    text = RULE[: RULE.index("    examples")]
    with pytest.raises(RuleError) as error:
        load_rules(folder(tmp_path, own=text + added))
    assert str(error.value) == message


def test_an_id_that_stands_twice(tmp_path: Path) -> None:
    with pytest.raises(RuleError) as error:
        load_rules(folder(tmp_path, a=RULE, b=RULE))
    assert str(error.value) == (
        "b.yaml: rule 'ghost' stands in a.yaml already: give it another id."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the file is empty: write keys with their values, as in key: value."),
        ("just words\n", "line 1: the file is 'just words': write keys with their values, as in key: "),
        ("- a\n- b\n", "line 1: the file is ['a', 'b']: write keys with their values, as in key: "),
        ("rules:\n", "line 1: rules is empty: write a list, as in [one, two]."),
        ("rules: {id: ghost}\n", "line 1: rules is {'id': 'ghost'}: write a list, as in [one, two]."),
        ("rules:\n  - ghost\n", "line 2: rules, 1 is 'ghost': write keys with their values, as in key: "),
    ],
)  # fmt: skip
def test_a_file_of_the_wrong_shape(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RuleError) as error:
        load_rules(folder(tmp_path, own=text))
    assert str(error.value).startswith(f"own.yaml, {message}")


def test_no_rule_files(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RuleError, match=r"No rule files \(\*\.yaml\) in .*: give --rules a"):
            load_rules(path)


def test_a_rule_file_that_is_not_utf_8(tmp_path: Path) -> None:
    path = folder(tmp_path, own=RULE)
    (path / "own.yaml").write_bytes(RULE.encode().replace(b"A word", b"A w\xf6rd"))
    with pytest.raises(UserError, match=r"own\.yaml is not UTF-8 text: save it as UTF-8\."):
        load_rules(path)
