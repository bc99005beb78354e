"""The model registry: how a model is signed, saved, registered, found and loaded."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import logging
import re
import tempfile
import warnings
from abc import ABC, abstractmethod
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..core.components import Component
from ..core.errors import ConfigError, RegistryError, ServerError, UnfitError, UserError
from ..core.gate import Member
from . import configs, stores
from .services import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd
    import pandera.pandas as pa
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.exceptions import MlflowException
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
"""The tag by which releases before 0.4.0 said which version was the champion before."""

REQUIREMENTS = ["mlflow", "numpy", "pandas", "pandera", "pydantic", "scikit-learn", "skops"]
"""The libraries that a registered model needs where it is loaded."""

MAX_RATIO = 5.0
"""From one version to the next, no target changes by more, other than by its unit."""

APART = {
    *("core/drift.py", "core/errors.py", "core/explainers.py", "core/gate.py", "core/metrics.py"),
    *("core/plots.py", "core/searchers.py", "core/splitters.py"),
}
"""The modules of the core by which no version takes a table or predicts."""

REPLAY_ROWS = 10
"""How many held-out rows a version carries with what it predicted for them."""

OUTAGE = re.compile(
    r"\b(error code|status( code)?:?|HTTP) ?(40[138]|429|5\d\d)\b"
    r"|\b(40[138]|429|5\d\d) (Client|Server) Error|retries exceeded|timed out|AccessDenied"
    r"|Connection (aborted|refused|reset|broken)",
    re.IGNORECASE,
)
"""What an error says where the store of files could not be asked, and is not known to lack them."""

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
    """Describe the inputs by the columns of their schema, and by types that clients have at hand.

    MLflow takes no whole number for a float, no 0 for False and no text for a time, as they come
    from a CSV file or from JSON. Such columns may hold any type here: what cannot be converted
    without changing a value is refused by the schema, which the model checks itself.
    """

    KIND: Literal["SchemaSigner"] = "SchemaSigner"

    def sign(
        self, schema: type[pa.DataFrameModel], inputs: pd.DataFrame, outputs: pd.DataFrame
    ) -> ModelSignature:
        from mlflow.models import ModelSignature, infer_signature
        from mlflow.types import ColSpec, DataType, Schema
        from mlflow.types.schema import AnyType

        from ..core.frames import column_names

        def describe(name: str) -> ColSpec:
            dtype = str(plain[name].dtype)
            types = {"int64": DataType.long, "str": DataType.string}
            return ColSpec(types.get(dtype, anything), name)

        plain = plain_types(inputs[column_names(schema)])
        anything = AnyType()  # type: ignore[no-untyped-call]
        described = Schema([describe(str(name)) for name in plain])
        return ModelSignature(inputs=described, outputs=infer_signature(outputs).inputs)


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


class Content(BaseModel):
    """What a version takes and predicts, as training recorded it."""

    model_config = ConfigDict(frozen=True)

    project: str = PACKAGE
    inputs: dict[str, str]
    """The kind of each column, as number or text."""
    target: str
    holdout: str = ""
    """A digest of what training recorded of the rows held out."""


class PyfuncSaver(Component):
    """Save a model that travels: the pipeline as skops, and the package's code beside it.

    Source: https://mlflow.org/docs/latest/ml/model/models-from-code/
    """

    KIND: Literal["PyfuncSaver"] = "PyfuncSaver"

    def save(
        self, pipeline: Pipeline, signature: ModelSignature, rows: pd.DataFrame, holdout: str = ""
    ) -> str:
        """Log a model with the active run.

        Args:
            pipeline: fitted.
            signature: of the model.
            rows: inputs that were held out; a few are kept with what is predicted for them, and
                each load predicts them again.
            holdout: a digest of what is recorded of them elsewhere.

        Returns:
            The model's URI.

        Raises:
            ConfigError: The pipeline holds a type that is not trusted when it is loaded.
        """
        import mlflow
        import skops.io

        from ..core import models

        rows = rows.head(REPLAY_ROWS)
        content = Content(inputs=describe_inputs(), target=describe_target(), holdout=holdout)
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            # MLflow wants an example to check the signature by; ours comes from the schemas.
            warnings.filterwarnings("ignore", ".*input example", UserWarning)
            artifact = Path(folder, "pipeline.skops")
            skops.io.dump(pipeline, artifact)
            _check_types(file=artifact)
            rows.to_parquet(Path(folder, "replay_inputs.parquet"))
            models.predict(pipeline, rows).to_parquet(Path(folder, "replay_outputs.parquet"))
            Path(folder, "content.json").write_text(content.model_dump_json(), encoding="utf-8")
            script = Path(folder, "model.py")
            script.write_text(SCRIPT, encoding="utf-8")
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(script),
                artifacts={
                    "pipeline": str(artifact),
                    "content": str(Path(folder, "content.json")),
                    "replay_inputs": str(Path(folder, "replay_inputs.parquet")),
                    "replay_outputs": str(Path(folder, "replay_outputs.parquet")),
                },
                code_paths=[str(Path(__file__).parents[1])],
                signature=signature,
                pip_requirements=[
                    f"{name}=={importlib.metadata.version(name)}" for name in REQUIREMENTS
                ],
            )
        return str(info.model_uri)


def check_trust(pipeline: Pipeline) -> None:
    """Check that a pipeline, fitted or not yet, could be loaded again.

    Raises:
        ConfigError: It holds a type that is not trusted when it is loaded.
    """
    import skops.io

    _check_types(data=skops.io.dumps(pipeline))


def _check_types(**saved: Any) -> None:
    """Check the types in a skops file, or in its bytes."""
    import skops.io

    from .serving import TRUSTED

    unknown = set(skops.io.get_untrusted_types(**saved)) - set(TRUSTED)
    if unknown:
        raise ConfigError(
            f"The pipeline holds {', '.join(sorted(unknown))}: if you trust it, add it to"
            " TRUSTED in io/serving.py, and the model can be loaded."
        )


class MlflowRegister(Component):
    """Make a saved model the registry's next version."""

    KIND: Literal["MlflowRegister"] = "MlflowRegister"
    tags: dict[Annotated[str, Field(min_length=1)], Annotated[str, Field(min_length=1)]] = {}

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

        return mlflow.register_model(model_uri, name, tags=configs.mask_all(self.tags))


