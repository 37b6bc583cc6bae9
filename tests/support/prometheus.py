# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Prometheus as a local process, and applications that it scrapes: what they answer is known."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.tests.support.smi_controller import eventually, free_port
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

PROGRAM_VARIABLE = "SERVICEMESH_PROMETHEUS"
SCRAPED = "1s"
READY = 30.0
"""Seconds for Prometheus to answer, and to have scraped everything."""
_MILLISECONDS = (5, 10, 25, 50, 100, 250, 500, 1000)
_SOURCE = ("source_namespace", "source_deployment", "source_pod")


def program() -> Path:
    """Prometheus: from the environment, from PATH, or from the package of Debian, which is taken apart in the cache.

    The package is not pinned by version, because a mirror of Debian has only one at a time; apt checks its signature.
    """
    given = os.environ.get(PROGRAM_VARIABLE) or shutil.which("prometheus")
    if given:
        return Path(given)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "servicemesh-platform" / "tests"
    cache.mkdir(parents=True, exist_ok=True)
    found = cache / "prometheus" / "usr" / "bin" / "prometheus"
    with (cache / "prometheus.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            _take_apart(cache / "prometheus")
    return found


def _take_apart(folder: Path) -> None:
    if not shutil.which("apt-get"):
        pytest.skip(f"no Prometheus: name the program in {PROGRAM_VARIABLE} where there is no apt-get")
    with tempfile.TemporaryDirectory() as name:
        download = ["apt-get", "-o", "APT::Sandbox::User=", "download", "prometheus"]
        if subprocess.run(download, cwd=name, capture_output=True, check=False).returncode:
            subprocess.run(["apt-get", "update"], capture_output=True, check=True)
            subprocess.run(download, cwd=name, capture_output=True, check=True)
        (package,) = Path(name).glob("prometheus_*.deb")
        subprocess.run(["dpkg", "-x", package, Path(name) / "content"], check=True)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(Path(name) / "content", folder)


@dataclass(eq=False)
class Pod:
    """An application that answers requests and tells of them, as it would itself, and as proxies of meshes would."""

    namespace: str
    deployment: str
    name: str
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self._requests = Counter("http_requests", "Plain.", ["code", *_SOURCE], registry=self.registry)
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Plain.",
            _SOURCE,
            buckets=[each / 1000 for each in _MILLISECONDS],
            registry=self.registry,
        )
        ends = [f"{end}_workload{part}" for end in ("source", "destination") for part in ("", "_namespace")]
        labels = ["reporter", "response_code", "grpc_response_status", *ends]
        self._istio = Counter("istio_requests", "Istio's.", labels, registry=self.registry)
        self._istio_milliseconds = Histogram(
            "istio_request_duration_milliseconds", "Istio's.", labels, buckets=_MILLISECONDS, registry=self.registry
        )
        known = ["direction", "dst_namespace", "dst_deployment", "dst_pod"]
        self._linkerd = Counter("response", "Linkerd's.", [*known, "classification"], registry=self.registry)
        self._linkerd_milliseconds = Histogram(
            "response_latency_ms", "Linkerd's.", known, buckets=_MILLISECONDS, registry=self.registry
        )
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Answer from now on."""
        Thread(target=self._server.serve_forever, daemon=True).start()

    def end(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def expect(self, source: Pod | None, *codes: int) -> None:
        """Have the series of these answers from the beginning, at 0, as good applications do."""
        for code in codes:
            self._requests.labels(str(code), *_named(source))
            self._istio.labels(**self._istio_labels(source, code))
            self._istio_milliseconds.labels(**self._istio_labels(source, code))
            self._linkerd.labels("inbound", "", "", "", _class(code))
            if source:
                source._linkerd.labels("outbound", *_named(self), _class(code))
        self._seconds.labels(*_named(source))
        self._linkerd_milliseconds.labels("inbound", "", "", "")
        if source:
            source._linkerd_milliseconds.labels("outbound", *_named(self))

    def ask(self, other: Pod, code: int = 200, milliseconds: int = 0) -> None:
        """Send a request to another pod, which answers this after so long."""
        start = time.monotonic()
        _get(other, code, milliseconds, json.dumps(_named(self)))
        self._linkerd.labels("outbound", *_named(other), _class(code)).inc()
        self._linkerd_milliseconds.labels("outbound", *_named(other)).observe((time.monotonic() - start) * 1000)

    def be_asked(self, code: int = 200, milliseconds: int = 0) -> None:
        """Be asked by somebody whom nobody knows."""
        _get(self, code, milliseconds, json.dumps(_named(None)))

    def _observe(self, source: Sequence[str], code: int, seconds: float) -> None:
        self._requests.labels(str(code), *source).inc()
        self._seconds.labels(*source).observe(seconds)
        labels = self._istio_labels(None, code, source)
        self._istio.labels(**labels).inc()
        self._istio_milliseconds.labels(**labels).observe(seconds * 1000)
        self._linkerd.labels("inbound", "", "", "", _class(code)).inc()
        self._linkerd_milliseconds.labels("inbound", "", "", "").observe(seconds * 1000)

    def _istio_labels(self, source: Pod | None, code: int, names: Sequence[str] = ()) -> dict[str, str]:
        namespace, workload, _pod = names or _named(source)
        return {
            "reporter": "destination",
            "response_code": str(code),
            "grpc_response_status": "",
            "source_workload": workload or "unknown",
            "source_workload_namespace": namespace or "unknown",
            "destination_workload": self.deployment,
            "destination_workload_namespace": self.namespace,
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pod = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._send(200, generate_latest(pod.registry), CONTENT_TYPE_LATEST)
                    return
                start = time.monotonic()
                wanted = urllib.parse.parse_qs(self.path.partition("?")[2])
                code = int(wanted["code"][0])
                time.sleep(int(wanted["milliseconds"][0]) / 1000)
                self._send(code, b"done\n", "text/plain")
                pod._observe(json.loads(self.headers["X-Source"]), code, time.monotonic() - start)

            def log_message(self, *_arguments: Any) -> None:
                """Nothing: what is asked of it is known."""

            def _send(self, code: int, content: bytes, kind: str) -> None:
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        return Handler


def _get(pod: Pod, code: int, milliseconds: int, source: str) -> None:
    url = f"http://127.0.0.1:{pod.port}/work?code={code}&milliseconds={milliseconds}"
    request = urllib.request.Request(url, headers={"X-Source": source})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        if error.code != code:
            raise


def _named(pod: Pod | None) -> tuple[str, str, str]:
    return (pod.namespace, pod.deployment, pod.name) if pod else ("", "", "")


def _class(code: int) -> str:
    return "failure" if code >= 500 else "success"


class Prometheus:
    """A Prometheus that scrapes pods every second, with the labels that service discovery in a cluster adds."""

    def __init__(self, folder: Path, pods: Sequence[Pod]) -> None:
        self.port = free_port()
        self._folder = folder
        self._pods = pods
        self._process: subprocess.Popen[bytes] | None = None
        targets = [
            {
                "targets": [f"127.0.0.1:{pod.port}"],
                "labels": {"namespace": pod.namespace, "pod": pod.name, "deployment": pod.deployment},
            }
            for pod in pods
        ]
        configuration = {
            "global": {"scrape_interval": SCRAPED, "scrape_timeout": SCRAPED},
            "scrape_configs": [{"job_name": "pods", "static_configs": targets}],
        }
        folder.mkdir(parents=True, exist_ok=True)
        # JSON is YAML too.
        (folder / "prometheus.yml").write_text(json.dumps(configuration), encoding="utf-8")

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it has scraped everything twice."""
        command = [
            program(),
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        with (self._folder / "prometheus.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self._has_scraped, "Prometheus has scraped every pod twice", READY)

    def end(self) -> None:
        """Have it end."""
        if self._process:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def query(self, promql: str) -> list[Any]:
        """The result of an instant query."""
        url = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            found: list[Any] = json.load(answer)["data"]["result"]
            return found

    def _has_scraped(self) -> bool:
        try:
            found = self.query('count_over_time(up{job="pods"}[1m])')
        except OSError:
            return False
        return len([each for each in found if int(each["value"][1]) >= 2]) == len(self._pods)


@contextmanager
def running(folder: Path, pods: Sequence[Pod]) -> Iterator[Prometheus]:
    """Pods and a Prometheus that scrapes them; they end afterwards."""
    with ExitStack() as stack:
        for pod in pods:
            pod.start()
            stack.callback(pod.end)
        prometheus = Prometheus(folder, pods)
        stack.callback(prometheus.end)
        prometheus.start()
        yield prometheus
