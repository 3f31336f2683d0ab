"""How far a cue phrase reaches in surface order, and how sure that is.

A cue reaches over nouns, adjectives, commas and "or". Prepositions and verbs put it in doubt (the
parse decides), contrasts and clause marks end it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cxrmine.labeling.graph import ASSERTING
from cxrmine.labeling.rules import SurfaceCue

NEUTRAL, PREPOSITION, VERB, STOP = 0, 1, 2, 3

_CLASS: dict[str, int] = {}
for _word in """with in on at from by for to into within along near over under above below around
    about across adjacent as than that due secondary related associated given after before since
    during until between toward towards upon via per like including such versus vs
    : ( ) - – " [ ] = > so then there this it he she they we patient superimposed
    compared status post while when where""".split():
    _CLASS[_word] = PREPOSITION
for _word in """is are was were be been being has have had do does did can could may might will
    would should must remain remains remained appear appears appeared seem seems seemed show shows
    showed demonstrate demonstrates reveal reveals revealed represent represents represented
    representing reflect reflects reflecting suggest suggests suggested suggesting indicate
    indicates indicating indicated increased decreased improved worsened developed resolved
    persists persist persisting continues obscures obscured extends extending
    obscuring lies projects exclude excluded account accounting explain explains presented presents
    complained complains states stated reports reported denies denied went came taken taking
    treated started admitted given received underwent gets got became becomes causes caused
    causing produces compresses displaces deviates measures abuts occupies involves affects
    says said noticed helps endorses endorsed admits notes results resulting leads leading requires required contains silhouettes predominates limits
    raises raised favors favor means accompanies underlies mimics thought felt believed""".split():
    _CLASS[_word] = VERB
for _word in """but however although though except which who whom whose ; yet nevertheless apart
    aside save despite positive pos + yes because whereas . ? ! •""".split():
    _CLASS[_word] = STOP

# "No X is seen" closes a negation without ending it; "no X is unchanged" is two statements.
SEEN = frozenset(
    """seen identified noted visualized visualised present evident appreciated observed detected
    demonstrated apparent visible found shown suspected definitely clearly definitively
    confidently convincingly well currently now recognized recognised suggested there
    appreciable discernible not n't""".split()
)
FINITE = frozenset("is are was were has have had remains remain appears appear".split())
_AUXILIARY = frozenset("can cannot could may might will would should must".split())
_DETERMINERS = frozenset("the a an his her this that these those their".split())
_LISTING = frozenset({",", "and", "or", "nor", "/", "and/or", "&", "versus", "vs"})
_OR = frozenset({"or", "nor", "and/or", "versus", "vs"})

# What may follow a cue that ends its clause.
_CLOSERS = frozenset(
    """. , ; : ) and or but in at on of from given due because as for to with within based
    clinically although however though here there now too also secondary related by if when""".split()
)

_FAR = 12  # a cue further off than this is never sure
_LONG = 6  # nor one with more words than this after the last comma


class Reach(NamedTuple):
    """Whether a cue reaches a mention for sure, and whether it is near enough to fall back on."""

    sure: bool
    near: bool
    distance: int


def classify(words: Sequence[str]) -> list[int]:
    """Return for each word how it bears on the reach of a cue that it stands behind."""
    get = _CLASS.get
    return [get(word, NEUTRAL) for word in words]


