"""Label schemes: pure functions of a report's mentions."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.errors import UserError
from cxrmine.labeling.mention import STATUSES, Mention
from cxrmine.labeling.schemes import (
    Scheme,
    SchemeError,
    _Normal,
    _SchemeFile,
    load_scheme,
    scheme_names,
)
from cxrmine.labeling.vocabulary import Vocabulary, load_vocabulary
from cxrmine.resources import data_dir

if TYPE_CHECKING:
    from cxrmine import Labeler

VOCAB = data_dir("vocab")
_VOCABULARY = load_vocabulary()
SHIPPED = scheme_names(VOCAB)

EIGHT = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia",
    "Pneumothorax",
)  # fmt: skip
FOURTEEN = (
    *EIGHT, "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening", "Hernia",
)  # fmt: skip
CHEXPERT = (
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion",
    "Edema", "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion",
    "Pleural Other", "Fracture", "Support Devices",
)  # fmt: skip


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return _VOCABULARY


def scheme(name: str) -> Scheme:
    return load_scheme(name, VOCAB, _VOCABULARY)


def concept_of(scheme_name: str, column: str) -> str:
    """A concept that counts for this column."""
    return next(c.id for c in _VOCABULARY.concepts if c.schemes.get(scheme_name) == column)


def mention(concept: str, status: str, rule: str = "") -> Mention:
    finding = _VOCABULARY[concept].finding
    return Mention("findings", "", 0, 0, "", finding, concept, status, "", rule, 0, 0)


def labels(name: str, *found: tuple[str, str]) -> dict[str, int | None]:
    """The positive and other labels of a report with these mentions (concept, status)."""
    return scheme(name).labels([mention(concept, status) for concept, status in found])


def ones(row: dict[str, int | None]) -> set[str]:
    return {column for column, value in row.items() if value == 1}


#: Abnormal, but no finding of any scheme.
OTHER = next(
    c.id for c in _VOCABULARY.concepts if c.abnormal and not c.schemes and c.type == "dsyn"
)
NORMAL = next(c.id for c in _VOCABULARY.concepts if not c.abnormal and not c.excludes)


# ------------------------------------------------------------------ columns


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("chestxray8", (*EIGHT, "No Finding")),
        ("chestxray14", (*FOURTEEN, "No Finding")),
        ("chexpert", CHEXPERT),
        ("openi", (*FOURTEEN, "normal")),
    ],
)
def test_columns_in_their_own_order_and_spelling(name: str, columns: tuple[str, ...]) -> None:
    assert scheme(name).columns == columns
    assert tuple(scheme(name).labels([])) == columns


def test_the_shipped_schemes_are_listed_without_the_gold() -> None:
    assert SHIPPED == ["chestxray14", "chestxray8", "chexpert", "openi"]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_finding_column_can_be_reached(name: str) -> None:
    ready = scheme(name)
    reached = {column for columns in ready.column_of.values() for column in columns}
    missing = set(ready.columns) - reached - {"No Finding", "normal"}
    assert missing == ({"Hernia"} if name == "openi" else set())


# ------------------------------------------------------------------ statuses

CHESTXRAY = {
    "present": 1,
    "probable": 1,
    "possible": 0,
    "absent": 0,
    "historical": 0,
    "hypothetical": 0,
}
UNCERTAIN = {
    "present": 1,
    "probable": -1,
    "possible": -1,
    "absent": 0,
    "historical": None,
    "hypothetical": None,
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("name", ["chestxray8", "chestxray14", "openi"])
def test_chestxray_counts_probable_but_not_possible(name: str, status: str) -> None:
    row = labels(name, (concept_of("chestxray14", "Effusion"), status))
    assert row["Effusion"] == CHESTXRAY[status]
    assert ones(row) - {"No Finding", "normal"} == ({"Effusion"} if CHESTXRAY[status] else set())


@pytest.mark.parametrize("status", STATUSES)
def test_chexpert_calls_every_hedge_uncertain(status: str) -> None:
    row = labels("chexpert", (concept_of("chexpert", "Pleural Effusion"), status))
    assert row["Pleural Effusion"] == UNCERTAIN[status]


def test_a_positive_mention_wins() -> None:
    effusion = concept_of("chestxray14", "Effusion")
    for first, second in (("absent", "present"), ("present", "absent")):
        row = labels("chestxray14", (effusion, first), (effusion, second))
        assert row["Effusion"] == 1


def test_chexpert_positive_over_uncertain_over_negative() -> None:
    effusion = concept_of("chexpert", "Pleural Effusion")
    by_status = [(effusion, s) for s in ("absent", "possible", "present")]
    assert labels("chexpert", *by_status)["Pleural Effusion"] == 1
    assert labels("chexpert", *by_status[:2])["Pleural Effusion"] == -1
    assert labels("chexpert", *by_status[1::-1])["Pleural Effusion"] == -1
    history = (effusion, "historical")
    assert labels("chexpert", history, by_status[0])["Pleural Effusion"] == 0


def test_what_is_not_mentioned_is_0_or_blank() -> None:
    assert set(labels("chestxray14").values()) == {0, 1}  # 1: No Finding
    assert {c for c, v in labels("chexpert").items() if v is not None} == {"No Finding"}


# ------------------------------------------------------------------ hierarchy


@pytest.mark.parametrize(
    ("child", "parents"),
    [
        ("Cardiomegaly", {"Enlarged Cardiomediastinum"}),
        ("Pneumonia", {"Consolidation", "Lung Opacity"}),
        ("Consolidation", {"Lung Opacity"}),
        ("Edema", {"Lung Opacity"}),
        ("Atelectasis", {"Lung Opacity"}),
        ("Lung Lesion", {"Lung Opacity"}),
        ("Pneumothorax", set()),
        ("Pleural Effusion", set()),
        ("Fracture", set()),
    ],
)
def test_chexpert_hierarchy(child: str, parents: set[str]) -> None:
    concept = concept_of("chexpert", child)
    assert ones(labels("chexpert", (concept, "present"))) == {child, *parents}
    for status in ("possible", "absent"):  # a doubtful or absent child says nothing of its parent
        row = labels("chexpert", (concept, status))
        assert {c for c, v in row.items() if v is not None} - {"No Finding"} == {child}


def test_a_positive_child_overrules_its_parents_own_label() -> None:
    row = labels(
        "chexpert",
        (concept_of("chexpert", "Pneumonia"), "present"),
        (concept_of("chexpert", "Consolidation"), "absent"),
    )
    assert (row["Pneumonia"], row["Consolidation"], row["Lung Opacity"]) == (1, 1, 1)


def test_a_statement_of_normality_speaks_against_its_column() -> None:
    """CheXpert's labeler codes "the heart is normal in size" as no cardiomegaly."""
    speaks = next(c for c in _VOCABULARY.concepts if c.excludes.get("chexpert") == "Cardiomegaly")
    big = concept_of("chexpert", "Cardiomegaly")
    assert labels("chexpert", (speaks.id, "present"))["Cardiomegaly"] == 0
    assert labels("chexpert", (speaks.id, "absent"))["Cardiomegaly"] is None
    assert labels("chexpert", (speaks.id, "present"), (big, "present"))["Cardiomegaly"] == 1
    assert labels("chexpert", (big, "possible"), (speaks.id, "present"))["Cardiomegaly"] == -1
    assert labels("chexpert", (speaks.id, "present"))["No Finding"] == 1