class PyfuncLoader(Component):
    """Load a version as any client of MLflow does, its signature and schemas checked.

    This runs the code that came with the model: take it for models that you trust.
    """

    KIND: Literal["PyfuncLoader"] = "PyfuncLoader"

    def load(self, version: ModelVersion) -> Predictor:
        """Load a version.

        Returns:
            A function from n rows of inputs to n rows of outputs.
        """
        import mlflow
        from mlflow.exceptions import MlflowException

        from ..core import frames

        # Comparing all installed libraries costs 0.4 s; the replay finds what matters.
        uri = f"models:/{version.name}/{version.version}"
        try:
            model = mlflow.pyfunc.load_model(uri, suppress_warnings=True)
        except UserError:
            raise
        except Exception as error:  # the code that came with it may raise anything
            if isinstance(error, MlflowException) and not is_missing(error):
                raise
            raise RegistryError(
                f"Version {version.version} of '{version.name}' is damaged, and was not loaded"
                f" ({type(error).__name__}): put back what was there, or train a new version."
            ) from error

        def predict(inputs: pd.DataFrame) -> pd.DataFrame:
            # What reads them has parsed them.
            with frames.parsed():
                outputs: pd.DataFrame = model.predict(plain_types(inputs))
            return outputs.set_axis(inputs.index)

        check_columns(version, model.metadata.get_input_schema().input_names())
        with read_model(version, "artifacts") as folder:
            check_content(version, folder)
            check_replay(version, folder, predict)
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
            try:
                outputs = models.predict(pipeline, inputs)
            except (TypeError, ValueError) as error:
                raise RegistryError(
                    f"Version {version.version} cannot predict these rows, and was trained on"
                    f" others: {str(error).splitlines()[0]}"
                ) from error
            return frames.conform(outputs, schemas.Outputs, "The output")

        return predict

    def pipeline(self, version: ModelVersion) -> Pipeline:
        """Load a version's fitted pipeline, of the types that are trusted and no others."""
        from ..core import models
        from .serving import load_pipeline

        with read_model(version, "artifacts") as folder:
            check_content(version, folder)
            try:
                pipeline = load_pipeline(folder / "pipeline.skops")
            except RegistryError as error:
                changes = _explain_difference(version)
                raise RegistryError(f"Version {version.version}: {error} {changes}") from error
            check_columns(version, pipeline.feature_names_in_)
            check_replay(version, folder, lambda rows: models.predict(pipeline, rows))
        return pipeline


