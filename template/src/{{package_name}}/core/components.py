"""What every configurable part has in common."""

import difflib
from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What NumPy takes to begin its random numbers with."""

Count = Annotated[int, Field(gt=0, lt=2**31)]
"""A number of things that exist, which C has room for."""

Workers = Annotated[int, Field(ge=1, lt=2**15)] | Annotated[int, Field(ge=-1024, le=-1)]
"""How many processes or threads; -1 for one on each processor, -2 for one fewer, and so on."""

MAX_NAMES = 10
"""How many right names a suggestion lists where none is close."""


class Component(BaseModel):
    """A part that a conf selects by its ``KIND`` and configures by its fields.

    Fields are strict (no ``"3"`` for 3), cannot change after validation, and a key that is not
    a field is an error.
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        protected_namespaces=(),
        use_attribute_docstrings=True,
    )

    def check(self) -> None:
        """Check, before any work, what can be known without doing it.

        Raises:
            UserError: This part, or a part of it, cannot do what it is asked.
        """
        for name in type(self).model_fields:
            value = getattr(self, name)
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, Component):
                    part.check()


def marked(part: Component, mark: str) -> dict[str, str]:
    """Find the fields of a part, and of the parts within, whose type has a mark.

    Args:
        part: where to look.
        mark: an extra of ``Annotated``.

    Returns:
        The values, by the dotted names of their fields.
    """
    found: dict[str, str] = {}
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if mark in field.metadata:
            found[name] = value
        for place, inner in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(inner, Component):
                step = f"{name}.{place}" if isinstance(value, list) else name
                found |= {f"{step}.{key}": text for key, text in marked(inner, mark).items()}
    return found


def nearest(name: str, names: Iterable[object]) -> str:
    """Suggest the name that was probably meant.

    Args:
        name: what was written.
        names: what would be right.

    Returns:
        `` Did you mean 'x'?`` or, with nothing close, the right names.
    """
    known = sorted(map(str, names))
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f" Did you mean '{close[0]}'?"
    known = known[:MAX_NAMES] + ["…"] * (len(known) > MAX_NAMES)
    return f" Known here: {', '.join(known)}." if known else ""