# ------------------------------------------------------------------ No Finding and normal


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], 1),
        ([("Pneumothorax", "absent")], 1),
        ([("Pneumothorax", "historical")], 1),
        ([("Pneumothorax", "hypothetical")], 1),
        ([("Pneumothorax", "present")], None),
        ([("Pneumothorax", "possible")], None),
        ([("Support Devices", "present")], 1),
        ([("Support Devices", "present"), ("Fracture", "probable")], None),
    ],
)
def test_chexpert_no_finding(found: list[tuple[str, str]], expected: int | None) -> None:
    row = labels("chexpert", *((concept_of("chexpert", c), s) for c, s in found))
    assert row["No Finding"] == expected


def test_chestxray14_no_finding_is_none_of_the_14() -> None:
    assert labels("chestxray14")["No Finding"] == 1
    assert labels("chestxray14", (OTHER, "present"))["No Finding"] == 1
    for column in FOURTEEN:
        concept = concept_of("chestxray14", column)
        assert labels("chestxray14", (concept, "present"))["No Finding"] == 0
        assert labels("chestxray14", (concept, "probable"))["No Finding"] == 0
        assert labels("chestxray14", (concept, "absent"))["No Finding"] == 1


@pytest.mark.parametrize(("name", "column"), [("chestxray8", "No Finding"), ("openi", "normal")])
def test_the_two_pass_normal_is_no_disease_of_any_kind(name: str, column: str) -> None:
    assert labels(name)[column] == 1
    assert labels(name, (NORMAL, "present"))[column] == 1
    assert labels(name, (OTHER, "absent"))[column] == 1
    assert labels(name, (OTHER, "present"))[column] == 0
    assert labels(name, (OTHER, "probable"))[column] == 0
    assert labels(name, (concept_of("chestxray14", "Effusion"), "present"))[column] == 0


