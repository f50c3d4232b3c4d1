"""RSMEB-style evaluation of any encoder, from the user's own copies of public data sets. No QGIS here.

from geoloupe.models.evaluation import KINDS, Plan, evaluate, read, to_markdown
report = evaluate(encoder, read([folder], Plan(), encoder.card.chip_size), "auto", Plan())
"""

from .forms import KINDS, Plan
from .report import to_markdown
from .run import evaluate, read

__all__ = ["KINDS", "Plan", "evaluate", "read", "to_markdown"]
