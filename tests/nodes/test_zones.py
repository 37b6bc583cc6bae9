# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Losing, cutting, slowing and healing zones of real nodes, and the drill that tells the story of a lost zone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.drill.target import NOTE, Target
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import key_of, namespace_prefix
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.network import namespace_file
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.node import SANDBOX_IMAGE
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.zones import Slowness, ZoneView, opened
from ansible_collections.servicemesh.platform.plugins.modules.embedded_zone import INTERFACE as ZONE
from ansible_collections.servicemesh.platform.plugins.modules.zone_drill import INTERFACE as DRILL
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call
from ansible_collections.servicemesh.platform.tests.support.cluster import Cluster
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks

NAME = "demo"
PATIENCE = 60
STATE_VARIABLE = b"SERVICEMESH_EMBEDDED_CLUSTER="
ZONE_LABEL = "topology.kubernetes.io/zone"
HAS_NETEM = not subprocess.run(
    ["unshare", "--net", "sh", "-c", "ip link set lo up && tc qdisc add dev lo root netem delay 1ms"],
    capture_output=True,
    check=False,
).returncode


@dataclass(frozen=True)
class Zoned:
    """The environment demo with a node in each of the zones a, b and c."""

    playbooks: Playbooks
    cluster: Cluster

    @property
    def state(self) -> Path:
        return self.playbooks.state

    def start_drill(self, **extra: Any) -> subprocess.Popen[str]:
        """Begin to run the playbook; ``extra`` are extra vars."""
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "servicemesh.platform.zone_drill"]
        command += ["-i", str(self.playbooks.inventory), "-e", json.dumps(extra)]
        pipe, folder = subprocess.PIPE, self.playbooks.folder
        return subprocess.Popen(command, cwd=folder, text=True, stdout=pipe, stderr=pipe, start_new_session=True)

    def verb(self, state: str, zone: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        """What the module embedded_zone returns."""
        arguments = {"name": NAME, "state_dir": str(self.state), "zone": zone, "state": state, **options}
        return call(ZONE, arguments, check_mode, diff=True)

    def drill(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        """What the module zone_drill returns."""
        arguments = {"name": NAME, "state_dir": str(self.state), **options}
        return call(DRILL, arguments, check_mode, diff=True)

    def look(self, zone: str) -> ZoneView:
        with opened(NAME, self.state, PATIENCE) as zones:
            return zones.look(zone)

    def processes(self, component: str) -> list[int]:
        """All processes that were started as this component."""
        mine = [STATE_VARIABLE + str(self.state).encode(), f"SERVICEMESH_EMBEDDED_COMPONENT={component}".encode()]
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and set(mine) <= set((entry / "environ").read_bytes().split(b"\0")):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def record(self, component: str) -> Path:
        return self.state / "run" / f"{component}.json"

    def seconds_to(self, node: str) -> float:
        """How long it takes from the control plane to connect to a kubelet, there and back once."""
        path = "{.status.addresses[?(@.type=='InternalIP')].address}"
        address = self.cluster.kubectl("get", "node", node, "-o", f"jsonpath={path}")
        router = namespace_file(namespace_prefix(key_of(self.state.resolve())))
        command = ["nsenter", f"--net={router}", "--", sys.executable, "-c", CONNECT, address]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def is_ready(self, node: str) -> bool:
        path = "{.status.conditions[?(@.type=='Ready')].status}"
        return self.cluster.kubectl("get", "node", node, "-o", f"jsonpath={path}") == "True"


@pytest.fixture(scope="module")
def zoned(playbooks: Playbooks, nodes: Environment) -> Zoned:
    return Zoned(playbooks, nodes.cluster)


@pytest.fixture(autouse=True)
def whole(zoned: Zoned) -> Iterator[None]:
    """Every test leaves the zones as it found them."""
    yield
    with opened(NAME, zoned.state, PATIENCE) as zones:
        for zone in zones.names():
            zones.heal(zone, PATIENCE)


CONNECT = """
import socket, sys, time
start = time.monotonic()
socket.create_connection((sys.argv[1], 10250), 5).close()
print(time.monotonic() - start)
"""


def wait_for(holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "this took too long"
        time.sleep(0.2)


# Verbs


def test_a_zone_is_lost_once_and_healed_once(zoned: Zoned) -> None:
    planned = zoned.verb("lost", "c", check_mode=True)
    assert zoned.look("c").state == "healed"
    lost = zoned.verb("lost", "c")
    assert (lost["changed"], lost["state"], lost["actions"]) == (True, "lost", planned["actions"])
    assert lost["actions"] == ["take zone c off the network", "kill node-demo-c-1"]
    assert (planned["diff"]["after"]["state"], lost["diff"]["after"]["nodes"]) == ("lost", {"demo-c-1": "not running"})
    assert zoned.processes("node-demo-c-1") == []
    assert zoned.verb("lost", "c")["changed"] is False
    assert "zone c is lost and cannot become cut; heal it first" in zoned.verb("cut", "c")["msg"]

    digest = json.loads(zoned.record("node-demo-c-1").read_text())["digest"]
    healed = zoned.verb("healed", "c")
    assert healed["actions"] == ["heal the network of zone c", "start node-demo-c-1 (not running)"]
    assert (healed["state"], zoned.is_ready("demo-c-1")) == ("healed", True)
    assert json.loads(zoned.record("node-demo-c-1").read_text())["digest"] == digest
    assert zoned.verb("healed", "c")["changed"] is False


def test_a_zone_that_is_cut_goes_on_by_itself(zoned: Zoned) -> None:
    pid = zoned.look("b").nodes[0].pid
    assert zoned.verb("cut", "b")["actions"] == ["take zone b off the network"]
    assert zoned.verb("cut", "b")["changed"] is False
    assert zoned.look("b").nodes[0].pid == pid
    assert "zone b is cut and cannot become slow" in zoned.verb("slow", "b")["msg"]
    assert zoned.verb("healed", "b")["actions"] == ["heal the network of zone b"]
    assert zoned.look("b").nodes[0].pid == pid


@pytest.mark.slow
def test_site_heals_what_was_lost(zoned: Zoned) -> None:
    zoned.verb("lost", "a")
    run = zoned.playbooks.run("site")
    assert run.code == 0, run.output
    assert (zoned.look("a").state, zoned.is_ready("demo-a-1")) == ("healed", True)


@pytest.mark.skipif(not HAS_NETEM, reason="the kernel has no sch_netem")
def test_a_slow_zone_answers_late(zoned: Zoned) -> None:
    assert zoned.verb("slow", "c", delay_ms=30, loss_percent=0.1)["changed"] is True
    assert str(zoned.look("c").slowness) == "30 ms of delay and 0.1 % of loss each way"
    assert zoned.verb("slow", "c", delay_ms=30, loss_percent=0.1)["changed"] is False
    assert zoned.seconds_to("demo-c-1") > 0.06 > zoned.seconds_to("demo-b-1")
    assert zoned.verb("slow", "c", delay_ms=40)["actions"] == ["slow zone c: 40 ms of delay and 0 % of loss each way"]
    assert zoned.verb("healed", "c")["actions"] == ["heal the network of zone c"]
    assert zoned.look("c").slowness is None


@pytest.mark.skipif(HAS_NETEM, reason="the kernel has sch_netem")
def test_a_kernel_that_cannot_slow_says_so(zoned: Zoned) -> None:
    told = zoned.verb("slow", "c")["msg"]
    assert "zone c cannot be slowed" in told
    assert "sch_netem" in told
    drilled = zoned.drill(kind="slow", hold_seconds=1)
    assert (drilled["failed"], "sch_netem" in drilled["msg"]) == (True, True)
    assert not (zoned.state / NOTE).exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"zone": "d"}, "there is no zone 'd' in this environment; its zones are a, b, c"),
        ({"zone": "a", "state_dir": "state"}, "'state' is not an absolute path"),
        ({"zone": "a", "state": "slow", "loss_percent": 101}, "loss_percent: 101 is not from 0 to 100"),
    ],
)
def test_bad_input(zoned: Zoned, options: dict[str, Any], told: str) -> None:
    answer = call(ZONE, {"name": NAME, "state_dir": str(zoned.state), "state": "lost", **options}, False, False)
    assert (answer["failed"], told in answer["msg"]) == (True, True), answer


