"""Hits on disk and on the map: columns, style round trip, safe places to write, and a project left as it was."""

import subprocess
import sys
import threading

import pytest
from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGraduatedSymbolRenderer,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSingleSymbolRenderer,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate, QSize
from qgis.PyQt.QtGui import QColor

from geoloupe.plugin.bridge import sink, styles
from geoloupe.plugin.errors import GeoLoupeError

UTM = "EPSG:32633"


def hits(count=6, crs=UTM, left=500000.0):
    made = []
    for number in range(count):
        x0, y0 = left + 20 * number, 4000000.0
        ring = [[x0, y0], [x0 + 10, y0], [x0 + 10, y0 - 10], [x0, y0 - 10], [x0, y0]]
        made.append(
            {
                "rank": number + 1,
                "score": 0.9 - 0.1 * number,
                "source": "/data/é.tif",
                "source_name": "é",
                "x0": 40 * number,
                "y0": 0,
            }
            | {"x1": 40 * number + 20, "y1": 20, "gsd": 0.5, "scale": 0, "date": "2020-08-31" if number == 0 else None}
            | {"footprint": ring, "crs": crs, "id": number, "index": "/i.geoloupe"}
        )
    return made


FACTS = sink.SearchFacts("blue metal roof", "compact 1", "/i.geoloupe")


@pytest.fixture
def written(tmp_path):
    return sink.write_hits(hits(), FACTS, UTM, tmp_path / "r.gpkg", tmp_path / "spare")


def test_columns_and_geometry(written):
    layer = QgsVectorLayer(written.uri, "hits", "ogr")
    assert layer.isValid() and layer.crs().authid() == UTM and layer.featureCount() == 6
    names = [column.name() for column in layer.fields()]
    assert names == ["fid", "rank", "score", "source", "query", "model", "gsd", "date", "index", "x0", "y0", "x1", "y1"]
    first, second = list(layer.getFeatures())[:2]
    assert (first["rank"], first["source"], first["query"], first["model"]) == (1, "/data/é.tif", "blue metal roof", "compact 1")
    assert first["score"] == pytest.approx(0.9) and first["date"] == QDate(2020, 8, 31) and second["date"] == NULL
    assert [first[side] for side in ("x0", "y0", "x1", "y1")] == [0, 0, 20, 20] and first["index"] == "/i.geoloupe"
    assert first.geometry().area() == pytest.approx(100) and first.geometry().isGeosValid()


def test_a_footprint_in_another_crs_is_brought_into_the_layers(tmp_path):
    mixed = hits(1) + hits(1, "EPSG:32632", 1035000.0)
    table = sink.write_hits(mixed, FACTS, "EPSG:4326", tmp_path / "r.gpkg", tmp_path / "spare")
    layer = QgsVectorLayer(table.uri, "hits", "ogr")
    centres = [feature.geometry().centroid().asPoint() for feature in layer.getFeatures()]
    assert layer.crs().authid() == "EPSG:4326"
    assert centres[0].x() == pytest.approx(15.0, abs=0.001) and centres[1].x() == pytest.approx(15.0, abs=0.1)


def test_each_search_has_a_table_of_its_own_in_any_thread(tmp_path):
    tables, problems = [], []

    def write():
        try:
            tables.append(sink.write_hits(hits(2), FACTS, UTM, tmp_path / "r.gpkg", tmp_path / "spare").table)
        except Exception as error:
            problems.append(error)

    for _ in range(3):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert problems == [] and tables == ["blue_metal_roof", "blue_metal_roof_2", "blue_metal_roof_3"]


@pytest.mark.parametrize("query", ["", "Ã¼ 漢字", "12 cars", "rtree_x", "a" * 300, 'drop "table"; --'])
def test_any_query_makes_a_table(tmp_path, query):
    table = sink.write_hits(hits(1), sink.SearchFacts(query), UTM, tmp_path / "r.gpkg", tmp_path / "spare")
    layer = QgsVectorLayer(table.uri, "hits", "ogr")
    assert layer.isValid() and next(layer.getFeatures())["query"] == query


def open_hits(written, by="colour", labels=True):
    layer = QgsVectorLayer(written.uri, written.title, "ogr")
    assert layer.isValid()
    styles.apply_style(layer, by, labels)
    return layer


