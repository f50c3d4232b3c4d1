"""Hits as a vector layer: a GeoPackage table for each search, and one group at the top of the layer tree.

Writing a table works in any thread. Opening it as a layer and putting it into the project belong to the main thread.
The project's CRS, its other layers, the active layer and unsaved edits are never touched.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Union

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDataProvider,
    QgsException,
    QgsFeature,
    QgsFields,
    QgsGeometry,
    QgsLayerTreeGroup,
    QgsPointXY,
    QgsProject,
    QgsProviderRegistry,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate

from ..errors import GeoLoupeError
from . import compat, styles
from . import crs as coordinates
from .translation import tr

GROUP = "GeoLoupe"
MARK = "GeoLoupe search"  # opens the description of each of our tables; a file without it is somebody else's
_FIELDS = (
    ("rank", "int"),
    ("score", "real"),
    ("source", "text"),
    ("query", "text"),
    ("model", "text"),
    ("gsd", "real"),
    ("date", "date"),
    ("index", "text"),
    ("x0", "int"),
    ("y0", "int"),
    ("x1", "int"),
    ("y1", "int"),
)


@dataclass(frozen=True)
class SearchFacts:
    """What every row of one search says of it: the query in words, the encoder, and the index folder."""

    query: str
    model: str = ""
    index: str = ""


@dataclass(frozen=True)
class Written:
    """A table of hits on disk."""

    path: str
    table: str
    count: int
    title: str

    @property
    def uri(self) -> str:
        """What the ogr provider opens."""
        return "{}|layername={}".format(self.path, self.table)


def hit_fields(first: Sequence[Any] = ()) -> QgsFields:
    """The columns of a layer of hits; ``first`` are QgsFields that come before them."""
    fields = QgsFields()
    for extra in first:
        fields.append(extra)
    for name, kind in _FIELDS:
        fields.append(compat.field(name, kind))
    return fields


def hit_features(
    hits: Iterable[Mapping[str, Any]],
    facts: SearchFacts,
    crs: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
    first: Sequence[Any] = (),
    fields: Optional[QgsFields] = None,
) -> List[QgsFeature]:
    """Features in ``crs`` of the engine's hits; a footprint in another CRS is brought into it. Works in any thread."""
    fields = fields or hit_fields()
    transforms: Dict[str, Optional[QgsCoordinateTransform]] = {}
    features = []
    for hit in hits:
        feature = QgsFeature(fields)
        window = [int(hit[side]) for side in ("x0", "y0", "x1", "y1")]
        found = [int(hit["rank"]), float(hit["score"]), str(hit.get("source") or "")]
        of_it = [facts.query, facts.model, _real(hit.get("gsd")), _date(hit.get("date")), str(hit.get("index") or facts.index)]
        feature.setAttributes([*first, *found, *of_it, *window])
        feature.setGeometry(_footprint(hit, crs, context, transforms))
        features.append(feature)
    return features


def results_file(project_file: str, home: Union[str, Path], place: str = "project") -> Path:
    """The GeoPackage for this project's searches: beside the project if it is saved as a file, else in ``home``/results."""
    if place == "project" and project_file and not project_file.startswith(("postgresql:", "geopackage:", "/vsi")):
        project = Path(project_file)
        if project.parent.is_dir():
            return project.with_name("{}_geoloupe.gpkg".format(project.stem))
    return Path(home) / "results" / "searches_{}.gpkg".format(time.strftime("%Y-%m-%d"))


def write_hits(
    hits: Sequence[Mapping[str, Any]],
    facts: SearchFacts,
    crs_text: Optional[str],
    path: Union[str, Path],
    spare: Union[str, Path],
    context: Optional[QgsCoordinateTransformContext] = None,
) -> Written:
    """Write one table of hits into ``path``, or beside it where that file is somebody else's, or into the folder ``spare``.

    Existing tables are never replaced. Works in any thread; ``context`` is a copy made on the main thread.
    Raises GeoLoupeError when no place could be written.
    """
    context = context or QgsCoordinateTransformContext()
    crs = coordinates.crs_from_text(crs_text)
    features = hit_features(hits, facts, crs, context)
    problems = []
    for candidate in _candidates(Path(path), Path(spare)):
        tables = _tables(candidate)
        if tables is None:
            problems.append("{}: not a GeoLoupe results file, or locked".format(candidate))
            continue
        table = _free_name(facts.query, tables)
        problem = _write(features, facts, crs, candidate, table, context)
        if problem is None:
            return Written(str(candidate), table, len(features), facts.query)
        problems.append("{}: {}".format(candidate, problem))
    sentence = tr("The results could not be written: check that the disk is not full and that {folder} can be written.")
    raise GeoLoupeError("disk_full", sentence.format(folder=spare), "; ".join(problems))


def show_hits(
    hits: Sequence[Mapping[str, Any]],
    facts: SearchFacts,
    crs_text: Optional[str],
    context: QgsCoordinateTransformContext,
    by: str = "colour",
    labels: bool = True,
) -> QgsVectorLayer:
    """A styled layer of hits in memory, to be seen while :func:`write_hits` waits for the disk. Main thread."""
    crs = coordinates.crs_from_text(crs_text)
    layer = QgsVectorLayer("Polygon", facts.query or GROUP, "memory")
    layer.setCrs(crs)
    layer.dataProvider().addAttributes(list(hit_fields()))
    layer.updateFields()
    layer.dataProvider().addFeatures(hit_features(hits, facts, crs, context))
    layer.updateExtents()
    styles.apply_style(layer, by, labels)
    return layer


