"""A promotion through a proxy that fails one request after the other, in many ways.

Run in a rendered project: `python faults.py PACKAGE`. A worse version is never promoted, and what a
job reports is what the registry holds.
"""

import contextlib
import http.client
import http.server
import importlib
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from mlflow import MlflowClient

package = sys.argv[1]
settings = importlib.import_module(f"{package}.settings")
errors = importlib.import_module(f"{package}.core.errors")
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "20"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
FAULTS = [401, 403, 404, 429, 500, 502, 503, "cut"]
state: dict[str, Any] = {"count": 0, "at": -1, "fault": None}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


upstream = free_port()


class Proxy(http.server.BaseHTTPRequestHandler):
    """Hands every request on, but for the one that is to fail."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def handle_any(self) -> None:
        body = self.read_body()
        number = state["count"]
        state["count"] += 1
        if number == state["at"]:
            if state["fault"] == "cut":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.answer(state["fault"], b"<html>alias champion not found</html>", "text/html")
            return
        server = http.client.HTTPConnection("127.0.0.1", upstream, timeout=30)
        own = {"Host", "Transfer-Encoding", "Content-Length"}
        kept = {name: text for name, text in self.headers.items() if name not in own}
        server.request(self.command, self.path, body, kept)
        answer = server.getresponse()
        self.answer(answer.status, answer.read(), answer.getheader("Content-Type") or "")

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_any


def job(conf: str, *extras: str) -> Any:
    with settings.load([f"confs/{conf}.yaml"], extras).job as runner:
        return runner.run()


def champion() -> str | None:
    alias = MlflowClient(f"http://127.0.0.1:{upstream}").get_registered_model(package).aliases
    return str(alias["champion"]) if "champion" in alias else None


server = subprocess.Popen(
    [
        sys.executable, "-m", "mlflow", "server", "--backend-store-uri=sqlite:///server.db",
        "--artifacts-destination=artifacts", f"--port={upstream}", "--workers=1",
    ],
    env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)  # fmt: skip
try:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", upstream)) == 0:
                break
        time.sleep(0.2)
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    uri = f"http://127.0.0.1:{proxy.server_port}"
    os.environ["MLFLOW_TRACKING_URI"] = uri
    logging.disable(logging.ERROR)
    for trees in (60, 2):
        version = job("training", f"job.model.max_iter={trees}").version
        extras = [f"job.version={version}"]
        job("evaluations", *extras, "job.thresholds=[{metric: r2, at_least: -9}]")
        if version == 1:
            job("promotion", *extras)
    champions = importlib.import_module(f"{package}.io.champions")
    champions._is_stale = lambda *_: True  # a lock that could not be taken away
    state["count"] = 0
    try:
        job("promotion", "job.version=2")
        raise AssertionError("the worse version is promoted, with nothing failing")
    except errors.PromotionError:
        requests = state["count"]
    tried = 0
    for at in range(requests):
        fault = FAULTS[at % len(FAULTS)]
        state.update(count=0, at=at, fault=fault)
        try:
            job("promotion", "job.version=2")
            raise AssertionError(f"promoted when request {at} failed with {fault}")
        except errors.UserError:
            pass
        assert champion() == "1", f"request {at} failed with {fault}"
        tried += 1
    state["at"] = -1
    # A better version is promoted or is not, and the job says that it is where it is.
    better = job("training", "job.model.max_iter=25").version
    for at in range(0, requests + 8, 4):
        job("evaluations", f"job.version={better}", "job.thresholds=[{metric: r2, at_least: -9}]")
        fault = FAULTS[at // 4 % len(FAULTS)]
        state.update(count=0, at=at, fault=fault)
        done = None
        with contextlib.suppress(errors.UserError):
            done = job("promotion", f"job.version={better}", "job.allow_withdrawn=true")
        state["at"] = -1
        # The next job finds a whole state, or finishes what was begun.
        found = str(champions.get(package).version)
        assert champion() == found, f"request {at} failed with {fault}"
        assert not done or found == str(better)
        if found == str(better):
            job("rollback", "job.version=1")
        tried += 1
    print(f"{tried} faults, nothing promoted that is not better")
finally:
    server.terminate()
    server.wait()
