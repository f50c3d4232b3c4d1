"""Tasks in QGIS's own task manager: they tell the outcome once, on the main thread, and never let an exception out."""

import threading
import time

import pytest
from qgis.core import QgsApplication, QgsCoordinateTransformContext, QgsTask, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication, QThread, QThreadPool

from geoloupe.plugin.bridge import tasks
from geoloupe.plugin.bridge.layers import file_spec
from geoloupe.plugin.engine import session
from geoloupe.plugin.errors import GeoLoupeError


@pytest.fixture
def outcome(process_events):
    """Run a task to its end: ("succeeded", result) or ("failed", error), and what it told on the way."""

    def run(task, seconds=60, meanwhile=None):
        ended, moved = [], []

        def end(kind, value):
            assert QThread.currentThread() == QCoreApplication.instance().thread()
            ended.append((kind, value))

        task.succeeded.connect(lambda value: end("succeeded", value))
        task.failed.connect(lambda error: end("failed", error))
        task.progressed.connect(moved.append)
        tasks.start(task)
        if meanwhile is not None:
            meanwhile(task, moved)
        process_events(lambda: bool(ended), seconds)
        process_events(lambda: task not in tasks._running, 5)
        assert len(ended) == 1
        return (*ended[0], moved)

    return run


class Odd(tasks.GeoLoupeTask):
    def __init__(self, work):
        super().__init__("odd")
        self.work = work


def raiser(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3), MemoryError()])
def test_whatever_goes_wrong_is_one_sentence(outcome, error):
    kind, problem, _moved = outcome(Odd(raiser(error)))
    assert kind == "failed" and problem.code == "internal" and type(error).__name__ in problem.detail


def test_an_error_of_ours_keeps_its_sentence(outcome):
    kind, problem, _moved = outcome(Odd(raiser(GeoLoupeError("no_crs", "Assign one."))))
    assert (kind, problem.code, problem.message) == ("failed", "no_crs", "Assign one.")


def test_nothing_is_no_failure(outcome):
    assert outcome(Odd(lambda: None))[:2] == ("succeeded", None)


def test_qgis_announces_a_stop_as_a_stop_and_not_as_a_failure(process_events):
    """QGIS's own notice for tasks of some length says "Task complete" or "Task failed", with the description."""

    def work():
        while not task.isCanceled():
            time.sleep(0.01)
        raise GeoLoupeError("cancelled", "Stopped.")

    task, failures, statuses = Odd(work), [], []
    task.failed.connect(lambda error: failures.append((error.code, task.description())))
    task.statusChanged.connect(statuses.append)
    tasks.start(task)
    process_events(lambda: task.status() == QgsTask.TaskStatus.Running)
    task.cancel()
    process_events(lambda: bool(failures))
    assert failures == [("cancelled", "odd (stopped)")] and QgsTask.TaskStatus.Terminated not in statuses


def test_stopped_before_its_turn(process_events):
    task, failures = Odd(lambda: 1), []
    task.failed.connect(failures.append)
    gate = Odd(lambda: time.sleep(0.3))
    task.addSubTask(gate, [], QgsTask.SubTaskDependency.ParentDependsOnSubTask)
    tasks.start(task)
    task.cancel()
    process_events(lambda: bool(failures))
    assert [error.code for error in failures] == ["cancelled"]


def test_tasks_that_wait_leave_the_threads_to_others(outcome, process_events):
    """The pool has as many threads as the machine has cores; engine tasks only wait, and must not use them up."""
    gate = threading.Event()
    blockers = [Odd(lambda: gate.wait(20)) for _ in range(QThreadPool.globalInstance().maxThreadCount() + 2)]
    for blocker in blockers:
        tasks.start(blocker)
    assert outcome(Odd(lambda: 7), 5)[:2] == ("succeeded", 7)
    gate.set()
    process_events(lambda: not tasks._running)


def test_the_pool_is_given_back(outcome):
    before = QThreadPool.globalInstance().activeThreadCount()
    outcome(Odd(lambda: 1))
    QThreadPool.globalInstance().waitForDone(2000)
    assert QThreadPool.globalInstance().activeThreadCount() <= before


