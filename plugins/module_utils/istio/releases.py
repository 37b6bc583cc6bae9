# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each release of Istio goes together with: Kubernetes, the Gateway API, and until when it is supported.

Kubernetes and the ends: istio.io, "Supported Releases" (data/compatibility/supportStatus.yml). The minimum and the
Gateway API: the release's own code (go.mod, and the versions below which istiod ignores a kind).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Dict, Mapping, Optional, Tuple

Minor = Tuple[int, int]


@dataclass(frozen=True)
class Release:
    """``works_from``: the oldest Kubernetes 1.x that it starts on. ``tested``: the first and the last supported one.

    ``gateway_api``: the bundle that it is built with. ``ends``: the last day of support, None when it is not known.
    """

    works_from: int
    tested: Tuple[int, int]
    gateway_api: str
    ends: Optional[date] = None


RELEASES: Dict[Minor, Release] = {
    (1, 26): Release(29, (29, 33), "1.3.0", date(2025, 12, 22)),
    (1, 27): Release(29, (29, 33), "1.3.0", date(2026, 4, 7)),
    (1, 28): Release(29, (30, 34), "1.4.0", date(2026, 7, 1)),
    (1, 29): Release(30, (31, 35), "1.4.0"),
    (1, 30): Release(32, (32, 36), "1.5.1"),
    (1, 31): Release(32, (32, 36), "1.6.0"),
}

IGNORED_SINCE: Minor = (1, 31)
IGNORED_BELOW: Mapping[str, str] = {
    "grpcroutes": "1.1",
    "backendtlspolicies": "1.4",
    "tlsroutes": "1.5",
    "tcproutes": "1.6",
}
"""Kinds of the Gateway API -> the bundle below which istiod ignores them, from IGNORED_SINCE on (IST0176)."""

_VERSION = re.compile(r":v?(\d+)\.(\d+)(?![\d])")


def release_of(image: str) -> Optional[Minor]:
    """The minor version that the tag of an image tells; None when it tells none."""
    found = _VERSION.search(image.rpartition("/")[2])
    return (int(found[1]), int(found[2])) if found else None
