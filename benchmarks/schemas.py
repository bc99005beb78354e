"""Twelve columns of numbers: what the benchmarks put in place of the rendered schemas."""

from typing import Final, Literal

import pandera.pandas as pa
from pandera.typing.pandas import Index, Series

PROBLEM: Final[Literal["regression", "classification"]] = "regression"


class Schema(pa.DataFrameModel):
    """What all tables share: the column that identifies a row."""

    id: Index[int] = pa.Field(check_name=True, ge=0)

    class Config:
        """A column that is not declared is an error."""

        strict = True


class Inputs(Schema):
    """Normal noise; each column has a range to check."""

    x00: Series[float] = pa.Field(ge=-100, le=100)
    x01: Series[float] = pa.Field(ge=-100, le=100)
    x02: Series[float] = pa.Field(ge=-100, le=100)
    x03: Series[float] = pa.Field(ge=-100, le=100)
    x04: Series[float] = pa.Field(ge=-100, le=100)
    x05: Series[float] = pa.Field(ge=-100, le=100)
    x06: Series[float] = pa.Field(ge=-100, le=100)
    x07: Series[float] = pa.Field(ge=-100, le=100)
    x08: Series[float] = pa.Field(ge=-100, le=100)
    x09: Series[float] = pa.Field(ge=-100, le=100)
    x10: Series[float] = pa.Field(ge=-100, le=100)
    x11: Series[float] = pa.Field(ge=-100, le=100)


class Targets(Schema):
    """A function of four of them, and noise."""

    y: Series[float]


class Outputs(Schema):
    """What the model says."""

    prediction: Series[float]
