"""A SQL table of hyperparameters, for any database that SQLAlchemy knows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from cvn_harness_core.config.differences import to_write
from cvn_harness_core.config.text import from_text, to_text
from cvn_harness_core.contracts.config import ParamConfig
from cvn_harness_core.contracts.space import Choice, Dimension, Range
from cvn_harness_core.database import patience, shown, sqlite_file, url_of, without_secrets
from cvn_harness_core.errors import ParameterError
from cvn_harness_core.harness.layers import Spec, check_layer, spellings, unknown

NAME = "cvn_hyperparameters"
TABLE = sa.Table(
    NAME,
    sa.MetaData(),
    sa.Column("model", sa.String(200), primary_key=True),
    sa.Column("param", sa.String(200), primary_key=True),
    sa.Column("value", sa.Text),
    sa.Column("low", sa.Double),
    sa.Column("high", sa.Double),
    sa.Column("scale", sa.String(20)),
    sa.Column("step", sa.Double),
    sa.Column("choices", sa.Text),
    sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
)
"""A row says one thing of one parameter: a ``value`` as text, a range, or ``choices`` as JSON."""


def read_sql(url: str, spec: Spec) -> ParamConfig:
    """Return what the table says of one model.

    Raises
    ------
    ParameterError
        ``config_unreadable`` if the database does not answer or has no such table;
        ``config_invalid`` for a row that says nothing, or two things; what ``check_layer`` raises.
    """
    with _connected(url, must_exist=True) as (connection, where):
        if not sa.inspect(connection).has_table(NAME):
            message = (
                f"{where} has no table {NAME}; `cvn params seed {spec.name} --to URL` makes it."
            )
            raise ParameterError("config_unreadable", message)
        rows = connection.execute(sa.select(TABLE).where(TABLE.c.model == spec.name)).mappings()
        return _layer(spec, list(rows), where)


def write_sql(
    url: str, spec: Spec, declared: ParamConfig, *, overwrite: bool
) -> tuple[list[str], list[str]]:
    """Write what is not in the table, in one transaction; make the table if there is none.

    Returns the names that were written, and those that stand there otherwise and were kept; with
    ``overwrite`` none is kept. Raises as ``read_sql``.
    """
    with _connected(url, must_exist=False) as (connection, where):
        TABLE.create(connection, checkfirst=True)
        mine = TABLE.c.model == spec.name
        rows = list(connection.execute(sa.select(TABLE).where(mine)).mappings())
        found = _layer(spec, rows, where)
        written, kept = to_write(found, declared, overwrite=overwrite)
        entries = {**declared.values, **declared.space}
        known = spellings(spec)
        old = [row["param"] for row in rows if known[row["param"]] in written]
        connection.execute(sa.delete(TABLE).where(mine, TABLE.c.param.in_(old)))
        for name in written:
            connection.execute(
                sa.insert(TABLE).values(model=spec.name, param=name, **_columns(entries[name]))
            )
    return written, kept


def _layer(spec: Spec, rows: list[Any], where: str) -> ParamConfig:
    values: dict[str, Any] = {}
    space: dict[str, Dimension] = {}
    origins: dict[str, str] = {}
    known = spellings(spec)
    for row in rows:
        spelling = row["param"]
        origins[spelling] = at = f"{where} {NAME} ({spec.name}, {spelling})"
        if spelling not in known and spelling not in spec.reserved:
            raise unknown(spec, spelling).at(at)
        param = spec.param(known.get(spelling, ""))
        told = [n for n in ("value", "choices") if row[n] is not None]
        told += ["low, high"] if any(row[n] is not None for n in ("low", "high", "step")) else []
        if len(told) != 1:
            said = f"{' and '.join(told)} at once" if told else "nothing"
            _refuse(at, f"says {said}; it must have a value, low and high, or choices")
        if told == ["value"]:
            values[spelling] = from_text(param, row["value"]) if param else row["value"]
        else:
            space[spelling] = _dimension(at, row)
    return check_layer(spec, ParamConfig(values, space, origins))


def _dimension(at: str, row: Mapping[str, Any]) -> Dimension:
    scale = row["scale"] or "linear"
    if scale not in ("linear", "log"):
        _refuse(at, f"has the scale {scale!r}; it must be linear or log")
    if row["choices"] is None:
        if row["low"] is None or row["high"] is None:
            _refuse(at, "has half a range; give low and high")
        return Range(row["low"], row["high"], log=scale == "log", step=row["step"])
    try:
        choices = json.loads(row["choices"])
    except ValueError:
        choices = None
    if not isinstance(choices, list):
        _refuse(at, f"has the choices {row['choices']!r}; they must be a JSON list")
    return Choice(*choices)


def _columns(entry: Any) -> dict[str, Any]:
    if isinstance(entry, Choice):
        return {"choices": json.dumps(entry.values)}
    if isinstance(entry, Range):
        scale = "log" if entry.log else "linear"
        return {"low": entry.low, "high": entry.high, "scale": scale, "step": entry.step}
    return {"value": to_text(entry)}


@contextmanager
def _connected(text: str, *, must_exist: bool) -> Iterator[tuple[sa.Connection, str]]:
    """Give a connection in a transaction, and the database's name without its password."""
    try:
        url = url_of(text)
    except ArgumentError as error:
        raise ParameterError("config_unreadable", str(error)) from None
    where, file = shown(url), sqlite_file(url)
    if must_exist and file is not None and not file.is_file():
        message = f"{where}: there is no such file."
        raise ParameterError("config_unreadable", message)
    engine = None
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=patience(url))
        with engine.begin() as connection:
            yield connection, where
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        message = f"{where}: its driver is not installed: {error}."
        raise ParameterError("config_unreadable", message) from None
    except IntegrityError:
        message = f"{where}: another process wrote at the same moment; nothing was written. Repeat."
        raise ParameterError("config_unreadable", message) from None
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error)
        message = f"{where} cannot be used: {without_secrets(said, url)}."
        raise ParameterError("config_unreadable", message) from None
    finally:
        if engine is not None:
            engine.dispose()


def _refuse(at: str, fault: str) -> NoReturn:
    raise ParameterError("config_invalid", f"{at} {fault}.")
