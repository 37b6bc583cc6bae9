# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one command and writes down what it took. The small process between the harness and what is measured.

The kernel counts the memory of a process from its fork on, so a child's peak would be at least that of the harness,
which holds whole workloads; this script imports next to nothing.

Usage: python -I meter.py RESULT COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> int:
    """Run the command and give its exit code; RESULT holds seconds and KiB of it and of all that it has waited for."""
    result, command = sys.argv[1], sys.argv[2:]
    started = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _pid, status, usage = os.wait4(child, 0)
    took = {
        "wall": time.monotonic() - started,
        "user": usage.ru_utime,
        "system": usage.ru_stime,
        "peak_kib": usage.ru_maxrss,
    }
    with open(result, "w", encoding="utf-8") as stream:
        json.dump(took, stream)
    return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main())
