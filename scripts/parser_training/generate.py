"""Generated radiology and clinical trees: a small grammar in bracket notation.

No treebank has the sentences that dictated reports are made of: lists of findings under one
negation, fragments without a verb, "clear of", "compatible with".  The grammar below writes them
with their trees.  ``{NAME}`` is replaced by one alternative of the lexicon or of `TEMPLATES`'
helpers, ``[30 …]`` stands there in 30 of 100 cases.  Label choices follow EWT where it has the
construction: "X seen." is a clause without its auxiliary (``nsubj:pass``), "Lungs: clear" a
heading with ``parataxis``, "consistent with X" an adjective with ``obl``; "versus" coordinates.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from scripts.parser_training.lexicon import LEXICON
from scripts.parser_training.trees import Tree, children_of, drop_word, parse_brackets

# --------------------------------------------------------------------------- phrases

PHRASES: dict[str, str] = {
    # One finding: masked, a word, a term, with or without modifier and place.
    "F": """
3*{MASK}
5*{FWORD}
7*{FTERM}
2*(amod {ADJ}) {MASK}
3*(amod {ADJ}) {FWORD}
3*(amod {ADJ}) {FTERM}
(amod {ADJ}) (amod {ADJ}) {FWORD}
(amod {SIZE} (conj (cc or) {SIZE}/ADJ)) {FTERM}
(amod {SIZE} (conj (cc to) {SIZE}/ADJ)) {FTERM}
{SIDE} {FTERM}
{SIDE} {LOBEMOD} {FWORD}
{SIDE} {LOBEMOD} {MASK}
(amod pleural (conj (cc or) pericardial/ADJ)) effusion
(amod hilar (conj (cc or) mediastinal/ADJ)) adenopathy
""",
    "LOBEMOD": """
3*(compound (amod lower) lobe)
2*(compound (amod upper) lobe)
(compound (amod middle) lobe)
(amod basilar)
(amod apical)
(amod perihilar)
(amod basal)
(compound base)
(compound lung)
(amod mid) (compound lung)
""",
    # For lists: short items are the rule.
    "ITEM": """
6*{MASK}
8*{FWORD}
10*{FTERM}
2*(amod {ADJ}) {FTERM}
(amod {ADJ}) {FWORD}
(amod {PARTICIPLE}) {FWORD}
(amod {PARTICIPLE}) {FTERM}
{SIDE} {FTERM}
""",
    "FL": """
6*{F}
2*{F} {LOC}
(amod {ADJ}) {F}
(amod {ADJ} (advmod {DEGREE})) {FTERM}
{MEAS} {FWORD}
{MEAS} {FTERM} {LOC}
{SIDE} {LOBEMOD} {F}
{F} (nmod (case with) (amod {ADJ}) {FWORD})
{F} (nmod (case with) (amod {ADJ}) {FTERM})
""",
    "MEAS": """
3*(compound (nummod {NUM}) {UNIT})
(compound (nummod {NUM} (conj (cc x) {NUM}/NUM)) {UNIT})
(compound (nummod {NUM}) (punct -) mm)
(compound (nummod {NUM}) (punct -) cm)
""",
    "SITEV": """
(nmod (case in) {SITE})
(nmod (case at) {SITE})
(nmod (case within) {SITE})
""",
    # What a sentence may end with.
    "NOLIST": """
8*(det no) {ORLIST}
4*(det no) (amod {NEGADJ}) {ORLIST}
5*(det no) evidence (nmod (case of) {ORLIST})
2*(det no) evidence (nmod (case for) {ORLIST})
2*(det no) (amod {NEGADJ}) evidence (nmod (case of) {ORLIST})
(det no) signs (nmod (case of) {ORLIST})
(det no) findings (nmod (case of) {ORLIST})
(det no) findings (acl (mark to) suggest (obj {F}))
(det no) suggestion (nmod (case of) {ORLIST})
(det no) indication (nmod (case of) {ORLIST})
(det no) (amod radiographic) evidence (nmod (case of) {ORLIST})
(det no) sign (nmod (case of) {ORLIST})
""",
    "WITHOUT": """
6*(case without) {ORLIST}
4*(case without) evidence (nmod (case of) {ORLIST})
2*(case without) (det any) {ORLIST}
2*(case without) (amod {NEGADJ}) {ORLIST}
3*(case with) (det no) {ORLIST}
2*(case with) (det no) evidence (nmod (case of) {ORLIST})
(case without) (amod {NEGADJ}) evidence (nmod (case of) {ORLIST})
(case w/o) {ORLIST}
(case without) (amod superimposed) {ORLIST}
""",
    "WITH": """
4*(case with) {ANDLIST}
2*(case with) (amod {ADJ}) {FTERM}
(case with) (det a) {F}
(case due (fixed to)) {ANDLIST}
(case secondary/ADJ (fixed to)) {F}
(case from) {F}
(case including/VERB) {ANDLIST}
(case such (fixed as)) {ORLIST}
""",
    "ALT": """
5*{F}
4*{F} (conj (cc or) {F})
3*{F} (conj (cc versus/ADP) {F})
1*{F} (conj (cc vs/ADP (punct .)) {F})
1*{F} (conj (cc vs/ADP) {F})
2*{ORLIST}
{F} (conj (cc rather (fixed than)) {F})
{F} (conj (cc and) {F})
(advmod either) {F} (conj (cc or) {F})
{SIDE} {LOBEMOD} {F} (conj (cc versus/ADP) {F})
{F} (conj (punct ,) {F}) (conj (punct ,) (cc or) {F})
{F} (conj (punct ,) (cc versus/ADP) {F})
{F} (conj (punct ,) (advmod less) likely/ADV)
{F} (nmod (case of) (det the) {SIDE} {LOBE})
{F} {LOC}
""",
    "LINK": """
5*consistent (obl (case with) {ALT})
2*concerning (obl (case for) (amod {PARTICIPLE}) {F})
3*compatible (obl (case with) {ALT})
3*suggestive (obl (case of) {ALT})
2*suspicious (obl (case for) {ALT})
2*concerning (obl (case for) {ALT})
worrisome (obl (case for) {ALT})
indicative (obl (case of) {ALT})
typical (obl (case of) {ALT})
related (obl (case to) {ALT})
attributable (obl (case to) {ALT})
secondary (obl (case to) {ALT})
""",
    "LINKADV": """
6*{LINK}
(advmod likely) {LINK}
(advmod possibly) {LINK}
(advmod most (advmod XXXX)) {LINK}
(advmod highly) {LINK}
(advmod most) {LINK}
(advmod probably) {LINK}
""",
    # A clause with "may represent X"; the head is its verb.
    "MAYBE": """
4*(aux {MODAL}) represent/VERB (obj {ALT})
2*(aux {MODAL}) reflect/VERB (obj {ALT})
(aux {MODAL}) indicate/VERB (obj {ALT})
2*(advmod likely) represents/VERB (obj {ALT})
(advmod probably) represents/VERB (obj {ALT})
(advmod most (advmod likely)) represents/VERB (obj {ALT})
(advmod likely) represent/VERB (obj {ALT})
(advmod likely) reflects/VERB (obj {ALT})
represents/VERB (obj {ALT})
(aux could) (advmod also) represent/VERB (obj {ALT})
(aux {MODAL}) (cop be) {ALT}
(cop is) (advmod likely) {ALT}
(aux may) (cop be) (case due (fixed to)) {ALT}
(cop is) (advmod likely) (case due (fixed to)) {ALT}
(cop is) (advmod likely) secondary/ADJ (obl (case to) {ALT})
(aux may) (aux:pass be) related/VERB (obl (case to) {ALT})
(cop are) {LINK}
(cop is) {LINKADV}
suggests/VERB (obj {ALT})
suggest/VERB (obj {ALT})
raises/VERB (obj (det the) possibility (nmod (case of) {ALT}))
appears/VERB (xcomp {LINK}/ADJ)
(aux may) (cop be) artifactual/ADJ
""",
    "SEEM": """
