"""Lemmas: the dictionary form of a report's word, from its ending and three short lists.

Rules name cues by their lemma (``see``, ``exclude``, ``opacity``). What matters is that forms of
one word give one lemma, and that radiology's words do: Latin and Greek plurals (``apices``,
``pneumothoraces``), participles, and nouns that only look like plurals (``pelvis``, ``pus``).
"""

from __future__ import annotations

from functools import lru_cache

#: Plurals that no ending rule gets right.
_PLURALS = {
    # Latin and Greek
    "adnexae": "adnexa", "alveoli": "alveolus", "analyses": "analysis", "apices": "apex",
    "atelectases": "atelectasis", "atria": "atrium", "axes": "axis", "axillae": "axilla",
    "bacteria": "bacterium", "bases": "base", "bronchi": "bronchus", "bronchioli": "bronchiolus",
    "bullae": "bulla", "bursae": "bursa", "calculi": "calculus", "calyces": "calyx",
    "carinae": "carina", "cavae": "cava", "cortices": "cortex", "costae": "costa",
    "crises": "crisis", "criteria": "criterion", "crura": "crus", "diagnoses": "diagnosis",
    "diaphyses": "diaphysis", "diverticula": "diverticulum", "emboli": "embolus",
    "epiphyses": "epiphysis", "exostoses": "exostosis", "fibroses": "fibrosis",
    "fibulae": "fibula", "fistulae": "fistula", "foci": "focus", "foramina": "foramen",
    "fossae": "fossa", "fundi": "fundus", "ganglia": "ganglion", "hematomata": "hematoma",
    "granulomata": "granuloma", "haemothoraces": "haemothorax", "hemithoraces": "hemithorax",
    "hemothoraces": "hemothorax", "hila": "hilum", "hili": "hilus", "humeri": "humerus",
    "hydropneumothoraces": "hydropneumothorax", "hypotheses": "hypothesis", "indices": "index",
    "kyphoses": "kyphosis", "laminae": "lamina", "lumina": "lumen", "maxillae": "maxilla",
    "metaphyses": "metaphysis", "metastases": "metastasis", "necroses": "necrosis",
    "nuclei": "nucleus", "ostia": "ostium", "papillae": "papilla", "phalanges": "phalanx",
    "pleurae": "pleura", "pneumothoraces": "pneumothorax", "prognoses": "prognosis",
    "prostheses": "prosthesis", "radii": "radius", "rami": "ramus", "scapulae": "scapula",
    "scleroses": "sclerosis", "scolioses": "scoliosis", "septa": "septum",
    "sequelae": "sequela", "stenoses": "stenosis", "sterna": "sternum", "stigmata": "stigma",
    "striae": "stria", "sulci": "sulcus", "symphyses": "symphysis", "thoraces": "thorax",
    "thrombi": "thrombus", "thromboses": "thrombosis", "tibiae": "tibia",
    "trabeculae": "trabecula", "tracheae": "trachea", "ulnae": "ulna", "varices": "varix",
    "vertebrae": "vertebra", "vertices": "vertex", "viscera": "viscus", "volvuli": "volvulus",
    # English
    "calves": "calf", "children": "child", "feet": "foot", "halves": "half", "knives": "knife",
    "leaves": "leaf", "lives": "life", "men": "man", "people": "person", "teeth": "tooth",
    "wives": "wife", "women": "woman", "gases": "gas", "lenses": "lens", "biases": "bias",
    "ties": "tie", "pies": "pie",
}  # fmt: skip
#: Words that end in a plain s and are no plurals; those in -ss, -us and -is need no list.
_SINGULAR = frozenset(
    """always ascites atlas besides biceps bias canvas chaos diabetes facies feces gas hers
    herpes his kudos lens lues means measles mumps news ours pancreas perhaps plus pons rabies
    scabies series sometimes species theirs this thus towards triceps versus was yours"""
    """ afterwards alias has as""".split()
)
_IRREGULAR = {
    "'m": "be", "'re": "be", "'s": "be", "am": "be", "are": "be", "been": "be", "being": "be",
    "is": "be", "was": "be", "were": "be", "'ve": "have", "had": "have", "has": "have",
    "having": "have", "did": "do", "does": "do", "doing": "do", "done": "do", "'d": "would",
    "'ll": "will", "ca": "can", "wo": "will", "arisen": "arise", "arose": "arise",
    "became": "become", "began": "begin", "begun": "begin", "bled": "bleed", "borne": "bear",
    "bound": "bind", "broke": "break", "broken": "break", "brought": "bring", "built": "build",
    "came": "come", "caught": "catch", "chose": "choose", "chosen": "choose", "dealt": "deal",
    "drawn": "draw", "drew": "draw", "dying": "die", "fallen": "fall", "fed": "feed",
    "fell": "fall", "felt": "feel", "forgot": "forget", "fought": "fight", "found": "find",
    "gave": "give", "given": "give", "gone": "go", "got": "get", "gotten": "get", "grew": "grow",
    "grown": "grow", "heard": "hear", "held": "hold", "kept": "keep", "knew": "know",
    "known": "know", "laid": "lay", "lain": "lie", "led": "lead", "left": "leave",
    "lost": "lose", "lying": "lie", "made": "make", "meant": "mean", "met": "meet",
    "overlain": "overlie", "overlying": "overlie", "ran": "run", "risen": "rise",
    "rose": "rise", "said": "say", "saw": "see", "seen": "see", "sent": "send",
    "shown": "show", "shrank": "shrink", "shrunk": "shrink", "stood": "stand",
    "swollen": "swell", "taken": "take", "thought": "think", "told": "tell", "took": "take",
    "tore": "tear", "torn": "tear", "tying": "tie", "undergone": "undergo",
    "underlain": "underlie", "underlying": "underlie", "understood": "understand",
    "underwent": "undergo", "went": "go", "withdrawn": "withdraw", "withdrew": "withdraw",
    "woke": "wake", "worn": "wear", "written": "write", "wrote": "write",
}  # fmt: skip
#: Regular verbs of reports, to choose between "not" and "note" for what -ed and -ing leave.
_VERBS = frozenset(
    """abut account achieve add address adjoin admit advance advise affect agree alleviate allow
    alter appear apply appreciate argue arise arrange ascertain ask aspirate assess assign
    associate assume attach attribute avoid balance base become begin believe bend biopsy bleed
    block blunt blur break bulge calcify call cannulate care carry cause cease center change
    characterize check choose clear clip close coil collapse come compare complain
    complete complicate compress compromise concern conclude confirm confuse congest consider
    consist consolidate contain continue contribute control correlate could cough course cover
    cross crowd cuff decline decompress decrease define deflate deform degenerate delineate
    demineralize demonstrate denote deny depict describe detail detect deteriorate determine
    develop deviate diagnose die differ differentiate diffuse dilate diminish direct disappear
    discharge disclose discontinue discuss dislocate displace display disprove dissect distend
    distinguish distort divide document draw drain drop duplicate efface elevate eliminate
    elongate embolize emphasize encase encounter end endorse engorge enhance enlarge enter
    entertain establish evaluate evolve exacerbate examine exceed exclude exert exhibit exist
    expand experience explain express extend extubate fade fail favor favour feature fill
    flatten flow fluctuate focus follow form fracture fuse give graft guide haze heal hear help
    herniate highlight hospitalize hyperexpand hyperinflate hypoinflate identify image
    impact implant imply impress improve include increase indicate infarct infect infer
    infiltrate inflate inform injure insert inspire instrument interpret intubate invert involve
    irradiate isolate judge keep kink know lack layer leave lengthen lessen level lie like limit
    list live localize locate look loculate lose lower maintain make manage manifest marginate
    mark mask maximize mean measure mention merge migrate mimic minimize miss mistake monitor
    move narrow need negate normalize note notice obliterate obscure observe obstruct obtain
    obviate occlude occupy occur offer open operate opacify order orient originate outline
    overestimate overexpose overinflate overlap overlie override overshadow palpate passage pass
    penetrate perceive perform persist place plate point pool pose position postulate precede
    preclude predominate prefer prescribe present preserve presume prevent produce progress
    project prolong propose prove provide puncture push question raise range reach react read
    realign reassess receive recommend reconstruct recur redemonstrate reduce reexpand refer
    reflect refute regard regress reidentify reject relate relieve remain remark remodel remove
    render repeat replace reposition report represent require resect reside resolve respond
    restore restrict result retract retrieve return reveal review revise rise rotate rule
    rupture sample scar scatter schedule sclerose screen see seem segment sense separate shadow
    share shift shorten show shrink silhouette simulate sit situate slope smoke smooth speculate
    splint spread stabilize stage stand start state stent stop straighten straddle stress
    subside substantiate suffer suggest superimpose superpose support suppose suppress surround
    suspect sustain suture swell take taper tell tend terminate test thicken think thread
    thrombose tolerate top total trace track transect transfer transplant trap traverse treat
    trend try tube tuck turn twist ulcerate undergo underlie underestimate underexpose unfold
    upturn use vary vascularize veer verify view visualise visualize void wall wane want warrant
    wax wedge wheeze widen withdraw work worry worsen wrap zone abate accentuate access
    accompany accumulate act activate age aggravate aid aim align ambulate amputate anchor angle
    answer anticipate appose approach approximate ascend attempt augment await bear behave
    benefit bisect bother breathe bring bypass cavitate challenge clarify classify clean
    clot code coexist collect combine comment communicate complement comprise conform connect
    conserve constitute consult contact contrast convert convince coordinate correct create
    culture cure cut date debride deem deepen defer deliver deploy derive descend deserve
    designate develop disconnect disrupt dispute disseminate downgrade ease eat elicit elucidate
    embed emerge employ enable encompass engage equal erode estimate eventrate evidence exchange
    exercise expect expire explore expose extrude facilitate feed feel file finalize find finish
    fit fix flare fly force forward fragment gain gather generate get go grade grow guard
    happen hold hypothesize ignore illustrate impair impede imbed impinge incorporate indent
    induce infuse inhale initiate inject inspect instruct intend intensify interfere interrupt
    intervene introduce investigate lead learn lend lift line link load lobulate loop manipulate
    match mature meet metastasize mineralize mix modify mould name navigate necessitate neglect
    nourish occupy overlook own pace pack palliate participate perforate
    pinpoint plan possess postpone precipitate predict predispose prepare prescribe presuppose
    print probe proceed process procure proliferate prompt propagate protrude pull quantify
    rate realize reappear recede recognize recollect reconfirm record recover redistribute
    refill reflux refuse register regurgitate reimage reinsert reiterate release rely remind
    remit rename reorient request rescan reserve retain retrocede reverse revert sclerose search
    secure seek select send set settle shape sharpen shear shoot shunt signify skip sleep slide
    slow snap specify split stain stay stem step strain strengthen strike structure study
    substitute subtract succeed summarize supervene supply surmise survey suspend switch
    sympathize talk tear temporize tent thin tie tilt time touch transition transit translate
    transmit transport trigger undo update uphold utilize vacate vaccinate ventilate
    vent visit volunteer vomit wait wake walk warn waste watch wear weigh wonder write yield""".split()
)
_VOWELS = "aeiou"


