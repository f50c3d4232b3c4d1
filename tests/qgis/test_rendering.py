"""Layers that only QGIS can draw: complete, off the main thread, and honest about what did not arrive."""

import threading
import time

import numpy as np
import pytest
from qgis.core import QgsRasterLayer
from qgis.PyQt.QtCore import QTimer

from geoloupe.plugin.bridge.rendering import TileRenderer
from geoloupe.plugin.errors import GeoLoupeError

ZOOM = 18
TILE = 2 * np.pi * 6378137.0 / 2**ZOOM  # ground length of one tile in EPSG:3857
X0, Y0 = 193214, 110137


def bounds_of(columns, rows, x=X0, y=Y0):
    half = np.pi * 6378137.0
    left, top = -half + x * TILE, half - y * TILE
    return (left, top - rows * TILE, left + columns * TILE, top)


@pytest.fixture
def tiles_layer(tile_server):
    layer = tile_server.layer()
    assert layer.isValid()
    return layer


@pytest.fixture
def fetch(tiles_layer, process_events):
    """Ask from another thread while the main thread runs its event loop; gives pixels or the error."""
    renderers = []

    def run(bounds, width, height, layer=None):
        renderer = TileRenderer(layer or tiles_layer)
        renderers.append(renderer)
        answer = []

        def ask():
            try:
                answer.append(
                    np.frombuffer(renderer.fetch(bounds, "EPSG:3857", width, height), np.uint8).reshape(height, width, 4)
                )
            except GeoLoupeError as error:
                answer.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        process_events(lambda: bool(answer))
        thread.join()
        return answer[0]

    yield run
    for renderer in renderers:
        renderer.close()


def test_every_tile_arrives_where_it_belongs(fetch, tile_server):
    pixels = fetch(bounds_of(2, 2), 512, 512)
    assert (pixels[..., 3] == 255).all()
    for column in (0, 1):
        for row in (0, 1):
            middle = pixels[row * 256 + 128, column * 256 + 128, :3]
            assert tuple(middle) == tile_server.colour(X0 + column, Y0 + row)


@pytest.mark.parametrize("failure", [503, 403, "drop", "garbage"])
def test_a_failed_tile_is_a_failure_and_not_a_hole(fetch, tile_server, failure):
    bad = (X0 + 1, Y0)
    tile_server.answer = lambda z, x, y, n: failure if (x, y) == bad else tile_server.tile(x, y)
    answer = fetch(bounds_of(2, 2), 512, 512)
    assert isinstance(answer, GeoLoupeError)
    assert answer.code == "raster_unreadable" and "tiles" in answer.message
    assert fetch(bounds_of(1, 1), 256, 256).shape == (256, 256, 4), "the tile beside it is fine"


def test_asking_again_gets_the_tile_that_failed_once(fetch, tile_server):
    tile_server.answer = lambda z, x, y, n: 503 if n == 1 and (x, y) == (X0, Y0) else tile_server.tile(x, y)
    assert isinstance(fetch(bounds_of(2, 2), 512, 512), GeoLoupeError)
    assert (fetch(bounds_of(2, 2), 512, 512)[..., 3] == 255).all()


def test_not_found_means_that_nothing_is_there(fetch, tile_server):
    tile_server.answer = lambda z, x, y, n: 404 if x == X0 else tile_server.tile(x, y)
    alpha = fetch(bounds_of(2, 1), 512, 256)[..., 3]
    assert (alpha[:, :250] == 0).all() and (alpha[:, 262:] == 255).all()


def test_a_server_that_is_gone_is_a_failure(fetch, tile_server):
    tile_server.close()
    assert isinstance(fetch(bounds_of(1, 1), 256, 256), GeoLoupeError)


def test_a_faded_layer_gives_full_pixels_and_stays_faded(fetch, tile_server, tiles_layer):
    tiles_layer.setOpacity(0.3)
    pixels = fetch(bounds_of(1, 1), 256, 256)
    assert tuple(pixels[128, 128]) == (*tile_server.colour(X0, Y0), 255)
    assert tiles_layer.opacity() == pytest.approx(0.3)


def test_the_main_thread_never_waits(tiles_layer, tile_server, process_events):
    slow = tile_server.tile(1, 1)

    def answer(z, x, y, n):
        time.sleep(0.15)
        return slow

    tile_server.answer = answer
    renderer = TileRenderer(tiles_layer)
    answers, gaps, last = [], [], [time.perf_counter()]

    def tick():
        now = time.perf_counter()
        gaps.append(now - last[0])
        last[0] = now

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(5)
    last[0] = time.perf_counter()
    for number in range(12):
        renderer.request(
            bounds_of(1, 1, x=X0 + number), "EPSG:3857", 224, 224, lambda pixels, error: answers.append((pixels, error))
        )
    process_events(lambda: len(answers) == 12)
    timer.stop()
    renderer.close()
    assert all(error is None for _pixels, error in answers)
    assert max(gaps) < 0.1, f"the main thread stood still for {max(gaps):.3f} s"


def test_closing_answers_whoever_waits(tiles_layer, tile_server, process_events):
    hold = threading.Event()
    tile_server.answer = lambda z, x, y, n: (hold.wait(5), 503)[1]
    renderer = TileRenderer(tiles_layer, jobs=1)
    answers = []
    for number in range(3):
        renderer.request(bounds_of(1, 1, x=X0 + number), None, 64, 64, lambda pixels, error: answers.append(error.code))
    process_events(lambda: bool(tile_server.asked))
    renderer.close()
    process_events(lambda: len(answers) == 3, 2)
    assert answers == ["cancelled"] * 3
    hold.set()
    renderer.request(bounds_of(1, 1), None, 64, 64, lambda pixels, error: answers.append(error.code))
    assert answers[-1] == "cancelled"


def test_a_file_that_only_qgis_styles_is_drawn_too(fetch, write_raster):
    path = write_raster(epsg=3857, pixel=1.0, size=(64, 64), origin=(1000.0, 2000.0))
    layer = QgsRasterLayer(str(path), "file", "gdal")
    pixels = fetch((1000, 1936, 1064, 2000), 64, 64, layer)
    assert (pixels[..., 3] == 255).all() and pixels[..., :3].std() > 10


def test_waiting_on_the_main_thread_is_refused(tiles_layer):
    renderer = TileRenderer(tiles_layer)
    with pytest.raises(GeoLoupeError):
        renderer.fetch(bounds_of(1, 1), None, 8, 8)
    renderer.close()
