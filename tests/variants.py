"""Which answers the tests render: every choice, and every pair of answers."""

from typing import Final

from allpairspy import AllPairs
from harness import PYTHONS_AT_HAND, Answers, choices

PACKAGE_40: Final = "a_package_whose_name_is_forty_letters_ok"
"""The longest name that a package may have."""

VALUES: Final[dict[str, list[str]]] = {
    "license": choices("license"),
    "python_version": choices("python_version"),
    "problem": choices("problem"),
    "ci": choices("ci"),
    "package_name": ["demand_forecasts", "x", PACKAGE_40],
    "repository_owner": ["", "acme", "acme_1"],
    "repository_host": ["github.com", "gitlab.example.org:8443"],
    "author_email": ["", "ada.lovelace+ml@mail.example.org"],
    "author_name": ["Ada Lovelace", "Département d'Étude"],
    "project_name": ["Demand Forecasts", "X"],
    "project_description": ["Short.", "A long sentence, " * 11 + "of 200 chars."],
}
"""Every choice of each question, and the kinds of answer to each free one."""


def pairs(values: dict[str, list[str]]) -> list[Answers]:
    """Cover all pairs of answers with few variants."""
    return [
        dict(zip(values, row, strict=True)) for row in AllPairs([list(v) for v in values.values()])
    ]


def name(answers: Answers) -> str:
    """Name a variant by its choices."""
    return "-".join(answers[key] for key in ("python_version", "problem", "ci", "license"))


PAIRS: Final = pairs(VALUES)

PROJECTS: Final[list[Answers]] = [
    {
        "python_version": python,
        "problem": problem,
        "ci": choices("ci")[(row + column) % 3],
        "license": choices("license")[(row + 3 * column) % 5],
        "package_name": ["demand_forecasts", "x", PACKAGE_40][row % 3],
    }
    for row, python in enumerate(PYTHONS_AT_HAND)
    for column, problem in enumerate(choices("problem"))
    if len(PYTHONS_AT_HAND) == 1 or row % 2 == column
]
"""A problem in turn on each Python at hand, for each CI; both where there is but one Python."""
