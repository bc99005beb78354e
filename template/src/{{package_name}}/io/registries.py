"""The model registry: how a model is signed, saved, registered, found and loaded."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import tempfile
import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator

from ..core.components import Component
from ..core.errors import ConfigError, RegistryError
from .services import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd
    import pandera.pandas as pa
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature
    from sklearn.pipeline import Pipeline

    Predictor = Callable[[pd.DataFrame], pd.DataFrame]

CHAMPION = "champion"
"""The alias of the version that predicts."""

EVALUATION = "evaluation"
"""The tag that names the run in which a version was evaluated, and the artifact in it."""

STATUS = "promotion"
"""The tag that says ``promoted``, ``refused`` or ``rolled back``."""

REASON = "promotion_reason"
"""The tag that says why."""

PREVIOUS = "previous_champion"
"""The tag that says which version was the champion before."""

REQUIREMENTS = ["mlflow", "numpy", "pandas", "pandera", "pydantic", "scikit-learn", "skops"]
"""The libraries that a registered model needs where it is loaded."""

SCRIPT = f'''"""Loaded by MLflow; the pipeline stands beside it, the package in the folder code."""

from mlflow.models import set_model

from {PACKAGE}.io.serving import ServedModel

set_model(ServedModel())
'''

logger = logging.getLogger(__name__)


class Signer(Component, ABC):
    """How a model's inputs and outputs are described to its clients."""

    KIND: str

    @abstractmethod
    def sign(
        self, schema: type[pa.DataFrameModel], inputs: pd.DataFrame, outputs: pd.DataFrame
    ) -> ModelSignature:
        """Describe a model.

        Args:
            schema: of the inputs.
            inputs: some rows of it.
            outputs: what the model says of these rows.
        """


class SchemaSigner(Signer):
    """Describe the inputs by the columns and the types of their schema."""

    KIND: Literal["SchemaSigner"] = "SchemaSigner"

    def sign(
        self, schema: type[pa.DataFrameModel], inputs: pd.DataFrame, outputs: pd.DataFrame
    ) -> ModelSignature:
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, Schema

        from ..core.frames import column_names

        def describe(table: pd.DataFrame) -> Schema:
            return Schema([ColSpec(_column_type(table[name].dtype), str(name)) for name in table])

        plain = plain_types(inputs[column_names(schema)])
        return ModelSignature(inputs=describe(plain), outputs=describe(outputs))


class InferSigner(Signer):
    """Describe inputs and outputs as MLflow reads them off some rows."""

    KIND: Literal["InferSigner"] = "InferSigner"
    rows: Annotated[int, Field(gt=0)] = 1_000

    def sign(
        self, schema: type[pa.DataFrameModel], inputs: pd.DataFrame, outputs: pd.DataFrame
    ) -> ModelSignature:
        from mlflow.models import infer_signature

        return infer_signature(plain_types(inputs.head(self.rows)), outputs.head(self.rows))


SignerKind = Annotated[SchemaSigner | InferSigner, Field(discriminator="KIND")]


class PyfuncSaver(Component):
    """Save a model that travels: the pipeline as skops, and the package's code beside it.

    Source: https://mlflow.org/docs/latest/ml/model/models-from-code/
    """

    KIND: Literal["PyfuncSaver"] = "PyfuncSaver"

    def save(self, pipeline: Pipeline, signature: ModelSignature) -> str:
        """Log a model with the active run.

        Args:
            pipeline: fitted.
            signature: of the model.

        Returns:
            The model's URI.

        Raises:
            ConfigError: The pipeline holds a type that is not trusted when it is loaded.
        """
        import mlflow
        import skops.io

        from .serving import TRUSTED

        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            # MLflow wants an example to check the signature by; ours comes from the schemas.
            warnings.filterwarnings("ignore", ".*input example", UserWarning)
            artifact = Path(folder, "pipeline.skops")
            skops.io.dump(pipeline, artifact)
            unknown = set(skops.io.get_untrusted_types(file=artifact)) - set(TRUSTED)
            if unknown:
                raise ConfigError(
                    f"The pipeline holds {', '.join(sorted(unknown))}: if you trust it, add it to"
                    " TRUSTED in io/serving.py, and the model can be loaded."
                )
            script = Path(folder, "model.py")
            script.write_text(SCRIPT, encoding="utf-8")
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(script),
                artifacts={"pipeline": str(artifact)},
                code_paths=[str(Path(__file__).parents[1])],
                signature=signature,
                pip_requirements=[
                    f"{name}=={importlib.metadata.version(name)}" for name in REQUIREMENTS
                ],
            )
        return str(info.model_uri)


