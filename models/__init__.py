"""Encoders: interleaved input in, unit vectors out. No QGIS here.

    from geoloupe.models import load_encoder, Interleaved, Text, Image, Box, Place
"""

from .catalogue import list_encoders, load_encoder
from .encoder import Encoder, ModelCard
from .interleaved import Box, Image, InputError, Interleaved, Place, Text

__all__ = [
    "Box",
    "Encoder",
    "Image",
    "InputError",
    "Interleaved",
    "ModelCard",
    "Place",
    "Text",
    "list_encoders",
    "load_encoder",
]
