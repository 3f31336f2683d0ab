"""The part of the body that a header's word or code names: the chest, another one, or none.

The lists hold the defined terms of DICOM PS3.16 annex L (Body Part Examined) and context groups
4009 and 4031 (Anatomic Region Sequence) that radiographs have, and the words for them that
hospitals write in other languages.
"""

from __future__ import annotations

from typing import Literal

from cxrmine.images.header_words import unspaced, words

Region = Literal["chest", "other"]

#: A text with one of these is about the chest, whatever else it names ("CHEST ABDOMEN").
CHEST_WORDS = frozenset(
    words(
        "CHEST CXR THORAX TORAX TORACE THORACIQUE LUNG LUNGS LUNGE LUNGEN LONGEN POUMON POUMONS "
        "PULMON PULMONES PULMAO PULMOES POLMONE POLMONI PULMONARY HEART HERZ COEUR CARDIAC "
        "MEDIASTINUM BRUSTKORB PECHO PEITO BABYGRAM WHOLEBODY TRUNK CHESTABDOMEN CHESTABDPELVIS "
        "KLATKA AKCIGER HRUDNIK BROST BRYSTKASSE RINTAKEHA LUNGOR "
        "ГРУДНОЙ ГРУДНАЯ ОГК ЛЕГКИЕ ЛЕГКИХ ГРУДЬ"
    )
)
CHEST_SIGNS = ("胸", "肺", "흉부")

#: Body Part Examined, and the meaning of a code, that name something else.
OTHER_PARTS = frozenset(
    # PS3.16 annex L, as they are written there and as words.
    "ABDOMEN ABDOMENPELVIS PELVIS HIP HIPS SACRUM COCCYX SIJOINT ILIUM "
    "SKULL HEAD FACE ORBIT ORBITS NOSE MANDIBLE MAXILLA JAW TMJ ZYGOMA MASTOID SINUS TEETH TOOTH "
    "EYE EAR BRAIN NECK LARYNX "
    "SPINE CSPINE TSPINE LSPINE LSSPINE SSPINE TLSPINE CTSPINE "
    "SHOULDER CLAVICLE SCAPULA ACJOINT SCJOINT STERNUM RIB RIBS BREAST "
    "EXTREMITY LIMB ARM HUMERUS ELBOW FOREARM RADIUS ULNA WRIST HAND FINGER THUMB "
    "LEG FEMUR THIGH KNEE PATELLA TIBIA FIBULA CALF ANKLE FOOT HEEL CALCANEUS TOE "
    "KIDNEY BLADDER COLON STOMACH ESOPHAGUS KUB PHANTOM "
    # German
    "BAUCH BECKEN HUFTE HUEFTE SCHADEL SCHAEDEL KOPF HALS WIRBELSAULE WIRBELSAEULE HWS BWS LWS "
    "SCHULTER SCHLUSSELBEIN OBERARM ELLENBOGEN ELLBOGEN UNTERARM HANDGELENK FINGER DAUMEN "
    "OBERSCHENKEL KNIE UNTERSCHENKEL SPRUNGGELENK FUSS FERSE ZEHE RIPPEN "
    # French
    "BASSIN HANCHE CRANE COU RACHIS EPAULE CLAVICULE OMOPLATE BRAS COUDE POIGNET DOIGT "
    "CUISSE GENOU JAMBE CHEVILLE PIED ORTEIL COTES ASP "
    # Spanish, Portuguese, Italian
    "PELVIS PELVE CADERA QUADRIL CRANEO CRANIO CUELLO PESCOCO COLUMNA COLUNA HOMBRO OMBRO "
    "CLAVICULA BRAZO BRACO CODO COTOVELO MUNECA PUNHO MANO MAO DEDO PIERNA PERNA RODILLA JOELHO "
    "TOBILLO TORNOZELO PIE ADDOME BACINO ANCA COLLO COLONNA RACHIDE SPALLA CLAVICOLA GOMITO "
    "POLSO GINOCCHIO CAVIGLIA PIEDE DITO COSTILLAS COSTELAS COSTE "
    # Dutch, Scandinavian
    "BUIK BEKKEN HEUP SCHEDEL SCHOUDER ELLEBOOG POLS VOET TEEN SKULDRA ARMBAGE HANDLED "
    "HOFT KNA FOTLED FOT".split()
)
#: Of these, what free text of a series or protocol says of nothing but the part examined. Left out
#: is what could as well be said of a chest radiograph: "head up", "arms raised", "neck", "spine",
#: or is a word of another language ("MAIN", "ASP", "PIE").
OTHER_PARTS_IN_TEXT = OTHER_PARTS - frozenset(
    "HEAD FACE NOSE NECK EYE EAR JAW SPINE ARM LEG LIMB EXTREMITY RADIUS HEEL COLON STOMACH "
    "ESOPHAGUS LARYNX BLADDER SINUS BREAST ORBIT KOPF HALS COU BRAS COTES ASP PIE DITO COSTE "
    "COLLO FOT POLS BUIK TEEN BRAIN RIB RIBS STERNUM CLAVICLE TRUNK".split()
)
OTHER_SIGNS = (
    "腹部",
    "骨盤",
    "骨盆",
    "膝",
    "腰椎",
    "頸椎",
    "颈椎",
    "手部",
    "足部",
    "股関節",
    "복부",
)

