"""The words of headers: which name a section, which stand within one, which title a view.

Data for `cxrmine.reports.sections`. To teach it a header, add it here, in lower case with ``&``,
``/`` and ``+`` written ``and``.
"""

from __future__ import annotations


def _phrases(text: str) -> tuple[str, ...]:
    """Split a list written with semicolons."""
    return tuple(phrase.strip() for phrase in " ".join(text.split()).split(";"))


#: Canonical names of sections and the headers that stand for them.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "findings": _phrases(
        """findings; finding; findings and impression; impression and findings; findings and
        impressions; findings and conclusion; description; report; result; results;
        observations; observation; radiologic findings; radiographic findings; radiographic
        report; report text; narrative; body of report; interval findings; findings and
        interpretation; discussion; 分析; 所见; 影像所见; 检查所见; 影像学所见; 放射学所见; x线所见; ct所见; 影像表现; 影像学表现;
        x线表现; ct表现; 表现; 影像描述; 检查描述; 描述; 报告内容; 所見; 影像所見; 検査所見; 소견; hallazgos; achados;
        befund; befunde; reperti; constatations; описание"""
    ),
    "impression": _phrases(
        """impression; impressions; imp; impresion; conclusion; conclusions; opinion; summary;
        interpretation; impression and recommendation; impression and recommendations;
        impression and plan; conclusion and recommendation; conclusion and recommendations;
        assessment; overall impression; summary and recommendation; summary and recommendations;
        summary of findings; radiologic impression; radiological impression; radiographic
        impression; conclusion and summary; interpretation and recommendations; bottom line;
        summary and impression; impression and summary; impression and conclusion; 印象; 结论; 影像印象;
        印象诊断; 诊断印象; 小结; 检查结论; 影像结论; 結論; 印象診斷; 診斷印象; 결론; impresión; conclusión; conclusiones;
        impressão; conclusão; beurteilung; conclusione; conclusioni; заключение; выводы"""
    ),
    # A diagnosis after the findings is what others call the impression; one before them is the
    # referrer's (see `sections.scored_sections`).
    "diagnosis": _phrases(
        """diagnosis; diagnoses; final diagnosis; radiologic diagnosis; radiological diagnosis;
        radiographic diagnosis; imaging diagnosis; 诊断; 诊断意见; 影像诊断; 影像学诊断; 诊断结果; 诊断结论; 放射学诊断;
        放射诊断; x线诊断; ct诊断; 检查诊断; 诊断及建议; 诊断提示; 影像诊断意见; 影像学诊断意见; 放射诊断意见; 报告诊断; 診斷; 診斷意見;
        影像診斷; 診断; 画像診断; 진단; diagnóstico; diagnósticos; diagnose; diagnosen; diagnosi; diagnostic;
        диагноз"""
    ),
    "addendum": _phrases("""addendum; addenda; addendums; 补充报告; 补充"""),
    "indication": _phrases(
        """indication; indications; reason; reason for exam; reason for examination; reason for
        this exam; reason for this examination; reason for study; reason for the exam; reason
        for the examination; reason for the study; reason for visit; reason for order; reason
        for request; reason for test; reason for procedure; reason for imaging; reason for
        referral; reason for x-ray; reason for consult; reason for consultation; clinical
        indication; clinical indications; indication for exam; indication for study; indication
        for examination; indications for exam; indications for study; indication for the exam;
        indication for the study; indication and history; history and indication; clinical
        question; question; clinical concern; clinical impression; clinical diagnosis; admitting
        diagnosis; admission diagnosis; provisional diagnosis; working diagnosis; preoperative
        diagnosis; pre-operative diagnosis; referring diagnosis; presumptive diagnosis;
        postoperative diagnosis; post-operative diagnosis; primary diagnosis; diagnosis code;
        diagnosis codes; icd codes; icd; indication and technique; clinical request; request;
        purpose of exam; 临床诊断; 检查目的; 初步诊断; 入院诊断; 申请目的; 检查原因; 送检目的"""
    ),
    "history": _phrases(
        """history; clinical history; clinical information; clinical info; clinical data; clinical
        details; clinical statement; clinical summary; clinical background; clinical
        presentation; clinical notes; clinical note; clinical context; patient history; brief
        history; relevant history; pertinent history; hx; clinical hx; clinical; history of
        present illness; hpi; past medical history; medical history; past history; surgical
        history; past surgical history; history and physical; history and reason for exam;
        history and comparison; history and clinical information; medical condition; chief
        complaint; complaint; presenting complaint; symptoms; symptom; signs and symptoms;
        background; indication and clinical history; relevant clinical information; exam
        history; relevant clinical history; social history; family history; smoking history;
        underlying medical condition; additional history; interval history; provided history;
        病史; 主诉; 临床病史; 现病史; 既往史; 临床资料; 病史摘要; 临床信息; 临床症状"""
    ),
    "comparison": _phrases(
        """comparison; comparisons; comparison study; comparison studies; comparison exam;
        comparison exams; comparison examination; compared to; compared with; comparison is made
        to; comparison date; prior; priors; prior study; prior studies; prior exam; prior exams;
        previous study; previous studies; previous exam; previous exams; prior imaging; previous
        imaging; prior films; previous films; prior report; previous report; prior impression;
        previous impression; prior findings; previous findings; correlation; comparative
        studies; comparison films; comparison radiographs; comparison and correlation; prior
        examination; prior examinations; previous examination; previous examinations; reference
        exam; comparison and technique; 对比; 比较; 对照; 对比检查; 既往检查"""
    ),
    "technique": _phrases(
        """technique; techniques; procedure and technique; technique and comparison; protocol;
        views; number of views; technical factors; projection; projections; imaging technique;
        method; methods; contrast; radiation dose; dose; technique and findings limitations;
        views obtained; 检查方法; 检查技术; 扫描方法; 技术; 方法; 成像技术"""
    ),
    "examination": _phrases(
        """examination; examinations; exam; exams; study; studies; procedure; procedures; procedure
        performed; procedures performed; exam type; exam name; study type; type of exam; type of
        examination; type of study; examination performed; exam performed; study performed;
        study description; exam description; procedure description; radiology exam; order; exam
        and views; exam and technique; title; examination and technique; examination type; exam
        title; 检查部位; 检查项目; 检查名称; 检查类型"""
    ),
    "recommendation": _phrases(
        """recommendation; recommendations; recommend; plan; follow-up; follow up; followup;
        suggestion; suggestions; advice; action; actions; follow-up recommendation; follow-up
        recommendations; 建议; 随访建议"""
    ),
    "notification": _phrases(
        """notification; notifications; communication; communications; critical results; critical
        result; results communication; communication of results; critical results communication;
        critical communication; provider notification; physician notification; findings
        discussed with; result notification"""
    ),
    "wet read": _phrases(
        """wet read; wetread; preliminary read; prelim; preliminary report; preliminary findings;
        preliminary impression; preliminary interpretation; preliminary result; preliminary
        results; resident read"""
    ),
    "date": _phrases(
        """date; exam date; study date; date of exam; date of study; date of examination; date of
        service; exam time; date and time; report date; date dictated; date transcribed; 检查日期;
        报告日期; 检查时间; 报告时间; 日期"""
    ),
    "signature": _phrases(
        """electronically signed by; electronically signed; signed by; dictated by; transcribed by;
        reviewed by; interpreted by; read by; reported by; approved by; verified by; finalized
        by; signed; dictated; transcribed; attending; attending radiologist; radiologist;
        resident; technologist; transcriptionist; attestation; signature; attending physician;
        referring physician; ordering physician; requesting physician; ordering provider;
        attending statement; teaching physician statement; 报告医师; 审核医师; 报告医生; 审核医生; 医师"""
    ),
    # What follows a bare "FINAL REPORT" line is the report's start over again.
    "preamble": _phrases(
        """final report; final; radiology report; chest x-ray report; chest radiograph report;
        final radiology report; x-ray report; imaging report; diagnostic imaging report; end of
        report; end of addendum; 检查报告; 影像报告"""
    ),
}

