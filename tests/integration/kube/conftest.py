# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the converge engine share: a namespace each, and a short way to call it."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.converge import Outcome, Request, converge
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session, open_session

_NUMBERS = itertools.count(1)

Converge = Callable[..., Outcome]
Ansible = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def connection(cluster: Any) -> dict[str, Any]:
    return {"kubeconfig": str(cluster.kubeconfig)}


@pytest.fixture
def session(connection: dict[str, Any]) -> Iterator[Session]:
    with open_session(connection) as opened:
        yield opened


@pytest.fixture
def run(connection: dict[str, Any]) -> Converge:
    """Calls the engine with definitions and whatever else a Request has."""

    def call(*definitions: Any, **options: Any) -> Outcome:
        return converge(Request(**{"connection": connection, "definitions": list(definitions), **options}))

    return call


@pytest.fixture
def namespace(cluster: Any) -> Iterator[str]:
    """A namespace of this test's own."""
    name = f"kube-test-{next(_NUMBERS)}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@dataclass(frozen=True)
class Live:
    """Looks at objects with kubectl, so that the engine does not judge itself."""

    cluster: Any

    def get(self, *what: str) -> Any:
        return json.loads(self.cluster.kubectl("get", *what, "-o", "json"))

    def names(self, kind: str, namespace: str) -> list[str]:
        found = [item["metadata"]["name"] for item in self.get(kind, "-n", namespace)["items"]]
        return [name for name in found if name != "kube-root-ca.crt"]


@pytest.fixture
def live(cluster: Any) -> Live:
    return Live(cluster)


class Make:
    """Definitions in one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def _object(self, api_version: str, kind: str, name: str, **rest: Any) -> dict[str, Any]:
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}

    def config_map(self, name: str, **data: str) -> dict[str, Any]:
        return self._object("v1", "ConfigMap", name, data=data)

    def secret(self, name: str, **string_data: str) -> dict[str, Any]:
        return self._object("v1", "Secret", name, stringData=string_data)

    def service_account(self, name: str) -> dict[str, Any]:
        return self._object("v1", "ServiceAccount", name)

    def deployment(self, name: str, replicas: int = 1, **pod: Any) -> dict[str, Any]:
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}], **pod}}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        return self._object("apps/v1", "Deployment", name, spec=spec)

    def job(self, name: str) -> dict[str, Any]:
        template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
        return self._object("batch/v1", "Job", name, spec={"backoffLimit": 0, "suspend": True, "template": template})


@pytest.fixture
def make(namespace: str) -> Make:
    return Make(namespace)


def crd(plural: str, kind: str, group: str = "example.com") -> dict[str, Any]:
    """A definition of a kind with any content."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


@pytest.fixture
def make_crd() -> Callable[..., dict[str, Any]]:
    return crd


@pytest.fixture
def interpreter() -> str:
    """The interpreter of the host that modules run on."""
    return sys.executable


@pytest.fixture
def ansible(connection: dict[str, Any], tmp_path: Path, interpreter: str) -> Ansible:
    """Has Ansible run a module and gives its result, with the whole output as ``output``."""

    def run(*flags: str, module: str = "k8s_apply", **arguments: Any) -> dict[str, Any]:
        given = {**connection, **arguments}
        command = [str(Path(sys.executable).with_name("ansible")), "localhost", "-m", f"servicemesh.platform.{module}"]
        command += ["-a", json.dumps(given), "-e", f"ansible_python_interpreter={interpreter}", *flags]
        environment = {
            **os.environ,
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_LOCAL_TEMP": str(tmp_path),
        }
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        output = done.stdout + done.stderr
        start = done.stdout.index("{")
        result = json.loads(done.stdout[start:])["plays"][0]["tasks"][0]["hosts"]["localhost"]
        return {**result, "output": output, "rc": done.returncode}

    return run
