"""Pixels for training: photometric change, drawn roofs, repainted areas, views of a scene.

Everything here is uint8 or float32 (height, width, 3), red green blue, row 0 at the top; boxes are x0, y0, x1, y1 in pixels.
"""

from __future__ import annotations

import colorsys
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .prompts import COLOURS

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """Another size, with antialiasing."""
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def turn(pixels: Pixels, way: int) -> Pixels:
    """One of the eight turns and flips of a square or rectangle."""
    pixels = np.rot90(pixels, way % 4)
    return pixels[:, ::-1] if way >= 4 else pixels


def turn_box(box: Box, way: int, side: float) -> Box:
    """Where a box of a square of that side goes under :func:`turn`."""
    x0, y0, x1, y1 = box
    for _ in range(way % 4):
        x0, y0, x1, y1 = y0, side - x1, y1, side - x0
    if way >= 4:
        x0, x1 = side - x1, side - x0
    return x0, y0, x1, y1


def photometric(pixels: NDArray, rng: np.random.Generator, strength: float = 1.0) -> Pixels:
    """Gamma, contrast, channel gains, and now and then haze, shade, blur, compression, no colour or noise."""
    table = np.linspace(0, 1, 256, dtype=np.float32) ** np.float32(np.exp(rng.uniform(-0.28, 0.28) * strength))
    contrast, middle = np.exp(rng.uniform(-0.2, 0.2) * strength), rng.uniform(0.35, 0.55)
    table = (table - middle) * contrast + middle
    if rng.random() < 0.2 * strength:
        haze = rng.uniform(0.05, 0.25)
        table = table * (1 - haze) + haze * rng.uniform(0.6, 0.9)
    gains = 1 + rng.uniform(-0.07, 0.07, 3) * strength
    tables = np.clip(table[None] * gains[:, None] * 255, 0, 255).astype(np.uint8)
    done = np.stack([tables[band][pixels[..., band]] for band in range(3)], -1)
    if rng.random() < 0.06 * strength:
        done = shadow(done, rng)
    if rng.random() < 0.22 * strength:
        small = max(8, int(done.shape[0] * rng.uniform(0.28, 0.85)))
        done = resize(resize(done, small, small), done.shape[1], done.shape[0])
    if rng.random() < 0.08 * strength:
        done = compressed(done, int(rng.integers(25, 75)))
    if rng.random() < 0.02 * strength:
        done = np.repeat(done.mean(-1, keepdims=True).astype(np.uint8), 3, -1)
    if rng.random() < 0.1 * strength:
        done = np.clip(done + rng.normal(0, rng.uniform(2, 7), done.shape), 0, 255).astype(np.uint8)
    return done


