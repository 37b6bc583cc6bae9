# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program: python -m ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller --help"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
import threading
import time
import uuid
from functools import partial
from typing import Callable, List, Optional, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session
from ansible_collections.servicemesh.platform.plugins.module_utils.serving import arguments, logs
from ansible_collections.servicemesh.platform.plugins.module_utils.serving.certificates import Certificates
from ansible_collections.servicemesh.platform.plugins.module_utils.serving.server import (
    Health,
    Listening,
    application,
    serve,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.translation import DEFAULT_TRUST_DOMAIN
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.election import Election
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.events import Recorder
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.measures import Measures
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.outputs import OUTPUTS
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.queue import WorkQueue
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.reconciling import (
    Mesh,
    NotYet,
    Reconciler,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.state import State
from ansible_collections.servicemesh.platform.plugins.module_utils.smi_controller.webhooks import Webhooks

LOG = logging.getLogger(__name__)

WORKERS = 2
"""Namespaces that are worked on at a time."""
CONNECTIONS = 32
"""Kept open to the API server: a watch for each kind, and the writers."""
RESYNC = 600.0
"""Seconds after which everything is looked at again, whatever was heard of it."""
LAST_WORK = 5.0
"""Seconds at the end for a namespace that is being written."""
TURN = 0.0005
"""Seconds after which a thread that computes lets others run. Python's own 5 ms are waited for several times in each
request to a webhook while a namespace is translated: 6 to 10 ms instead of half a one."""

_DESCRIPTION = """
Serves all versions of the SMI objects (conversion webhook, /convert), refuses what breaks a rule (validating webhook,
/validate), and translates what is legal for the mesh. Every replica answers the webhooks; the one that holds the Lease
writes. SIGTERM ends it after the requests that are being answered.
"""


def main(arguments_given: Optional[Sequence[str]] = None) -> int:
    """Run until SIGTERM. Returns the exit code."""
    arguments.require_packages()
    parser = arguments.parser("smi-controller", _DESCRIPTION)
    parser.add_argument("--mesh", choices=sorted(OUTPUTS), default="gateway-api", help="what to translate for")
    parser.add_argument("--trust-domain", default=DEFAULT_TRUST_DOMAIN, help="of the identities of the mesh (istio)")
    parser.add_argument("--namespace", default="smi-system", help="where the Lease is")
    parser.add_argument("--name", default="smi-controller", help="of the Lease")
    options = parser.parse_args(arguments_given)
    logs.set_up(options.log_level)
    sys.setswitchinterval(TURN)
    try:
        certificates = Certificates(options.certificates)
        session = arguments.open_session(options.kubeconfig, CONNECTIONS)
        controller = Controller(session, Mesh(options.mesh, options.trust_domain), options.namespace, options.name)
        asyncio.run(_run(controller, certificates, arguments.listening(options)))
    except (KubeError, OSError, ssl.SSLError) as error:
        LOG.error("cannot start: %s", error)
        return 1
    return 0


class Controller:
    """The parts, and the threads that they run in."""

    def __init__(self, session: Session, mesh: Mesh, namespace: str, name: str) -> None:
        identity = f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
        self.measures = Measures()
        self._stop = threading.Event()
        self._queue = WorkQueue()
        self._state = State(session, self._queue.add)
        self._recorder = Recorder(session, identity)
        self._election = Election(session, namespace, name, identity, self._look_at_everything)
        self._reconciler = Reconciler(session, self._state, mesh, self._recorder, self.measures, self._election.leads)
        self.webhooks = Webhooks(self._state, mesh.provider, self._recorder, self.measures)
        self._threads: List[threading.Thread] = []
        self.measures.gauge("leads", "Whether this replica writes", self._election.leads)
        self.measures.gauge("queue", "Namespaces that wait", self._queue.__len__)
        self.measures.gauge("objects", "SMI objects", lambda: sum(each.count() for each in self._state.smi.values()))
        self.measures.gauge(
            "lists", "Lists after the first", lambda: sum(each.restarts for each in self._state.collections())
        )

    def start(self) -> None:
        """Begin to watch, and to take part in the election."""
        watches: List[Callable[[], None]] = [partial(each.run, self._stop) for each in self._state.collections()]
        parts: List[Callable[[], None]] = [
            *watches,
            partial(self._election.run, self._stop),
            partial(self._recorder.run, self._stop),
        ]
        parts += [self._resync, *[self._work] * WORKERS]
        self._threads = [threading.Thread(target=_guarded(each), daemon=True) for each in parts]
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Finish what is being written, and let go of the Lease."""
        self._stop.set()
        self._queue.close()
        deadline = time.monotonic() + LAST_WORK
        for each in self._threads[len(self._state.collections()) :]:
            each.join(max(deadline - time.monotonic(), 0))

    def _look_at_everything(self) -> None:
        for namespace in self._state.namespaces():
            self._queue.add(namespace)

    def _resync(self) -> None:
        while not self._stop.wait(RESYNC):
            self._look_at_everything()

    def _work(self) -> None:
        while True:
            namespace = self._queue.get()
            if namespace is None:
                return
            self._queue.done(namespace, failed=not self._reconciled(namespace))

    def _reconciled(self, namespace: str) -> bool:
        if not self._election.leads():
            return True  # who becomes the one that writes looks at everything
        try:
            with self.measures.reconciled.time():
                self._reconciler.reconcile(namespace)
        except NotYet as error:
            LOG.info("tried again later: %s", error, extra={"namespace": namespace})
        except Exception:  # a fault with one namespace must not end the work on the others
            LOG.exception("failed", extra={"namespace": namespace})
        else:
            return True
        self.measures.failures.inc()
        return False


async def _run(controller: Controller, certificates: Certificates, listening: Listening) -> None:
    app = application()
    app.add_routes(controller.webhooks.routes())
    # Whoever waits for what is watched before it converts waits for ever: objects are read through the conversion.
    health = Health(live={}, ready={})
    controller.start()
    try:
        await serve(app, listening, certificates, health, controller.measures.registry)
    finally:
        await asyncio.to_thread(controller.stop)


def _guarded(run: Callable[[], None]) -> Callable[[], None]:
    """A part that ends by a fault of its own ends the process: somebody starts it anew."""

    def guarded() -> None:
        try:
            run()
        except BaseException:
            LOG.exception("a part has failed, so the process ends")
            os.kill(os.getpid(), signal.SIGTERM)
            raise

    return guarded


if __name__ == "__main__":
    raise SystemExit(main())
