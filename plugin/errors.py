"""The one error that crosses every boundary: engine to QGIS, library to command line."""

from typing import Any, Dict, Optional


class GeoLoupeError(Exception):
    """Something the user can act on.

    ``message`` is one clear sentence that says what to do; ``code`` is a stable, lower-case word for programs
    (``no_crs``, ``no_overlap``, ``empty_query``, ``index_missing``, ``index_damaged``, ``index_encoder``, ``index_busy``,
    ``disk_full``, ``raster_unreadable``, ``raster_empty``, ``no_engine``, ``engine_crashed``, ``cancelled``, ``usage``, ``internal``);
    ``detail`` is for the log.
    """

    def __init__(self, code: str, message: str, detail: Optional[str] = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail

    def to_json(self) -> Dict[str, Any]:
        return {"code": self.code, "message": self.message, "detail": self.detail}

    @classmethod
    def from_json(cls, value: Dict[str, Any]) -> "GeoLoupeError":
        return cls(str(value.get("code", "internal")), str(value.get("message", "")), value.get("detail"))