def forward(
    words: Sequence[str],
    classes: Sequence[int],
    hedges: frozenset[int] | set[int],
    end: int,
    first: int,
    last: int,
    cue: SurfaceCue,
    repeated: bool = False,
) -> Reach | None:
    """Return how a cue that ends before token `end` reaches the mention ``[first, last)``.

    `hedges` are tokens of hedging cues: "no findings concerning for X" denies X all the same.
    `repeated`: the sentence denies item by item ("no A, no B, C noted"), so that a comma ends it.
    None if it does not reach it.
    """
    distance = first - end
    if cue.anywhere:
        return None if ";" in words[end:first] else Reach(True, True, distance)
    if distance > cue.within:
        return None if cue.adjacent else Reach(False, False, distance)
    if distance == 0:
        return Reach(True, True, 0)
    worst = NEUTRAL
    link = ""  # what stands before the mention's own noun phrase
    listed = False
    run = 0
    separated = -1
    seen_verb = False
    for k in range(end, first):
        word = words[k]
        kind = classes[k]
        if kind == VERB and cue.denies and k + 1 < first and words[k + 1] in SEEN:
            seen_verb = True  # "no lesion is seen to suggest X", "nor is there X"
            kind = NEUTRAL
        elif seen_verb and word in SEEN:
            kind = NEUTRAL
        if kind == STOP or (word == "than" and words[k - 1] == "other"):
            return None
        if word in _LISTING:
            listed = True
            if seen_verb:
                worst = VERB
            link = word
            separated = k
            run = 0
            continue
        run += 1
        if (
            word in _DETERMINERS
            and k > end
            and k != separated + 1
            and classes[k - 1] == NEUTRAL
            and words[k - 1] != "of"
        ):
            # a second noun phrase: "without treatment the infection spread"
            worst = max(worst, PREPOSITION)
            link = "preposition"
        if kind != NEUTRAL and not (k in hedges and not listed and cue.tempers):
            worst = max(worst, kind)
            link = "preposition" if kind == PREPOSITION else "verb"
    if cue.adjacent:
        plain = not worst and (not listed or (link in _OR and separated == end + 1))
        return Reach(True, True, distance) if plain and distance <= 3 else None
    if listed and not FINITE.isdisjoint(words[first:last]):
        worst = VERB  # "no X, the heart is enlarged"
    between = words[end:first]
    if worst == NEUTRAL and link not in _OR and any(w in SEEN for w in between[:-1]):
        seen_at = max(k for k in range(end, first) if words[k] in SEEN)
        if any(w in ASSERTING for w in words[seen_at + 1 : first + 1]):
            worst = PREPOSITION
    if link in (",", "and", "&"):
        # "no A, stable B" and "no A and B is C": new statements, unless "or" carries the list on
        carried = not _OR.isdisjoint(words[last:])
        if repeated and not carried:
            worst = VERB
        if any(w in ASSERTING for w in words[separated + 1 : first + 1]):
            worst = max(worst, NEUTRAL if carried else VERB)
        if _own_statement(words, last):
            worst = max(worst, VERB)
        if not cue.lists:
            worst = max(worst, PREPOSITION if carried else VERB)
    sure = worst == NEUTRAL and distance <= _FAR and run <= _LONG
    closing = link in _OR or (link == "," and not _OR.isdisjoint(words[last:]))
    near = worst < VERB and distance <= (30 if closing else 10) and link != "preposition"
    return Reach(sure, near, distance)


def _own_statement(words: Sequence[str], last: int) -> bool:
    """Whether what follows a mention makes it the subject of a statement of its own."""
    if last < len(words) and words[last] in ("without", "with"):
        return True
    for k in range(last, min(last + 8, len(words))):
        word = words[k]
        if word in FINITE or word in _AUXILIARY:
            return not (k + 1 < len(words) and words[k + 1] in SEEN)
        if word in _LISTING or _CLASS.get(word, NEUTRAL) == STOP:
            return False
    return False


def backward(
    words: Sequence[str],
    classes: Sequence[int],
    first: int,
    last: int,
    start: int,
    end: int,
    cue: SurfaceCue,
    closed: bool,
) -> Reach | None:
    """Return how the cue ``[start, end)`` reaches back to the mention ``[first, last)``.

    `closed`: the mention has a cue of its own just before it ("no A, B is not excluded").
    None if it does not reach it.
    """
    distance = start - last
    if cue.closing and end < len(words) and words[end] not in _CLOSERS:
        return None
    if cue.anywhere:
        return None if ";" in words[last:start] else Reach(True, True, distance)
    if distance > cue.within:
        return None if cue.adjacent else Reach(False, False, distance)
    if distance == 0:
        return Reach(True, True, 0)
    between = words[last:start]
    if closed and between[0] == ",":
        return None
    if cue.adjacent:
        return (
            Reach(True, True, distance)
            if all(w in ("/", "and") for w in between) and (words[start] in _OR)
            else None
        )
    worst = NEUTRAL
    for k in range(last, start):
        kind = classes[k]
        if kind == STOP and words[k] not in ("which", "who"):
            return None
        worst = max(worst, min(kind, VERB))
    if "," in between and "or" not in between and words[start] != ":":
        links = [w for w in between if w in _LISTING]
        if links[-1] == ",":
            worst = VERB  # "A and B, findings not seen before"
        elif between[:2] == [",", "and"] and "," not in words[max(0, first - 4) : first]:
            worst = max(worst, PREPOSITION)  # "A, and B is not seen" may be two statements
    sure = worst == NEUTRAL and distance <= 8
    near = worst < VERB and distance <= 6
    return Reach(sure, near, distance)
