# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers from their source to pods on real nodes: built, pushed, rolled out, upgraded, gone back from, removed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.images.oci import File
from ansible_collections.servicemesh.platform.tests.support.cluster import built_kube
from ansible_collections.servicemesh.platform.tests.support.nodes import Environment, eventually, push
from ansible_collections.servicemesh.platform.tests.support.playbooks import Playbooks, Run

HERE = Path(__file__).parent
SPACE, ASKERS = "controllers", "controllers-askers"
ZONES = ("a", "b", "c")
ZONE = "topology.kubernetes.io/zone"
HTTPBIN = {"module": "github.com/mccutchen/go-httpbin/v2", "package": "./cmd/go-httpbin", "version": "v2.26.0"}
SAMPLE = "k8s.io/sample-controller"
SAMPLE_VERSION = "v0.36.3"

Controller = dict[str, Any]


def steady(version: str, **changes: Any) -> Controller:
    """The small controller of these tests."""
    return {
        "name": "steady",
        "namespace": SPACE,
        "source": str(HERE / "controllers" / "steady"),
        "version": version,
        "replicas": 3,
        "ports": [{"name": "http", "port": 8080}],
        "service": [{"port": 80, "target": "http"}],
        "probes": {"liveness": "/healthz", "readiness": "/readyz"},
        **changes,
    }


@pytest.fixture(scope="module")
def askers(nodes: Environment) -> Iterator[Environment]:
    """A pod in each zone that can ask the others."""
    pods = [nodes.pod(f"asker-{zone}", ASKERS, "wait", nodeSelector={ZONE: zone}) for zone in ZONES]
    nodes.running(ASKERS, *pods)
    yield nodes
    nodes.remove(ASKERS)


@pytest.fixture(scope="module", autouse=True)
def _gone(playbooks: Playbooks) -> Iterator[None]:
    """Whatever the tests of this file leave behind does not stay for others."""
    yield
    roll(playbooks)


def roll(playbooks: Playbooks, *controllers: Controller, **extra: Any) -> Run:
    """Run site for the controllers alone."""
    wanted = {"controllers_workloads": list(controllers), "controllers_wait_timeout": 100, **extra}
    return playbooks.run("site", **{"site_components": "controllers", **wanted})


def rolled(playbooks: Playbooks, *controllers: Controller, **extra: Any) -> Run:
    """The same, and it succeeds."""
    run = roll(playbooks, *controllers, **extra)
    assert run.code == 0, run.output
    return run


def answers(askers: Environment, url: str) -> set[str]:
    """What the pods of all zones hear."""
    return {askers.ask(ASKERS, f"asker-{zone}", url) for zone in ZONES}


def all_serve(askers: Environment, version: str) -> None:
    """No zone is answered by another version any more. Nodes hear of a pod that goes a moment after the rollout."""
    url = f"http://steady.{SPACE}.svc/version"
    eventually(5, lambda: answers(askers, url) == {version}, f"every zone is answered by {version}")


def deployment(nodes: Environment, name: str = "steady") -> Any:
    return nodes.get("-n", SPACE, "deployment", name)


def pods(nodes: Environment, name: str = "steady") -> list[Any]:
    found = nodes.get("-n", SPACE, "pods", "-l", f"app={name}")["items"]
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def zones_of(nodes: Environment, found: list[Any]) -> list[str]:
    places = {node["metadata"]["name"]: node["metadata"]["labels"][ZONE] for node in nodes.get("nodes")["items"]}
    return sorted(places[pod["spec"]["nodeName"]] for pod in found)


def test_a_folder_of_go_and_a_module_answer_from_every_zone(playbooks: Playbooks, askers: Environment) -> None:
    httpbin = {
        **steady("v2.26.0", name="httpbin", probes={"readiness": "/status/200"}),
        **HTTPBIN,
        "env": {"PORT": 8080, "USE_REAL_HOSTNAME": True},
    }
    del httpbin["source"]
    rolled(playbooks, steady("v1.0.0"), httpbin)
    assert zones_of(askers, pods(askers)) == zones_of(askers, pods(askers, "httpbin")) == list(ZONES)
    all_serve(askers, "v1.0.0")
    heard = answers(askers, f"http://httpbin.{SPACE}.svc/hostname")
    names = {pod["metadata"]["name"] for pod in pods(askers, "httpbin")}
    assert {json.loads(text)["hostname"] for text in heard} <= names
    image = deployment(askers)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert re.fullmatch(r"registry\.embedded/steady@sha256:[0-9a-f]{64}", image)
    again = rolled(playbooks, steady("v1.0.0"), httpbin)
    assert again.recap["demo"]["changed"] == 0
    verified = playbooks.run("verify", site_components="controllers", controllers_workloads=[steady("v1.0.0"), httpbin])
    assert verified.code == 0, verified.output
    report = json.loads((playbooks.folder / "reports" / "demo.json").read_text())
    assert f"version v1.0.0 is {image}" in [finding["message"] for finding in report["findings"]]


