# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What findings say of projects that are told of, not looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.project import SDK, Project, Required
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.project_checks import findings, used_apis

PROJECT = Project("/src", {"GOPROXY": "https://proxy.test"}, go_mod={})


def found(project: Project) -> dict[str, str]:
    told = findings(project, {})
    return {finding.id: finding.message for finding in told if finding.severity is not Severity.OK}


def test_nothing_is_said_of_nothing() -> None:
    assert found(PROJECT) == {}


@pytest.mark.parametrize(
    ("versions", "mixed"),
    [
        ({"api": "v0.36.3", "client-go": "v0.36.1"}, False),
        ({"api": "v0.36.3", "client-go": "v0.35.0"}, True),
        ({"api": "v0.36.3", "klog": "v2.0.0"}, False),
    ],
)
def test_releases_of_kubernetes_are_not_mixed(versions: dict[str, str], mixed: bool) -> None:
    modules = tuple(Required(f"k8s.io/{name}", version) for name, version in versions.items())
    assert ("go-kubernetes-versions" in found(replace(PROJECT, modules=modules))) is mixed


def test_a_replaced_release_of_kubernetes_counts() -> None:
    modules = (
        Required("k8s.io/api", "v0.36.3"),
        Required("k8s.io/client-go", "v0.0.0", replaced_by="k8s.io/client-go", replaced_version="v0.36.3"),
    )
    assert found(replace(PROJECT, modules=modules)) == {}


def test_a_commit_of_the_sdk_is_no_release() -> None:
    project = replace(PROJECT, modules=(Required(SDK, "v0.5.1-0.20210902153522-2c43b1a9e91e"),))
    assert found(project)["smi-sdk-version"].endswith(" is no release")


def test_apis_are_told_by_imports_of_their_types() -> None:
    imports = {
        f"{SDK}/pkg/apis/split/v1alpha4",
        f"{SDK}/pkg/apis/split/v1alpha2",
        f"{SDK}/pkg/apis/split",
        f"{SDK}/pkg/gen/client/split/clientset/versioned",
        "github.com/deislabs/smi-sdk-go/pkg/apis/access/v1alpha1",
        "example.test/pkg/apis/split/v1alpha1",
    }
    assert used_apis(imports) == {"access": ["v1alpha1"], "split": ["v1alpha2", "v1alpha4"]}