6*(cop is) {NORMAL}/ADJ
6*(cop are) {NORMAL}/ADJ
3*(cop is) (advmod {DEGREE}) {NORMAL}/ADJ
2*(cop are) (advmod {DEGREE}) {NORMAL}/ADJ
4*(cop is) (case within) (amod normal) limits
3*(cop are) (case within) (amod normal) limits
2*(cop is) normal/ADJ (obl (case in) size)
(cop is) normal/ADJ (obl (case in) size (conj (cc and) contour))
(cop are) normal/ADJ (obl (case in) appearance)
2*appear/VERB (xcomp {NORMAL}/ADJ)
2*appears/VERB (xcomp {NORMAL}/ADJ)
appear/VERB (xcomp (advmod {DEGREE}) {NORMAL}/ADJ)
remains/VERB (xcomp {NORMAL}/ADJ)
remain/VERB (xcomp {NORMAL}/ADJ)
(cop is) {NORMAL}/ADJ (conj (cc and) {NORMAL}/ADJ)
(cop are) {NORMAL}/ADJ (conj (cc and) {NORMAL}/ADJ)
(cop are) (advmod well) expanded/ADJ (conj (cc and) clear/ADJ)
2*(cop are) clear/ADJ (obl (case of) {ORLIST})
(cop is) clear/ADJ (obl (case of) {ORLIST})
2*(cop are) free/ADJ (obl (case of) {ORLIST})
(cop are) (advmod {DEGREE}) clear/ADJ (obl (case of) (det any) {ORLIST})
2*(cop are) clear/ADJ (obl {WITHOUT})
(cop is) normal/ADJ (obl {WITHOUT})
(aux:pass are) (advmod not) enlarged/VERB
(cop is) (advmod not) enlarged/ADJ
(cop is) unremarkable/ADJ (obl (case for) age)
(cop are) unremarkable/ADJ (punct ,) (obl {WITHOUT})
(aux has) (advmod not) changed/VERB
(aux:pass is) (advmod well) visualized/VERB
(cop is) (case at) (det the) (amod upper) limits (nmod (case of) normal)
(cop is) (advmod top) normal/ADJ (obl (case in) size)
(aux have) improved/VERB
(aux has) (advmod {DEGREE}) increased/VERB {TIME}
(cop is) stable/ADJ {TIME}
shows/VERB (obj (det no) {ORLIST})
show/VERB (obj {ANDLIST})
demonstrates/VERB (obj {ANDLIST})
demonstrate/VERB (obj (det no) {ORLIST})
""",
    # A clause whose parts come as dependents and head, to be joined to another.
    "CLAUSE": """
4*(nsubj:pass {FL}) {NOTSEEN}
4*(nsubj {FL}) {MAYBE}
3*(nsubj:pass {FL}) {SEENP}
2*(expl there) is/VERB (nsubj {FL})
2*(expl there) is/VERB (nsubj {NOLIST})
2*(nsubj {FL}) {STATE}/ADJ
3*(nsubj:pass {F}) (advmod not) excluded/VERB
2*(nsubj:pass {F}) (advmod again) {SEENV}/VERB
1*(nsubj {F}) {CHANGED}/VERB
2*(nsubj {FL}) (aux has) {CHANGED}/VERB
2*(nsubj {ORGAN}) {SEEM}
2*(nsubj {ORGAN}) {NORMAL}/ADJ
1*(nsubj (det the) {F}) (aux have) (advmod {ADVERB}) {CHANGED}/VERB
1*(nsubj (det a) {F}) (aux could) (aux:pass be) {HIDDEN}/VERB {LOCOBL}
1*(nsubj {F}) (cop is) (advmod {DEGREE}) {STATE}/ADJ
1*(nsubj {F}) (cop is) likely/ADJ
1*(nsubj {F}) (cop is) unlikely/ADJ
""",
    "INSERT": """
2*(obl (case in) (det both) (det the) projections)
2*(obl (case on) (det the) (amod lateral) view)
2*(obl (case on) (det this) (amod portable) film)
1*(obl (case in) (det this) patient)
1*(obl (case after) placement (nmod (case of) (det a) {DEVICE}))
1*(obl (case after) removal (nmod (case of) (det the) {DEVICE}))
1*(obl (case in) (nmod:poss my) opinion)
1*(obl (case apart/ADV (fixed from)) {FL})
1*(obl (case except (fixed for)) {FL})
1*(obl (case in) view (nmod (case of) (det the) {FL}))
1*(obl (case at) (det this) time)
1*(advcl (mark as) {SEENV}/VERB (advmod previously))
1*(advcl (mark as) described/VERB (advmod above))
1*(advcl (mark as) reported/VERB (obl:agent (case by) (det the) (amod referring) physician))
1*(advmod however)
1*(advcl (mark if) present/ADJ)
""",
    "SEENP": """
6*(aux:pass is) {SEENV}/VERB
5*(aux:pass are) {SEENV}/VERB
2*(aux:pass is) (advmod again) {SEENV}/VERB
(aux:pass are) (advmod again) {SEENV}/VERB
(aux has) (aux:pass been) {SEENV}/VERB
(aux:pass was) {SEENV}/VERB
(aux:pass were) {SEENV}/VERB
2*(aux:pass is) {SEENV}/VERB {LOCOBL}
2*(aux:pass are) {SEENV}/VERB {LOCOBL}
2*{SEENV}/VERB
{SEENV}/VERB {LOCOBL}
(aux can) (aux:pass be) {SEENV}/VERB
""",
    "NOTSEEN": """
