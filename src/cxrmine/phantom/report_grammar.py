"""Reports of the synthetic hospital: sentences from a small grammar, with the truth of each.

The grammar and its words are this module's own: nothing comes from ``vocab/`` or ``rules/`` (a
test looks), because a labeler that is scored on its own words proves nothing. A template holds
alternatives in brackets, ``[a|b|]``, which may nest, and slots in braces.

What a report says of a finding that is on the film is ``present`` or ``probable``; of one that is
not, nothing, or ``absent``, ``historical``, ``hypothetical``, or seldom ``possible``. So the films'
truth is the reports' truth in every scheme that counts ``probable`` and not ``possible``
(ChestX-ray8's; Wang et al. 2017, section 2.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cxrmine.phantom.lesions import FINDINGS, Lesion

#: How often a finding that is there is hedged, and one that is not is held possible (per report).
_PROBABLE, _POSSIBLE = 0.14, 0.04


@dataclass(frozen=True, slots=True)
class Said:
    """What a sentence says of a finding; ``status`` is one of the six of ``mentions.parquet``."""

    finding: str
    status: str
    section: str
    sentence: str


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A report and what each of its sentences says."""

    text: str
    said: tuple[Said, ...]


_INNERMOST = re.compile(r"\[([^\[\]]*)\]")


def expand(template: str, random: np.random.Generator, slots: Mapping[str, str]) -> str:
    """Return one sentence of a template: of every bracket one alternative, slots filled.

    Parameters
    ----------
    template : str
        ``"[There is|] a {size} mass"``; alternatives are equally likely.
    random : Generator
    slots : mapping
        By name; a name that a template has and the mapping lacks is an error.

    Examples
    --------
    >>> expand("[no |]{what}", np.random.default_rng(0), {"what": "mass"})
    'mass'
    """

    def choose(match: re.Match[str]) -> str:
        options = match[1].split("|")
        return options[int(random.integers(len(options)))]

    while _INNERMOST.search(template):
        template = _INNERMOST.sub(choose, template)
    return " ".join(template.format_map(slots).split())


def _sentence(text: str) -> str:
    text = re.sub(r"\s+([,.;:])", r"\1", text).strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


