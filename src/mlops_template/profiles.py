"""A page that shows each column of the training data."""

from pathlib import Path

from . import project
from .errors import AdoptionError

ROWS = 5_000
PAGE = Path("outputs/profile.html")


def draw(package: str) -> Path:
    """Draw the page from some of the rows that the training conf names.

    Args:
        package: the name of the package.

    Returns:
        Where the page is.

    Raises:
        AdoptionError: The data is not there, or not what the schemas say.
    """
    from skrub import TableReport

    module = project.modules(package)
    errors = module("core.errors")
    try:
        job = module("settings").load(["confs/training.yaml"]).job
        inputs, target = module("jobs.records").read_pair(job.inputs, job.targets)
    except (errors.ConfigError, errors.DataError) as error:
        raise AdoptionError(str(error)) from error
    rows = inputs.join(target)
    rows = rows.sample(min(ROWS, len(rows)), random_state=0).sort_index()
    page = TableReport(rows.reset_index(), title=f"{package}: rows to train on", verbose=0).html()
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    return PAGE
