"""The box tool on a real canvas, driven with the mouse."""

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsProject, QgsRectangle
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest

from geoloupe.plugin.gui.box_tool import BoxTool
from geoloupe.plugin.gui.query_boxes import QueryBox, QueryBoxes

NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


@pytest.fixture
def canvas(qgis_canvas, qgis_new_project):
    qgis_canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    qgis_canvas.setExtent(QgsRectangle(0, 0, 800, 600))
    qgis_canvas.setRotation(0)
    qgis_canvas.resize(800, 600)
    yield qgis_canvas
    qgis_canvas.setRotation(0)


@pytest.fixture
def tool(canvas):
    tool = BoxTool(canvas)
    canvas.setMapTool(tool)
    yield tool
    canvas.unsetMapTool(tool)


def drag(canvas, start, end, modifiers=NONE):
    port = canvas.viewport()
    QTest.mousePress(port, LEFT, modifiers, QPoint(*start))
    QTest.mouseMove(port, QPoint((start[0] + end[0]) // 2, (start[1] + end[1]) // 2))
    QTest.mouseMove(port, QPoint(*end))
    QTest.mouseRelease(port, LEFT, modifiers, QPoint(*end))


def corners(geometry):
    return [(point.x(), point.y()) for point in geometry.asPolygon()[0]]


def test_a_drag_gives_the_box_that_was_seen(canvas, tool, qtbot):
    with qtbot.waitSignal(tool.drawn, timeout=1000) as caught:
        drag(canvas, (300, 200), (400, 260))
    geometry, add = caught.args
    wanted = canvas.getCoordinateTransform().toMapCoordinates(300, 200)
    unit = canvas.mapUnitsPerPixel()
    box = geometry.boundingBox()
    assert not add
    assert box.xMinimum() == pytest.approx(wanted.x(), abs=unit)
    assert box.yMaximum() == pytest.approx(wanted.y(), abs=unit)
    assert box.width() == pytest.approx(100 * unit, rel=0.03)
    assert box.height() == pytest.approx(60 * unit, rel=0.03)


def test_dragging_up_and_left_gives_the_same_box(canvas, tool, qtbot):
    with qtbot.waitSignal(tool.drawn) as first:
        drag(canvas, (300, 200), (400, 260))
    with qtbot.waitSignal(tool.drawn) as second:
        drag(canvas, (400, 260), (300, 200))
    assert corners(first.args[0]) == corners(second.args[0])


def test_a_rotated_map_gives_a_rotated_polygon(canvas, tool, qtbot):
    canvas.setRotation(30)
    with qtbot.waitSignal(tool.drawn) as caught:
        drag(canvas, (300, 200), (420, 260))
    ring = corners(caught.args[0])
    assert len(set(ring)) == 4
    assert len({round(y, 3) for _, y in ring}) == 4, "no side of it runs along the axes"
    unit = canvas.mapUnitsPerPixel()
    assert caught.args[0].area() == pytest.approx(120 * 60 * unit * unit, rel=0.05)


def test_shift_adds(canvas, tool, qtbot):
    with qtbot.waitSignal(tool.drawn) as caught:
        drag(canvas, (100, 100), (150, 150), SHIFT)
    assert caught.args[1] is True


def test_a_click_is_no_box(canvas, tool, qtbot):
    with qtbot.assertNotEmitted(tool.drawn, wait=50):
        drag(canvas, (300, 200), (303, 260))
        drag(canvas, (300, 200), (300, 200))


def test_escape_and_right_click_cancel_and_leave_nothing_on_the_map(canvas, tool, qtbot):
    before = len(canvas.scene().items())
    port = canvas.viewport()
    QTest.mousePress(port, LEFT, NONE, QPoint(100, 100))
    QTest.mouseMove(port, QPoint(200, 200))
    with qtbot.waitSignal(tool.cancelled):
        QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert len(canvas.scene().items()) == before
    with qtbot.assertNotEmitted(tool.drawn, wait=50):
        QTest.mouseRelease(port, LEFT, NONE, QPoint(200, 200))
    with qtbot.waitSignal(tool.cancelled):
        QTest.mousePress(port, RIGHT, NONE, QPoint(100, 100))


def square(x, y, side=10.0):
    return QgsGeometry.fromRect(QgsRectangle(x, y, x + side, y + side))


def test_boxes_are_kept_added_and_cleared(canvas, qtbot):
    boxes = QueryBoxes(canvas)
    crs = QgsCoordinateReferenceSystem("EPSG:3857")
    before = len(canvas.scene().items())
    with qtbot.waitSignal(boxes.changed):
        boxes.put(QueryBox(square(0, 0), crs))
    boxes.put(QueryBox(square(20, 0), crs), add=True)
    assert len(boxes) == 2 and len(canvas.scene().items()) == before + 2
    boxes.put(QueryBox(square(40, 0), crs))
    assert len(boxes) == 1 and len(canvas.scene().items()) == before + 1
    boxes.clear()
    assert len(boxes) == 0 and len(canvas.scene().items()) == before
    boxes.close()


def test_a_box_follows_when_the_map_changes_its_crs(canvas):
    boxes = QueryBoxes(canvas)
    boxes.put(QueryBox(square(1000, 1000, 500), QgsCoordinateReferenceSystem("EPSG:3857")))
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    band = boxes._bands[0].asGeometry().boundingBox()
    assert band.xMinimum() == pytest.approx(0.008983, abs=1e-5)
    assert boxes.boxes()[0].crs_name() == "EPSG:3857", "the query itself stays as it was drawn"
    boxes.close()


def test_ground_size_is_in_metres_in_any_crs(qgis_new_project):
    box = QueryBox(QgsGeometry.fromRect(QgsRectangle(85.52, 27.62, 85.521, 27.621)), QgsCoordinateReferenceSystem("EPSG:4326"))
    width, height = sorted(box.ground_size(QgsProject.instance()))
    assert width == pytest.approx(98.7, abs=1.0) and height == pytest.approx(110.8, abs=1.0)
    assert box.ring()[0] != box.ring()[-1] and len(box.ring()) == 4
