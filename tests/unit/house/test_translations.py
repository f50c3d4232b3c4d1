"""The catalogues of the interface: they cover the code, and no translation loses what is filled into it."""

import importlib.util
import struct
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "translations.py"
spec = importlib.util.spec_from_file_location("geoloupe_tools_translations", TOOL)
translations = importlib.util.module_from_spec(spec)
spec.loader.exec_module(translations)


@pytest.fixture(scope="module")
def texts(root):
    return translations.source_strings(root)


def test_the_interface_speaks_through_tr(texts):
    assert len(texts) > 100 and "Searching…" in texts


@pytest.mark.parametrize("path", sorted(translations.FOLDER.glob("*.ts")), ids=lambda path: path.stem)
def test_a_catalogue_is_whole(path, texts):
    """A text that lacks its translation is shown in English, so a few may be behind; `make lint` asks for every one."""
    translated = translations.read_ts(path)
    assert translations.problems_of(path, dict.fromkeys(translated)) == []
    missing = [text for text in texts if text not in translated]
    assert len(missing) <= 0.1 * len(texts), missing


def test_strings_are_found_where_code_asks_for_them(tmp_path):
    source = tmp_path / "a.py"
    source.write_text('tr("one")\nself.tr("two {n}", n=1)\nQCoreApplication.translate("GeoLoupe", "three")\ntr(name)\n"four"\n')
    assert translations.strings_of(source) == ["one", "two {n}", "three"]


def test_update_keeps_what_is_translated_and_check_sees_what_is_not(tmp_path):
    path = tmp_path / "geoloupe_de.ts"
    translations.write_ts(path, {"one": "a.py", "two {n}": "a.py"}, {"one": "eins <&>", "two {n}": "zwei"})
    assert translations.read_ts(path) == {"one": "eins <&>", "two {n}": "zwei"}
    problems = translations.problems_of(path, {"one": "a.py", "new": "a.py"})
    assert len(problems) == 2 and "'new'" in problems[0] and "zwei" in problems[1]
    translations.write_ts(path, {"one": "a.py", "new": "a.py"}, translations.read_ts(path))
    assert translations.read_ts(path) == {"one": "eins <&>"}


def test_a_compiled_catalogue_is_a_sorted_table(tmp_path):
    content = translations.compile_qm({f"text {number}": f"Wort {number}" for number in range(50)})
    assert content.startswith(translations.QM_MAGIC)
    length = struct.unpack(">I", content[17:21])[0]
    hashes = [entry[0] for entry in struct.iter_unpack(">II", content[21 : 21 + length])]
    assert len(hashes) == 50 and hashes == sorted(hashes)
