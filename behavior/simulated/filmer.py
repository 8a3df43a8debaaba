"""A camera below a glass floor: from the pose and the paws of a simulated mouse to a small gray film.

Axes: T frames, H and W pixels from the top left, P paws (`behavior.simulated.pain_motion.PAWS`).
"""

from dataclasses import dataclass

import numpy as np

from behavior.simulated.mouse import FloatPair, body
from behavior.simulated.pain_motion import PAWS

_TRUNK = ("nose", "head", "neck", "spine_1", "body_center", "spine_2", "tail_base")
_RADII_CM = (0.45, 0.85, 1.15, 1.5, 1.75, 1.7, 0.7)
"""Half the width of the mouse at each of these."""
_TAIL = ("tail_base", "tail_middle_1", "tail_midpoint", "tail_middle_2", "tail_tip")
_PAW_CM = (0.35, 0.5)
"""Radius of forepaws and of hind paws."""


@dataclass(frozen=True)
class Look:
    """How one mouse and its chamber look: gray levels are from 0 to 255."""

    fur: float
    """Gray level of the body."""
    skin: float
    """Gray level of paws, nose and tail on the floor; what is lifted looks more like the fur."""
    floor: float
    """Gray level of the floor."""
    size: float
    """Size of the mouse; 1 is usual."""
    light: FloatPair
    """How much brighter the picture is at its right and at its bottom than in the middle; as a share."""
    noise: float
    """Spread of the camera's noise, gray levels."""
    shift_cm: FloatPair
    """Where the middle of the chamber lies in the picture, cm right and down of the picture's."""
    dirt: int
    """Seed of the spots on the floor."""

    @classmethod
    def of_individual(cls, individual: int) -> "Look":
        """Return the look of an individual: the same number looks the same in every film."""
        rng = np.random.default_rng((individual, 20_011))
        is_white = rng.random() < 0.4
        fur = rng.uniform(150, 190) if is_white else rng.uniform(40, 95)
        return cls(
            fur=fur,
            skin=fur + (rng.uniform(35, 60) if is_white else rng.uniform(70, 120)),
            floor=rng.uniform(60, 110) if is_white else rng.uniform(115, 175),
            size=rng.uniform(0.88, 1.12),
            light=(rng.uniform(-0.15, 0.15), rng.uniform(-0.15, 0.15)),
            noise=rng.uniform(2, 7),
            shift_cm=(rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)),
            dirt=individual,
        )


def film(
    pose: np.ndarray, paws: np.ndarray, look: Look, height: int, width: int, pix_per_cm: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the film [T, H, W] uint8 of a mouse with pose [T, 6] (`behavior.simulated.mouse.join`) and paws [T, P, 3]."""
    places = _places(pose, paws, look)
    background = _floor(look, height, width, pix_per_cm)
    shade = _light(look, height, width)
    center = np.array([width / 2, height / 2]) + np.array(look.shift_cm) * pix_per_cm
    frames = np.empty((len(pose), height, width), np.uint8)
    for frame in range(len(pose)):
        picture = background.copy()
        for places_cm, radii_cm, grays in places:
            for place, radius, gray in zip(places_cm[frame], radii_cm, grays[frame], strict=True):
                _spot(picture, place * pix_per_cm + center, radius * pix_per_cm, gray)
        noisy = picture * shade + rng.normal(0, look.noise, picture.shape).astype(np.float32)
        frames[frame] = np.clip(noisy + 0.5, 0, 255)
    return frames


def _places(pose: np.ndarray, paws: np.ndarray, look: Look) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return what is drawn, the lowest last: places [T, n, 2] in cm, radii [n] in cm, gray levels [T, n]."""
    frames, size = len(pose), look.size
    middle = pose[:, None, :2]

    def grown(parts: tuple[str, ...]) -> np.ndarray:
        return middle + size * (body(pose, parts) - middle)

    tail, trunk = _between(grown(_TAIL), 5), _between(grown(_TRUNK), 3)
    steps = np.linspace(0, 1, trunk.shape[1])
    trunk_cm = size * np.interp(steps, np.linspace(0, 1, len(_RADII_CM)), _RADII_CM)
    cos, sin = np.cos(pose[:, 2:3]), np.sin(pose[:, 2:3])
    ahead, right = paws[..., 0], paws[..., 1]
    stepped = size * np.stack([ahead * cos - right * sin, ahead * sin + right * cos], axis=2)
    paw_places = grown(PAWS) + stepped
    contrast = 1 - 0.75 * paws[..., 2]  # a lifted paw is farther from the glass, and in the shade of the body
    paw_gray = look.fur + (look.skin - look.fur) * contrast
    paw_cm = size * np.array([_PAW_CM[0], _PAW_CM[0], _PAW_CM[1], _PAW_CM[1]])
    return [
        (tail, np.full(tail.shape[1], 0.18 * size), np.full(tail.shape[:2], (look.skin + look.fur) / 2)),
        (trunk, trunk_cm, np.full((frames, trunk.shape[1]), look.fur)),
        (grown(("nose",)), np.array([0.25 * size]), np.full((frames, 1), look.skin)),
        (paw_places, paw_cm, paw_gray),
    ]


def _between(places: np.ndarray, each: int) -> np.ndarray:
    """Return places [T, n, 2] with so many steps from one to the next, so that spots touch."""
    count = (places.shape[1] - 1) * each + 1
    at = np.linspace(0, places.shape[1] - 1, count)
    low = np.minimum(at.astype(int), places.shape[1] - 2)
    share = (at - low)[None, :, None]
    return places[:, low] * (1 - share) + places[:, low + 1] * share


def _spot(picture: np.ndarray, center: np.ndarray, radius: float, gray: float) -> None:
    """Draw a round spot with a soft edge, in place."""
    height, width = picture.shape
    left, right = max(int(center[0] - radius - 2), 0), min(int(center[0] + radius + 3), width)
    top, bottom = max(int(center[1] - radius - 2), 0), min(int(center[1] + radius + 3), height)
    if left >= right or top >= bottom:
        return
    across, down = np.arange(left, right) + 0.5 - center[0], np.arange(top, bottom) + 0.5 - center[1]
    cover = np.clip(radius + 0.5 - np.hypot(across[None, :], down[:, None]), 0, 1).astype(np.float32)
    part = picture[top:bottom, left:right]
    part += cover * (np.float32(gray) - part)


def _floor(look: Look, height: int, width: int, pix_per_cm: float) -> np.ndarray:
    """Return the floor with some dirt: [H, W] float32."""
    rng = np.random.default_rng((look.dirt, 7))
    picture = np.full((height, width), look.floor, np.float32)
    for _ in range(rng.integers(3, 9)):
        place = rng.uniform((0, 0), (width, height))
        _spot(picture, place, rng.uniform(0.1, 0.35) * pix_per_cm, look.floor + rng.uniform(-35, 25))
    return picture


def _light(look: Look, height: int, width: int) -> np.ndarray:
    """Return the light on each pixel: [H, W] float32."""
    across, down = np.linspace(-1, 1, width)[None, :], np.linspace(-1, 1, height)[:, None]
    return (1 + look.light[0] * across + look.light[1] * down - 0.08 * (across**2 + down**2)).astype(np.float32)
