"""Columns of every kind that a schema may have."""

from typing import Annotated, Final, Literal

import pandas as pd
import pandera.pandas as pa
from pandera.typing.pandas import Index, Series

PROBLEM: Final[Literal["regression", "classification"]] = "regression"


class Schema(pa.DataFrameModel):
    """What all tables share."""

    id: Index[str] = pa.Field(check_name=True)

    class Config:
        """A column that is not declared is an error."""

        strict = True


class Inputs(Schema):
    """A sale."""

    moment: Series[pd.Timestamp]
    price: Series[float] = pa.Field(ge=0)
    discount: Series[float] = pa.Field(ge=0, le=1, nullable=True)
    pieces: Series[int] = pa.Field(ge=0)
    stock: Series[pd.Int64Dtype] = pa.Field(ge=0, nullable=True)
    weekend: Series[bool]
    member: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    size: Series[str] = pa.Field(isin=["S", "M", "L"])
    zip_code: Series[str] = pa.Field(nullable=True)
    shop: Series[Annotated[pd.CategoricalDtype, ["north", "south"], False]]


class Targets(Schema):
    """What it brought in."""

    turnover: Series[float] = pa.Field(nullable=False)


class Outputs(Schema):
    """What the model says."""

    prediction: Series[float]
