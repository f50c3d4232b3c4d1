"""Labels over rasters: other CRSs, turned rasters, pixel lists and YOLO text, and what is left out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
import shapely
from pyogrio.raw import write as write_layer
from pyproj import Transformer

from geoloupe.models.evaluation import Plan
from geoloupe.models.evaluation.formats.layers import STEP, load, tile_start
from geoloupe.models.evaluation.pictures import Reader
from geoloupe.plugin.errors import GeoLoupeError

SIDE = 64
LABELS = ("blue roof", "red roof", "grey roof")


def rings(town, things, crs=None):
    """The outlines of things, in the town's CRS or another."""
    found = [np.array(town.ground_ring(thing)) for thing in things]
    if crs:
        change = Transformer.from_crs(town.crs, crs, always_xy=True)
        found = [np.stack(change.transform(ring[:, 0], ring[:, 1]), axis=1) for ring in found]
    return found


def layer(path, town, things, crs, **fields):
    shapes = np.array([shapely.to_wkb(shapely.Polygon(ring)) for ring in rings(town, things, crs)], dtype=object)
    values = [np.array(column, dtype=object) for column in fields.values()]
    write_layer(path, shapes, values, list(fields), geometry_type="Polygon", crs=crs or town.crs)
    return path


def read(rasters, labels, field="name", attribute=None, **plan):
    rasters, labels = ([one] if not isinstance(one, list) else one for one in (rasters, labels))
    return load(rasters, labels, field, attribute, SIDE, Plan(**plan))


@pytest.fixture
def houses(town):
    return [thing for thing in town.things if thing.label in LABELS]


@pytest.mark.parametrize("name, crs", [("a.geojson", "EPSG:4326"), ("a.gpkg", None), ("a.gpkg", "EPSG:3857")])
def test_boxes_lie_where_the_layer_says_whatever_its_crs(town, houses, tmp_path, name, crs):
    path = layer(tmp_path / name, town, houses, crs, name=[thing.label for thing in houses])
    material = read(town.path, path)
    assert len(material.views) == len(houses) and sum(material.left_out.values()) == 0
    reader = Reader()
    for thing, region in zip(houses, material.views, strict=True):
        left, top, right, bottom = region.picture.window
        assert (right - left) == pytest.approx(bottom - top) and left >= 0 and right <= town.width
        span = right - left
        found = np.array(region.box) * span + [left, top, left, top]
        assert found.tolist() == pytest.approx([thing.x0, thing.y0, thing.x1, thing.y1], abs=0.6)
        assert region.label == thing.label and region.picture.side == SIDE
        assert region.picture.gsd == pytest.approx(town.gsd * span / SIDE, rel=0.01)
    assert reader.read(material.views[0].picture).shape == (SIDE, SIDE, 3)
    spans = {region.picture.window[2] - region.picture.window[0] for region in material.views}
    assert {round(np.log(span / SIDE) / np.log(STEP), 6) % 1 for span in spans} == {0}


def test_a_turned_raster(scene, tmp_path):
    town = scene.write_town(tmp_path / "turned.tif", rotation=30)
    houses = [thing for thing in town.things if thing.label in LABELS]
    path = layer(tmp_path / "a.gpkg", town, houses, "EPSG:4326", name=[thing.label for thing in houses])
    material = read(town.path, path)
    for thing, region in zip(houses, material.views, strict=True):
        left, top, right, _ = region.picture.window
        found = np.array(region.box) * (right - left) + [left, top, left, top]
        assert found.tolist() == pytest.approx([thing.x0, thing.y0, thing.x1, thing.y1], abs=0.6)


def test_the_same_things_on_tiles_with_their_neighbours(town, houses, tmp_path):
    path = layer(tmp_path / "a.gpkg", town, houses, None, name=[thing.label for thing in houses])
    material = read(town.path, path)
    tiles = {region.image for region in material.regions}
    assert len(material.regions) == len(houses) > len(tiles)
    by_name = {region.name: region for region in material.regions}
    for thing, view in zip(houses, material.views, strict=True):
        region = by_name[view.name]
        left, top, right, _ = region.picture.window
        found = np.array(region.box) * (right - left) + [left, top, left, top]
        inside = np.clip([thing.x0, thing.y0, thing.x1, thing.y1], [left, top] * 2, [right, top + right - left] * 2)
        assert found.tolist() == pytest.approx(inside.tolist(), abs=0.6)


def test_tiles_cover_the_raster_and_the_last_is_moved_inwards():
    assert [tile_start(middle, 100, 250) for middle in (10, 60, 100, 130, 245)] == [0, 0, 75, 75, 150]
    assert tile_start(40, 100, 100) == 0


def test_what_is_left_out_is_counted(town, houses, tmp_path):
    shapes = [shapely.Polygon(ring) for ring in rings(town, houses[:2])]
    away = shapely.box(0, 0, 10, 10)
    shapes += [shapely.Point(*town.ground(100, 100)), away, shapely.Polygon(rings(town, houses[2:3])[0])]
    names = np.array(["blue", "red", "point", "away", None], dtype=object)
    binary = np.array([shapely.to_wkb(shape) for shape in shapes], dtype=object)
    write_layer(tmp_path / "a.gpkg", binary, [names], ["name"], geometry_type="Unknown", crs=town.crs)
    material = read(town.path, tmp_path / "a.gpkg")
    assert [region.label for region in material.views] == ["blue", "red"]
    assert {reason: count for reason, count in material.left_out.items() if count} == {
        "features without an area": 1, "features off the raster": 1, "features without a value": 1,
    }  # fmt: skip


