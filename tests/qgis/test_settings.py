"""Settings survive QGIS, and nonsense in the file counts as not set."""

import pytest
from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QSettings

from geoloupe.plugin.bridge.settings import Settings


@pytest.fixture
def store(tmp_path):
    return QgsSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)


def test_defaults_are_not_written(store):
    Settings().save(store)
    assert store.allKeys() == []
    assert Settings.load(store) == Settings()


def test_round_trip_with_types(store, tmp_path):
    chosen = Settings().changed(engine_python="/a b/é/python", count=7, object_size=4.5, labels=False, style="opacity")
    chosen.save(store)
    store.sync()
    again = QgsSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)
    assert Settings.load(again) == chosen
    Settings().save(again)
    assert Settings.load(again) == Settings()


@pytest.mark.parametrize(("name", "value"), [("count", "many"), ("count", -1), ("device", "toaster"), ("object_size", "nan")])
def test_nonsense_counts_as_not_set(store, name, value):
    store.setValue("geoloupe/" + name, value)
    assert Settings.load(store) == Settings()
