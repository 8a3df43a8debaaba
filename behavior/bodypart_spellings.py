"""What other programs call the bodyparts of behavior/skeleton.py: Left_ear, leftEar, EAR_L and so on."""

import re

from behavior.skeleton import BODYPARTS

_PLACES = {
    "nose": "nose snout nosetip snouttip tipofnose",
    "ear": "ear",
    "neck": "neck baseneck neckbase nape",
    "head": "head headcenter centerofhead",
    "body_center": "bodycenter center centre centroid bodycentre centerspine spinecenter midspine spinemid midbody bodymid centerofmass",
    "forepaw": "forepaw frontpaw forehand forefoot frontfoot",
    "hindpaw": "hindpaw rearpaw backpaw hindhand hindfoot rearfoot",
    "hip": "hip bhip",
    "lateral": "lateral flank",
    "spine_1": "spine1",
    "spine_2": "spine2",
    "tail_base": "tailbase basetail baseoftail tailroot rootoftail tti",
    "tail_midpoint": "tailmidpoint tailmid midtail tailmiddle middletail",
    "tail_tip": "tailtip tiptail tipoftail tailend endoftail",
}
_PLACE_OF = {spelling: place for place, spellings in _PLACES.items() for spelling in spellings.split()}


def known_bodypart(name: str) -> str | None:
    """Return the name in `BODYPARTS` of a bodypart as another program spells it, such as Left_ear or leftEar; None if it is unknown."""
    if name in BODYPARTS:
        return name
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    sides = {"l": "left", "left": "left", "r": "right", "right": "right"}
    own = [word.lower() for word in words if word.lower() not in sides]
    side = [sides[word.lower()] for word in words if word.lower() in sides]
    joined = "".join(own)
    for word in ("left", "right"):  # written as one word: leftear, earleft
        if not side and joined != word and (joined.startswith(word) or joined.endswith(word)):
            side, joined = [word], joined.removeprefix(word).removesuffix(word)
    place = _PLACE_OF.get(joined, "")
    full = "_".join([place, *side])
    return full if full in BODYPARTS else None
