# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the engine in a process of its own, which tests can kill, stop, and start beside another.

Takes a Request as JSON on its standard input, and ``lease`` (seconds after which one that is not renewed counts as
left behind). Writes a line when the work begins, and one of JSON with what came of it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import lease
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Request, converge
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import KubeError

BEGIN = "begin"


def main() -> None:
    given: dict[str, Any] = json.load(sys.stdin)
    lease.DURATION = given.pop("lease")
    print(BEGIN, flush=True)
    try:
        outcome = converge(Request(**given))
        told: dict[str, Any] = {"counts": Counter(change.action for change in outcome.changes)}
    except KubeError as error:
        told = {"error": type(error).__name__, "message": str(error)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