def test_inspect_and_estimate(engine, outcome, town):
    kind, facts, _moved = outcome(tasks.InspectTask(file_spec(town.path)))
    assert kind == "succeeded" and (facts["width"], facts["height"]) == (town.width, town.height) and facts["problem"] is None
    params = {"index": None, "sources": [file_spec(town.path)], "encoder": "compact", "object_size": 12}
    kind, estimate, _moved = outcome(tasks.EstimateTask(params))
    assert kind == "succeeded" and estimate["regions"] > 0 and estimate["seconds"] > 0


@pytest.mark.heavy
def test_index_then_search_then_pictures(engine, outcome, town, tmp_path):
    index = str(tmp_path / "i.geoloupe")
    params = {"index": index, "sources": [file_spec(town.path)], "encoder": "compact", "object_size": 15}
    task = tasks.IndexTask(params, "town")
    kind, done, moved = outcome(task)
    assert kind == "succeeded" and done["rows"] > 0 and moved and moved[-1]["rows"] > 0
    target = tasks.ResultsTarget(tmp_path / "r.gpkg", tmp_path / "spare", QgsCoordinateTransformContext())
    query = {"text": "roof", "boxes": [], "match": "thing"}
    search = tasks.SearchTask({"indexes": [index], "query": query, "count": 9}, "roof", target)
    first = []
    search.answered.connect(lambda value: first.append(len(value["hits"])))
    kind, found, _moved = outcome(search)
    assert kind == "succeeded" and first == [9] and found.written.count == 9
    assert QgsVectorLayer(found.written.uri, "found", "ogr").featureCount() == 9
    kind, pictures, _moved = outcome(tasks.ThumbnailTask(index, found.value["hits"][:3], 64))
    assert kind == "succeeded" and len(pictures) == 3
    assert all(max(width, height) == 64 and len(blob) == width * height * 3 for width, height, blob in pictures)


@pytest.mark.heavy
def test_cancel_reaches_the_engine_within_a_batch(engine, outcome, scene, tmp_path, process_events):
    big = scene.write_town(tmp_path / "big.tif", width=4000, height=4000)
    params = {"index": str(tmp_path / "i.geoloupe"), "sources": [file_spec(big.path)], "encoder": "compact", "object_size": 8}
    stopped = []

    def stop(task, moved):
        process_events(lambda: any(value.get("done", 0) > 3 for value in moved), 60)
        stopped.append(time.perf_counter())
        task.cancel()

    kind, error, _moved = outcome(tasks.IndexTask(params, "big"), 10, stop)
    assert (kind, error.code) == ("failed", "cancelled") and time.perf_counter() - stopped[0] < 2.5


@pytest.mark.heavy
def test_a_killed_engine_is_a_sentence_and_the_next_question_starts_it_again(
    engine, outcome, scene, town, tmp_path, process_events
):
    big = scene.write_town(tmp_path / "big.tif", width=4000, height=4000)
    params = {"index": str(tmp_path / "i.geoloupe"), "sources": [file_spec(big.path)], "encoder": "compact", "object_size": 8}

    def kill(task, moved):
        process_events(lambda: any(value.get("done", 0) > 3 for value in moved), 60)
        import os
        import signal

        os.kill(session.current().pid, signal.SIGKILL)

    kind, error, _moved = outcome(tasks.IndexTask(params, "big"), 10, kill)
    assert (kind, error.code) == ("failed", "engine_crashed") and error.message.endswith(".")
    assert outcome(tasks.InspectTask(file_spec(town.path)))[0] == "succeeded"


def test_no_engine(outcome, monkeypatch, home):
    monkeypatch.delenv("GEOLOUPE_PYTHON", raising=False)
    kind, error, _moved = outcome(tasks.InspectTask({"uri": "x"}))
    assert (kind, error.code) == ("failed", "no_engine")


def test_set_up_tells_how_far_it_is_and_can_be_stopped(outcome, tmp_path):
    class Step:
        def __init__(self, fraction, message):
            self.fraction, self.message = fraction, message

    def install(packages, progress, cancelled, **options):
        progress(Step(0.5, "half"))
        while not cancelled():
            time.sleep(0.01)
        raise GeoLoupeError("cancelled", "Stopped.")

    def stop(task, moved):
        while not moved:
            QCoreApplication.processEvents()
        task.cancel()

    kind, error, moved = outcome(tasks.SetupTask(install=install), 10, stop)
    assert (kind, error.code) == ("failed", "cancelled") and moved == [{"fraction": 0.5, "message": "half"}]
    assert QgsApplication.taskManager().countActiveTasks() == 0
