"""Ground metres, footprints and boxes, in any CRS and at any angle."""

from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

from geoloupe.plugin.errors import GeoLoupeError
from geoloupe.plugin.retrieval.georeference import (
    bounds_to_window,
    footprint_bounds,
    ground_gsd,
    polygon_to_pixels,
    same_crs,
    short_crs,
    transformer,
    window_to_footprint,
)
from geoloupe.plugin.retrieval.pixel_source import Window


def test_gsd_is_metres_on_the_ground():
    assert ground_gsd(Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000), "EPSG:32631", 100, 100) == pytest.approx(0.5, rel=1e-3)
    # Web Mercator stretches by 1 / cos(latitude): at 60 degrees a pixel of 2 units is 1 metre.
    x, y = transformer("EPSG:4326", "EPSG:3857").transform(10.0, 60.0)
    assert ground_gsd(Affine(2, 0, x, 0, -2, y), "EPSG:3857", 2, 2) == pytest.approx(1.0, rel=5e-3)
    # A degree is 111.3 km eastwards and 110.6 km northwards at the equator.
    assert ground_gsd(Affine(1e-5, 0, 20, 0, -1e-5, 0.0005), "EPSG:4326", 100, 100) == pytest.approx(1.109, rel=1e-3)
    turned = Affine.rotation(30) @ Affine.scale(0.5, -0.5)
    assert ground_gsd(Affine.translation(500_000, 5e6) @ turned, "EPSG:32631", 10, 10) == pytest.approx(0.5, rel=1e-3)
    # A foot is 0.3048 m.
    assert ground_gsd(Affine(1, 0, 2_000_000, 0, -1, 700_000), "EPSG:2263", 10, 10) == pytest.approx(0.3048, rel=2e-2)


def test_axis_order_is_x_first_everywhere():
    ring = window_to_footprint(Window(0, 0, 10, 10), Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000), "EPSG:32631", "EPSG:4326")
    assert ring[0] == pytest.approx([3.0, 45.153], abs=1e-3)  # longitude, latitude: 3 E is the zone's middle
    assert ring[0] == ring[-1]


def test_a_rotated_footprint_is_exact_and_comes_back():
    turned = Affine.translation(500_000, 5e6) @ Affine.rotation(37) @ Affine.scale(0.5, -0.5)
    ring = window_to_footprint(Window(10, 20, 30, 50), turned, "EPSG:32631")
    for (x, y), (column, row) in zip(ring, [(10, 20), (30, 20), (30, 50), (10, 50), (10, 20)], strict=True):
        assert (x, y) == pytest.approx(
            (turned.a * column + turned.b * row + turned.c, turned.d * column + turned.e * row + turned.f)
        )
    back = polygon_to_pixels(ring, "EPSG:32631", turned, "EPSG:32631")
    assert back.bounds == pytest.approx((10, 20, 30, 50))
    far = window_to_footprint(Window(10, 20, 30, 50), turned, "EPSG:32631", "EPSG:3857")
    assert polygon_to_pixels(far, "EPSG:3857", turned, "EPSG:32631").bounds == pytest.approx((10, 20, 30, 50), abs=1e-3)


def test_a_box_in_another_crs_becomes_pixels():
    transform = Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000)
    lon, lat = transformer("EPSG:32631", "EPSG:4326").transform([500_010, 500_060], [4_999_980, 4_999_930])
    window = bounds_to_window((lon[0], lat[1], lon[1], lat[0]), "EPSG:4326", transform, "EPSG:32631")
    assert (window.x0, window.y0, window.x1, window.y1) == pytest.approx((20, 40, 120, 140), abs=1)
    assert bounds_to_window((500_010, 4_999_930, 500_060, 4_999_980), "EPSG:32631", transform, "EPSG:32631") == Window(
        20, 40, 120, 140
    )


def test_bent_edges_are_densified_and_straight_ones_not():
    small = window_to_footprint(Window(0, 0, 50, 50), Affine(0.5, 0, 500_000, 0, -0.5, 5e6), "EPSG:32631", "EPSG:4326")
    large = window_to_footprint(Window(0, 0, 400_000, 400_000), Affine(1, 0, 300_000, 0, -1, 7e6), "EPSG:32631", "EPSG:4326")
    assert len(small) == 5 and len(large) > 5


def test_bounds_of_many_windows_hold_their_footprints():
    transform = Affine.translation(500_000, 5e6) @ Affine.rotation(20) @ Affine.scale(0.5, -0.5)
    windows = np.array([[0, 0, 10, 20], [500, 600, 540, 640]])
    bounds = footprint_bounds(windows, transform, "EPSG:32631")
    for window, (west, south, east, north) in zip(windows, bounds, strict=True):
        ring = np.array(window_to_footprint(tuple(window), transform, "EPSG:32631", "EPSG:4326"))
        assert (west, south) == pytest.approx(tuple(ring.min(0)), abs=1e-9)
        assert (east, north) == pytest.approx(tuple(ring.max(0)), abs=1e-9)


def test_a_crs_gets_its_short_name_only_when_it_means_the_same():
    assert short_crs(CRS("EPSG:3857").to_wkt("WKT1_GDAL")) == "EPSG:3857"
    assert same_crs("EPSG:4326", "OGC:CRS84")
    odd = CRS.from_proj4("+proj=tmerc +lat_0=1 +lon_0=7 +k=0.99 +x_0=5 +y_0=6 +ellps=GRS80 +units=m").to_wkt()
    assert short_crs(odd).startswith("PROJCRS")
    with pytest.raises(GeoLoupeError) as caught:
        short_crs("EPSG:999999")
    assert caught.value.code == "no_crs"


def test_a_local_grid_trusts_its_own_unit():
    local = 'LOCAL_CS["site",UNIT["foot",0.3048]]'
    assert ground_gsd(Affine(2, 0, 0, 0, -2, 0), local, 10, 10) == pytest.approx(0.6096)


def test_nonsense_is_refused():
    for bad in ([[1, 2]], [[1, 2], [math.nan, 3]]):
        with pytest.raises(GeoLoupeError):
            polygon_to_pixels(bad, "EPSG:32631", Affine.identity(), "EPSG:32631")