LoaderKind = Annotated[PyfuncLoader | PipelineLoader, Field(discriminator="KIND")]


def check_description(version: ModelVersion) -> None:
    """Check that clients of MLflow find in a version what they load it by.

    Raises:
        RegistryError: Its file ``MLmodel`` is missing or damaged.
    """
    import yaml

    whole = False
    wrong = (AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError)
    with read_model(version, "MLmodel") as file, contextlib.suppress(*wrong):
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
        # The last line of the file is the last key; what is cut off ends before.
        whole = {"flavors", "signature", "utc_time_created"} <= found.keys()
        whole = whole and "loader_module" in found["flavors"]["python_function"]
    if not whole:
        raise RegistryError(
            f"Version {version.version} of '{version.name}' has a file 'MLmodel' that is damaged:"
            " no client could load it. Put back what was there, or train a new version."
        )


def check_content(version: ModelVersion, folder: Path) -> None:
    """Check that a version is this project's, of the columns and the target of its schemas.

    Args:
        version: the version.
        folder: its artifacts; those of a release that recorded no content are taken as they are.

    Raises:
        RegistryError: It is of another project, or of other columns, or of another target.
    """
    content = _parse_content(version, folder)
    if content is None:
        return
    check_origin(version, content)
    check_columns(version, content.inputs)
    now_inputs = describe_inputs()
    other = [name for name, kind in content.inputs.items() if now_inputs[name] != kind]
    if other:
        kinds = ", ".join(f"{name} was {content.inputs[name]}" for name in other)
        raise UnfitError(
            f"Version {version.version} was trained on other types than the schemas have now"
            f" ({kinds})"
        )


def check_origin(version: ModelVersion, content: Content) -> None:
    """Check that a version is this project's, and predicts the target of its schemas.

    Args:
        version: the version.
        content: what training recorded of it.

    Raises:
        RegistryError: It is of another project, or of another target.
    """
    if content.project != PACKAGE:
        raise RegistryError(
            f"Version {version.version} of '{version.name}' was trained by the project"
            f" '{content.project}', not by this one: name another version, or another model in"
            " job.mlflow.registered_model."
        )
    now = describe_target()
    if content.target != now:
        raise UnfitError(
            f"Version {version.version} predicts another target ({content.target}) than the"
            f" schemas have now ({now})"
        )


def check_fit(version: ModelVersion) -> None:
    """Check, without loading it, that a version fits the project; see ``check_content``."""
    with read_model(version, "artifacts") as folder:
        check_content(version, folder)


def read_content(version: ModelVersion) -> Content | None:
    """Read what training recorded of a version; None where its release recorded nothing.

    Raises:
        RegistryError: It cannot be read.
    """
    with read_model(version, "artifacts") as folder:
        return _parse_content(version, folder)


