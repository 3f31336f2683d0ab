"""Lemmas: the dictionary form of a report's word, from a few endings and a list of exceptions.

Rules name cues by their lemma (``see``, ``exclude``, ``opacity``). What matters here is that the
same word in another form gives the same lemma, and that the words of radiology do: Latin and
Greek plurals, participles, and nouns that only look like plurals (``pelvis``, ``pus``).
"""

from __future__ import annotations

from functools import lru_cache

_NOUNS = {
    # Latin and Greek
    "adnexae": "adnexa", "alveoli": "alveolus", "aneurysmata": "aneurysm", "apices": "apex",
    "apexes": "apex", "appendices": "appendix", "areolae": "areola", "arteriae": "artery",
    "atelectases": "atelectasis", "atria": "atrium", "bacteria": "bacterium", "bases": "base",
    "bronchi": "bronchus", "bronchiectases": "bronchiectasis", "bullae": "bulla",
    "bursae": "bursa", "calcaneal": "calcaneal", "calculi": "calculus", "calyces": "calyx",
    "carcinomata": "carcinoma", "carinae": "carina", "cavae": "cava", "condyles": "condyle",
    "cortices": "cortex", "costae": "costa", "crises": "crisis", "criteria": "criterion",
    "crura": "crus", "data": "datum", "diagnoses": "diagnosis", "diaphyses": "diaphysis",
    "diverticula": "diverticulum", "ectases": "ectasis", "effusa": "effusion",
    "emboli": "embolus", "epiphyses": "epiphysis", "exostoses": "exostosis",
    "fibroses": "fibrosis", "fistulae": "fistula", "foci": "focus", "foramina": "foramen",
    "fossae": "fossa", "fundi": "fundus", "ganglia": "ganglion", "genera": "genus",
    "haemothoraces": "haemothorax", "hemithoraces": "hemithorax", "hemothoraces": "hemothorax",
    "hila": "hilum", "hili": "hilus", "humeri": "humerus", "hydropneumothoraces":
    "hydropneumothorax", "hypotheses": "hypothesis", "ileac": "iliac", "indices": "index",
    "infundibula": "infundibulum", "larynges": "larynx", "lamellae": "lamella",
    "laminae": "lamina", "lordoses": "lordosis", "lumina": "lumen", "maxillae": "maxilla",
    "media": "medium", "metaphyses": "metaphysis", "metastases": "metastasis",
    "necroses": "necrosis", "nares": "naris", "nuclei": "nucleus", "osteophytoses":
    "osteophytosis", "ostia": "ostium", "papillae": "papilla", "parenchymata": "parenchyma",
    "pedicles": "pedicle", "phalanges": "phalanx", "pleurae": "pleura", "plexi": "plexus",
    "pneumatoceles": "pneumatocele", "pneumothoraces": "pneumothorax",
    "pneumothoraxes": "pneumothorax", "processes": "process", "prognoses": "prognosis",
    "prostheses": "prosthesis", "protheses": "prosthesis", "radii": "radius", "rami": "ramus",
    "recessus": "recess", "scapulae": "scapula", "scleroses": "sclerosis", "scolioses":
    "scoliosis", "septa": "septum", "sepses": "sepsis", "sequelae": "sequela",
    "sequellae": "sequela", "sinuses": "sinus", "spectra": "spectrum", "stenoses": "stenosis",
    "sterna": "sternum", "stigmata": "stigma", "strata": "stratum", "striae": "stria",
    "sulci": "sulcus", "symphyses": "symphysis", "syndesmophytes": "syndesmophyte",
    "synostoses": "synostosis", "thoraces": "thorax", "thoraxes": "thorax", "thrombi":
    "thrombus", "thromboses": "thrombosis", "tibiae": "tibia", "trabeculae": "trabecula",
    "tracheae": "trachea", "tubercula": "tuberculum", "ulcera": "ulcus", "umbilici":
    "umbilicus", "vertebrae": "vertebra", "vertices": "vertex", "viri": "virus", "viscera":
    "viscus", "volvuli": "volvulus", "axillae": "axilla", "varices": "varix", "bronchioli":
    "bronchiolus", "fibulae": "fibula", "ulnae": "ulna", "claviculae": "clavicula",
    "empyemata": "empyema", "hematomata": "hematoma", "granulomata": "granuloma",
    "sarcomata": "sarcoma", "lymphomata": "lymphoma", "adenomata": "adenoma",
    "cardiomegalies": "cardiomegaly", "analyses": "analysis", "theses": "thesis",
    "axes": "axis", "abscesses": "abscess", "viruses": "virus", "uteri": "uterus",
    # English
    "children": "child", "feet": "foot", "halves": "half", "knives": "knife",
    "leaves": "leaf", "lives": "life", "men": "man", "people": "person", "selves": "self",
    "teeth": "tooth", "wives": "wife", "women": "woman", "valves": "valve", "nerves": "nerve",
    "curves": "curve", "x-rays": "x-ray", "buses": "bus", "gases": "gas", "biases": "bias",
    "lenses": "lens", "biopsies": "biopsy", "mice": "mouse", "geese": "goose", "shelves":
    "shelf", "wolves": "wolf", "loaves": "loaf", "calves": "calf", "scarves": "scarf",
}  # fmt: skip
#: Nouns that end in s and are no plurals.
_SINGULAR = frozenset(
    """ascites atlas bias bus canvas cirrhosis coccyx corpus crus diabetes diaphoresis esophagus
    feces fetus gas hiatus humerus ileus isthmus kudos lens lupus meatus meningitis
    mumps news oesophagus pancreas pelvis plus pons process pubis pus rabies radius recess
    sas series sinus species status thymus thrombus thus uterus versus virus chaos herpes
    scabies pertussis biceps triceps forceps lues rhonchus bronchus hilus abscess mass less
    access loss illness weakness dress cross stress distress hypoxia gross always perhaps
    this its his us yes as is was has does bypass compass trellis""".split()
)
_VERBS = {
    "am": "be", "are": "be", "been": "be", "being": "be", "is": "be", "was": "be", "were": "be",
    "'s": "be", "'re": "be", "'m": "be", "ai": "be", "has": "have", "had": "have",
    "having": "have", "'ve": "have", "does": "do", "did": "do", "done": "do", "doing": "do",
    "can": "can", "could": "could", "ca": "can", "wo": "will", "'ll": "will", "'d": "would",
    "arisen": "arise", "arose": "arise", "became": "become", "becoming": "become",
    "began": "begin", "begun": "begin", "beginning": "begin", "bled": "bleed", "bore": "bear",
    "borne": "bear", "bound": "bind", "broke": "break", "broken": "break", "brought": "bring",
    "built": "build", "came": "come", "coming": "come", "caught": "catch", "chose": "choose",
    "chosen": "choose", "cutting": "cut", "dealt": "deal", "drawn": "draw", "drew": "draw",
    "fallen": "fall", "fell": "fall", "fed": "feed", "felt": "feel", "fought": "fight",
    "found": "find", "forgot": "forget", "gave": "give", "given": "give", "giving": "give",
    "gone": "go", "went": "go", "grew": "grow", "grown": "grow", "heard": "hear",
    "held": "hold", "hurt": "hurt", "kept": "keep", "knew": "know", "known": "know",
    "laid": "lay", "lain": "lie", "led": "lead", "left": "leave", "lost": "lose",
    "losing": "lose", "lay": "lie", "lying": "lie", "dying": "die", "made": "make",
    "making": "make", "meant": "mean", "met": "meet", "overlain": "overlie",
    "overlay": "overlie", "overlying": "overlie", "underlying": "underlie",
    "put": "put", "putting": "put", "ran": "run", "running": "run", "read": "read",
    "risen": "rise", "rose": "rise", "said": "say", "sat": "sit", "saw": "see", "seen": "see",
    "sent": "send", "set": "set", "setting": "set", "shown": "show", "showed": "show",
    "shrunk": "shrink", "shrank": "shrink", "slept": "sleep", "spread": "spread",
    "stood": "stand", "swollen": "swell", "taken": "take", "took": "take", "taking": "take",
    "taught": "teach", "thought": "think", "told": "tell", "torn": "tear", "tore": "tear",
    "understood": "understand", "undergone": "undergo", "underwent": "undergo",
    "undergoing": "undergo", "withdrawn": "withdraw", "withdrew": "withdraw", "worn": "wear",
    "written": "write", "wrote": "write", "woken": "wake", "woke": "wake", "got": "get",
    "gotten": "get", "getting": "get", "began-to": "begin", "lies": "lie", "dies": "die",
    "ties": "tie", "died": "die", "tied": "tie", "lied": "lie", "overlies": "overlie",
    "underlies": "underlie", "focused": "focus", "focussed": "focus", "focuses": "focus",
    "biopsied": "biopsy", "x-rayed": "x-ray", "referred": "refer", "referring": "refer",
    "occurred": "occur", "occurring": "occur", "preferred": "prefer", "admitted": "admit",
    "admitting": "admit", "permitted": "permit", "developed": "develop", "visited": "visit",
    "limited": "limit", "limiting": "limit", "exhibited": "exhibit", "exhibiting": "exhibit",
    "inhibited": "inhibit", "benefited": "benefit", "interpreted": "interpret",
    "interpreting": "interpret", "monitored": "monitor", "monitoring": "monitor",
    "considered": "consider", "considering": "consider", "rendered": "render",
    "appreciated": "appreciate", "scattered": "scatter", "covered": "cover",
    "centered": "center", "altered": "alter", "entered": "enter", "entering": "enter",
    "projected": "project", "ordered": "order", "offered": "offer", "suffered": "suffer",
    "suffering": "suffer", "encountered": "encounter", "discovered": "discover",
    "recovered": "recover", "happened": "happen", "thickened": "thicken",
    "thickening": "thicken", "widened": "widen", "widening": "widen", "flattened": "flatten",
    "flattening": "flatten", "opened": "open", "opening": "open", "worsened": "worsen",
    "worsening": "worsen", "lengthened": "lengthen", "shortened": "shorten",
    "strengthened": "strengthen", "happening": "happen", "ruled": "rule", "ruling": "rule",
    "led-to": "lead", "canceled": "cancel", "labeled": "label", "labelled": "label",
    "modeled": "model", "totaled": "total", "leveled": "level", "questioned": "question",
    "questioning": "question", "mentioned": "mention", "mentioning": "mention",
    "positioned": "position", "positioning": "position", "conditioned": "condition",
    "screened": "screen", "obtained": "obtain", "explained": "explain", "remained": "remain",
    "remaining": "remain", "contained": "contain", "containing": "contain",
    "sustained": "sustain", "maintained": "maintain", "complained": "complain",
    "complaining": "complain", "drained": "drain", "appeared": "appear",
    "appearing": "appear", "cleared": "clear", "clearing": "clear", "feared": "fear",
    "sheared": "shear", "died-of": "die", "favored": "favor", "favoring": "favor",
    "favoured": "favour", "tumored": "tumor", "explored": "explore", "restored": "restore",
    "ignored": "ignore", "stored": "store", "scored": "score", "required": "require",
    "requiring": "require", "acquired": "acquire", "expired": "expire", "aspirated": "aspirate",
    "measured": "measure", "measuring": "measure", "obscured": "obscure",
    "obscuring": "obscure", "fractured": "fracture", "ruptured": "rupture", "cured": "cure",
    "injured": "injure", "captured": "capture", "featured": "feature", "compared": "compare",
    "comparing": "compare", "cared": "care", "prepared": "prepare", "shared": "share",
    "declared": "declare", "used": "use", "using": "use", "caused": "cause",
    "causing": "cause", "increased": "increase", "increasing": "increase",
    "decreased": "decrease", "decreasing": "decrease", "based": "base", "raised": "raise",
    "raising": "raise", "advised": "advise", "exercised": "exercise", "diagnosed": "diagnose",
    "supposed": "suppose", "exposed": "expose", "closed": "close", "closing": "close",
    "collapsed": "collapse", "collapsing": "collapse", "diffused": "diffuse",
    "passed": "pass", "passing": "pass", "assessed": "assess", "assessing": "assess",
    "suppressed": "suppress", "expressed": "express", "compressed": "compress",
    "addressed": "address", "discussed": "discuss", "missed": "miss", "crossed": "cross",
    "crossing": "cross", "processed": "process", "progressed": "progress",
    "progressing": "progress", "witnessed": "witness", "stressed": "stress",
    "freed": "free", "agreed": "agree", "decreed": "decree", "need": "need",
    "needed": "need", "exceed": "exceed", "exceeded": "exceed", "proceed": "proceed",
    "seed": "seed", "feed": "feed", "bleed": "bleed", "succeed": "succeed",
    "added": "add", "adding": "add", "seeming": "seem", "seemed": "seem",
    "being-seen": "see", "arising": "arise", "rising": "rise", "bring": "bring",
    "during": "during", "including": "include", "excluding": "exclude",
    "string": "string", "swelling": "swell", "spelling": "spell", "filling": "fill",
    "filled": "fill", "pulled": "pull", "called": "call", "calling": "call", "killed": "kill",
    "fulfilled": "fulfill", "installed": "install", "stalled": "stall", "rolled": "roll",
    "rolling": "roll", "controlled": "control", "smelled": "smell",
    "swelled": "swell", "healed": "heal", "healing": "heal", "revealed": "reveal",
    "revealing": "reveal", "failed": "fail", "failing": "fail", "detailed": "detail",
    "concealed": "conceal", "appealed": "appeal", "inhaled": "inhale", "exhaled": "exhale",
    "scheduled": "schedule", "intubated": "intubate", "extubated": "extubate",
    "visualised": "visualise", "visualized": "visualize", "biopsying": "biopsy",
}  # fmt: skip
_VOWELS = frozenset("aeiou")
#: Stems after which -ed and -ing have swallowed an e.
_SILENT_E = (
    "at", "iz", "is", "as", "us", "os", "ur", "uc", "ac", "ic", "rc", "nc", "v", "g", "ul",
    "bl", "cl", "dl", "fl", "gl", "pl", "tl", "zl", "ir", "ar", "or", "id", "ud", "od", "ad",
    "ut", "ot", "et", "it", "im", "um", "om", "am", "in", "un", "iev", "ak", "ik", "ok", "up",
    "ap", "ip", "op", "th", "u", "z", "s",
)  # fmt: skip
#: …and endings among them where none was there ("visit", "report", "found", "limit").
_NO_E = (
    "it", "rt", "et", "ot", "ort", "ss", "er", "or", "air", "ear", "eer", "oor", "our", "ain",
    "ein", "oin", "awn", "own", "een", "oon", "tion", "sion", "en", "on", "om", "oom", "eem",
    "eam", "aim", "oam", "eat", "oat", "aid", "ead", "oad", "eed", "oup", "eep", "oop", "eap",
    "oak", "eak", "ook", "eek", "ang", "ing", "ong", "ung", "alt", "ilt", "ush", "ash", "ish",
    "x", "w", "ch", "sh", "ut", "op", "ip", "ap", "up", "am", "im", "um", "in", "un", "ar",
)  # fmt: skip


