"""The hits as a Qt list model; thumbnails come later and one by one."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from qgis.PyQt.QtCore import QAbstractListModel, QModelIndex, QObject, Qt
from qgis.PyQt.QtGui import QImage, QPixmap

from ..bridge.translation import tr
from . import formats

HIT = int(Qt.ItemDataRole.UserRole) + 1
THUMBNAIL = int(Qt.ItemDataRole.UserRole) + 2
SHARE = int(Qt.ItemDataRole.UserRole) + 3
SHORTEST = 0.06  # of the longest bar


class HitsModel(QAbstractListModel):
    """One row for each hit of the last search, best first."""

    def __init__(self, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._hits: List[Dict[str, Any]] = []
        self._pictures: Dict[int, QPixmap] = {}
        self._best = self._worst = 0.0

    def set_hits(self, hits: List[Dict[str, Any]]) -> None:
        self.beginResetModel()
        self._hits = list(hits)
        self._pictures = {}
        scores = [float(hit.get("score") or 0.0) for hit in self._hits] or [0.0]
        self._best, self._worst = max(scores), min(scores)
        self.endResetModel()

    def hits(self) -> List[Dict[str, Any]]:
        return list(self._hits)

    def hit(self, row: int) -> Optional[Dict[str, Any]]:
        return self._hits[row] if 0 <= row < len(self._hits) else None

    def set_thumbnail(self, row: int, width: int, height: int, rgb: bytes) -> None:
        """``rgb``: height x width x 3 bytes, row by row. Anything else is left out."""
        if not 0 <= row < len(self._hits) or width <= 0 or height <= 0 or len(rgb) != width * height * 3:
            return
        image = QImage(rgb, width, height, width * 3, QImage.Format.Format_RGB888)
        self._pictures[row] = QPixmap.fromImage(image.copy())
        place = self.index(row)
        self.dataChanged.emit(place, place)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self._hits)

    def data(self, index: QModelIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        hit = self.hit(index.row()) if index.isValid() else None
        if hit is None:
            return None
        if role == HIT:
            return hit
        if role == THUMBNAIL:
            return self._pictures.get(index.row())
        if role == SHARE:
            return self._share(float(hit.get("score") or 0.0))
        if role == int(Qt.ItemDataRole.ToolTipRole):
            return self._tip(hit)
        if role in (int(Qt.ItemDataRole.DisplayRole), int(Qt.ItemDataRole.AccessibleTextRole)):
            return tr(
                "{rank}: {source}, score {score}",
                rank=hit.get("rank"),
                source=hit.get("source_name") or "",
                score=formats.decimal(float(hit.get("score") or 0.0), 3),
            )
        return None

    def _share(self, score: float) -> float:
        """How long a score's bar is: over the scores that are shown, since all of them lie close together."""
        spread = self._best - self._worst
        return SHORTEST + (1.0 - SHORTEST) * (score - self._worst) / spread if spread > 1e-9 else 1.0

    @staticmethod
    def _tip(hit: Dict[str, Any]) -> str:
        lines = [str(hit.get("source") or ""), hit_size(hit)]
        if hit.get("date"):
            lines.append(str(hit["date"]))
        return "\n".join(line for line in lines if line)


def hit_size(hit: Dict[str, Any]) -> str:
    """The hit's sides on the ground, such as ``12 × 12 m``; empty until the controller has measured them (``ground``)."""
    ground = hit.get("ground")
    return formats.sides(float(ground[0]), float(ground[1])) if ground else ""