def test_it_has_no_more_rights_than_it_needs(askers: Environment) -> None:
    assert answers(askers, f"http://steady.{SPACE}.svc/token") == {"false"}
    (told,) = answers(askers, f"http://steady.{SPACE}.svc/write?path=/etc/mine")
    assert "read-only file system" in told
    (pod, *_others) = pods(askers)
    status = pod["status"]["containerStatuses"][0]
    assert status["user"]["linux"]["uid"] == 65532
    as_it = f"--as=system:serviceaccount:{SPACE}:steady"
    assert askers.cluster.kubectl("auth", "can-i", "list", "pods", "-n", SPACE, as_it, check=False).startswith("no")
    assert not askers.get("-n", SPACE, "roles")["items"]


def test_an_upgrade_serves_all_the_while(playbooks: Playbooks, askers: Environment) -> None:
    url = f"http://steady.{SPACE}.svc/version"
    loop = "import subprocess, sys\nwhile True:\n  print(subprocess.run(sys.argv[1:], capture_output=True, text=True))"
    kubectl = [str(built_kube()), "kubectl", "--kubeconfig", str(askers.cluster.kubeconfig), "-n", ASKERS, "exec"]
    command = [sys.executable, "-u", "-c", loop, *kubectl, "asker-a", "--", "/probe", "get", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
        rolled(playbooks, steady("v2.0.0"))
        asking.terminate()
        heard = asking.communicate()[0].splitlines()
    all_serve(askers, "v2.0.0")
    assert len(heard) > 5
    assert {re.search(r"v[12]\.0\.0|$", line)[0] for line in heard} <= {"v1.0.0", "v2.0.0"}, heard
    assert deployment(askers)["metadata"]["labels"]["app.kubernetes.io/version"] == "v2.0.0"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"env": {"MODE": "crash"}}, ["CrashLoopBackOff", "exit code 3", "kubectl logs --previous"]),
        ({"env": {"MODE": "unready"}}, ["Readiness probe failed", "Are path and port of the probe right?"]),
    ],
)
def test_a_program_that_fails_is_gone_back_from(
    playbooks: Playbooks, askers: Environment, change: Controller, told: list[str]
) -> None:
    before = deployment(askers)["spec"]
    wait = 100 if "crash" in change["env"].values() else 25
    extra = {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]}
    run = roll(playbooks, steady("v3.0.0", **change, **extra), controllers_wait_timeout=wait)
    assert run.code != 0
    for words in ["v3.0.0 did not become ready", "Rolled back to v2.0.0, and it runs", *told]:
        assert words in run.text, run.text
    assert deployment(askers)["spec"] == before
    assert not askers.get("-n", SPACE, "roles")["items"]
    all_serve(askers, "v2.0.0")
    rolled(playbooks, steady("v2.0.0"))


def reference_without(image: str) -> str:
    return image.partition("@")[0] + "@sha256:" + "0" * 64


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["wrong digest", "another architecture", "registry away"])
def test_an_image_that_cannot_be_had_is_gone_back_from(
    playbooks: Playbooks, askers: Environment, fault: str, tmp_path: Path
) -> None:
    before = deployment(askers)["spec"]
    program = tmp_path / "program"
    program.write_text("#!/bin/false")
    machine = {"another architecture": "riscv64"}.get(fault, "")
    image = push(playbooks.state, "strange", [File(program, "program", 0o755)], ["/program"], machine)
    image = reference_without(image) if fault == "wrong digest" else image
    if fault == "registry away":
        end_registry(playbooks)
    run = roll(playbooks, {**steady("v3.0.0"), "source": "", "image": image})
    assert run.code != 0
    told = {
        "wrong digest": "The registry has no such image.",
        "another architecture": "The image is for another machine than the nodes.",
        "registry away": "The registry does not answer.",
    }
    assert "Rolled back to v2.0.0, and it runs" in run.text, run.text
    assert told[fault] in run.text, run.text
    assert deployment(askers)["spec"] == before
    if fault == "registry away":
        assert playbooks.run("site").code == 0


