"""What MLflow loads: the registered model, in this project or far from it.

A copy of the package travels with the model, so this module and what it imports must work where
the project is not installed.
"""

import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import skops.io
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from sklearn.pipeline import Pipeline
from skops.io.exceptions import UntrustedTypesFoundException

from ..core import encoders, frames, models, schemas
from ..core.errors import RegistryError
from .trees import check_trees

ENCODERS = (encoders.NumberEncoder, encoders.TextEncoder, encoders.TimeEncoder)

TRUSTED = [
    *(f"{encoder.__module__}.{encoder.__name__}" for encoder in ENCODERS),
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
]
"""The types that a pipeline may hold beyond those that skops trusts; a new model may need more."""


def load_pipeline(path: Path) -> Pipeline:
    """Load a fitted pipeline without running code from the file.

    Args:
        path: a skops file.

    Raises:
        RegistryError: It holds a type that is not trusted, or is damaged.
    """
    try:
        pipeline: Pipeline = skops.io.load(path, trusted=TRUSTED)
    except UntrustedTypesFoundException as error:
        raise RegistryError(
            f"The model holds types that are not trusted, and was not loaded: {error}"
        ) from error
    except Exception as error:  # a damaged file fails in ways that cannot be listed
        raise RegistryError(
            f"The model's file is damaged, and was not loaded: {type(error).__name__}."
        ) from error
    check_trees(pipeline)
    return pipeline


class ServedModel(PythonModel):
    """The pipeline behind its schemas."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the pipeline that was saved with the model."""
        self.pipeline = load_pipeline(Path(context.artifacts["pipeline"]))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Check the inputs, predict, and check the outputs; cells unlike any seen are warned of.

        Args:
            context: unused.
            model_input: n rows with the columns of ``schemas.Inputs`` and any index.
            params: unused.

        Returns:
            n rows of ``schemas.Outputs`` under the same index.

        Raises:
            DataError: The inputs are not what the schema says.
        """
        inputs = frames.conform(model_input, schemas.Inputs, "The input", indexed=False)
        unseen = frames.UnseenCells(schemas.Inputs)
        unseen.add(inputs)
        if unseen.counts:
            warnings.warn(unseen.describe("The input"), stacklevel=2)
        outputs = models.predict(self.pipeline, inputs)
        return frames.conform(outputs, schemas.Outputs, "The output", indexed=False)