#: Headers that mean something only where a line or a sentence begins ("two Views: …" is none).
WEAK = frozenset(
    _phrases(
        """views; exam; exams; study; studies; order; reason; report; result; results; summary;
        opinion; procedure; procedures; plan; action; actions; date; dose; title; question;
        request; description; discussion; imp; final; prior; priors; dictated; signed;
        resident; attending; radiologist; method; methods; contrast; clinical; background;
        symptoms; symptom; complaint; correlation; observation; observations; narrative;
        protocol; recommend; advice; suggestion; suggestions; projection; projections;
        assessment; prelim; finding; technologist; signature; hx; communication;
        follow-up; followup"""
    )
)

#: Phrases that look like a header and belong to the section they stand in.
INSIDE = frozenset(
    _phrases(
        """differential; differential diagnosis; differential diagnoses; ddx; differential
        considerations; differential includes; note; notes; nb; p.s; please note; addition;
        also; misc; miscellaneous; other; others; additional; additional comments; comment;
        comments; normal; abnormal; new; unchanged; stable; interval change; change; changes;
        incidental; incidentals; other findings; additional findings; incidental findings;
        significant findings; positive findings; negative findings; pertinent negatives;
        pertinent positives; negatives; positives; key findings; major findings; minor findings;
        specifically; including; most likely; likely; possible; probable; findings suggestive
        of; primary; secondary; general; support; hardware; foreign bodies; foreign body;
        miscellany; limited; severity; size; location; side; left; right; bilateral; yes; no;
        none; etiologies; considerations; evaluation for; measurements; limitations; limitation; quality; image quality; study quality; technical quality"""
    )
)