# ------------------------------------------------------------------ the conventions of one gold


def test_openi_never_marks_a_hernia() -> None:
    row = labels("openi", (concept_of("chestxray14", "Hernia"), "present"))
    assert row["Hernia"] == 0
    assert row["normal"] == 0  # it is a disease all the same
    assert labels("chestxray14", (concept_of("chestxray14", "Hernia"), "present"))["Hernia"] == 1


@pytest.mark.parametrize(
    ("concept", "column"),
    [
        ("pericardial_effusion", "Effusion"),
        ("peribronchial_thickening", "Pleural_Thickening"),
        ("borderline_cardiomegaly", "Cardiomegaly"),
    ],
)
def test_openi_counts_more_than_chestxray14(concept: str, column: str) -> None:
    assert column in ones(labels("openi", (concept, "present")))
    assert column not in ones(labels("chestxray14", (concept, "present")))


def test_hydropneumothorax_is_no_pneumothorax_in_openi(labeler: Labeler) -> None:
    row = labeler.label("There is a right hydropneumothorax.").labels("openi")
    assert row["Pneumothorax"] == 0
    assert row["normal"] == 0


# ------------------------------------------------------------------ empty reports


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_an_empty_report(labeler: Labeler, text: str) -> None:
    report = labeler.label(text)
    assert report.is_empty
    assert report.mentions == ()
    assert ones(report.labels("openi")) == {"normal"}  # as the gold codes it
    assert set(report.labels("chexpert").values()) == {None}
    for name in ("chestxray8", "chestxray14"):
        assert set(report.labels(name).values()) == {0}
        assert tuple(report.labels(name)) == labeler.columns(name)


@pytest.mark.parametrize(
    "text",
    [
        "INDICATION: Rule out pneumonia.",
        "HISTORY: Known effusion.\nCOMPARISON: A film with a mass.",
        "INDICATION: Mass.\nFINDINGS:\nIMPRESSION:\n",
    ],
)
def test_a_report_of_which_nothing_counts_is_empty(labeler: Labeler, text: str) -> None:
    report = labeler.label(text)
    assert report.is_empty
    assert report.mentions == ()
    assert ones(report.labels("openi")) == {"normal"}
    assert set(report.labels("chexpert").values()) == {None}
    assert set(report.labels("chestxray14").values()) == {0}  # "No Finding" among them


@pytest.mark.parametrize("text", ["Nothing to see here.", "INDICATION: Mass.\nIMPRESSION: Same."])
def test_a_report_without_mentions_is_not_empty(labeler: Labeler, text: str) -> None:
    report = labeler.label(text)
    assert (report.is_empty, report.mentions) == (False, ())
    assert report.labels("chestxray14")["No Finding"] == 1


# ------------------------------------------------------------------ properties

_mentions = st.lists(
    st.builds(
        mention,
        st.sampled_from([c.id for c in _VOCABULARY.concepts]),
        st.sampled_from(STATUSES),
        st.sampled_from(["", "no", "possible", "alternatives"]),
    ),
    max_size=8,
)
_READY = {name: scheme(name) for name in SHIPPED}


@given(_mentions, st.randoms())
def test_labels_do_not_depend_on_the_order_of_mentions(found: list[Mention], random) -> None:
    shuffled = random.sample(found, len(found))
    for ready in _READY.values():
        assert ready.labels(found) == ready.labels(shuffled)
        assert ready.labels(iter(found)) == ready.labels([*found, *found])


