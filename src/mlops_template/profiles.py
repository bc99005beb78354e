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
    import pandas as pd
    from skrub import TableReport

    module = project.modules(package)
    schemas, errors = module("core.schemas"), module("core.errors")
    try:
        job = module("settings").load(["confs/training.yaml"]).job
        share = min(1.0, ROWS / (job.inputs.rows() or ROWS))
        parts = zip(
            job.inputs.batches(schemas.Inputs), job.targets.batches(schemas.Targets), strict=True
        )
        rows = pd.concat(
            inputs.join(targets).sample(frac=share, random_state=0).sort_index()
            for inputs, targets in parts
        )
    except (errors.ConfigError, errors.DataError) as error:
        raise AdoptionError(str(error)) from error
    page = TableReport(rows.reset_index(), title=f"{package}: rows to train on", verbose=0).html()
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    return PAGE