#: The words of a title such as "PORTABLE AP CHEST, TWO VIEWS": nothing but these …
VIEW_WORDS = frozenset(
    _phrases(
        """chest; cxr; radiograph; radiographs; radiography; x-ray; x-rays; xray; xrays; film;
        films; view; views; image; images; ap; pa; lat; lateral; frontal; portable; upright;
        erect; supine; semi-upright; semiupright; semi-erect; semierect; decubitus; single; one;
        two; three; four; 1; 2; 3; 4; 1v; 2v; 3v; 1-view; 2-view; one-view; two-view; and; or;
        with; of; the; an; a; in; without; only; plain; digital; posteroanterior;
        anteroposterior; bedside; mobile; oblique; apical; lordotic; expiratory; inspiratory;
        xr; cr; dx; ct; mr; mri; cta; contrast; repeat; follow-up; followup; limited; complete;
        standard; routine; dual; energy; position; projection; projections; study; examination;
        exam; series; left; right; evaluation; radiographic; babygram; pre; post; postoperative;
        preoperative"""
    )
)

#: … and at least one of these.
VIEW_CORE = frozenset(
    _phrases(
        """chest; cxr; radiograph; radiographs; radiography; x-ray; x-rays; xray; film; films;
        view; views"""
    )
)

#: Words that show that a phrase before a colon is part of a sentence.
VERBS = frozenset(
    _phrases(
        """is; are; was; were; be; been; has; have; had; may; might; can; could; will; would;
        should; do; does; did; there; this; that; these; those; it; they; we; i; shows; show;
        showing; demonstrates; includes; include; including; following; noted; seen; identified;
        suggests; represents; measures; measuring; not"""
    )
)

#: Words that titles leave in lower case.
SMALL = frozenset(
    _phrases(
        """a; an; and; as; at; by; for; from; in; of; on; or; per; the; this; to; with; w/; vs"""
    )
)

#: Words that change nothing before a known header ("final impression").
MODIFIERS = _phrases(
    """final; radiology; radiologist; radiologist's; radiological; radiologic; radiographic; chest;
    chest x-ray; cxr; additional; other; incidental; the; pertinent; revised; amended; updated;
    corrected; official; attending; imaging; x-ray; brief; new; primary; general; main; overall;
    ct"""
)

#: Headers that may stand alone on a line, without a colon.
ALONE = frozenset(
    _phrases(
        """finding; findings; impression; impressions; conclusion; conclusions; findings and
        impression; findings and impressions; impression and findings; indication; indications;
        history; clinical history; clinical information; clinical indication; clinical data;
        comparison; comparisons; technique; examination; exam; procedure; reason for exam;
        reason for this exam; reason for examination; reason for this examination; reason for
        study; recommendation; recommendations; addendum; final report; wet read; preliminary
        report; radiology report; opinion; summary; interpretation; diagnosis; final diagnosis;
        notification; impression and recommendation; impression and recommendations"""
    )
)
