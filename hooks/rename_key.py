# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml>=6"]
# ///
"""Rename a key in every conf of a project; comments and layout stay as they are.

    rename_key.py job.model.max_iter iterations

`*` stands for any key and for each item of a list: `job.metrics.*.name`.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml


def find_keys(node: yaml.Node | None, path: list[str], name: str) -> Iterator[yaml.ScalarNode]:
    """Find the keys at a path of a YAML document.

    Args:
        node: the document, or a part of it.
        path: from there to the key.
        name: what it is renamed to; where a mapping has both, only the user can tell which counts.

    Raises:
        ValueError: A mapping has both.
    """
    if isinstance(node, yaml.SequenceNode) and path[0] == "*":
        for item in node.value:
            yield from find_keys(item, path[1:], name)
    elif isinstance(node, yaml.MappingNode):
        keys = {key.value: key for key, _ in node.value}
        for key, value in node.value:
            if path[0] not in {key.value, "*"}:
                continue
            if len(path) > 1:
                yield from find_keys(value, path[1:], name)
            elif name in keys:
                raise ValueError(f"line {keys[name].start_mark.line + 1} has {name} already")
            else:
                yield key


def rename(text: str, path: list[str], name: str) -> str:
    """Rename the keys at a path in the text of a YAML document."""
    for key in reversed(list(find_keys(yaml.compose(text), path, name))):
        text = text[: key.start_mark.index] + name + text[key.end_mark.index :]
    return text


def main() -> None:
    """Rename in each file of confs/ that git knows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", help="the keys that lead to it, and the key, with dots between")
    parser.add_argument("name", help="what it is called now")
    arguments = parser.parse_args()
    command = ["git", "ls-files", "-z", "--", "confs/*.yaml", "confs/*.yml"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for file in map(Path, listing.split("\0")[:-1]):
        if not file.is_file():
            continue
        text = file.read_bytes().decode()
        try:
            renamed = rename(text, arguments.path.split("."), arguments.name)
        except (yaml.YAMLError, ValueError) as error:
            reason = " ".join(str(error).split())
            print(
                f"{file}: rename {arguments.path} to {arguments.name} by hand: {reason}",
                file=sys.stderr,
            )
            continue
        if renamed != text:
            file.write_bytes(renamed.encode())
            subprocess.run(["git", "add", "--", file], check=True)


if __name__ == "__main__":
    main()
