# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused, as Status objects of Kubernetes: clients show their message to a person.

Source: k8s.io/apimachinery ``pkg/api/errors`` for codes and reasons.
"""

from __future__ import annotations

from typing import Any, Dict


class Refusal(Exception):
    """A request that is not answered as asked. ``str()`` of it is meant for a person."""

    code = 500
    reason = "InternalError"

    def as_dict(self) -> Dict[str, Any]:
        """The Status."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "code": self.code,
        }


class BadRequest(Refusal):
    """The request cannot be understood."""

    code = 400
    reason = "BadRequest"


class Unauthorized(Refusal):
    """Nobody knows who asks."""

    code = 401
    reason = "Unauthorized"


class Forbidden(Refusal):
    """Who asks may not have this."""

    code = 403
    reason = "Forbidden"


class NotFound(Refusal):
    """There is no such thing."""

    code = 404
    reason = "NotFound"


class MethodNotAllowed(Refusal):
    """Metrics can only be read."""

    code = 405
    reason = "MethodNotAllowed"


class NotAcceptable(Refusal):
    """None of the formats that the client takes."""

    code = 406
    reason = "NotAcceptable"


class Unavailable(Refusal):
    """What the answer needs cannot be reached for now."""

    code = 503
    reason = "ServiceUnavailable"
