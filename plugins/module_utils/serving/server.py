# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTPS server that ends without losing a request, and beside it a plain one for probes and metrics."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Optional

try:
    from aiohttp import web
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
except ImportError:  # the programs that serve check for it: see ``arguments.require_packages``
    web = None  # type: ignore[assignment]

from ansible_collections.servicemesh.platform.plugins.module_utils.serving.certificates import Certificates

LOG = logging.getLogger(__name__)

REFRESH = 2.0
"""Seconds between two looks at the files of the certificate."""
GRACE = 10.0
"""Seconds that requests which are being answered get at the end."""
LARGEST_REQUEST = 256 * 1024**2
"""Bytes: a conversion of a long list is one request."""

Check = Callable[[], str]
"""What is not in order, as a sentence; empty when it is."""


@dataclass(frozen=True)
class Listening:
    """Where to listen. ``certificates`` is the folder of tls.crt and tls.key."""

    address: str
    port: int
    probe_port: int
    certificates: Path


@dataclass(frozen=True)
class Health:
    """The checks behind /healthz (is the process to be started anew?) and /readyz (is it to be asked?), by name."""

    live: Mapping[str, Check]
    ready: Mapping[str, Check]


def application() -> web.Application:
    """An application without routes that takes large requests."""
    return web.Application(client_max_size=LARGEST_REQUEST)


async def serve(
    app: web.Application,
    listening: Listening,
    certificates: Certificates,
    health: Health,
    registry: CollectorRegistry,
    stop: Optional[asyncio.Event] = None,
) -> None:
    """Serve until SIGTERM, SIGINT or ``stop``; then answer what has been asked, and end.

    Raises OSError when an address is taken.
    """
    stopping = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    app.on_response_prepare.append(_last_answers(stopping))
    async with AsyncExitStack() as stack:
        # The probes go last: they tell until then that no more is to be asked.
        await _listen(stack, _probes(health, registry, stopping), listening.address, listening.probe_port)
        await _listen(stack, app, listening.address, listening.port, certificates)
        LOG.info("serving", extra={"address": listening.address, "port": listening.port})
        refreshing = asyncio.create_task(_refresh(certificates))
        await stopping.wait()
        LOG.info("stopping")
        refreshing.cancel()


async def _listen(
    stack: AsyncExitStack, app: web.Application, address: str, port: int, certificates: Optional[Certificates] = None
) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    context = certificates.context if certificates else None
    await web.TCPSite(runner, address, port, ssl_context=context).start()


def _last_answers(stopping: asyncio.Event) -> Any:
    """Have clients open no further requests on a connection that is about to go."""

    async def prepare(_request: web.Request, response: web.StreamResponse) -> None:
        if stopping.is_set():
            response.force_close()

    return prepare


async def _refresh(certificates: Certificates) -> None:
    while True:
        await asyncio.sleep(REFRESH)
        await asyncio.to_thread(certificates.refresh)


def _probes(health: Health, registry: CollectorRegistry, stopping: asyncio.Event) -> web.Application:
    async def live(_request: web.Request) -> web.Response:
        return _told(health.live)

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(status=503, text="stopping\n") if stopping.is_set() else _told(health.ready)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", live), web.get("/readyz", ready), web.get("/metrics", metrics)])
    return app


def _told(checks: Mapping[str, Check]) -> web.Response:
    found = {name: check() for name, check in checks.items()}
    lines = [f"[-] {name}: {problem}" if problem else f"[+] {name}" for name, problem in found.items()]
    return web.Response(status=503 if any(found.values()) else 200, text="\n".join([*(lines or ["ok"]), ""]))
