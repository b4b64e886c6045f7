"""Synthetic photographs: seeded pictures that a JPEG codec cannot tell from real ones by cost.

They are painted from textures with natural statistics (see textures.py): skies and ridges, objects
before a background out of focus, walls and tables, foliage; shaded, occluding each other, with
sensor noise on top. At the qualities and samplings of ImageNet (see encodings.py) their files have
the bits per pixel, and so the decoding cost, of the real training set, without anyone's copyright.
"""

from __future__ import annotations

import colorsys
import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastinet.testing.encodings import ODD_ENCODINGS, Encoding, Pixels, draw_style, encode
from fastinet.testing.textures import Plane, TextureBank, default_bank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Colour = NDArray[np.floating[Any]]  # float32 [3], 0 to 1
Layer = NDArray[np.floating[Any]]  # float32 [H, W, 3], 0 to 1


@dataclasses.dataclass(frozen=True)
class Photograph:
    """One synthetic file and what it was made of."""

    data: bytes
    width: int
    height: int
    encoding: Encoding


def photographs(count: int, seed: int = 0, odd: Sequence[str] = ()) -> Iterator[Photograph]:
    """Yields `count` photographs; the same bytes for the same arguments, versions and index.

    `odd` names encodings of ODD_ENCODINGS; the first photographs take them, one each.
    """
    for index in range(count):
        yield photograph(index, seed, odd[index] if index < len(odd) else None)


def photograph(index: int, seed: int = 0, odd: str | None = None) -> Photograph:
    """The photograph number `index` of `seed`, in the encoding that `odd` names, if any."""
    rng = np.random.default_rng((seed, index))
    width, height, encoding = draw_style(rng)
    if odd is not None:
        encoding = ODD_ENCODINGS[odd]
    pixels = paint(width, height, rng)
    return Photograph(encode(pixels, encoding), width, height, encoding)


def paint(width: int, height: int, rng: np.random.Generator) -> Pixels:
    """Paints a picture of `width` x `height` pixels: uint8 [height, width, 3] RGB."""
    canvas = Canvas(width, height, rng, default_bank())
    scenes: list[Callable[[Canvas], None]] = [_landscape, _close_up, _still_life, _foliage, _facade]
    scenes[rng.choice(len(scenes), p=[0.26, 0.34, 0.18, 0.12, 0.10])](canvas)
    return canvas.develop()


class Canvas:
    """A picture in the making: float32 RGB, 0 to 1, display-referred."""

    def __init__(
        self, width: int, height: int, rng: np.random.Generator, bank: TextureBank
    ) -> None:
        self.width, self.height, self.rng, self.bank = width, height, rng, bank
        self.rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
        self.columns = np.linspace(0, 1, width, dtype=np.float32)[None]
        self.pixels: Layer = np.full((height, width, 3), 0.5, np.float32)
        self.detail = float(np.exp(rng.normal(0, 0.45)))  # some pictures are busy, some are plain
        self.light = rng.uniform(-1, 1)  # light falls from this side

    def texture(self, kind: str, height: int | None = None, width: int | None = None) -> Plane:
        """A window of the texture bank, the size of the canvas unless told otherwise."""
        return self.bank.window(kind, height or self.height, width or self.width, self.rng)

    def fill(self, layer: Layer) -> None:
        """Covers the whole canvas."""
        self.pixels[...] = layer

    def cover(self, mask: Plane, layer: Layer, top: int = 0, left: int = 0) -> None:
        """Lays `layer` over the part of the canvas at (`top`, `left`), where `mask` is 1."""
        height, width = mask.shape
        below = self.pixels[top : top + height, left : left + width]
        below += (layer - below) * mask[..., None]

    def darken(self, mask: Plane, top: int, left: int) -> None:
        """Takes the share `mask` of the light away from the part at (`top`, `left`)."""
        height, width = mask.shape
        self.pixels[top : top + height, left : left + width] *= (1 - mask)[..., None]

    def develop(self) -> Pixels:
        """Vignette, exposure, contrast and sensor noise; rounds to uint8."""
        rng = self.rng
        picture = self.pixels
        vignette = rng.uniform(0, 0.35) * ((self.rows - 0.5) ** 2 + (self.columns - 0.5) ** 2)
        picture *= (rng.uniform(0.9, 1.15) * (1 - vignette))[..., None]
        contrast = rng.uniform(0.95, 1.25)
        picture = (picture - 0.45) * contrast + 0.45
        # Grain: mostly luma, some chroma. In-camera processing and scaling leave little of it.
        strength = np.float32(0.011 * self.detail * np.exp(rng.normal(0, 0.45)))
        picture += (self.texture("grain") * strength)[..., None]
        for channel in range(3):
            picture[..., channel] += self.texture("grain") * (strength * np.float32(0.45))
        developed: Pixels = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
        return developed


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), np.float32)


