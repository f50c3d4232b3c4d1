"""Qt reads the catalogues that packaging compiles, and the plugin's own tr() speaks German with them."""

import importlib.util
from pathlib import Path

import pytest
from qgis.PyQt.QtCore import QCoreApplication, QTranslator

from geoloupe.plugin.bridge.translation import tr

TOOL = Path(__file__).resolve().parents[1] / "tools" / "translations.py"
spec = importlib.util.spec_from_file_location("geoloupe_tools_translations", TOOL)
translations = importlib.util.module_from_spec(spec)
spec.loader.exec_module(translations)


@pytest.mark.parametrize("path", sorted(translations.FOLDER.glob("*.ts")), ids=lambda path: path.stem)
def test_every_translation_arrives(path, tmp_path):
    compiled = tmp_path / f"{path.stem}.qm"
    compiled.write_bytes(translations.compile_ts(path))
    translator = QTranslator()
    assert translator.load(str(compiled))
    QCoreApplication.installTranslator(translator)
    try:
        expected = translations.read_ts(path)
        assert {text: tr(text) for text in expected} == expected
        assert tr("a text that nobody translated") == "a text that nobody translated"
    finally:
        QCoreApplication.removeTranslator(translator)
    assert tr("Searching…") == "Searching…"