def end_registry(playbooks: Playbooks) -> None:
    record = json.loads((playbooks.state / "run" / "registry.json").read_text())
    os.kill(record["pid"], signal.SIGKILL)
    eventually(5, lambda: not Path(f"/proc/{record['pid']}/stat").exists(), "the registry is gone")


@pytest.mark.slow
def test_a_registry_that_is_away_when_an_image_is_pushed(playbooks: Playbooks, askers: Environment) -> None:
    before = deployment(askers)
    end_registry(playbooks)
    run = roll(playbooks, steady("v2.1.0"))
    assert run.code != 0
    assert "connection refused" in run.text, run.text
    after = deployment(askers)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert playbooks.run("site").code == 0
    rolled(playbooks, steady("v2.1.0"))
    all_serve(askers, "v2.1.0")


@pytest.mark.slow
def test_the_first_version_that_fails_is_left_to_be_looked_at(playbooks: Playbooks, askers: Environment) -> None:
    image = "registry.embedded/never@sha256:" + "0" * 64
    never = {**steady("v0.1.0", name="never", image=image), "source": ""}
    run = roll(playbooks, steady("v2.1.0"), never, controllers_wait_timeout=15)
    assert run.code != 0
    assert "It is the first version, so there is none to go back to. It is left as it is" in run.text, run.text
    assert deployment(askers, "never")["metadata"]["labels"]["app.kubernetes.io/version"] == "v0.1.0"
    # Not even now is there anything to go back to: the version before does not run.
    second = roll(playbooks, steady("v2.1.0"), {**never, "version": "v0.2.0"}, controllers_wait_timeout=15)
    assert "v0.1.0 before it did not run either" in second.text, second.text
    rolled(playbooks, steady("v2.1.0"))
    assert "NotFound" in askers.cluster.kubectl("-n", SPACE, "get", "deployment", "never", check=False)


def test_certificates_a_tag_and_a_folder_to_write_into(
    playbooks: Playbooks, askers: Environment, tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(HERE / "controllers" / "steady", repository / "steady")
    git = ["git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    commands = (["init", "-q"], ["add", "."], ["commit", "-qm", "first"], ["tag", "v4.0.0"])
    for command in commands:
        subprocess.run([*git, *command], check=True)
    (repository / "steady" / "main.go").write_text("this does not compile")
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=steady", "-days", "1"]
    subprocess.run([*openssl, "-keyout", tmp_path / "k", "-out", tmp_path / "c"], check=True, capture_output=True)
    askers.cluster.kubectl(
        "-n", SPACE, "create", "secret", "tls", "steady-tls", f"--key={tmp_path / 'k'}", f"--cert={tmp_path / 'c'}"
    )
    tagged = steady(
        "",
        source=str(repository / "steady"),
        tag="v4.0.0",
        certificates=[{"secret": "steady-tls", "path": "/etc/tls"}],
        writable=["/tmp"],
        rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}],
    )
    rolled(playbooks, tagged)
    all_serve(askers, "v4.0.0")
    (certificate,) = answers(askers, f"http://steady.{SPACE}.svc/certificate")
    assert certificate.split()[:2] == (tmp_path / "c").read_text().split()[:2]
    assert answers(askers, f"http://steady.{SPACE}.svc/write?path=/tmp/mine") == {"<nil>"}
    assert answers(askers, f"http://steady.{SPACE}.svc/token") == {"true"}
    as_it = f"--as=system:serviceaccount:{SPACE}:steady"
    assert askers.cluster.kubectl("auth", "can-i", "list", "pods", "-n", SPACE, as_it).startswith("yes")
    wrong = roll(playbooks, {**tagged, "tag": "v9"})
    assert f"{repository / 'steady'} has no tag v9." in wrong.text
    assert "The newest there are v4.0.0." in wrong.text