def shadow(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A band or a corner in shade, as beside a cloud or a hill."""
    height, width = pixels.shape[:2]
    turned = rng.uniform(0, 2 * np.pi)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    along = (xs / width - 0.5) * np.cos(turned) + (ys / height - 0.5) * np.sin(turned)
    dark = 1 / (1 + np.exp((along - rng.uniform(-0.3, 0.3)) * rng.uniform(8, 60)))
    shade_ = 1 - dark[..., None] * rng.uniform(0.25, 0.6) * np.array([1.0, 0.97, 0.88], np.float32)
    return (pixels * shade_).astype(np.uint8)


def compressed(pixels: Pixels, quality: int) -> Pixels:
    """What JPEG leaves of it."""
    packed = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(packed, "JPEG", quality=quality)
    return np.asarray(Image.open(packed))


def crop(pixels: Pixels, box: tuple[int, int, int, int], side: int) -> Pixels:
    """A part of an image at another size."""
    return np.asarray(Image.fromarray(pixels[box[1] : box[3], box[0] : box[2]]).resize((side, side), Image.Resampling.BILINEAR))


def shade(colour: str, rng: np.random.Generator) -> NDArray[np.float32]:
    """One shade that a person would call by that name: red, green, blue in 0..1."""
    hue, saturation, value = (rng.uniform(*span) for span in COLOURS[colour])
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value), np.float32)


def near_shade(rgb: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Almost the same shade."""
    return np.clip(rgb * rng.uniform(0.9, 1.1) + rng.uniform(-0.02, 0.02, 3), 0.01, 1).astype(np.float32)


def colour_of(rgb: NDArray) -> str | None:
    """The name of a shade (0..255), or None where people would differ."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(float(channel) / 255 for channel in rgb))
    if value < 0.16:
        return "black"
    if saturation < 0.10 and value > 0.82:
        return "white"
    if saturation < 0.12 and 0.35 < value < 0.70:
        return "gray"
    for name, (hues, saturations, values) in COLOURS.items():
        if name in ("black", "white", "gray", "pink"):
            continue
        inside = hues[0] <= hue <= hues[1] or hues[0] <= hue - 1 <= hues[1]
        if inside and saturation >= saturations[0] and values[0] <= value <= values[1] and saturation <= saturations[1] + 0.05:
            return name
    return None


def repaint(pixels: NDArray, mask: NDArray[np.bool_], rgb: NDArray[np.float32], keep: float = 1.0) -> None:
    """Give the masked pixels a new colour in place and keep their texture (``keep`` scales its contrast)."""
    if not mask.any():
        return
    inside = pixels[mask].astype(np.float32)
    light = inside.mean(1)
    texture = 1 + np.clip(light / max(float(light.mean()), 8.0) - 1, -0.7, 0.7) * keep
    pixels[mask] = np.clip(rgb[None] * texture[:, None] * 255, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Roof:
    """A drawn roof: centre, half sizes and angle in pixels and radians, its shape and its details."""

    x: float
    y: float
    half_width: float
    half_height: float
    angle: float
    shape: int  # 0 flat, 1 gable, 2 hip, 3 two slopes with a step, 4 an L
    stripe: float  # period of the sheets in pixels, 0 for none
    dirt: float
    edge: bool
    seed: int

    @classmethod
    def sample(cls, x: float, y: float, size: float, rng: np.random.Generator) -> Roof:
        """A roof whose longer side is ``size`` pixels."""
        aspect = rng.uniform(0.45, 1.0)
        return cls(
            x, y, size / 2, size / 2 * aspect, rng.uniform(0, np.pi), int(rng.choice(5, p=[0.32, 0.28, 0.15, 0.1, 0.15])),
            float(rng.choice([0, 0, rng.uniform(2.5, 7)])), float(rng.choice([0, rng.uniform(0, 0.25), rng.uniform(0.1, 0.45)])),
            bool(rng.random() < 0.35), int(rng.integers(1 << 31)),
        )  # fmt: skip

    def draw(self, canvas: NDArray[np.float32], rgb: NDArray[np.float32], rng: np.random.Generator) -> Box | None:
        """Draw it on a float canvas (0..255) in place and return its box, or None when it lies outside."""
        height, width = canvas.shape[:2]
        reach = int(np.hypot(self.half_width, self.half_height)) + 3
        left, right = max(0, int(self.x) - reach), min(width, int(self.x) + reach)
        top, bottom = max(0, int(self.y) - reach), min(height, int(self.y) + reach)
        if right - left < 4 or bottom - top < 4:
            return None
        ys, xs = np.mgrid[top:bottom, left:right].astype(np.float32)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        u = ((xs - self.x) * cos + (ys - self.y) * sin) / self.half_width
        v = (-(xs - self.x) * sin + (ys - self.y) * cos) / self.half_height
        mask = (np.abs(u) <= 1) & (np.abs(v) <= 1)
        details = np.random.default_rng(self.seed)
        if self.shape == 4:
            mask &= ~((u > details.uniform(-0.2, 0.4)) & (v > details.uniform(-0.3, 0.3)))
        if mask.sum() < 12:
            return None
        part = canvas[top:bottom, left:right]
        shift = int(rng.integers(1, 4))
        fall = np.roll(mask, (shift * int(rng.choice([-1, 1])), shift * int(rng.choice([-1, 1]))), (0, 1)) & ~mask
        part[fall] *= rng.uniform(0.4, 0.75)
        part[mask] = self._surface(u, v, part, rgb, details)[mask]
        columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
        return (left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1)

    def _surface(self, u: NDArray, v: NDArray, under: NDArray, rgb: NDArray, rng: np.random.Generator) -> NDArray[np.float32]:
        light = np.ones_like(u)
        sun = rng.uniform(0.06, 0.28) * rng.choice([-1, 1])
        if self.shape == 1:
            light += np.where(v > rng.uniform(-0.15, 0.15), sun, -sun)
        elif self.shape == 2:
            side = np.abs(u) - (1 - self.half_height / self.half_width) > np.abs(v) * self.half_height / self.half_width
            light += np.where(side, np.where(u > 0, sun / 2, -sun / 2), np.where(v > 0, sun, -sun))
        elif self.shape == 3:
            light += np.where(u > rng.uniform(-0.4, 0.4), sun, -sun / 2)
        if self.stripe:
            light += rng.uniform(0.02, 0.1) * np.sin(u * self.half_width * 2 * np.pi / self.stripe)
        if self.edge:
            light += np.where((np.abs(u) > 0.9) | (np.abs(v) > 0.9), rng.uniform(-0.25, 0.2), 0)
        grey = under.mean(-1)
        light += np.clip(grey / max(float(grey.mean()), 8.0) - 1, -0.6, 0.6) * rng.uniform(0, 0.35)
        light += rng.normal(0, rng.uniform(0.01, 0.05), u.shape)
        surface = rgb[None, None] * light[..., None]
        if self.dirt:
            waves = np.sin(u * rng.uniform(1, 6) + rng.uniform(0, 6)) * np.sin(v * rng.uniform(1, 6) + rng.uniform(0, 6))
            spread = np.clip(waves + rng.normal(0, 0.3, u.shape), 0, 1)[..., None] * self.dirt
            surface = surface * (1 - spread) + np.array([0.45, 0.4, 0.34], np.float32) * rng.uniform(0.6, 1.3) * spread
        for _ in range(int(rng.integers(0, 4))):
            du, dv, size = rng.uniform(-0.8, 0.8), rng.uniform(-0.8, 0.8), rng.uniform(0.04, 0.16)
            small = (np.abs(u - du) < size) & (np.abs(v - dv) < size * self.half_width / self.half_height)
            surface[small] = rng.uniform(0.05, 0.95)
        return np.clip(surface * 255, 0, 255).astype(np.float32)


def blob(box: Box, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
    """An uneven filled outline that touches the sides of a box; (height, width) bool."""
    height, width = shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    u, v = (xs - x) / max(1.0, (box[2] - box[0]) / 2), (ys - y) / max(1.0, (box[3] - box[1]) / 2)
    power = float(rng.choice([2.0, 4.0, 12.0]))
    turn_ = np.arctan2(v, u)
    edge = 1 - rng.uniform(0, 0.15) * (1 + np.sin(turn_ * int(rng.integers(2, 7)) + rng.uniform(0, 6)))
    return (np.abs(u) ** power + np.abs(v) ** power) ** (1 / power) <= edge