# Crashes


@pytest.mark.slow
def test_healing_after_a_start_that_was_never_written_down(zoned: Zoned) -> None:
    """The run is killed between the start of the node and the writing of its record."""
    zoned.verb("lost", "c")
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import processes, zones\n"
        "processes.write_private = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "with zones.opened(sys.argv[1], Path(sys.argv[2]), 10) as found: found.heal('c', 10)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, NAME, str(zoned.state)], check=False)
    assert done.returncode == -signal.SIGKILL
    (stray,) = zoned.processes("node-demo-c-1")
    healed = zoned.verb("healed", "c")
    assert f"stop stray node-demo-c-1 (process {stray})" in healed["actions"]
    (pid,) = zoned.processes("node-demo-c-1")
    assert (pid != stray, zoned.look("c").nodes[0].pid) == (True, pid)


def test_a_stranger_with_the_pid_of_a_node_is_left_alone(zoned: Zoned) -> None:
    zoned.verb("lost", "c")
    record = json.loads(zoned.record("node-demo-c-1").read_text())
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        zoned.record("node-demo-c-1").write_text(json.dumps({**record, "pid": stranger.pid}))
        assert zoned.verb("lost", "c")["changed"] is False
        assert zoned.verb("healed", "c")["state"] == "healed"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.slow