5*(aux:pass is) (advmod not) {SEENV}/VERB
4*(aux:pass are) (advmod not) {SEENV}/VERB
(aux:pass is) (advmod n't) {SEENV}/VERB
2*(advmod not) {SEENV}/VERB
2*(aux:pass is) (advmod not) (advmod clearly) {SEENV}/VERB
(aux:pass is) (advmod (advmod no) longer) {SEENV}/VERB
(aux:pass are) (advmod (advmod no) longer) {SEENV}/VERB
2*(aux cannot) (aux:pass be) excluded/VERB
(aux can) (advmod not) (aux:pass be) excluded/VERB
(aux cannot) (aux:pass be) (advmod entirely) excluded/VERB
(aux could) (advmod not) (aux:pass be) excluded/VERB
(aux:pass is) (advmod not) excluded/VERB
(advmod not) excluded/VERB
(aux can) (aux:pass be) excluded/VERB
(aux:pass was) ruled/VERB (compound:prt out)
(aux:pass was) (advmod not) {SEENV}/VERB
(aux has) (aux:pass been) ruled/VERB (compound:prt out)
(aux:pass were) (advmod never) {SEENV}/VERB
(cop is) (advmod not) present/ADJ
(cop is) (advmod not) evident/ADJ
(cop is) (advmod not) apparent/ADJ
(cop are) (advmod not) visible/ADJ
(cop is) absent/ADJ
(cop is) unlikely/ADJ
(cop is) (advmod less) likely/ADJ
(aux has) resolved/VERB
(aux have) resolved/VERB
(aux has) (advmod completely) resolved/VERB
resolved/VERB
(aux has) cleared/VERB
""",
}

# --------------------------------------------------------------------------- sentences

#: Radiology sentences, by weight.  A sentence's last stop is added afterwards.
RADIOLOGY = """
12*{NOLIST}
6*(expl there) is/VERB (nsubj {NOLIST})
6*(expl there) is/VERB (nsubj (det no) {ORLIST})
3*(expl there) are/VERB (nsubj (det no) {ORLIST})
2*(expl there) are/VERB (nsubj (det no) (amod {NEGADJ}) {ORLIST}) {LOCOBL}
2*(expl there) is/VERB (advmod not) (nsubj (det any) {ORLIST})
1*(expl there) 's/VERB (nsubj (det no) {ORLIST})
1*(expl there) was/VERB (nsubj {NOLIST})
2*(expl there) (aux has) been/VERB (nsubj (compound interval) resolution (nmod (case of) {ORLIST}))
2*(expl there) is/VERB (nsubj (det a) {FL})
2*(expl there) is/VERB (nsubj {FL})
1*(expl there) are/VERB (nsubj {ANDLIST})
1*(expl there) is/VERB (nsubj {FL} (punct ,) (amod {LINKADV}))
1*(expl there) is/VERB (nsubj {FL}) (punct ,) (obl {WITHOUT})
2*(expl there) is/VERB (nsubj {FL} (acl:relcl (nsubj which) {MAYBE}))
1*(expl there) is/VERB (nsubj {FL} (acl:relcl (punct ,) (nsubj which) {MAYBE}))
2*(expl there) is/VERB (nsubj {FL}) (conj (punct ,) (cc but) {NOLIST})
2*(expl there) is/VERB (nsubj {FL}) (conj (cc but) {NOLIST})
2*(expl there) is/VERB (nsubj {FL}) (conj (punct ,) (cc and) {NOLIST})
4*(nsubj:pass {NOLIST}) {SEENP}
4*(nsubj:pass (det no) {ORLIST}) {SEENP}
3*(nsubj:pass (det no) (amod {NEGADJ}) {ORLIST}) {SEENP}
1*(nsubj (det no) {ORLIST}) (cop is) present/ADJ
1*(nsubj (det no) {ORLIST}) present/ADJ
2*(nsubj {FL}) present/ADJ
1*(nsubj {FL}) present/ADJ {LOCOBL}
1*(nsubj {FL}) (cop is) present/ADJ
1*(nsubj {FL}) (cop are) present/ADJ {LOCOBL}
1*(cc:preconj neither) {F} (conj (cc nor) {F})
1*(nsubj:pass (cc:preconj neither) {F} (conj (cc nor) {F})) (aux:pass is) {SEENV}/VERB
4*(nsubj:pass {FL}) {NOTSEEN}
3*(nsubj:pass {ORLIST}) {NOTSEEN}
1*(nsubj:pass {SIDE} {FTERM}) {NOTSEEN}
3*(nsubj:pass {FL}) {SEENP}
2*(nsubj:pass {ANDLIST}) {SEENP}
1*(nsubj:pass (det a) {FL}) {SEENP}
2*(nsubj:pass {FL}) (aux has) (aux:pass been) {SEENV}/VERB
1*(nsubj {FL}) (aux has) resolved/VERB {TIME}
1*(nsubj (advmod previously) {FL}) (aux has) resolved/VERB
1*(nsubj (amod {SEENV} (advmod previously)) {FL}) (aux has) resolved/VERB
1*(nsubj:pass (amod {SEENV} (advmod previously)) {FL}) {NOTSEEN}
1*(compound interval) resolution (nmod (case of) {ANDLIST})
1*(compound interval) development (nmod (case of) {ANDLIST})
1*(compound interval) improvement (nmod (case in) {ANDLIST})
1*(compound interval) increase (nmod (case in) {FL})
1*(compound interval) removal (nmod (case of) (det the) {DEVICE})
1*(nsubj (amod {SEENV} (advmod previously)) {FL}) (advmod (advmod no) longer) visible/ADJ
2*(amod resolved/VERB) {FL}
2*resolution (nmod (case of) {FL})
1*resolution (nmod (case of) (amod {SEENV} (advmod previously)) {FL})
1*(nsubj:pass (amod {SEENV} (advmod previously)) {FL}) (aux:pass is) (advmod (advmod no) longer) {SEENV}/VERB
1*(nsubj {FL}) (aux may) (advmod also) (cop be) {ALT}
1*(nsubj {FL} (acl {SEENV} (obl (case on) (det the) (amod lateral) view))) {MAYBE}
6*{FL}
4*{ANDLIST}
2*(amod scattered) (amod calcified) {FWORD}
2*(amod stable/ADJ) {F}
2*(amod unchanged/ADJ) {F}
2*{FL} (punct ,) (amod {STATE})
1*{FL} (punct ,) (amod {STATE} {TIME})
1*{FL} (punct ,) (amod {STATE} (obl (case on) (det the) {SIDE1}/NOUN))
2*(nsubj {FL}) {STATE}/ADJ
1*(amod {SIDE1} (conj (cc and) {SIDE1}/ADJ)) {FTERM}
2*(amod {PARTICIPLE}) {F}
1*(amod {PARTICIPLE}) {F} {LOC}
1*(expl there) appears/VERB (xcomp (mark to) be/VERB (nsubj {FL}))
1*(expl there) (aux may) be/VERB (nsubj {FL})
1*(amod persistent) {F} {LOC}
1*(amod increased/VERB) {F} {LOC}
1*(amod low) (compound lung) volumes (nmod (case with) {ANDLIST})
1*(amod low) (compound lung) volumes (punct ,) (nmod (case with) {F})
4*{FL} (punct ,) (amod {LINKADV})
4*{FL} (amod {LINKADV})
1*(nsubj {FL}) (advmod likely) {ALT}
2*{FL} (punct ,) (appos (advmod likely) {ALT})
1*{FL} (punct ,) (appos (advmod possibly) {ALT})
1*{FL} (punct ,) (appos (advmod probably) {ALT})
1*{FL} (nmod (case with) (amod {ADJ}) {FTERM} (punct ,) (amod {LINKADV}))
1*{FL} (acl {SEENV}/VERB (obl (case in) {SITE})) (amod {LINKADV})
1*{FL} (acl suggesting (obj {ALT}))
1*{FL} (punct ,) (acl suggesting (obj {ALT}))
1*{FL} (punct ,) (acl representing (obj {ALT}))
1*{FL} (acl:relcl (nsubj which) {MAYBE})
1*{FL} (acl:relcl (nsubj that) {MAYBE})
2*(nsubj {FL}) (cop is) present/ADJ (acl:relcl (nsubj which) {MAYBE})
1*(nsubj {FL}) (cop are) present/ADJ (punct ,) (acl:relcl (nsubj which) {MAYBE})
1*(nsubj:pass {FL}) (aux:pass is) {SEENV}/VERB (acl:relcl (nsubj which) {MAYBE})
1*(nsubj {ORGAN}) {SEEM} (conj (cc and) {WITHOUT})
1*(nsubj {ORGAN}) (cop is) tortuous/ADJ (conj (cc and) calcified/ADJ) (punct ,) (amod {LINK})
2*(nsubj {ORGAN}) {SEEM} (conj (cc and) (expl there) is/VERB (nsubj {NOLIST}))
1*{FL} (punct ,) (acl:relcl (nsubj which) {MAYBE})
5*(nsubj {FL}) {MAYBE}
3*(nsubj (det this) {FINDSUBJ}) {MAYBE}
3*(nsubj (det these) {FINDSUBJ}) {MAYBE}
2*(nsubj {FINDSUBJ} {SITEV}) {MAYBE}
1*(nsubj this) {MAYBE}
2*(nsubj {FINDSUBJ} {SITEV}) {MAYBE}
1*(nsubj {FINDSUBJ} {SITEV}) {MAYBE} (punct ,) (conj (cc but) (nsubj:pass {F}) (aux cannot) (aux:pass be) excluded/VERB)
1*(aux cannot) exclude/VERB (obj {ALT})
1*(aux can) (advmod not) exclude/VERB (obj {ALT})
1*(aux cannot) (advmod completely) exclude/VERB (obj {ALT})
1*(nsubj we) (aux cannot) exclude/VERB (obj {ALT})
2*question/VERB (obj {ALT})
1*question/NOUN (nmod (case of) {ALT})
1*(amod questionable) {FL}
1*(punct ?) {FL}
2*(amod possible) {ALT}
2*(amod probable) {ALT}
1*(amod suspected) {ALT}
1*suspect/VERB (obj {ALT})
1*favor/VERB (obj {ALT})
1*favor/VERB (obj {F}) (obl (case over) {F})
1*(nsubj we) favor/VERB (obj {ALT})
1*concern/NOUN (nmod (case for) {ALT})
1*suspicion/NOUN (nmod (case for) {ALT})
1*consider/VERB (obj {ALT})
1*correlate/VERB (advmod clinically) (obl (case for) {ALT})
2*(nsubj differential) includes/VERB (obj {ORLIST})
1*(nsubj (amod differential) diagnosis) includes/VERB (obj {ANDLIST})
1*(nsubj (amod differential) considerations) include/VERB (obj {ANDLIST})
2*rule/VERB (compound:prt out) (obj {ALT})
1*evaluate/VERB (obl (case for) {ALT})
1*evaluation/NOUN (nmod (case for) {ALT})
1*assess/VERB (obl (case for) {ALT})
1*recommend/VERB (obj CT/PROPN) (advcl (mark to) exclude (obj {ALT}))
1*(nsubj:pass (compound chest) CT/PROPN) (aux:pass is) recommended/VERB (advcl (mark to) evaluate (obl (case for) {ALT}))
1*(nsubj:pass (amod follow-up) radiographs) recommended/VERB (advcl (mark to) document/VERB (obj resolution))
1*(nsubj {FL}) (cop is) {NORMAL}/ADJ
1*(nsubj (det the) {F}) (cop is) {NORMAL}/ADJ {TIME}
1*(nsubj (det the) {F}) (aux has) increased/VERB {TIME}
1*(nsubj (det the) {F}) (aux has) decreased/VERB (obl (case in) size)
2*(det no) change (nmod (case in) (det the) {FL})
1*(det no) (amod {NEGADJ}) change (nmod (case in) {FL}) {TIME}
1*(det no) (compound interval) change (nmod (case in) {ANDLIST})
1*(nsubj:pass (det no) change (nmod (case in) {FL})) noted/VERB
8*(nsubj {ORGAN}) {SEEM}
3*(nsubj {ORGAN}) {NORMAL}/ADJ
2*(nsubj {ORGAN}) (case within) (amod normal) limits
3*(nsubj {ORGAN}) clear/ADJ (obl {WITHOUT})
1*(nsubj {ORGAN}) clear/ADJ (punct ,) (obl {WITHOUT})
2*(nsubj {ORGAN}) clear/ADJ (obl (case of) {ORLIST})
2*(nsubj {ORGAN}) free/ADJ (obl (case of) {ORLIST})
5*(nsubj {ORGAN}) {SEEM} (conj (cc and) (nsubj {ORGAN}) {SEEM})
2*(nsubj {ORGAN}) {SEEM} (conj (punct ,) (cc and) (nsubj {ORGAN}) {SEEM})
2*(nsubj {ORGAN}) {SEEM} (conj (punct ,) (cc but) (nsubj {ORGAN}) {SEEM})
2*(nsubj {ORGAN}) {SEEM} (conj (punct ,) (cc and) (expl there) is/VERB (nsubj {NOLIST}))
3*(nsubj {ORGAN}) {SEEM} (parataxis (punct ,) {NOLIST})
1*(nsubj {ORGAN}) {SEEM} (parataxis (punct ;) {NOLIST})
1*(nsubj {ORGAN}) {SEEM} (parataxis (punct ;) (advmod however) (punct ,) (expl there) is/VERB (nsubj {FL}))
1*(advmod however) (punct ,) (nsubj:pass {FL}) {NOTSEEN}
2*(nsubj {ORGAN}) {SEEM} (obl {WITHOUT})
2*(nsubj {ORGAN}) {SEEM} (punct ,) (obl {WITHOUT})
1*(nsubj {ORGAN}) {SEEM} (obl {WITH})
1*(nsubj {ORGAN}) {SEEM} (obl (case except (fixed for)) (det a) {FL})
1*(nsubj {ORGAN}) (advmod otherwise) {NORMAL}/ADJ
3*(amod {NORMAL}) {ORGANN} (nmod {WITHOUT})
2*(amod {NORMAL}) {ORGANN}
1*(amod clear/ADJ) lungs (nmod {WITHOUT})
4*{FL} (nmod {WITHOUT})
1*{FL} (punct ,) (nmod {WITHOUT})
3*{FL} (nmod {WITH})
3*negative/ADJ (obl (case for) {ORLIST})
1*(amod negative) (amod two-view) (compound chest) radiograph
1*(nsubj {STUDY}) negative/ADJ (obl (case for) {ORLIST})
2*(nsubj {STUDY}) (cop is) negative/ADJ (obl (case for) {ORLIST})
1*positive/ADJ (obl (case for) {ORLIST})
3*clear/ADJ (obl (case of) {ORLIST})
2*free/ADJ (obl (case of) {ORLIST})
1*absence (nmod (case of) {ORLIST})
2*(case without) {ORLIST}
1*(case without) evidence (nmod (case of) {ORLIST})
2*(nsubj {STUDY}) {SHOWS}/VERB (obj {FL}) (conj (cc but) {NOLIST})
1*(nsubj {STUDY}) {SHOWS}/VERB (obj {FL}) (conj (punct ,) (cc but) {NOLIST})
1*(nsubj {STUDY}) {EXCLUDES}/VERB (obj {ORLIST})
2*(nsubj {STUDY}) {SHOWS}/VERB (obj {NOLIST})
1*(nsubj {STUDY}) {SHOWS}/VERB (obj {FL})
1*(nsubj {STUDY}) (aux does) (advmod not) show/VERB (obj (det any) {ORLIST})
1*(nsubj {STUDY}) (aux did) (advmod n't) reveal/VERB (obj {ORLIST})
1*(nsubj {STUDY}) fails/VERB (xcomp (mark to) demonstrate (obj {ORLIST}))
1*(nsubj:pass (det the) {DEVICE}) (aux has) (aux:pass been) removed/VERB
2*(nsubj (det the) {DEVICE}) (cop is) (case in) place
1*(nsubj {DEVICE} (nmod (case with) tip (nmod (case in) (det the) SVC/PROPN))) (cop is) unchanged/ADJ
2*{DEVICE} (nmod (case with) (det the) tip (nmod (case in) {SITE}))
1*{DEVICE} (nmod (case in) place)
1*(amod {SIDE1}) {DEVICE} (acl:relcl (nsubj which) terminates/VERB (obl (case at) {SITE}))
1*(nsubj {DEVICE}) terminates/VERB (obl (case in) {SITE})
1*(case status/NOUN (fixed post)) {PROC}
2*{DEVICE} (punct ,) (nmod (case status/NOUN (fixed post)) {PROC})
1*(nsubj patient) (cop is) (case status/NOUN (fixed post)) {PROC} (obl {WITHOUT})
1*(nsubj patient) (cop is) (case s/NOUN (fixed /) (fixed p)) {PROC}
1*(nsubj:pass {FL}) (advmod not) (advmod significantly) changed/VERB {TIME}
1*{FL} (parataxis (punct ,) {NOLIST})
2*(det no) {F} (conj (punct ,) (det no) {F}) (conj (punct ,) (det no) {F})
2*(det no) {F} (conj (punct ,) (det no) {F}) (conj (punct ,) (cc and) (det no) {F})
1*(det no) {F} (conj (cc and) (det no) {F})
1*(det no) evidence (nmod (case of) {F}) (conj (punct ,) (det no) {F})
2*{NOLIST} (parataxis (punct ,) {FL})
1*{FL} (conj (cc but) {NOLIST})
1*{FL} (conj (punct ,) (cc but) {NOLIST})
1*{NOLIST} (conj (punct ,) (cc but) {FL})
1*{HEADING} (parataxis (punct :) {NOLIST})
1*{HEADING} (parataxis (punct :) {NORMAL}/ADJ (obl {WITHOUT}))
1*{HEADING} (parataxis (punct :) {NORMAL}/ADJ (parataxis (punct ,) {NOLIST}))
1*{HEADING} (parataxis (punct :) (nsubj {ORGAN}) {SEEM})
1*{HEADING} (parataxis (punct :) {FL})
1*(discourse {NUMERAL}/X (punct .)) {NOLIST}
1*(discourse {NUMERAL}/X (punct .)) {FL}
1*(discourse {NUMERAL}/X (punct -RRB-)) {NOLIST}
1*(advcl (mark if) (nsubj:pass {F}) (aux:pass is) suspected/VERB) (punct ,) (nsubj:pass CT/PROPN) (aux:pass is) recommended/VERB
1*(obl (case in) (det the) setting (nmod (case of) {F})) (punct ,) (nsubj {FL}) {MAYBE}
1*(advcl (mark although) (nsubj:pass {F}) {NOTSEEN}) (punct ,) (expl there) is/VERB (nsubj {FL})
1*(advcl (mark while) (nsubj:pass {F}) (aux cannot) (aux:pass be) excluded/VERB) (punct ,) (nsubj this) (advmod likely) represents/VERB (obj {F})
1*(nsubj:pass {NOLIST}) {SEENP} (punct ,) (advcl (mark although) (nsubj (det the) {LOBE}) (cop is) obscured/ADJ)
1*(obl (case other (fixed than)) {FL}) (punct ,) (nsubj {ORGAN}) {SEEM}
1*(obl (case aside/ADV (fixed from)) {FL}) (punct ,) (expl there) is/VERB (nsubj {NOLIST})
1*(nsubj {FL}) obscures/VERB (obj (det the) {LOBE})
1*(nsubj {FL}) {LIES}/VERB
3*(nsubj (det a) {F}) {LIES}/VERB (obl (case over) {SITE})
2*(nsubj {F}) {LIES}/VERB (obl (case in) {SITE})
1*(nsubj {F}) {OBSCURES}/VERB (obj {SITE})
1*(nsubj:pass {FL}) (advmod again) {SEENV}/VERB
1*(advmod again) {SEENV}/VERB (cop is) (nsubj (det a) {FL})
1*(nsubj (det a) {MEAS} {FWORD}) measures/VERB (obj (nummod {NUM}) {UNIT})
2*{FL} (acl measuring (obj (nummod {NUM}) {UNIT}))
1*{FL} (acl measuring (obj (nummod {NUM}) {UNIT})) {LOC}
1*{FL} (acl measuring (advmod up) (obl (case to) (nummod {NUM}) {UNIT}))
1*(nsubj:pass (det the) possibility (nmod (case of) {ALT})) (aux:pass is) raised/VERB
1*(det no) findings (acl (mark to) suggest (obj {ORLIST}))
1*(nsubj:pass (det no) (amod definite) {F} (acl:relcl (nsubj that) (aux would) suggest/VERB (obj {F}))) {SEENP}
1*{FL} (conj (cc with (conj (cc or) without/ADP)) {F})
1*{FL} (conj (cc and (conj (cc /) or)) {F})
1*history (nmod (case of) {ANDLIST})
1*(amod prior) {ANDLIST}
1*(amod old) {FL}
1*(nsubj (amod prior) {FL}) (advmod (advmod no) longer) present/ADJ
1*{FL} (amod new/ADJ {TIME})
1*(nsubj {FL}) new/ADJ {TIME}
1*unchanged/ADJ
1*(amod limited) exam (nmod (case due (fixed to)) (compound patient) rotation)
1*(nsubj:pass (amod focal (advmod more)) {F}) (aux cannot) (aux:pass be) excluded/VERB
1*(amod stable) {ORGANN}
1*(amod {NORMAL}) {ORGANN} (conj (punct ,) (amod {NORMAL}) {ORGANN})
1*(amod {NORMAL}) {ORGANN} (parataxis (punct ,) {NOLIST})
2*{NOLIST} (parataxis (punct ,) {CLAUSE})
2*{NOLIST} (conj (punct ,) (cc but) {CLAUSE})
1*{NOLIST} (parataxis (punct ,) (advmod however) {CLAUSE})
1*{NOLIST} (parataxis (punct ;) (advmod however) (punct ,) {CLAUSE})
2*{NOLIST} (punct ,) (advcl (mark although) {CLAUSE})
1*{NOLIST} (punct ,) (advcl (mark though) {CLAUSE})
2*{FL} (parataxis (punct ,) {CLAUSE})
2*{FL} (conj (punct ,) {CLAUSE}) (conj (punct ,) (cc and) {CLAUSE})
2*{NOLIST} (conj (punct ,) {CLAUSE}) (conj (punct ,) (cc and) {CLAUSE})
1*{FL} (conj (punct ,) {NOLIST}) (conj (punct ,) (cc and) {CLAUSE})
3*{CLAUSE} (conj (punct ,) (cc and) {CLAUSE})
2*{CLAUSE} (conj (cc and) {CLAUSE})
3*{CLAUSE} (conj (punct ,) (cc but) {CLAUSE})
2*{CLAUSE} (conj (cc but) {CLAUSE})
2*{CLAUSE} (punct ,) (advcl (mark while) {CLAUSE})
1*{CLAUSE} (punct ,) (advcl (mark although) {CLAUSE})
1*{CLAUSE} (advcl (mark because) {CLAUSE})
2*(advcl (mark although) {CLAUSE}) (punct ,) {CLAUSE}
2*(advcl (mark while) {CLAUSE}) (punct ,) {CLAUSE}
1*(advcl (mark since) {CLAUSE}) (punct ,) {CLAUSE}
2*(advcl (mark if) (nsubj:pass {ORLIST}) (aux:pass is) {SEENV}/VERB) (punct ,) (nsubj:pass {STUDY}) (aux should) (aux:pass be) {DONE}/VERB
1*(advcl (mark if) (expl there) is/VERB (nsubj (amod clinical) concern (nmod (case for) {ORLIST}))) (punct ,) recommend/VERB (obj {STUDY})
1*(advcl (aux should) (nsubj {SXLIST}) develop/VERB) (punct ,) (nsubj:pass {STUDY}) (aux:pass is) {DONE}/VERB
3*{CLAUSE} (parataxis (punct ;) {CLAUSE})
2*{CLAUSE} (parataxis (punct ,) {NOLIST})
2*{CLAUSE} (punct ,) (obl {WITHOUT})
2*{CLAUSE} (obl {WITHOUT})
1*{CLAUSE} (obl {WITH})
2*(nsubj {FL}) (punct ,) {INSERT} (punct ,) (aux has) {CHANGED}/VERB
2*(nsubj {FL}) (punct ,) {INSERT} (punct ,) {MAYBE}
1*(nsubj:pass {FL}) (punct ,) {INSERT} (punct ,) {NOTSEEN}
2*(nsubj:pass (det no) {ORLIST}) (punct ,) {INSERT} (punct ,) {SEENP}
2*negative/ADJ (punct ,) {INSERT} (punct ,) (obl (case for) {ORLIST})
1*negative/ADJ {INSERT} (obl (case for) {ORLIST})
1*clear/ADJ (punct ,) {INSERT} (punct ,) (obl (case of) {ORLIST})
2*(nsubj {STUDY}) (cop is) negative/ADJ (punct ,) {INSERT} (punct ,) (obl (case for) {ORLIST})
2*(nsubj {ORGAN}) (cop are) clear/ADJ (punct ,) {INSERT} (punct ,) (obl (case of) {ORLIST})
2*(nsubj {ORGAN}) (cop are) free/ADJ {INSERT} (obl (case of) {ORLIST})
2*(nsubj {FL}) (cop is) compatible/ADJ {INSERT} (obl (case with) {ALT})
1*(nsubj {FINDSUBJ}) (cop is) (advmod most) consistent/ADJ {INSERT} (obl (case with) {ALT})
1*history (punct ,) {INSERT} (punct ,) (nmod (case of) {ORLIST})
1*(case without) (punct ,) {INSERT} (punct ,) {ORLIST}
1*(advmod likely) (punct ,) {INSERT} (punct ,) {F}
1*(expl there) is/VERB (punct ,) {INSERT} (punct ,) (nsubj {NOLIST})
3*{FL} (punct ,) (nmod (advmod {BYWAY}) {CAUSE} {ALT})
2*{FL} (nmod (advmod {BYWAY}) {CAUSE} {ALT})
2*{FL} (nmod {CAUSE} {ALT})
1*(expl there) is/VERB (nsubj {FL}) (conj (cc but) (cc:preconj neither) {F} (conj (cc nor) {F}))
1*(expl there) is/VERB (nsubj (cc:preconj neither) {F} (conj (cc nor) {F}))
1*(nsubj {F}) resolved/VERB (advcl (mark after) (nsubj:pass {DRUG}) (aux:pass were) {GIVEN}/VERB)
1*(amod presumed/VERB) {FL}
1*(amod suspected/VERB) {FL}
2*{FL} (parataxis (punct :) none/PRON)
1*{FL} (parataxis (punct :) no/INTJ)
1*{FL} (parataxis (punct :) negative/ADJ)
1*{FL} (parataxis (punct -) none/PRON)
1*{F} (nmod (case without) {F}) {LOC}
1*{F} (nmod (case without) {F}) (conj (cc and) {F} (nmod (case without) {F}))
2*{F} (nmod (case of) {SITE}) (punct ,) (nmod (case with) {F}) (punct ,) (nmod (case without) {ORLIST})
1*(nsubj {F} (acl:relcl (nsubj:pass that) (aux:pass was) {SEENV}/VERB (advmod previously))) (aux has) {CHANGED}/VERB
1*(nsubj:pass {F} (acl:relcl (nsubj:pass which) (aux:pass was) {SEENV}/VERB {TIME})) (aux:pass is) (advmod (advmod no) longer) {SEENV}/VERB
1*(nsubj:pass (det no) {F} (nmod (case of) (det the) kind (acl:relcl (nsubj:pass that) (aux:pass is) {SEENV}/VERB (obl (case in) {F})))) (aux:pass is) {SEENV}/VERB
2*(nsubj {FL} (nmod (case without) {ITEM})) {OBSCURES}/VERB (obj {SITE})
1*(nsubj {FL} (nmod (case without) evidence (nmod (case of) {ITEM}))) {CAUSES}/VERB (obj {F})
2*(nsubj (det the) {F}) {CAUSES}/VERB (obj {F})
1*{FL} (punct ,) (advcl (mark with) (nsubj:pass {F}) (advmod not) excluded/VERB)
1*(nsubj {F}) (cop is) likely/ADJ (obl (case given/VERB) (det the) {F})
2*(nsubj:pass (amod {ADJ}) {FWORD}) (advmod not) excluded/VERB
1*(nsubj (det the) patient) has/VERB (obj {NOLIST})
"""

#: Clinical prose: histories, examinations, laboratory results.
CLINICAL = """
2*(nsubj {PT}) (aux has) (advmod not) {FELT}/VERB (obj {SXLIST})
2*(nsubj {PT}) (aux has) {FELT}/VERB (obj (det no) {SXLIST})
1*(nsubj {PT}) (aux had) (advmod never) {FELT}/VERB (obj {SXLIST})
2*(nsubj {PT}) (aux did) (advmod not) {FEEL}/VERB (obj (det any) {SXLIST})
1*(nsubj {PT}) {FELT}/VERB (obj {SXLIST} (conj (cc but) (det no) {SYMPTOM}))
1*(expl there) (aux has) (advmod not) been/VERB (nsubj (det any) {SXLIST})
1*(expl there) (aux had) been/VERB (nsubj (det no) {SXLIST}) (obl (case since) admission)
1*neg/ADJ (obl (case for) {SXLIST})
2*(nsubj {TEST}) neg/ADJ (obl (case for) {DXLIST})
1*(nsubj {TEST}) pos/ADJ (obl (case for) {DISEASE})
2*(nsubj {PT}) has/VERB (obj (det no) {SXLIST}) (conj (punct ,) (cc but) has/VERB (obj {SXLIST}))
2*(advcl (mark if) (nsubj {SXLIST}) recurs/VERB) (punct ,) take/VERB (obj {DRUG})
1*(advcl (mark if) (nsubj {SXLIST}) worsens/VERB) (punct ,) return/VERB (obl (case to) (det the) clinic)
1*return/VERB (obl (case in) case (nmod (case of) {SXLIST}))
1*(nsubj {SYMPTOM}) (aux has) (advmod {ADVERB}) {CHANGED}/VERB
1*(nsubj (det the) {SYMPTOM}) (aux has) (advmod {ADVERB}) {CHANGED}/VERB
1*(nsubj {SYMPTOM}) {CHANGED}/VERB (advcl (mark after) (nsubj:pass {DRUG}) (aux:pass were) {GIVEN}/VERB)
2*{SYMPTOM} (parataxis (punct :) none/PRON)
1*{SYMPTOM} (parataxis (punct :) no/INTJ)
1*{SYMPTOM} (parataxis (punct :) negative/ADJ)
1*{SYMPTOM} (parataxis (punct :) denies/VERB)
1*{AREA} (parataxis (punct :) none/PRON)
1*{AREA} (parataxis (punct :) (nsubj:pass none/PRON) noted/VERB)
1*{SYMPTOM} (parataxis (punct -) none/PRON)
1*(nsubj {PT}) has/VERB (obj (advmod not) (advmod only) {DISEASE} (conj (cc but) (advmod also) {DISEASE}))
1*(nsubj {PT}) (aux has) (advmod never) had/VERB (obj {DXLIST})
2*(nsubj:pass {PT}) (aux has) (advmod never) (aux:pass been) diagnosed/VERB (obl (case with) {DXLIST})
1*(nsubj:pass {SYMPTOM}) (aux:pass was) (advmod not) associated/VERB (obl (case with) {SXLIST})
1*(nsubj:pass {DISEASE}) (aux:pass was) felt/VERB (xcomp (mark to) (cop be) unlikely/ADJ)
1*(amod presumed/VERB) {DISEASE}
1*(nsubj:pass {PT}) (aux:pass was) given/VERB (obj {DRUG}) (obl (case for) {DISEASE})
1*PMH (amod significant (obl (case for) {DXLIST}))
1*history (amod significant (obl (case for) {DXLIST}))
1*{SXLIST} (punct ,) (parataxis (det no) {SXLIST})
2*{SXLIST} (conj (cc but) (det no) {SXLIST})
1*(nsubj {PT}) says/VERB (ccomp (mark that) (nsubj he) has/VERB (obj (det no) {SXLIST}))
1*(nsubj {PT}) states/VERB (ccomp (nsubj she) (aux does) (advmod not) have/VERB (obj {SXLIST}))
1*(nsubj {PT}) reports/VERB (ccomp (nsubj:pass {SYMPTOM}) (aux:pass is) relieved/VERB (obl (case by) {DRUG}))
2*(nsubj {PT}) developed/VERB (obj {SXLIST}) (conj (cc but) (nsubj {TEST}) (cop was) negative/ADJ (obl (case for) {DISEASE}))
1*(nsubj {TEST}) (cop was) negative/ADJ (punct ,) (conj (cc and) (nsubj {PT}) (cop is) free/ADJ (obl (case of) {SXLIST}))
1*(nsubj {PT}) (cop is) (advmod otherwise) well/ADJ (obl (case without) {SXLIST})
1*(nsubj {PT}) had/VERB (obj (det a) {DISEASE}) (advmod (obl:unmarked (nummod five) years) ago)
8*(nsubj {PT}) {DENY}/VERB (obj {SXLIST})
3*(nsubj {PT}) {DENY}/VERB (obj (det any) {SXLIST})
2*(nsubj {PT}) {DENY}/VERB (obj (amod recent) {SXLIST})
2*{DENY}/VERB (obj {SXLIST})
2*{DENY}/VERB (obj (det any) (amod {SXADJ}) {SXLIST})
2*(nsubj {PT}) {DENY}/VERB (xcomp having/VERB (obj (det any) {SXLIST}))
2*(nsubj {PT}) {DENY}/VERB (obj history (nmod (case of) {DXLIST}))
2*(nsubj {PT}) has/VERB (obj (det no) history (nmod (case of) {DXLIST}))
2*(nsubj {PT}) has/VERB (obj (det no) (amod known) {DXLIST})
2*(nsubj {PT}) has/VERB (obj (det a) history (nmod (case of) {DXLIST}))
1*(nsubj {PT}) had/VERB (obj (det no) {SXLIST})
1*(nsubj {PT}) (aux has) had/VERB (obj (det no) (amod further) {SXLIST})
1*(nsubj {PT}) (aux does) (advmod not) have/VERB (obj (det any) {SXLIST})
1*(nsubj {PT}) (aux did) (advmod n't) report/VERB (obj {SXLIST})
1*(nsubj {PT}) (aux did) (advmod not) have/VERB (obj {SXLIST} (conj (cc or) {DISEASE}))
1*(nsubj {PT}) (advmod never) had/VERB (obj {SXLIST})
2*(nsubj {PT}) reports/VERB (obj {SXLIST}) (conj (cc but) denies (obj {SXLIST}))
2*(nsubj {PT}) complains/VERB (obl (case of) {SXLIST}) (conj (punct ,) (cc but) (aux has) had/VERB (obj (det no) {SXLIST}))
2*(nsubj {PT}) presented/VERB (obl (case with) {SXLIST}) (obl (case without) {SXLIST})
2*(nsubj {PT}) (cop is) (case without) {SXLIST}
2*(det no) {SXLIST}
1*(det no) (amod known) {DXLIST}
1*(det no) history (nmod (case of) {DXLIST})
1*(det no) (compound family) history (nmod (case of) {DXLIST})
2*(det no) evidence (nmod (case of) {DXLIST})
1*(det no) complaints (nmod (case of) {SXLIST})
1*(expl there) was/VERB (nsubj (det no) {SXLIST})
2*(expl there) was/VERB (nsubj (det no) evidence (nmod (case of) {DXLIST}))
1*(expl there) were/VERB (nsubj (det no) signs (nmod (case of) {DXLIST}))
1*(expl there) is/VERB (nsubj (det no) history (nmod (case of) {DXLIST}))
2*(nsubj {TEST}) (cop was/AUX) negative/ADJ
3*(nsubj {TEST}) (cop were/AUX) negative/ADJ (obl (case for) {DXLIST})
2*(nsubj {TEST}) negative/ADJ (obl (case for) {DXLIST})
1*(nsubj {TEST}) (cop was/AUX) positive/ADJ (obl (case for) {DISEASE}) (conj (punct ,) (cc but) negative/ADJ (obl (case for) {DISEASE}))
2*(nsubj {TEST}) showed/VERB (obj (det no) {DXLIST})
1*(nsubj {TEST}) showed/VERB (obj {DISEASE}) (conj (cc but) (det no) {DISEASE})
1*(nsubj {TEST}) revealed/VERB (obj (det no) evidence (nmod (case of) {DXLIST}))
1*(nsubj {TEST}) (aux did) (advmod not) reveal/VERB (obj (det any) {DXLIST})
1*(nsubj {TEST}) failed/VERB (xcomp (mark to) show (obj {DXLIST}))
1*(nsubj {TEST}) ruled/VERB (compound:prt out) (obj {DXLIST})
2*(nsubj:pass {DISEASE}) (aux:pass was) ruled/VERB (compound:prt out) (obl:agent (case by) {TEST})
1*(nsubj {PT}) ruled/VERB (compound:prt out) (obl (case for) {DISEASE})
1*(nsubj:pass {PT}) (aux:pass was) ruled/VERB (compound:prt out) (obl (case for) {DISEASE})
1*(nsubj:pass {PT}) (aux:pass was) admitted/VERB (advcl (mark to) rule (compound:prt out) (obj {DISEASE}))
1*(nsubj {DISEASE}) (cop is) unlikely/ADJ
1*(nsubj:pass {DISEASE}) (aux:pass was) considered/VERB (conj (cc but) (aux:pass was) excluded/VERB)
1*(nsubj:pass {DISEASE}) (aux could) (advmod not) (aux:pass be) excluded/VERB
1*negative/ADJ (obl (case for) {SXLIST})
3*{AREA} (parataxis (punct :) {SOFT}/ADJ (conj (punct ,) {SOFT}/ADJ) (punct ,) (obl (case without) {SXLIST}))
2*{AREA} (parataxis (punct :) {SOFT}/ADJ (conj (punct ,) {SOFT}/ADJ) (parataxis (punct ,) (det no) {SXLIST}))
3*{AREA} (parataxis (punct :) (det no) {SXLIST})
2*{AREA} (parataxis (punct :) {SOFT}/ADJ (parataxis (punct ,) (det no) {SXLIST}))
2*{AREA} (parataxis (punct :) negative/ADJ (obl (case for) {SXLIST}))
1*{AREA} (parataxis (punct :) (nsubj {PT}) denies (obj {SXLIST}))
2*(nsubj {AREA}) (cop is) {SOFT}/ADJ (conj (cc and) {SOFT}/ADJ) (obl (case without) {SXLIST})
1*(nsubj {AREA}) {SOFT}/ADJ (obl (case without) {SXLIST})
1*(nsubj {AREA}) {SOFT}/ADJ (conj (punct ,) {SOFT}/ADJ) (parataxis (punct ,) (det no) {SXLIST})
1*(nsubj {AREA}) (cop were) clear/ADJ (obl (case to) auscultation) (advmod bilaterally) (obl (case without) {SXLIST})
1*{SXLIST} (acl denied)
1*(nsubj:pass {SXLIST}) (aux:pass were) denied/VERB
1*(nsubj:pass (det no) {SXLIST}) (aux:pass was) noted/VERB
1*(nsubj:pass (det no) {SXLIST}) noted/VERB
1*absence (nmod (case of) {SXLIST})
1*(nsubj {PT}) tolerated/VERB (obj (det the) procedure) (advmod well) (obl (case without) {SXLIST})
1*(nsubj {PT}) (cop is) free/ADJ (obl (case of) {SXLIST})
1*(nsubj {PT}) remained/VERB (xcomp afebrile/ADJ (conj (cc and) free/ADJ (obl (case of) {SXLIST})))
1*(nsubj {SXLIST}) resolved/VERB (obl (case after) {DRUG})
1*(nsubj:pass {PT}) (aux:pass was) treated/VERB (obl (case with) {DRUG}) (obl (case for) {DISEASE})
1*(nsubj:pass {PT}) (aux:pass was) started/VERB (obl (case on) {DRUG}) (obl (case because (fixed of)) {DISEASE})
1*(nsubj {PT}) (cop is) allergic/ADJ (obl (case to) {DRUG})
1*(nsubj {PT}) takes/VERB (obj {DRUG} (conj (cc and) {DRUG})) (obl (case for) {DISEASE})
1*(amod (nummod 72) (punct -) year-old) female (nmod (case with) history (nmod (case of) {DXLIST})) (acl presenting/VERB (obl (case with) {SXLIST}))
1*(amod (nummod XXXX) (punct -) year-old) male (nmod (case with) {SXLIST})
1*(nsubj:pass (nmod:poss her) {SYMPTOM}) (aux:pass was) thought/VERB (xcomp (mark to) (cop be) (case due (fixed to)) {DISEASE})
1*(nsubj {SYMPTOM}) (cop is) secondary/ADJ (obl (case to) {DISEASE} (conj (cc rather (fixed than)) {DISEASE}))
1*(nsubj {SYMPTOM}) (aux may) (cop be) (case due (fixed to)) {DISEASE} (conj (cc or) {DISEASE})
1*(obl (case with) (det no) {SXLIST}) (punct ,) (nsubj:pass {PT}) (aux:pass was) discharged/VERB (advmod home)
1*(advcl (mark if) (nsubj {SXLIST}) develops/VERB) (punct ,) call/VERB (obj (det the) office)
1*return/VERB (obl (case for) {SXLIST})
1*monitor/VERB (obl (case for) {SXLIST})
1*(nsubj {PT}) (cop is) at-risk/ADJ (obl (case for) {DISEASE})
1*(nsubj (nmod:poss his) father) had/VERB (obj {DISEASE})
1*(compound family) history (amod positive (obl (case for) {DXLIST}))
1*(advmod otherwise) (det no) {SXLIST}
1*(nsubj {PT}) (cop was) (advmod neither) febrile/ADJ (conj (cc nor) tachycardic/ADJ)
1*(nsubj {PT}) (aux has) (aux:pass been) afebrile/ADJ (obl (case with) (det no) {SXLIST})
1*(nsubj {PT}) (cop is) (advmod not) {SOFT}/ADJ
1*(nsubj {PT}) (cop is) (advmod not) (case in) (amod acute) distress
1*(nsubj {PT}) underwent/VERB (obj {PROC}) (obl (case without) complication)
1*(case with (conj (cc or) without/ADP)) {SXLIST}
1*(nsubj {TEST}) (cop were) {SOFT}/ADJ (parataxis (punct ,) (det no) {DISEASE})
"""

_EXTRA = {
    "DENY": "6*denies\n2*denied\ndenying\ndeny",
    "STATE": "3*unchanged\n2*stable\nnew\nworse\nbetter\nsmaller\nlarger\nimproved\ngreater",
    "PARTICIPLE": "3*developing\nimproved\nworsened\nresolved\nenlarging\nrecurring\nshifting\nprogressive/ADJ\nevolving\nworsening\nincreased\ndecreased\nflattened\ncalcified\nhealed\nimproving\nhealing\nelevated\nthickened\nresolving\nsuperadded",
    "CHANGED": "4*resolved\n2*cleared\n2*improved\n2*increased\n2*decreased\nworsened\nprogressed\nregressed\ndeveloped\npersisted\nenlarged\ndisappeared",
    "ADVERB": "since\nnow\nlargely\nnearly\nalmost\ncompletely\npartially\nslightly\nsubsequently",
    "HIDDEN": "hidden\nobscured\nmissed\npresent/ADJ\nmasked",
    "BYWAY": "likely\npossibly\nprobably\npresumably\nperhaps",
    "CAUSE": "5*(case from)\n3*(case due (fixed to))\n2*(case secondary/ADJ (fixed to))\n(case because (fixed of))",
    "DONE": "performed\nrecommended\nadvised\nobtained\nsuggested\nconsidered",
    "GIVEN": "stopped\ngiven\nstarted\nheld",
    "FELT": "3*experienced\n2*noticed\n2*reported\n2*developed\nsuffered\ndescribed\nendorsed\nmentioned\nadmitted",
    "FEEL": "3*experience\n2*notice\n2*report\n2*develop\nsuffer\ndescribe\nendorse\nmention",
    "CAUSES": "2*causes\nproduces\naccompanies\nmimics\nexplains\ncompresses",
    "LIES": "2*projects\n2*overlies\nlies\npersists\nextends\nremains\nappears\nensues\nresides",
    "OBSCURES": "obscures\nsilhouettes\noverlies\ndisplaces\ninvolves\nreplaces",
    "EXCLUDES": "excludes\ndepicts\ndocuments\nmimics\nexplains\nlacks",
    "SXADJ": "recent\nassociated\nsignificant\nprevious\nother\nacute\nadditional",
    "SIDE1": "left\nright\nright-sided\nleft-sided",
    "NUMERAL": "1\n2\n3\n4\n5",
    "ORGANN": """
4*lungs
2*heart
(compound heart) size
(amod cardiac) silhouette
(amod cardiomediastinal) silhouette
(amod mediastinal) contours
(amod bony) structures
(amod osseous) structures
chest
(compound chest) radiograph
(compound chest) x-ray
exam
aorta
diaphragm
(amod pulmonary) vascularity
(compound lung) volumes
""",
}


def _alternatives(block: str) -> tuple[list[str], list[float]]:
    options, weights = [], []
    for line in block.strip().splitlines():
        weight, star, rest = line.partition("*")
        if star and weight.isdigit():
            options.append(rest.strip())
            weights.append(float(weight))
        elif line.strip():
            options.append(line.strip())
            weights.append(1.0)
    return options, weights


_SLOT = re.compile(r"\{([A-Z0-9]+)\}")
_OPTIONAL = re.compile(r"\[(\d+) ([^\[\]]*)\]")


class Grammar:
    """Expands templates with one random state; the same seed writes the same trees."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._rules = {
            name: _alternatives(block) for name, block in {**LEXICON, **PHRASES, **_EXTRA}.items()
        }
        self._lists: dict[str, Callable[[], str]] = {
            "ORLIST": lambda: self._list("ITEM", "CONJOR"),
            "ANDLIST": lambda: self._list("ITEM", "CONJAND"),
            "SXLIST": lambda: self._list("SYMPTOM", "CONJOR"),
            "DXLIST": lambda: self._list("DISEASE", "CONJOR"),
        }

    def expand(self, template: str) -> str:
        """Return the template with every slot and option settled."""
        while True:
            option = _OPTIONAL.search(template)
            if option:
                keep = self._random.random() * 100 < int(option[1])
                template = (
                    template[: option.start()]
                    + (option[2] if keep else "")
                    + template[option.end() :]
                )
                continue
            slot = _SLOT.search(template)
            if not slot:
                return template
            value = self._value(slot[1])
            after = template[slot.end() :]
            tag = re.match(r"/[A-Z]+", after)
            if tag:
                # "{NORMAL}/ADJ": the tag is for a bare word; a phrase or a tagged word has its own.
                after = after[tag.end() :]
                value = self._tag(self.expand(value), tag[0])
            template = template[: slot.start()] + value + after

    def _tag(self, value: str, tag: str) -> str:
        if "(" not in value:
            return value if "/" in value else value + tag
        depth = 0
        pieces = []
        for piece in re.findall(r"\(|\)|[^\s()]+", value):
            if piece == "(":
                depth += 1
            elif piece == ")":
                depth -= 1
            elif depth == 0 and "/" not in piece:
                piece += tag
            pieces.append(piece)
        return " ".join(pieces)

    def _value(self, name: str) -> str:
        if name in self._lists:
            return self._lists[name]()
        options, weights = self._rules[name]
        return self._random.choices(options, weights)[0]

    def _list(self, item: str, coordinator: str) -> str:
        """One to six items; commas, coordinators and their absence as dictation has them."""
        choose = self._random.random
        count = self._random.choices((1, 2, 3, 4, 5, 6), (26, 32, 24, 10, 5, 3))[0]
        items = [self.expand("{" + item + "}") for _ in range(count)]
        if count > 1 and choose() < 0.12:
            # "no opacity, opacity or opacity": what masking makes of a list.
            noun = self._random.choice(("opacity", "opacities", "nodule", "finding"))
            items = [noun] * count
        if count == 1:
            where = self.expand("{LOC}") if item == "ITEM" and choose() < 0.2 else ""
            return f"{items[0]} {where}"
        style = self._random.choices(
            ("oxford", "plain", "no commas", "bare", "every", "commas only", "slash", "pairs"),
            (41, 29, 8, 4, 6, 6, 3, 3),
        )[0]
        cc = self.expand("{" + coordinator + "}")
        if style == "slash" and count == 2:
            return f"{items[0]} (conj (cc /) {items[1]})"
        out = [items[0]]
        if item == "ITEM" and choose() < 0.05:
            # A place within the list: what follows is still in the list.
            out.append(self.expand("{LOC}"))
        for i, term in enumerate(items[1:], start=1):
            last = i == count - 1
            comma = "(punct ,)"
            if item == "ITEM" and choose() < (0.12 if last else 0.05):
                term += " " + self.expand("{LOC}")
            if style == "every":
                out.append(f"(conj {comma if choose() < 0.3 else ''} {cc} {term})")
            elif style == "bare":
                out.append(f"(conj {term})")
            elif style == "no commas":
                out.append(f"(conj {cc if last else ''} {term})")
            elif style == "commas only":
                out.append(f"(conj {comma} {term})")
            elif last:
                oxford = style == "oxford" and (count > 2 or choose() < 0.25)
                out.append(f"(conj {comma if oxford else ''} {cc} {term})")
            elif style == "pairs" and choose() < 0.5:
                # A comma that the typist lost.
                out.append(f"(conj {term})")
            else:
                out.append(f"(conj {comma} {term})")
        return " ".join(out)


def _finish(tree: Tree, rng: random.Random) -> Tree:
    """Add a capital, a stop and, in some sentences, a de-identification mark."""
    words, heads = list(tree.words), list(tree.heads)
    deps, pos = list(tree.deps), list(tree.pos)
    if rng.random() < 0.07:
        open_class = [i for i, p in enumerate(pos) if p in ("NOUN", "ADJ", "VERB", "NUM", "PROPN")]
        if open_class:
            i = rng.choice(open_class)
            words[i] = rng.choice(("XXXX", "XXXX", "___"))
            if pos[i] == "NOUN":
                pos[i] = "PROPN"
    if words[0][0].islower():
        words[0] = words[0][0].upper() + words[0][1:]
    if rng.random() < 0.93:
        words.append(".")
        heads.append(heads.index(-1))
        deps.append("punct")
        pos.append("PUNCT")
    return Tree(tuple(words), tuple(heads), tuple(deps), tuple(pos))


def generate(count: int, seed: int, clinical_share: float = 0.22) -> Iterator[Tree]:
    """Yield `count` different generated trees."""
    grammar = Grammar(seed)
    rng = random.Random(seed + 1)
    radiology, clinical = _alternatives(RADIOLOGY), _alternatives(CLINICAL)
    seen: set[tuple[str, ...]] = set()
    while len(seen) < count:
        options, weights = clinical if rng.random() < clinical_share else radiology
        template = rng.choices(options, weights)[0]
        text = grammar.expand(template)
        tree = parse_brackets(text)
        if len(tree) > 45 or tree.words in seen:
            continue
        seen.add(tree.words)
        yield _finish(tree, rng)


def without_final_stop(tree: Tree) -> Tree:
    """Return the tree without its last word if that is a full stop that nothing hangs from."""
    last = len(tree) - 1
    if last > 0 and tree.words[last] == "." and not children_of(tree.heads)[last]:
        return drop_word(tree, last)
    return tree


def in_case(tree: Tree, how: Callable[[str], str]) -> Tree:
    """Return the tree with every word's case changed."""
    return replace(tree, words=tuple(how(w) for w in tree.words))