# How a finding is named where a place can stand before it, and where it is denied. Slots: side,
# lobe (right upper lobe), base (right base), size (a word of size), sides (bilateral or a side).
_NOUN: Mapping[str, str] = {
    "Atelectasis": "[{base}|{lobe}|{side} basilar] [platelike |discoid |linear |subsegmental |]atelectasis",
    "Cardiomegaly": "[{degree} |]cardiomegaly",
    "Effusion": "{size} {sides} [pleural |pleural |]{effusion}",
    "Infiltration": "[patchy |ill-defined |hazy |]{lobe} {infiltrate}",
    "Mass": "[{cm} cm |large |rounded |lobulated |][{lobe}|{side} lung] mass",
    "Nodule": "[{mm} mm |small |][{lobe}|{side} lung] [pulmonary |]{nodule}",
    "Pneumonia": "[{lobe}|{side}-sided] pneumonia",
    "Pneumothorax": "{size} {side} [apical |]pneumothorax",
}
_PRESENT: Mapping[str, tuple[str, ...]] = {
    "Atelectasis": (
        "[There is|There are bands of|Note is made of] {noun}",
        "[Linear|Platelike|Streaky] [densities|bands] in the {lobe} [represent|are due to] atelectasis",
        "Atelectasis is [seen|present|noted] [at the {base}|in the {lobe}]",
        "{noun} [with slight elevation of the {side} hemidiaphragm|]",
    ),
    "Cardiomegaly": (
        "[The heart is|The cardiac silhouette is|Heart size is] [{degree}ly |]enlarged",
        "[There is|Again seen is|] {noun}",
        "{degree} enlargement of the [heart|cardiac silhouette]",
        "Cardiothoracic ratio is increased, [indicating|in keeping with its known] cardiomegaly",
    ),
    "Effusion": (
        "[There is|There is again|] [a |]{noun}",
        "A {size} amount of {sides} pleural fluid is [seen|present]",
        "{sides} costophrenic [angle|sulcus] is blunted by [a |]{size} pleural effusion",
        "[A |]{noun} [layers|is seen] [posteriorly|at the base|along the chest wall]",
    ),
    "Infiltration": (
        "[There is|There is an|] {noun}",
        "[An|A patchy] infiltrate is [seen|present|noted] in the {lobe}",
        "The {lobe} [shows|demonstrates] [a patchy|an ill-defined] infiltrate",
        "{lobe} [infiltration|infiltrate] [is evident|has developed|]",
    ),
    "Mass": (
        "[There is|Note is made of] a {noun}",
        "A [{cm} cm|rounded|lobulated] mass [is seen|projects] [in|over] the {lobe}",
        "[The|A] mass in the {lobe} measures [about |]{cm} cm",
    ),
    "Nodule": (
        "[There is|There is|Note is made of] a {noun}",
        "A [{mm} mm|small|well-circumscribed] nodule [is seen|projects] [in|over] the {lobe}",
        "[Nodule|Small nodule] in the {lobe}[, measuring {mm} mm|]",
    ),
    "Pneumonia": (
        "[There is|] {noun}",
        "[Dense|Confluent] opacity in the {lobe} [represents|is due to] pneumonia",
        "The {lobe} [contains|shows] [air bronchograms and |]a dense pneumonia",
        "Pneumonia [is present|is seen|has developed] in the {lobe}",
    ),
    "Pneumothorax": (
        "[There is|] a {noun}",
        "A {size} pneumothorax is [seen|present|visible] [on the {side}|at the {side} apex]",
        "[Visceral|Thin] pleural line at the {side} apex [with absent markings peripherally |]from a {size} pneumothorax",
    ),
}
_PROBABLY: tuple[str, ...] = (
    "[Findings|Appearances|These findings] are [most |]consistent with {bare}",
    "[Probable|Likely] {bare}",
    "There is [probably|likely] {article} {bare}",
    "{plain} is [likely|most likely|probably] present",
    "[This|The appearance] most likely represents {article} {bare}",
)
# Without any place: what is denied, excluded, asked for or remembered.
_BARE: Mapping[str, str] = {
    "Atelectasis": "[atelectasis|atelectasis|atelectatic change]",
    "Cardiomegaly": "[cardiomegaly|cardiomegaly|cardiac enlargement]",
    "Effusion": "[pleural effusion|pleural effusion|effusion]",
    "Infiltration": "[infiltrate|focal infiltrate|pulmonary infiltrate]",
    "Mass": "[mass|pulmonary mass|lung mass]",
    "Nodule": "[nodule|pulmonary nodule|lung nodule]",
    "Pneumonia": "[pneumonia|pneumonia|lobar pneumonia]",
    "Pneumothorax": "pneumothorax",
}
_ARTICLE = {
    "Effusion": "a",
    "Infiltration": "an",
    "Mass": "a",
    "Nodule": "a",
    "Pneumothorax": "a",
}
_DENIED_ONE: tuple[str, ...] = (
    "[No|There is no|No evidence of|There is no evidence of|No radiographic evidence of] {bare}",
    "Negative for {bare}",
    "[No definite|No sizeable|No focal] {bare} [is seen|is identified|]",
    "{plain} is not [seen|identified|present]",
    "{plain} has been ruled out",
)
_DENIED_HEART: tuple[str, ...] = (
    "[The heart is|Heart is] not enlarged",
    "[No|There is no] {bare}",
    "The cardiac silhouette is [normal in size|within normal limits]",
    "Heart size is [normal|within normal limits]",
)
_DENIED_SOME: tuple[str, ...] = (
    "[No|There is no|No evidence of|Without evidence of] {list}",
    "[The lungs are|Lungs remain] [free|clear] of {list}",
    "[Neither|No] {first} nor {last} is [seen|identified]",
)
_PAST: tuple[str, ...] = (
    "[The previously seen|The previously described|Prior] {bare} has [resolved|cleared|since resolved]",
    "[Interval resolution|Complete resolution] of [the |]{bare}",
    "{plain} [seen previously|on the earlier film] is no longer [seen|present|visible]",
)
_HISTORY: tuple[str, ...] = (
    "History of {bare}",
    "[Prior|Past] {bare}[, treated|]",
    "Patient with [a history of|prior] {bare}",
)
_ASKED: tuple[str, ...] = (
    "[Evaluate|Assess|Please evaluate] for {bare}",
    "Rule out {bare}",
    "[Question|Concern] of {bare}",
    "{bare}?",
)
_PERHAPS: tuple[str, ...] = (
    "[A small|A trace|Minimal|A subtle] {bare} [cannot be excluded|cannot be entirely excluded|is not excluded]",
    "Possible [small|subtle|] {bare}",
    "[Questionable|Equivocal] {bare}",
)
_COMPLAINTS = (
    "cough",
    "shortness of breath",
    "chest pain",
    "fever",
    "dyspnea on exertion",
    "weakness",
    "a fall",
    "pre-operative assessment",
    "weight loss",
)
_ASIDES: tuple[str, ...] = (
    "[The bones are|Bony structures are|Osseous structures appear] [unremarkable|intact]",
    "[Degenerative changes|Mild degenerative change] of the thoracic spine",
    "The aorta is [tortuous|mildly unfolded|unremarkable]",
    "[The trachea is|Trachea] midline",
    "Pulmonary vascularity is [normal|within normal limits]",
    "[Hilar contours|The hila] are [normal|unremarkable]",
    "Soft tissues are unremarkable",
    "[Film is|The patient is] slightly rotated",
)
_NORMAL: tuple[str, ...] = (
    "[No acute|No active|No] [cardiopulmonary|cardiothoracic] [disease|abnormality|process]",
    "Normal [chest|chest radiograph|study]",
    "[No acute findings|Unremarkable study]",
)
_CLEAR = (
    "[The lungs are|Lungs are|Both lungs are] [clear|clear bilaterally|well expanded and clear]"
)


