# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Gateway API CRDs can be installed over what a cluster has: nobody else's, and not newer.

Asked before anything is sent. Bundles since v1.5.0 bring the ValidatingAdmissionPolicy
``safe-upgrades.gateway.networking.k8s.io``, which denies CRDs of minors below its own bundle's (v1.5 denies 1.4 and
older, v1.6 denies 1.5 and older) and experimental CRDs over standard ones. What is new in a bundle it does not deny,
so an attempt leaves a mixture behind. Nor does it stop an older bundle for long: its CRDs are denied, its own policy is
not, and the next attempt passes.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.checks.gateway_api import (
    SUBJECT,
    bundle,
    bundle_channel,
    bundle_version,
    parse_version,
    stands,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.checks.model import (
    CRD,
    Check,
    Kind,
    KubeObject,
    Objects,
    name_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed

SAFE_UPGRADES = "safe-upgrades.gateway.networking.k8s.io"
POLICY = Kind("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy")
# Writes the status of CRDs and owns nothing else in them.
_API_SERVER = "kube-apiserver"


def gateway_api_install(objects: Objects, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings that speak against an installation.

    ``version`` is the minor to install ("1.5"; empty: not known, not compared), ``channel`` what is to be installed of
    it, ``field_manager`` the manager that installs, ``take_over`` whether CRDs of others may be taken over.
    """
    crds = bundle(objects[CRD])
    policies = [each for each in objects[POLICY] if name_of(each) == SAFE_UPGRADES]
    findings = [
        *_newer([*crds, *policies], str(parameters["version"])),
        *(_experimental(crds) if policies and parameters["channel"] == "experimental" else ()),
    ]
    if not parameters["take_over"]:
        findings += _foreign(crds, parameters["field_manager"])
    yield from findings
    if not findings:
        there = stands(crds) if crds else "none"
        yield passed("gateway-api-install", SUBJECT, f"there now: {there}; nothing speaks against installing")


def _newer(crds: Sequence[KubeObject], version: str) -> Iterator[Finding]:
    newer = [crd for crd in crds if version and _minor(bundle_version(crd)) > _minor(version)]
    if newer:
        yield Finding(
            "gateway-api-downgrade",
            Severity.ERROR,
            SUBJECT,
            f"the cluster has {stands(newer)}; {version} is to be installed",
            "An older bundle drops fields and versions that objects may use, and since v1.5 the bundle's own "
            f"ValidatingAdmissionPolicy {SAFE_UPGRADES} denies it.",
            "Set crds_gateway_api_version to what is there. To go back all the same, see what the routes use, remove "
            "that policy and its binding, and install the older bundle by hand.",
        )


def _experimental(crds: Sequence[KubeObject]) -> Iterator[Finding]:
    standard = [crd for crd in crds if bundle_channel(crd) != "experimental"]
    if standard:
        yield Finding(
            "gateway-api-channel",
            Severity.ERROR,
            SUBJECT,
            f"the cluster has {stands(standard)}; the experimental channel is to be installed",
            f"The bundle's ValidatingAdmissionPolicy {SAFE_UPGRADES} denies experimental definitions over standard "
            "ones, and not those that are new: a mixture would be left behind.",
            "Give crds_gateway_api_source the standard channel, config/crd/standard. For the experimental one all the "
            f"same, delete the ValidatingAdmissionPolicy and the ValidatingAdmissionPolicyBinding {SAFE_UPGRADES}: "
            "from then on nothing guards these definitions.",
        )


def _foreign(crds: Sequence[KubeObject], field_manager: str) -> Iterator[Finding]:
    foreign = [crd for crd in crds if field_manager not in _managers(crd)]
    if foreign:
        owners = sorted({manager for crd in foreign for manager in _managers(crd)} - {_API_SERVER}) or ["unknown"]
        yield Finding(
            "gateway-api-foreign",
            Severity.ERROR,
            SUBJECT,
            f"{stands(foreign)}, belongs to {', '.join(owners)}: {', '.join(name_of(crd) for crd in foreign)}",
            "Two owners of one CRD undo each other's upgrades, and removing ours would remove theirs.",
            "Leave them to their owner with crds_gateway_api: require (the version is checked) or ignore; or take "
            "them over on purpose with crds_take_over: true.",
        )


def _managers(crd: KubeObject) -> List[str]:
    return [entry.get("manager", "") for entry in crd["metadata"].get("managedFields") or []]


def _minor(version: str) -> List[int]:
    """Major and minor; a version that cannot be read counts as the oldest."""
    try:
        return list(parse_version(version)[:2])
    except ValueError:
        return [0, 0]


CHECK = Check(
    "gateway_api_install", (CRD, POLICY), ("channel", "field_manager", "take_over", "version"), gateway_api_install
)
