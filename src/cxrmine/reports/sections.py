"""Sections of a report: where Findings, Impression, Indication … begin and end.

A report is cut at its *headers*. What counts as one:

- a known header (`SYNONYMS`) before a colon, at the start of a line or in running text, in any
  case at a line's or sentence's start and capitalised elsewhere; alone on its line; in capitals
  without a colon (``IMPRESSION No acute …``, ``IMPRESSION - …``); with Markdown or HTML marks around
  it; in Chinese with a full-width colon or in ``【】``;
- an unknown phrase in capitals or title case before a colon at the start of a line (or of a
  sentence): it gets a section of its own, so that it does not leak into the one before;
- not a header: ``Lungs:``, ``Right hilum:``, ``Lines/tubes:`` … These *sub-headers* stay within
  Findings, and begin them where nothing else does.

Reports often leave the Findings header out. Where there is none, a paragraph that follows the
Indication, History, Comparison, Technique or Examination after a blank line is the Findings (the
habit of MIMIC-CXR), and so is prose before the first header.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from cxrmine.reports.report import Section

#: Canonical names and the headers that stand for them, lower case; ``&``, ``/`` and ``+`` are
#: written ``and``. An English plural needs its own entry only where the singular is ambiguous.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "findings": (
        "findings", "finding", "findings and impression", "impression and findings",
        "findings and impressions", "findings and conclusion", "description", "report", "result",
        "results", "observations", "observation", "radiologic findings", "radiographic findings",
        "radiographic report", "report text", "narrative", "body of report", "interval findings",
        "findings and interpretation", "discussion", "分析",
        "所见", "影像所见", "检查所见", "影像学所见", "放射学所见", "x线所见", "ct所见", "影像表现",
        "影像学表现", "x线表现", "ct表现", "表现", "影像描述", "检查描述", "描述", "报告内容",
    ),
    "impression": (
        "impression", "impressions", "imp", "impresion", "conclusion", "conclusions", "opinion",
        "summary", "interpretation", "impression and recommendation",
        "impression and recommendations", "impression and plan", "conclusion and recommendation",
        "conclusion and recommendations", "assessment", "overall impression",
        "summary and recommendation", "summary and recommendations", "summary of findings",
        "radiologic impression", "radiological impression", "radiographic impression",
        "conclusion and summary", "interpretation and recommendations", "bottom line",
        "summary and impression", "impression and summary", "impression and conclusion",
        "印象", "结论", "影像印象", "印象诊断", "诊断印象", "小结", "检查结论",
    ),
    # A diagnosis after the findings is what others call the impression; one before them is the
    # referrer's (see `scored_sections`).
    "diagnosis": (
        "diagnosis", "diagnoses", "final diagnosis", "radiologic diagnosis",
        "radiological diagnosis", "radiographic diagnosis", "imaging diagnosis",
        "诊断", "诊断意见", "影像诊断", "影像学诊断", "诊断结果", "诊断结论", "放射学诊断",
        "放射诊断", "x线诊断", "ct诊断", "检查诊断", "诊断及建议", "诊断提示",
    ),
    "addendum": ("addendum", "addenda", "addendums", "补充报告", "补充"),
    "indication": (
        "indication", "indications", "reason", "reason for exam", "reason for examination",
        "reason for this exam", "reason for this examination", "reason for study",
        "reason for the exam", "reason for the examination", "reason for the study",
        "reason for visit", "reason for order", "reason for request", "reason for test",
        "reason for procedure", "reason for imaging", "reason for referral", "reason for x-ray",
        "reason for consult", "reason for consultation", "clinical indication",
        "clinical indications", "indication for exam", "indication for study",
        "indication for examination", "indications for exam", "indications for study",
        "indication for the exam", "indication for the study", "indication and history",
        "history and indication", "clinical question", "question", "clinical concern",
        "clinical impression", "clinical diagnosis", "admitting diagnosis", "admission diagnosis",
        "provisional diagnosis", "working diagnosis", "preoperative diagnosis",
        "pre-operative diagnosis", "referring diagnosis", "presumptive diagnosis",
        "postoperative diagnosis", "post-operative diagnosis", "primary diagnosis",
        "diagnosis code", "diagnosis codes", "icd codes", "icd-10", "icd-10 codes",
        "indication and technique", "clinical request", "request", "purpose of exam",
        "临床诊断", "检查目的", "初步诊断", "入院诊断", "申请目的", "检查原因", "送检目的",
    ),
    "history": (
        "history", "clinical history", "clinical information", "clinical info", "clinical data",
        "clinical details", "clinical statement", "clinical summary", "clinical background",
        "clinical presentation", "clinical notes", "clinical note", "clinical context",
        "patient history", "brief history", "relevant history", "pertinent history", "hx",
        "clinical hx", "clinical", "history of present illness", "hpi", "past medical history",
        "medical history", "past history", "surgical history", "past surgical history",
        "history and physical", "history and reason for exam", "history and comparison",
        "history and clinical information", "medical condition", "chief complaint", "complaint",
        "presenting complaint", "symptoms", "symptom", "signs and symptoms", "background",
        "indication and clinical history", "relevant clinical information", "exam history",
        "relevant clinical history", "social history", "family history", "smoking history",
        "underlying medical condition", "additional history", "interval history", "provided history",
        "病史", "主诉", "临床病史", "现病史", "既往史", "临床资料", "病史摘要", "临床信息", "临床症状",
    ),
    "comparison": (
        "comparison", "comparisons", "comparison study", "comparison studies", "comparison exam",
        "comparison exams", "comparison examination", "compared to", "compared with",
        "comparison is made to", "comparison date", "prior", "priors", "prior study",
        "prior studies", "prior exam", "prior exams", "previous study", "previous studies",
        "previous exam", "previous exams", "prior imaging", "previous imaging", "prior films",
        "previous films", "prior report", "previous report", "prior impression",
        "previous impression", "prior findings", "previous findings", "correlation",
        "comparative studies", "comparison films", "comparison radiographs",
        "comparison and correlation", "prior examination", "prior examinations",
        "previous examination", "previous examinations", "reference exam",
        "comparison and technique", "对比", "比较", "对照", "对比检查", "既往检查",
    ),
    "technique": (
        "technique", "techniques", "procedure and technique", "technique and comparison",
        "protocol", "views", "number of views", "technical factors", "projection", "projections",
        "imaging technique", "method", "methods", "contrast", "radiation dose", "dose",
        "technique and findings limitations", "views obtained",
        "检查方法", "检查技术", "扫描方法", "技术", "方法", "成像技术",
    ),
    "examination": (
        "examination", "examinations", "exam", "exams", "study", "studies", "procedure",
        "procedures", "procedure performed", "procedures performed", "exam type", "exam name",
        "study type", "type of exam", "type of examination", "type of study",
        "examination performed", "exam performed", "study performed", "study description",
        "exam description", "procedure description", "radiology exam", "order", "exam and views",
        "exam and technique", "title", "examination and technique", "examination type", "exam title",
        "检查部位", "检查项目", "检查名称", "检查类型",
    ),
    "recommendation": (
        "recommendation", "recommendations", "recommend", "plan", "follow-up", "follow up",
        "followup", "suggestion", "suggestions", "advice", "action", "actions",
        "follow-up recommendation", "follow-up recommendations", "建议", "随访建议",
    ),
    "notification": (
        "notification", "notifications", "communication", "communications", "critical results",
        "critical result", "results communication", "communication of results",
        "critical results communication", "critical communication", "provider notification",
        "physician notification", "findings discussed with", "result notification",
    ),
    "limitations": ("limitations", "limitation", "quality", "image quality", "study quality"),
    "wet read": (
        "wet read", "wetread", "preliminary read", "prelim", "preliminary report",
        "preliminary findings", "preliminary impression", "preliminary interpretation",
        "preliminary result", "preliminary results", "resident read",
    ),
    "date": (
        "date", "exam date", "study date", "date of exam", "date of study", "date of examination",
        "date of service", "exam time", "date and time", "report date", "date dictated",
        "date transcribed", "检查日期", "报告日期", "检查时间", "报告时间", "日期",
    ),
    "signature": (
        "electronically signed by", "electronically signed", "signed by", "dictated by",
        "transcribed by", "reviewed by", "interpreted by", "read by", "reported by", "approved by",
        "verified by", "finalized by", "signed", "dictated", "transcribed", "attending",
        "attending radiologist", "radiologist", "resident", "technologist", "transcriptionist",
        "attestation", "signature", "attending physician", "referring physician",
        "ordering physician", "requesting physician", "ordering provider", "attending statement",
        "teaching physician statement", "报告医师", "审核医师", "报告医生", "审核医生", "医师",
    ),
    # What follows a bare "FINAL REPORT" line is the report's start over again.
    "preamble": (
        "final report", "final", "radiology report", "chest x-ray report", "chest radiograph report",
        "final radiology report", "x-ray report", "imaging report", "diagnostic imaging report",
        "end of report", "检查报告", "影像报告",
    ),
}  # fmt: skip

#: Sections that never count, not even where neither Findings nor Impression exists.
NEVER_SCORED = frozenset({"indication", "history", "comparison"})

#: Sections that count.
SCORED = frozenset({"findings", "impression", "addendum"})

# Headers that mean something only where a line or a sentence begins ("two Views: …" is none).
_WEAK = frozenset(
    [
        "views",
        "exam",
        "exams",
        "study",
        "studies",
        "order",
        "reason",
        "report",
        "result",
        "results",
        "summary",
        "opinion",
        "procedure",
        "procedures",
        "plan",
        "action",
        "actions",
        "date",
        "dose",
        "title",
        "question",
        "request",
        "description",
        "discussion",
        "imp",
        "quality",
        "final",
        "prior",
        "priors",
        "dictated",
        "signed",
        "resident",
        "attending",
        "radiologist",
        "method",
        "methods",
        "contrast",
        "clinical",
        "background",
        "symptoms",
        "symptom",
        "complaint",
        "correlation",
        "observation",
        "observations",
        "narrative",
        "protocol",
        "recommend",
        "advice",
        "suggestion",
        "suggestions",
        "projection",
        "projections",
        "assessment",
        "prelim",
        "finding",
        "technologist",
        "signature",
        "background",
        "limitation",
        "hx",
        "communication",
        "follow-up",
        "followup",
    ]
)

# Phrases that look like a header and belong to the section they stand in.
_INSIDE = frozenset(
    """differential; differential diagnosis; differential diagnoses; ddx; differential
    considerations; differential includes; note; notes; nb; p.s; please note; addition; also;
    misc; miscellaneous; other; others; additional; additional comments; comment; comments; normal;
    abnormal; new; unchanged; stable; interval change; change; changes; incidental; incidentals;
    other findings; additional findings; incidental findings; significant findings; positive
    findings; negative findings; pertinent negatives; pertinent positives; negatives; positives;
    key findings; major findings; minor findings; specifically; including; most likely; likely;
    possible; probable; findings suggestive of; primary; secondary; general; support; hardware;
    foreign bodies; foreign body; miscellany; limited; severity; size; location; side; left; right;
    bilateral; yes; no; none; etiologies; considerations; evaluation for; measurements""".replace(
        "\n", " "
    ).split(";")
)

# Words whose presence makes an unknown phrase a sub-header of the findings: what is looked at
# (anatomy, devices) and what is found.
_SUBJECT = re.compile(
    r"\b(?:lungs?|lobes?|lingula|pulmon\w*|parenchym\w*|airspaces?|airways?|trache\w*|bronch\w*|hearts?"
    r"|cardi\w*|pericardi\w*|mediast\w*|hil(?:ar|um|a|i)|pleura\w*|costophrenic|diaphragm\w*"
    r"|hemidiaphragm\w*|bon(?:e|es|y)|osseous|skelet\w*|musculoskeletal|ribs?|spin(?:e|al)|vertebra\w*|clavic\w*"
    r"|shoulders?|sternum|scapul\w*|thora(?:x|cic)|soft tissues?|chest wall|breasts?|abdom\w*|bowel"
    r"|stomach|liver|spleen|kidneys?|gallbladder|pelvis|hips?|knees?|neck|aort(?:a|ic)|vascul\w*"
    r"|vessels?|arter(?:y|ies|ial)|veins?|great vessels|silhouettes?|contours?|apex|apices|bases?|zones?"
    r"|lines?|tubes?|devices?|catheters?|drains?|wires?|leads?|pacemaker\w*|implants?|hardware"
    r"|ett|ngt|picc|cvc|port|monitoring|support\w*|instrument\w*|apparatus"
    r"|effusions?|pneumothora\w*|edema|consolidat\w*|opacit\w*|infiltrat\w*|atelecta\w*|pneumonia"
    r"|nod(?:e|ule)s?|mass(?:es)?|lesions?|fractures?|calcifi\w*|cardiomegaly|emphysema|fibrosis"
    r"|hernias?|inflation|volumes?|interstiti\w*|lymph\w*|thyroid|esophag\w*|oesophag\w*|kub"
    r"|upper|lower|middle|left|right|bilateral|central|peripheral)\b|[肺心膈隔胸骨肋管腔肝胆脾胰肾窗野门影]",
    re.IGNORECASE,
)

# The words of a title such as "PORTABLE AP CHEST, TWO VIEWS": nothing but these.
_VIEW_WORDS = frozenset(
    [
        "chest",
        "cxr",
        "radiograph",
        "radiographs",
        "radiography",
        "x-ray",
        "x-rays",
        "xray",
        "xrays",
        "film",
        "films",
        "view",
        "views",
        "image",
        "images",
        "ap",
        "pa",
        "lat",
        "lateral",
        "frontal",
        "portable",
        "upright",
        "erect",
        "supine",
        "semi-upright",
        "semiupright",
        "semi-erect",
        "semierect",
        "decubitus",
        "single",
        "one",
        "two",
        "three",
        "four",
        "1",
        "2",
        "3",
        "4",
        "1v",
        "2v",
        "3v",
        "1-view",
        "2-view",
        "one-view",
        "two-view",
        "and",
        "or",
        "with",
        "of",
        "the",
        "an",
        "a",
        "in",
        "with",
        "without",
        "only",
        "plain",
        "digital",
        "posteroanterior",
        "anteroposterior",
        "bedside",
        "mobile",
        "oblique",
        "apical",
        "lordotic",
        "expiratory",
        "inspiratory",
        "xr",
        "cr",
        "dx",
        "ct",
        "mr",
        "mri",
        "cta",
        "contrast",
        "repeat",
        "follow-up",
        "followup",
        "limited",
        "complete",
        "standard",
        "routine",
        "dual",
        "energy",
        "position",
        "projection",
        "projections",
        "study",
        "examination",
        "exam",
        "series",
        "left",
        "right",
        "evaluation",
        "radiographic",
        "limited",
        "babygram",
        "pre",
        "post",
        "postoperative",
        "preoperative",
    ]
)
_VIEW_CORE = frozenset(
    [
        "chest",
        "cxr",
        "radiograph",
        "radiographs",
        "radiography",
        "x-ray",
        "x-rays",
        "xray",
        "film",
        "films",
        "view",
        "views",
    ]
)
# Where the title's description ends and its date or time begins.
_VIEW_TAIL = re.compile(
    r"[\d_\[]|\b(?:on|at|dated|from|compared|obtained|performed|dating|xxxx|"
    r"january|february|march|april|may|june|july|august|september|october|november|december)\b"
)

_VERBS = frozenset(
    [
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "has",
        "have",
        "had",
        "may",
        "might",
        "can",
        "could",
        "will",
        "would",
        "should",
        "do",
        "does",
        "did",
        "there",
        "this",
        "that",
        "these",
        "those",
        "it",
        "they",
        "we",
        "i",
        "shows",
        "show",
        "showing",
        "demonstrates",
        "includes",
        "include",
        "including",
        "following",
        "noted",
        "seen",
        "identified",
        "suggests",
        "represents",
        "measures",
        "measuring",
        "not",
    ]
)
_SMALL = frozenset(
    [
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "from",
        "in",
        "of",
        "on",
        "or",
        "per",
        "the",
        "this",
        "to",
        "with",
        "w/",
        "vs",
    ]
)
_MODIFIERS = (
    "final ", "radiology ", "radiologist ", "radiologist's ", "radiological ", "radiologic ",
    "radiographic ", "chest ", "chest x-ray ", "cxr ", "additional ", "other ", "incidental ", "the ",
    "pertinent ", "revised ", "amended ", "updated ", "corrected ", "official ", "attending ",
    "imaging ", "x-ray ", "brief ", "new ", "primary ", "general ", "main ", "overall ", "ct ",
)  # fmt: skip

_KNOWN, _SUB, _VIEW, _UNKNOWN, _BREAK = range(5)
_TABLE = {phrase: name for name, phrases in SYNONYMS.items() for phrase in phrases}

_COLON = re.compile(r"[:：]")
# A sentence's end, a wide gap, a bullet or an HTML tag: the next word may begin a header.
_BOUNDARY = re.compile(
    r"(?:[.!?;|]+[\"')\]*_]*\s+|[。！？；|]\s*|\s{3,}|\t|\s[-–—•*]+\s+|<[^<>]{0,20}>\s*|\\n|】|__+\s+)(?=\S)"
)
_DECORATION = re.compile(r"[\s*#_>•·=~\"'(\[【<-]*(?:\(?\d{1,2}[.)]\s*)?[\s*#_(\[【]*")
_WORD = re.compile(r"\S+")
_JOINERS = re.compile(r"\s*(?:&amp;|[&/+])\s*")
_SPACE = re.compile(r"\s+")
_TAIL = re.compile(r"(?:\s*\(s\)|\s*#?\s*\d{1,2}|[\s*_#.,)\]】>-])+$")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*|\r[^\S\r\n]*\r\s*")
_LETTER = re.compile(r"[^\W\d_]")
_CJK = re.compile(r"[\u3400-\u9fff]")
_BRACKETED = re.compile(r"【([^】【\n]{1,16})】[ \t]*[:：]?")
_RULE = re.compile(r"(?:^|(?<=[\n\r]))[ \t]*[_=*-]{8,}[ \t]*(?=[\r\n]|$)")

# A header alone on its line, without a colon; `_ALONE_NAMES` has the phrases.
_ALONE = re.compile(r"[\n\r][ \t#*_>]*+([A-Za-z][A-Za-z &/]{3,44}+)[ \t*_#.–—-]*+(?=[\r\n]|\Z)")
_ALONE_FIRST = re.compile(r"[ \t#*_>]*+([A-Za-z][A-Za-z &/]{3,44}+)[ \t*_#.–—-]*+(?=[\r\n])")
_ALONE_NAMES = frozenset(
    """finding; findings; impression; impressions; conclusion; conclusions; findings and impression;
    findings and impressions; impression and findings; indication; indications; history;
    clinical history; clinical information; clinical indication; clinical data; comparison;
    comparisons; technique; examination; exam; procedure; reason for exam; reason for this exam;
    reason for examination; reason for this examination; reason for study; recommendation;
    recommendations; addendum; final report; wet read; preliminary report; radiology report;
    opinion; summary; interpretation; diagnosis; final diagnosis; notification;
    impression and recommendation; impression and recommendations""".replace("\n    ", " ").split(
        "; "
    )
)
# A header in capitals, without a colon, before text that is not in capitals, or before a dash.
_CAPITALS = re.compile(
    r"(?:FINDINGS?|IMPRESSIONS?|CONCLUSIONS?|INDICATIONS?|HISTORY|COMPARISONS?|TECHNIQUE|EXAMINATION"
    r"|ADDENDUM)(?:[ \t]*[–—][ \t]*|[ \t]+-+[ \t]*|[ \t]+(?=[A-Z][a-z]|\d{1,2}[.)]\s|A [a-z]))"
)


class _Header(NamedTuple):
    start: int
    body: int
    name: str
    kind: int


def find_sections(text: str) -> tuple[Section, ...]:
    """Return the sections of a report, in order.

    Parameters
    ----------
    text
        The report, in any case, with or without line breaks; headers in English or Chinese.

    Returns
    -------
    tuple of Section
        Name and half-open offsets of each body, without header and surrounding white space,
        sorted, not overlapping, never empty. Text before the first header is ``preamble``, or
        ``findings`` where it is prose and no Findings header exists. Empty where no header is
        found at all.
    """
    headers = _find_headers(text)
    if not headers:
        return ()
    sections = _cut(text, headers)
    if not any(section.name == "findings" for section in sections):
        sections = _findings_without_header(text, sections)
    return tuple(sections)


def scored_sections(text: str, sections: Sequence[Section] | None = None) -> tuple[Section, ...]:
    """Return the sections whose findings count.

    Findings, Impression and Addendum count, and Diagnosis where it does not come before the
    first Findings or Impression (there it is the referrer's). Where a report has neither
    Findings nor Impression (nor a Diagnosis), its whole text counts, as in the ChestX-ray8 paper
    (Wang et al., CVPR 2017, section 3.1), except Indication, History and Comparison.

    Parameters
    ----------
    text
        The report.
    sections
        Its sections where they are known; otherwise `find_sections` finds them.

    Returns
    -------
    tuple of Section
        In order; empty for a report without text (or with nothing but an indication …). A whole
        text is one section called ``text``; with parts that never count cut out, several.
    """
    if sections is None:
        sections = find_sections(text)
    main = [s.start for s in sections if s.name in ("findings", "impression") and s.end > s.start]
    if main:
        first = main[0]
        return tuple(
            s
            for s in sections
            if (s.name in SCORED or (s.name == "diagnosis" and s.start > first)) and s.end > s.start
        )
    if any(s.name == "diagnosis" for s in sections):
        return tuple(s for s in sections if s.name in SCORED or s.name == "diagnosis")
    if not any(s.name in NEVER_SCORED for s in sections):
        return (Section("text", 0, len(text)),) if text and not text.isspace() else ()
    return tuple(Section("text", s.start, s.end) for s in sections if s.name not in NEVER_SCORED)


def canonical_name(header: str) -> str:
    """Return the canonical name of a section header, or the header itself in lower case.

    >>> canonical_name("Clinical Information")
    'history'
    >>> canonical_name("Nursing remarks")
    'nursing remarks'
    """
    phrase = _normalise(header)
    return _look_up(phrase) or phrase


def _normalise(phrase: str) -> str:
    phrase = _DECORATION.sub("", phrase.lower(), count=1)
    phrase = _TAIL.sub("", phrase)
    return _SPACE.sub(" ", _JOINERS.sub(" and ", phrase).replace("_", " ")).strip()


def _look_up(phrase: str) -> str | None:
    """Return the canonical name of a normalised phrase, None where it is unknown."""
    name = _TABLE.get(phrase)
    if name is None and phrase.endswith((" addendum", " addenda")):
        return "addendum"
    while name is None:
        modifier = next((m for m in _MODIFIERS if phrase.startswith(m)), None)
        if modifier is None:
            return None
        phrase = phrase[len(modifier) :]
        name = _TABLE.get(phrase)
    return name


def _find_headers(text: str) -> list[_Header]:
    colonless = _colonless_headers(text)
    headers: list[_Header] = []
    previous = 0  # where the last header ended
    waiting = 0
    carriage = "\r" in text
    for position in _colons(text):
        while waiting < len(colonless) and colonless[waiting].body <= position:
            if colonless[waiting].start >= previous:
                headers.append(colonless[waiting])
                previous = colonless[waiting].body
            waiting += 1
        low = previous if previous > position - 80 else position - 80
        line = text.rfind("\n", low, position)
        if carriage:
            line = max(line, text.rfind("\r", low, position))
        if line >= 0:
            low, origin = line + 1, 2
        elif low <= 0:
            low, origin = 0, 2
        else:
            origin = 1 if low == previous else 0
        found = _classify(text[low:position], origin)
        if found is None:
            continue
        offset, name, kind, needs_mixed_case = found
        body = position + 1
        following = text[body : body + 1]
        if following and not following.isspace():
            if kind != _KNOWN and not following.isupper() and text[position] == ":":
                continue
            if following.isdigit() and text[position - 1].isdigit():
                continue  # 5:12
            while text[body : body + 1] == "*":  # the end of **Findings:**
                body += 1
        if needs_mixed_case and text.isupper():
            continue
        headers.append(_Header(low + offset, body, name, kind))
        previous = body
    headers.extend(h for h in colonless[waiting:] if h.start >= previous)
    return headers


def _colons(text: str) -> list[int]:
    if "：" in text:
        return [m.start() for m in _COLON.finditer(text)]
    positions = []
    position = text.find(":")
    while position >= 0:
        positions.append(position)
        position = text.find(":", position + 1)
    return positions


def _colonless_headers(text: str) -> list[_Header]:
    found: list[_Header] = []
    if "\n" in text or "\r" in text:
        if first := _ALONE_FIRST.match(text):
            _append_alone(found, first)
        for match in _ALONE.finditer(text):
            _append_alone(found, match)
        if "____" in text or "----" in text or "====" in text or "****" in text:
            found.extend(
                _Header(m.start(), m.end(), "preamble", _BREAK) for m in _RULE.finditer(text)
            )
    # `_CAPITALS` is slow; without one of these it has nothing to find.
    if (
        "ION " in text
        or "NGS " in text
        or "ORY " in text
        or "QUE " in text
        or "SON " in text
        or "ONS " in text
        or "DUM " in text
        or "ING " in text
        or "–" in text
        or "—" in text
        or "\t" in text
    ):
        for match in _CAPITALS.finditer(text):
            before = text[max(0, match.start() - 40) : match.start()].rstrip(" \t")
            if not before or before[-1] in ".!?;:\n\r":
                name = _TABLE[match[0].strip(" \t-–—").lower()]
                found.append(_Header(match.start(), match.end(), name, _KNOWN))
    if "【" in text:
        for match in _BRACKETED.finditer(text):
            name = canonical_name(match[1])
            kind = _KNOWN if name in SYNONYMS else _UNKNOWN
            if kind == _KNOWN or not _SUBJECT.search(name):
                found.append(_Header(match.start(), match.end(), name, kind))
    found.sort()
    return found


def _append_alone(found: list[_Header], match: re.Match[str]) -> None:
    if name := _alone(match[1]):
        found.append(_Header(match.start(1), match.end(), name, _KNOWN))


@lru_cache(maxsize=4096)
def _alone(phrase: str) -> str | None:
    """Return the canonical name of a line that is nothing but a header."""
    phrase = _normalise(phrase)
    return _look_up(phrase) if phrase in _ALONE_NAMES else None


@lru_cache(maxsize=8192)
def _classify(chunk: str, origin: int) -> tuple[int, str, int, bool] | None:
    """Say which header, if any, ends where `chunk` (the text before a colon) ends.

    `origin` says what lies before the chunk: 2 a line's start, 1 another header, 0 other text.
    Returned are the header's offset in the chunk, its name and kind, and whether it counts only
    in a report that is not all capitals. Headers repeat, so the answer is cached.
    """
    if origin == 2 and (title := _view_title(chunk)):
        return title
    segment = 0
    for match in _BOUNDARY.finditer(chunk):
        segment, origin = match.end(), max(origin if origin < 2 else 0, 1) + 2
    # origin: 0 amid text, 1 after a header, 2 line start, 3 sentence start
    decoration = _DECORATION.match(chunk, segment)
    if decoration:
        segment = decoration.end()
    phrase = _normalise(chunk[segment:])
    if not phrase:
        return None
    if origin:
        if phrase in _INSIDE:
            return segment, phrase, _SUB, False
        if name := _look_up(phrase):
            return segment, name, _KNOWN, False
        if phrase.startswith("addendum") and len(phrase) < 60:
            return segment, "addendum", _KNOWN, False
    if found := _known_ending(chunk, segment):
        return found
    return _unknown(chunk[segment:], segment, origin)


def _known_ending(chunk: str, segment: int) -> tuple[int, str, int, bool] | None:
    """Find a known, capitalised header at the end of running text, the longest first."""
    words = [m.start() for m in _WORD.finditer(chunk, segment)][-6:]
    for start in words:
        first = _DECORATION.match(chunk, start)
        start = first.end() if first else start
        if not chunk[start : start + 1].isupper():
            continue
        phrase = _normalise(chunk[start:])
        if phrase in _INSIDE:
            return None
        name = _look_up(phrase)
        if name and phrase not in _WEAK:
            return start, name, _KNOWN, False
    return None


def _unknown(segment: str, offset: int, origin: int) -> tuple[int, str, int, bool] | None:
    """Judge a phrase that the table does not have."""
    phrase = _SPACE.sub(" ", segment).strip(" *_#")
    if origin == 0 or not phrase or len(phrase) > 60:
        return None
    if not phrase[0].isupper():
        if _CJK.match(phrase) and len(phrase) <= 10:
            kind = _SUB if _SUBJECT.search(phrase) else _UNKNOWN
            return offset, phrase.lower(), kind, False
        return None
    words = phrase.split()
    lower = [w.strip(",.()").lower() for w in words]
    if len(words) > 8 or not _VERBS.isdisjoint(lower):
        return None
    capitals = phrase.isupper()
    title = all(w in _SMALL or not raw[0].islower() for w, raw in zip(lower, words, strict=True))
    if not (capitals or title or len(words) <= 4):
        return None
    name = phrase.lower()
    if _SUBJECT.search(phrase):
        return offset, name, _SUB, False
    if origin == 2:
        return offset, name, _UNKNOWN, False
    if origin == 3 and ((capitals and len(phrase) > 2) or (title and len(words) > 1)):
        return offset, name, _UNKNOWN, capitals
    return None


def _view_title(chunk: str) -> tuple[int, str, int, bool] | None:
    """Recognise a title such as ``PORTABLE AP CHEST, 5:12 A.M.`` before a colon."""
    decoration = _DECORATION.match(chunk)
    start = decoration.end() if decoration else 0
    title = chunk[start:].lower()
    tail = _VIEW_TAIL.search(title, 4)
    if tail:
        title = title[: tail.start()]
    words = re.split(r"[\s,/&().;-]+(?![a-z]*ray)", title.strip(" ,.-("))
    if not _VIEW_CORE.isdisjoint(words) and all(not w or w in _VIEW_WORDS for w in words):
        return start, "examination", _VIEW, False
    return None


def _cut(text: str, headers: list[_Header]) -> list[Section]:
    """Turn headers into sections: decide what a sub-header, a title or a rule begins."""
    explicit = False
    for i, header in enumerate(headers):
        if header.name == "findings" and header.kind == _KNOWN:
            end = headers[i + 1].start if i + 1 < len(headers) else len(text)
            if (headers[i + 1 : i + 2] and headers[i + 1].kind == _SUB) or _LETTER.search(
                text, header.body, end
            ):
                explicit = True
    sections: list[Section] = []
    name, start = "preamble", 0
    for header in headers:
        next_name, next_start = header.name, header.body
        counts = name in SCORED or name == "diagnosis"
        if header.kind == _SUB:
            if counts or explicit or header.name in _INSIDE:
                continue
            next_name, next_start = "findings", header.start
        elif header.kind == _VIEW:
            if counts:
                continue
            if not explicit:
                next_name = "findings"
        _append(sections, text, name, start, header.start)
        name, start = next_name, next_start
    _append(sections, text, name, start, len(text))
    return sections


def _append(sections: list[Section], text: str, name: str, start: int, end: int) -> None:
    body = text[start:end].rstrip()
    stripped = body.lstrip()
    if stripped and (name != "preamble" or _LETTER.search(stripped)):
        end = start + len(body)
        sections.append(Section(name, end - len(stripped), end))


# Prose, as against a title: a verb, or a word that states something.
_PROSE = re.compile(
    r"\b(?:is|are|was|were|has|have|shows?|demonstrates?|no|normal|clear|unremarkable|stable"
    r"|unchanged|seen|noted|identified|present|within|remains?|appears?|there|enlarged)\b",
    re.IGNORECASE,
)
_BEFORE_FINDINGS = frozenset(
    {"indication", "history", "comparison", "technique", "examination", "preamble", "date"}
)


def _findings_without_header(text: str, sections: list[Section]) -> list[Section]:
    """Name the paragraphs that hold the findings where no header does."""
    result: list[Section] = []
    for section in sections:
        if section.name not in _BEFORE_FINDINGS:
            result.append(section)
            continue
        name, start, end = section
        if name == "preamble":
            # A title may stand before the prose, with or without a blank line between them.
            if _PROSE.search(text, start, end):
                result.append(Section("findings", start, end))
            else:
                result.append(section)
            continue
        gap = _PARAGRAPH.search(text, start, end)
        if gap is None:
            result.append(section)
            continue
        _append(result, text, name, start, gap.start())
        _append(result, text, "findings", gap.end(), end)
    return result


def split_section(text: str, section: Section) -> tuple[Section, ...]:
    """Cut one section at the known headers within its body.

    For sections that a format gives (an XML element, a column): some bodies hold further ones,
    such as a whole earlier report pasted in. Sub-headers and unknown headers do not cut.
    """
    if ":" not in (body := text[section.start : section.end]):
        return (section,)
    headers = [h for h in _find_headers(body) if h.kind == _KNOWN]
    if all(h.name == section.name for h in headers):
        return (section,)
    parts: list[Section] = []
    name, start = section.name, 0
    for header in headers:
        _append(parts, body, name, start, header.start)
        name, start = header.name, header.body
    _append(parts, body, name, start, len(body))
    return tuple(Section(n, s + section.start, e + section.start) for n, s, e in parts)
