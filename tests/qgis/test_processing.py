"""The Processing algorithms on the real engine: as a script calls them, in threads, models and batches, stopped and misused."""

import os
import threading
import time
from pathlib import Path

import pytest
from qgis.core import (
    QgsApplication,
    QgsGraduatedSymbolRenderer,
    QgsProcessingAlgorithm,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProject,
    QgsVectorLayer,
)

NAMES = ("buildindex", "searchbytext", "searchbyregions")


class Log(QgsProcessingFeedback):
    """Keeps what an algorithm says."""

    def __init__(self):
        super().__init__(False)
        self.said = []

    def pushInfo(self, text):
        self.said.append(text)

    def pushWarning(self, text):
        self.said.append("WARNING " + text)

    def reportError(self, text, fatalError=False):
        self.said.append("ERROR " + text)


def algorithm(name):
    return QgsApplication.processingRegistry().algorithmById("geoloupe:" + name)


def boxes_layer(town, things, crs="EPSG:32633", spread=0.0):
    layer = QgsVectorLayer(f"Polygon?crs={crs}&field=name:string", "boxes", "memory")
    from qgis.core import QgsFeature, QgsGeometry, QgsPointXY

    features = []
    for thing in things:
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromPolygonXY([[QgsPointXY(x + spread, y) for x, y in town.ground_ring(thing)]]))
        features.append(feature)
    assert layer.dataProvider().addFeatures(features)
    return layer


def windows(layer):
    return [[feature[side] for side in ("x0", "y0", "x1", "y1")] for feature in layer.getFeatures()]


# what QGIS shows of them


