"""The readers and writers that a conf may name."""

from typing import Annotated

from pydantic import Field

from .databases import SQLReader, SQLWriter
from .datasets import CSVReader, CSVWriter, ParquetReader, ParquetWriter
from .formats import ExcelReader, FeatherReader, JSONLinesReader, JSONLinesWriter

ReaderKind = Annotated[
    ParquetReader | CSVReader | JSONLinesReader | FeatherReader | ExcelReader | SQLReader,
    Field(discriminator="KIND"),
]
WriterKind = Annotated[
    ParquetWriter | CSVWriter | JSONLinesWriter | SQLWriter, Field(discriminator="KIND")
]
