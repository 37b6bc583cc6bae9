# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools that the role toolchain knows by name, each in one pinned version, and the ways to write others."""

from __future__ import annotations

from typing import Any, Dict, Mapping

CATALOGUE: Mapping[str, Mapping[str, Any]] = {
    "crane": {
        "module": "github.com/google/go-containerregistry",
        "package": "./cmd/crane",
        "version": "v0.22.1",
        "sum": "h1:RZuuSYhTvlDvtsK+NkutoCZ//C0X2ebLK8X8l3ULs84=",
        "ldflags": "-s -w",
        "version_arguments": ["version"],
        "version_expected": "{version}",
    },
    "helm": {
        "module": "helm.sh/helm/v4",
        "package": "./cmd/helm",
        "version": "v4.3.1",
        "sum": "h1:UndCoLe9UPmNoL7IvWzaUXveL7T5t/ijoorEmgJdI9g=",
        "ldflags": "-s -w -X helm.sh/helm/v4/internal/version.version={version}",
        "version_arguments": ["version", "--short"],
        "version_expected": "{version}",
    },
    # Istio's releases have no tag that Go takes for a version: a commit of its main branch, which calls itself 1.31.
    "istioctl": {
        "module": "istio.io/istio",
        "package": "./istioctl/cmd/istioctl",
        "version": "v0.0.0-20260827124520-eed52ebb66ad",
        "sum": "h1:ui9TJjRMAV/hb5ehQaZDq7IUGxuQP6dra9lapT/VjHI=",
        "ldflags": "-s -w -X istio.io/istio/pkg/version.buildVersion=1.31-eed52ebb66ad",
        "version_arguments": ["version", "--remote=false"],
        "version_expected": "1.31-eed52ebb66ad",
    },
    "ko": {
        "module": "github.com/google/ko",
        "version": "v0.19.1",
        "sum": "h1:FggFTOgqz3sCdac8DvF2uU7FjphG3zNvZ9QMLOuVhZ8=",
        "ldflags": "-s -w",
        "version_arguments": ["version"],
        "version_expected": "{version}",
    },
    # The go.mod of Kubernetes replaces modules, so that only a go.mod that does the same can build it. The source is a
    # folder in the files of the role.
    "kubectl": {
        "source": "kubectl",
        "package": "k8s.io/kubernetes/cmd/kubectl",
        "ldflags": (
            "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 "
            "-X k8s.io/component-base/version.gitMinor=36"
        ),
        "version_arguments": ["version", "--client"],
        "version_expected": "v1.36.3",
    },
}


def is_by_name(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is one of the catalogue, perhaps with other options, and not a tool of the user's own."""
    return not (entry.get("module") or entry.get("package") or entry.get("source"))


def from_catalogue(entry: Mapping[str, Any]) -> Dict[str, Any]:
    """The options of a tool of the catalogue. Raises KeyError.

    What the entry says counts. With another version the sum of the pinned one falls away.
    """
    pinned = CATALOGUE[entry["name"]]
    version = entry.get("version") or pinned.get("version") or ""
    chosen = dict(pinned)
    if version != pinned.get("version", ""):
        chosen.pop("sum", None)
    for key in ("ldflags", "version_expected"):
        chosen[key] = str(chosen.get(key, "")).replace("{version}", version)
    return {**chosen, **{key: value for key, value in entry.items() if value not in (None, "")}}


def from_text(text: str) -> Dict[str, Any]:
    """A tool that is written as one word: `NAME` of the catalogue, or `PACKAGE@VERSION` as `go install` takes it."""
    package, at, version = text.strip().partition("@")
    if not at:
        return {"name": package}
    parts = [part for part in package.split("/") if not _is_major(part)]
    return {"name": parts[-1] if parts else package, "package": package, "version": version}


def _is_major(part: str) -> bool:
    return part[:1] == "v" and part[1:].isdigit() and part != "v1" and part != "v0"