def test_features_where_the_raster_is_empty_are_left_out(scene, tmp_path):
    town = scene.write_town(tmp_path / "edge.tif", empty_margin=300)
    things = [scene.Thing("a", 10, 10, 40, 40), scene.Thing("b", 60, 10, 90, 40)]
    things.append(scene.Thing("c", town.width - 100, 100, town.width - 60, 140))
    path = layer(tmp_path / "a.gpkg", town, things, None, name=["a", "b", "c"])
    material = read(town.path, path)
    assert [region.label for region in material.views] == ["a", "b"]
    assert material.left_out["features where the raster is empty"] == 1


def test_pixel_lists_and_a_second_field_for_composed_queries(town, houses, tmp_path):
    rows = [
        {"bbox": [thing.x0, thing.y0, thing.x1, thing.y1], "kind": "roof", "colour": thing.label.split()[0]} for thing in houses
    ]
    rows += [{"bbox": [1, 2, 3], "kind": "roof", "colour": "blue"}, {"kind": "roof", "colour": "red"}]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    material = read(town.path, tmp_path / "a.json", "kind", "colour")
    assert len(material.composables) == len(houses) and material.left_out["features without an area"] == 2
    one = material.composables[0]
    assert (one.kind, one.attribute, one.value) == ("roof", "colour", houses[0].label.split()[0]) and one.box
    # One label only: boxes around nothing are candidates beside it, and meet no labelled one.
    nothing = [region for region in material.views if not region.label]
    assert len(nothing) == 5 * len(houses) and "boxes around nothing" in " ".join(material.notes)
    labelled = {region.name for region in material.views if region.label}
    assert not any(region.meets & labelled for region in nothing)
    assert read(town.path, tmp_path / "a.json", "kind").views == material.views
    assert all(region.label for region in read(town.path, tmp_path / "a.json", "kind", extra={"background": 0}).views)
    assert all(region.label for region in read(town.path, tmp_path / "a.json", "colour").views)


def test_yolo_text_for_each_raster_and_its_names(scene, tmp_path):
    for number in (1, 2):
        scene.write_town(tmp_path / f"{number}.tif", crs=None, seed=number)
        lines = ["0 0.5 0.5 0.05 0.05", "1 0.25 0.25 0.1 0.05", "1 0.75 0.75 0.1 0.05", "x 1 2", ""]
        (tmp_path / f"{number}.txt").write_text("\n".join(lines))
    (tmp_path / "aerial.names").write_text("car\nbus\n")
    material = read([tmp_path / "1.tif", tmp_path / "2.tif"], [tmp_path / "1.txt", tmp_path / "2.txt"])
    assert [region.label for region in material.views] == ["car", "bus", "bus"] * 2
    assert {region.image for region in material.views} == {"1. 1.tif", "2. 2.tif"}
    assert material.left_out["lines that cannot be read"] == 2 and material.views[0].picture.gsd is None
    left, top, right, _ = material.views[0].picture.window
    found = np.array(material.views[0].box) * (right - left) + [left, top, left, top]
    with rasterio.open(tmp_path / "1.tif") as raster:
        width, height = raster.width, raster.height
    assert found.tolist() == pytest.approx([width * 0.475, height * 0.475, width * 0.525, height * 0.525], abs=0.01)


@pytest.mark.parametrize(
    "labels, field, sentence",
    [
        ("none.gpkg", "name", "is not there"),
        ("a.gpkg", "colour", "no field “colour”: choose one of name"),
        ("broken.gpkg", "name", "cannot be read as a vector layer"),
        ("far.gpkg", "name", "No label of .* lies on a raster .*features off the raster"),
        ("empty.json", "name", "has no field"),
    ],
)
def test_wrong_labels_get_one_sentence(town, houses, tmp_path, scene, labels, field, sentence):
    layer(tmp_path / "a.gpkg", town, houses, None, name=["x"] * len(houses))
    (tmp_path / "broken.gpkg").write_text("no layer")
    (tmp_path / "empty.json").write_text("[]")
    shape = np.array([shapely.to_wkb(shapely.box(0, 0, 5, 5))], dtype=object)
    write_layer(tmp_path / "far.gpkg", shape, [np.array(["x"], object)], ["name"], geometry_type="Polygon", crs=town.crs)
    with pytest.raises(GeoLoupeError, match=sentence):
        read(town.path, tmp_path / labels, field)


def test_a_raster_without_a_crs_and_a_wrong_number_of_files(town, houses, tmp_path, scene):
    bare = scene.write_town(tmp_path / "bare.tif", crs=None)
    path = layer(tmp_path / "a.gpkg", town, houses, None, name=["x"] * len(houses))
    with pytest.raises(GeoLoupeError, match=r"bare.tif has no coordinate reference system"):
        read(bare.path, path)
    with pytest.raises(GeoLoupeError, match="one for each of the 3 rasters"):
        read([town.path] * 3, [path, path])
    with pytest.raises(GeoLoupeError, match="cannot be read as a raster"):
        read(path, path)