def keep_style(written, layer):
    styles.save_style(written.path, written.table, styles.style_text(layer))


def test_style_comes_back_with_the_table(written):
    layer = open_hits(written)
    keep_style(written, layer)
    assert isinstance(layer.renderer(), QgsGraduatedSymbolRenderer) and layer.labelsEnabled()
    del layer
    again = QgsVectorLayer(written.uri, "again", "ogr")
    assert isinstance(again.renderer(), QgsGraduatedSymbolRenderer) and again.renderer().classAttribute() == "score"
    assert again.labelsEnabled() and again.labeling().settings().fieldName == "rank"
    assert "rank" in again.mapTipTemplate()


def test_saving_the_style_again_replaces_it_without_asking(written):
    keep_style(written, open_hits(written))
    layer = open_hits(written, by="opacity")
    keep_style(written, layer)
    own, _ids, names = layer.listStylesInDatabase()[:3]
    assert own == 1 and next(iter(names)) == "default"
    del layer
    assert isinstance(QgsVectorLayer(written.uri, "again", "ogr").renderer(), QgsSingleSymbolRenderer)


def test_opacity_style_and_no_labels(written):
    layer = open_hits(written, by="opacity", labels=False)
    assert isinstance(layer.renderer(), QgsSingleSymbolRenderer) and not layer.labelsEnabled()


def test_every_score_has_a_class():
    for scores in ([0.5], [0.5, 0.5], [0.1, 0.2, 0.9], [-0.2, 0.0]):
        classes = styles.score_classes(scores)
        assert all(any(low - 1e-6 <= score <= high + 1e-6 for low, high in classes) for score in scores)


@pytest.mark.parametrize("ground", ["#ffffff", "#000000", "#355e3b", "#9a9a94"])
def test_outlines_show_over_any_ground_and_do_not_hide_it(written, ground):
    layer = open_hits(written, labels=False)
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setOutputSize(QSize(400, 100))
    settings.setExtent(QgsRectangle(499995, 3999980, 500125, 4000010))
    settings.setBackgroundColor(QColor(ground))
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    background = QColor(ground)

    def far(colour):
        return max(abs(getattr(colour, part)() - getattr(background, part)()) for part in ("red", "green", "blue"))

    row = image.height() // 2
    changed = [far(image.pixelColor(x, row)) for x in range(image.width())]
    assert sum(value > 90 for value in changed) >= 2 * 6 * 2, "an outline has two sides, each at least two pixels wide"
    middle = settings.mapToPixel().transform(500005.0, 3999995.0)
    assert far(image.pixelColor(int(middle.x()), int(middle.y()))) == 0, "the fill hides the imagery"


def test_the_project_is_left_as_it_was(written, write_raster):
    project = QgsProject.instance()
    raster_layer = QgsRasterLayer(str(write_raster()), "scene", "gdal")
    edited_layer = QgsVectorLayer(f"Polygon?crs={UTM}&field=a:int", "edited", "memory")
    project.addMapLayers([raster_layer, edited_layer])
    project.setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    assert edited_layer.startEditing() and edited_layer.addFeature(QgsFeature(edited_layer.fields()))
    order = [node.layerId() for node in project.layerTreeRoot().findLayers()]
    sink.add_to_project(open_hits(written), project)
    second = open_hits(written)
    sink.add_to_project(second, project)
    assert project.crs().authid() == "EPSG:4326"
    assert edited_layer.isEditable() and edited_layer.isModified() and edited_layer.featureCount() == 1
    root = project.layerTreeRoot()
    assert root.children()[0].name() == "GeoLoupe"
    assert len([child for child in root.children() if child.name() == "GeoLoupe"]) == 1
    group = root.findGroup("GeoLoupe")
    assert len(group.findLayers()) == 2 and group.findLayers()[0].layerId() == second.id()
    assert [node.layerId() for node in root.findLayers()][2:] == order
    edited_layer.rollBack()


def test_results_lie_beside_a_saved_project_and_else_at_home(tmp_path):
    home = tmp_path / "home"
    assert sink.results_file(str(tmp_path / "My town.qgz"), home) == tmp_path / "My town_geoloupe.gpkg"
    for project_file, place in (("", "project"), ("postgresql://x?project=a", "project"), (str(tmp_path / "p.qgz"), "home")):
        assert sink.results_file(project_file, home, place).parent == home / "results"


