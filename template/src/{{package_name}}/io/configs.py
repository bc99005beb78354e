"""Confs: YAML files merged from left to right, overridden by dotted keys, and validated."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.components import nearest
from ..core.errors import ConfigError
from .files import open_filesystem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import BaseModel, ValidationError


JOB, DATA, INCLUDE = "job", "data", "include"
"""The keys of a conf: what runs, what jobs share, and which other confs it builds on."""

SHORTEST = 4
"""How many letters a value of the environment has at least that is hidden in texts."""


def load(files: Sequence[str | Path], overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Merge YAML files and overrides; the later wins.

    Mappings are merged, unless they are parts of different KINDs: these, and lists, are replaced.
    What a file includes is merged before it. Where a file or an override changes a part of what
    ``${...}`` names, the part is changed here alone, and what is named stays as it is.

    Args:
        files: YAML files, local or fsspec URLs, which may use OmegaConf's ``${...}``
            interpolations.
        overrides: ``dotted.key=value``, the value in YAML; it replaces what stood there.

    Returns:
        The merged conf.

    Raises:
        ConfigError: A file is missing, is no YAML mapping, includes itself or has another job than
            the one before, an override has no ``=``, or an interpolation finds nothing.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    confs = {
        name: conf for file in files for name, conf in _read_all(_beside("", str(file))).items()
    }
    for override in overrides:
        if "=" not in override:
            raise ConfigError(f"'{override}' is no override: write KEY=VALUE, and files before -e.")
    plain: dict[str, Any] = {}
    try:
        # What is shared is settled before the job that names it.
        for is_job in (False, True):
            for name, conf in confs.items():
                part = {key: value for key, value in conf.items() if (key == JOB) is is_job}
                if _differ(plain.get(JOB), part.get(JOB)):
                    raise ConfigError(
                        f"The conf {name} has another job than one before: run each alone."
                    )
                plain = _merge(plain, part, plain)
            for override in overrides:
                key, _, value = override.partition("=")
                names = _split(key)
                if (names[:1] == [JOB]) is is_job:
                    parsed: Any = OmegaConf.to_container(OmegaConf.from_dotlist([f"_={value}"]))
                    plain = _put(plain, names, parsed["_"], plain)
        _note_environment(plain)
        return _resolve(plain)
    except (YAMLError, OmegaConfBaseException, IndexError) as error:
        reason = str(error).splitlines()[0].removeprefix(_INTERPOLATION)
        raise ConfigError(f"The conf does not resolve: {reason}") from error


def _resolve(plain: dict[str, Any]) -> dict[str, Any]:
    """Replace interpolations, of what jobs share only where there is what they name.

    A table whose place is a variable need not be set for a job that does not read it.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    def resolve(part: Any) -> Any:
        is_conf = OmegaConf.is_config(part)
        return (
            OmegaConf.to_container(part, resolve=True, throw_on_missing=True) if is_conf else part
        )

    root = OmegaConf.create(plain)
    try:
        return typing.cast("dict[str, Any]", resolve(root))
    except OmegaConfBaseException:
        if not isinstance(plain.get(JOB), dict) or not isinstance(plain.get(DATA), dict):
            raise
        resolve(root[JOB])  # raises if it is this one that needs what is not there
        kept = {}
        for name, part in plain[DATA].items():
            with contextlib.suppress(OmegaConfBaseException):
                resolve(root[DATA][name])
                kept[name] = part
        return typing.cast("dict[str, Any]", resolve(OmegaConf.create(plain | {DATA: kept})))


def find_files(file: str | Path) -> list[str]:
    """List a conf and those that it includes, in the order in which they are merged.

    Raises:
        ConfigError: See ``load``.
    """
    return list(_read_all(_beside("", str(file))))


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

_NAMED = re.compile(r"\$\{\s*([\w.\[\]]+)\s*\}")
"""An interpolation that stands for another part of the conf."""

_INTERPOLATION = "KeyError raised while resolving interpolation: "


