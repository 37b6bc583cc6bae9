# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells its version over HTTP."""

from __future__ import annotations

import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module


class Handler(BaseHTTPRequestHandler):
    """Answers every request with the version."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(import_module("reporter._version").__version__).encode())


# The first process of a pod ends at once only if it says so itself; else it is killed after 30 seconds.
signal.signal(signal.SIGTERM, lambda *_signal: sys.exit())
HTTPServer(("", 8080), Handler).serve_forever()
