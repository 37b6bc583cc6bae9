# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run on a damaged control plane mends, and what it leaves alone."""

from __future__ import annotations

import datetime
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import cluster as engine
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import pki
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")

Pids = Callable[[Any], "dict[str, int]"]


def kubectl(running: Any, *args: str, kubeconfig: str = "kubeconfig") -> str:
    command = [str(running.settings.binary), "kubectl", "--kubeconfig", str(running.state_dir / kubeconfig), *args]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def others(found: dict[str, int], *names: str) -> dict[str, int]:
    return {name: pid for name, pid in found.items() if name not in names}


def test_a_second_run_changes_nothing_and_is_quick(running: Any, pids: Pids) -> None:
    first = running.start()
    begin = time.monotonic()
    second = running.start()
    assert time.monotonic() - begin < 1.0
    assert not second.changed
    assert pids(second) == pids(first)
    assert second.running
    assert not running.start(check_mode=True).changed


@pytest.mark.parametrize("component", COMPONENTS)
def test_only_what_was_killed_is_started_again(running: Any, pids: Pids, component: str) -> None:
    before = pids(running.start())
    kubectl(running, "create", "configmap", f"before-{component}")
    running.kill(before[component])

    foreseen = running.start(check_mode=True)
    assert foreseen.actions == [f"start {component} (not running)"]
    assert len(running.processes()) == len(COMPONENTS) - 1

    outcome = running.start()
    assert outcome.actions == [f"start {component} (not running)"]
    assert others(pids(outcome), component) == others(before, component)
    assert not running.start().changed
    assert kubectl(running, "get", "configmap", f"before-{component}")


def test_all_killed_at_once_keep_the_data(running: Any, pids: Pids) -> None:
    kubectl(running, "create", "configmap", "before-all")
    running.kill(*pids(running.start()).values())
    outcome = running.start()
    assert outcome.actions == [f"start {name} (not running)" for name in COMPONENTS]
    assert kubectl(running, "get", "configmap", "before-all")


def test_a_frozen_component_is_restarted(running: Any, pids: Pids, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "RECOVERY_SECONDS", 0.5)
    monkeypatch.setattr(engine, "TERM_SECONDS", 0.5)
    before = pids(running.start())
    subprocess.run(["kill", f"-{signal.SIGSTOP.value}", str(before["kube-scheduler"])], check=True)
    outcome = running.start()
    assert len(outcome.actions) == 1
    assert outcome.actions[0].startswith("restart kube-scheduler (no answer from 127.0.0.1:")
    assert others(pids(outcome), "kube-scheduler") == others(before, "kube-scheduler")


def test_a_certificate_near_its_end_is_renewed_and_its_user_restarted(running: Any, pids: Pids) -> None:
    before = pids(running.start())
    layout = Layout(running.state_dir)
    wanted = pki.certificates(running.settings.name, running.settings.service_cidr)
    long_ago = datetime.datetime.now(datetime.timezone.utc) - pki.LEAF_LIFETIME + datetime.timedelta(days=20)
    pki.issue(layout, wanted, {"scheduler-serving": "test"}, long_ago)
    outcome = running.start()
    assert outcome.actions == [
        "issue certificate scheduler-serving (19 days left)",
        "restart kube-scheduler (pki/scheduler-serving.crt, pki/scheduler-serving.key changes)",
    ]
    assert others(pids(outcome), "kube-scheduler") == others(before, "kube-scheduler")
    assert not running.start().changed


def test_a_lost_authority_is_replaced_with_all_below_it(running: Any) -> None:
    kubectl(running, "create", "configmap", "before-authority")
    (running.state_dir / "pki" / "ca.key").unlink()
    outcome = running.start()
    assert "issue certificate ca (missing)" in outcome.actions
    assert f"write {outcome.kubeconfig}" in outcome.actions
    assert not running.start().changed
    assert kubectl(running, "get", "configmap", "before-authority")


def test_a_taken_port_is_replaced(running: Any, pids: Pids) -> None:
    first = running.start()
    port = next(view.port for view in first.after if view.name == "kube-scheduler")
    running.kill(pids(first)["kube-scheduler"])
    with listener(port):
        outcome = running.start()
    assert outcome.actions == [
        f"choose another port for kube-scheduler ({port} is taken)",
        "start kube-scheduler (not running)",
    ]
    assert others(pids(outcome), "kube-scheduler") == others(pids(first), "kube-scheduler")


def test_another_port_of_the_api_server_reaches_everybody(running: Any, pids: Pids) -> None:
    first = running.start()
    port = next(view.port for view in first.after if view.name == "kube-apiserver")
    running.kill(pids(first)["kube-apiserver"])
    with listener(port):
        outcome = running.start()
    assert outcome.server != first.server
    assert pids(outcome)["etcd"] == pids(first)["etcd"]
    assert outcome.server in kubectl(running, "cluster-info")
    assert outcome.server in kubectl(running, "config", "view", kubeconfig="kubeconfigs/kwok")
    assert not running.start().changed


def test_deleted_access_rules_come_back(running: Any) -> None:
    rule = "servicemesh.platform:cluster-admins"
    kubectl(running, "delete", "clusterrolebinding", rule)
    foreseen = running.start(check_mode=True)
    outcome = running.start()
    assert outcome.actions == foreseen.actions == [f"apply ClusterRoleBinding {rule}"]
    assert kubectl(running, "get", "clusterrolebinding", rule)


def test_a_lost_kubeconfig_is_written_again(running: Any) -> None:
    first = running.start()
    content = Path(first.kubeconfig).read_bytes()
    Path(first.kubeconfig).unlink()
    outcome = running.start()
    assert outcome.actions == [f"write {first.kubeconfig}"]
    assert Path(first.kubeconfig).read_bytes() == content


def test_processes_without_a_record_are_replaced(running: Any, pids: Pids) -> None:
    before = pids(running.start())
    (running.state_dir / "run" / "kube-scheduler.json").unlink()
    outcome = running.start()
    assert outcome.actions == [
        f"stop stray kube-scheduler (process {before['kube-scheduler']})",
        "start kube-scheduler (not running)",
    ]
    assert len(running.processes()) == len(COMPONENTS)


def test_networks_cannot_be_changed_later(running: Any, pids: Pids) -> None:
    before = pids(running.start())
    with pytest.raises(engine.EmbeddedError, match=r"pod_cidr: this cluster was made with 10\.244\.0\.0/16"):
        running.start(pod_cidr="10.245.0.0/16")
    assert pids(running.start()) == before


def test_stopped_keeps_the_data(running: Any) -> None:
    kubectl(running, "create", "configmap", "before-stop")
    foreseen = running.stop(check_mode=True)
    assert foreseen.changed
    assert len(running.processes()) == len(COMPONENTS)
    outcome = running.stop()
    assert outcome.actions == foreseen.actions
    assert running.processes() == []
    assert not running.stop().changed
    restarted = running.start()
    assert restarted.server == outcome.server
    assert kubectl(running, "get", "configmap", "before-stop")


def test_another_command_line_restarts_the_component(running: Any, pids: Pids) -> None:
    before = pids(running.start())
    outcome = running.start(durable=True)
    assert outcome.actions == ["restart etcd (its binary, command line or files changed since its start)"]
    assert others(pids(outcome), "etcd") == others(before, "etcd")


def listener(port: int) -> socket.socket:
    """Somebody else on the port."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", port))
    taken.listen()
    return taken
