"""Further sets come out of a clone as they are listed: the same pictures, labels and boxes, and nothing that cannot be read."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")
if shutil.which("git") is None:
    pytest.skip("git is not here", allow_module_level=True)

from geoloupe.models.compact.bring import LISTED, Clone, digest, kept_name, main, make  # noqa: E402
from geoloupe.models.compact.further import prepare  # noqa: E402
from geoloupe.plugin.errors import GeoLoupeError  # noqa: E402

LISTED_AS = {"name": "some", "use": "train", "repository": "owner/some", "path": "", "licence": "made here", "class": "A"}
LISTED_AS |= {"gsd": 1, "about": "", "label": "thing", "above": 2}


def picture(width=40, height=20, shade=90, form="JPEG"):
    held = io.BytesIO()
    Image.new("RGB", (width, height), (shade, 60, 30)).save(held, form)
    return held.getvalue()


def band(value):
    held = io.BytesIO()
    Image.fromarray(np.full((20, 40), value, np.uint16)).save(held, "TIFF")
    return held.getvalue()


@pytest.fixture
def commit(tmp_path):
    """commit(files, bare=False): a clone of owner/some with these files, and the fields of the list that find it."""

    def made(files, bare=False):
        where = tmp_path / "clones" / "owner" / "some"
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.autocrlf=false", "-C", str(where)]
        for path, held in files.items():
            (where / path).parent.mkdir(parents=True, exist_ok=True)
            (where / path).write_bytes(held if isinstance(held, bytes) else held.encode())
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
            subprocess.run([*git, *words], check=True)
        head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
        if bare:
            subprocess.run(["git", "clone", "-q", "--bare", str(where), f"{where}.git"], check=True)
            shutil.rmtree(where)
        else:
            for path in files:
                (where / path).unlink()  # the commit is read, not the work tree
        return Clone(where.with_name("some.git") if bare else where, "owner/some", head), head

    return made


@pytest.mark.parametrize("bare", [False, True])
def test_folders_give_their_labels_and_leave_out_what_cannot_be_read(commit, tmp_path, bare):
    files = {f"data/{part}/{kind}/p{number}.jpg": picture(shade=number) for part in "ab" for kind in ("pools", "none")
             for number in range(4)}  # fmt: skip
    clone, _ = commit(files | {"data/a/pools/p0.jpg": b"\xff\xd8 no picture", "data/a/readme.txt": "x"}, bare)
    how = LISTED_AS | {"kind": "scenes", "format": "folders", "folders": ["data/"], "labels": {"pools": "pool"}, "name_parts": 3}
    items = make(how | {"every": 2}, clone, tmp_path / "sets" / "some")
    assert items == [{"file": f"images/{name}.jpg", "label": "pool"} for name in ("a_pools_p2", "b_pools_p0", "b_pools_p2")]
    facts = json.loads((tmp_path / "sets" / "some" / "facts.json").read_text(encoding="utf-8"))
    assert facts["items"] == items and facts["licence"] == "made here" and "format" not in facts
    assert (tmp_path / "sets" / "some" / "images" / "b_pools_p2.jpg").read_bytes() == files["data/b/pools/p2.jpg"]
    prepare(tmp_path / "sets", tmp_path / "cache")
    assert np.load(tmp_path / "cache" / "further" / "some.npy").shape == (3, 160, 160, 3)


@pytest.mark.parametrize(("draw", "names"), [("shuffle", ["a4", "a2", "b4", "b0"]), ("sample", ["a3", "a5", "b0", "b2"])])
def test_a_seed_chooses_the_same_pictures_everywhere(commit, tmp_path, draw, names):
    clone, _ = commit({f"{kind}/{kind}{number}.jpg": picture() for kind in "ab" for number in range(6)})
    how = LISTED_AS | {"kind": "scenes", "format": "folders", "folders": [""], "labels": {"a": "one", "b": "two"}}
    items = make(how | {"draw": draw, "seed": 0, "count": 2}, clone, tmp_path / "some")
    assert [item["file"][7:-4] for item in items] == names


def xml(*edges, size=(40, 20), head=""):
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True))
    size_of = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    return f"{head}<annotation>{size_of}<object><name>x</name><bndbox>{inside}</bndbox></object></annotation>"


def boxes_of(items):
    return {item["file"][7:]: [box[1:] for box in item["boxes"]] for item in items}


def test_boxes_are_cut_at_the_edge_and_those_outside_left_out(commit, tmp_path):
    rows = ["one,x,\"(5, 6, 15, 16)\"", "one,x,\"(30, 10, 60, 30)\"", "one,x,\"(50, 5, 60, 15)\"", "one,x,\"(5, 9, 15, 3)\"",
            "two.jpg,x,\"[(4, 3), (12, 1), (9, 11), (4, 3)]\"", "bad,x,\"(1, 1, 9, 9)\"", "far,x,\"(-9, 0, 1, 9)\""]  # fmt: skip
    files = {f"in/{name}.jpg": picture() for name in ("one", "two", "far", "unlisted")} | {"in/bad.jpg": picture()[:200]}
    clone, _ = commit(files | {"boxes.csv": "\n".join(["image_id,class,edges", *rows])})
    how = LISTED_AS | {"kind": "boxes", "format": "csv", "folders": ["in/"], "table": "boxes.csv", "column": "edges"}
    items = make(how, clone, tmp_path / "some")
    assert boxes_of(items) == {"one.jpg": [[5, 6, 15, 16], [30, 10, 40, 20]], "two.jpg": [[4, 1, 12, 11]]}
    assert items[0]["boxes"][0][0] == "thing"


def test_voc_follows_the_size_it_was_drawn_in(commit, tmp_path):
    clone, _ = commit({"in/a b.jpg": picture(), "xml/a b.xml": xml(10, 4, 90, 60, size=(80, 40)), "in/bare.jpg": picture()})
    how = LISTED_AS | {"kind": "boxes", "format": "voc", "folders": ["in/"], "boxes": "xml/"}
    assert boxes_of(make(how, clone, tmp_path / "some")) == {"a_b.jpg": [[5, 2, 40, 20]]}


@pytest.mark.parametrize("words", [xml(1, 2, 9, 9, head="<!DOCTYPE a [<!ENTITY b 'c'>]>"), "<annotation>", xml("x", 2, 9, 9)])
def test_voc_that_is_none_is_one_clear_sentence(commit, tmp_path, words):
    clone, _ = commit({"in/a.jpg": picture(), "xml/a.xml": words})
    with pytest.raises(GeoLoupeError, match="leave"):
        make(LISTED_AS | {"kind": "boxes", "format": "voc", "folders": ["in/"], "boxes": "xml/"}, clone, tmp_path / "some")
    assert not (tmp_path / "some" / "facts.json").exists()


def test_yolo_takes_one_version_of_each_picture(commit, tmp_path):
    lines = {"test": "0 0.5 0.5 0.5 0.333\n", "train": "0 .1 .1 .1 .1\n", "valid": "0 .1 .2 .6 .2 .4 .7\n\n"}
    names = {"test": "a_jpg.rf.1", "train": "a_jpg.rf.2", "valid": "b_jpg.rf.3"}
    files = {f"{part}/images/{name}.jpg": picture() for part, name in names.items()}
    clone, _ = commit(files | {f"{part}/labels/{name}.txt": lines[part] for part, name in names.items()})
    how = LISTED_AS | {"kind": "boxes", "format": "yolo", "folders": [""], "decimals": 1, "name_until": ".rf."}
    found = boxes_of(make(how, clone, tmp_path / "some"))
    assert found == {"a_jpg.jpg": [[10, 6.7, 30, 13.3]], "b_jpg.jpg": [[4, 4, 24, 14]]}


def test_coco_makes_pictures_of_bands(commit, tmp_path):
    size = {"width": 40, "height": 20}
    told = {"images": [{"id": 1, "file_name": "a.tiff"} | size, {"id": 2, "file_name": "b.tiff"} | size]}
    told["annotations"] = [{"image_id": 1, "bbox": [1, 2, 3, 4]}, {"image_id": 2, "bbox": [-3, 2, 9, 9]}]
    levels = {"B02": 65535, "B03": 65535 / 5, "B04": 0}
    files = {f"a/x_{name}.tiff": band(value) for name, value in levels.items()}
    files |= {"a/a.tiff": b"too large", "b/b.tiff": picture(form="TIFF"), "all.json": json.dumps(told)}
    clone, _ = commit(files)
    how = LISTED_AS | {"kind": "boxes", "format": "coco", "table": "all.json", "png": True}
    items = make(how | {"made_of": {"a.tiff": ["B04", "B03", "B02"], "b.tiff": "b.tiff"}}, clone, tmp_path / "some")
    assert boxes_of(items) == {"a.png": [[1, 2, 4, 6]], "b.png": [[0, 2, 6, 11]]}
    assert Image.open(tmp_path / "some" / "images" / "a.png").getpixel((3, 3)) == (0, 128, 255)


@pytest.mark.parametrize(
    ("path", "name"), [("a/../..", "_"), ("a/.git", "git"), ("c:\\d.jpg", "c__d.jpg"), ("é 1.png", "é_1.png")]
)
def test_no_name_leads_out_of_the_folder(path, name):
    assert kept_name(path, {}) == name


def test_a_clone_that_lacks_a_file_says_so(commit, tmp_path):
    clone, _ = commit({"a/1.jpg": picture(), "a/2.jpg": picture(shade=7)})
    lost = clone.blobs["a/2.jpg"]
    (tmp_path / "clones" / "owner" / "some" / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    how = LISTED_AS | {"kind": "scenes", "format": "folders", "folders": [""], "labels": {"a": "one"}}
    with pytest.raises(GeoLoupeError, match="lacks a/2.jpg: clone https://github.com/owner/some whole"):
        make(how, clone, tmp_path / "some")


def test_the_command_makes_what_it_can_and_says_what_is_missing(commit, tmp_path, monkeypatch, capsys):
    _, head = commit({"a/1.jpg": picture(), "a/2.jpg": picture()})
    how = LISTED_AS | {"kind": "scenes", "format": "folders", "folders": [""], "labels": {"a": "one"}, "commit": head}
    how |= {"pictures": 2, "digest": digest([{"file": f"images/{number}.jpg", "label": "one"} for number in (1, 2)])}
    others = [{"name": "gone", "repository": "no/gone"}, {"name": "old", "commit": "0" * 40}, {"name": "other", "digest": "x"}]
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps([*(how | other for other in others), how | {"use": "apart"}]), encoding="utf-8")

    def run(*words):
        clones, to = str(tmp_path / "clones"), str(tmp_path / "sets")
        monkeypatch.setattr(sys, "argv", ["models bring", "--clones", clones, "--to", to, "--list", str(listed), *words])
        return main(), capsys.readouterr()

    failed, said = run()
    lines = said.err.splitlines()
    assert failed == 1 and [line.partition(":")[0] for line in lines] == ["gone", "old", "other"]
    assert "https://github.com/no/gone" in lines[0] and "lacks commit" in lines[1] and "anew" in lines[2]
    assert (tmp_path / "sets" / "apart" / "some" / "images" / "2.jpg").exists() and said.out.startswith("some: 2 pictures")
    assert not list((tmp_path / "sets" / "train").glob("*/facts.json"))
    assert run("--only", "some")[1].out == ""  # it is there
    assert run("--use", "apart")[0] == 0
    with pytest.raises(SystemExit):
        run("--only", "nothing")


def test_the_shipped_list_is_whole():
    listed = json.loads(LISTED.read_text(encoding="utf-8"))
    assert sorted(how["name"] for how in listed if how["use"] == "train") == [
        "eurosat_rgb", "pool_chips", "sen2ships", "ships_google_earth", "uc_merced",
    ]  # fmt: skip
    for how in listed:
        assert how["class"] in ("A", "C") and how["licence"] and len(how["digest"]) == 64 and how["pictures"] > 0
