"""Word lists of the template generator: radiology and clinical words, our own.

Each entry is one alternative per line, in the bracket notation of `trees` (a multi-word term
carries its inner structure).  ``3*`` before an entry makes it three times as likely.
"""

from __future__ import annotations

LEXICON: dict[str, str] = {
    # ------------------------------------------------------------ findings
    # What the labeler puts in place of a finding it has masked: frequent on purpose.
    "MASK": """
4*opacity
3*opacities
nodule
disease
finding
lesion
abnormality
""",
    "FWORD": """
3*effusion
effusions
3*pneumothorax
pneumothoraces
2*consolidation
consolidations
2*edema
3*pneumonia
3*atelectasis
2*cardiomegaly
infiltrate
infiltrates
2*opacity
2*opacities
nodule
nodules
mass
masses
lesion
lesions
emphysema
fibrosis
scarring
granuloma
granulomas
adenopathy
lymphadenopathy
fracture
fractures
hernia
congestion
thickening
hyperinflation
hyperexpansion
pneumoperitoneum
pneumomediastinum
scoliosis
kyphosis
osteopenia
calcification
calcifications
bronchiectasis
cavitation
cyst
cysts
abscess
empyema
hemothorax
hydropneumothorax
malignancy
metastasis
metastases
neoplasm
tuberculosis
sarcoidosis
aspiration
contusion
hematoma
hemorrhage
infarct
infection
inflammation
collapse
enlargement
dilatation
aneurysm
dissection
spondylosis
osteophytes
spurring
deformity
dislocation
subluxation
plaque
plaques
abnormality
abnormalities
density
densities
haziness
blunting
shift
widening
engorgement
""",
    "FTERM": """
5*(amod pleural) effusion
3*(amod pleural) effusions
2*(amod pleural) fluid
(amod pleural) thickening
(amod pericardial) effusion
4*(amod focal) consolidation
2*(amod focal) (compound airspace) consolidation
2*(amod focal) (compound airspace) disease
2*(compound airspace) disease
(compound air) (compound space) disease
(compound airspace) opacity
2*(compound airspace) opacities
(amod focal) infiltrate
(amod focal) infiltrates
2*(amod pulmonary) edema
(amod interstitial) edema
(amod interstitial) (amod pulmonary) edema
2*(amod pulmonary) nodules
2*(amod pulmonary) nodule
(amod pulmonary) mass
(amod pulmonary) infiltrate
(amod pulmonary) infiltrates
(compound lung) nodule
(compound lung) mass
(amod vascular) congestion
2*(amod pulmonary) (amod vascular) congestion
(amod venous) congestion
(amod pulmonary) fibrosis
(amod interstitial) opacities
(amod interstitial) (compound lung) disease
(amod interstitial) markings
(amod interstitial) infiltrates
(amod granulomatous) disease
(amod calcified) granuloma
(amod calcified) granulomas
(amod calcified) (compound lymph) nodes
(amod hilar) adenopathy
(amod hilar) lymphadenopathy
(amod mediastinal) adenopathy
(amod mediastinal) mass
(amod mediastinal) widening
(amod mediastinal) shift
(compound rib) fracture
2*(compound rib) fractures
(compound compression) fracture
(amod vertebral) (compound compression) deformity
(amod hiatal) hernia
(amod diaphragmatic) hernia
(amod free) air
(amod free) (amod intraperitoneal) air
(amod free) (amod subdiaphragmatic) air
(amod subcutaneous) emphysema
(amod degenerative) changes
(amod degenerative) change
(amod degenerative) disease
(compound heart) failure
(amod congestive) (compound heart) failure
(amod cardiac) enlargement
(amod lobar) pneumonia
(amod lobar) collapse
(amod bibasilar) atelectasis
(amod basilar) atelectasis
(amod subsegmental) atelectasis
(amod discoid) atelectasis
(amod linear) atelectasis
(amod plate-like) atelectasis
(compound volume) loss
(amod apical) scarring
(amod parenchymal) scarring
(amod pleuroparenchymal) scarring
(amod suspicious) nodule
(amod suspicious) nodules
(amod suspicious) mass
(compound soft/ADJ) (compound tissue) swelling
(compound soft/ADJ) (compound tissue) mass
(amod acute) disease
(amod acute) abnormality
(amod acute) (amod bony) abnormality
(amod acute) (amod osseous) abnormality
(amod acute) (amod osseous) abnormalities
(amod acute) fracture
(amod acute) (amod cardiopulmonary) disease
2*(amod acute) (amod cardiopulmonary) abnormality
(amod acute) (amod cardiopulmonary) process
(amod acute) (amod pulmonary) disease
(amod acute) process
(amod acute) infiltrate
(amod acute) findings
(amod bony) abnormality
(amod bony) lesions
(amod lytic) lesion
(amod sclerotic) lesion
(amod aortic) aneurysm
(amod aortic) calcification
(amod atherosclerotic) calcifications
(amod atherosclerotic) disease
(amod tortuous) aorta
(amod aspirated) (amod foreign) body
(amod foreign) body
(amod radiopaque) (amod foreign) body
(compound nipple) shadow
(compound sail) sign
(amod reticular) opacities
(amod reticulonodular) pattern
(compound ground) (compound glass) opacity
(amod ground-glass) opacities
(amod patchy) opacities
(amod hazy) opacity
(amod nodular) density
(amod tension) pneumothorax
(amod metastatic) disease
(amod occult) malignancy
(amod active) tuberculosis
(amod pulmonary) embolism
(amod pulmonary) (amod arterial) hypertension
(amod infectious) process
(amod septic) emboli
(amod bronchial) (compound wall) thickening
(amod peribronchial) cuffing
(compound Kerley/PROPN) (compound B/PROPN) lines
(compound air) bronchograms
(amod elevated) hemidiaphragm
(amod obstructive) disease
(amod chronic) (amod obstructive) (amod pulmonary) disease
(amod small) (compound airways) disease
(amod reactive) (compound airway) disease
(amod viral) bronchiolitis
""",
    "DEVICE": """
3*catheter
3*pacemaker
2*tube
(compound chest) tube
(compound endotracheal/ADJ) tube
(amod endotracheal) tube
(amod nasogastric) tube
(amod enteric) tube
(compound feeding) tube
(amod central) line
(amod venous) catheter
(compound PICC/PROPN) line
(compound PICC/PROPN) catheter
(compound port) catheter
(compound dialysis) catheter
clips
(amod surgical) clips
(compound sternotomy) wires
(amod sternal) wires
(amod median) (compound sternotomy) wires
(compound pacemaker) leads
(compound ICD/PROPN) leads
(amod metallic) stent
(compound valve) prosthesis
(compound spinal/ADJ) hardware
(amod tracheostomy) tube
drain
(compound pigtail) catheter
(compound EKG/PROPN) leads
(amod intrathecal) pump
""",
    "FINDSUBJ": """
3*opacity
2*opacities
density
nodule
finding
findings
appearance
changes
markings
lesion
shadow
consolidation
haziness
blunting
""",
    # ------------------------------------------------------------ modifiers
    "SIZE": """
3*small
3*large
2*tiny
moderate
2*mild
minimal
subtle
trace
massive
sizable
""",
    "ADJ": """
2*{SIZE}
2*acute
2*focal
3*new
2*stable
definite
significant
gross
obvious
chronic
bilateral
right
left
2*right-sided
2*left-sided
residual
persistent
worsening
increasing
suspicious
discrete
superimposed
visible
unchanged
patchy
diffuse
scattered
old
multifocal
questionable
possible
probable
loculated
layering
calcified
known
displaced
overt
frank
large
associated
underlying
evolving
recurrent
concurrent
unilateral
vague
faint
ill-defined
dense
linear
streaky
prominent
extensive
""",
    "NEGADJ": """
4*acute
3*focal
2*large
2*definite
2*significant
other
additional
new
gross
obvious
discrete
suspicious
overt
frank
convincing
visible
sizable
radiographic
residual
discernible
appreciable
measurable
identifiable
""",
    "SIDE": """
3*(amod left)
3*(amod right)
(amod bilateral)
(det both)
""",
    "LOBE": """
2*(amod upper) lobe
3*(amod lower) lobe
(amod middle) lobe
(amod lower) lobes
(amod upper) lobes
lung
base
apex
hilum
hemithorax
hemidiaphragm
(amod lower) (compound lung) zone
(amod upper) (compound lung) zone
(compound lung) base
(compound lung) bases
(amod mid) lung
(amod costophrenic) angle
(amod cardiophrenic) angle
(amod perihilar) region
(amod retrocardiac) region
(amod infrahilar) region
(compound chest) wall
(amod pleural) space
shoulder
clavicle
""",
    "SITE": """
6*[80 (det the)] {SIDE} {LOBE}
2*(det the) lungs
(det the) (compound lung) bases
2*(det the) chest
(det the) mediastinum
(det the) hilum
(det the) (amod thoracic) spine
(det the) (amod lower) (amod thoracic) spine
(det the) (amod visualized) spine
(det the) abdomen
(det the) (amod upper) abdomen
(det the) (amod right) (amod eighth) rib
(det the) (amod lateral) view
(det the) (amod frontal) view
(det the) (amod retrocardiac) region
(det the) (amod costophrenic) sulci
(det either) lung
(det either) hemithorax
(det both) lungs
(det both) (compound lung) bases
(det the) apices
(det the) trachea
T8/PROPN
(det the) (compound lung) fields
(det the) (compound AP) window
(det the) lingula
""",
    "LOC": """
5*(nmod (case in) {SITE})
3*(nmod (case at) {SITE})
2*(nmod (case within) {SITE})
(nmod (case of) {SITE})
(nmod (case involving/VERB) {SITE})
(nmod (case over) {SITE})
(nmod (case along) {SITE})
(nmod (case throughout) {SITE})
(nmod (case near) {SITE})
(acl overlying (obj {SITE}))
(acl projecting (obl (case over) {SITE}))
""",
    "LOCOBL": """
5*(obl (case in) {SITE})
3*(obl (case at) {SITE})
2*(obl (case within) {SITE})
(obl (case over) {SITE})
(obl (case throughout) {SITE})
(advmod bilaterally)
(advmod bibasilarly)
""",
    # ------------------------------------------------------------ organs
    "ORGAN": """
4*(det the) lungs
3*lungs
(det both) lungs
(det the) (amod remaining) lungs
3*(compound heart) size
2*(det the) heart
2*(det the) (amod cardiac) silhouette
2*(amod cardiac) silhouette
2*(det the) (amod cardiomediastinal) silhouette
(amod cardiomediastinal) silhouette
2*(det the) mediastinum
mediastinum
(det the) (amod mediastinal) contours
(amod mediastinal) contours
(det the) (amod mediastinal) silhouette
(amod cardiac (conj (cc and) mediastinal/ADJ)) contours
(det the) (amod cardiac (conj (cc and) mediastinal/ADJ)) silhouettes
(compound heart) size (conj (cc and) (amod mediastinal) contours)
(det the) heart (conj (cc and) lungs)
heart (conj (cc and) mediastinum)
(det the) heart (conj (punct ,) mediastinum) (conj (punct ,) (cc and) lungs)
(compound heart) size (conj (cc and) (amod pulmonary) vascularity)
(amod pulmonary) vasculature
(det the) (amod pulmonary) vascularity
(amod pulmonary) vascularity
(det the) (amod hilar) contours
(det the) hila
(det the) trachea
(amod osseous) structures
(det the) (amod osseous) structures
(det the) (amod bony) structures
(amod visualized) (amod bony) structures
(det the) (amod visualized) (amod osseous) structures
(det the) (amod visualized) bones
(amod bony) thorax
(det the) (compound soft/ADJ) tissues
(compound soft/ADJ) tissues
bones (conj (cc and) (compound soft/ADJ) tissues)
(det the) aorta
(det the) (amod thoracic) aorta
(det the) (amod costophrenic) angles
(amod costophrenic) angles
(det the) (amod costophrenic) sulci
(det the) diaphragm
(det the) (amod right) hemidiaphragm
(compound lung) volumes
(det the) (compound lung) volumes
(det the) (compound lung) fields
(compound lung) apices
(det the) (amod left) lung
(det the) (amod right) lung
(det the) (amod left) (compound lung) base
(det the) (amod pleural) spaces
(amod pleural) spaces
(amod pleural) surfaces
(det the) (amod thoracic) spine
(det the) airway
(det the) remainder (nmod (case of) (det the) lungs)
(det the) rest (nmod (case of) (det the) chest)
(det the) size (nmod (case of) (det the) heart)
(amod interstitial) markings
(det the) (compound upper/ADJ) abdomen
""",
    "NORMAL": """
5*normal
4*clear
2*unremarkable
2*stable
unchanged
intact
midline
patent
symmetric
enlarged
prominent
tortuous
hyperinflated
low
well-expanded
well-aerated
hypoinflated
ectatic
calcified
sharp
osteopenic
hyperexpanded
borderline
abnormal
elevated
""",
    "DEGREE": """
mildly
grossly
markedly
slightly
borderline
moderately
essentially
otherwise
relatively
overall
minimally
""",
    "SEENV": """
5*seen
4*identified
3*noted
2*visualized
demonstrated
appreciated
observed
detected
found
suspected
shown
described
""",
    "SHOWS": """
3*shows
3*demonstrates
2*reveals
showed
demonstrated
revealed
shows
suggests
indicates
confirms
exhibits
displays
""",
    "STUDY": """
2*(det the) study
(det the) exam
(det this) examination
2*(det the) radiograph
2*(compound chest) radiograph
(det the) (compound chest) film
(compound chest) x-ray
(det a) (compound chest) x-ray
(amod lateral) view
(amod frontal) view
(det the) (amod lateral) view
(amod follow-up) imaging
(compound CT/PROPN) scan
(det the) CT/PROPN
ultrasound
echocardiogram
(det an) echocardiogram
MRI/PROPN
(det the) biopsy
(amod prior) films
(amod interval) imaging
bronchoscopy
(amod physical) examination
""",
    "MODAL": """
5*may
2*could
2*might
can
would
should
""",
    "PROC": """
sternotomy
(amod median) sternotomy
CABG/PROPN
(amod coronary) (compound bypass) grafting
lobectomy
(amod right) (amod upper) lobectomy
mastectomy
(amod left) mastectomy
cholecystectomy
(compound valve) replacement
(amod mitral) (compound valve) replacement
(compound pacemaker) placement
thoracotomy
intubation
resection
thoracentesis
(amod spinal) fusion
extubation
vertebroplasty
(compound chest) (compound tube) removal
""",
    # ------------------------------------------------------------ clinical words
    "SYMPTOM": """
3*fever
3*cough
2*(compound chest) pain
2*nausea
2*vomiting
chills
2*dyspnea
2*shortness (nmod (case of) breath)
dyspnea (nmod (case on) exertion)
pain (nmod (case with) urination)
swelling (nmod (case of) (det the) legs)
blood (nmod (case in) (det the) stool)
tenderness (nmod (case to) palpation)
(amod paroxysmal) (amod nocturnal) dyspnea
(compound ankle) edema
(compound joint) pain
(compound leg) swelling
SOB
orthopnea
palpitations
diarrhea
constipation
hematuria
dysuria
headache
headaches
dizziness
syncope
weakness
numbness
(amod abdominal) pain
(compound back) pain
(compound weight) loss
(compound night) sweats
hemoptysis
edema
cyanosis
clubbing
rash
jaundice
tenderness
(amod rebound) tenderness
guarding
distention
murmur
murmurs
rubs
gallops
rales
wheezes
rhonchi
crackles
JVD
lymphadenopathy
thyromegaly
hepatosplenomegaly
masses
bruits
seizures
bleeding
melena
hematemesis
fatigue
(amod visual) changes
(amod focal) deficits
loss (nmod (case of) consciousness)
erythema
swelling
drainage
trauma
""",
    "DISEASE": """
3*diabetes
2*hypertension
2*asthma
COPD
(amod coronary) (compound artery) disease
(amod myocardial) infarction
stroke
cancer
(compound breast) cancer
(compound lung) cancer
pneumonia
(amod deep) (compound vein) thrombosis
(amod pulmonary) embolism
DVT
PE
sepsis
hepatitis
HIV
tuberculosis
(amod renal) failure
(amod congestive) (compound heart) failure
CHF
(amod atrial) fibrillation
anemia
cirrhosis
osteoporosis
depression
appendicitis
cholecystitis
pancreatitis
ischemia
infarction
(amod intracranial) hemorrhage
(compound bowel) obstruction
hydronephrosis
malignancy
metastasis
meningitis
endocarditis
infection
fracture
abscess
stenosis
thrombus
vegetations
lymphoma
(compound drug) allergies
(amod peptic) (compound ulcer) disease
""",
    "PT": """
3*(det the) patient
2*patient
3*pt
2*he
2*she
(det the) (amod (nummod 64) (punct -) year-old) man
(det this) woman
(det the) mother
(nmod:poss his) wife
(nmod:poss her) family
mr (punct .) (flat XXXX/PROPN)
mrs (punct .) (flat ___/PROPN)
""",
    "TEST": """
(compound blood) cultures
cultures
(compound urine) culture
urinalysis
(compound troponin) levels
troponins
enzymes
(amod cardiac) enzymes
d-dimer
(compound stool) guaiac
(amod serologic) studies
(compound stress) test
(compound rapid/ADJ) (compound strep) test
(det the) workup
(compound HIV/PROPN) test
(compound lumbar/ADJ) puncture
(compound chest) CT/PROPN
(compound head) CT/PROPN
EKG
colonoscopy
(amod prior) workup
(det the) margins
review (nmod (case of) systems)
(det the) remainder (nmod (case of) (det the) exam)
""",
    "AREA": """
2*abdomen
2*lungs
chest
heart
cardiovascular/ADJ
respiratory/ADJ
extremities
neck
HEENT
skin
neuro/ADJ
GI
GU
general/ADJ
back
constitutional/ADJ
musculoskeletal/ADJ
allergies
""",
    "HEADING": """
2*impression
findings
2*(compound heart) size
lungs
pleura
bones
mediastinum
(amod pleural) spaces
lines (conj (cc /) tubes)
heart (conj (cc and) mediastinum)
(compound soft/ADJ) tissues
airway
comparison
""",
    "SOFT": """
soft
nontender
nondistended
supple
warm
regular
normal
clear
benign
unremarkable
intact
alert
dry
well-perfused
symmetric
""",
    "DRUG": """
aspirin
heparin
warfarin
antibiotics
steroids
lasix
insulin
oxygen
vancomycin
levofloxacin
penicillin
""",
    "TIME": """
(obl (case since) (det the) (amod prior) exam)
(obl (case since) (amod prior) study)
(obl (case from) (det the) (amod prior) examination)
(obl (case compared/VERB (fixed to)) (det the) (amod prior) study)
(obl (case in) (det the) interval)
(obl (case since) XXXX/PROPN)
(obl (case as/ADP (fixed compared) (fixed to)) XXXX/PROPN)
(obl (case from) ___/PROPN)
(obl (case in) comparison (nmod (case to) (det the) (amod prior) radiograph))
""",
    "NUM": """
2
3
4
5
8
10
12
1.5
2.3
0.8
XXXX
""",
    "UNIT": """
cm
mm
2*mm
3*cm
""",
    "CONJOR": """
8*(cc or)
2*(cc and)
(cc nor)
(cc and (conj (cc /) or))
""",
    "CONJAND": """
8*(cc and)
1*(cc or)
(cc as (fixed well) (fixed as))
""",
}