@pytest.mark.slow
def test_a_controller_of_others_with_its_crds_and_rights(playbooks: Playbooks, askers: Environment) -> None:
    """Kubernetes' sample-controller: it watches Foos, makes a Deployment for each, and writes Events and status."""
    listed = ["go", "mod", "download", "-json", f"{SAMPLE}@{SAMPLE_VERSION}"]
    answer = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    folder = Path(json.loads(answer)["Dir"])
    examples = folder / "artifacts" / "examples"
    sample = {
        "name": "sample",
        "namespace": SPACE,
        "source": str(folder),
        "version": SAMPLE_VERSION,
        "crds": [str(examples / "crd-status-subresource.yaml")],
        "cluster_rules": [
            {"apiGroups": ["samplecontroller.k8s.io"], "resources": ["foos"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["samplecontroller.k8s.io"], "resources": ["foos/status"], "verbs": ["update"]},
            {
                "apiGroups": ["apps"],
                "resources": ["deployments"],
                "verbs": ["get", "list", "watch", "create", "update"],
            },
            {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        ],
    }
    run = rolled(playbooks, steady("v2.1.0"), sample)
    assert "Rolled back" not in run.text
    example = yaml.safe_load((examples / "example-foo.yaml").read_text())
    example["metadata"]["namespace"] = ASKERS
    askers.cluster.apply(example)

    def made() -> bool:
        names = askers.cluster.kubectl("-n", ASKERS, "get", "deployments", "-o", "name")
        return example["spec"]["deploymentName"] in names

    eventually(30, made, "the controller makes the Deployment")
    kept = rolled(playbooks, steady("v2.1.0"))
    assert "foos.samplecontroller.k8s.io" in kept.text  # is not removed, and a warning says why
    assert askers.cluster.kubectl("-n", ASKERS, "get", "foos", "-o", "name").strip()
    askers.cluster.kubectl("-n", ASKERS, "delete", "foo,deployment", "--all")
    rolled(playbooks, steady("v2.1.0"))
    assert "NotFound" in askers.cluster.kubectl("get", "crd", "foos.samplecontroller.k8s.io", check=False)


def python_base(playbooks: Playbooks, folder: Path) -> str:
    """An image with the Python of this machine: the interpreter, its library, and the C libraries that these need."""
    library = Path(sysconfig.get_path("stdlib"))
    root = folder / "root"
    ignored = shutil.ignore_patterns("__pycache__", "test", "tests", "site-packages", "config-*", "idlelib", "tkinter")
    shutil.copytree(library, root / "opt" / "python" / "lib" / library.name, ignore=ignored, symlinks=True)
    interpreter = Path(os.path.realpath(sys.executable))
    programs = [interpreter, *library.glob("lib-dynload/*.so")]
    listed = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    needed = {Path(path) for path in re.findall(r"(/[^\s(:]+)(?= \()", listed)}
    files = [File(path, str(path)[1:]) for path in needed]
    files += [File(root / "opt", "opt"), File(interpreter, "usr/bin/python3")]
    files += [File(interpreter, "opt/python/bin/python3")]
    return push(playbooks.state, "python", files, ["/opt/python/bin/python3"])


def test_a_python_package(playbooks: Playbooks, askers: Environment, tmp_path: Path) -> None:
    reporter = {
        "name": "reporter",
        "namespace": SPACE,
        "python": str(HERE / "controllers" / "reporter"),
        "base": python_base(playbooks, tmp_path),
        "entrypoint": ["/opt/python/bin/python3", "-m", "reporter"],
        "version": "2.0.1",
        "ports": [{"name": "http", "port": 8080}],
        "service": [{"port": 80, "target": "http"}],
        "probes": {"readiness": "/"},
    }
    rolled(playbooks, reporter)
    assert answers(askers, f"http://reporter.{SPACE}.svc/") == {"2.0.1"}
    assert rolled(playbooks, reporter).recap["demo"]["changed"] == 0


def test_absent_leaves_what_is_of_others_and_nothing_else(playbooks: Playbooks, nodes: Environment) -> None:
    run = rolled(playbooks)
    assert f"Secret {SPACE}/steady-tls" in run.text, run.text
    assert not nodes.get("-n", SPACE, "deployments,services,serviceaccounts", "-l", "app.kubernetes.io/name")["items"]
    nodes.cluster.kubectl("-n", SPACE, "delete", "secret", "steady-tls")
    rolled(playbooks)
    assert "NotFound" in nodes.cluster.kubectl("get", "ns", SPACE, check=False)
    left = nodes.get("clusterroles,clusterrolebindings")["items"]
    assert not [each for each in left if each["metadata"]["name"].startswith(f"{SPACE}:")]
    assert rolled(playbooks).recap["demo"]["changed"] == 0
