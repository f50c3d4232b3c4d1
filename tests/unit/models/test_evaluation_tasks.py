"""All six kinds of task with real encoders: one that knows nothing scores chance or less, one that knows what it should."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from PIL import Image

from geoloupe.models.evaluation import Plan, evaluate, to_markdown
from geoloupe.models.evaluation.embedding import Embedder, Stop
from geoloupe.models.evaluation.forms import SEARCH, Candidate, Input, Picture, Query, Task, Way
from geoloupe.models.evaluation.pictures import Reader
from geoloupe.models.evaluation.records import Captioned, Composable, Located, Material, Question, Region, Scene
from geoloupe.models.evaluation.run import limited
from geoloupe.models.evaluation.sampling import Pools
from geoloupe.models.evaluation.scoring import measure, weighted
from geoloupe.models.evaluation.tasks import regions, search
from geoloupe.plugin.errors import GeoLoupeError

spec = importlib.util.spec_from_file_location("geoloupe_evaluation_encoders", Path(__file__).parent / "evaluation_encoders.py")
encoders = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = encoders
spec.loader.exec_module(encoders)

COLOURS = {name: encoders.histogram.WORDS[name] for name in ("blue", "red", "green", "white")}
QUARTERS = {"blue": (0, 0), "red": (1, 0), "green": (0, 1), "white": (1, 1)}


def file_of(folder, name, pixels):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return Picture(str(path))


def plain(colour, size=16):
    return np.full((size, size, 3), COLOURS[colour], np.uint8)


def quarters(turn=0):
    """An image of four squares of one colour each, in an order that ``turn`` changes; and the box of each colour."""
    pixels, boxes = np.zeros((32, 32, 3), np.uint8), {}
    places = list(QUARTERS.values())
    for number, name in enumerate(QUARTERS):
        x, y = places[(number + turn) % 4]
        pixels[16 * y : 16 * y + 16, 16 * x : 16 * x + 16] = COLOURS[name]
        boxes[name] = (x / 2, y / 2, x / 2 + 0.5, y / 2 + 0.5)
    return pixels, boxes


@pytest.fixture
def material(tmp_path):
    """A little of everything; what is asked is always a colour."""
    found = Material(format="test")
    for number in range(3):
        for name in COLOURS:
            picture = file_of(tmp_path, f"{name}_{number}.png", plain(name))
            found.scenes.append(Scene(f"{name}_{number}", picture, name))
    for name in COLOURS:
        found.captioned.append(
            Captioned(name, Picture(str(tmp_path / f"{name}_0.png")), (f"a {name} roof", f"{name} metal"), name)
        )
    for number in range(3):
        for name in ("blue", "red", "green"):
            picture = Picture(str(tmp_path / f"{name}_{number}.png"))
            found.composables.append(Composable(f"{name}{number}", picture, "roof", "color", name))
    found.composables.append(Composable("other", Picture(str(tmp_path / "white_0.png")), "field", "", ""))
    for number, name in enumerate(COLOURS):
        picture = Picture(str(tmp_path / f"{name}_1.png"))
        # The more frequent question has one answer nearly always: the best single answer is far above chance.
        found.questions.append(Question(f"q{number}", name, picture, "What is it like?", name, "color"))
        found.questions.append(Question(f"r{number}", name, picture, "Rural?", "white" if name == "white" else "black", "rural"))
    for turn in range(3):
        pixels, boxes = quarters(turn)
        picture = file_of(tmp_path, f"quarters_{turn}.png", pixels)
        for name, box in boxes.items():
            found.regions.append(Region(f"{turn} {name}", f"image {turn}", picture, box, name, f"the {name} thing of {turn}"))
    for number, (lat, lon) in enumerate([(51.5, -0.1), (51.6, -0.1), (-33.9, 151.2), (-33.8, 151.2), (0.0, 0.0)]):
        code = np.zeros((8, 8, 3), np.uint8)
        code[...] = [*divmod(round((lat + 90) / 180 * 65535), 256), round((lon + 180) / 360 * 255)]
        picture = file_of(tmp_path, f"place_{number}.png", code)
        found.located.append(Located(f"place {number}", picture, lat, lon, f"caption {number % 2}" if number < 4 else ""))
    return found


def run(encoder, material, wanted="auto", **plan):
    report = evaluate(encoder, material, wanted, Plan(**plan))
    return report, {task["task"]: task for task in report["tasks"]}


def test_an_encoder_that_knows_nothing_scores_chance_or_less(material):
    report, tasks = run(encoders.ConstantEncoder(), material)
    assert len(tasks) >= 18 and {task["kind"] for task in report["tasks"]} == {
        "scene classification", "cross-modal search", "compositional retrieval", "visual question answering",
        "grounding and region-level reasoning", "semantic geospatial retrieval",
    }  # fmt: skip
    assert [name for name, task in tasks.items() if "ways" not in task] == ["box to boxes of its label, on the same image"]
    for task in report["tasks"]:
        for name, way in task.get("ways", {}).items():
            for measure_, found in way.items():
                if measure_ in ("km", "median km"):
                    assert found["value"] >= task["chance"]["km"] * 0.5
                elif measure_ in task["chance"]:
                    assert found["value"] <= task["chance"][measure_] + 1e-6, (task["task"], name, measure_)
            assert way["P@1"]["value"] == 0


@pytest.mark.parametrize("value", [0.1, 0.123456789, 1 / 3])
def test_a_constant_gains_nothing_where_the_first_candidate_is_the_truth(value):
    """The published trap: 1,000 candidates of which the first is right. Unshuffled and with ties in favour, that is 100 %."""
    candidates = [Candidate(str(number), Input(texts=(f"text {number}",)), frozenset([str(number)])) for number in range(1000)]
    query = Query("q", frozenset(["0"]))
    task = Task("trap", SEARCH, [query], candidates, [Way("encoder", ([Input(texts=("question",))],))])
    facts = measure(task, Embedder(encoders.ConstantEncoder(value, dim=768), Reader()), Plan())
    assert facts["queries"][0]["rank"] == 1000 and facts["ways"]["encoder"]["R@10"]["value"] == 0
    assert facts["chance"]["P@1"] == pytest.approx(0.001)


def test_an_encoder_that_gives_no_numbers_is_wrong_everywhere(material):
    _, tasks = run(encoders.ConstantEncoder(np.nan), material, "scenes")
    assert tasks["image to the name of its kind"]["ways"]["encoder"]["P@1"]["value"] == 0


def test_scenes_by_name(material):
    _, tasks = run(encoders.ColourEncoder(), material, "scenes")
    task = tasks["image to the name of its kind"]
    assert task["n"] == 12 and task["ways"]["encoder"]["P@1"]["value"] == 1
    assert task["chance"]["P@1"] == 0.25 and task["constant_answer"] == 0.25
    assert task["groups"]["blue"] == {
        "n": 3,
        "P@1": 1.0,
        "chance P@1": 0.25,
        "AP": 1.0,
        "chance AP": pytest.approx(0.5208, abs=1e-4),
    }
    one = task["queries"][0]
    assert one["rank"] == 1 and task["candidates"][one["first"][0]] == one["query"].split("_")[0]


def test_captions_any_of_an_image_counts_and_equal_ones_are_one_candidate(tmp_path):
    same = "a roof"
    images = [
        Captioned("blue_1", file_of(tmp_path, "a.png", plain("blue")), ("blue roof", same), "roof"),
        Captioned("red_1", file_of(tmp_path, "b.png", plain("red")), ("red roof", "red roof", same), "roof"),
        Captioned("green_1", file_of(tmp_path, "c.png", plain("green")), ("green field",), "field"),
    ]
    material = Material(captioned=images)
    report, tasks = run(encoders.ColourEncoder(), material, "search")
    to_text, to_image = tasks["image to caption"], tasks["caption to image"]
    assert sorted(to_text["candidates"]) == ["a roof", "blue roof", "green field", "red roof"]
    assert to_text["right_per_query"] == pytest.approx(5 / 3) and to_text["ways"]["encoder"]["R@1"]["value"] == 1
    assert to_image["n"] == 4 and [one["right"] for one in to_image["queries"]] == [1, 2, 1, 1]
    # "a roof" has no colour that an image has: only the three others are found first.
    assert to_image["ways"]["encoder"]["R@1"]["value"] == 0.75 and to_image["ways"]["encoder"]["nDCG@10"]["value"] > 0.75
    assert report["summary"] == {"mean recall (R@1, R@5, R@10, both directions)": pytest.approx((1 * 5 + 0.75) / 6, abs=1e-4)}


def test_graded_relevance_is_half_kind_and_half_words(tmp_path):
    picture = file_of(tmp_path, "a.png", plain("blue"))
    images = [
        Captioned("a", picture, ("many planes on a runway",), "airport"),
        Captioned("b", picture, ("planes on grass",), "airport"),
        Captioned("c", picture, ("a runway",), "road"),
        Captioned("d", picture, ("a lake",), "road"),
    ]
    task = search.build(Material(captioned=images), Plan())[1]
    # "many planes on a runway": planes and runway are its words; b has one and the kind, c has one, d has nothing.
    assert task.grades(0, np.arange(4)).tolist() == pytest.approx([1.0, 0.75, 0.25, 0.0])
    task = search.build(Material(captioned=images), Plan())[0]
    assert task.grades(0, np.arange(4)).tolist() == pytest.approx([1.0, 0.75, 0.5, 0.0])


def test_composed_queries_and_their_baselines(material):
    _, tasks = run(encoders.ColourEncoder(), material, "composed")
    task = tasks["color: thing and word"]
    # Nine things, each with the two values that its kind has besides its own; three are right of ten, itself is wrong.
    assert task["n"] == 18 and task["right_per_query"] == 3 and task["candidates_per_query"]["most"] == 10
    assert list(task["ways"]) == [
        "encoder", "average of the two vectors", "WeiCom, 0.3 text", "WeiCom, 0.5 text", "WeiCom, 0.7 text", "text alone",
        "image alone",
    ]  # fmt: skip
    assert task["ways"]["text alone"]["P@1"]["value"] == task["ways"]["text alone"]["AP"]["value"] == 1
    assert task["ways"]["image alone"]["P@1"]["value"] == 0  # its own colour comes first
    assert task["ways"]["WeiCom, 0.7 text"]["P@1"]["value"] == 1 and task["ways"]["WeiCom, 0.3 text"]["P@1"]["value"] == 0


def test_weicom_by_hand():
    """Two similarities, each through the normal function of its own mean and deviation, then weighted."""
    first, second = np.array([0.9, 0.8, 0.1]), np.array([0.2, 0.3, 0.25])

    def placed(scores):
        normal = NormalDist(float(np.mean(scores)), float(np.std(scores, ddof=1)))
        return [normal.cdf(float(score)) for score in scores]

    expected = [0.7 * image + 0.3 * text for image, text in zip(placed(first), placed(second), strict=True)]
    assert weighted(first, second, 0.3).tolist() == pytest.approx(expected)


def test_questions_are_asked_among_the_answers_of_their_type(material):
    _, tasks = run(encoders.ColourEncoder(), material, "questions")
    task = tasks["image and question to answer"]
    assert task["n"] == 8 and task["candidates_per_query"] == {"least": 2, "median": 3.0, "most": 4}
    assert task["groups"]["color"]["P@1"] == 1 and task["groups"]["color"]["chance P@1"] == 0.25
    assert task["constant_answer"] == pytest.approx((1 + 3) / 8)  # one of four colours, three of four "black"
    # A question alone is the same for every image of a type: one answer for all.
    assert task["ways"]["question alone"]["P@1"]["value"] <= task["constant_answer"]
    assert sorted(task["candidates"]) == ["black", "blue", "green", "red", "white", "white"]


def test_boxes_sentences_and_labels(material):
    _, tasks = run(encoders.ColourEncoder(), material, "regions")
    same = tasks["box to its sentence, on the same image"]
    assert same["n"] == 12 and same["units"] == 3 and same["chance"]["P@1"] == 0.25
    assert same["ways"]["encoder"]["P@1"]["value"] == 1
    assert same["ways"]["box ignored"]["P@1"]["value"] == pytest.approx(0.25, abs=0.26)
    across = tasks["box to its sentence, across images"]
    assert across["chance"]["P@1"] == pytest.approx(1 / 12, abs=1e-4)
    assert across["ways"]["encoder"]["R@5"]["value"] == 1  # three images have this colour, and their sentences tie
    back = tasks["sentence to its box, on the same image"]
    assert back["ways"]["encoder"]["P@1"]["value"] == back["ways"]["encoder"]["Acc@0.5"]["value"] == 1
    assert back["chance"]["Acc@0.5"] == 0.25 and back["ways"]["box ignored"]["P@1"]["value"] == 0
    wide = tasks["sentence to its box, across images"]
    # The same colour on another image ties with the truth, at another place or the same: not the truth.
    assert wide["ways"]["encoder"]["Acc@0.5"]["value"] == 0 and wide["ways"]["encoder"]["R@5"]["value"] == 1
    grid = tasks["sentence to a place on a grid, on the same image"]
    assert grid["ways"]["encoder"]["P@1"]["value"] == 1 and grid["ways"]["encoder"]["Acc@0.5"]["value"] < 1
    assert grid["candidates_per_query"]["most"] == 49 + 9 + 1
    labels = tasks["box to boxes of its label, across images"]
    assert labels["candidates_per_query"]["most"] == 8  # those of the other two images
    assert labels["ways"]["encoder"]["AP"]["value"] == 1 and labels["ways"]["box ignored"]["P@1"]["value"] == 0
    named = tasks["label to its boxes, on the same image"]
    assert named["n"] == 12 and named["ways"]["encoder"]["P@1"]["value"] == 1
    none = tasks["box to boxes of its label, on the same image"]
    assert none["not_answered"] and none["left_out"] == {"queries without a right candidate": 12}


def test_the_pointing_game_counts_a_box_without_a_cell_as_a_miss(tmp_path):
    pixels, boxes = quarters()
    picture = file_of(tmp_path, "a.png", pixels)
    tiny = (0.01, 0.01, 0.02, 0.02)
    found = [Region("a", "i", picture, boxes["blue"], "", "blue"), Region("b", "i", picture, tiny, "", "the blue speck")]
    task = next(one for one in regions.build(Material(regions=found), Plan()) if "grid" in one.title)
    facts = measure(task, Embedder(encoders.ColourEncoder(), Reader()), Plan())
    assert facts["n"] == 2 and facts["ways"]["encoder"]["P@1"]["value"] == 0.5
    assert [one["rank"] for one in facts["queries"]] == [1, None]


def test_places_are_answered_by_an_encoder_that_reads_them(material):
    _, tasks = run(encoders.PlaceEncoder(), material, "places")
    task = tasks["image to its place"]
    assert task["ways"]["encoder"]["P@1"]["value"] == 1 and task["ways"]["encoder"]["1 km"]["value"] == 1
    assert task["chance"]["1 km"] == 0.2 and task["chance"]["25 km"] == pytest.approx((2 + 2 + 2 + 2 + 1) / 25)
    near = tasks["image and place to other images near it"]
    assert near["n"] == 4 and near["ways"]["encoder"]["P@1"]["value"] == 1
    assert near["left_out"] == {"images without another within 25 km": 1}
    assert near["ways"]["encoder"]["median km"]["value"] < 25
    both = tasks["caption and place to image"]
    assert both["n"] == 4 and both["ways"]["place alone"]["P@1"]["value"] == 1
    assert both["ways"]["caption alone"]["P@1"]["value"] < 1


def test_an_encoder_without_places_says_why_and_answers_the_rest(material):
    report, tasks = run(encoders.ColourEncoder(), material)
    for name in ("image to its place", "image and place to other images near it", "caption and place to image"):
        assert tasks[name]["not_answered"] == "The histogram encoder knows no places." and "ways" not in tasks[name]
    assert "ways" in tasks["image to the place of the most similar other image"]
    assert "ways" in tasks["image to the name of its kind"]
    assert "Not answered: The histogram encoder knows no places." in to_markdown(report)


def test_a_picture_that_cannot_be_read_is_counted_and_left_out(material, tmp_path):
    (tmp_path / "blue_0.png").write_bytes(b"not a picture")
    report, tasks = run(encoders.ColourEncoder(), material, "scenes")
    task = tasks["image to the name of its kind"]
    assert task["n"] == 11 and task["left_out"] == {"queries whose picture cannot be read": 1}
    assert report["pictures_that_cannot_be_read"] == [str(tmp_path / "blue_0.png")]
    report, tasks = run(encoders.ColourEncoder(), material, "search")
    assert tasks["name of a kind to its images"]["left_out"] == {"candidates whose picture cannot be read": 1}
    assert tasks["name of a kind to its images"]["candidates_per_query"]["most"] == 11


def test_candidates_are_drawn_shuffled_and_kept_with_the_seed(material):
    first, tasks = run(encoders.ColourEncoder(), material, "search", candidates=4, seed=3)
    again, _ = run(encoders.ColourEncoder(), material, "search", candidates=4, seed=3)
    other, _ = run(encoders.ColourEncoder(), material, "search", candidates=4, seed=4)
    drawn = [task["drawn"] for task in first["tasks"]]
    assert drawn == [task["drawn"] for task in again["tasks"]] != [task["drawn"] for task in other["tasks"]]
    for task in first["tasks"]:
        assert len(task["drawn"][""]) == 3 and task["seed"] != first["seed"]
    task = tasks["name of a kind to its images"]
    assert task["candidates_per_query"]["most"] <= 3 + 3 and task["right_per_query"] == 3
    everything, _ = run(encoders.ColourEncoder(), material, "search", seed=3)
    order = everything["tasks"][0]["drawn"][""]
    assert sorted(order) == list(range(len(order))) != order


def test_pools_leave_out_what_is_excluded_and_keep_what_is_right():
    candidates = [
        Candidate(f"{pool}{number}", Input(texts=("x",)), frozenset([f"{pool}{number}", "all"]), pool)
        for pool in "ab"
        for number in range(5)
    ]
    queries = [
        Query("own pool", frozenset(["a1"]), pool="a"),
        Query("another's right one is none", frozenset(["b1"]), pool="a"),
        Query("other pools", frozenset(["all"]), avoid="a"),
        Query("not itself", frozenset(["all"]), excluded=frozenset(["a0", "b4"])),
        Query("few", frozenset(["a3", "b3"])),
    ]
    task = Task("t", SEARCH, queries, candidates, [])
    pools = Pools(task, seed=0, count=None)
    names = [[candidates[one].name for one in pools.of(number)[0]] for number in range(5)]
    assert sorted(names[0]) == [f"a{number}" for number in range(5)] and not pools.of(1)[1].any()
    assert sorted(names[2]) == [f"b{number}" for number in range(5)] and len(names[3]) == 8
    assert not {"a0", "b4"} & set(names[3]) and pools.of(3)[1].all()
    few = Pools(task, seed=0, count=3)
    pool, right = few.of(4)
    assert 3 <= len(pool) <= 4 and right.sum() == 2 and {candidates[one].name for one in pool[right]} == {"a3", "b3"}


def test_the_limit_cuts_the_data_and_keeps_images_whole(material):
    before = len(material.regions)
    small = limited(material, Plan(limit=5, seed=1))
    assert len(small.scenes) == 5 and len(small.regions) == 8 and before == 12
    assert {Counter(region.image for region in small.regions)[image] for image in {r.image for r in small.regions}} == {4}
    assert small.left_out["scenes over the limit of 5"] == 7


def test_a_stop_keeps_the_tasks_that_are_done(material):
    asked = []

    def stopped():
        asked.append(1)
        return len(asked) > 2

    report = evaluate(encoders.ColourEncoder(), material, "auto", Plan(), stopped=stopped)
    assert report["stopped"] and 1 <= len(report["tasks"]) < 18 and "**stopped before the end**" in to_markdown(report)
    with pytest.raises(Stop):
        Embedder(encoders.ColourEncoder(), Reader(), stopped=lambda: True).vectors([Input(texts=("a",))], "x")


def test_the_embedder_looks_once_at_each_picture_whatever_is_asked_of_it(tmp_path):
    encoder = encoders.ColourEncoder()
    pixels, boxes = quarters()
    odd = pixels[:20]
    one, two = file_of(tmp_path, "a.png", pixels), file_of(tmp_path, "b.png", odd)
    inputs = [Input(picture=picture, box=box) for picture in (one, two, one) for box in boxes.values()]
    steps = []
    embedder = Embedder(encoder, Reader(), progress=lambda what, done, total: steps.append((done, total)))
    vectors, there = embedder.vectors(inputs, "x")
    assert encoder.looks == 2 and there.all() and np.array_equal(vectors[:4], vectors[8:])
    assert steps[-1] == (8, 8)
    embedder.vectors(inputs, "x")
    assert encoder.looks == 2
    # The same as asking for every box alone.
    for item, vector in zip(inputs[:4], vectors, strict=False):
        assert np.allclose(encoder.encode_regions(pixels[None], np.array([[item.box]], np.float32))[0, 0], vector)


def test_several_ways_to_say_a_name_are_averaged():
    encoder = encoders.ColourEncoder()
    vectors, _ = Embedder(encoder, Reader()).vectors([Input(texts=("blue", "red")), Input(texts=("blue",))], "x")
    blue, red = encoder.encode([encoders.histogram.Interleaved([encoders.histogram.Text(word)]) for word in ("blue", "red")])
    assert np.allclose(vectors[0], (blue + red) / np.linalg.norm(blue + red)) and np.allclose(vectors[1], blue)


def test_the_report_says_what_it_is_and_can_be_read_by_programs_and_people(material):
    report, _ = run(encoders.ColourEncoder(), material)
    text = json.dumps(report)
    assert json.loads(text)["report"] == "RSMEB-style" and report["encoder"]["sha256"] == "0" * 64
    assert report["encoder"]["revision"] == "1" and report["date"].startswith("20") and "not comparable" in report["about"]
    table = to_markdown(report)
    assert "# RSMEB-style evaluation of histogram 1" in table and table.count("| chance") >= 15
    assert table.count("| box ignored") >= 10 and "best single answer" in table
    for task in report["tasks"]:
        if "ways" in task:
            assert task["n"] and task["chance"]["P@1"] > 0 and task["candidates"] and "P@1" in task["ways"]["encoder"]


def test_data_without_such_questions_say_what_they_have(material):
    material.questions = []
    with pytest.raises(GeoLoupeError, match="choose composed or places or regions or scenes or search, or auto"):
        run(encoders.ColourEncoder(), material, "questions")
