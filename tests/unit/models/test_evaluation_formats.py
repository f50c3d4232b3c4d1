"""Every loader on a small copy in the published form, with the traps of that form."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from geoloupe.models.evaluation import Plan
from geoloupe.models.evaluation.formats import choose
from geoloupe.models.evaluation.formats.dior_rsvg import load as load_dior
from geoloupe.models.evaluation.formats.geochat import in_pixels, turned
from geoloupe.models.evaluation.formats.rsvqa import bucket
from geoloupe.models.evaluation.forms import Picture
from geoloupe.models.evaluation.pictures import Reader
from geoloupe.models.evaluation.tasks.words import words_of
from geoloupe.plugin.errors import GeoLoupeError


def paint(path, colour=(200, 40, 30), size=(20, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def read(path, **plan):
    form = choose(path)
    return form.name, form.load(path, Plan(**plan))


def test_class_folders_with_a_folder_in_between_and_a_split(tmp_path):
    for name in ("SeaLake/SeaLake_1.jpg", "SeaLake/SeaLake_2.jpg", "AnnualCrop/AnnualCrop_1.jpg"):
        paint(tmp_path / "EuroSAT" / "2750" / name)
    write(tmp_path / "EuroSAT" / "readme.txt", "x")
    name, material = read(tmp_path / "EuroSAT")
    assert name == "folders"
    assert [(scene.name, scene.label) for scene in material.scenes] == [
        ("AnnualCrop/AnnualCrop_1.jpg", "AnnualCrop"),
        ("SeaLake/SeaLake_1.jpg", "SeaLake"),
        ("SeaLake/SeaLake_2.jpg", "SeaLake"),
    ]
    for name in ("train/a/1.png", "train/b/1.png", "test/a/2.png", "test/b/2.png"):
        paint(tmp_path / "own" / name)
    _, material = read(tmp_path / "own")
    assert [scene.name for scene in material.scenes] == ["a/2.png", "b/2.png"]
    _, material = read(tmp_path / "own", split="train")
    assert [scene.name for scene in material.scenes] == ["a/1.png", "b/1.png"]


def test_names_become_words():
    assert [words_of(name) for name in ("SeaLake", "dense_residential", "storage-tank", "Airport", "baseballfield2")] == [
        "sea lake", "dense residential", "storage tank", "airport", "baseballfield 2",
    ]  # fmt: skip


def test_captions_as_json_use_the_split_and_count_bad_rows(tmp_path):
    paint(tmp_path / "RSICD_images" / "airport_1.jpg")
    paint(tmp_path / "RSICD_images" / "pond_2.jpg")
    sentences = [{"raw": "many planes .", "tokens": ["many", "planes"]}, {"raw": "  "}, {"raw": "many planes ."}]
    write(
        tmp_path / "dataset_rsicd.json",
        {
            "images": [
                {"filename": "airport_1.jpg", "imgid": 0, "split": "test", "sentences": sentences},
                {"filename": "pond_2.jpg", "imgid": 1, "split": "test", "sentences": [{"raw": "a green pond"}]},
                {"filename": "pond_3.jpg", "imgid": 2, "split": "test", "sentences": [{"raw": "not there"}]},
                {"filename": "pond_4.jpg", "imgid": 3, "split": "test", "sentences": []},
                {"filename": "pond_5.jpg", "imgid": 4, "split": "train", "sentences": [{"raw": "x"}]},
            ],
            "dataset": "rsicd",
        },
    )
    name, material = read(tmp_path)
    assert name == "karpathy"
    assert [(one.name, one.texts, one.kind) for one in material.captioned] == [
        ("airport_1.jpg", ("many planes .", "many planes ."), "airport"),
        ("pond_2.jpg", ("a green pond",), "pond"),
    ]
    assert material.left_out == {
        "empty captions": 1, "rows whose picture is not there": 1, "images without a caption": 1,
    }  # fmt: skip
    with pytest.raises(GeoLoupeError, match="has test, train"):
        read(tmp_path, split="val")


def test_captions_as_csv_by_their_usual_columns(tmp_path):
    for name in ("1.tif", "2.tif"):
        paint(tmp_path / "images" / name)
    write(
        tmp_path / "RSITMD_img_txt_pairs_test.csv", "filepath\ttitle\n1.tif\ta red roof, tall\n1.tif\ttwo cars\n2.tif\ta field\n"
    )
    name, material = read(tmp_path)
    assert name == "captions-csv"
    assert [(one.name, one.texts) for one in material.captioned] == [
        ("1.tif", ("a red roof, tall", "two cars")),
        ("2.tif", ("a field",)),
    ]


def test_patterncom_takes_the_class_from_the_name_and_all_other_images_as_distractors(tmp_path):
    for name in ("tenniscourt001", "tenniscourt002", "airplane001", "river001"):
        paint(tmp_path / "PatternNet" / "images" / name.rstrip("0123456789") / f"{name}.jpg")
    write(
        tmp_path / "PatternNet" / "PatternCom" / "color.csv",
        "tenniscourt001.jpg,color,blue\ntenniscourt002.jpg,color,red\nairplane009.jpg,color,white\nbroken\n",
    )
    write(tmp_path / "PatternNet" / "PatternCom" / "shape.csv", "filename,attribute,value\nriver001.jpg,shape,curved\n")
    name, material = read(tmp_path / "PatternNet")
    assert name == "patterncom"
    assert [(one.name, one.kind, one.attribute, one.value) for one in material.composables] == [
        ("tenniscourt001.jpg", "tenniscourt", "color", "blue"),
        ("tenniscourt002.jpg", "tenniscourt", "color", "red"),
        ("river001.jpg", "river", "shape", "curved"),
        ("airplane001.jpg", "airplane", "", ""),
    ]
    assert material.left_out == {
        "rows whose picture is not there": 1, "rows without filename, attribute and value": 1,
    }  # fmt: skip


def rsvqa(folder, prefix, images, active=True):
    """Two answers a question apart: ids are not where they stand, as in a cut copy of the files."""
    paint(folder / images / "7.tif")
    questions = [
        {"id": 11, "img_id": 7, "type": "count", "question": "How many roads?", "answers_ids": [31], "active": True},
        {"id": 12, "img_id": 7, "type": "presence", "question": "Is there a road?", "answers_ids": [30], "active": True},
        {"id": 13, "img_id": 7, "type": "presence", "question": "Old?", "answers_ids": [30], "active": False},
        {"id": 14, "img_id": 8, "type": "presence", "question": "Elsewhere?", "answers_ids": [30], "active": True},
        {"id": 15, "img_id": 9, "type": "presence", "question": "No picture?", "answers_ids": [30], "active": True},
        {"id": 16, "img_id": 7, "type": "comp", "question": "Gone?", "answers_ids": [99], "active": True},
    ]
    answers = [{"id": 30, "answer": "yes", "active": True}, {"id": 31, "answer": "57", "active": True}]
    pictures = [{"id": 7, "active": True}, {"id": 8, "active": False}, {"id": 9, "active": True}]
    for name, rows in (("questions", questions), ("answers", answers), ("images", pictures)):
        write(folder / f"{prefix}_split_test_{name}.json", {name: rows})


@pytest.mark.parametrize("prefix, images, count", [("LR", "Images_LR", "between 11 and 100"), ("USGS", "Data", "57")])
def test_rsvqa_follows_ids_and_active_flags(tmp_path, prefix, images, count):
    rsvqa(tmp_path, prefix, images)
    name, material = read(tmp_path)
    assert name == "rsvqa"
    assert [(one.text, one.answer, one.type) for one in material.questions] == [
        ("How many roads?", count, "count"),
        ("Is there a road?", "yes", "presence"),
    ]
    assert material.left_out == {
        "questions that are not active": 2,
        "rows whose picture is not there": 1,
        "questions without a question or an answer": 1,
    }
    with pytest.raises(GeoLoupeError, match="the folder has test"):
        read(tmp_path, split="val")


def test_counts_of_the_low_resolution_have_five_classes():
    assert [bucket(number) for number in ("0", "1", "10", "11", "100", "101", "1000", "1001", "yes")] == [
        "0", "between 1 and 10", "between 1 and 10", "between 11 and 100", "between 11 and 100",
        "between 101 and 1000", "between 101 and 1000", "more than 1000", "yes",
    ]  # fmt: skip


def test_vrsbench_evaluation_files(tmp_path):
    paint(tmp_path / "Images_val" / "P0003_0002.png")
    image = {"image_id": "P0003_0002.png", "dataset": "RSBench"}
    write(
        tmp_path / "VRSBench_EVAL_referring.json",
        [
            {**image, "question_id": 0, "question": "the ship at the left", "ground_truth": "{<10><20><30><60>}", "unique": True,
             "obj_cls": "ship", "size_group": "small"},
            {**image, "question_id": 1, "question": "a thin one", "ground_truth": "{<50><20><50><60>}", "unique": False},
            {**image, "question_id": 2, "question": "exact", "ground_truth": "{<0><0><9><9>}", "obj_cls": "ship",
             "obj_corner": [0.25, 0.5, 0.75, 0.5, 0.75, 0.625, 0.25, 0.625]},
            {**image, "question_id": 3, "question": "no box", "ground_truth": "somewhere"},
        ],
    )  # fmt: skip
    write(
        tmp_path / "VRSBench_EVAL_vqa.json",
        [
            {**image, "question_id": 0, "question": "How many ships?", "ground_truth": "Two", "type": "object quantity"},
            {**image, "question_id": 1, "question": "And?", "ground_truth": "", "type": "object quantity"},
        ],
    )
    write(tmp_path / "VRSBench_EVAL_Cap.json", [{**image, "question_id": 0, "question": "Describe", "ground_truth": "Ships."}])
    name, material = read(tmp_path)
    assert name == "vrsbench"
    assert [(one.box, one.expression, one.label, one.group) for one in material.regions] == [
        ((0.1, 0.2, 0.3, 0.6), "the ship at the left", "ship", "unique"),
        ((0.5, 0.2, 0.51, 0.6), "a thin one", "", "not unique"),
        ((0.25, 0.5, 0.75, 0.625), "exact", "ship", ""),
    ]
    assert [(one.text, one.answer, one.type) for one in material.questions] == [("How many ships?", "two", "object quantity")]
    assert [one.texts for one in material.captioned] == [("Ships.",)]
    assert material.left_out == {"sentences without a box or words": 1, "rows without an answer": 1}


def test_vrsbench_annotations_of_single_images(tmp_path):
    paint(tmp_path / "Images_val" / "a.png")
    corner = [0.1, 0.1, 0.5, 0.1, 0.5, 0.4, 0.1, 0.4]
    write(
        tmp_path / "Annotations_val" / "a.json",
        {
            "image": "a.png",
            "caption": "A harbour.",
            "objects": [
                {"obj_cls": "ship", "obj_corner": corner, "referring_sentence": "The white ship", "is_unique": True, "obj_id": 0},
                {"obj_cls": "harbor", "obj_corner": corner[:4], "obj_id": 1},
                {"obj_cls": "harbor", "obj_id": 2},
            ],
            "qa_pairs": [{"question": "Colour?", "answer": "White", "type": "object color"}, {"question": "x"}],
        },
    )
    write(tmp_path / "Annotations_val" / "b.json", "{broken")
    name, material = read(tmp_path)
    assert name == "vrsbench"
    assert [(one.box, one.expression) for one in material.regions] == [((0.1, 0.1, 0.5, 0.4), "The white ship")]
    assert material.left_out["objects without a box"] == 2 and material.left_out["annotations that cannot be read"] == 1
    assert material.questions[0].answer == "white" and material.captioned[0].texts == ("A harbour.",)


def test_geochat_rows_by_what_they_hold(tmp_path):
    for name in ("6.tif", "images/P1.png", "images/airport_3.jpg"):
        paint(tmp_path / name, size=(200, 100))
    suffix = "\nAnswer the question using a single word or phrase."
    lines = [
        {"question_id": 1, "image": "6.tif", "text": "Is it rural?" + suffix, "category": "rural_urban", "ground_truth": "Rural"},
        {"question_id": 2, "image": "6.tif", "text": "No answer here?" + suffix},
    ]
    write(tmp_path / "lrben.jsonl", "\n".join(json.dumps(line) for line in lines) + "\nbroken\n")
    scene = {
        "question_id": "a",
        "image": "airport_3.jpg",
        "text": "Classify the image from the following classes: airport, river.",
    }
    write(tmp_path / "aid.jsonl", json.dumps(scene))
    base = {"image_id": "P1", "type": "ref", "dataset": "SOTA", "obj_ids": [0], "size_group": "small"}
    corners = [[20, 10], [60, 10], [60, 50], [20, 50]]  # pixels of an image of 200 by 100
    lines = [
        {**base, "question_id": 1, "question": "<p>the left ship</p>", "ground_truth": [corners]},
        {**base, "question_id": 2, "question": "two ships", "ground_truth": [corners, [[120, 0], [130, 0], [130, 9], [120, 9]]]},
        {**base, "question_id": 4, "question": "the same ship", "ground_truth": corners},
    ]
    write(tmp_path / "referring.jsonl", "\n".join(json.dumps(line) for line in lines))
    line = {**base, "question_id": 3, "question": "{<10><20><30><40>|<0>}", "ground_truth": "a small ship"}
    write(tmp_path / "region_captioning.jsonl", json.dumps(line))
    name, material = read(tmp_path)
    assert name == "geochat"
    assert {(one.text, one.answer, one.type) for one in material.questions} == {
        ("Is it rural?", "rural", "lrben: rural_urban"),
        ("What kind of scene is this?", "airport", "aid: scene"),
    }
    assert sorted((one.box, one.expression) for one in material.regions) == [
        ((0.1, 0.1, 0.3, 0.5), "the left ship"),
        ((0.1, 0.1, 0.3, 0.5), "the same ship"),
        ((0.1, 0.2, 0.3, 0.4), "a small ship"),
    ]
    assert material.left_out["sentences with several boxes"] == 1 and material.left_out["lines that cannot be read"] == 1
    assert sum(count for reason, count in material.left_out.items() if "without an answer" in reason) == 1


def test_geochat_finds_answers_in_rsvqas_files(tmp_path):
    rsvqa(tmp_path, "LR", "Images_LR")
    rows = [{"question_id": 12, "image": "7.tif", "text": "Is there a road?\nAnswer the question using a single word or phrase."}]
    rows.append({"question_id": 12, "image": "7.tif", "text": "Another question?"})  # the id alone is not enough
    write(tmp_path / "lrben.jsonl", "\n".join(json.dumps(row) for row in rows))
    name, material = read(tmp_path)
    assert name == "geochat" and [(one.text, one.answer) for one in material.questions] == [("Is there a road?", "yes")]


def test_geochat_units_are_told_by_the_whole_file_and_turned_boxes_become_upright():
    small, large = {"ground_truth": [[1, 2], [3, 4]]}, {"ground_truth": [[1, 2], [300, 4]]}
    assert in_pixels([small, large]) and not in_pixels([small])
    assert turned([40, 45, 60, 55, 90]) == pytest.approx((0.45, 0.40, 0.55, 0.60))
    assert turned([40, 45, 60, 55]) == pytest.approx((0.40, 0.45, 0.60, 0.55))


XML = (
    """<annotation><filename>{name}.jpg</filename><size><width>{width}</width><height>10</height></size>{objects}</annotation>"""
)
OBJECT = (
    "<object><name>{kind}</name><pose>U</pose><bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin><xmax>{box[2]}</xmax>"
    "<ymax>{box[3]}</ymax></bndbox><description>{words}</description></object>"
)


def dior(folder):
    """Three images with 2, 1 and 2 objects: the running numbers are 0 1, 2, 3 4."""
    kinds = (("00001", 2, 20), ("00002", 1, 20), ("00010", 2, 0))
    number = 0
    for name, count, width in kinds:
        paint(folder / "JPEGImages" / f"{name}.jpg")
        objects = ""
        for _ in range(count):
            objects += OBJECT.format(kind="ship", box=(2 * number, 0, 2 * number + 2, 5), words=f"ship number {number}")
            number += 1
        write(folder / "Annotations" / f"{name}.xml", XML.format(name=name, width=width, objects=objects))


def test_dior_rsvg_split_lines_count_objects_over_sorted_files(tmp_path):
    dior(tmp_path)
    write(tmp_path / "train.txt", "0\n2\n")
    write(tmp_path / "test.txt", "3\n1\n")
    name, material = read(tmp_path)
    assert name == "dior-rsvg"
    asked = [(one.image, one.expression, one.box) for one in material.regions if one.expression]
    # As image ids, lines 1 and 3 would have meant another image, or none.
    assert asked == [
        ("00001.jpg", "ship number 1", (0.1, 0.0, 0.2, 0.5)),
        ("00010.jpg", "ship number 3", (0.3, 0.0, 0.4, 0.5)),  # its XML has no size: the picture's own
    ]
    others = [one.name for one in material.regions if not one.expression]
    assert others == ["00001.jpg 0", "00010.jpg 4"]  # of another split, but boxes of the same images


def test_dior_rsvg_stops_where_numbers_would_mean_other_objects(tmp_path):
    dior(tmp_path)
    write(tmp_path / "test.txt", "1\n7\n")
    with pytest.raises(GeoLoupeError, match="counts to 7 and the annotations have 5 objects"):
        load_dior(tmp_path, Plan())
    write(tmp_path / "test.txt", "1\n00010\nname\n")
    with pytest.raises(GeoLoupeError, match="running numbers"):
        load_dior(tmp_path, Plan())
    write(tmp_path / "test.txt", "1\n")
    write(tmp_path / "Annotations" / "00002.xml", "<annotation><object>")
    with pytest.raises(GeoLoupeError, match="00002.xml cannot be read"):
        load_dior(tmp_path, Plan())
    write(tmp_path / "Annotations" / "00002.xml", '<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>')
    with pytest.raises(GeoLoupeError, match="00002.xml cannot be read"):
        load_dior(tmp_path, Plan())


def test_places_from_a_table_and_from_georeferenced_rasters(tmp_path, scene):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        paint(tmp_path / "csv" / "images" / name)
    rows = "file,lat,lon,caption\na.jpg,51.5,-0.1,a park\nb.jpg,95,0,wrong\nc.jpg,-33.9,151.2,\nd.jpg,1,1,gone\ne.jpg,,2,\n"
    write(tmp_path / "csv" / "meta.csv", rows)
    name, material = read(tmp_path / "csv")
    assert name == "places-csv"
    assert [(one.name, one.lat, one.lon, one.caption) for one in material.located] == [
        ("a.jpg", 51.5, -0.1, "a park"),
        ("c.jpg", -33.9, 151.2, ""),
    ]
    assert sum(material.left_out.values()) == 3
    folder = tmp_path / "tiffs"
    folder.mkdir()
    scene.write_town(folder / "one.tif", width=64, height=64)
    scene.write_town(folder / "two.tif", width=64, height=64, origin=(600000.0, 5000000.0))
    scene.write_town(folder / "none.tif", width=64, height=64, crs=None)
    name, material = read(folder)
    assert name == "geotiffs" and [one.name for one in material.located] == ["one.tif", "two.tif"]
    assert material.located[0].lon == pytest.approx(15.0, abs=0.01) and material.located[1].lon == pytest.approx(16.27, abs=0.01)
    assert material.located[0].lat == pytest.approx(45.15, abs=0.02)


def test_a_folder_of_another_form_gets_one_sentence(tmp_path):
    with pytest.raises(GeoLoupeError, match="none of the known forms.*class folders"):
        choose(tmp_path)
    with pytest.raises(GeoLoupeError, match="is not there"):
        choose(tmp_path / "none")
    with pytest.raises(GeoLoupeError, match="no format “x”: choose one of geochat, rsvqa"):
        choose(tmp_path, "x")
    for name in ("geochat", "rsvqa", "vrsbench", "dior-rsvg", "patterncom", "karpathy", "places-csv", "captions-csv", "folders"):
        with pytest.raises(GeoLoupeError, match="expected .*") as caught:
            choose(tmp_path, name).load(tmp_path, Plan())
        assert caught.value.code == "usage" and caught.value.message.endswith(".") and "\n" not in caught.value.message


def test_pictures_of_any_kind_become_three_bands_of_bytes(tmp_path):
    import rasterio

    reader = Reader()
    Image.new("L", (4, 3), 7).save(tmp_path / "grey.png")
    assert np.unique(reader.read(Picture(str(tmp_path / "grey.png")))).tolist() == [7]
    Image.new("RGBA", (4, 3), (1, 2, 3, 255)).save(tmp_path / "rgba.png")
    assert reader.read(Picture(str(tmp_path / "rgba.png"))).reshape(-1, 3)[0].tolist() == [1, 2, 3]
    Image.new("RGB", (4, 3), (1, 2, 3)).convert("P").save(tmp_path / "palette.png")
    assert reader.read(Picture(str(tmp_path / "palette.png"))).shape == (3, 4, 3)
    values = np.arange(13 * 64, dtype=np.uint16).reshape(13, 8, 8)
    with rasterio.open(tmp_path / "ms.tif", "w", driver="GTiff", width=8, height=8, count=13, dtype="uint16") as file:
        file.write(values)
    pixels = reader.read(Picture(str(tmp_path / "ms.tif")))  # red is band 4, and all three are stretched alike
    assert pixels.shape == (8, 8, 3) and pixels[0, 0].tolist() == [0, 0, 0] and pixels[-1, -1].tolist() == [255] * 3
    values[3] = 5
    with rasterio.open(tmp_path / "flat.tif", "w", driver="GTiff", width=8, height=8, count=13, dtype="uint16") as file:
        file.write(values)
    flat = reader.read(Picture(str(tmp_path / "flat.tif")))
    assert np.ptp(flat[..., 0]) == 0 and np.ptp(flat[..., 1]) > 200
    Image.new("RGB", (5000, 50)).save(tmp_path / "long.png")
    assert reader.read(Picture(str(tmp_path / "long.png"))).shape == (20, 2048, 3)
    reader.close()