def _read_all(file: str, within: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """Read a conf and those that it includes, by their names, in the order of merging.

    Args:
        file: a path or a URL.
        within: the confs that include it, the outermost first.
    """
    if file in within:
        raise ConfigError(f"The conf {file} includes itself: {' > '.join([*within, file])}.")
    by = f", which {within[-1]} includes" if within else ""
    conf = _read(file, by)
    included = conf.pop(INCLUDE, [])
    names = [included] if isinstance(included, str) else included
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise ConfigError(f"{INCLUDE} in the conf {file} must be the name of a file, or a list.")
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        found |= _read_all(_beside(file, name), (*within, file))
    return found | {file: conf}


def _beside(file: str, name: str) -> str:
    """Find a file from where another is; a URL, or a path from the root, is what it is."""
    if "://" in name or os.path.isabs(name):  # noqa: PTH117 - it is no path yet
        return name
    if "://" in file:
        scheme, _, place = file.partition("://")
        return f"{scheme}://{posixpath.normpath(posixpath.join(posixpath.dirname(place), name))}"
    return os.path.normpath(Path(file).parent / name)


def _read(file: str, by: str) -> dict[str, Any]:
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    comma = "," if by else ""
    try:
        conf = OmegaConf.create(_fetch(file)) if "://" in file else OmegaConf.load(file)
    except FileNotFoundError:
        path = Path(file)
        if "=" in path.name:
            raise ConfigError(f"'{file}' is no conf: overrides come after -e.") from None
        siblings = list(path.parent.glob("[!.]*.y*ml"))
        raise ConfigError(f"There is no conf {file}{by}.{nearest(file, siblings)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Cannot read the conf {file}{by}: {error}.") from error
    except (YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"The conf {file}{by}{comma} is not valid YAML: {error}") from error
    if not isinstance(conf, DictConfig):
        raise ConfigError(
            f"The conf {file}{by}{comma} must be a mapping, with '{JOB}:' at its top."
        )
    return typing.cast("dict[str, Any]", OmegaConf.to_container(conf))


def _fetch(url: str) -> str:
    filesystem, name = open_filesystem(url)
    try:
        return bytes(filesystem.cat_file(name)).decode()
    except Exception as error:  # each store has errors of its own
        if isinstance(error, FileNotFoundError | UnicodeDecodeError):
            raise
        raise OSError(str(error) or type(error).__name__) from error


def _merge(old: Any, new: Any, root: dict[str, Any]) -> Any:
    """Merge mappings key by key; anything else is replaced, a part of another KIND too."""
    if not isinstance(new, dict):
        return new
    old = _look_up(old, root)
    if isinstance(old, dict) and not _differ(old, new):
        return old | {key: _merge(old.get(key), value, root) for key, value in new.items()}
    return new


def _put(old: Any, names: list[str], new: Any, root: dict[str, Any]) -> Any:
    """Put a value where names lead to; what is missing on the way is made.

    Raises:
        IndexError: A name is no place in a list.
    """
    if not names:
        return new
    name, *rest = names
    old = _look_up(old, root)
    if not isinstance(old, list):
        old = old if isinstance(old, dict) else {}
        return old | {name: _put(old.get(name), rest, new, root)}
    if not name.isdecimal() or int(name) >= len(old):
        raise IndexError(f"'{name}' is no place in a list of {len(old)}: they count from 0.")
    place = int(name)
    return [*old[:place], _put(old[place], rest, new, root), *old[place + 1 :]]


def _look_up(part: Any, root: dict[str, Any], within: tuple[str, ...] = ()) -> Any:
    """Find what an interpolation names; anything else is itself."""
    found = _NAMED.fullmatch(part) if isinstance(part, str) and part not in within else None
    if found is None:
        return part
    target: Any = root
    for name in _split(found[1]):
        if isinstance(target, list):
            target = dict(enumerate(target)).get(int(name)) if name.isdecimal() else None
        else:
            target = target.get(name) if isinstance(target, dict) else None
        target = _look_up(target, root, (*within, part))
    return part if target is None else target


def _split(key: str) -> list[str]:
    return re.findall(r"[^.\[\]]+", key)


def _differ(old: Any, new: Any) -> bool:
    """Say whether both have a KIND, and not the same."""
    kinds = [part["KIND"] for part in (old, new) if isinstance(part, dict) and "KIND" in part]
    return len(kinds) == 2 and kinds[0] != kinds[1]


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