def test_a_drill_that_was_killed_is_told_and_healed_by_the_next(zoned: Zoned) -> None:
    running = zoned.start_drill(zone_drill_zone="b", zone_drill_kind="cut")
    wait_for((zoned.state / NOTE).exists)
    time.sleep(1)
    os.killpg(running.pid, signal.SIGKILL)
    holder = int((zoned.state / "lock").read_text())
    os.kill(holder, signal.SIGKILL)  # Ansible's workers have sessions of their own
    running.communicate(timeout=PATIENCE)
    assert zoned.look("b").state == "cut"
    refused = zoned.drill(check_mode=True, zone="c", timeout=1)
    assert refused["actions"][0] == "heal the network of zone b"
    assert zoned.look("b").state == "cut"
    with opened(NAME, zoned.state, PATIENCE) as zones:
        next_one = Target(zones, "c", "lost", Slowness(), PATIENCE)
        assert next_one.clear(check_mode=False) == ["heal the network of zone b"]
        assert next_one.clear(check_mode=False) == []
    assert not (zoned.state / NOTE).exists()


def test_a_drill_that_is_interrupted_heals(zoned: Zoned) -> None:
    running = zoned.start_drill(zone_drill_zone="b", zone_drill_kind="cut")
    wait_for((zoned.state / NOTE).exists)
    time.sleep(2)
    os.kill(running.pid, signal.SIGINT)
    wait_for(lambda: not (zoned.state / NOTE).exists())
    running.communicate(timeout=PATIENCE)
    assert (zoned.look("b").state, zoned.is_ready("demo-b-1")) == ("healed", True)
    wait_for(lambda: "zone-drill-" not in zoned.cluster.kubectl("get", "namespaces"))


def test_what_somebody_broke_is_not_healed_by_a_drill(zoned: Zoned) -> None:
    zoned.verb("cut", "a")
    refused = zoned.drill(zone="c")
    assert "not fit for a drill: zone a is cut. Heal it first" in refused["msg"]
    assert zoned.look("a").state == "cut"


# The story


def deployment(name: str, replicas: int, **pod: Any) -> dict[str, Any]:
    labels = {"app": name}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": SANDBOX_IMAGE}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {**spec, **pod}},
        },
    }


def service(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
    }


def spread(name: str, otherwise: str) -> dict[str, Any]:
    constraint = {"maxSkew": 1, "topologyKey": ZONE_LABEL, "whenUnsatisfiable": otherwise}
    return {"topologySpreadConstraints": [{**constraint, "labelSelector": {"matchLabels": {"app": name}}}]}


def workloads() -> list[dict[str, Any]]:
    in_c = {"matchExpressions": [{"key": ZONE_LABEL, "operator": "In", "values": ["c"]}]}
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": in_c}]}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        deployment("spread", 3, **spread("spread", "ScheduleAnyway")),
        deployment("strict", 3, **spread("strict", "DoNotSchedule")),
        deployment("lumped", 2, affinity={"nodeAffinity": preferred}),
        deployment("pinned", 1, nodeSelector={ZONE_LABEL: "c"}),
        service("spread"),
        service("lumped"),
    ]


