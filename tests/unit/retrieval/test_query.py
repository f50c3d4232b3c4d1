"""From what was asked to one vector."""

from __future__ import annotations

import numpy as np
import pytest

from geoloupe.models.instructions import KIND, THIS_THING
from geoloupe.models.interleaved import Box, Image, Text
from geoloupe.plugin.errors import GeoLoupeError
from geoloupe.plugin.retrieval.pixel_source import SourceSpec
from geoloupe.plugin.retrieval.query import NOT_WEIGHT, Query, QueryBox, encode_query, look
from geoloupe.plugin.retrieval.stretch import Stretch


class Recorder:
    """A real encoder that also keeps what it was given."""

    def __init__(self, encoder):
        self.card, self.inner, self.seen = encoder.card, encoder, []

    def encode(self, inputs):
        self.seen += inputs
        return self.inner.encode(inputs)


@pytest.fixture
def recorder(encoder):
    return Recorder(encoder)


@pytest.fixture
def spec(write_raster, noise):
    return SourceSpec(str(write_raster("a.tif", noise(300, 300))))


def boxed(spec, x=20, y=20, size=16):
    return QueryBox(spec, [[500_000 + x, 5_000_000 - y], [500_000 + x + size, 5_000_000 - y - size]])


def test_a_box_and_words_make_one_input_for_each_box(recorder, spec):
    query = Query(text="beside a road", boxes=[boxed(spec), boxed(spec, 60)], match="kind")
    result = encode_query(query, recorder)
    assert [[type(part) for part in item.parts] for item in recorder.seen] == [[Image, Box, Text]] * 2
    assert {item.instruction for item in recorder.seen} == {KIND} and result.from_box
    mean = recorder.inner.encode(recorder.seen).mean(axis=0)
    assert result.vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6) and len(result.places) == 2
    image = recorder.seen[0].parts[0]
    assert image.pixels.shape == (64, 64, 3) and image.gsd > 0


def test_the_instruction_is_that_of_the_choice_or_what_was_typed(recorder, spec):
    encode_query(Query(boxes=[boxed(spec)]), recorder)
    encode_query(Query(boxes=[boxed(spec)], instruction="Find roofs."), recorder)
    encode_query(Query(text="roof"), recorder)
    assert [item.instruction for item in recorder.seen] == [THIS_THING, "Find roofs.", None]


def test_what_is_not_wanted_is_subtracted(encoder):
    plus = encode_query(Query(text="blue"), encoder).vector
    minus = encode_query(Query(text="red"), encoder).vector
    both = encode_query(Query(text="blue", not_text="red"), encoder).vector
    wanted = plus - NOT_WEIGHT * minus
    assert both == pytest.approx(wanted / np.linalg.norm(wanted), abs=1e-6) and both @ minus < plus @ minus


def test_pictures_without_a_box_are_seen_whole(recorder):
    picture = np.full((10, 12, 3), 200, np.uint8)
    query = Query.from_json({"text": "roof", "images": [{"blob": 0, "width": 12, "height": 10, "bands": 3}]}, [picture.tobytes()])
    encode_query(query, recorder)
    assert (recorder.seen[0].parts[0].pixels == picture).all() and recorder.seen[0].parts[1] == Text("roof")


def test_the_box_is_seen_in_the_middle_with_the_indexs_stretch_and_bands(write_raster, recorder):
    values = np.linspace(0, 60_000, 300 * 300, dtype=np.uint16).reshape(1, 300, 300)
    spec = SourceSpec(str(write_raster("u.tif", values)))

    class Row:
        stretch, bands, spec = Stretch((0.0,) * 3, (120_000.0,) * 3), (1,), SourceSpec("x")

    view = look(boxed(spec, 60, 60), 64, lambda identity: Row, [0.5])
    assert view.pixels.max() < 130 and view.gsd == 0.5
    assert (view.box[0] + view.box[2]) / 2 == pytest.approx(0.5, abs=0.02) and view.place == pytest.approx((120, 120, 152, 152))


def test_boxes_where_nothing_is_are_said(spec, encoder, write_raster, noise):
    with pytest.raises(GeoLoupeError) as caught:
        encode_query(Query(boxes=[boxed(spec, 5000)]), encoder)
    assert caught.value.code == "no_overlap" and "a.tif" in caught.value.message
    pixels = noise(300, 300)
    pixels[:, :, :150] = 0
    with pytest.raises(GeoLoupeError) as caught:
        encode_query(Query(boxes=[boxed(SourceSpec(str(write_raster("h.tif", pixels, nodata=0))))]), encoder)
    assert caught.value.code == "raster_empty"
    assert encode_query(Query(boxes=[boxed(spec, 20, 20, 0)]), encoder).vector.shape == (72,)  # a click


def test_empty_and_unfit_queries_are_said(encoder):
    for query in (Query(), Query(text="  "), Query(not_text="glacier")):
        with pytest.raises(GeoLoupeError) as caught:
            encode_query(query, encoder)
        assert caught.value.code == "empty_query"
    for query in (Query(text="a", match="odd"), Query(place=(1, 2)), Query(text="blue", place=(91, 0))):
        with pytest.raises(GeoLoupeError) as caught:
            encode_query(query, encoder)
        assert caught.value.code == "usage"
    for bad in ({"boxes": [{}]}, {"images": [{"blob": 0}]}, {"place": ["x", 1]}):
        with pytest.raises(GeoLoupeError):
            Query.from_json(bad)
