# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for controllers, and what is derived from their options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.servicemesh.platform.plugins.module_utils.variables import controllers
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Inventory

ROLE = Path(__file__).parents[5] / "roles" / "controllers"
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
INVENTORY = Inventory("demo", {}, {})
DIGEST = "@sha256:" + "a" * 64
MODULE = {"name": "httpbin", "namespace": "web", "module": "example.com/httpbin/v2", "version": "v2.1.0"}
RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
PORTS = [{"name": "http", "port": 8080}]


def typed(*entries: dict[str, Any], **variables: Any) -> dict[str, Any]:
    """The variables as the role gets them."""
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    validated = ArgumentSpecValidator(OPTIONS).validate(
        {**defaults, "controllers_workloads": list(entries), **variables}
    )
    assert not validated.error_messages
    found: dict[str, Any] = validated.validated_parameters
    return found


def told(*entries: dict[str, Any], **variables: Any) -> list[str]:
    return [str(problem) for problem in controllers.problems(typed(*entries, **variables), INVENTORY)]


def origin(**options: Any) -> dict[str, Any]:
    return {"name": "c", "namespace": "web", **options}


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder of Go and a package of Python."""
    (tmp_path / "go.mod").write_text("module x")
    (tmp_path / "reporter").mkdir()
    (tmp_path / "reporter" / "__main__.py").write_text("")
    return tmp_path


def test_good_ones(sources: Path) -> None:
    crd = sources / "crd.yaml"
    crd.write_text("")
    good = [
        {**MODULE, "ports": PORTS, "service": [{"port": 80, "target": "http"}], "probes": {"readiness": "/"}},
        origin(source=str(sources), version="v1+build.5", crds=[str(sources / "*.yaml")]),
        {**origin(source=str(sources), tag="v1.0.0"), "name": "tagged"},
        {**origin(python=str(sources / "reporter"), version="2.0", base=f"r.example.com/python{DIGEST}"), "name": "p"},
        {**origin(image=f"r.example.com/x{DIGEST}", version="7"), "name": "bought"},
        {**MODULE, "name": "ruled", "cluster_rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]},
    ]
    assert told(*good) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Big"}, ["name is 'Big'", "DNS label"]),
        ({"namespace": "default"}, ["namespace is 'default'", "create_namespace: false"]),
        ({"image": f"r.example.com/x{DIGEST}"}, ["is 'module, image'", "one of source, module, python, image"]),
        ({"module": ""}, ["is 'nothing'"]),
        ({"version": "latest"}, ["version is 'latest'", "v1.4.0"]),
        ({"version": ""}, ["version is ''", "write the version"]),
        ({"tag": "v1"}, ["tag is 'v1'", "has no meaning with module"]),
        ({"sum": "abc"}, ["sum is 'abc'", "h1:"]),
        ({"module": "--version"}, ["module is '--version'"]),
        ({"version_variable": "version"}, ["version_variable", "import path"]),
        ({"replicas": 0}, ["replicas is 0"]),
        ({"user": 0}, ["user is 0", "not root"]),
        ({"env": {"1": "x"}}, ["env is '1'"]),
        ({"env": {"A": None}}, ["env.A is None"]),
        ({"resources": {"requests": {"cpu": "lots"}}}, ["resources.requests.cpu is 'lots'"]),
        ({"ports": [{"name": "HTTP", "port": 1}]}, ["ports is 'HTTP'"]),
        ({"ports": [{"name": "http", "port": 0}]}, ["port is 0", "65535"]),
        ({"ports": PORTS, "service": [{"port": 80, "target": "web"}]}, ["target is 'web'", "http"]),
        ({"probes": {"readiness": "/"}}, ["probes.port", "list it in ports"]),
        ({"ports": PORTS, "probes": {"readiness": "ready"}}, ["readiness is 'ready'", "begins with /"]),
        ({"ports": PORTS, "probes": {"readiness": "/", "port": "web"}}, ["probes.port is 'web'"]),
        ({"rules": [{"apiGroups": [""], "resources": ["*"], "verbs": ["get"]}]}, ["resources is '*'"]),
        ({"rules": [{"apiGroups": [""], "resources": ["pods"]}]}, ["verbs is None"]),
        ({"rules": [{"apiGroups": [""], "resources": "pods", "verbs": ["get"]}]}, ["list of texts"]),
        ({"rules": [{"resources": ["pods"], "verbs": ["get"]}]}, ["apiGroups is None"]),
        ({"rules": [{"verbs": ["get"]}]}, ["resources is None"]),
        ({"rules": [{"names": [], "nonResourceURLs": [], **RULE}]}, ["no field of a rule"]),
        ({"rules": [{"nonResourceURLs": ["/"], "verbs": ["get"]}]}, ["write it in cluster_rules"]),
        ({"certificates": [{"secret": "tls", "path": "etc/tls"}]}, ["certificates is 'etc/tls'", "absolute"]),
        ({"certificates": [{"secret": "TLS", "path": "/etc/tls"}]}, ["secret is 'TLS'"]),
        ({"writable": ["/tmp", "/tmp/"]}, ["mounted is '/tmp'", "once"]),
        ({"writable": ["/a/../b"]}, ["writable is '/a/../b'"]),
        ({"crds": ["/nowhere/*.yaml"]}, ["crds is '/nowhere/*.yaml'", "no such file"]),
        ({"image_pull_secrets": ["A"]}, ["image_pull_secrets is 'A'"]),
    ],
)
def test_bad_ones(change: dict[str, Any], words: list[str]) -> None:
    problems = told({**MODULE, **change})
    assert len(problems) == 1, problems
    assert problems[0].startswith("controllers_workloads[")
    for word in words:
        assert word in problems[0]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (origin(source="/nowhere", version="v1"), "go.mod"),
        (origin(python="/nowhere/a-b", version="1", base="r.example.com/p:1"), "a-b cannot be imported"),
        (origin(python="/nowhere/ab", version="1", base="r.example.com/p:1"), "__main__.py"),
        (origin(image="nginx:1.25", version="1"), "registry"),
        (origin(image="r.example.com/nginx:1.25", version="1"), "crane digest r.example.com/nginx:1.25"),
        (origin(source="/nowhere"), "or tag"),
    ],
)
def test_sources_that_are_not_there(entry: dict[str, Any], words: str) -> None:
    assert any(words in problem for problem in told(entry))


def test_a_python_package_needs_a_base(sources: Path) -> None:
    assert "has python3" in told(origin(python=str(sources / "reporter"), version="1"))[0]


def test_names_are_told_apart_by_the_whole_environment() -> None:
    assert "listed more than once" in told(MODULE, {**MODULE, "namespace": "other"})[0]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"controllers_registry": "Not A Host"}, "controllers_registry is 'Not A Host'"),
        ({"controllers_registry": "r.example.com", "controllers_registry_username": "u"}, "set name and password"),
        ({"controllers_registry_ca": "/ca.pem"}, "name the registry that controllers_registry_ca is for"),
    ],
)
def test_registries(variables: dict[str, Any], words: str) -> None:
    assert words in told(**variables)[0]


def test_no_password_is_ever_told() -> None:
    problems = told(controllers_registry="r.example.com", controllers_registry_password="hunter2")
    assert problems
    assert not any("hunter2" in problem for problem in problems)
    assert controllers.derived(typed(controllers_registry_password="hunter2"), INVENTORY)["registry_password"] == ""


def test_what_is_derived(sources: Path) -> None:
    entries = [
        {**MODULE, "env": {"B": True, "A": {"secretKeyRef": {"name": "s", "key": "k"}}, "N": 8080}},
        {**origin(source=str(sources), tag="v1.0.0+x"), "create_namespace": False, "namespace": "tenant"},
    ]
    found = controllers.derived(typed(*entries), INVENTORY)
    assert found["namespaces"] == ["web"]
    module, tagged = found["workloads"]
    assert [each["name"] for each in module["env"]] == ["A", "B", "N"]
    assert module["env"][1:] == [{"name": "B", "value": "true"}, {"name": "N", "value": "8080"}]
    assert (tagged["version"], tagged["version_label"]) == ("v1.0.0+x", "v1.0.0_x")
    assert set(found["programs"][0]) == set(controllers.IMAGE_OPTIONS)


def test_probes() -> None:
    probes = {"liveness": "/live", "readiness": "/ready", "scheme": "HTTPS"}
    (whole,) = controllers.derived(typed({**MODULE, "ports": PORTS, "probes": probes}), INVENTORY)["workloads"]
    assert set(whole["probes"]) == {"livenessProbe", "readinessProbe"}
    assert whole["probes"]["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "http", "scheme": "HTTPS"}
    numbered = {**MODULE, "probes": {"startup": "/up", "port": "9000"}}
    (whole,) = controllers.derived(typed(numbered), INVENTORY)["workloads"]
    assert whole["probes"]["startupProbe"]["httpGet"]["port"] == 9000