def _sky_colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Zenith and horizon."""
    if rng.random() < 0.2:  # dusk
        return _hsv(rng.uniform(0.6, 0.75), 0.5, 0.45), _hsv(rng.uniform(0.02, 0.12), 0.6, 0.95)
    if rng.random() < 0.25:  # overcast
        return _hsv(0.6, 0.05, rng.uniform(0.6, 0.8)), _hsv(0.58, 0.03, 0.92)
    hue = rng.uniform(0.55, 0.62)
    return _hsv(hue, rng.uniform(0.4, 0.75), rng.uniform(0.6, 0.9)), _hsv(hue, 0.15, 0.95)


def _ground_colour(rng: np.random.Generator) -> Colour:
    kind = rng.random()
    if kind < 0.5:
        return _hsv(rng.uniform(0.18, 0.36), rng.uniform(0.3, 0.75), rng.uniform(0.25, 0.6))
    if kind < 0.85:
        return _hsv(rng.uniform(0.04, 0.13), rng.uniform(0.15, 0.6), rng.uniform(0.3, 0.75))
    return _hsv(rng.random(), rng.uniform(0, 0.15), rng.uniform(0.3, 0.8))


def _object_colour(rng: np.random.Generator) -> Colour:
    kind = rng.random()
    if kind < 0.4:  # paint, petals, feathers, toys: red to yellow and blue more often than not
        hue = rng.choice([0.01, 0.09, 0.14, 0.60, rng.random()], p=[0.28, 0.18, 0.18, 0.2, 0.16])
        return _hsv(rng.normal(hue, 0.02), rng.uniform(0.6, 0.98), rng.uniform(0.5, 0.95))
    if kind < 0.75:  # fur, wood, skin
        return _hsv(rng.uniform(0.02, 0.13), rng.uniform(0.2, 0.7), rng.uniform(0.25, 0.9))
    return _hsv(rng.random(), rng.uniform(0, 0.15), rng.uniform(0.1, 0.95))


def _material(canvas: Canvas, colour: Colour, kind: str, strength: float) -> Layer:
    """A surface of `colour`: light varies with the texture `kind`, tint a little with another."""
    light = 1 + np.float32(strength) * canvas.texture(kind)
    tint = canvas.texture("rough") * np.float32(0.06)
    layer: Layer = light[..., None] * colour
    layer[..., 0] += tint * 0.6
    layer[..., 2] -= tint
    return layer


def _variegated(
    canvas: Canvas,
    first: Colour,
    second: Colour,
    height: int | None = None,
    width: int | None = None,
) -> Layer:
    """A surface with markings of a second colour: spots, stripes or patches."""
    kind = canvas.rng.random()
    field = canvas.texture("smooth" if kind < 0.7 else "rough", height, width)
    if kind < 0.35:  # stripes that follow the field
        field = np.sin(field * np.float32(canvas.rng.uniform(6, 16)))
    marks = np.clip(field * 4 + np.float32(canvas.rng.normal(0, 1)), 0, 1)[..., None]
    detail = np.float32(canvas.detail * canvas.rng.uniform(0.06, 0.16))
    light = 1 + canvas.texture("fine", height, width) * detail
    layer: Layer = (first + (second - first) * marks) * light[..., None]
    return layer


def _sky(canvas: Canvas) -> None:
    zenith, horizon = _sky_colours(canvas.rng)
    depth = canvas.rows[..., None] ** np.float32(canvas.rng.uniform(0.5, 1.2))
    sky = np.broadcast_to(zenith + (horizon - zenith) * depth, canvas.pixels.shape)
    canvas.fill(sky)
    if canvas.rng.random() < 0.65:
        cover = canvas.texture("smooth") + canvas.texture("rough") * 0.35
        clouds = np.clip(cover * 0.55 + np.float32(canvas.rng.uniform(-0.5, 0.3)), 0, 0.9)
        canvas.cover(clouds, np.broadcast_to(np.float32(0.96), (*clouds.shape, 3)))


def _landscape(canvas: Canvas) -> None:
    """A sky, ridges one behind the other, and perhaps water or something that stands there."""
    rng = canvas.rng
    _sky(canvas)
    haze = canvas.pixels[canvas.height // 2, canvas.width // 2].copy()
    count = rng.integers(2, 5)
    level = rng.uniform(0.3, 0.55)
    for index in range(count):
        nearness = (index + 1) / count
        profile = canvas.texture("smooth")[0] * (0.05 * (1.2 - nearness))
        profile = profile + canvas.texture("rough")[0] * (0.012 * nearness)
        mask = np.clip((canvas.rows - level - profile) * canvas.height, 0, 1)
        kind = ("rough", "fine", "pebbles", "blades")[min(3, index + int(rng.integers(0, 2)))]
        ground = _ground_colour(rng)
        strength = canvas.detail * rng.uniform(0.14, 0.34)
        layer = _material(canvas, ground, kind, strength)
        canvas.cover(mask, haze + (layer - haze) * np.float32(0.35 + 0.65 * nearness))
        level += rng.uniform(0.08, 0.22)
    if rng.random() < 0.25:
        _water(canvas, rng.uniform(0.6, 0.8))
    if rng.random() < 0.7:
        for _ in range(rng.integers(1, 4)):
            _add_object(canvas, rng.uniform(0.06, 0.25), (rng.uniform(0.45, 0.85), rng.random()))


def _water(canvas: Canvas, shore: float) -> None:
    """Mirrors what is above `shore` (a share of the height) into what is below."""
    top = int(canvas.height * shore)
    depth = np.arange(canvas.height - top)
    ripple = canvas.texture("fine", canvas.height - top, canvas.width)
    rows = np.abs(top - 1 - depth[:, None] - (ripple * (1 + depth[:, None] * 0.04)).astype(np.intp))
    mirrored = canvas.pixels[np.minimum(rows, canvas.height - 1), np.arange(canvas.width)]
    canvas.pixels[top:] = mirrored * np.float32(0.8) + ripple[..., None] * np.float32(0.02)


def _close_up(canvas: Canvas) -> None:
    """One to three things, sharp, before a background out of focus."""
    rng = canvas.rng
    blurred = "blades blurred" if rng.random() < 0.5 else "pebbles blurred"
    background, tint = _ground_colour(rng), _ground_colour(rng)
    spread = np.clip(0.5 + 0.5 * canvas.texture("smooth"), 0, 1)[..., None]
    light = 1 + canvas.texture(blurred) * np.float32(rng.uniform(0.1, 0.3))
    canvas.fill((background + (tint - background) * spread) * light[..., None])
    if rng.random() < 0.5:  # it lies or sits on something
        level = rng.uniform(0.55, 0.8)
        mask = np.clip((canvas.rows - level) * canvas.height * 0.3, 0, 1)
        floor = _material(
            canvas,
            _ground_colour(rng),
            rng.choice(["fine", "pebbles", "blades", "rough"]),
            canvas.detail * rng.uniform(0.1, 0.3),
        )
        canvas.cover(np.broadcast_to(mask, canvas.pixels.shape[:2]), floor)
    for _ in range(rng.integers(0, 4)):  # twigs, stalks, cables
        _add_bar(canvas, rng.uniform(0.005, 0.02))
    _add_creature(canvas, rng.uniform(0.2, 0.36), (rng.uniform(0.4, 0.65), rng.uniform(0.35, 0.65)))
    for _ in range(rng.integers(0, 3)):
        _add_object(canvas, rng.uniform(0.1, 0.25), (rng.uniform(0.3, 0.9), rng.random()))


def _still_life(canvas: Canvas) -> None:
    """A wall, a table, and things upon it that throw shadows."""
    rng = canvas.rng
    wall = _hsv(rng.random(), rng.uniform(0, 0.45), rng.uniform(0.4, 0.9))
    shade = 1 + (canvas.columns - 0.5) * np.float32(rng.uniform(-0.5, 0.5)) - canvas.rows * 0.15
    layer = _material(canvas, wall, "rough", canvas.detail * 0.035)
    canvas.fill(layer * shade[..., None])
    level = rng.uniform(0.45, 0.7)
    table = _variegated(canvas, _ground_colour(rng), _ground_colour(rng))
    mask = np.clip((canvas.rows - level) * canvas.height, 0, 1)
    canvas.cover(np.broadcast_to(mask, canvas.pixels.shape[:2]), table)
    for depth in np.sort(rng.uniform(level - 0.05, 0.9, rng.integers(3, 9))):
        _add_object(canvas, rng.uniform(0.08, 0.2), (float(depth), rng.random()))


def _foliage(canvas: Canvas) -> None:
    """Leaves, grass or pebbles all over, and flowers, fruit or an animal among them."""
    rng = canvas.rng
    kind = rng.choice(["blades", "pebbles"])
    colour, other = _ground_colour(rng), _ground_colour(rng)
    leaves = canvas.texture(kind)
    blend = np.clip(0.5 + 0.4 * leaves, 0, 1)[..., None]
    light = (
        0.8 + leaves * np.float32(0.28) + canvas.texture("fine") * np.float32(canvas.detail * 0.1)
    )
    canvas.fill((colour + (other - colour) * blend) * light[..., None])
    canvas.pixels *= np.clip(0.85 + 0.3 * canvas.texture("smooth"), 0.2, 1.3)[..., None]
    flower = _object_colour(rng)
    for _ in range(rng.integers(0, 8)):
        centre = (rng.random(), rng.random())
        _add_object(canvas, rng.uniform(0.03, 0.1), centre, colour=flower)
    if rng.random() < 0.5:
        _add_creature(canvas, rng.uniform(0.15, 0.3), (rng.uniform(0.4, 0.7), rng.random()))


def _facade(canvas: Canvas) -> None:
    """A building front: a wall with rows of windows, doors and shadows."""
    rng = canvas.rng
    _sky(canvas)
    left, right = sorted(rng.uniform(-0.2, 1.2, 2))
    right = max(right, left + 0.6)
    roof = rng.uniform(0.0, 0.3)
    wall = _material(
        canvas,
        _object_colour(rng) * np.float32(0.45) + np.float32(0.3),
        "fine",
        canvas.detail * rng.uniform(0.05, 0.14),
    )
    slope = np.float32(rng.uniform(-0.15, 0.15))  # seen at an angle
    upper = canvas.rows - roof - slope * (canvas.columns - 0.5)
    inside = np.minimum(np.minimum(canvas.columns - left, right - canvas.columns), upper)
    canvas.cover(np.clip(inside * canvas.height, 0, 1), wall)
    pitch_x, pitch_y = rng.uniform(0.08, 0.2), rng.uniform(0.1, 0.25)
    across = np.abs((canvas.columns - left) / pitch_x % 1 - 0.5) * pitch_x
    along = np.abs(upper / pitch_y % 1 - 0.5) * pitch_y
    window = np.minimum(0.3 * pitch_x - across, 0.33 * pitch_y - along)
    panes = np.clip(np.minimum(window, inside - 0.02) * canvas.height, 0, 1)
    glass = _hsv(0.58, 0.25, rng.uniform(0.15, 0.5))
    reflection = canvas.texture("smooth") * np.float32(0.12) + canvas.texture("fine") * 0.05
    canvas.cover(panes, glass + reflection[..., None])
    street = _material(
        canvas, _hsv(0.1, rng.uniform(0, 0.2), rng.uniform(0.3, 0.6)), "fine", canvas.detail * 0.16
    )
    ground = np.clip((canvas.rows - rng.uniform(0.75, 0.95)) * canvas.height, 0, 1)
    canvas.cover(np.broadcast_to(ground, canvas.pixels.shape[:2]), street)
    for _ in range(rng.integers(0, 5)):
        _add_object(canvas, rng.uniform(0.05, 0.14), (rng.uniform(0.7, 0.95), rng.random()))


def _add_creature(canvas: Canvas, size: float, centre: tuple[float, float]) -> None:
    """A body with a head, in fur or feathers with markings; `size` is a share of the picture."""
    rng = canvas.rng
    first, second = _object_colour(rng), _object_colour(rng)
    side = rng.choice([-1, 1])
    y, x = centre
    _add_blob(canvas, size, size * rng.uniform(0.6, 0.9), (y, x), first, second)
    head = (y - size * rng.uniform(0.5, 0.9), x + side * size * rng.uniform(0.3, 0.9))
    _add_blob(canvas, size * 0.55, size * 0.5, head, first, second)
    eye = (head[0] - size * 0.08, head[1] + side * size * 0.18)
    _add_blob(canvas, size * 0.07, size * 0.07, eye, _hsv(0.08, 0.5, 0.08), _hsv(0.1, 0.6, 0.2))


def _add_object(
    canvas: Canvas, size: float, centre: tuple[float, float], colour: Colour | None = None
) -> None:
    """Something of a plain colour: round, angular, or ragged."""
    rng = canvas.rng
    first = _object_colour(rng) if colour is None else colour
    second = first * np.float32(rng.uniform(0.6, 1.1))
    aspect = rng.uniform(0.5, 1.6)
    _add_blob(canvas, size, size * aspect, centre, first, second, angular=bool(rng.random() < 0.35))


def _add_blob(
    canvas: Canvas,
    half_width: float,
    half_height: float,
    centre: tuple[float, float],
    first: Colour,
    second: Colour,
    angular: bool = False,
) -> None:
    """An ellipse (or box) with an uneven outline, shaded as a dome, with a soft shadow.

    Sizes are shares of the canvas' shorter side, `centre` (y, x) of its height and width.
    """
    rng = canvas.rng
    unit = min(canvas.width, canvas.height)
    a, b = max(3.0, half_width * unit), max(3.0, half_height * unit)
    y, x = centre[0] * canvas.height, centre[1] * canvas.width
    reach = 1.35 * max(a, b)
    top, left = max(0, int(y - reach)), max(0, int(x - reach))
    bottom, right = min(canvas.height, int(y + reach)), min(canvas.width, int(x + reach))
    height, width = bottom - top, right - left
    if height < 2 or width < 2:
        return
    rows = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
    columns = np.arange(left, right, dtype=np.float32)[None] - np.float32(x)
    angle = rng.normal(0, 0.12 if angular else 0.5)
    across = (columns * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle))) / np.float32(
        a
    )
    along = (rows * np.float32(np.cos(angle)) - columns * np.float32(np.sin(angle))) / np.float32(b)
    if angular:
        radius = np.maximum(np.abs(across), np.abs(along))
    else:
        ragged = canvas.texture("smooth", height, width) * np.float32(rng.uniform(0.02, 0.12))
        radius = np.hypot(across, along) + ragged
    inside = (1 - radius) * np.float32(min(a, b))  # pixels from the outline
    fall = np.clip(1.3 - np.hypot(across - np.float32(0.15 * canvas.light), along - 0.15), 0, 0.45)
    canvas.darken(fall, top, left)
    layer = _variegated(canvas, first, second, height, width)
    dome = 0.8 + 0.28 * (across * np.float32(canvas.light) - along)
    if not angular:
        dome = dome + 0.25 * np.clip(1 - radius * radius, 0, 1)
        gloss = rng.uniform(0, 0.5) if rng.random() < 0.4 else 0.0
        spot = np.hypot(across - np.float32(0.35 * canvas.light), along + 0.4)
        layer = (
            layer * dome[..., None] + (np.clip(1 - spot * 4, 0, 1) * np.float32(gloss))[..., None]
        )
    else:
        layer = layer * dome[..., None]
    sharpness = rng.uniform(0.6, 1.0)
    canvas.cover(np.clip(inside * np.float32(sharpness) + 0.5, 0, 1), layer, top, left)


def _add_bar(canvas: Canvas, half_width: float) -> None:
    """A straight or bent bar from edge to edge."""
    rng = canvas.rng
    angle = rng.uniform(0, np.pi)
    bend = np.float32(rng.normal(0, 0.3))
    offset = rng.uniform(-0.3, 0.3)
    aspect = canvas.width / canvas.height
    rows, columns = canvas.rows - 0.5, (canvas.columns - 0.5) * np.float32(aspect)
    along = columns * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle))
    across = rows * np.float32(np.cos(angle)) - columns * np.float32(np.sin(angle))
    across = across - np.float32(offset) - bend * along * along
    mask = np.clip((half_width - np.abs(across)) * canvas.height + 0.5, 0, 1)
    light = 1.0 - across / np.float32(half_width) * np.float32(0.4)
    grain = 1 + canvas.texture("fine") * np.float32(0.1 * canvas.detail)
    canvas.cover(mask, _ground_colour(rng) * np.clip(light * grain, 0, 2)[..., None])
