"""The panels by themselves: what they show, what they emit, and that a narrow dock holds them."""

import pytest
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QColor, QPalette
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QSpinBox

from geoloupe.plugin.errors import GeoLoupeError
from geoloupe.plugin.gui import formats, index_state
from geoloupe.plugin.gui.dock import GeoLoupeDock
from geoloupe.plugin.gui.icons import FOLDER, icon


@pytest.fixture
def dock(qtbot, qgis_new_project):
    dock = GeoLoupeDock()
    qtbot.addWidget(dock)
    dock.resize(300, 800)
    dock.show()
    return dock


def plain(text):
    """Without the spaces that keep a number and its unit together."""
    return text.replace("\u00a0", " ")


def hits(number):
    return [
        {
            "rank": n + 1,
            "score": 0.9 - n * 0.1,
            "source": "/a/b.tif",
            "source_name": "b",
            "x0": 0,
            "y0": 0,
            "x1": 9,
            "y1": 9,
            "ground": [12.0, 9.0],
            "footprint": [[0, 0], [1, 0], [1, 1], [0, 1]],
            "crs": "EPSG:3857",
        }
        for n in range(number)
    ]


def test_numbers_read_well():
    assert plain(formats.count(12400)) == "12,400"
    assert (
        plain(formats.metres(0.149)) == "0.15 m"
        and plain(formats.metres(12.3)) == "12 m"
        and plain(formats.metres(1400)) == "1.4 km"
    )
    assert (
        plain(formats.size(6.3e6)) == "6.3 MB"
        and plain(formats.size(1.24e9)) == "1.2 GB"
        and plain(formats.size(12)) == "12 bytes"
    )
    assert plain(formats.duration(0.2)) == "a second" and plain(formats.duration(42)) == "42 s"
    assert (
        plain(formats.duration(125)) == "2 min"
        and plain(formats.duration(5000)) == "83 min"
        and plain(formats.duration(6000)) == "1 h 40 min"
    )
    assert plain(formats.elapsed(0.123)) == "0.12 s"
    assert [plain(formats.rough_duration(n)) for n in (3, 24, 73, 130)] == ["a few seconds", "20 s", "1 min", "2 min"]
    assert plain(formats.sides(12.3, 9.04)) == "12.3 × 9.0 m" and plain(formats.sides(24, 31)) == "24 × 31 m"
    assert plain(formats.scales([0.15])) == "0.15 m" and plain(formats.scales([0.15, 0.6])) == "0.15 m and 0.60 m"


def test_index_states_say_what_to_do():
    info = {"rows": 12400, "gsds": [0.15], "path": "/x", "complete": True, "being_written": False, "encoder_available": True}
    good = index_state.from_info(info, "Compact")
    assert plain(good.text) == "12,400 regions, 0.15 m, made with Compact" and good.searchable and good.level == "good"
    partial = index_state.from_info(dict(info, complete=False))
    assert partial.searchable and "go on" in partial.text
    other = index_state.from_info(dict(info, encoder_available=False))
    assert not other.searchable and "press Index" in other.text
    assert not index_state.from_info(dict(info, rows=0)).searchable
    assert "another program" in index_state.from_info(dict(info, being_written=True)).text
    assert plain(index_state.indexing(34, 100, 122, 10).text) == "Indexing 34 %, 2 min left"


def test_enter_in_the_query_line_searches(dock, qtbot):
    QTest.keyClicks(dock.query.line, "blue metal roof")
    with qtbot.waitSignal(dock.query.search_wanted):
        QTest.keyClick(dock.query.line, Qt.Key.Key_Return)
    assert dock.query.text() == "blue metal roof"


def test_match_is_for_boxes_only(dock):
    assert not dock.query.match.isEnabled() and not dock.query.chip.isVisible()
    dock.query.set_boxes(1, "Box 12 × 9 m")
    assert dock.query.match.isEnabled() and dock.query.chip.isVisible()
    assert [dock.query.match.itemData(i) for i in range(3)] == ["thing", "surroundings", "kind"]


