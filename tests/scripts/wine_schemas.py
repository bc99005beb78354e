"""Wines of three growers."""

from typing import Final, Literal

import pandera.pandas as pa
from pandera.typing.pandas import Index, Series

PROBLEM: Final[Literal["regression", "classification"]] = "classification"
LABELS: Final = ["class_0", "class_1", "class_2"]


class Schema(pa.DataFrameModel):
    """What all tables share."""

    id: Index[int] = pa.Field(check_name=True, ge=0)

    class Config:
        """A column that is not declared is an error."""

        strict = True


class Inputs(Schema):
    """A wine."""

    alcohol: Series[float] = pa.Field(ge=0, le=100)
    malic_acid: Series[float] = pa.Field(ge=0)
    color_intensity: Series[float] = pa.Field(ge=0)
    hue: Series[float] = pa.Field(ge=0)
    flavanoids: Series[float] = pa.Field(ge=0)
    proline: Series[float] = pa.Field(ge=0)


class Targets(Schema):
    """Its grower."""

    grower: Series[str] = pa.Field(isin=LABELS)


class Outputs(Schema):
    """What the model says."""

    prediction: Series[str] = pa.Field(isin=LABELS)
    probabilities: Series[float] = pa.Field(alias="probability_.+", regex=True, ge=0, le=1)
