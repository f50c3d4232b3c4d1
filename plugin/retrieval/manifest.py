"""manifest.json: the facts of an index that never change, and how an index folder comes to be."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GeoLoupeError
from . import catalogue_db, stretch
from .shards import disk_full, fsync_folder

if TYPE_CHECKING:
    from ...models.encoder import ModelCard

MANIFEST = "manifest.json"
SHARDS = "shards"
SCHEMA = 1


@dataclass(frozen=True)
class Manifest:
    """``encoder`` is the fingerprint of the encoder that made every vector in the index."""

    encoder: dict[str, Any]
    dim: int
    overlap: bool
    stretch: str
    id: str
    made: str
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("schema", "id", "made", "encoder", "dim", "overlap", "stretch")}


def damaged(folder: Path, detail: str) -> GeoLoupeError:
    return GeoLoupeError(
        "index_damaged",
        f"The index {folder.name} is damaged: check it, then index again to repair it, or build a new one.",
        detail,
    )


def read_manifest(folder: Path) -> Manifest:
    """Raises GeoLoupeError: "index_missing", "index_damaged"."""
    path = folder / MANIFEST
    if not path.is_file() and not (folder / catalogue_db.DATABASE).exists():
        raise GeoLoupeError("index_missing", f"There is no index at {folder}: build one, or choose another folder.")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if int(raw["schema"]) > SCHEMA:
            raise GeoLoupeError("index_damaged", f"The index {folder.name} was made by a newer GeoLoupe: update the plugin.")
        return Manifest(
            encoder=dict(raw["encoder"]),
            dim=int(raw["dim"]),
            overlap=bool(raw["overlap"]),
            stretch=str(raw["stretch"]),
            id=str(raw["id"]),
            made=str(raw["made"]),
            schema=int(raw["schema"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(folder, f"{MANIFEST}: {error!r}") from error


def check_encoder(folder: Path, manifest: Manifest, card: ModelCard) -> None:
    """Raises GeoLoupeError("index_encoder") when vectors of this encoder cannot be compared with the index's."""
    have = card.fingerprint()
    if have == manifest.encoder:
        return
    made = manifest.encoder
    if made.get("id") != have["id"]:
        what = f"by the encoder {made.get('id')}, not {have['id']}: choose that encoder, or build a new index with {have['id']}."
    else:
        what = (
            f"by revision {made.get('revision')} of the encoder {have['id']}, and {have['revision']} is installed: "
            "build the index again, or install that revision."
        )
    raise GeoLoupeError("index_encoder", f"The index {folder.name} was made {what}")


def create_index(folder: Path, card: ModelCard, overlap: bool = True) -> Manifest:
    """Make an empty index at ``folder``; it appears whole, by one rename.

    Raises GeoLoupeError: "usage" when something else is there, "disk_full".
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise GeoLoupeError("usage", f"{folder} is not an index and not empty: choose a new folder for the index.")
    manifest = Manifest(
        encoder=card.fingerprint(),
        dim=card.dim,
        overlap=overlap,
        stretch=stretch.POLICY,
        id=uuid.uuid4().hex,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
        temporary.chmod(0o755)
        (temporary / SHARDS).mkdir()
        catalogue_db.connect(temporary, create=True).close()
        with open(temporary / MANIFEST, "w", encoding="utf-8") as file:
            json.dump(manifest.to_json(), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fsync_folder(temporary)
        if folder.exists():
            folder.rmdir()
        os.rename(temporary, folder)
        fsync_folder(folder.parent)
    except (OSError, sqlite3.Error) as error:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        full = disk_full(error, folder)
        raise full or GeoLoupeError(
            "usage", f"The index cannot be made at {folder}: choose a folder that can be written.", str(error)
        ) from error
    return manifest