def _parse_content(version: ModelVersion, folder: Path) -> Content | None:
    file = folder / "content.json"
    if not file.exists():
        return None
    try:
        return Content.model_validate_json(file.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise UnfitError(
            f"What was recorded of version {version.version} when it was trained was changed"
        ) from error


def check_columns(
    version: ModelVersion, names: Iterable[object], schema: type[pa.DataFrameModel] | None = None
) -> None:
    """Check that a version takes the columns of a schema.

    Args:
        version: the version.
        names: the columns that it takes.
        schema: that of the project's inputs without one.

    Raises:
        RegistryError: They are others.
    """
    from ..core import frames, schemas

    other = {str(name) for name in names} ^ set(frames.column_names(schema or schemas.Inputs))
    if other:
        raise UnfitError(
            f"Version {version.version} was trained on other columns than the schemas have now"
            f" ({', '.join(sorted(other))})"
        )


def describe_inputs() -> dict[str, str]:
    """Tell the kind of each column of the inputs; whole numbers and others are one kind."""
    from ..core import frames, schemas

    kinds = frames.columns_by_kind(schemas.Inputs)
    kinds["number"] += kinds.pop("castable")
    return {name: kind for kind, names in kinds.items() for name in names}


def describe_target() -> str:
    """Name the target of the schemas, its type and the kind of problem."""
    from ..core import frames, schemas

    name = frames.target_name(schemas.Targets)
    dtype = schemas.Targets.to_schema().columns[name].dtype
    return f"{name}, {dtype}, {schemas.PROBLEM}"


def digest_schemas() -> str:
    """Digest the names and kinds of the columns, and the target."""
    described = json.dumps([sorted(describe_inputs().items()), describe_target()])
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def check_replay(
    version: ModelVersion, folder: Path, predict: Predictor, *, by_its_own: bool = False
) -> None:
    """Check that a version predicts what it predicted when it was trained.

    Args:
        version: the version.
        folder: its artifacts; those of a release that recorded no rows are taken as they are.
        predict: the loaded version.
        by_its_own: whether that is the code that came with it, not the project's.

    Raises:
        RegistryError: It predicts something else; the text says what differs.
    """
    import numpy as np
    import pandas as pd

    if not (folder / "replay_inputs.parquet").exists():
        return
    inputs = pd.read_parquet(folder / "replay_inputs.parquet")
    expected = pd.read_parquet(folder / "replay_outputs.parquet")
    try:
        found = predict(inputs)
        same = list(found) == list(expected) and all(
            np.allclose(found[name], expected[name], rtol=1e-6, atol=1e-9, equal_nan=True)
            if pd.api.types.is_float_dtype(expected[name].dtype)
            else found[name].astype("str").tolist() == expected[name].astype("str").tolist()
            for name in expected
        )
        what = "other values"
    except Exception as error:  # noqa: BLE001
        # Whatever the changed code or library raises, the version is not what it was.
        same, what = False, f"nothing, but fails ({type(error).__name__})"
    if not same:
        raise RegistryError(
            f"Version {version.version} predicts {what} for the {len(inputs)} rows that were"
            f" recorded when it was trained. {_explain_difference(version)}"
        )
    # Ten rows do not reach every branch of an encoder.
    if not by_its_own and (changed := find_changes(version)):
        logger.warning(
            "Version %s was trained with another %s. It predicts the same for the %d rows that were"
            " recorded then, which says little of rare rows.",
            version.version,
            ", ".join(f"{PACKAGE}/{module}" for module in changed),
            len(inputs),
        )


def digest_core() -> str:
    """Digest the modules of the project's core, as SHA-256 in hexadecimal."""
    return digest_files(Path(__file__).parents[1] / "core")


def find_changes(version: ModelVersion) -> list[str]:
    """Name the modules that changed since a version was trained, of those that it works by."""
    with read_model(version) as folder:
        changed = _find_changes(folder)
    return sorted(changed - APART)


def _find_changes(folder: Path) -> set[str]:
    """Find the files of the core that differ from those that a model carries."""
    here, code = Path(__file__).parents[1], folder / "code" / PACKAGE
    return {
        name
        for file in code.glob("core/**/*")
        if file.is_file() and file.suffix != ".pyc"
        if not (here / (name := file.relative_to(code).as_posix())).is_file()
        or (here / name).read_bytes() != file.read_bytes()
    }


def read_replay(version: ModelVersion) -> pd.DataFrame | None:
    """Read the predictions that a version carries; None where its release recorded none."""
    import pandas as pd

    with read_model(version, "artifacts") as folder:
        file = folder / "replay_outputs.parquet"
        return pd.read_parquet(file) if file.exists() else None


def check_scale(version: ModelVersion, champion: ModelVersion) -> None:
    """Check that a version predicts values of the same order as the champion does.

    A target in another unit keeps its name and its type. The predictions that both versions carry
    tell, where they are numbers.

    Args:
        version: the version.
        champion: the one that predicts now.

    Raises:
        RegistryError: The predictions lie apart, by more than ``MAX_RATIO``.
    """
    import pandas as pd

    values = []
    for each in (version, champion):
        outputs = read_replay(each)
        if outputs is None or not pd.api.types.is_float_dtype(outputs["prediction"].dtype):
            return
        values.append(outputs["prediction"])
    low, high = sorted(values, key=lambda predicted: float(predicted.abs().median()))
    apart = low.max() < high.min() or high.max() < low.min()
    if apart and high.abs().median() > MAX_RATIO * low.abs().median():
        found, now = (f"{predicted.median():.4g}" for predicted in values)
        raise RegistryError(
            f"Version {version.version} predicts values around {found}, the champion, version"
            f" {champion.version}, values around {now}: their targets are in different units."
        )


def _explain_difference(version: ModelVersion) -> str:
    """Name the modules and libraries that differ from those that a version was trained with."""
    with read_model(version) as folder:
        modules = sorted(_find_changes(folder))
        libraries = []
        file = folder / "requirements.txt"
        for line in file.read_text(encoding="utf-8").split() if file.exists() else ():
            name, _, then = line.partition("==")
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                now = importlib.metadata.version(name)
                if then and now != then:
                    libraries.append(f"{name} {now} instead of {then}")
    if not modules and not libraries:
        return "Neither code nor libraries differ, so its file was changed: train a new version."
    changed = [*(f"{PACKAGE}/{module}" for module in modules), *libraries]
    return (
        f"Changed since: {', '.join(changed)}. Undo that, or train, evaluate and promote a new"
        " version."
    )


def is_missing(error: MlflowException) -> bool:
    """Say whether a store answered that something is not there; any other failure is no answer."""
    return bool(error.error_code == "RESOURCE_DOES_NOT_EXIST")


def get_version(name: str, number: int) -> ModelVersion:
    """Find a version by its number.

    Raises:
        RegistryError: There is none.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        return MlflowClient().get_model_version(name, str(number))
    except MlflowException as error:
        if not is_missing(error):
            raise
    newest = find_newest(name)
    raise RegistryError(
        f"The model '{name}' has no version {number}: the newest is {newest.version}."
    )


def find_newest(name: str) -> ModelVersion:
    """Find the newest version.

    Raises:
        RegistryError: There is none.
    """
    from mlflow import MlflowClient

    found = MlflowClient().search_model_versions(
        f"name = '{name}'", max_results=1, order_by=["version_number DESC"]
    )
    if not found:
        raise RegistryError(
            f"No version of the model '{name}' is registered yet in {stores.describe()}: train one"
            " first, or name another store in MLFLOW_TRACKING_URI."
        )
    return found[0]


def find_version(name: str, version: int | None) -> ModelVersion:
    """Find a version by its number, or the newest, which may be somebody else's, and say so.

    Raises:
        RegistryError: There is none.
    """
    if version is not None:
        return get_version(name, version)
    found = find_newest(name)
    logger.info(
        "Taking version %s of '%s', the newest; job.version names another.", found.version, name
    )
    return found


def tag(version: ModelVersion, tags: dict[str, str]) -> None:
    """Tag a version."""
    from mlflow import MlflowClient

    for key, value in tags.items():
        MlflowClient().set_model_version_tag(version.name, version.version, key, value)


def identify(version: ModelVersion, recipe: str = "") -> Member:
    """Tell a version by its number, its run and the digest of its model's files.

    Args:
        version: the version.
        recipe: see ``Member``.

    Raises:
        RegistryError: The files cannot be read.
    """
    with read_model(version) as folder:
        digest = digest_files(folder)
    return Member(
        version=int(version.version), run_id=str(version.run_id), digest=digest, recipe=recipe
    )


def digest_files(folder: Path) -> str:
    """Digest the names and the bytes of all files in a folder, as SHA-256 in hexadecimal."""
    files = sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        # MLflow adds the first where it loads, Python the others.
        if path.is_file() and path.name != "registered_model_meta" and path.suffix != ".pyc"
    )
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


@contextlib.contextmanager
def read_model(version: ModelVersion, part: str = "") -> Iterator[Path]:
    """Fetch the files of a version's model; nothing of them is run.

    Args:
        version: the version.
        part: a folder in the model, or nothing for all of it.

    Yields:
        A local copy, gone after the block, or after that of ``fetching_once``.

    Raises:
        RegistryError: They cannot be read.
    """
    what = f"Version {version.version} of '{version.name}'"
    uri = f"models:/{version.name}/{version.version}"
    address = f"{uri}/{part}" if part else uri
    with _fetch(what, part, {"artifact_uri": uri}, artifact_uri=address) as folder:
        yield folder


@contextlib.contextmanager
def read_artifacts(run_id: str, folder: str) -> Iterator[Path]:
    """Fetch a folder of a run's artifacts.

    Args:
        run_id: the run.
        folder: its name among the artifacts.

    Yields:
        A local copy, gone after the block, or after that of ``fetching_once``.

    Raises:
        RegistryError: The run or the folder cannot be read.
    """
    what, run = f"The run {run_id}", {"run_id": run_id}
    with _fetch(what, folder, run, **run, artifact_path=folder) as path:
        yield path


@contextlib.contextmanager
def fetching_once() -> Iterator[None]:
    """Fetch no file twice within the block, so that what was checked is what is used."""
    with contextlib.ExitStack() as stack:
        token = _fetched.set((stack, {}))
        try:
            yield
        finally:
            _fetched.reset(token)


_fetched: ContextVar[tuple[contextlib.ExitStack, dict[str, Path]] | None] = ContextVar(
    "_fetched", default=None
)


@contextlib.contextmanager
def _fetch(what: str, part: str, whole: dict[str, str], **address: str) -> Iterator[Path]:
    """Fetch a part of something, or find it where it was fetched already."""
    with contextlib.ExitStack() as block:
        stack, found = _fetched.get() or (block, {})
        if str(whole) in found:
            path = found[str(whole)] / part
        else:
            if str(address) not in found:
                found[str(address)] = stack.enter_context(_download(what, part, whole, address))
            path = found[str(address)]
        try:
            yield path
        except (OSError, EOFError, KeyError, ValueError) as error:  # of whatever reads the files
            name = f" in '{part}'" if part else ""
            raise RegistryError(
                f"{what} has a file{name} that is missing or damaged ({type(error).__name__}): put"
                " back what was there, or train a new version."
            ) from error


@contextlib.contextmanager
def _download(
    what: str, part: str, whole: dict[str, str], address: dict[str, str]
) -> Iterator[Path]:
    """Fetch a part of something; where that fails, look whether the whole has it."""
    from mlflow.artifacts import download_artifacts, list_artifacts
    from mlflow.exceptions import MlflowException

    # Where a request fails, threads of MLflow may be writing still.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as copy:
        try:
            path = download_artifacts(dst_path=copy, **address)
        except (MlflowException, OSError) as error:
            _check_room(what, Path(copy))
            try:
                lacking = bool(part) and part not in {
                    entry.path for entry in list_artifacts(**whole)
                }
                causes = [*stores.find_causes(error)]
            except (MlflowException, OSError) as asked:
                lacking, causes = False, [*stores.find_causes(asked), *stores.find_causes(error)]
            outages = [cause for cause in causes if OUTAGE.search(str(cause))]
            if outages:
                raise ServerError(
                    f"The files of {what[0].lower()}{what[1:]} could not be asked for:"
                    f" {stores.explain(outages[0])} Run this again when their store answers."
                ) from error
            if lacking:
                raise RegistryError(
                    f"{what} has no '{part}': no training of this project made it, or its files"
                    " were deleted."
                ) from error
            raise RegistryError(f"{what} cannot be read: {stores.explain(error)}") from error
        yield Path(path)


def _check_room(what: str, folder: Path) -> None:
    """Check that a folder takes another megabyte; MLflow does not always say that it did not."""
    try:
        folder.joinpath("room").write_bytes(bytes(2**20))
    except OSError as error:
        raise ServerError(
            f"The files of {what[0].lower()}{what[1:]} do not fit into {tempfile.gettempdir()}"
            f" ({error.strerror}): make room there, or set TMPDIR to another folder."
        ) from error


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
