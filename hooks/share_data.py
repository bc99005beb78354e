# /// script
# requires-python = ">=3.11"
# dependencies = ["copier>=9.19", "pyyaml>=6"]
# ///
"""Move what the confs of a project share into confs/data.yaml, and name it there.

    share_data.py

Before the update, the confs are put back to what was rendered, so that copier changes what it
rendered and no more. After it, what the user had made of them is merged in: values that jobs share
are in data.yaml, and each conf names them; whatever differs, or has a comment, stays where it is.
"""

import hashlib
import json
import math
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from project import git, merge, render_last

CONFS = {
    "training": {
        "inputs": "training",
        "targets": "training",
        "splitter": "splitter",
        "metrics": "metrics",
    },
    "tuning": {
        "inputs": "training",
        "targets": "training",
        "splitter": "splitter",
        "folds": "folds",
        "metric": "metrics[0]",
    },
    "evaluations": {
        "inputs": "training",
        "targets": "training",
        "metrics": "metrics",
        "thresholds": "thresholds",
    },
    "promotion": {"metric": "metrics[0].name"},
    "inference": {"inputs": "inference"},
    "explanations": {"inputs": "training", "targets": "training", "metric": "metrics[0]"},
    "monitoring": {"inputs": "inference"},
}
"""What each key of a job's conf is to name in data.yaml."""

FACTS = {
    "training": ("training", "inputs"),
    "inference": ("inference", "inputs"),
    "splitter": ("training", "splitter"),
    "folds": ("tuning", "folds"),
    "metrics": ("evaluations", "metrics"),
    "thresholds": ("evaluations", "thresholds"),
}
"""The conf and the key that each shared value comes from."""

DATA, MANIFEST = "confs/data.yaml", "data/adoption.json"
HEAD = """\
# What the jobs share: the tables that they read, the rows that are held out, and what models are
# judged by (the first metric decides). The other confs include this one, and may say otherwise.
"""
NOTE = "    # What a model that has learned nothing gets: raise it to what its use needs.\n"
"""What adoption wrote beside a threshold."""
KEPT = "share_data.json"
"""Where, in git's folder, the rendered texts wait for the second stage."""

Texts = dict[str, str]


class Loader(yaml.SafeLoader):
    """Takes for numbers what confs do."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d[\d_]*[eE][-+]?\d+$"), list("-+0123456789")
)


class Dumper(yaml.SafeDumper):
    """Writes YAML as people do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent the items of a list."""
        super().increase_indent(flow, False)

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Quote what some reader of YAML could take for a number, a date or a truth value."""
        words = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
        plain = re.fullmatch(r"[A-Za-z_][\w./-]*", text, re.ASCII) and text.lower() not in words
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


Dumper.add_representer(str, Dumper.represent_text)


def find_shared(confs: Texts, others: dict[str, Any]) -> dict[str, Any]:
    """Find the values that jobs share.

    Args:
        confs: the text of each conf by its name.
        others: values for what is in no conf.
    """
    shared = {}
    for name, (conf, key) in FACTS.items():
        try:
            shared[name] = Loader(confs[conf]).get_single_data()["job"][key]
        except (KeyError, TypeError, yaml.YAMLError):
            if name in others:
                shared[name] = others[name]
    return shared


def name_shared(text: str, keys: dict[str, str], shared: dict[str, Any]) -> str:
    """Name shared values in the text of a conf where it repeats them.

    Args:
        text: of the conf.
        keys: what each key of its job is to name.
        shared: the values.
    """
    node = yaml.compose(text)
    values = Loader(text).get_single_data()
    if not isinstance(node, yaml.MappingNode) or re.search(r"[&*]\w", text):
        return text  # what an anchor names has to stay
    top = {key.value: (key, value) for key, value in node.value}
    if "include" in top or not isinstance(top.get("job", (0, 0))[1], yaml.MappingNode):
        return text
    start = top["job"][0].start_mark.index
    quote = '"' if top["job"][1].flow_style else ""
    changes = []
    for key, value in top["job"][1].value:
        name = keys.get(key.value)
        if name is None or values["job"][key.value] not in find_meanings(name, shared):
            continue
        first, last = key.end_mark.index, find_end(value)
        if "#" not in text[first:last].replace(NOTE, ""):
            changes.append((first, last, f": {quote}${{data.{name}}}{quote}"))
    for first, last, new in reversed(changes):
        text = text[:first] + new + text[last:]
    return f"{text[:start]}include: data.yaml\n{text[start:]}" if changes else text


