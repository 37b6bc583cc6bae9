# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor of a conversion webhook: it changes nothing but apiVersion. The same server and the same options.

Usage: as the SMI controller's; see --help.
"""

from __future__ import annotations

import asyncio
import json

from aiohttp import web
from ansible_collections.servicemesh.platform.plugins.module_utils.serving import arguments, logs
from ansible_collections.servicemesh.platform.plugins.module_utils.serving.certificates import Certificates
from ansible_collections.servicemesh.platform.plugins.module_utils.serving.server import Health, application, serve
from prometheus_client import CollectorRegistry, Counter

PROGRAM = "ansible_collections.servicemesh.platform.tests.benchmarks.echo_webhook"
REQUESTS = "echo_webhook_requests_total"


def main() -> None:
    """Serve until SIGTERM."""
    options = arguments.parser("echo-webhook", str(__doc__)).parse_args()
    logs.set_up(options.log_level)
    registry = CollectorRegistry()
    requests = Counter(REQUESTS.rpartition("_")[0], "Requests answered", registry=registry)

    async def handle(request: web.Request) -> web.Response:
        body = converted(await request.read())
        requests.inc()
        return web.Response(body=body, content_type="application/json")

    app = application()
    app.add_routes([web.post("/convert", handle)])
    certificates, health = Certificates(options.certificates), Health(live={}, ready={})
    asyncio.run(serve(app, arguments.listening(options), certificates, health, registry))


def converted(body: bytes) -> bytes:
    """The answer to a ConversionReview."""
    review = json.loads(body)
    asked = review["request"]
    objects = [{**each, "apiVersion": asked["desiredAPIVersion"]} for each in asked["objects"]]
    response = {"uid": asked["uid"], "result": {"status": "Success"}, "convertedObjects": objects}
    answer = {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}
    return json.dumps(answer, separators=(",", ":")).encode()


if __name__ == "__main__":
    main()
