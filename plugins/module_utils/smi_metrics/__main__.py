# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMI metrics API as a program: ``python -m ansible_collections.servicemesh.platform...smi_metrics``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import ssl
import time
from pathlib import Path
from typing import Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.serving import arguments, logs
from ansible_collections.servicemesh.platform.plugins.module_utils.serving.certificates import Certificates
from ansible_collections.servicemesh.platform.plugins.module_utils.serving.server import Health, application, serve
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics import prometheus, windows
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.access import (
    CONCURRENCY,
    Access,
    ApiServer,
    Trust,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.front_proxy import FrontProxy, NotUsable
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.profiles import PROFILES
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.service import Service
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics.telemetry import Telemetry

LOG = logging.getLogger(__name__)

DESCRIPTION = """\
Serves metrics.smi-spec.io/v1alpha1 (TrafficMetrics) as an aggregated API, answered from Prometheus. kube-apiserver
finds it by the APIService v1alpha1.metrics.smi-spec.io and tells who asks; SubjectAccessReviews tell what they may see.
The service account needs the ClusterRole system:auth-delegator and, in kube-system, the Role
extension-apiserver-authentication-reader."""

PATIENCE = 60.0
"""Seconds that the API server gets at the start to say whom to trust."""
PAUSE = 2.0
"""Seconds between two attempts."""


def main(given: Optional[Sequence[str]] = None) -> int:
    """Serve until SIGTERM. Returns 1, with the reason in the log, when that is not possible."""
    arguments.require_packages()
    parser = _parser()
    options = parser.parse_args(given)
    try:
        address = prometheus.parse(
            options.prometheus,
            options.prometheus_password_file,
            options.prometheus_token_file,
            options.prometheus_ca,
        )
    except ValueError as error:
        parser.error(f"--prometheus: {error}")
    logs.set_up(options.log_level)
    try:
        asyncio.run(_run(options, address))
    except (KubeError, NotUsable, OSError, ssl.SSLError) as error:
        LOG.error("cannot serve: %s", error)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    made = arguments.parser("smi-metrics", DESCRIPTION)
    made.add_argument(
        "--prometheus",
        required=True,
        metavar="URL",
        help="where Prometheus is, like http://prometheus.monitoring.svc:9090; a user and a password in it are sent, "
        "and never shown",
    )
    made.add_argument(
        "--prometheus-password-file",
        type=Path,
        metavar="FILE",
        help="file with the password of the user in the URL, read for each query",
    )
    made.add_argument(
        "--prometheus-token-file",
        type=Path,
        metavar="FILE",
        help="file with a bearer token for Prometheus, read for each query",
    )
    made.add_argument(
        "--prometheus-ca", type=Path, metavar="FILE", help="PEM file with the authorities of Prometheus' certificate"
    )
    made.add_argument(
        "--profile",
        choices=sorted(PROFILES),
        default="http",
        help="whose metrics Prometheus has: those of Istio, of Linkerd, or those that applications tell themselves",
    )
    made.add_argument(
        "--window",
        type=_window,
        default=windows.spell(windows.DEFAULT),
        help=f"over how long to measure when a request does not say (?window=5m), from "
        f"{windows.spell(windows.SHORTEST)} to {windows.spell(windows.LONGEST)}; it has to hold two scrapes",
    )
    made.add_argument(
        "--authentication-refresh",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="how often to read anew whom the API server says to trust",
    )
    return made


def _window(text: str) -> int:
    try:
        return windows.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _seconds(text: str) -> float:
    if not text.isdigit() or not 1 <= int(text) <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r}: write whole seconds from 1 to 3600")
    return float(text)


async def _run(options: argparse.Namespace, address: prometheus.Address) -> None:
    telemetry = Telemetry()
    server = ApiServer(arguments.open_session(options.kubeconfig, CONCURRENCY))
    asked = prometheus.Prometheus(address)
    try:
        found = await _first(server)
        certificates = _certificates(options.certificates, found)
        trust = Trust(server, found, certificates, telemetry)
        access = Access(server, trust, telemetry)
        app = application()
        Service(PROFILES[options.profile], access, asked, telemetry, options.window).add_to(app)
        following = asyncio.create_task(trust.follow(options.authentication_refresh))
        health = Health(
            live={"authentication": lambda: _ended(following)}, ready={"authentication": lambda: trust.problem}
        )
        LOG.info("Prometheus is at %s", address.url, extra={"profile": options.profile})
        await serve(app, arguments.listening(options), certificates, health, telemetry.registry)
        following.cancel()
    finally:
        await asked.close()
        server.close()


def _ended(task: asyncio.Task[None]) -> str:
    return "whom to trust is no longer read" if task.done() else ""


async def _first(server: ApiServer) -> FrontProxy:
    """Whom to trust, as soon as the API server says so. Raises KubeError and NotUsable when it does not in time."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return await server.front_proxy()
        except (KubeError, NotUsable, asyncio.TimeoutError) as error:
            if time.monotonic() > deadline:
                raise NotUsable(str(error) or "the API server gives no answer") from error
            LOG.warning("waiting for the API server: %s", error or "no answer")
        await asyncio.sleep(PAUSE)


def _certificates(folder: Path, found: FrontProxy) -> Certificates:
    certificates = Certificates(folder, found.client_ca)
    # In TLS 1.2 a session could be resumed that outlives a trust which has ended.
    certificates.context.minimum_version = ssl.TLSVersion.TLSv1_3
    return certificates


if __name__ == "__main__":
    raise SystemExit(main())
