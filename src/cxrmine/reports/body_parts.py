"""Reports of several examinations: what is said of a knee is no finding of the chest.

Emergency departments dictate a chest, a knee and a hand into one report and head each part with its
name ("Chest. … Right knee. …"). Only the chest's part counts, as for the coders of Open-i.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SIDE = r"(?:(?:right|left|bilateral|both)\s+)?"
_LIMB = (
    r"(?:knees?|ankles?|foot|feet|toes?|hips?|pelvis|femurs?|thighs?|tibia(?:\s+and\s+fibula)?|fibula"
    r"|legs?|lower\s+legs?|hands?|wrists?|fingers?|thumbs?|forearms?|elbows?|skull|facial\s+bones"
    r"|sinuses|mandible|nasal\s+bones|(?:cervical|lumbar|lumbosacral|c-?|l-?)\s*spine|sacrum|coccyx)"
)
_BELLY = r"(?:abdomen(?:\s+and\s+pelvis)?|kub)"
_VIEW = r"(?:\s+(?:x-?rays?|radiographs?|films?|views?|series|study))?[\s\d.:]*"
_JOIN = r"(?:\s*(?:,|/|and)\s*"
_OTHER = re.compile(rf"{_SIDE}{_LIMB}{_JOIN}{_SIDE}{_LIMB})*{_VIEW}", re.IGNORECASE)
# An abdomen is a part of its own only beside a part headed "Chest": a structured chest report
# may have a line for the upper abdomen.
_ABDOMEN = re.compile(rf"{_BELLY}{_VIEW}", re.IGNORECASE)
_CHEST = re.compile(
    rf"(?:(?:portable|frontal|single|ap|pa|upright)\s+)*chest(?:\s*,?\s*(?:pa|ap|and|lateral|portable"
    rf"|frontal|two|2|one|1)\b)*{_VIEW}",
    re.IGNORECASE,
)
_ORGAN = re.compile(
    r"(?:lungs?|heart|mediastinum|pleura|bones?|thorax|ribs?|lines|tubes|devices|soft\s+tissues?"
    r"|impression|findings)[\s\d.:]*",
    re.IGNORECASE,
)
# The last words of such headings: a look at them spares most sentences the expressions.
_LAST = frozenset(
    """knee knees ankle ankles foot feet toe toes hip hips pelvis femur femurs thigh thighs tibia fibula
    leg legs hand hands wrist wrists finger fingers thumb thumbs forearm forearms elbow elbows skull
    bones sinuses mandible spine sacrum coccyx abdomen kub x-ray x-rays xray xrays radiograph
    radiographs film films view views series study""".split()
)
_LONGEST = 48  # characters of a heading


def _last_word(sentence: str) -> str:
    words = sentence.rstrip(" .:0123456789").rsplit(None, 1)
    return words[-1].lower() if words else ""


def of_the_chest(text: str, sentences: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the sentences that do not stand under the heading of another body part.

    Parameters
    ----------
    text
        One section's body.
    sentences
        Its sentences, as half-open character offsets.
    """
    short = [(s, e) for s, e in sentences if e - s <= _LONGEST]
    if not any(_last_word(text[s:e]) in _LAST for s, e in short):
        return list(sentences)
    if not any(_OTHER.fullmatch(text, s, e) or _ABDOMEN.fullmatch(text, s, e) for s, e in short):
        return list(sentences)
    several = any(_CHEST.fullmatch(text, s, e) for s, e in short)
    kept = []
    elsewhere = False
    for start, end in sentences:
        if end - start <= _LONGEST:
            if _CHEST.fullmatch(text, start, end) or _ORGAN.fullmatch(text, start, end):
                elsewhere = False
            elif _OTHER.fullmatch(text, start, end) or (
                several and _ABDOMEN.fullmatch(text, start, end)
            ):
                elsewhere = True
        if not elsewhere:
            kept.append((start, end))
    return kept