# Context groups 4009 and 4031 as SNOMED CT and SNOMED-RT codes; what holds the chest among other
# things is the chest.
_CHEST_CODES = frozenset(
    "816094009 51185008 T-D3000 39607008 T-28000 80891009 T-32000 72410000 T-D3300 "
    "86598002 T-280A0 955009 T-26000 44567001 T-25000 "
    "416550000 R-FAB55 416775004 R-FAB56 417437006 R-FAB52 416152001 R-FAB53 416319003 R-FAB54 "
    "38266002 T-D0010 22943007 T-D2000".split()
)
_OTHER_CODES = frozenset(
    "818981001 113345001 T-D4000 818983003 816092008 12921003 T-D6000 29836001 T-D2500 "
    "24136001 T-15710 54735007 T-11AD0 64688005 T-11BF0 39723000 T-15680 22356005 T-12340 "
    "89546000 T-11100 69536005 T-D1100 45048000 T-D1600 91397008 T-11196 91609006 T-11180 "
    "70925003 T-11170 661005 T-D1213 2095001 T-22000 363654007 T-D14AE 74386004 T-11149 "
    "122494005 T-11501 122495006 T-11502 122496007 T-11503 421060004 T-D04FF "
    "1217253001 1217254007 1217256009 1217257000 "
    "16982005 T-D2220 51299004 T-12310 79601000 T-12280 56873002 T-11210 113197003 T-11300 "
    "85856004 T-15420 7844006 T-15610 76752008 T-04000 "
    "40983000 T-D8200 85050009 T-12410 16953009 T-15430 14975008 T-D8500 74670003 T-15460 "
    "85562004 T-D8700 7569003 T-D8800 76505004 T-D8810 53120007 T-D8000 66019005 T-D0300 "
    "68367000 T-D9100 71341001 T-12710 72696002 T-D9200 64234005 T-12730 30021000 T-D9400 "
    "87342007 T-12750 70258002 T-15750 56459004 T-D9700 80144004 T-12770 29707007 T-D9800 "
    "61685007 T-D9000 706342009 R-FE0C7".split()
)


def region_of_body_part(value: str) -> Region | None:
    """Return what Body Part Examined (0018,0015), or a code's meaning, names.

    Examples
    --------
    >>> region_of_body_part("KNEE"), region_of_body_part("CHEST_ABDOMEN")
    ('other', 'chest')
    """
    return _region(value, OTHER_PARTS)


def region_of_text(value: str) -> Region | None:
    """Return what a series description or protocol name is about.

    Examples
    --------
    >>> region_of_text("Rodilla AP"), region_of_text("AP, head up 30")
    ('other', None)
    """
    return _region(value, OTHER_PARTS_IN_TEXT)


def region_of_code(code: str) -> Region | None:
    """Return what a code of context group 4009 or 4031 names.

    Examples
    --------
    >>> region_of_code("T-D3000")
    'chest'
    """
    if code in _CHEST_CODES:
        return "chest"
    return "other" if code in _OTHER_CODES else None


def _region(value: str, others: frozenset[str]) -> Region | None:
    if not value:
        return None
    found = words(value)
    plain = unspaced(value)
    if not CHEST_WORDS.isdisjoint(found) or any(sign in plain for sign in CHEST_SIGNS):
        return "chest"
    if not others.isdisjoint(found) or any(sign in plain for sign in OTHER_SIGNS):
        return "other"
    return None