@given(_mentions)
def test_values_are_the_schemes_own(found: list[Mention]) -> None:
    for name, ready in _READY.items():
        row = ready.labels(found)
        assert tuple(row) == ready.columns
        assert set(row.values()) <= ({1, 0, -1, None} if name == "chexpert" else {1, 0})


@given(_mentions)
def test_no_finding_excludes_findings(found: list[Mention]) -> None:
    for name, ready in _READY.items():
        row = ready.labels(found)
        column = "normal" if name == "openi" else "No Finding"
        if row[column] == 1:
            assert ones(row) <= {column, "Support Devices"}


# ------------------------------------------------------------------ a scheme of one's own

OWN = """\
about: Three columns of our hospital.
columns: [heart, fluid, all clear]
concepts:
  add:
    heart: [cardiomegaly]
    fluid: [CONCEPT]
statuses: {present: 1, probable: 1, possible: -1, absent: 0, historical: 0, hypothetical: null}
concept_statuses:
  CONCEPT: {historical: -1}
rules: {alternatives: null}
order: [1, 0, -1]
otherwise: null
normal: {column: all clear, unless: any column}
empty: {all clear: -1}
"""
FLUID = concept_of("chestxray14", "Effusion")
HEART = concept_of("chestxray14", "Cardiomegaly")
OWN = OWN.replace("[cardiomegaly]", f"[{HEART}]").replace("CONCEPT", FLUID)


def own_folder(tmp_path: Path, text: str = OWN) -> Path:
    (tmp_path / "schemes").mkdir(parents=True, exist_ok=True)
    (tmp_path / "schemes" / "ward.yaml").write_text(text, "utf-8")
    return tmp_path


def test_a_scheme_of_ones_own_in_a_copied_vocabulary(tmp_path: Path) -> None:
    from cxrmine import Labeler

    shutil.copytree(VOCAB, tmp_path / "vocab")
    own_folder(tmp_path / "vocab")
    labeler = Labeler.load(vocab=tmp_path / "vocab")
    assert labeler.schemes() == [*SHIPPED, "ward"]
    assert labeler.columns("ward") == ("heart", "fluid", "all clear")
    report = labeler.label("Cardiomegaly without pleural effusion.")
    assert report.labels("ward") == {"heart": 1, "fluid": 0, "all clear": 0}
    assert report.labels("chestxray14")["Cardiomegaly"] == 1


def test_a_scheme_that_names_an_unknown_rule(tmp_path: Path) -> None:
    from cxrmine import Labeler

    shutil.copytree(VOCAB, tmp_path / "vocab")
    text = OWN.replace("rules: {alternatives: null}", "rules: {alternatives: null, altnatives: 1}")
    assert text != OWN
    own_folder(tmp_path / "vocab", text)
    labeler = Labeler.load(vocab=tmp_path / "vocab")
    for use in (labeler.columns, labeler.scheme, labeler.label("No effusion.").labels):
        with pytest.raises(SchemeError) as error:
            use("ward")
        assert str(error.value) == (
            "ward.yaml: rules: there is no rule 'altnatives' among the loaded rules; take it out "
            "of the scheme or give --rules a folder that has it."
        )
    assert labeler.columns("chestxray14")  # the other schemes are as good as ever


def test_every_field_of_a_scheme_counts(tmp_path: Path, vocabulary: Vocabulary) -> None:
    ward = load_scheme("ward", own_folder(tmp_path), vocabulary)

    def value(*found: Mention) -> dict[str, int | None]:
        return ward.labels(found)

    assert value(mention(FLUID, "historical")) == {"heart": None, "fluid": -1, "all clear": 0}
    assert value(mention(HEART, "historical")) == {"heart": 0, "fluid": None, "all clear": 1}
    assert value(mention(HEART, "hypothetical"))["heart"] is None
    assert value(mention(HEART, "possible", "alternatives"))["heart"] is None
    # `order` puts a negative mention before an uncertain one here
    assert value(mention(HEART, "possible"), mention(HEART, "absent"))["heart"] == 0
    assert ward.labels([], is_empty=True) == {"heart": None, "fluid": None, "all clear": -1}