def test_ids_are_the_promised_ones(toolbox):
    provider = QgsApplication.processingRegistry().providerById("geoloupe")
    assert sorted(found.name() for found in provider.algorithms()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_explained(toolbox, name):
    found = algorithm(name)
    for parameter in found.parameterDefinitions():
        assert parameter.description() and len(parameter.help()) > 20, parameter.name()
        assert parameter.help() in found.shortHelpString()
    assert found.tags() and found.shortDescription().endswith(".") and not found.icon().isNull()
    path = found.helpUrl().split("#")[0].replace("file://", "")
    assert f'id="{name}"' in Path(path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_they_run_in_threads_and_batches(toolbox, name):
    flags = algorithm(name).flags()
    assert not flags & QgsProcessingAlgorithm.Flag.FlagNoThreading
    assert flags & QgsProcessingAlgorithm.Flag.FlagSupportsBatch and flags & QgsProcessingAlgorithm.Flag.FlagCanCancel


def test_rare_parameters_are_hidden(toolbox):
    advanced = QgsProcessingParameterDefinition.Flag.FlagAdvanced
    found = [parameter.name() for parameter in algorithm("buildindex").parameterDefinitions() if parameter.flags() & advanced]
    assert found == ["GSDS", "EXTENT", "ENCODER", "OVERLAP"]


# what they do


def test_text_finds_ranked_regions(toolbox, town_index, town, tmp_path):
    log = Log()
    path = tmp_path / "hits.gpkg"
    result = toolbox("searchbytext", {"INDEX": str(town_index), "TEXT": "blue roof", "COUNT": 12, "OUTPUT": str(path)}, log)
    layer = QgsVectorLayer(str(path), "hits", "ogr")
    assert layer.featureCount() == result["HITS"] == 12
    rows = list(layer.getFeatures())
    assert [row["rank"] for row in rows] == list(range(1, 13))
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert {row["query"] for row in rows} == {"blue roof"} and rows[0]["model"].startswith("compact")
    assert rows[0]["source"] == str(town.path.resolve()) and rows[0]["index"] == str(town_index)
    assert layer.crs().authid() == "EPSG:32633"
    left, top = town.ground(rows[0]["x0"], rows[0]["y0"])
    box = rows[0].geometry().boundingBox()
    assert (box.xMinimum(), box.yMaximum()) == pytest.approx((left, top), abs=0.01)
    assert any("12 hits" in line for line in log.said)
    assert isinstance(layer.renderer(), QgsGraduatedSymbolRenderer), "the style comes with the file"


def test_filters(toolbox, town_index, town):
    west, north = town.ground(0, 0)
    extent = f"{west},{west + 100},{north - 100},{north} [EPSG:32633]"
    ask = {"INDEX": str(town_index), "TEXT": "house", "COUNT": 30, "EXTENT": extent, "OUTPUT": "TEMPORARY_OUTPUT"}
    inside = toolbox("searchbytext", ask)["OUTPUT"]
    assert 0 < inside.featureCount() <= 30
    for feature in inside.getFeatures():
        box = feature.geometry().boundingBox()
        assert box.xMinimum() < west + 100 and box.yMaximum() > north - 100
    scores = sorted(feature["score"] for feature in inside.getFeatures())
    middle = scores[len(scores) // 2]
    fewer = toolbox("searchbytext", {**ask, "MIN_SCORE": middle})["OUTPUT"]
    assert 0 < fewer.featureCount() < inside.featureCount() and all(row["score"] >= middle for row in fewer.getFeatures())


def test_regions_find_their_like(toolbox, town_index, town):
    layer = boxes_layer(town, town.of("blue roof")[:2])
    ask = {"INDEX": str(town_index), "REGIONS": layer, "RASTER": str(town.path), "COUNT": 8, "OUTPUT": "TEMPORARY_OUTPUT"}
    together = toolbox("searchbyregions", ask)["OUTPUT"]
    assert together.featureCount() == 8 and {str(row["query_id"]) for row in together.getFeatures()} == {"NULL"}
    each = toolbox("searchbyregions", {**ask, "MODE": 1, "COUNT": 5})["OUTPUT"]
    ids = [row["query_id"] for row in each.getFeatures()]
    assert sorted(set(ids)) == sorted(feature.id() for feature in layer.getFeatures()) and len(ids) == 10
    first = [row["rank"] for row in each.getFeatures()][:5]
    assert first == [1, 2, 3, 4, 5]


def test_the_example_itself_is_left_out_unless_asked_for(toolbox, town_index, town):
    """The town's roofs are all alike, so the example need not come first; it has to be there, and to go."""
    thing = town.of("blue roof")[0]
    ask = {"INDEX": str(town_index), "REGIONS": boxes_layer(town, [thing]), "RASTER": str(town.path), "COUNT": 2000}

    def overlap(window):
        """Intersection over union with the example."""
        across = max(0, min(window[2], thing.x1) - max(window[0], thing.x0))
        down = max(0, min(window[3], thing.y1) - max(window[1], thing.y0))
        both = (window[2] - window[0]) * (window[3] - window[1]) + (thing.x1 - thing.x0) * (thing.y1 - thing.y0)
        return across * down / (both - across * down)

    def most(**more):
        layer = toolbox("searchbyregions", {**ask, **more, "OUTPUT": "TEMPORARY_OUTPUT"})["OUTPUT"]
        return max(overlap(window) for window in windows(layer))

    assert most(EXCLUDE_SELF=False) > 0.3
    assert most(EXCLUDE_SELF=True) <= 0.5


def test_words_change_what_the_regions_find(toolbox, town_index, town):
    layer = boxes_layer(town, town.of("red roof")[:1])
    ask = {"INDEX": str(town_index), "REGIONS": layer, "RASTER": str(town.path), "COUNT": 10, "OUTPUT": "TEMPORARY_OUTPUT"}
    results = [
        windows(toolbox("searchbyregions", {**ask, **more})["OUTPUT"])
        for more in ({}, {"TEXT": "blue roof"}, {"MATCH": 1}, {"MATCH": 2})
    ]
    assert all(results) and all(result != results[0] for result in results[1:])


def test_one_region_beside_the_raster_does_not_cost_the_others(toolbox, town_index, town):
    layer = boxes_layer(town, town.of("blue roof")[:1])
    beside = boxes_layer(town, town.of("blue roof")[:1], spread=50000.0)
    layer.dataProvider().addFeatures(list(beside.getFeatures()))
    log = Log()
    ask = {
        "INDEX": str(town_index),
        "REGIONS": layer,
        "RASTER": str(town.path),
        "MODE": 1,
        "COUNT": 5,
        "OUTPUT": "TEMPORARY_OUTPUT",
    }
    found = toolbox("searchbyregions", ask, log)["OUTPUT"]
    assert found.featureCount() == 5 and any(line.startswith("ERROR Region") for line in log.said)


def test_regions_in_another_crs(trained, toolbox, town_index, town):
    from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform

    here, there = QgsCoordinateReferenceSystem("EPSG:32633"), QgsCoordinateReferenceSystem("EPSG:4326")
    transform = QgsCoordinateTransform(here, there, QgsProject.instance())
    layer = boxes_layer(town, town.of("blue roof")[:1])
    degrees = QgsVectorLayer("Polygon?crs=EPSG:4326", "degrees", "memory")
    for feature in layer.getFeatures():
        geometry = feature.geometry()
        geometry.transform(transform)
        feature.setGeometry(geometry)
        degrees.dataProvider().addFeatures([feature])
    ask = {"INDEX": str(town_index), "RASTER": str(town.path), "COUNT": 5, "OUTPUT": "TEMPORARY_OUTPUT"}
    both = [windows(toolbox("searchbyregions", {**ask, "REGIONS": regions})["OUTPUT"]) for regions in (layer, degrees)]
    # Hits of almost one score may change places: a box in degrees is not the same to the last digit.
    assert both[0][0] == both[1][0] and len({*map(tuple, both[0])} & {*map(tuple, both[1])}) >= 4


def test_building_again_adds_nothing(toolbox, town_index, town):
    again = toolbox("buildindex", {"RASTERS": [str(town.path)], "OBJECT_SIZE": 12, "INDEX": str(town_index)})
    assert again["NEW_REGIONS"] == 0 and again["REGIONS"] > 0


def test_a_folder_of_rasters_with_one_that_is_broken(toolbox, engine, scene, tmp_path):
    rasters = tmp_path / "rasters"
    rasters.mkdir()
    scene.write_town(rasters / "one.tif", width=256, height=256)
    scene.write_town(rasters / "two.tif", width=256, height=256, seed=2)
    (rasters / "broken.tif").write_bytes(b"II*\x00 not really")
    log = Log()
    result = toolbox("buildindex", {"FOLDER": str(rasters), "INDEX": str(tmp_path / "i.geoloupe"), "OBJECT_SIZE": 15}, log)
    assert result["REGIONS"] > 0 and any("broken" in line for line in log.said)
    found = toolbox("searchbytext", {"INDEX": str(tmp_path / "i.geoloupe"), "TEXT": "roof", "OUTPUT": "TEMPORARY_OUTPUT"})[
        "OUTPUT"
    ]
    assert {os.path.basename(row["source"]) for row in found.getFeatures()} == {"one.tif", "two.tif"}


def test_tiles_that_fail_now_and_then_are_indexed_on_the_main_thread(toolbox, engine, tile_server, tmp_path):
    """A script runs the algorithm on the main thread, which is also the one that has to draw."""
    tile_server.answer = lambda z, x, y, n: 503 if n == 1 and (x + y) % 3 == 0 else tile_server.tile(x, y)
    layer = tile_server.layer(zmax=18)
    QgsProject.instance().addMapLayer(layer)
    ask = {"RASTERS": [layer], "GSDS": "0.6", "INDEX": str(tmp_path / "tiles.geoloupe")}
    extent = "9500000,9500260,3200000,3200260 [EPSG:3857]"
    result = toolbox("buildindex", {**ask, "EXTENT": extent})
    assert result["REGIONS"] > 0
    found = toolbox("searchbytext", {"INDEX": ask["INDEX"], "TEXT": "red", "OUTPUT": "TEMPORARY_OUTPUT"})["OUTPUT"]
    box = found.extent()
    assert 9499700 < box.xMinimum() < 9500260 and 3199700 < box.yMinimum() < 3200260
    with pytest.raises(QgsProcessingException, match="extent"):
        toolbox("buildindex", {**ask, "INDEX": str(tmp_path / "world.geoloupe")})


# how QGIS runs them


def run_in_thread(name, parameters, process_events, feedback=None, context=None):
    context = context or QgsProcessingContext()
    context.setProject(QgsProject.instance())
    feedback = feedback or Log()
    task = QgsProcessingAlgRunnerTask(algorithm(name), parameters, context, feedback)
    answers = []
    task.executed.connect(lambda ok, results: answers.append((ok, dict(results))))
    QgsApplication.taskManager().addTask(task)
    return task, answers, (context, feedback)


def test_in_a_thread(toolbox, town_index, process_events):
    ask = {"INDEX": str(town_index), "TEXT": "road", "COUNT": 5, "OUTPUT": "memory:"}
    _task, answers, kept = run_in_thread("searchbytext", ask, process_events)
    process_events(lambda: bool(answers))
    assert answers[0][0] and answers[0][1]["HITS"] == 5
    del kept


def test_the_loaded_layer_is_styled(toolbox, town_index, process_events):
    context = QgsProcessingContext()
    output = QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", QgsProject.instance())
    _task, answers, (context, feedback) = run_in_thread(
        "searchbytext", {"INDEX": str(town_index), "TEXT": "road", "COUNT": 5, "OUTPUT": output}, process_events, context=context
    )
    process_events(lambda: bool(answers))
    (identity,) = context.layersToLoadOnCompletion()
    layer = context.takeResultLayer(identity)
    details = context.layersToLoadOnCompletion()[identity]
    assert details.postProcessor() is not None
    details.postProcessor().postProcessLayer(layer, context, feedback)
    assert isinstance(layer.renderer(), QgsGraduatedSymbolRenderer)


@pytest.mark.heavy
def test_stop_takes_effect_within_a_batch_and_keeps_what_was_done(toolbox, engine, scene, tmp_path, process_events):
    big = scene.write_town(tmp_path / "big.tif", width=4000, height=4000)
    index = str(tmp_path / "big.geoloupe")
    feedback = Log()
    ask = {"RASTERS": [str(big.path)], "OBJECT_SIZE": 8, "INDEX": index}
    task, answers, kept = run_in_thread("buildindex", ask, process_events, feedback)
    process_events(lambda: feedback.progress() > 1, 60)
    started = time.perf_counter()
    task.cancel()
    process_events(lambda: bool(answers), 10)
    assert time.perf_counter() - started < 2.5
    assert not answers[0][0]
    del kept
    pid = engine.current().pid
    found = toolbox("searchbytext", {"INDEX": index, "TEXT": "roof", "OUTPUT": "TEMPORARY_OUTPUT"})
    assert found["HITS"] > 0, "what was done is there to be searched"
    assert engine.current().pid == pid, "the engine stopped by itself and was not killed"


@pytest.mark.heavy
def test_a_model_builds_and_searches(toolbox, engine, town, tmp_path):
    model = QgsProcessingModelAlgorithm("find", "geoloupe")
    for definition in (
        QgsProcessingParameterRasterLayer("raster", "raster"),
        QgsProcessingParameterString("words", "words"),
        QgsProcessingParameterFolderDestination("folder", "folder"),
    ):
        model.addModelParameter(definition, QgsProcessingModelParameter(definition.name()))
    build = QgsProcessingModelChildAlgorithm("geoloupe:buildindex")
    build.setChildId("build")
    build.addParameterSources("RASTERS", [QgsProcessingModelChildParameterSource.fromModelParameter("raster")])
    build.addParameterSources("OBJECT_SIZE", [QgsProcessingModelChildParameterSource.fromStaticValue(15)])
    build.addParameterSources("ENCODER", [QgsProcessingModelChildParameterSource.fromStaticValue("compact")])
    build.addParameterSources("OVERLAP", [QgsProcessingModelChildParameterSource.fromStaticValue(True)])
    model.addChildAlgorithm(build)
    search = QgsProcessingModelChildAlgorithm("geoloupe:searchbytext")
    search.setChildId("search")
    search.addParameterSources("INDEX", [QgsProcessingModelChildParameterSource.fromChildOutput("build", "INDEX")])
    search.addParameterSources("TEXT", [QgsProcessingModelChildParameterSource.fromModelParameter("words")])
    search.addParameterSources("COUNT", [QgsProcessingModelChildParameterSource.fromStaticValue(7)])
    output = QgsProcessingModelOutput("found", "found")
    output.setChildId("search")
    output.setChildOutputName("OUTPUT")
    search.setModelOutputs({"found": output})
    model.addChildAlgorithm(search)
    assert model.validate()[0], model.validate()[1]
    context, feedback = QgsProcessingContext(), Log()
    context.setProject(QgsProject.instance())
    found = str(tmp_path / "found.gpkg")
    parameters = {"raster": str(town.path), "words": "red roof", "folder": str(tmp_path), "search:found": found}
    results = []

    def work():
        results.append(model.run(parameters, context, feedback))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(120)
    assert results and results[0][1], feedback.said
    assert QgsVectorLayer(results[0][0]["search:found"], "found", "ogr").featureCount() == 7


# what goes wrong


def failure(toolbox, name, **parameters):
    with pytest.raises(QgsProcessingException) as caught:
        toolbox(name, {"OUTPUT": "TEMPORARY_OUTPUT", **parameters} if name != "buildindex" else parameters, Log())
    text = str(caught.value)
    assert "There were errors executing" not in text and "Traceback" not in text and text.rstrip().endswith(".")
    return text


def test_no_engine_says_how_to_get_one(toolbox, monkeypatch, home, tmp_path):
    monkeypatch.delenv("GEOLOUPE_PYTHON", raising=False)
    text = failure(toolbox, "searchbytext", INDEX=str(tmp_path), TEXT="x")
    assert "make engine" in text and "GEOLOUPE_PYTHON" in text and "panel" in text


def test_an_empty_query(toolbox, town_index):
    assert "empty" in failure(toolbox, "searchbytext", INDEX=str(town_index), TEXT="  ")


def test_no_raster(toolbox, engine, tmp_path):
    assert "raster" in failure(toolbox, "buildindex", INDEX=str(tmp_path / "i.geoloupe"))


def test_a_raster_without_crs(toolbox, engine, scene, tmp_path):
    bare = scene.write_town(tmp_path / "bare.tif", width=256, height=256, crs=None)
    text = failure(toolbox, "buildindex", RASTERS=[str(bare.path)], INDEX=str(tmp_path / "i.geoloupe"))
    assert "coordinate" in text and "bare" in text


def test_an_index_that_is_not_there(toolbox, engine, tmp_path):
    assert "index" in failure(toolbox, "searchbytext", INDEX=str(tmp_path / "none.geoloupe"), TEXT="roof").lower()


def test_only_boxes_beside_the_raster(toolbox, town_index, town):
    layer = boxes_layer(town, town.of("blue roof")[:1], spread=50000.0)
    text = failure(toolbox, "searchbyregions", INDEX=str(town_index), REGIONS=layer, RASTER=str(town.path))
    assert "outside" in text.lower() or "overlap" in text.lower()


def test_no_regions(toolbox, town_index, town):
    layer = QgsVectorLayer("Polygon?crs=EPSG:32633", "none", "memory")
    assert "polygon" in failure(toolbox, "searchbyregions", INDEX=str(town_index), REGIONS=layer, RASTER=str(town.path))


def test_pixel_sizes_that_are_no_numbers(toolbox, engine, town, tmp_path):
    text = failure(toolbox, "buildindex", RASTERS=[str(town.path)], GSDS="fine", INDEX=str(tmp_path / "i.geoloupe"))
    assert "commas" in text