def test_results_open_once_per_click_and_with_the_keyboard(dock, qtbot):
    dock.results.show_result(hits(5), 1200, 0.034, None)
    assert plain(dock.results.header.text()) == "5 places in 1,200 regions, 0.03 s"
    seen = []
    dock.results.hit_chosen.connect(lambda hit, closer: seen.append((hit["rank"], closer)))
    view = dock.results.list
    centre = view.visualRect(dock.results.model.index(1)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, centre)
    assert seen == [(2, False)]
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, centre)
    assert seen == [(2, False), (2, False)]
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert seen[-1] == (3, False) and len(seen) == 3
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert seen[-1] == (3, False) and len(seen) == 4


def test_caution_stands_above_the_hits(dock):
    dock.results.show_result(hits(2), 10, 0.1, "Probably nothing here: no place fits well.")
    assert dock.results.caution.isVisible() and dock.results.list.isVisible()
    caution = dock.results.caution.mapTo(dock, QPoint(0, 0)).y()
    assert caution < dock.results.list.mapTo(dock, QPoint(0, 0)).y()
    dock.results.show_result(hits(2), 10, 0.1, None)
    assert not dock.results.caution.isVisible()


def test_thumbnails_of_a_wrong_size_are_left_out(dock):
    dock.results.show_result(hits(2), 10, 0.1, None)
    model = dock.results.model
    model.set_thumbnail(0, 4, 4, bytes(48))
    model.set_thumbnail(1, 4, 4, bytes(47))
    model.set_thumbnail(9, 4, 4, bytes(48))
    from geoloupe.plugin.gui.results_model import THUMBNAIL

    assert model.index(0).data(THUMBNAIL).width() == 4
    assert model.index(1).data(THUMBNAIL) is None


def test_context_menu_offers_zoom_and_search_like_this(dock, qtbot):
    one = hits(1)
    dock.results.show_result(one, 10, 0.1, None)
    menu = dock.results.menu_for(one[0])
    zoom, like = menu.actions()
    with qtbot.waitSignal(dock.results.similar_wanted) as caught:
        like.trigger()
    assert caught.args[0]["rank"] == 1
    with qtbot.waitSignal(dock.results.hit_chosen) as caught:
        zoom.trigger()
    assert caught.args[1] is True


def test_expert_scales(dock):
    assert dock.index.gsds() is None
    for text in ("0.15 0.6", "0.15, 0.6", "0,15; 0,6", "0.15,0.6"):
        dock.index._scales.setText(text)
        assert dock.index.gsds() == [0.15, 0.6], text
    for text in ("fine", "0", "-1"):
        dock.index._scales.setText(text)
        with pytest.raises(ValueError):
            dock.index.gsds()


def test_cost_before_and_progress_while(dock, qtbot):
    dock.index.show_estimate({"chips": 300, "regions": 12400, "bytes": 6.4e6, "seconds": 130, "gsds": [0.15], "done_chips": 30})
    assert (
        plain(dock.index.cost_text())
        == "12,400 regions, 6.4 MB, about 2 min\nread at 0.15 m per pixel\n10 % of it is done already"
    )
    dock.index.set_running(True)
    assert dock.index.bar.isVisible() and dock.index.stop_button.isVisible() and not dock.index.group.isVisible()
    dock.index.set_progress(34, 100, 122)
    assert dock.index.bar.value() == 340 and "2 min" in plain(dock.index.bar.format())
    with qtbot.waitSignal(dock.index.stop_wanted):
        dock.index.stop_button.click()
    dock.index.set_running(False)
    assert dock.index.group.isVisible() and not dock.index.bar.isVisible()


