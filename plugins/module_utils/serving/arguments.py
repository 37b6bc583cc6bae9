# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs that serve have in common on their command line, and how they reach the API server."""

from __future__ import annotations

import argparse
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Dict, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.serving.logs import LEVELS
from ansible_collections.servicemesh.platform.plugins.module_utils.serving.server import Listening

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token and the authority of the API server."""

_PACKAGES: Dict[str, str] = {"aiohttp": "aiohttp", "prometheus_client": "prometheus_client", "urllib3": "urllib3"}


def require_packages() -> None:
    """Leave with what to install when a package that the programs need is not there."""
    missing = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise SystemExit(f"missing Python packages: {', '.join(missing)}. Install them with pip.")


def parser(program: str, description: str) -> argparse.ArgumentParser:
    """A parser with the options that the programs share."""
    made = argparse.ArgumentParser(
        prog=program, description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    made.add_argument(
        "--kubeconfig", default="", help="file with the cluster and the user; without it the pod's service account"
    )
    # In a pod, whose address nobody knows ahead; who runs it elsewhere says where.
    made.add_argument("--bind", default="0.0.0.0", metavar="ADDRESS", help="address to listen on")  # noqa: S104
    made.add_argument("--port", type=port, default=9443, help="port for HTTPS")
    made.add_argument("--probe-port", type=port, default=8080, help="port for /healthz, /readyz and /metrics over HTTP")
    made.add_argument(
        "--certificates",
        type=Path,
        default=Path("/certificates"),
        metavar="FOLDER",
        help="folder with tls.crt and tls.key, which are taken again when they change",
    )
    made.add_argument("--log-level", choices=LEVELS, default="info", help="from which level on to log")
    return made


def port(text: str) -> int:
    """A port from 1 to 65535. Raises argparse.ArgumentTypeError."""
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number from 1 to 65535")
    return int(text)


def listening(options: argparse.Namespace) -> Listening:
    """Where the options say to listen."""
    return Listening(options.bind, options.port, options.probe_port, options.certificates)


def open_session(kubeconfig: str, concurrency: int) -> Session:
    """A session with the cluster of a kubeconfig, else of the pod. A token that has expired is read anew.

    Raises errors.KubeconfigInvalid and errors.InvalidArgument, and SystemExit outside of a pod without a kubeconfig.
    """

    def connect() -> Connection:
        return _of_kubeconfig(kubeconfig) if kubeconfig else _of_pod(SERVICE_ACCOUNT, os.environ)

    return Session(connect(), concurrency, lambda: Session(connect(), concurrency))


def _of_kubeconfig(path: str) -> Connection:
    from ansible_collections.servicemesh.platform.plugins.module_utils.kube.connection import resolve_connection

    return resolve_connection({"kubeconfig": path}, environ={})


def _of_pod(folder: Path, environ: Mapping[str, str]) -> Connection:
    host, number = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (folder / "token").exists():
        raise SystemExit("this is no pod with a service account: give --kubeconfig FILE")
    address = f"[{host}]" if ":" in host else host
    return Connection(
        host=f"https://{address}:{number}",
        origin="the service account of the pod",
        ca_cert=str(folder / "ca.crt"),
        authorization=f"Bearer {(folder / 'token').read_text().strip()}",
    )
