"""Draws hits on the image they were found in: one panel for each query, the best hits cut out below it."""

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import rasterio
from PIL import Image, ImageDraw, ImageFont

WIDE, NARROW, HIGH = 1100, 552, 1400  # pixels: the most and least across one panel, and about the most down it
CUT = 176  # the squares below it
INK, PAPER = (255, 221, 51), (24, 26, 30)
QUERY_INK = (255, 64, 200)


@dataclass(frozen=True)
class Panel:
    """A query and its hits. ``box`` is the query's own box in full-resolution pixels, where it had one."""

    title: str
    hits: Sequence[Dict[str, Any]]
    box: Optional[Tuple[float, float, float, float]] = None


def draw(path: str, panels: List[Panel], target: str, around: Optional[Tuple[int, int, int, int]] = None) -> None:
    """Write ``target``: the raster (or its part ``around``, in pixels) once for each panel, side by side."""
    with rasterio.open(path) as raster:
        x0, y0, x1, y1 = around or (0, 0, raster.width, raster.height)
        scale = max(NARROW, min(WIDE, HIGH * (x1 - x0) / (y1 - y0))) / (x1 - x0)
        base = _read(raster, (x0, y0, x1, y1), (round((x1 - x0) * scale), max(1, round((y1 - y0) * scale))))
        pieces = [_panel(raster, base, panel, (x0, y0), scale) for panel in panels]
    sheet = Image.new("RGB", (sum(piece.width for piece in pieces) + 12 * (len(pieces) - 1), pieces[0].height), PAPER)
    left = 0
    for piece in pieces:
        sheet.paste(piece, (left, 0))
        left += piece.width + 12
    sheet.save(target)


def _panel(raster: Any, base: Image.Image, panel: Panel, corner: Tuple[int, int], scale: float) -> Image.Image:
    head = 44
    page = Image.new("RGB", (base.width, head + base.height + CUT + 12), PAPER)
    page.paste(base, (0, head))
    pen = ImageDraw.Draw(page)
    pen.text((8, 8), panel.title, font=_font(24), fill=(240, 240, 240))
    for hit in reversed(panel.hits):
        frame = _on_page((hit["x0"], hit["y0"], hit["x1"], hit["y1"]), corner, scale, head)
        pen.rectangle(frame, outline=(0, 0, 0), width=5)
        pen.rectangle(frame, outline=INK, width=3)
        _label(pen, (frame[0] - 3, frame[1] - 22), str(hit["rank"]), INK)
    if panel.box:
        frame = _on_page(panel.box, corner, scale, head)
        pen.rectangle(frame, outline=(0, 0, 0), width=6)
        pen.rectangle(frame, outline=QUERY_INK, width=4)
        _label(pen, (frame[0], frame[3] + 2), "query", QUERY_INK)
    for number, hit in enumerate(panel.hits[: base.width // CUT]):
        margin = round(0.15 * (hit["x1"] - hit["x0"]))
        window = (hit["x0"] - margin, hit["y0"] - margin, hit["x1"] + margin, hit["y1"] + margin)
        at = (number * (CUT + 8), head + base.height + 8)
        page.paste(_read(raster, window, (CUT, CUT)), at)
        _label(pen, at, f"{hit['rank']}: {hit['score']:.2f}", INK)
    return page


def _on_page(box: Sequence[float], corner: Tuple[int, int], scale: float, head: int) -> Tuple[float, float, float, float]:
    return (
        (box[0] - corner[0]) * scale,
        head + (box[1] - corner[1]) * scale,
        (box[2] - corner[0]) * scale,
        head + (box[3] - corner[1]) * scale,
    )


def _label(pen: ImageDraw.ImageDraw, at: Tuple[float, float], text: str, ink: Tuple[int, int, int]) -> None:
    font = _font(18)
    pen.rectangle(pen.textbbox((at[0] + 3, at[1] + 1), text, font=font), fill=(0, 0, 0))
    pen.text((at[0] + 3, at[1] + 1), text, font=font, fill=ink)


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _read(raster: Any, window: Tuple[float, float, float, float], size: Tuple[int, int]) -> Image.Image:
    """The first three bands (or the first as grey) of a pixel window as an image; deep pixels are stretched for the eye."""
    x0, y0, x1, y1 = (round(value) for value in window)
    bands = [1, 2, 3] if raster.count >= 3 else [1, 1, 1]
    values = raster.read(
        bands,
        window=rasterio.windows.Window(x0, y0, x1 - x0, y1 - y0),
        out_shape=(3, size[1], size[0]),
        boundless=True,
        fill_value=0,
        resampling=rasterio.enums.Resampling.average,
    )
    if values.dtype != np.uint8:
        whole = np.nan_to_num(raster.read(1, out_shape=(256, 256)).astype(float))
        low, high = np.percentile(whole[whole != 0], (2, 98)) if whole.any() else (0.0, 1.0)
        values = np.clip((np.nan_to_num(values.astype(float)) - low) * 255 / max(high - low, 1e-9), 0, 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(values.transpose(1, 2, 0)))