def test_setup_card_says_size_time_and_place(dock, qtbot):
    dock.setup.offer(240e6, 700e6, "/home/a b/geoloupe", 2)
    text = plain(dock.setup._text.text())
    assert "240 MB" in text and "2 min" in text and "/home/a b/geoloupe" in text
    with qtbot.waitSignal(dock.setup.install_wanted):
        dock.setup._install.click()
    dock.setup.running(0.3, "Downloading")
    assert dock.setup._cancel.isVisible() and not dock.setup._install.isVisible()
    dock.setup.failed("The disk is full: free 300 MB and try again.")
    assert dock.setup._install.text() == "Try again" and "disk is full" in dock.setup._text.text()


def test_messages_show_the_whole_sentence_in_a_narrow_dock(dock, qtbot):
    dock.resize(280, 800)
    opened = []
    dock.messages.open_log = lambda: opened.append(True)
    sentence = "The layer has no coordinate system: assign one in the layer's properties, then try again."
    dock.messages.error(GeoLoupeError("no_crs", sentence, "detail"))
    QApplication.processEvents()
    body = dock.messages.currentItem().findChildren(type(dock.layer._state))[0]
    assert body.text() == sentence
    assert body.height() >= body.heightForWidth(body.width())
    button = next(b for b in dock.messages.findChildren(QAbstractButton) if b.text() == "Details")
    button.click()
    assert opened == [True]
    dock.messages.say("Done.")
    assert len(dock.messages.items()) == 1, "a new word takes the place of the last"


def test_a_dock_of_280_pixels_clips_nothing(dock):
    dock.setup.hide()
    dock.query.set_boxes(1, "Box 12 × 9 m on a_layer_with_a_very_long_name_indeed")
    dock.resize(280, 700)
    QApplication.processEvents()
    assert dock.minimumSizeHint().width() <= 280
    for widget in dock.findChildren((QAbstractButton, QLineEdit, QComboBox, QSpinBox)):
        if widget.isVisible() and dock.widget().isAncestorOf(widget):
            right = widget.mapTo(dock, QPoint(widget.width(), 0)).x()
            assert right <= dock.width(), "{} {}".format(type(widget).__name__, widget.accessibleName())


def test_everything_that_takes_the_keyboard_has_a_name(dock):
    dock.query.set_boxes(1, "Box")
    dock.results.show_result(hits(1), 1, 0.1, None)
    for widget in (
        dock.query.line,
        dock.query.box_button,
        dock.query.clear_button,
        dock.query.match,
        dock.query.count,
        dock.results.list,
        dock.layer.combo,
        dock.index._size,
        dock.index._extent,
        dock.index._scales,
    ):
        assert widget.accessibleName(), widget


def test_tab_goes_from_the_words_to_the_search(dock, qtbot):
    dock.query.set_boxes(1, "Box")
    dock.activateWindow()
    order, widget = [], dock.query.line
    for _ in range(60):
        order.append(widget)
        widget = widget.nextInFocusChain()
        if widget is dock.query.line:
            break
    wanted = [
        dock.query.line,
        dock.query.match,
        dock.query.visible_only,
        dock.query.count,
        dock.query.search_button,
        dock.results.list,
    ]
    places = [order.index(widget) for widget in wanted]
    assert places == sorted(places)


def test_escape_in_the_dock_gives_the_map_back(dock, qtbot):
    with qtbot.waitSignal(dock.escape_pressed):
        QTest.keyClick(dock.query.line, Qt.Key.Key_Escape)


def test_icons_take_the_text_colour():
    for colour in ("#000000", "#ffffff"):
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.ButtonText, QColor(colour))
        image = icon("search", palette).pixmap(32, 32).toImage()
        shades = {image.pixelColor(x, y).name() for x in range(32) for y in range(32) if image.pixelColor(x, y).alpha() == 255}
        assert shades == {colour}
    assert {path.stem for path in FOLDER.glob("*.svg")} >= {"geoloupe", "box", "search", "keep", "clear", "stop", "similar"}
