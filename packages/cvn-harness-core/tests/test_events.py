"""One schema for every model: declared once, written as JSON lines, silent unless asked."""

from __future__ import annotations

import io
import json
import logging
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from cvn_harness_core import (
    Datasets,
    FitError,
    HPOParams,
    configure_logging,
    hookimpl,
    train_ensemble,
    train_one,
)
from cvn_harness_core.events.log import LOGGER, OBSERVERS, RunLog, publish
from cvn_harness_core.events.schema import EVENTS, SCHEMA_VERSION, Event, TrainingStarted

COMMON = {"run_id", "part_of", "kind", "model", "symbol", "fold", "variant"}
TRAINING = [
    "training_started",
    "class_balance_applied",
    "learning_curve",
    "calibration_applied",
    "theta_picked",
    "training_health",
    "training_complete",
]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream that gets JSON lines, as a command line would set it up."""
    logger = logging.getLogger(LOGGER)
    before = logger.handlers[:], logger.level, logger.propagate
    written = io.StringIO()
    configure_logging("json", stream=written)
    yield written
    logger.handlers[:], logger.level, logger.propagate = before


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


# --- the schema -----------------------------------------------------------------------------


def all_events(cls: type[Event] = Event) -> list[type[Event]]:
    return [c for sub in cls.__subclasses__() for c in (sub, *all_events(sub))]


def test_every_event_is_registered_under_a_name_of_its_own() -> None:
    package = [cls for cls in all_events() if cls.__module__.startswith("cvn_harness_core")]
    assert len({cls.event for cls in package}) == len(package)
    assert {cls.event: cls for cls in package} == EVENTS
    assert all(name == name.lower() and name.isidentifier() for name in EVENTS)


def jsonable(kind: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if kind in (str, int, float, bool, type(None)):
        return True
    if origin in (Union, types.UnionType):
        return all(jsonable(part) for part in inner)
    if origin is Literal:
        return all(isinstance(value, str) for value in inner)
    if origin in (list, tuple):
        return all(part is ... or jsonable(part) for part in inner)
    if origin is dict:
        return inner[0] is str and (inner[1] is Any or jsonable(inner[1]))
    return False


@pytest.mark.parametrize("cls", EVENTS.values(), ids=lambda cls: cls.event)
def test_every_field_has_a_type_that_json_has(cls: type[Event]) -> None:
    hints = get_type_hints(cls)
    for field in fields(cls):
        assert jsonable(hints[field.name]), field.name
    assert cls.__doc__
    assert cls.level in {"info", "warning", "error"}


@pytest.mark.parametrize("cls", EVENTS.values(), ids=lambda cls: cls.event)
def test_every_event_carries_what_all_carry_and_nothing_of_its_own_is_optional(
    cls: type[Event],
) -> None:
    by_name = {field.name: field for field in fields(cls)}
    assert set(by_name) >= COMMON
    assert not set(by_name) & {"event", "schema", "level", "timestamp"}
    assert all(by_name[name].default is MISSING for name in set(by_name) - COMMON)


@pytest.mark.parametrize("name", ["logreg", "descent"])
def test_the_events_of_a_training_are_strict_json(
    name: str, models: Any, datasets: Datasets, tmp_path: Any
) -> None:
    train_one(name, datasets).save(tmp_path / "bundle")
    assert [event.event for event in models.events] == [*TRAINING, "artifact_saved"]
    for event in models.events:
        line = event.as_dict()
        assert line["schema"] == SCHEMA_VERSION
        assert json.loads(json.dumps(line, allow_nan=False)) == line


# --- JSON lines -----------------------------------------------------------------------------


def test_a_training_is_one_json_object_a_line(
    models: Any, datasets: Datasets, stream: io.StringIO
) -> None:
    artifact = train_one("logreg", datasets)
    written = lines(stream)
    assert [line["event"] for line in written] == TRAINING
    for line, event in zip(written, models.events, strict=True):
        common = {name: line[name] for name in COMMON}
        assert common == {
            "run_id": artifact.run_id,
            "part_of": None,
            "kind": "model",
            "model": "logreg",
            "symbol": "ES",
            "fold": "3",
            "variant": "base",
        }
        assert line["schema"] == SCHEMA_VERSION
        assert line["level"] == "info"
        assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)
        assert set(line) == {*event.as_dict(), "level", "timestamp"}


def test_what_a_run_has_no_tag_for_is_null(
    models: Any, datasets: Datasets, stream: io.StringIO
) -> None:
    parts = {name: (split.X, split.y) for name, split in datasets.splits()}
    train_one("logreg", Datasets.from_arrays(**parts, feature_names=datasets.feature_names))
    for line in lines(stream):
        assert (line["symbol"], line["fold"], line["variant"]) == (None, None, None)


def test_a_base_is_part_of_its_ensemble_and_what_is_trained_after_it_is_not(
    models: Any, parts: Any, names: Any, stream: io.StringIO
) -> None:
    datasets = Datasets.from_arrays(**parts, feature_names=names)
    bases = ("logreg", "descent")
    artifact = train_ensemble("mean", datasets, bases=bases)
    fault = HPOParams(params={"fault": "fit"})
    with pytest.raises(FitError):
        train_ensemble("mean", datasets, {"faulty": fault}, bases=("logreg", "faulty"))
    train_one("logreg", datasets)
    begun = [line for line in lines(stream) if line["event"] == "training_started"]
    assert [line["model"] for line in begun] == [
        *("mean", *bases),
        *("mean", "logreg", "faulty"),
        "logreg",
    ]
    first, second = artifact.run_id, begun[3]["run_id"]
    assert begun[0]["run_id"] == first
    assert [line["part_of"] for line in begun] == [
        *(None, first, first),
        *(None, second, second),
        None,
    ]


def test_trainings_in_other_threads_are_no_part_of_this_one(
    models: Any, datasets: Datasets, stream: io.StringIO
) -> None:
    class Meanwhile:
        """Train another model, in a thread of its own, while the first has begun."""

        @hookimpl
        def cvn_event(self, event: Event) -> None:
            if event.event == "training_started" and event.model == "logreg":
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(train_one, "descent", datasets).result()

    with OBSERVERS.including("meanwhile", Meanwhile()):
        train_one("logreg", datasets)
    begun = [line for line in lines(stream) if line["event"] == "training_started"]
    assert [(line["model"], line["part_of"]) for line in begun] == [
        ("logreg", None),
        ("descent", None),
    ]


def test_a_training_that_ended_without_a_word_is_forgotten() -> None:
    log = RunLog("a", "model", "logreg")
    log.emit(TrainingStarted, **dict.fromkeys(f.name for f in fields(TrainingStarted)[7:]))
    assert RunLog("b", "model", "logreg").part_of == "a"
    del log
    assert RunLog("c", "model", "logreg").part_of is None


def test_a_failure_is_a_line_of_level_error(
    models: Any, datasets: Datasets, stream: io.StringIO
) -> None:
    with pytest.raises(FitError):
        train_one("faulty", datasets, HPOParams(params={"fault": "fit"}))
    started, *_, failed = lines(stream)
    assert started["event"] == "training_started"
    assert (failed["event"], failed["level"]) == ("training_failed", "error")
    assert (failed["stage"], failed["code"]) == ("fitted", "fit_failed")


def test_a_message_of_several_lines_is_still_one_line(stream: io.StringIO) -> None:
    publish(rejection(message="one\ntwo\r\nthree\u2028four"))
    (line,) = stream.getvalue().splitlines()[:1]
    assert json.loads(line)["message"] == "one\ntwo\r\nthree\u2028four"
    assert stream.getvalue().count("\n") == 1


def rejection(**changes: Any) -> Event:
    values = {
        "plugin": "trees",
        "distribution": "acme-models",
        "version": "1",
        "target": "acme",
        "code": "plugin_blocked",
        "message": "why",
    }
    return EVENTS["plugin_rejected"](**values | changes)


@pytest.mark.parametrize(("level", "written"), [("INFO", 2), ("WARNING", 1), ("ERROR", 0)])
def test_the_level_is_respected(level: str, written: int) -> None:
    logger = logging.getLogger(LOGGER)
    before = logger.handlers[:], logger.level, logger.propagate
    stream = io.StringIO()
    configure_logging("json", stream=stream, level=level)
    try:
        publish(rejection())
        publish(EVENTS["artifact_saved"](path="/bundle", size_bytes=1, manifest_sha256="0"))
    finally:
        logger.handlers[:], logger.level, logger.propagate = before
    assert len(lines(stream)) == written


def test_a_person_reads_words_and_not_json(models: Any, datasets: Datasets) -> None:
    logger = logging.getLogger(LOGGER)
    before = logger.handlers[:], logger.level, logger.propagate
    stream = io.StringIO()
    configure_logging("human", stream=stream)
    try:
        artifact = train_one("logreg", datasets)
    finally:
        logger.handlers[:], logger.level, logger.propagate = before
    assert len(stream.getvalue().splitlines()) == len(TRAINING)
    assert "theta_picked" in stream.getvalue()
    assert f"theta={artifact.theta}" in stream.getvalue()
    assert "\x1b[" not in stream.getvalue()


# --- secrets --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Anything(Event):
    """An event of a third party."""

    event = "anything"
    params: dict[str, Any]
    token: str | None = None
    token_count: int = 0


def test_secrets_are_redacted_by_their_whole_name(stream: io.StringIO) -> None:
    params = {
        "Password": "hunter2",
        "api_key": "hunter2",
        "storage": "postgresql://me:hunter2@host/db",
        "secret": None,
        "passwords_tried": 3,
        "tokenizer": "words",
        "secretary": "Ann",
        "nested": {"authorization": "hunter2", "token_count": 7},
        "listed": [{"token": "hunter2"}],
    }
    publish(Anything(params=params, token="hunter2", token_count=12))
    (line,) = lines(stream)
    assert line["token"] == "[redacted]"
    assert line["token_count"] == 12
    assert line["params"]["secret"] is None
    assert line["params"]["passwords_tried"] == 3
    assert line["params"]["tokenizer"] == "words"
    assert line["params"]["secretary"] == "Ann"
    assert line["params"]["nested"]["token_count"] == 7
    assert "hunter2" not in stream.getvalue()
    assert params["api_key"] == "hunter2"


# --- silence --------------------------------------------------------------------------------

TRAINS = """
import numpy as np
from cvn_harness_core import Datasets, HPOParams, MODEL_REGISTRY, train_one

rng = np.random.default_rng(0)
def part(n):
    X = rng.normal(size=(n, 2))
    return X, (X[:, 0] + rng.normal(size=n) > 0).astype(int)
data = Datasets.from_arrays(part(90), part(60), part(30), feature_names=["a", "b"])
train_one("logreg", data).save("bundle")
"""

FAILS = """
try:
    train_one("faulty", data, HPOParams(params={"fault": "fit"}))
except Exception as error:
    assert type(error).__name__ == "FitError"
else:
    raise SystemExit("it trained")
"""


def test_a_training_prints_nothing_unless_asked(run_python: Any) -> None:
    done = run_python(TRAINS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_failing_training_prints_nothing_but_its_exception(run_python: Any) -> None:
    done = run_python(TRAINS + FAILS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_application_that_configures_logging_hears_the_events(
    models: Any, datasets: Datasets, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger=LOGGER):
        train_one("logreg", datasets)
    assert [record.name for record in caplog.records] == [LOGGER] * len(TRAINING)
    assert "theta_picked" in caplog.text
