"""Make this project one for other data, and look at it, by a tool that the template has."""

import re
import shlex
import subprocess
from pathlib import Path

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from .template import read_answers

HOSTS = {"gh": "https://github.com/", "gl": "https://gitlab.com/"}
HELP = {
    "path": "CSV, Parquet, JSON lines, Feather or Excel: a file, a folder or a pattern, anywhere"
    " fsspec reaches; or the URL of a database",
    "target": "the column to predict",
    "query": "what to ask the database for",
    "problem": "regression or classification, where the target leaves it open",
    "time": "the column that orders the rows: the last ones are held out",
    "index": "the column that identifies a row",
    "group": "the column whose rows belong together: whole groups are held out",
    "drop": "columns to leave out, with commas between them; one that has a comma, in quotes",
    "reader": "how the table is written, where it is taken for something else: YAML as in"
    " confs/data.yaml, or such a file",
    "text": "columns to take for text, with commas between them",
    "yes": "merge what you have edited without asking",
    "discard_edits": "overwrite what you have edited",
    "prove": "run the checks and the chain afterwards, and compare the scores",
    "tool": "a folder or an address of the template, in place of this project's own",
}


@task(help=HELP)
def adopt(
    ctx: Context,
    path: str,
    target: str,
    query: str = "",
    problem: str = "",
    time: str = "",
    index: str = "",
    group: str = "",
    drop: str = "",
    reader: str = "",
    text: str = "",
    yes: bool = False,
    discard_edits: bool = False,
    prove: bool = True,
    tool: str = "",
) -> None:
    """Make the project one for your data, and prove it.

    The table is read from wherever it is, and each column's type, range and use are found out.
    Schemas, splits, confs and samples are written once all of it is ready; what you have edited
    since is merged, shown and asked for.
    """
    given = {"target": target, "query": query, "problem": problem, "time": time, "index": index}
    given |= {"group": group, "drop": drop, "reader": reader, "text": text}
    options = [f"--{name}={value}" for name, value in given.items() if value]
    flags = {"--yes": yes, "--discard-edits": discard_edits, "--no-prove": not prove}
    set_flags = [name for name, is_set in flags.items() if is_set]
    run_tool(ctx, tool, "adopt", *options, *set_flags, "--", path)


@task(help={"tool": HELP["tool"]})
def profile(ctx: Context, tool: str = "") -> None:
    """Draw a page of what the training data looks like."""
    run_tool(ctx, tool, "profile")


def run_tool(ctx: Context, tool: str, *arguments: str) -> None:
    """Run the tool, with its libraries, in this project's environment.

    Raises:
        Exit: It cannot be fetched, or it has failed and said why.
    """
    source = find_tool(ctx, tool)
    look = ["uv", "run", "--quiet", *source, "python", "-c", "import mlops_template"]
    fetch = ctx.run(shlex.join(look), hide=True, warn=True, in_stream=False)
    if fetch.exited in (-2, 130):
        raise Exit("Interrupted.", code=130)
    if not fetch.ok:
        lines = [line.strip(" ╰─▶") for line in fetch.stderr.splitlines()]
        causes = [line for line in lines if re.match("(error|fatal|cause)", line.lower())]
        reason = re.sub(r"^(error|fatal|cause)(d by)?:? ", "", (causes or ["nobody knows"])[-1])
        place = re.sub(r"(?<=://)[^/@]*@", "", source[-1])
        raise Exit(
            f"error: The template's tool cannot be had from {place} ({reason}): it needs the"
            " network, or --tool with a folder of the template.",
            code=2,
        )
    # It may ask on the terminal, so that it has this one.
    command = ["uv", "run", "--quiet", "--offline", *source, "python", "-m", "mlops_template"]
    try:
        code = subprocess.run([*command, *arguments], check=False).returncode
    except KeyboardInterrupt:
        code = 130
    if code:
        raise Exit(code=code)


def find_tool(ctx: Context, tool: str = "") -> list[str]:
    """Say to uv where the tool is: with the template, at the version that the project has.

    Args:
        ctx: runs commands.
        tool: a folder or an address to take in its place.
    """
    if tool:
        return ["--with-editable" if Path(tool).is_dir() else "--with", tool]
    answers = read_answers()
    source = answers["_src_path"]
    # What git says of a commit between two releases ends in its digest.
    version = re.sub(r"^.+-\d+-g(?=[0-9a-f]+$)", "", answers["_commit"])
    folder = Path(source).expanduser()
    if folder.is_dir():
        look = f"git -C {shlex.quote(str(folder))} cat-file -e {shlex.quote(version)}^{{commit}}"
        if not ctx.run(look, hide=True, warn=True, in_stream=False).ok:
            print(f"{folder} has no {version}: the tool is taken as it is there now.")
            return ["--with-editable", str(folder)]
        source = folder.resolve().as_uri()
    elif short := re.fullmatch(r"(gh|gl):/?(.+?)(\.git)?/?", source):
        source = f"{HOSTS[short[1]]}{short[2]}.git"
    elif remote := re.fullmatch(r"(?:git\+)?([\w.-]+@[\w.-]+):([^/].*)", source):
        source = f"ssh://{remote[1]}/{remote[2]}"
    return ["--with", f"git+{source.removeprefix('git+')}@{version}"]