class MlflowRegister(Component):
    """Make a saved model the registry's next version."""

    KIND: Literal["MlflowRegister"] = "MlflowRegister"
    tags: dict[str, str] = {}

    @field_validator("tags")
    @classmethod
    def _not_reserved(cls, tags: dict[str, str]) -> dict[str, str]:
        for name in {EVALUATION, STATUS, REASON, PREVIOUS} & tags.keys():
            raise ValueError(f"the tag '{name}' is written by promotion alone")
        return tags

    def register(self, name: str, model_uri: str) -> ModelVersion:
        """Register a model.

        Args:
            name: of the registered model, which is created when it is missing.
            model_uri: what ``PyfuncSaver.save`` returned.
        """
        import mlflow

        return mlflow.register_model(model_uri, name, tags=self.tags)


class PyfuncLoader(Component):
    """Load a version as any client of MLflow does, its signature and schemas checked."""

    KIND: Literal["PyfuncLoader"] = "PyfuncLoader"

    def load(self, version: ModelVersion) -> Predictor:
        """Load a version.

        Returns:
            A function from n rows of inputs to n rows of outputs.
        """
        import mlflow

        # Comparing all installed libraries costs 0.4 s; scikit-learn warns where it matters.
        uri = f"models:/{version.name}/{version.version}"
        model = mlflow.pyfunc.load_model(uri, suppress_warnings=True)
        check_columns(version, model.metadata.get_input_schema().input_names())

        def predict(inputs: pd.DataFrame) -> pd.DataFrame:
            outputs: pd.DataFrame = model.predict(plain_types(inputs))
            return outputs.set_axis(inputs.index)

        return predict


class PipelineLoader(Component):
    """Load a version's bare pipeline, for inputs that a reader has checked already."""

    KIND: Literal["PipelineLoader"] = "PipelineLoader"

    def load(self, version: ModelVersion) -> Predictor:
        """Load a version.

        Returns:
            A function from n rows of inputs to n rows of outputs.
        """
        from ..core import frames, models, schemas

        pipeline = self.pipeline(version)

        def predict(inputs: pd.DataFrame) -> pd.DataFrame:
            outputs = models.predict(pipeline, inputs)
            return frames.conform(outputs, schemas.Outputs, "The output")

        return predict

    def pipeline(self, version: ModelVersion) -> Pipeline:
        """Load a version's fitted pipeline, of the types that are trusted and no others."""
        from mlflow.artifacts import download_artifacts

        from .serving import load_pipeline

        uri = f"models:/{version.name}/{version.version}/artifacts/pipeline.skops"
        pipeline = load_pipeline(Path(download_artifacts(uri)))
        check_columns(version, pipeline.feature_names_in_)
        return pipeline


LoaderKind = Annotated[PyfuncLoader | PipelineLoader, Field(discriminator="KIND")]


def check_columns(version: ModelVersion, names: Iterable[object]) -> None:
    """Check that a version was trained on the columns that the schemas have now.

    Args:
        version: the version.
        names: the columns of its inputs.

    Raises:
        RegistryError: It was trained on others.
    """
    from ..core import frames, schemas

    other = {str(name) for name in names} ^ set(frames.column_names(schemas.Inputs))
    if other:
        raise RegistryError(
            f"Version {version.version} was trained before the schemas changed, on other columns"
            f" ({', '.join(sorted(other))}): train, evaluate and promote a new version."
        )


