"""How a table and its cells are written, in the words of the readers of a project."""

import codecs
import difflib
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from .errors import AdoptionError

NUMBER = ("decimal", "thousands", "unit")
"""What only a number has."""
IGNORED = ("KIND", "path", "named_by", "unnamed")
"""What a reader has too, and nobody needs to say."""

Text = Annotated[str, Field(min_length=1)]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ColumnFormat(_Options):
    """How the cells of a column are written: as a number, a time or a truth value."""

    missing: list[str] = []
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", "'", " "] | None = None
    unit: Text | None = None
    time: Text | None = None
    words: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        said = [name for name in (*NUMBER, "time", "words") if getattr(self, name) is not None]
        numbers = [name for name in said if name in NUMBER]
        kinds = sorted([*numbers[:1], *(name for name in said if name not in NUMBER)])
        if len(kinds) > 1:
            raise ValueError(f"a column is of one kind: give {' or '.join(kinds)}")
        if self.thousands == (self.decimal or "."):
            raise ValueError("one sign cannot be decimal and thousands: give another")
        return self


class TableFormat(_Options):
    """How a table is written."""

    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: Text = "utf-8"
    skip: Annotated[int, Field(ge=0)] = 0
    columns: dict[str, ColumnFormat] = {}

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            codecs.lookup(name)
        except LookupError as error:
            raise ValueError(str(error)) from None
        return name


def check(conf: dict[str, Any]) -> dict[str, Any]:
    """Check what people say of a table, as a project checks the conf that says so.

    Returns:
        The same, without what goes without saying.

    Raises:
        AdoptionError: It is no conf of a reader; each mistake has a line.
    """
    said = {name: value for name, value in conf.items() if name not in IGNORED}
    try:
        return TableFormat(**said).model_dump(exclude_unset=True)
    except (ValidationError, TypeError) as error:
        if isinstance(error, TypeError):
            raise AdoptionError(f"--reader is wrong: {error}.", option=True) from None
        lines = [_tell(mistake) for mistake in error.errors(include_url=False)]
        raise AdoptionError("--reader is wrong:\n" + "\n".join(lines), option=True) from None


def _tell(mistake: Any) -> str:
    loc = mistake["loc"]
    text = mistake["msg"].removeprefix("Value error, ")
    if mistake["type"] == "extra_forbidden":
        model = TableFormat if len(loc) == 1 else ColumnFormat
        known = list(model.model_fields)
        near = difflib.get_close_matches(loc[-1], known, 1)
        hint = f"Did you mean {near[0]}?" if near else f"It takes {', '.join(known)}."
        text = f"unknown key. {hint}"
    path = ".".join(map(str, loc))
    return f"  {path}: {text}" + ("" if text.endswith((".", "?")) else ".")
