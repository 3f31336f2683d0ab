"""Distinct clauses of Chinese chest X-ray reports, generated in any number, with their counts.

    python scripts/generate_clauses.py --unique 2000 --total 50000 [--seed 0]

For speed and loss measurements only: what matters is that the distances are like those of real
clauses. Diagnoses are drawn by a falling share, each with several wordings; places, degrees,
hedges, measures (whose digits normalisation has removed) and typing errors make the long tail.
The bundled corpus, with truth, is another matter: scripts/make_clause_corpus.py.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

# Wordings of a finding, and whether a place may stand before it. Their order is falling frequency.
FINDINGS: tuple[tuple[tuple[str, ...], bool], ...] = (
    (("心肺膈未见明显异常", "心、肺、膈未见异常", "心肺膈未见异常", "胸部未见明显异常征象"), False),
    (("肺纹理增多", "肺纹理增重", "肺纹理增粗", "肺纹理增多增粗", "肺纹理紊乱"), True),
    (("主动脉硬化", "主动脉迂曲硬化", "主动脉结钙化", "主动脉弓钙化", "主动脉迂曲"), False),
    (("心影增大", "心脏增大", "心影饱满", "心影向左扩大", "心胸比例增大"), False),
    (("胸膜增厚", "胸膜肥厚", "胸膜增厚粘连", "胸膜粘连"), True),
    (("肺间质增生", "间质性改变", "肺间质纤维化", "间质性病变"), True),
    (("肋膈角变钝", "肋膈角欠锐利", "肋膈角消失", "肋膈角模糊"), True),
    (("胸腔积液", "胸腔少量积液", "胸水", "包裹性积液"), True),
    (("肺气肿", "肺气肿征", "肺透亮度增高", "肺过度充气"), True),
    (("支气管炎", "支气管炎改变", "慢性支气管炎", "支气管周围炎"), False),
    (("肺炎", "肺感染", "炎症", "炎性病变", "感染性病变", "片状炎症"), True),
    (("斑片状高密度影", "片状模糊影", "斑片影", "斑点状影", "片状密度增高影"), True),
    (("结节影", "小结节", "结节状高密度影", "类圆形结节影"), True),
    (("陈旧性病灶", "陈旧性肺结核", "陈旧灶", "纤维索条影", "纤维化灶"), True),
    (("钙化灶", "钙化点", "钙化影", "点状钙化"), True),
    (("占位性病变", "肿块影", "团块状影", "软组织肿块"), True),
    (("气胸", "少量气胸", "液气胸", "气胸可能"), True),
    (("肺不张", "节段性不张", "盘状不张", "膨胀不全"), True),
    (("肺门影增大", "肺门增浓", "肺门结构紊乱", "肺门影增浓"), True),
    (("脊柱侧弯", "胸椎侧弯", "胸椎退行性变", "胸椎骨质增生", "脊柱侧凸"), False),
    (("肋骨骨折", "肋骨陈旧性骨折", "肋骨骨质不连续", "肋骨形态欠规整"), True),
    (("膈肌抬高", "膈面抬高", "膈膨升", "膈面欠光整"), True),
    (("术后改变", "内固定术后", "乳腺术后改变", "胸骨术后改变"), False),
    (("起搏器植入术后", "心脏起搏器置入", "起搏器电极影"), False),
    (("支气管扩张", "支气管扩张合并感染", "柱状支气管扩张"), True),
    (("空洞影", "薄壁空洞", "厚壁空洞形成", "透亮区"), True),
    (("肺水肿", "间质性肺水肿", "肺淤血", "肺充血"), True),
    (("奇叶", "奇叶变异", "颈肋", "肋骨变异"), True),
    (("纵隔增宽", "上纵隔增宽", "纵隔影增宽", "纵隔移位", "气管移位"), False),
    (("粟粒状影", "弥漫性结节影", "网格影", "磨玻璃影", "蜂窝影"), True),
)
PLACES = tuple(
    "两 双 左 右 两侧 双侧 左侧 右侧 左上 右上 左下 右下 右中 左上叶 右上叶 左下叶 右下叶 右中叶 "
    "左肺尖 右肺尖 两肺尖 左肺门区 右肺门区 左肺中野 右肺中野 左肺上野 右肺上野 左肺下野 右肺下野 "
    "左心缘旁 右心缘旁 左第肋间 右第肋间 左前第肋 右前第肋 左后第肋 右后第肋 左膈上 右膈上".split()
)
DEGREES = ("", "轻度", "明显", "少许", "略", "稍", "局部", "多发", "散在", "轻微", "较前")
HEDGES = (
    *("", "可能", "可能性大", "待排", "考虑", "可疑", "不除外", "请结合临床", "建议复查"),
    *("建议CT检查", "建议进一步检查", "较前好转", "较前无变化", "较前吸收", "较前进展", "请随访"),
)
MEASURES = ("", "直径约cm", "大小约×cm", "直径约mm", "大小约mm×mm", "厚约mm", "宽约cm", "长径约cm")
TYPED = "增曾多夕纹文理里肺市肋助膈隔影景影彩未末见现明名显异导常长主住动懂脉迈硬便化华左在右有"
RARE = 0.35  # of the drawn clauses, those that get a rare degree, hedge or measure
TYPOS = 0.06  # of the drawn clauses, those mistyped


def generate(unique: int, total: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Return distinct clauses, sorted, and how often each stands in the reports.

    Clauses are drawn until `unique` distinct ones were seen; further draws repeat what was seen
    before, in proportion, until there are `total`.

    Parameters
    ----------
    unique : int
        Distinct clauses.
    total : int
        Occurrences, at least `unique`. Where finding `unique` distinct ones took more draws
        than that, the counts are scaled down, none below 1.
    seed : int, default 0
        Of everything.

    Returns
    -------
    clauses : list of str
    counts : numpy.ndarray
        int64, summing to `total`.
    """
    if not 1 <= unique <= total:
        raise ValueError("there must be at least one clause, and no fewer occurrences than clauses")
    rng = np.random.default_rng(seed)
    seen: Counter[str] = Counter()
    while len(seen) < unique:
        for clause in _draw(rng, 20_000):
            if clause in seen or len(seen) < unique:
                seen[clause] += 1
    clauses = sorted(seen)
    drawn = np.array([seen[clause] for clause in clauses], np.float64)
    # Largest remainders, so that the counts sum to `total` exactly.
    share = (drawn - 1) / max(float((drawn - 1).sum()), 1.0) * (total - unique)
    if not share.any():
        share += (total - unique) / unique
    counts = 1 + np.floor(share).astype(np.int64)
    short = total - int(counts.sum())
    counts[np.argsort(-(share - np.floor(share)), kind="stable")[:short]] += 1
    return clauses, counts