def keep_on_disk(layer: QgsVectorLayer, written: Written) -> None:
    """Let a layer of :func:`show_hits` read the table that was written; name, look and place in the project stay. Main thread.

    A layer that is being edited stays in memory. Raises GeoLoupeError if the table cannot be opened.
    """
    if layer.isEditable():
        return
    table = QgsVectorLayer(written.uri, "", "ogr")
    if not table.isValid():
        raise GeoLoupeError("internal", tr("The results file {path} cannot be opened: search again.", path=written.path))
    layer.setDataSource(written.uri, layer.name(), "ogr", QgsDataProvider.ProviderOptions())


def add_to_project(layer: QgsVectorLayer, project: Optional[QgsProject] = None) -> None:
    """Put the layer first in the group GeoLoupe at the top of the layer tree. Main thread."""
    project = project or QgsProject.instance()
    group = results_group(project)
    project.addMapLayer(layer, False)
    group.insertLayer(0, layer)


def results_group(project: QgsProject) -> QgsLayerTreeGroup:
    """The one group of results; where the user has put it, it stays."""
    root = project.layerTreeRoot()
    group = root.findGroup(GROUP)
    return group if group is not None else root.insertGroup(0, GROUP)


def _footprint(
    hit: Mapping[str, Any],
    crs: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
    transforms: Dict[str, Optional[QgsCoordinateTransform]],
) -> QgsGeometry:
    geometry = QgsGeometry.fromPolygonXY([[QgsPointXY(float(point[0]), float(point[1])) for point in hit["footprint"]]])
    text = str(hit.get("crs") or "")
    if text not in transforms:
        own = coordinates.crs_from_text(text)
        same = not own.isValid() or not crs.isValid() or own == crs
        transforms[text] = None if same else QgsCoordinateTransform(own, crs, context)
    transform = transforms[text]
    if transform is not None:
        try:
            geometry.transform(transform)
        except QgsCsException:
            return QgsGeometry()  # the row is still worth having
    return geometry


def _real(value: Any) -> Optional[float]:
    return None if value is None else float(value)


def _date(value: Any) -> Optional[QDate]:
    """A date from ``2020-08-31...`` or 20200831; None for anything else."""
    text = re.sub(r"[^0-9]", "", str(value or "")[:10])
    day = QDate.fromString(text, "yyyyMMdd")
    return day if day.isValid() else None


def _candidates(path: Path, spare: Path) -> List[Path]:
    """Where to try, in this order; numbers are for files that exist and are not ours, or are locked."""
    beside = [path] + [path.with_name("{}_{}{}".format(path.stem, number, path.suffix)) for number in (2, 3)]
    elsewhere = [spare / path.name] + [spare / "{}_{}{}".format(path.stem, number, path.suffix) for number in (2, 3)]
    return beside + [place for place in elsewhere if place not in beside]


def _tables(path: Path) -> Optional[List[str]]:
    """The names taken in this file; none for a file that is to be made; None for one that is not ours to write."""
    if not path.exists():
        return []
    if path.stat().st_size == 0:
        return None
    try:
        connection = QgsProviderRegistry.instance().providerMetadata("ogr").createConnection(str(path), {})
        rows = connection.executeSql("SELECT table_name, description FROM gpkg_contents")
    except QgsException:
        return None
    # Counted from the end: QGIS 3.22 puts a feature id before the columns asked for.
    ours = not rows or any(str(row[-1] or "").startswith(MARK) for row in rows)
    return [str(row[-2]).lower() for row in rows] if ours else None


def _free_name(query: str, taken: Sequence[str]) -> str:
    """A table name made of the query's words that no table of the file has."""
    stem = re.sub(r"[^a-z0-9]+", "_", query.lower()).strip("_")[:40].strip("_") or "region"
    if stem.startswith(("gpkg_", "sqlite_", "rtree_")) or stem[0].isdigit():
        stem = "search_" + stem
    name, number = stem, 1
    while name in taken:
        number += 1
        name = "{}_{}".format(stem, number)
    return name


def _write(
    features: Sequence[QgsFeature],
    facts: SearchFacts,
    crs: QgsCoordinateReferenceSystem,
    path: Path,
    table: str,
    context: QgsCoordinateTransformContext,
) -> Optional[str]:
    """Write one table; None when all of it is on disk, else what went wrong."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return str(error)
    actions = QgsVectorFileWriter.ActionOnExistingFile
    existed = path.exists()
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "GPKG"
    options.layerName = table
    options.layerOptions = ["DESCRIPTION={}: {}".format(MARK, facts.query[:200])]
    options.actionOnExistingFile = actions.CreateOrOverwriteLayer if existed else actions.CreateOrOverwriteFile
    writer = QgsVectorFileWriter.create(str(path), hit_fields(), compat.POLYGON, crs, context, options)
    good = writer.hasError() == QgsVectorFileWriter.WriterError.NoError
    good = good and (not features or writer.addFeatures(list(features))) and writer.flushBuffer()
    problem = None if good else writer.errorMessage() or "it could not be written"
    del writer  # closes the file
    return problem