def _noun(word: str) -> str:
    lemma = _NOUNS.get(word)
    if lemma is not None:
        return lemma
    if not word.endswith("s") or len(word) < 4 or word in _SINGULAR:
        return word
    if word.endswith(("ss", "us", "is", "'s")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    if word.endswith("oses") or word.endswith("ases") and word.endswith("tases"):
        return word[:-2] + "is"
    return word[:-1]


def _verb(word: str) -> str:
    lemma = _VERBS.get(word)
    if lemma is not None:
        return lemma
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zzes", "oes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    if word.endswith("ied") and len(word) > 4:
        return word[:-3] + "y"
    for ending in ("ed", "ing"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return _stem(word[: -len(ending)], word)
    return word


def _stem(stem: str, word: str) -> str:
    """Undo what -ed or -ing did to a verb's end."""
    if not any(c in _VOWELS or c == "y" for c in stem):
        return word  # "string", "bring"
    last, before = stem[-1], stem[-2]
    if last == before and last not in "lsz" and last not in _VOWELS:
        return stem[:-1]  # "stopped"
    if last == before == "l":
        return stem if len(stem) > 4 and stem[-3] in "ieao" and len(stem) < 6 else stem
    if stem.endswith(("at", "iz", "yz", "ys", "v", "c", "iev", "ur", "ir", "ls", "ps", "ns", "rs",
                      "ud", "id", "od", "ag", "eg", "rg", "dg", "lg", "ut", "us", "os", "as",
                      "is", "ul", "ak", "ik", "uk", "ok", "ut", "bl", "cl", "dl", "fl", "gl",
                      "pl", "tl", "ng", "ip", "ap", "op", "up", "im", "am", "um", "om", "in",
                      "un", "ar", "ir", "or", "ot", "et", "it", "th", "u")):  # fmt: skip
        return _with_e(stem)
    return stem


def _with_e(stem: str) -> str:
    double_vowel = len(stem) > 2 and stem[-2] in _VOWELS and stem[-3] in _VOWELS
    if stem.endswith(("at",)) and not stem.endswith(("eat", "oat")):
        return stem + "e"
    if stem.endswith(("v", "u", "c", "iz", "yz", "ys", "ls", "ps", "ns", "rs", "ag", "eg", "rg",
                      "dg", "ud", "od", "us", "os", "as", "is", "bl", "cl", "dl", "fl", "gl",
                      "pl", "tl", "ul", "id")):  # fmt: skip
        return stem if double_vowel and not stem.endswith(("us", "as", "is", "v")) else stem + "e"
    if stem.endswith(("ur", "ir")) and not double_vowel:
        return stem + "e"
    if stem.endswith(("ng",)):
        return stem + "e" if stem.endswith(("ang", "ing")) and stem[-4:-3] in ("h", "r") else stem
    short = sum(c in _VOWELS for c in stem) == 1 and not double_vowel
    if stem.endswith(("it", "et", "ot", "ut", "om", "or", "ar", "in", "un", "im", "am", "um", "ip",
                      "ap", "op", "up", "ak", "ik", "uk", "ok", "th")):  # fmt: skip
        # One vowel before one consonant would have doubled it: so there was an e ("noted").
        if stem.endswith("ut") and stem.endswith(("but", "tut", "put", "lut", "cut", "mut")):
            return stem + "e"
        if stem.endswith(("in",)) and stem.endswith(("min", "fin", "lin", "bin", "clin")):
            return stem + "e"
        return stem + "e" if short and not stem.endswith("th") else stem
    return stem


@lru_cache(maxsize=65536)
def lemma(word: str, pos: str = "") -> str:
    """Return the dictionary form of a lower-case word.

    Parameters
    ----------
    word
        The word, lower case.
    pos
        Its universal part of speech; empty where it is not known, and then a word is tried as a
        verb if it has a verb's ending, else as a noun.

    Examples
    --------
    >>> lemma("pneumothoraces", "NOUN"), lemma("bases", "NOUN"), lemma("seen", "VERB")
    ('pneumothorax', 'base', 'see')
    """
    if pos in ("NOUN", "PROPN"):
        return _noun(word)
    if pos in ("VERB", "AUX"):
        return _verb(word)
    if word == "n't" or word == "n’t":
        return "not"
    if pos == "ADJ":
        # Participles are often tagged so ("unchanged", "excluded"); most adjectives are not in
        # the list and stay as they are.
        return _VERBS.get(word, word) if word.endswith(("ed", "en", "ing")) else word
    if not pos:
        if word in _VERBS:
            return _VERBS[word]
        if word.endswith(("ed", "ing")):
            return _verb(word)
        return _noun(word)
    return word