def _draw(rng: np.random.Generator, number: int) -> list[str]:
    """Return that many clauses, repeats included."""

    def falling(choices: int, power: float) -> np.ndarray:
        share = 1.0 / np.arange(1, choices + 1) ** power
        return rng.choice(choices, number, p=share / share.sum())

    finding, wording = falling(len(FINDINGS), 1.2), falling(6, 1.5)
    place, rare = falling(len(PLACES), 1.0), rng.random((number, 3)) < RARE
    degree = falling(len(DEGREES) - 1, 0.7) + 1
    hedge = falling(len(HEDGES) - 1, 0.7) + 1
    measure = falling(len(MEASURES) - 1, 0.7) + 1
    mistyped = rng.random(number) < TYPOS
    where, how, typed = rng.random(number), rng.integers(4, size=number), rng.random(number)
    clauses = []
    for i in range(number):
        words, has_place = FINDINGS[finding[i]]
        text = words[wording[i] % len(words)]
        normal = finding[i] == 0  # neither hedged nor of any degree, only mistyped
        if rare[i, 0] and not normal:
            text = DEGREES[degree[i]] + text
        if has_place:
            name = PLACES[place[i]]
            text = (name[:-1] if name.endswith("肺") and text.startswith("肺") else name) + text
            if rare[i, 1] and rare[i, 0]:
                text += MEASURES[measure[i]]
        if rare[i, 2] and not normal:
            text += HEDGES[hedge[i]]
        if mistyped[i]:
            at = int(where[i] * len(text))
            new = TYPED[int(typed[i] * len(TYPED))]
            if how[i] == 0:
                text = text[:at] + new + text[at + 1 :]
            elif how[i] == 1:
                text = text[:at] + text[at + 1 :]
            elif how[i] == 2:
                text = text[:at] + new + text[at:]
            else:
                text = text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]
        clauses.append(text)
    return clauses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--unique", type=int, default=2000)
    parser.add_argument("--total", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for clause, count in zip(*generate(options.unique, options.total, options.seed), strict=True):
        print(f"{count}\t{clause}")


if __name__ == "__main__":
    main()
