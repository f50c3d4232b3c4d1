"""Collects the interface's strings into resources/i18n/*.ts and compiles those to .qm, with no tool of Qt's needed.

python3 translations.py update     add new strings, mark vanished ones, keep what is translated
python3 translations.py compile    write the .qm files beside their sources, for a plugin that runs from the checkout
python3 translations.py check      fail when a .ts is behind the code, or a translation misses a {place}
"""

import ast
import re
import struct
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "resources" / "i18n"
CONTEXT = "GeoLoupe"
QM_MAGIC = bytes.fromhex("3cb86418caef9c95cd211cbf60a1bddd")


def strings_of(path):
    """The literal texts that a file passes to ``tr(...)`` or ``translate(context, ...)``, in order of appearance."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        place = {"tr": 0, "translate": 1}.get(name)
        if place is None or len(node.args) <= place:
            continue
        text = node.args[place]
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            found.append((node.lineno, text.value))
    return [text for _, text in sorted(found)]


def source_strings(root=ROOT):
    """All texts of the interface with the file that has each first, in a stable order."""
    texts = {}
    for path in sorted((root / "plugin").rglob("*.py")):
        for text in strings_of(path):
            texts.setdefault(text, path.relative_to(root).as_posix())
    return texts


def read_ts(path):
    """{source text: translation} of the finished messages."""
    translated = {}
    for message in ET.parse(path).getroot().iter("message"):
        translation = message.find("translation")
        if translation is not None and translation.text and translation.get("type") not in ("unfinished", "vanished", "obsolete"):
            translated[message.findtext("source")] = translation.text
    return translated


def write_ts(path, texts, translated):
    """Write the catalogue: every text, translated or marked unfinished. Vanished ones are dropped: git remembers them."""
    language = path.stem.split("_", 1)[1]
    root = ET.Element("TS", version="2.1", language=language, sourcelanguage="en")
    context = ET.SubElement(root, "context")
    ET.SubElement(context, "name").text = CONTEXT
    for text, where in texts.items():
        message = ET.SubElement(context, "message")
        ET.SubElement(message, "location", filename=f"../../{where}")
        ET.SubElement(message, "source").text = text
        translation = ET.SubElement(message, "translation")
        if text in translated:
            translation.text = translated[text]
        else:
            translation.set("type", "unfinished")
    ET.indent(root, " " * 4)
    body = ET.tostring(root, encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{body}\n', encoding="utf-8", newline="\n")


def _hash(text):
    value = 0
    for byte in text:
        value = (value << 4) + byte
        high = value & 0xF0000000
        if high:
            value ^= high >> 24
        value &= ~high & 0xFFFFFFFF
    return value or 1


def compile_qm(translated):
    """The bytes of a .qm file: a table of hashes, sorted, each with the place of its message."""
    messages, places = bytearray(), []
    for source, target in sorted(translated.items()):
        places.append((_hash(source.encode()), len(messages)))
        for tag, value in ((3, target.encode("utf-16-be")), (8, b""), (6, source.encode()), (7, CONTEXT.encode())):
            messages += struct.pack(">BI", tag, len(value)) + value
        messages += b"\x01"
    table = b"".join(struct.pack(">II", *place) for place in sorted(places))
    return QM_MAGIC + struct.pack(">BI", 0x42, len(table)) + table + struct.pack(">BI", 0x69, len(messages)) + bytes(messages)


def compile_ts(path):
    return compile_qm(read_ts(path))


def problems_of(path, texts):
    """What is wrong with a catalogue: sentences."""
    known = {message.findtext("source") for message in ET.parse(path).getroot().iter("message")}
    problems = [f"{path.name} lacks {text!r}: run make translations" for text in texts if text not in known]
    for source, target in read_ts(path).items():
        if sorted(re.findall(r"\{\w*\}|%\d|%n", source)) != sorted(re.findall(r"\{\w*\}|%\d|%n", target)):
            problems.append(f"{path.name}: {target!r} does not fill the same places as {source!r}")
    return problems


def main(arguments):
    action = arguments[0] if arguments else ""
    texts, problems = source_strings(), []
    for path in sorted(FOLDER.glob("*.ts")):
        if action == "update":
            translated = read_ts(path)
            write_ts(path, texts, translated)
            print(f"{path.name}: {sum(text in translated for text in texts)} of {len(texts)} strings translated")
        elif action == "compile":
            path.with_suffix(".qm").write_bytes(compile_ts(path))
        elif action == "check":
            problems += problems_of(path, texts)
        else:
            print(__doc__, file=sys.stderr)
            return 2
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
