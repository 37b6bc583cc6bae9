# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the programs that run beside an embedded cluster are ready."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import Check, Objects
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed


def beside(_objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about ``processes``, the name of each and whether it is ready."""
    for name, is_ready in parameters["processes"].items():
        subject = f"process {name}"
        if is_ready:
            yield passed("process-ready", subject, "ready")
            continue
        yield Finding(
            "process-ready",
            Severity.ERROR,
            subject,
            "it does not run, or is not ready",
            "What asks it gets no answer.",
            f"See its log (logs/process-{name}.log in cluster_state_dir), and run the component cluster again.",
        )


CHECK = Check("beside", (), ("processes",), beside)
