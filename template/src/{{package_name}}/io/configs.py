"""Confs: YAML files merged from left to right, overridden by dotted keys, and validated."""

from __future__ import annotations

import os
import re
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.components import nearest
from ..core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omegaconf import DictConfig
    from pydantic import BaseModel, ValidationError


SHORTEST = 4
"""How many letters a value of the environment has at least that is hidden in texts."""


def load(files: Sequence[str | Path], overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Merge YAML files and overrides; the later wins.

    Mappings are merged, unless they are parts of different KINDs: these, and lists, are replaced.

    Args:
        files: YAML files, which may use OmegaConf's ``${...}`` interpolations.
        overrides: ``dotted.key=value``, the value in YAML; it replaces what stood there.

    Returns:
        The merged conf.

    Raises:
        ConfigError: A file is missing, is no YAML mapping or has another job than the one before,
            an override has no ``=``, or an interpolation finds nothing.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    plain: dict[Any, Any] = {}
    if remote := [file for file in files if "://" in str(file)]:
        raise ConfigError(f"A conf is a file on this machine, and {remote[0]} is none.")
    for file in map(Path, files):
        conf = _read(file)
        if _differ(plain.get("job"), conf.get("job")):
            raise ConfigError(f"The conf {file} has another job than one before: run each alone.")
        plain = _merge(plain, conf)
    _note_environment(plain)
    _note_environment(list(overrides))
    merged = OmegaConf.create(plain)
    for override in overrides:
        if "=" not in override:
            raise ConfigError(f"'{override}' is no override: write KEY=VALUE, and files before -e.")
    try:
        for override in overrides:
            _override(merged, override)
        return typing.cast(
            "dict[str, Any]", OmegaConf.to_container(merged, resolve=True, throw_on_missing=True)
        )
    except (YAMLError, OmegaConfBaseException) as error:
        reason = str(error).splitlines()[0].removeprefix(_INTERPOLATION)
        raise ConfigError(f"The conf does not resolve: {reason}") from error


def mask(text: str) -> str:
    """Hide what is secret in a text.

    That is what a URL holds before its host and behind the ``=`` of its query, and every value that
    a conf took from the environment, which becomes the ``${oc.env:NAME}`` that it came from.
    """
    for value in sorted(_from_environment, key=len, reverse=True):
        text = text.replace(value, _from_environment[value])
    return _URL.sub(_mask_url, text)


def mask_all(value: Any) -> Any:
    """Hide what is secret in all texts of a conf or a result."""
    if isinstance(value, dict):
        return {key: mask_all(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [mask_all(inner) for inner in value]
    return mask(value) if isinstance(value, str) else value


def _mask_url(found: re.Match[str]) -> str:
    scheme, rest = found.groups()
    # A password may hold anything, an @ as well, and the last one ends it.
    _, at, place = rest.rpartition("@")
    place = re.sub(r"([?&;][^=&#;]+=)[^&#;]+", r"\1***", place)
    place = re.sub(r"#[\w%=+-]+", "#***", place)
    return f"{scheme}{'***@' if at else ''}{place}"


def _note_environment(conf: object) -> None:
    """Remember what a conf takes from the environment, for ``mask``."""
    if isinstance(conf, dict | list):
        for part in conf.values() if isinstance(conf, dict) else conf:
            _note_environment(part)
    elif isinstance(conf, str):
        for name in re.findall(r"\$\{oc\.env:\s*(\w+)", conf):
            value = os.environ.get(name, "")
            # Of a URL, its secret parts are hidden, and it is told all the same.
            if len(value) >= SHORTEST and "://" not in value:
                _from_environment[value] = f"${{oc.env:{name}}}"


_URL = re.compile(r"([A-Za-z][\w+.-]*://)([^\s'\"><]+)")
_from_environment: dict[str, str] = {}
"""The name that each value came by; a shorter one would be found in every text."""

_INTERPOLATION = "KeyError raised while resolving interpolation: "


def _read(file: Path) -> Any:
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        conf = OmegaConf.load(file)
    except FileNotFoundError:
        if "=" in file.name:
            raise ConfigError(f"'{file}' is no conf: overrides come after -e.") from None
        siblings = list(file.parent.glob("[!.]*.y*ml"))
        raise ConfigError(f"There is no conf {file}.{nearest(str(file), siblings)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Cannot read the conf {file}: {error}.") from error
    except (YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"The conf {file} is not valid YAML: {error}") from error
    if not isinstance(conf, DictConfig):
        raise ConfigError(f"The conf {file} must be a mapping, with 'job:' at its top.")
    return OmegaConf.to_container(conf)


def _merge(old: Any, new: Any) -> Any:
    """Merge mappings key by key; anything else is replaced, a part of another KIND too."""
    if isinstance(old, dict) and isinstance(new, dict) and not _differ(old, new):
        return old | {key: _merge(old.get(key), value) for key, value in new.items()}
    return new


def _differ(old: Any, new: Any) -> bool:
    """Say whether both have a KIND, and not the same."""
    kinds = [part["KIND"] for part in (old, new) if isinstance(part, dict) and "KIND" in part]
    return len(kinds) == 2 and kinds[0] != kinds[1]


def _override(conf: DictConfig, override: str) -> None:
    from omegaconf import OmegaConf

    key, _, value = override.partition("=")
    new: Any = OmegaConf.to_container(OmegaConf.from_dotlist([f"value={value}"]))
    OmegaConf.update(conf, key, new["value"], merge=False)


def to_yaml(conf: dict[str, Any]) -> str:
    """Write a conf as YAML, its keys in their order."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(conf))


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say what is wrong in a conf, a line for each mistake, never showing a value.

    Args:
        error: pydantic's.
        model: what was validated.

    Returns:
        Lines of path, what is wrong there, and the nearest right name.
    """
    lines = []
    for mistake in error.errors(include_url=False, include_input=False):
        path, parent = _follow(mistake["loc"], model)
        match mistake["type"]:
            case "extra_forbidden":
                names = parent.model_fields if parent else {}
                text = f"unknown key.{nearest(str(mistake['loc'][-1]), names)}"
            case "union_tag_invalid":
                context = mistake["ctx"]
                tags = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
                text = f"unknown KIND '{context['tag']}'.{nearest(context['tag'], tags)}"
            case "union_tag_not_found":
                text = "KIND is missing: it says which part this is."
            case "missing":
                text = "is missing."
            case "literal_error":
                text = f"must be {mistake['ctx']['expected']}."
            case _:
                text = mistake["msg"].removeprefix("Value error, ")
                text += "" if text.endswith((".", "?")) else "."
        lines.append(f"  {path or 'conf'}: {text}")
    return "\n".join(dict.fromkeys(lines))


def _follow(
    loc: tuple[int | str, ...], model: type[BaseModel]
) -> tuple[str, type[BaseModel] | None]:
    """Find the path as the user wrote it, without union tags, and the model that it ends in."""
    from pydantic import BaseModel

    names: list[str] = []
    parent: type[BaseModel] | None = model
    here: Any = model
    for step in loc:
        candidates = list(_models(here))
        tagged = [found for found in candidates if _kind(found) == step]
        if tagged:
            parent = here = tagged[0]
            continue
        if isinstance(step, str) and (step in _BRANCHES or "[" in step):
            continue
        names.append(str(step))
        owner = next((found for found in candidates if step in found.model_fields), None)
        if owner is not None:
            field = owner.model_fields[str(step)]
            parent, here = owner, field.annotation
            if len(list(_models(here))) == 1:
                parent = next(_models(here))
        elif isinstance(here, type) and issubclass(here, BaseModel):
            parent = here
    return ".".join(names), parent


_BRANCHES = {"bool", "constrained-int", "int", "float", "str", "none", "list", "Range"}
"""How pydantic names the branches of a union without a KIND."""


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Find the models in a type, in whatever union, list or Annotated they stand."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in typing.get_args(annotation):
        yield from _models(argument)


def _kind(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("KIND")
    return field.default if field else None