def test_base_takes_another_schemes_concepts(tmp_path: Path, vocabulary: Vocabulary) -> None:
    text = f"""\
columns: [Effusion, Mass, Nodule]
base: chestxray14
concepts: {{remove: [{FLUID}], never: [Mass]}}
statuses: {{present: 1, probable: 1, possible: 0, absent: 0, historical: 0, hypothetical: 0}}
"""
    ward = load_scheme("ward", own_folder(tmp_path, text), vocabulary)
    assert FLUID not in ward.column_of
    assert set(ward.column_of.values()) == {("Nodule",)}
    assert ward.labels([mention(concept_of("chestxray14", "Mass"), "present")])["Mass"] == 0


def test_parents_are_followed_to_the_root(tmp_path: Path, vocabulary: Vocabulary) -> None:
    text = OWN.replace("columns: [", "columns: [any, ").replace(
        "otherwise: null", "otherwise: null\nparents: {heart: [fluid], fluid: [any]}"
    )
    ward = load_scheme("ward", own_folder(tmp_path, text), vocabulary)
    row = ward.labels([mention(HEART, "present")])
    assert (row["heart"], row["fluid"], row["any"]) == (1, 1, 1)


NORMAL_RULE = OWN.replace(
    "normal: {column: all clear, unless: any column}",
    f"""normal:
  column: all clear
  unless: any abnormal concept
  statuses: [present]
  ignore_columns: [heart]
  ignore_concepts: [{HEART}]
  also_concepts: {{ALSO: [possible]}}
  statements: [STATEMENT]
  statements_win_over: [OTHER]""",
).replace("STATEMENT", NORMAL)
ALSO = next(c.id for c in _VOCABULARY.concepts if c.abnormal and c.id not in (OTHER, HEART, FLUID))
NORMAL_RULE = NORMAL_RULE.replace("OTHER", OTHER).replace("ALSO", ALSO)


@pytest.mark.parametrize(
    ("found", "clear"),
    [
        ([(OTHER, "present")], 0),
        ([(OTHER, "probable")], 1),  # statuses: only what is surely there counts
        ([(OTHER, "present"), (NORMAL, "present")], 1),  # a statement wins over this one
        ([(FLUID, "present"), (NORMAL, "present")], 0),  # but not over that one
        ([(HEART, "present")], 1),
        ([(ALSO, "possible")], 0),
        ([(ALSO, "present")], 1),
    ],
)
def test_the_rule_of_the_normal_column(
    tmp_path: Path, vocabulary: Vocabulary, found: list[tuple[str, str]], clear: int
) -> None:
    ward = load_scheme("ward", own_folder(tmp_path, NORMAL_RULE), vocabulary)
    assert ward.labels([mention(*m) for m in found])["all clear"] == clear


# ------------------------------------------------------------------ what the README says

README = (VOCAB / "schemes" / "README.md").read_text("utf-8")


def test_the_scheme_of_the_readme_works(tmp_path: Path, vocabulary: Vocabulary) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    ward = load_scheme("ward", own_folder(tmp_path, example), vocabulary)
    found = [mention(FLUID, "possible"), mention(HEART, "absent")]
    assert ward.labels(found) == {"heart": 0, "fluid": -1, "nothing": 0}
    assert ward.labels([]) == {"heart": None, "fluid": None, "nothing": 1}