def find_champion(name: str) -> ModelVersion | None:
    """Find the version that predicts, if there is one yet."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        return MlflowClient().get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        # No such model, or a model without that alias; any other failure is not for guessing.
        if error.error_code == "RESOURCE_DOES_NOT_EXIST" or "alias" in error.message:
            return None
        raise


def find_version(name: str, version: int | None) -> ModelVersion:
    """Find a version by its number, or the newest.

    Raises:
        RegistryError: There is none.
    """
    from mlflow import MlflowClient

    found = list(MlflowClient().search_model_versions(f"name = '{name}'", max_results=10_000))
    if not found:
        raise RegistryError(f"No version of the model '{name}' is registered yet: train one first.")
    numbers = {int(candidate.version): candidate for candidate in found}
    number = max(numbers) if version is None else version
    if number not in numbers:
        raise RegistryError(
            f"The model '{name}' has no version {number}: the newest is {max(numbers)}."
        )
    return numbers[number]


def get_champion(name: str) -> ModelVersion:
    """Find the version that predicts.

    Raises:
        RegistryError: There is none yet.
    """
    champion = find_champion(name)
    if champion is None:
        raise RegistryError(
            f"The model '{name}' has no champion yet: train a version, evaluate it and promote it"
            " (the jobs training, evaluations and promotion), then run this again."
        )
    return champion


def find_predictor(name: str, version: int | None) -> ModelVersion:
    """Find a version by its number, or the champion.

    Raises:
        RegistryError: There is none.
    """
    return get_champion(name) if version is None else find_version(name, version)


def set_champion(version: ModelVersion) -> None:
    """Make a version the one that predicts."""
    from mlflow import MlflowClient

    MlflowClient().set_registered_model_alias(version.name, CHAMPION, version.version)


def tag(version: ModelVersion, tags: dict[str, str]) -> None:
    """Tag a version."""
    from mlflow import MlflowClient

    for key, value in tags.items():
        MlflowClient().set_model_version_tag(version.name, version.version, key, value)


@contextlib.contextmanager
def read_artifacts(run_id: str, folder: str) -> Iterator[Path]:
    """Fetch a folder of a run's artifacts.

    Args:
        run_id: the run.
        folder: its name among the artifacts.

    Yields:
        A local copy, gone after the block.

    Raises:
        RegistryError: The run or the folder is gone.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as copy:
        try:
            path = download_artifacts(run_id=run_id, artifact_path=folder, dst_path=copy)
        except (MlflowException, OSError) as error:
            raise RegistryError(
                f"The run {run_id} has no artifacts '{folder}' any more: {error}"
            ) from error
        yield Path(path)


def plain_types(frame: pd.DataFrame) -> pd.DataFrame:
    """Widen a table's types to those that a signature knows; no value changes.

    MLflow refuses categories and whole numbers that may be missing.
    """
    import pandas as pd

    types = pd.api.types
    wider: dict[str, Any] = {}
    for name, dtype in frame.dtypes.items():
        if isinstance(dtype, pd.CategoricalDtype):
            wider[str(name)] = "str"
        elif types.is_bool_dtype(dtype):
            wider[str(name)] = "bool" if dtype == "bool" else "object"
        elif types.is_integer_dtype(dtype):
            nullable = types.is_extension_array_dtype(dtype)
            wider[str(name)] = "float64" if nullable else "int64"
        elif types.is_float_dtype(dtype):
            wider[str(name)] = "float64"
    changed = {name: dtype for name, dtype in wider.items() if frame[name].dtype != dtype}
    return frame.astype(changed) if changed else frame


def _column_type(dtype: Any) -> Any:
    import pandas as pd
    from mlflow.types import DataType

    types = pd.api.types
    if types.is_bool_dtype(dtype) or dtype == "object":
        return DataType.boolean
    if types.is_integer_dtype(dtype):
        return DataType.long
    if types.is_float_dtype(dtype):
        return DataType.double
    if types.is_datetime64_any_dtype(dtype):
        return DataType.datetime
    return DataType.string
