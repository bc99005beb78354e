"""Tables in databases, which SQLAlchemy reaches."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from ..core.errors import ConfigError, DataError
from . import configs
from .datasets import BATCH_ROWS, Lineage, Reader, Writer, join, to_pandas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd
    import sqlalchemy

    from .datasets import Schema

URL = Annotated[str, Field(min_length=1)]
"""As SQLAlchemy takes it; ``${oc.env:NAME}``, where it holds a password.

https://docs.sqlalchemy.org/en/21/core/engines.html#database-urls
"""

DRIVERS = {"MySQLdb": "mysqlclient", "psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary"}
"""What to install for the modules that reach databases, where it has another name."""
IDENTIFIERS = 500
"""How many rows one statement deletes."""
INDEXABLE = ("postgresql", "sqlite")
"""The kinds of database that index text of any length."""


@contextlib.contextmanager
def connect(url: str) -> Iterator[sqlalchemy.Connection]:
    """Reach a database within a transaction, which is undone unless somebody commits it.

    Raises:
        ConfigError: It is no URL of a database, or its driver is not installed.
        DataError: The database does not answer, or refuses what it is asked.
    """
    import pandas as pd
    import sqlalchemy
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    shown = configs.mask(url)
    try:
        engine = sqlalchemy.create_engine(url)
    except ArgumentError as error:
        raise ConfigError(f"{shown} is no URL of a database.") from error
    except ModuleNotFoundError as error:
        driver = DRIVERS.get(str(error.name), error.name)
        raise ConfigError(f"Reaching this database needs its driver: uv add '{driver}'.") from error
    file = engine.url.database
    if engine.name == "sqlite" and file and not Path(file).is_file():
        raise DataError(f"There is no file {file}.")
    try:
        with engine.connect() as connection:
            if engine.name == "sqlite":
                # Its driver begins a transaction by itself only before some statements.
                connection.connection.driver_connection.isolation_level = None  # type: ignore[union-attr]
                connection.exec_driver_sql("BEGIN")
            yield connection
    except (SQLAlchemyError, pd.errors.DatabaseError) as error:
        cause = error.__cause__ or error
        said = str(getattr(cause, "orig", cause)).strip().splitlines()[0].rstrip(".")
        raise DataError(f"The database at {shown} says: {said}.") from error
    finally:
        engine.dispose()


class RowsDigest:
    """A digest of rows, in whatever order they come.

    Args:
        said: what else counts.
    """

    def __init__(self, said: str) -> None:
        self._said = said
        self._total = 0

    def add(self, rows: pd.DataFrame) -> None:
        """Take the next rows."""
        import pandas as pd

        from ..core.frames import to_texts

        hashes = pd.util.hash_pandas_object(to_texts(rows), index=False)
        self._total += int(hashes.to_numpy().sum(dtype="uint64"))

    def __str__(self) -> str:
        """Write 32 hexadecimal digits."""
        text = f"{self._said} {self._total}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class SQLReader(Reader):
    """What a database answers to a query, streamed."""

    KIND: Literal["SQLReader"] = "SQLReader"
    url: URL
    query: Annotated[str, Field(min_length=1)]

    _digest: str = PrivateAttr(default="")

    @property
    def place(self) -> str:
        return configs.mask(self.url)

    def check(self) -> None:
        """Check, before any work, that the database can be reached.

        Raises:
            ConfigError: It is no URL of a database, or its driver is not installed.
            DataError: The database does not answer.
        """
        with connect(self.url):
            pass

    def lineage(self) -> Lineage:
        """Say where the data comes from, and digest the answer, whatever the order of its rows."""
        if not self._digest:
            for _ in self._answer(BATCH_ROWS):
                pass
        return Lineage(self.place, self.KIND, self._digest)

    def _answer(self, rows: int) -> Iterator[pd.DataFrame]:
        """Ask, and digest what is answered."""
        import pandas as pd
        import pyarrow as pa
        import sqlalchemy

        digest = RowsDigest(self.query)
        with connect(self.url) as connection:
            stream = connection.execution_options(stream_results=True)
            query = sqlalchemy.text(self.query)
            try:
                for chunk in pd.read_sql_query(query, stream, chunksize=rows):
                    part = to_pandas(pa.Table.from_pandas(chunk, preserve_index=False))
                    digest.add(part)
                    yield part
            except (pa.ArrowException, TypeError, ValueError) as error:
                reason = str(error.args[-1] if error.args else error).rstrip(".")
                raise DataError(f"What {self.place} answers is no table: {reason}.") from error
        self._digest = str(digest)

    def read(self, schema: Schema, unseen: Any = None, aside: Any = None) -> pd.DataFrame:
        # A database answers in no order of its own, and inputs and targets ask for themselves.
        return super().read(schema, unseen, aside).sort_index()

    def _parts(self, schema: Schema, rows: int | None) -> Iterator[tuple[str, pd.DataFrame]]:
        from ..core.frames import RowNames

        naming = RowNames()
        chunks = self._answer(rows or BATCH_ROWS)
        for part in chunks if rows else join(chunks):
            yield self.place, self._interpret(part, schema, naming)


class SQLWriter(Writer):
    """A table of a database, written in one transaction."""

    KIND: Literal["SQLWriter"] = "SQLWriter"
    url: URL
    table: Annotated[str, Field(min_length=1)]
    """Its name, or ``SCHEMA.NAME``; it is made where it is not there."""
    mode: Literal["append", "replace", "upsert"] = "upsert"
    """What becomes of the rows that are there: they stay, go, or go where one comes that has the
    same identifier."""

    _digest: str = PrivateAttr(default="")

    @property
    def place(self) -> str:
        return f"{self.table} at {configs.mask(self.url)}"

    def check(self) -> None:
        """Check, before any work, that the database can be reached."""
        with connect(self.url):
            pass

    @contextlib.contextmanager
    def open(self) -> Iterator[Callable[[pd.DataFrame], None]]:
        import sqlalchemy

        *schema, name = self.table.rsplit(".", 1)
        where = schema[0] if schema else None
        digest = RowsDigest(self.table)
        with connect(self.url) as connection:
            described = sqlalchemy.MetaData(schema=where)
            if sqlalchemy.inspect(connection).has_table(name, where):
                described.reflect(connection, where, only=[name])
            table = described.tables.get(self.table)
            if table is not None and self.mode == "replace":
                connection.execute(sqlalchemy.delete(table))
            identifier = ""

            def write(frame: pd.DataFrame) -> None:
                nonlocal identifier
                identifier = str(frame.index.name)
                if table is not None and self.mode == "upsert":
                    column = table.columns[identifier]
                    for start in range(0, len(frame), IDENTIFIERS):
                        names = frame.index[start : start + IDENTIFIERS].tolist()
                        connection.execute(sqlalchemy.delete(table).where(column.in_(names)))
                frame.to_sql(name, connection, schema=where, if_exists="append")
                digest.add(frame.reset_index())

            yield write
            if table is None and self.mode == "upsert" and identifier:
                _index(connection, name, where, identifier)
            connection.commit()
        self._digest = str(digest)

    def lineage(self) -> Lineage:
        return Lineage(self.place, self.KIND, self._digest)


def _index(
    connection: sqlalchemy.Connection, name: str, schema: str | None, identifier: str
) -> None:
    """Let a table hold each identifier once, whoever writes beside us."""
    import sqlalchemy

    # Others index no text without a length.
    if connection.dialect.name in INDEXABLE:
        table = sqlalchemy.Table(
            name, sqlalchemy.MetaData(), schema=schema, autoload_with=connection
        )
        index = sqlalchemy.Index(f"{name}_identifier", table.columns[identifier], unique=True)
        index.create(connection)