def test_the_story_of_a_lost_zone(zoned: Zoned) -> None:
    zoned.cluster.apply(*workloads())
    zoned.cluster.kubectl("wait", "-n", "shop", "--for=condition=Available", "--timeout=60s", "deployment", "--all")
    foretold = zoned.drill(check_mode=True)
    assert (foretold["zone"], foretold["timeline"], foretold["severity"]) == ("c", [], "error")
    assert zoned.look("c").state == "healed"

    # All values as text, as a survey of AWX gives them; what was left empty is the default.
    run = zoned.playbooks.run(
        "zone_drill", zone_drill_zone="", zone_drill_kind="lost", zone_drill_timeout="90", zone_drill_hold_seconds=""
    )
    report = json.loads((zoned.playbooks.folder / "reports" / f"{NAME}-zone-drill.json").read_text())
    found = {(finding["id"], finding["subject"]): finding for finding in report["findings"]}

    def of(check: str, name: str) -> tuple[str, str]:
        finding = found[f"zone-drill-{check}", name]
        return finding["severity"], finding["message"]

    assert run.code != 0, run.output  # findings are errors
    assert "zone c is lost" in run.output
    assert "NotReady: demo-c-1" in run.output
    assert of("detection", "Zone c")[0] == "ok"
    assert of("endpoints", "Zone c")[0] == "ok"
    severity, told = of("replicas", "Deployment shop/spread")
    assert (severity, told.startswith("1 of 3 replicas were in zone c; all were ready elsewhere after")) == ("ok", True)
    assert of("spread", "Deployment shop/spread") == ("ok", "replicas per zone: a: 1, b: 1, c: 1")
    severity, told = of("spread", "Deployment shop/lumped")
    assert (severity, told.startswith("all 2 replicas stood in zone c; there was none for")) == ("error", True)
    severity, told = of("replicas", "Deployment shop/strict")
    assert (severity, "no node takes the others" in told, "topology spread constraints" in told) == (
        "error",
        True,
        True,
    )
    assert "nodeTaintsPolicy: Honor" in found["zone-drill-replicas", "Deployment shop/strict"]["mend"]
    severity, told = of("replicas", "Deployment shop/pinned")
    assert (severity, told.endswith("its template lets it run in zone c only")) == ("error", True)
    severity, told = of("writes", "Kubernetes API")
    assert (severity, " 0 failed" in told) == ("ok", True), told
    assert of("healed", "Zone c")[0] == "ok"
    assert "Deployment shop/spread" in of("spread-after", "Zone c")[1]
    wait_for(lambda: "zone-drill-" not in zoned.cluster.kubectl("get", "namespaces"))


@pytest.mark.slow
def test_a_cluster_that_is_not_fit_is_left_alone(zoned: Zoned) -> None:
    zoned.cluster.apply(workloads()[0], deployment("hopeful", 1, nodeSelector={ZONE_LABEL: "d"}))
    try:
        refused = zoned.drill(zone="c", fit_timeout=2)
        assert "Deployment shop/hopeful has 0 of 1 replicas ready" in refused["msg"]
        assert zoned.look("c").state == "healed"
    finally:
        zoned.cluster.kubectl("delete", "deployment", "-n", "shop", "hopeful")


# Who has no zones to lose


def test_another_run_is_waited_for_and_named(zoned: Zoned) -> None:
    with opened(NAME, zoned.state, PATIENCE):
        told = zoned.verb("lost", "c", timeout=1)["msg"]
    assert f"another run (process {os.getpid()}) is at work" in told


def test_kwok_has_no_zones_to_lose(tmp_path: Path) -> None:
    played = Playbooks(tmp_path.resolve())
    played.write(cluster_embedded_nodes="kwok", site_components=["toolchain", "cluster"])
    try:
        assert played.run("site").code == 0
        drill = played.run("zone_drill")
        assert drill.code != 0
        assert "the nodes of this cluster are played by kwok" in drill.text
        with pytest.raises(EmbeddedError, match="played by kwok"), opened(NAME, played.state, PATIENCE):
            pass
    finally:
        played.run("teardown")


def test_an_existing_cluster_has_no_zones_to_lose(tmp_path: Path) -> None:
    existing = Playbooks(tmp_path)
    existing.write(cluster_provider="existing", cluster_kubeconfig="/nowhere", cluster_context="prod")
    drill = existing.run("zone_drill")
    assert drill.code != 0
    assert "demo has cluster_provider existing. Only embedded environments" in drill.text