def find_meanings(name: str, shared: dict[str, Any]) -> list[Any]:
    """List the values in whose place a name may stand."""
    first = (shared.get("metrics") or [None])[0]
    match name:
        case "metrics[0]":
            return [first]
        case "metrics[0].name":
            return [first["name"]] if isinstance(first, dict) and "name" in first else []
        case "metrics":
            return [shared.get("metrics"), [first]]
    return [shared[name]] if name in shared else []


def find_end(node: yaml.Node) -> int:
    """Find where a value ends, and what stands below it begins."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return find_end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def share(texts: Texts, others: dict[str, Any], rendered: str) -> tuple[Texts, dict[str, Any]]:
    """Make of the texts of a project what they are to be.

    Args:
        texts: of confs and of the list of what adoption wrote, by their paths.
        others: shared values for what is in no conf.
        rendered: the text of data.yaml as it was rendered.

    Returns:
        The texts, data.yaml among them, and the values that they share.
    """
    confs = {name: texts[path(name)] for name in CONFS if path(name) in texts}
    shared = find_shared(confs, others)
    made = {}
    for name, text in confs.items():
        try:
            made[path(name)] = name_shared(text, CONFS[name], shared)
        except (yaml.YAMLError, KeyError) as error:
            made[path(name)] = text
            reason = " ".join(str(error).split())
            print(f"{path(name)} stays as it is: {reason}", file=sys.stderr)
    body = yaml.dump(
        {"data": shared},
        Dumper=Dumper,
        allow_unicode=True,
        default_flow_style=None,
        sort_keys=False,
        width=math.inf,
    )
    made[DATA] = HEAD + body
    if MANIFEST in texts:
        made[MANIFEST] = list_written(texts, made[DATA], rendered)
    return made, shared


def list_written(texts: Texts, data: str, rendered: str) -> str:
    """Name data.yaml in the place of other confs; as it was rendered, if one of them was edited."""
    try:
        files = json.loads(texts[MANIFEST])["files"]
    except (ValueError, KeyError, TypeError):
        return texts[MANIFEST]
    as_written = all(
        files.get(path(conf)) == digest(texts.get(path(conf), "")) for conf, _ in FACTS.values()
    )
    kept = {name: known for name, known in files.items() if not name.startswith("confs/")}
    kept[DATA] = digest(data if as_written else rendered)
    return f"{json.dumps({'files': dict(sorted(kept.items()))}, indent=2, ensure_ascii=False)}\n"


def digest(text: str) -> str:
    """Digest a file as adoption does."""
    return hashlib.sha256(text.encode()).hexdigest()


def path(conf: str) -> str:
    """Name the file of a conf."""
    return f"confs/{conf}.yaml"


def before(kept: Path) -> None:
    """Put back what was rendered, and keep both sides for the second stage."""
    with tempfile.TemporaryDirectory() as folder:
        last = render_last(folder)
        names = [*map(path, CONFS), MANIFEST]
        rendered = {name: read(last / name) for name in names if (last / name).is_file()}
    mine = {name: read(Path(name)) for name in rendered if Path(name).is_file()}
    kept.write_text(json.dumps({"rendered": rendered, "mine": mine}), encoding="utf-8")
    for name in mine:
        Path(name).write_bytes(rendered[name].encode())
        git("add", "--", name)


def after(kept: Path) -> None:
    """Merge what the user had made of them into what is rendered now."""
    sides = json.loads(kept.read_text(encoding="utf-8"))
    # git has them without carriage returns.
    mine = {name: text.replace("\r\n", "\n") for name, text in sides["mine"].items()}
    if mine:
        git("reset", "--quiet", "--", *mine)  # so that git shows what the update changes
    base, shared = share(sides["rendered"], {}, "")
    ours, _ = share(mine, shared, base[DATA])
    for name, text in ours.items():
        if Path(name).is_file():
            merge(name, base[name], text)
    kept.unlink()


def read(file: Path) -> str:
    """Read a text with its line endings as they are."""
    return file.read_bytes().decode()


def main() -> None:
    """Do the part of the stage that copier names in the environment."""
    kept = Path(git("rev-parse", "--git-path", KEPT).strip())
    if os.environ["STAGE"] == "before":
        before(kept)
    elif kept.is_file():
        after(kept)


if __name__ == "__main__":
    main()