def test_somebody_elses_file_is_never_written(tmp_path):
    theirs = tmp_path / "p_geoloupe.gpkg"
    layer = QgsVectorLayer(f"Polygon?crs={UTM}&field=a:int", "theirs", "memory")
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.layerName = "blue_metal_roof"
    assert (
        QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(theirs), QgsProject.instance().transformContext(), options)[0] == 0
    )
    before = theirs.read_bytes()
    table = sink.write_hits(hits(1), FACTS, UTM, theirs, tmp_path / "spare")
    assert table.path == str(tmp_path / "p_geoloupe_2.gpkg") and theirs.read_bytes() == before


def test_a_file_that_is_no_geopackage_is_left_alone(tmp_path):
    odd = tmp_path / "p_geoloupe.gpkg"
    odd.write_bytes(b"this is not a database, it is a diary" * 100)
    table = sink.write_hits(hits(1), FACTS, UTM, odd, tmp_path / "spare")
    assert table.path != str(odd) and odd.read_bytes().startswith(b"this is not")


@pytest.mark.heavy  # GDAL waits five seconds for a lock
def test_a_locked_file_is_left_alone(written, tmp_path):
    hold = f"import sqlite3;c=sqlite3.connect({written.path!r},isolation_level=None);c.execute('BEGIN EXCLUSIVE')"
    holder = subprocess.Popen([sys.executable, "-c", hold + ";print('held',flush=True);input()"], stdin=-1, stdout=-1, text=True)
    try:
        assert holder.stdout.readline().strip() == "held"
        table = sink.write_hits(hits(1), FACTS, UTM, written.path, tmp_path / "spare")
        assert table.path == str(tmp_path / "r_2.gpkg") and QgsVectorLayer(table.uri, "x", "ogr").featureCount() == 1
    finally:
        holder.communicate("\n")
    assert QgsVectorLayer(written.uri, "x", "ogr").featureCount() == 6


def test_a_folder_that_cannot_be_written_sends_results_home(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    table = sink.write_hits(hits(1), FACTS, UTM, blocked / "r.gpkg", tmp_path / "spare")
    assert table.path == str(tmp_path / "spare" / "r.gpkg")
    with pytest.raises(GeoLoupeError) as caught:
        sink.write_hits(hits(1), FACTS, UTM, blocked / "r.gpkg", blocked / "spare")
    assert caught.value.code == "disk_full" and "disk" in caught.value.message


def test_a_full_disk_is_said_and_nothing_else_is_lost(written):
    """/dev/full answers every write with "no space left"; a file system of its own is not to be had in a test."""
    with pytest.raises(GeoLoupeError):
        sink.write_hits(hits(1), FACTS, UTM, "/dev/full/r.gpkg", "/dev/full")
    assert QgsVectorLayer(written.uri, "x", "ogr").featureCount() == 6


def test_hits_are_seen_from_memory_and_then_read_from_disk(written):
    project = QgsProject.instance()
    layer = sink.show_hits(hits(6), FACTS, UTM, project.transformContext())
    assert layer.featureCount() == 6 and layer.crs().authid() == UTM and layer.name() == FACTS.query
    sink.add_to_project(layer, project)
    ident, look = layer.id(), layer.renderer().dump()
    sink.keep_on_disk(layer, written)
    assert layer.id() == ident and layer.providerType() == "ogr" and layer.featureCount() == 6
    assert layer.renderer().dump() == look and layer.labelsEnabled() and layer.name() == FACTS.query
    assert sorted(f["rank"] for f in layer.getFeatures()) == [1, 2, 3, 4, 5, 6]


def test_a_layer_that_is_being_edited_stays_as_it_is(written):
    layer = sink.show_hits(hits(6), FACTS, UTM, QgsProject.instance().transformContext())
    assert layer.startEditing() and layer.deleteFeature(next(layer.getFeatures()).id())
    sink.keep_on_disk(layer, written)
    assert layer.isEditable() and layer.isModified() and layer.providerType() == "memory"
    layer.rollBack()