def test_the_readme_knows_every_field_and_scheme() -> None:
    fields = {*_SchemeFile.model_fields, *_Normal.model_fields}
    missing = [field for field in sorted(fields) if f"| `{field}` |" not in README]
    assert not missing
    assert all(f"`{name}`" in README for name in SHIPPED)


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hypothetical: null", "hypothesis: null",
         "ward.yaml: statuses must give a value for each of present, probable, possible, absent, "
         "historical, hypothetical, and for nothing else (wrong or missing: hypothesis, "
         "hypothetical)."),
        (", hypothetical: null", "", "ward.yaml: statuses must give a value for each of"),
        ("heart: [", "Heart: [",
         "ward.yaml: concepts.add: no column 'Heart'; the columns are heart, fluid, all clear."),
        (f"heart: [{HEART}]", "heart: [big_heart]",
         "ward.yaml: concepts.add.heart: no concept 'big_heart' in the vocabulary."),
        ("concepts:\n", "concepts:\n  remove: [gone]\n",
         "ward.yaml: concepts.remove: no concept 'gone' in the vocabulary."),
        ("concepts:\n", "concepts:\n  never: [lungs]\n",
         "ward.yaml: concepts.never: no column 'lungs'; the columns are"),
        (f"  {FLUID}: {{historical", "  water: {historical",
         "ward.yaml: concept_statuses: no concept 'water' in the vocabulary."),
        ("{historical: -1}", "{past: -1}",
         f"ward.yaml: concept_statuses.{FLUID}: no status 'past'; use present, "),
        ("order: [1, 0, -1]", "order: [1, 0]", "ward.yaml: order: the value -1 is missing"),
        ("column: all clear", "column: clear", "ward.yaml: normal.column: no column 'clear'"),
        ("unless: any column", "unless: something",
         "ward.yaml, line 13: normal, unless is 'something': write 'any abnormal concept' or 'any "
         "column'."),
        ("empty: {all clear", "empty: {clear", "ward.yaml: empty: no column 'clear'"),
        ("otherwise: null", "parents: {lungs: [heart]}", "ward.yaml: parents: no column 'lungs'"),
        ("otherwise: null", "parents: {heart: [lungs]}", "ward.yaml: parents: no column 'lungs'"),
        ("columns: [heart, ", "columns: [heart, heart, ",
         "ward.yaml: columns must name at least one column, each of them once."),
        ("about:", "abuot:", "ward.yaml, line 1: abuot is an unknown key: use one of about, "),
        ("present: 1,", "present: yes,",
         "ward.yaml, line 7: statuses, present is 'yes': write a whole number."),
        ("columns:", "colums:", "ward.yaml, line 2: colums is an unknown key: use one of about, "),
        ("columns: [heart, ", "columns: [report_id, ", "ward.yaml: columns: 'report_id' is the first"),
        ("order:", "columns: [heart]\norder:",
         "ward.yaml, line 11: the key 'columns' stands twice: keep one of them."),
        ("any column}", "any column, statuses: [there]}",
         "ward.yaml: normal.statuses: no status 'there'; use present, "),
        ("any column}", "any column, also_concepts: {there: [present]}}",
         "ward.yaml: normal.also_concepts: no concept 'there' in the vocabulary."),
        (OWN[OWN.index("concepts:\n"):OWN.index("statuses:")], "",
         "ward.yaml: no concept counts for any column: name with base: a scheme that"),
        ("columns: [", "columns: [[", "ward.yaml, line "),
    ],
)  # fmt: skip
def test_a_broken_scheme_is_one_sentence(
    tmp_path: Path, vocabulary: Vocabulary, old: str, new: str, message: str
) -> None:
    assert old in OWN
    path = own_folder(tmp_path, OWN.replace(old, new, 1))
    with pytest.raises(UserError) as error:
        load_scheme("ward", path, vocabulary)
    assert str(error.value).startswith(message)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


def test_an_unknown_scheme_lists_those_there_are(labeler: Labeler) -> None:
    report = labeler.label("No effusion.")
    with pytest.raises(SchemeError) as error:
        report.labels("mimic")
    assert str(error.value).startswith(
        "There is no scheme 'mimic': the schemes are chestxray14, chestxray8, chexpert, openi; "
        "a scheme of your own is a YAML file in "
    )


def test_the_gold_is_no_scheme(labeler: Labeler) -> None:
    with pytest.raises(SchemeError, match="There is no scheme 'openi_gold'"):
        labeler.columns("openi_gold")


@pytest.mark.parametrize("text", ["", "just words\n", "- a\n"])
def test_a_file_of_the_wrong_shape(tmp_path: Path, vocabulary: Vocabulary, text: str) -> None:
    with pytest.raises(SchemeError, match=r"^ward\.yaml, line 1: the file is "):
        load_scheme("ward", own_folder(tmp_path, text), vocabulary)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("chestxray14: Effusion", "chestxray15: Effusion", "no scheme 'chestxray15'; the schemes"),
        ("chestxray14: Effusion", "chestxray14: Efusion", "'chestxray14' has no column 'Efusion'"),
    ],
)
def test_an_entry_that_counts_for_nothing_is_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (VOCAB / "findings.yaml").read_text("utf-8")
    assert old in text
    (tmp_path / "findings.yaml").write_text(text.replace(old, new, 1), "utf-8")
    changed = load_vocabulary(tmp_path / "findings.yaml")
    with pytest.raises(SchemeError) as error:
        load_scheme("chestxray14", VOCAB, changed)
    assert str(error.value).startswith("findings.yaml, line ")
    assert message in str(error.value)
