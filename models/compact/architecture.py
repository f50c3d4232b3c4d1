"""The network of the compact encoder, in torch: for training and for ``runtime="torch"``; ``graphs.py`` writes the same as ONNX.

Image tokens attend to each other only. A suffix is [box token?, place token?, text tokens?, instruction tokens?, readout]; its
tokens attend to the image tokens of their chip, with a learned bias towards the box, and to the suffix itself. So the image is
looked at once, and any number of suffixes are answered in one packed pass. A text or a place alone is a suffix without an image.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .packing import TEXT_LIMIT

WIDTH = 256
HEADS = 8
LAYERS = 4
PATCH = 16
FINE = 8  # pixels of a cell of the fine map, from which a box token learns what is small
FINE_WIDTH = 96
TEXT, INSTRUCTION = 0, 1  # segments of suffix words
MOBILE = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
FROZEN = 4  # the first convolution and the blocks up to stride 4 keep their ImageNet weights


class Convolution(nn.Module):
    """A folded convolution of MobileNetV2 with TensorFlow's "same" padding."""

    def __init__(
        self, inputs: int, outputs: int, size: int = 1, stride: int = 1, depthwise: bool = False, act: bool = True
    ) -> None:
        super().__init__()
        self.c = nn.Conv2d(inputs, outputs, size, stride, 0, groups=inputs if depthwise else 1, bias=True)
        self.size, self.stride, self.act = size, stride, act

    def forward(self, x: Tensor) -> Tensor:
        groups = self.c.groups
        if self.size == 3 and self.stride == 2 and groups > 1 and torch.is_grad_enabled():
            # The gradient of a depthwise convolution with a stride is slow on CPUs: at every place, then every second one.
            x = functional.conv2d(x, self.c.weight, self.c.bias, 1, 1, 1, groups)[:, :, 1::2, 1::2]
        elif self.size == 3 and self.stride == 1:
            x = functional.conv2d(x, self.c.weight, self.c.bias, 1, 1, 1, groups)
        else:
            x = self.c(functional.pad(x, (0, 1, 0, 1)) if self.size == 3 else x)
        return functional.relu6(x) if self.act else x