def _noun(word: str) -> str:
    known = _PLURALS.get(word)
    if known is not None:
        return known
    if len(word) < 4 or not word.endswith("s") or word in _SINGULAR:
        return word
    if word.endswith(("ss", "us", "is", "'s")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("sses", "shes", "ches", "xes", "zzes", "uses")) and word not in (
        "aches", "headaches", "backaches", "axes", "causes", "pauses", "uses",
    ):  # fmt: skip
        return word[:-2]
    return word[:-1]


def _verb(word: str) -> str:
    known = _IRREGULAR.get(word)
    if known is not None:
        return known
    if word in _VERBS:
        return word
    for ending, endings in (("ies", ("y",)), ("ied", ("y",))):
        if word.endswith(ending) and len(word) > 4:
            return _known_or_last(word[: -len(ending)], (*endings, "ie"), default="y")
    if word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is")):
        stem = word[:-1]
        if stem in _VERBS or not word.endswith(("sses", "shes", "ches", "xes", "zzes", "oes")):
            return stem
        return word[:-2]
    for ending in ("ed", "ing"):
        if word.endswith(ending) and len(word) - len(ending) >= 2:
            return _regular(word, word[: -len(ending)])
    return word


def _known_or_last(stem: str, endings: tuple[str, ...], default: str) -> str:
    return stem + next((e for e in endings if stem + e in _VERBS), default)


