"""The one error that crosses every boundary: engine to QGIS, library to command line."""

from typing import Any, Dict, Optional


class GeoLoupeError(Exception):
    """Something the user can act on.

    ``message`` is one clear sentence that says what to do, ``detail`` is for the log, ``code`` is a stable word for programs:

    - the question: ``empty_query``, ``no_overlap``, ``not_indexed``, ``usage``, ``cancelled``
    - the raster: ``no_raster``, ``no_crs``, ``raster_unreadable``, ``raster_empty``, ``source_changed``
    - the index: ``index_missing``, ``index_damaged``, ``index_encoder``, ``index_busy``
    - the encoder: ``unknown_encoder``, ``bad_encoder``, ``bad_device``
    - the engine: ``no_engine``, ``engine_crashed``, ``internal``
    - its set-up: ``setup_failed``, ``setup_busy``, ``no_network``, ``bad_download``
    - the machine: ``disk_full``, ``out_of_memory``, ``no_permission``
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
