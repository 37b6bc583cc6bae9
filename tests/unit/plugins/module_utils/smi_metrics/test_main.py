# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = "ansible_collections.servicemesh.platform.plugins.module_utils.smi_metrics"


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """What the program says; it ends by itself."""
    return subprocess.run([sys.executable, "-m", PROGRAM, *options], capture_output=True, text=True, check=False)


def test_the_help_explains_what_it_needs() -> None:
    told = " ".join(run("--help").stdout.split())
    for word in (
        "system:auth-delegator",
        "extension-apiserver-authentication-reader",
        "--prometheus URL",
        "?window=5m",
    ):
        assert word in told.replace("auth- delegator", "auth-delegator").replace(
            "authentication- reader", "authentication-reader"
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "the following arguments are required: --prometheus"),
        (("--prometheus=http://u:secret@",), "--prometheus: the URL of Prometheus must be like http://"),
        (("--prometheus=http://x", "--window=1s"), "1s is not between 5s and 1h0m0s; write one in between, like 30s"),
        (("--prometheus=http://x", "--authentication-refresh=0"), "'0': write whole seconds from 1 to 3600"),
        (("--prometheus=http://x", "--profile=consul"), "invalid choice: 'consul'"),
        (("--prometheus=http://x", "--kubeconfig=/nowhere"), "kubeconfig /nowhere does not exist"),
    ],
)
def test_what_cannot_be_is_told(options: tuple[str, ...], message: str) -> None:
    done = run(*options)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_no_third_party_package_is_needed_to_import_it() -> None:
    code = f"""
import sys
for name in ("aiohttp", "prometheus_client", "urllib3", "yaml", "kubernetes", "ansible"):
    sys.modules[name] = None
import importlib
for part in ("access", "front_proxy", "model", "paths", "prometheus", "queries", "remembered", "service", "telemetry"):
    importlib.import_module("{PROGRAM}." + part)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