def _regular(word: str, stem: str) -> str:
    """Undo what -ed or -ing did to a verb's end; a verb off the list by English spelling."""
    if not any(c in "aeiouy" for c in stem):
        return word  # "bring", "shed"
    doubled = len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in _VOWELS
    candidates = (stem, stem + "e", stem[:-1]) if doubled else (stem, stem + "e")
    for candidate in candidates:
        if candidate in _VERBS:
            return candidate
    prefix = next(
        (p for p in ("re", "un", "over", "under", "mis", "pre") if stem.startswith(p)), ""
    )
    if prefix:
        for candidate in candidates:
            if candidate[len(prefix) :] in _VERBS:
                return candidate
    if doubled:
        return stem if stem[-1] in "lsz" else stem[:-1]
    # A verb never ends in a bare v, u, z, c or in consonant + l; -at, -iz, -ur are mostly -ate,
    # -ize, -ure.
    if stem[-1] in "vuzc" or stem.endswith(("at", "ur", "ns", "rs", "ls", "dg", "rg")):
        return stem if stem.endswith(("eat", "oat")) else stem + "e"
    if stem[-1] == "l" and len(stem) > 2 and stem[-2] not in _VOWELS + "rwl":
        return stem + "e"
    return stem


@lru_cache(maxsize=65536)
def lemma(word: str, pos: str = "") -> str:
    """Return the dictionary form of a lower-case word.

    Parameters
    ----------
    word
        The word, lower case.
    pos
        Its universal part of speech. Empty where it is not known: then the word is taken for a
        verb if it has a verb's ending (``-ed``, ``-ing``, an irregular form), else for a noun.

    Returns
    -------
    str
        The lemma; the word itself where nothing is known about it.

    Examples
    --------
    >>> lemma("pneumothoraces", "NOUN"), lemma("bases", "NOUN"), lemma("seen", "VERB")
    ('pneumothorax', 'base', 'see')
    """
    if pos in ("NOUN", "PROPN"):
        return _noun(word)
    if pos in ("VERB", "AUX"):
        return _verb(word)
    if word in ("n't", "n’t"):
        return "not"
    if pos == "ADJ":
        # Taggers often call a participle an adjective ("excluded"); one of a known verb is one.
        found = _verb(word) if word.endswith(("ed", "ing", "wn", "en")) else word
        return found if found in _VERBS or word in _IRREGULAR else word
    if pos:
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    return _verb(word) if word.endswith(("ed", "ing")) else _noun(word)
