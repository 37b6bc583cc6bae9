# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release of Istio goes together with the Kubernetes and the Gateway API of a cluster."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Iterator, List, Mapping

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.gateway_api import (
    bundle,
    bundle_version,
    parse_version,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    CRD,
    NODE,
    Check,
    KubeObject,
    Objects,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed
from ansible_collections.servicemesh.platform.plugins.module_utils.istio.releases import (
    IGNORED_BELOW,
    IGNORED_SINCE,
    RELEASES,
    Minor,
    Release,
    release_of,
)


def istio_release(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about the release whose istiod is the image ``image``, on the day ``today`` (as 2026-11-26)."""
    version = release_of(parameters["image"])
    if version is None or version not in RELEASES:
        known = f"{_told(min(RELEASES))} to {_told(max(RELEASES))}"
        yield Finding(
            "istio-release",
            Severity.INFO,
            f"Istio {_told(version)}" if version else "Istio",
            f"nothing is known of its release, by the tag of {parameters['image']}; known are {known}",
            "",
            "See istio.io for the versions of Kubernetes and of the Gateway API that it supports.",
        )
        return
    subject, release = f"Istio {_told(version)}", RELEASES[version]
    found = [
        *_kubernetes(subject, release, objects[NODE]),
        *_gateway_api(subject, version, release, bundle(objects[CRD])),
        *_support(subject, release, date.fromisoformat(parameters["today"])),
    ]
    yield from found
    if not found:
        yield passed("istio-release", subject, "it goes together with this Kubernetes and this Gateway API")


def _told(version: Minor) -> str:
    return ".".join(map(str, version))


def _kubernetes(subject: str, release: Release, nodes: List[KubeObject]) -> Iterator[Finding]:
    minors = [_minor(node) for node in nodes]
    known = [minor for minor in minors if minor]
    first, last = release.tested
    if not known or first <= min(known) <= max(known) <= last:
        return
    lowest = min(known)
    is_lost = lowest < release.works_from
    yield Finding(
        "istio-kubernetes",
        Severity.ERROR if is_lost else Severity.WARNING,
        subject,
        f"nodes run Kubernetes 1.{lowest} to 1.{max(known)}, and it supports 1.{first} to 1.{last}",
        f"It does not start below 1.{release.works_from}." if is_lost else "Nobody tests these two together.",
        "Take a release of Istio that supports this Kubernetes, or the other way round.",
    )


def _minor(node: KubeObject) -> int:
    version = ((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion") or ""
    found = re.match(r"v1\.(\d+)", version)
    return int(found[1]) if found else 0


def _gateway_api(subject: str, version: Minor, release: Release, crds: List[KubeObject]) -> Iterator[Finding]:
    stated = {}
    for crd in crds:
        try:
            stated[crd["spec"]["names"]["plural"]] = parse_version(bundle_version(crd))
        except ValueError:
            continue  # the check gateway_api tells of it
    if version >= IGNORED_SINCE:
        old = [f"{kind} (from {IGNORED_BELOW[kind]})" for kind in sorted(stated) if _is_ignored(kind, stated[kind])]
        if old:
            yield Finding(
                "istio-gateway-api",
                Severity.ERROR,
                subject,
                f"it ignores kinds of the Gateway API in the version that stands: {', '.join(old)}",
                "Routes of these kinds are stored and carried out by nobody.",
                f"Install the bundle {release.gateway_api} of the Gateway API, or a later one (crds_gateway_api: "
                "install, crds_gateway_api_version).",
            )
    newest = max(stated.values(), default=None)
    if newest and newest[:2] > parse_version(release.gateway_api)[:2]:
        yield Finding(
            "istio-gateway-api",
            Severity.WARNING,
            subject,
            f"it is built with the Gateway API {release.gateway_api}, and {newest[0]}.{newest[1]} stands",
            "Fields that are newer than it are ignored without a word.",
            "Leave newer fields out, or take a later release of Istio. The way back to an older bundle is closed (its "
            "policy safe-upgrades).",
        )


def _is_ignored(kind: str, version: Any) -> bool:
    return kind in IGNORED_BELOW and version < parse_version(IGNORED_BELOW[kind])


def _support(subject: str, release: Release, today: date) -> Iterator[Finding]:
    if release.ends and today > release.ends:
        yield Finding(
            "istio-support",
            Severity.WARNING,
            subject,
            f"its support ended on {release.ends}",
            "Holes in its security are mended no more.",
            "Upgrade to a later release: docs/mesh-upgrade.md.",
        )


CHECK = Check("istio_release", (CRD, NODE), ("image", "today"), istio_release)