class Inverted(nn.Module):
    """One inverted residual block."""

    def __init__(self, inputs: int, outputs: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        steps = [Convolution(inputs, hidden)] if expand != 1 else []
        steps += [Convolution(hidden, hidden, 3, stride, True), Convolution(hidden, outputs, act=False)]
        self.l = nn.Sequential(*steps)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.l(x) if self.residual else self.l(x)


def mobile_blocks() -> list[nn.Module]:
    """The first convolution of MobileNetV2 and its blocks, up to 320 channels at stride 32."""
    blocks: list[nn.Module] = [Convolution(3, 32, 3, 2)]
    channels = 32
    for expand, outputs, count, stride in MOBILE:
        for number in range(count):
            blocks.append(Inverted(channels, outputs, stride if number == 0 else 1, expand))
            channels = outputs
    return blocks


def to_pixels(chips: Tensor) -> Tensor:
    """uint8 (B, S, S, 3) -> what the stem reads, (B, 3, S, S) in -1..1."""
    return (chips.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


class Stem(nn.Module):
    """(B, 3, S, S) in -1..1 -> (B, tokens, WIDTH), one token for each 16 x 16 pixels, and (B, cells, FINE_WIDTH), one for
    each 8 x 8 pixels, both row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.f = nn.Sequential(*mobile_blocks())
        self.norm8, self.norm16, self.norm32 = nn.LayerNorm(128), nn.LayerNorm(96), nn.LayerNorm(320)
        self.colour = nn.Sequential(nn.Conv2d(3, 64, 1), nn.GELU(), nn.Conv2d(64, 32, 1))
        self.out = nn.Linear(128 + 96 + 320 + 48 + 32, WIDTH)
        self.norm_fine = nn.LayerNorm(24 + 32)
        self.fine = nn.Sequential(nn.Linear(24 + 32 + 12 + 32, FINE_WIDTH), nn.GELU(), nn.Linear(FINE_WIDTH, FINE_WIDTH))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        x = pixels
        with torch.no_grad():
            for block in self.f[:FROZEN]:
                x = block(x)
        stride4 = functional.avg_pool2d(x, 2)
        for block in self.f[FROZEN:7]:
            x = block(x)
        small = torch.cat([stride4.to(x.dtype), x], 1)
        stride8 = functional.pixel_unshuffle(x, 2)
        for block in self.f[7:14]:
            x = block(x)
        stride16 = x
        for block in self.f[14:]:
            x = block(x)
        stride32 = functional.interpolate(x, scale_factor=2, mode="nearest")
        fine = functional.avg_pool2d(pixels, 4)
        colour = self.colour(fine)
        parts = [
            self.norm8(_rows(stride8)),
            self.norm16(_rows(stride16)),
            self.norm32(_rows(stride32)),
            _rows(functional.pixel_unshuffle(fine, 4)),
            _rows(functional.avg_pool2d(colour, 4)),
        ]
        near = [
            self.norm_fine(_rows(small)),
            _rows(functional.pixel_unshuffle(fine, 2)),
            _rows(functional.avg_pool2d(colour, 2)),
        ]
        return self.out(torch.cat(parts, -1)), self.fine(torch.cat(near, -1))


def _rows(maps: Tensor) -> Tensor:
    return maps.flatten(2).transpose(1, 2)


class Fourier(nn.Module):
    """Numbers in 0..1 -> WIDTH, through sines of growing frequency."""

    def __init__(self, numbers: int, bands: int = 6) -> None:
        super().__init__()
        self.register_buffer("frequencies", math.pi * 2.0 ** torch.arange(bands), persistent=False)
        self.mlp = nn.Sequential(nn.Linear(numbers * (1 + 2 * bands), WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))

    def forward(self, values: Tensor) -> Tensor:
        angles = (values.unsqueeze(-1) * self.frequencies).flatten(-2)
        return self.mlp(torch.cat([values, angles.sin(), angles.cos()], -1))


class Globe(nn.Module):
    """Points on the unit sphere (n, 3) -> (n, WIDTH), through sines of growing frequency (to about two degrees)."""

    def __init__(self, bands: int = 8, hidden: int = 512) -> None:
        super().__init__()
        self.register_buffer("frequencies", math.pi / 2 * 2.0 ** torch.arange(bands), persistent=False)
        numbers = 3 * (1 + 2 * bands)
        self.mlp = nn.Sequential(
            nn.Linear(numbers, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, WIDTH)
        )

    def forward(self, points: Tensor) -> Tensor:
        angles = (points.unsqueeze(-1) * self.frequencies).flatten(-2)
        return self.mlp(torch.cat([points, angles.sin(), angles.cos()], -1))


class Layer(nn.Module):
    """One pre-norm layer that reads image tokens and suffix tokens with the same weights."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.query, self.keyvalue = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2 * WIDTH)
        self.project = nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.gain = nn.Parameter(torch.ones(HEADS))

    def keys(self, normed: Tensor) -> tuple[Tensor, Tensor]:
        """(..., n, WIDTH) -> keys and values (..., HEADS, n, WIDTH / HEADS)."""
        keys, values = self.keyvalue(normed).chunk(2, -1)
        return _heads(keys), _heads(values)

    def mlp(self, x: Tensor) -> Tensor:
        return x + self.down(functional.gelu(self.up(self.norm2(x)), approximate="tanh"))

    def image(self, x: Tensor, last: bool) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One step of the image tokens, and the keys and values that suffixes attend to. The last step makes only those."""
        normed = self.norm1(x)
        keys, values = self.keys(normed)
        if not last:
            query = _heads(self.query(normed)) * (WIDTH // HEADS) ** -0.5
            seen = (query @ keys.transpose(-1, -2)).softmax(-1) @ values
            x = self.mlp(x + self.project(_join(seen)))
        return x, (keys, values)

    def suffix(
        self,
        x: Tensor,
        hidden: Tensor | None,
        seen: tuple[Tensor, Tensor] | None,
        nearness: Tensor | None,
        packed: Packed | None = None,
    ) -> Tensor:
        """One step of the suffix tokens.

        x (B, R, L, WIDTH), or the packed rows of it; hidden (B, R, L) is True where there is no token; seen: keys and values of
        the B images; nearness (B, R, tokens): the log of each image token's overlap with the box.
        """
        normed = self.norm1(x)
        query, keyvalue = self.query(normed) * (WIDTH // HEADS) ** -0.5, self.keyvalue(normed)
        if packed is not None:
            query, keyvalue = packed.spread(torch.cat([query, keyvalue], -1)).split([WIDTH, 2 * WIDTH], -1)
        batch, regions, length, _ = query.shape
        query = _heads(query)  # B, R, H, L, d
        own_keys, own_values = (_heads(part) for part in keyvalue.chunk(2, -1))
        scores = query @ own_keys.transpose(-1, -2)
        if hidden is not None:
            scores = scores.masked_fill(hidden[:, :, None, None, :], -1e4)
        if seen is None or nearness is None:
            mixed = scores.softmax(-1) @ own_values
        else:
            keys, values = seen
            asked = query.transpose(1, 2).reshape(batch, HEADS, regions * length, WIDTH // HEADS)
            far = (asked @ keys.transpose(-1, -2)).reshape(batch, HEADS, regions, length, -1).transpose(1, 2)
            far = far + (nearness[:, :, None] * self.gain[:, None])[:, :, :, None, :]
            weights = torch.cat([far, scores], -1).softmax(-1)
            count = keys.shape[-2]
            image_weights = weights[..., :count].transpose(1, 2).reshape(batch, HEADS, regions * length, count)
            mixed = (image_weights @ values).reshape(batch, HEADS, regions, length, -1).transpose(1, 2)
            mixed = mixed + weights[..., count:] @ own_values
        mixed = _join(mixed)
        return self.mlp(x + self.project(mixed if packed is None else packed.gather(mixed)))


class Packed:
    """Which tokens of (B, R, L) there are: in training, the others cost nothing but their place in the attention."""

    def __init__(self, there: Tensor) -> None:
        self.shape = there.shape
        self.rows = there.flatten().nonzero().squeeze(1)
        self.owner = self.rows // there.shape[-1]

    def gather(self, x: Tensor) -> Tensor:
        """(B, R, L, n) -> (tokens, n)."""
        return x.reshape(-1, x.shape[-1])[self.rows]

    def spread(self, x: Tensor) -> Tensor:
        """(tokens, n) -> (B, R, L, n), zero where there is none."""
        return x.new_zeros(math.prod(self.shape), x.shape[-1]).index_copy(0, self.rows, x).view(*self.shape, -1)

    def mean(self, x: Tensor) -> Tensor:
        """(tokens, n) -> (B, R, n): the mean of each suffix's tokens."""
        total = x.new_zeros(math.prod(self.shape[:-1]), x.shape[-1]).index_add(0, self.owner, x)
        count = torch.bincount(self.owner, minlength=len(total)).clamp_min(1)
        return (total / count[:, None]).view(*self.shape[:-1], -1)


def _heads(x: Tensor) -> Tensor:
    return x.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(-3, -2)


def _join(x: Tensor) -> Tensor:
    return x.transpose(-3, -2).flatten(-2)


def overlap(boxes: Tensor, side: int) -> Tensor:
    """Which part of each image token lies in a box: boxes (B, R, 4) in 0..1 -> (B, R, side * side) in 0..1."""
    start = torch.arange(side, device=boxes.device, dtype=boxes.dtype)
    edges = boxes.unsqueeze(-1) * side
    across = (torch.minimum(edges[:, :, 2], start + 1) - torch.maximum(edges[:, :, 0], start)).clamp(0, 1)
    down = (torch.minimum(edges[:, :, 3], start + 1) - torch.maximum(edges[:, :, 1], start)).clamp(0, 1)
    return (down.unsqueeze(-1) * across.unsqueeze(-2)).flatten(-2)


class Seen:
    """What is kept of a batch of chips: stem tokens, the fine map, and keys and values of every layer."""

    def __init__(self, tokens: Tensor, fine: Tensor, memory: list[tuple[Tensor, Tensor]]) -> None:
        self.tokens, self.fine, self.memory = tokens, fine, memory

    def pick(self, rows: Tensor) -> Seen:
        """The same for some of the chips, in that order."""
        return Seen(self.tokens[rows], self.fine[rows], [(keys[rows], values[rows]) for keys, values in self.memory])


class CompactNetwork(nn.Module):
    """Image, box, place and text tokens in, one unit vector of WIDTH out."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.stem = Stem()
        self.place_of_token, self.box_code = Fourier(2), Fourier(4)
        self.box_content, self.box_detail = nn.Linear(WIDTH, WIDTH), nn.Linear(2 * FINE_WIDTH, WIDTH)
        self.globe = Globe()
        self.words = nn.Embedding(pieces, WIDTH)
        self.word_place = nn.Parameter(torch.randn(TEXT_LIMIT, WIDTH) * 0.02)
        self.segments = nn.Parameter(torch.randn(2, WIDTH) * 0.02)
        self.readout = nn.Parameter(torch.randn(WIDTH) * 0.02)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.last_norm = nn.LayerNorm(WIDTH)
        self.answer = nn.Linear(WIDTH, WIDTH, bias=False)

    def look(self, chips: Tensor) -> Seen:
        """chips uint8 (B, S, S, 3), S a multiple of 32 -> what suffixes need of them."""
        tokens, fine = self.stem(to_pixels(chips))
        side = chips.shape[1] // PATCH
        middle = (torch.arange(side, device=chips.device, dtype=torch.float32) + 0.5) / side
        grid = torch.stack([middle.repeat(side), middle.repeat_interleave(side)], -1)
        x = tokens + self.place_of_token(grid)
        memory = []
        for number, layer in enumerate(self.layers):
            x, kept = layer.image(x, number == LAYERS - 1)
            memory.append(kept)
        return Seen(tokens, fine, memory)

    def regions(self, seen: Seen, boxes: Tensor, valid: Tensor | None = None) -> Tensor:
        """boxes (B, R, 4) in 0..1 -> (B, R, WIDTH) unit vectors of the plain regions; anything where not ``valid`` (B, R)."""
        token, nearness = self._box(seen, boxes)
        readout = self.readout.expand_as(token)
        packed = None if valid is None else Packed(valid.unsqueeze(-1).expand(*valid.shape, 2))
        return self._run(torch.stack([token, readout], 2), None, seen, nearness, packed)

    def composed(self, seen: Seen, boxes: Tensor, words: Tensor, segments: Tensor, places: Tensor) -> Tensor:
        """As :meth:`regions`, each box with words: words, segments int64 (B, R, L), word 0 is padding; places (B, R, 3) on the
        unit sphere, all zero for none."""
        token, nearness = self._box(seen, boxes)
        rest, hidden = self._suffix(words, segments, places)
        hidden = torch.cat([torch.zeros_like(hidden[..., :1]), hidden], -1)
        return self._run(torch.cat([token.unsqueeze(2), rest], 2), hidden, seen, nearness)

    def texts(self, words: Tensor, segments: Tensor, places: Tensor) -> Tensor:
        """words, segments int64 (T, L), word 0 is padding; places (T, 3), all zero for none -> (T, WIDTH) unit vectors."""
        suffix, hidden = self._suffix(words[None], segments[None], places[None])
        return self._run(suffix, hidden, None, None)[0]

    def _suffix(self, words: Tensor, segments: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Place, words and readout of each region (B, R, 1 + L + 1, WIDTH), and where there is none of them."""
        text = self._words(words, segments)
        place = self.globe(places).to(text.dtype).unsqueeze(2)
        readout = self.readout.expand_as(place)
        nowhere = (places == 0).all(-1, keepdim=True)
        hidden = torch.cat([nowhere, words == 0, torch.zeros_like(nowhere)], -1)
        return torch.cat([place, text, readout], 2), hidden

    def _box(self, seen: Seen, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """The box token (B, R, WIDTH) and how near each image token is to the box (log, B, R, tokens)."""
        part = overlap(boxes, math.isqrt(seen.tokens.shape[1]))
        mean = (part / part.sum(-1, keepdim=True).clamp_min(1e-4)) @ seen.tokens.float()
        small = overlap(boxes, math.isqrt(seen.fine.shape[1]))
        small = small / small.sum(-1, keepdim=True).clamp_min(1e-4)
        fine = seen.fine.float()
        first = small @ fine
        spread = ((small @ fine.square()) - first.square()).clamp_min(0).add(1e-4).sqrt()
        token = self.box_content(mean) + self.box_detail(torch.cat([first, spread], -1)) + self.box_code(boxes)
        return token, (part / part.amax(-1, keepdim=True).clamp_min(1e-4) + 0.05).log()

    def _words(self, words: Tensor, segments: Tensor) -> Tensor:
        """Words of each segment are counted from 0: the text is padded to its own place, the instruction begins anew."""
        before = (segments == INSTRUCTION).long()
        place = torch.arange(words.shape[-1], device=words.device).expand_as(words)
        first = (1 - before).sum(-1, keepdim=True)
        place = place - before * first
        return self.words(words) + self.word_place[place] + self.segments[segments]

    def _run(
        self, x: Tensor, hidden: Tensor | None, seen: Seen | None, nearness: Tensor | None, packed: Packed | None = None
    ) -> Tensor:
        if packed is None and hidden is not None and torch.is_grad_enabled():
            packed = Packed(~hidden)
        if packed is not None:
            x = packed.gather(x)
        for number, layer in enumerate(self.layers):
            x = layer.suffix(x, hidden, seen.memory[number] if seen else None, nearness, packed)
        x = self.last_norm(x)
        if packed is not None:
            mean = packed.mean(x)
        elif hidden is None:
            mean = x.mean(2)
        else:
            there = (~hidden).unsqueeze(-1).to(x.dtype)
            mean = (x * there).sum(2) / there.sum(2)
        return functional.normalize(self.answer(mean).float(), dim=-1)