class _Writer:
    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.said: list[Said] = []
        self.section = ""
        self.lines: list[str] = []

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def choose(self, options: Sequence[str]) -> str:
        return options[int(self.random.integers(len(options)))]

    def add(
        self,
        templates: Sequence[str],
        slots: Mapping[str, str] | None = None,
        says: Sequence[tuple[str, str]] = (),
    ) -> None:
        text = _sentence(expand(self.choose(templates), self.random, slots or {}))
        text = text.replace("?.", "?")
        self.lines.append(text)
        self.said += [Said(finding, status, self.section, text) for finding, status in says]

    def bare(self, finding: str) -> str:
        return expand(_BARE[finding], self.random, {})

    def nouns(self, finding: str) -> dict[str, str]:
        bare = self.bare(finding)
        return {"bare": bare, "plain": bare, "article": _ARTICLE.get(finding, "")}


def _slots(lesions: Sequence[Lesion], random: np.random.Generator) -> dict[str, str]:
    """Return the words of the lesions of one finding: where they are and how large."""
    first = lesions[0]
    side = first.side or "left"
    both = len({lesion.side for lesion in lesions}) == 2 and first.finding == "Effusion"
    zone = first.zone or "lower"
    lobe = f"{side} {zone} [lobe|lung zone]"
    if zone == "mid":
        lobe = "right middle lobe" if side == "right" else "left mid lung zone"
    words = (
        ("small", "moderate", "large")
        if first.finding == "Effusion"
        else (
            "tiny",
            "small",
            "moderate",
        )
    )
    degree = ("mild", "moderate", "marked")[min(int(first.size * 3), 2)]
    slots = {
        "side": side,
        "sides": "bilateral" if both else side,
        "size": words[min(int(first.size * 3), 2)],
        "degree": degree,
        "lobe": expand(lobe, random, {}),
        "base": f"{side} [lung |]base" if zone == "lower" else f"{side} mid lung",
        "effusion": "effusions" if both else "effusion",
        "infiltrate": "infiltrate",
        "nodule": "nodule",
        "cm": f"{3.2 + 3.5 * first.size:.1f}",
        "mm": str(round(14 + 12 * first.size)),
    }
    slots["base"] = expand(slots["base"], random, {})
    return slots


