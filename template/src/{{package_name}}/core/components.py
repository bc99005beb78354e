"""What every configurable part has in common."""

import difflib
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

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