def write_report(
    random: np.random.Generator,
    lesions: Sequence[Lesion],
    *,
    age: int,
    sex: str,
    view: str,
    earlier: Sequence[str] | None = None,
) -> WrittenReport:
    """Write the report of a study.

    Parameters
    ----------
    random : Generator
    lesions : sequence of Lesion
        What is on the films.
    age : int
    sex : str
        ``F`` or ``M``.
    view : str
        ``PA`` or ``AP``.
    earlier : sequence of str
        Findings of the patient's study before, if there was one: what has gone may be said to have
        resolved.

    Returns
    -------
    WrittenReport
        One of several layouts: with headings (in capitals or not), impression only, or without
        any heading.
    """
    there: dict[str, list[Lesion]] = {}
    for lesion in lesions:
        there.setdefault(lesion.finding, []).append(lesion)
    absent = [finding for finding in FINDINGS if finding not in there]
    writer = _Writer(random)
    slots = {finding: _slots(found, random) for finding, found in there.items()}

    layout = str(random.choice(["headed", "titled", "short", "plain"], p=[0.62, 0.18, 0.12, 0.08]))
    parts: list[tuple[str, str]] = []

    def section(name: str, fill: Callable[[], None]) -> None:
        writer.section, writer.lines = name, []
        fill()
        if writer.lines:
            parts.append((name, " ".join(writer.lines)))

    if layout in ("headed", "titled"):
        section("indication", lambda: _indication(writer, age, sex, absent))
        section("comparison", lambda: _comparison(writer, earlier is not None))
    if layout != "short":
        section("findings", lambda: _findings(writer, slots, absent, earlier or (), view))
    section("impression", lambda: _impression(writer, slots, absent, layout == "short"))
    return WrittenReport(_laid_out(parts, layout), tuple(writer.said))


def _laid_out(parts: Sequence[tuple[str, str]], layout: str) -> str:
    if layout == "plain":
        return "\n\n".join(text for _, text in parts)
    headings = [(name.upper() if layout != "titled" else name.capitalize()) for name, _ in parts]
    return "\n".join(f"{head}: {text}" for head, (_, text) in zip(headings, parts, strict=True))


def _indication(writer: _Writer, age: int, sex: str, absent: Sequence[str]) -> None:
    writer.add(
        ("{age}-year-old {who} with {what}", "{what}", "{who}, {age} years, {what}"),
        {
            "age": str(age),
            "who": {"F": "woman", "M": "man"}[sex],
            "what": writer.choose(_COMPLAINTS),
        },
    )
    if writer.chance(0.35):
        # Doctors ask for what turns out to be there as well as for what does not.
        finding = writer.choose(FINDINGS)
        writer.add(_ASKED, writer.nouns(finding), [(finding, "hypothetical")])
    if absent and writer.chance(0.15):
        finding = writer.choose(absent)
        writer.add(_HISTORY, writer.nouns(finding), [(finding, "historical")])


def _comparison(writer: _Writer, earlier: bool) -> None:
    if earlier:
        writer.add(("[Prior radiograph|Previous examination|Chest radiograph of the prior visit]",))
    elif writer.chance(0.6):
        writer.add(("None", "None available", "No prior study"))


def _findings(
    writer: _Writer,
    slots: Mapping[str, Mapping[str, str]],
    absent: Sequence[str],
    earlier: Sequence[str],
    view: str,
) -> None:
    random = writer.random
    steps: list[Callable[[], None]] = []
    for finding in slots:
        steps.append(lambda finding=finding: _state(writer, finding, slots[finding]))  # type: ignore[misc]
    gone = [finding for finding in earlier if finding in absent]
    unsaid = [finding for finding in absent if finding not in gone]
    for finding in gone:
        if writer.chance(0.6):
            steps.append(
                lambda finding=finding: writer.add(  # type: ignore[misc]
                    _PAST, writer.nouns(finding), [(finding, "historical")]
                )
            )
    if unsaid and writer.chance(_POSSIBLE):
        finding = unsaid.pop(int(random.integers(len(unsaid))))
        steps.append(
            lambda finding=finding: writer.add(  # type: ignore[misc]
                _PERHAPS, writer.nouns(finding), [(finding, "possible")]
            )
        )
    if "Cardiomegaly" in unsaid and writer.chance(0.55):
        unsaid.remove("Cardiomegaly")
        steps.append(
            lambda: writer.add(
                _DENIED_HEART, writer.nouns("Cardiomegaly"), [("Cardiomegaly", "absent")]
            )
        )
    shuffled = [unsaid[k] for k in random.permutation(len(unsaid)).tolist()]
    if len(shuffled) >= 2 and writer.chance(0.75):
        number = min(int(random.integers(2, 5)), len(shuffled))
        some, shuffled = shuffled[:number], shuffled[number:]
        steps.append(lambda: _deny_some(writer, some))
    for finding in shuffled[: int(random.integers(0, 3))]:
        steps.append(
            lambda finding=finding: writer.add(  # type: ignore[misc]
                _DENIED_ONE, writer.nouns(finding), [(finding, "absent")]
            )
        )
    asides = random.permutation(len(_ASIDES))[: int(random.integers(0, 3))].tolist()
    for k in asides:
        steps.append(lambda k=k: writer.add((_ASIDES[k],)))  # type: ignore[misc]
    if not slots and writer.chance(0.6):
        steps.insert(0, lambda: writer.add((_CLEAR,)))
    if view == "AP" and writer.chance(0.4):
        writer.add(("[Portable|Single AP|Semi-erect] view of the chest",))
    for k in random.permutation(len(steps)).tolist():
        steps[k]()


def _state(writer: _Writer, finding: str, slots: Mapping[str, str]) -> None:
    if writer.chance(_PROBABLE):
        noun = _noun(writer, finding, slots)
        filled = {**slots, "bare": noun, "plain": noun, "article": _article(finding, noun)}
        writer.add(_PROBABLY, filled, [(finding, "probable")])
        return
    writer.add(
        _PRESENT[finding],
        {**slots, "noun": _noun(writer, finding, slots)},
        [(finding, "present")],
    )


def _noun(writer: _Writer, finding: str, slots: Mapping[str, str]) -> str:
    return expand(_NOUN[finding], writer.random, slots)


def _article(finding: str, noun: str) -> str:
    if finding not in _ARTICLE or "bilateral" in noun:
        return ""
    return "an" if noun[0] in "aeiou" else "a"


def _deny_some(writer: _Writer, findings: Sequence[str]) -> None:
    names = [writer.bare(finding) for finding in findings]
    joined = f"{', '.join(names[:-1])}{',' if len(names) > 2 else ''} or {names[-1]}"
    templates = _DENIED_SOME if len(names) == 2 else _DENIED_SOME[:2]
    writer.add(
        templates,
        {"list": joined, "first": names[0], "last": names[-1]},
        [(finding, "absent") for finding in findings],
    )


def _impression(
    writer: _Writer,
    slots: Mapping[str, Mapping[str, str]],
    absent: Sequence[str],
    alone: bool,
) -> None:
    if not slots:
        writer.add(_NORMAL)
        if absent and writer.chance(0.3):
            finding = writer.choose(absent)
            writer.add(_DENIED_ONE[:2], writer.nouns(finding), [(finding, "absent")])
        return
    for finding, filled in slots.items():
        # What the findings have said already need not be said again.
        if not alone and writer.chance(0.2):
            continue
        noun = _noun(writer, finding, filled)
        if absent and writer.chance(0.15):
            other = writer.choose(absent)
            writer.add(
                ("{noun} [without|but no|with no] [evidence of |]{other}",),
                {"noun": noun, "other": writer.bare(other)},
                [(finding, "present"), (other, "absent")],
            )
        elif writer.chance(_PROBABLE):
            writer.add(
                ("[Probable|Likely|Suspected] {noun}",), {"noun": noun}, [(finding, "probable")]
            )
        else:
            writer.add(
                ("{noun}", "{noun}, [as above|as described]"),
                {"noun": noun},
                [(finding, "present")],
            )
    if not writer.lines:
        writer.add(("As above", "See findings"))
    if alone and absent and writer.chance(0.4):
        finding = writer.choose(absent)
        writer.add(_DENIED_ONE[:1], writer.nouns(finding), [(finding, "absent")])
