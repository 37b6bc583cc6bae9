# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a migration from SMI to the Gateway API: what is done for which root service, and what must not (pure).

Why in which order, for users: docs/migration.md.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Callable, DefaultDict, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.model import (
    InvalidObject,
    TrafficSplit,
    parse,
    subject_of,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.smi.wire import fields_of

Object = Mapping[str, Any]
Root = Tuple[str, str]
"""Namespace and name of the root service of splits."""

ROOT_LABEL = "smi-migration.servicemesh.platform/root"
"""On what the migration made: the root service for which it did."""
SKIP_ANNOTATION = "smi.linkerd.io/skip"
"""On a ServiceProfile that linkerd-smi shall leave alone (linkerd-smi pkg/adaptor/controller.go); on a split it says as
much of the profile of its service."""
SERVER_FIELDS = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")

Translate = Callable[[Sequence[Object]], Tuple[List[Dict[str, Any]], List[Finding]]]
"""The Gateway API objects for the splits of one root, and what was found."""


@dataclass(frozen=True)
class Found:
    """What is in the cluster, of the namespaces in question."""

    splits: Sequence[Object] = ()
    groups: Sequence[Object] = ()
    """HTTPRouteGroups."""
    others: Sequence[Object] = ()
    """SMI objects that have no equivalent."""
    routes: Sequence[Object] = ()
    profiles: Sequence[Object] = ()
    originals: Sequence[Object] = ()
    """What earlier runs kept: objects with ``root``, ``splits``, ``profiles`` and ``routes``."""


@dataclass(frozen=True)
class Work:
    """What is to be done for one root, in the order of the fields."""

    root: Root
    splits: Tuple[Object, ...] = ()
    routes: Tuple[Object, ...] = ()
    profiles: Tuple[Object, ...] = ()

    def steps(self) -> List[Dict[str, str]]:
        """The steps as a reader of the plan sees them."""
        service = "/".join(self.root)
        steps = [("keep", split) for split in self.splits]
        steps += [("create", route) for route in self.routes]
        steps += [("await", route) for route in self.routes]
        steps += [("delete", split) for split in self.splits]
        steps += [("delete", profile) for profile in self.profiles]
        return [{"service": service, "action": action, "object": subject_of(obj)} for action, obj in steps]


@dataclass(frozen=True)
class Plan:
    """All that is to be done, and what was found."""

    works: Tuple[Work, ...]
    findings: Tuple[Finding, ...]


def plan(found: Found, translate: Translate) -> Plan:
    """The migration of everything found. A root with an error among its findings is not touched."""
    findings = [_without_equivalent(obj) for obj in found.others]
    roots, unread = _roots(found.splits)
    findings += unread.values()
    works: List[Work] = []
    for root, splits in sorted(roots.items()):
        if root in unread:
            continue
        groups = [each for each in found.groups if each["metadata"].get("namespace") == root[0]]
        complaints = _controlled(splits)
        routes: List[Dict[str, Any]] = []
        if not complaints:
            routes, complaints = translate([*splits, *groups])
            complaints = [*complaints, *_foreign(root, routes, found.routes)]
        if not routes and not _is_blocked(complaints):
            complaints.append(_untranslated(root))
        findings += complaints
        if not _is_blocked(complaints):
            profiles, kept = leftovers(root, splits, found.profiles)
            findings += kept
            works.append(Work(root, tuple(splits), tuple(labelled(each, root) for each in routes), tuple(profiles)))
    finished, kept = _interrupted(found, roots)
    return Plan((*works, *finished), (*findings, *kept))


def labelled(route: Object, root: Root) -> Dict[str, Any]:
    """A route with the label by which it is known as ours."""
    metadata = route["metadata"]
    labels = {**(metadata.get("labels") or {}), ROOT_LABEL: root[1]}
    return {**route, "metadata": {**metadata, "namespace": root[0], "labels": labels}}


def is_ours(route: Object, root: Root) -> bool:
    """Whether the migration of this root made the route."""
    metadata = route["metadata"]
    return metadata.get("namespace") == root[0] and (metadata.get("labels") or {}).get(ROOT_LABEL) == root[1]


def original(obj: Object) -> Dict[str, Any]:
    """An object as it can be created again: without its status and what only the server writes."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in SERVER_FIELDS}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}


def leftovers(root: Root, splits: Sequence[Object], profiles: Sequence[Object]) -> Tuple[List[Object], List[Finding]]:
    """The ServiceProfiles that linkerd-smi leaves behind for a root; and findings for those that stand in the way."""
    namespace, service = root
    start = f"{service}.{namespace}.svc."
    named = [
        each
        for each in profiles
        if each["metadata"].get("namespace") == namespace and each["metadata"]["name"].startswith(start)
    ]
    ours = [each for each in named if not any(map(_is_skipped, (*splits, each))) and not _users(each)]
    return ours, [_profile_kept(each) for each in named if each not in ours]


def is_accepted(route: Object) -> bool:
    """Whether every Service that the route is attached to is reported as taking it, in its newest generation."""
    generation = route["metadata"].get("generation") or 0
    parents = (route.get("status") or {}).get("parents") or []

    def holds(reference: Object) -> bool:
        return any(
            each.get("parentRef", {}).get("name") == reference.get("name")
            and each.get("parentRef", {}).get("port") in (None, reference.get("port"))
            and _is_true(each, "Accepted", generation)
            and not _is_false(each, "ResolvedRefs", generation)
            for each in parents
        )

    references = (route.get("spec") or {}).get("parentRefs") or []
    return bool(references) and all(holds(each) for each in references)


def has_status(route: Object) -> bool:
    """Whether any controller has reported on the route."""
    return bool((route.get("status") or {}).get("parents"))


def not_accepted(route: Object) -> Finding:
    """The finding for a route that no controller took in time."""
    seen = "a controller reports that it does not take it" if has_status(route) else "no controller has reported on it"
    return Finding(
        "smi-migrate-not-accepted",
        Severity.ERROR,
        subject_of(route),
        f"it is not accepted: {seen}",
        "Without the split nobody would divide the traffic.",
        "Look at the status of the route; run again when it is accepted, or with wait: false if you know better.",
    )


def changed_meanwhile(obj: Object) -> Finding:
    """The finding for an object that somebody changed after it was looked at."""
    return Finding(
        "smi-migrate-changed",
        Severity.ERROR,
        subject_of(obj),
        "it was changed while it was migrated, and stays",
        "What was made and kept is that of before.",
        "Run the migration again.",
    )


def not_waited_for(route: Object) -> Finding:
    """The finding for a route of which nobody looked whether a controller takes it."""
    return Finding(
        "smi-migrate-not-waited-for",
        Severity.WARNING,
        subject_of(route),
        "it was not looked whether a controller has accepted it (wait: false)",
        "Without a controller that takes it, nothing divides the traffic of its service.",
        "Look at its status, or say state: verified with wait: true.",
    )


def _is_true(parent: Object, kind: str, generation: int) -> bool:
    return _status_of(parent, kind, generation) == "True"


def _is_false(parent: Object, kind: str, generation: int) -> bool:
    return _status_of(parent, kind, generation) == "False"


def _status_of(parent: Object, kind: str, generation: int) -> Optional[str]:
    for each in parent.get("conditions") or ():
        if each.get("type") == kind and each.get("observedGeneration", generation) >= generation:
            return str(each.get("status"))
    return None


def _is_blocked(findings: Sequence[Finding]) -> bool:
    return any(each.severity is Severity.ERROR for each in findings)


def _roots(splits: Sequence[Object]) -> Tuple[Dict[Root, List[Object]], Dict[Root, Finding]]:
    """The splits by their root, and the roots with a split that cannot be read: nothing of these is touched."""
    roots: DefaultDict[Root, List[Object]] = defaultdict(list)
    unread: Dict[Root, Finding] = {}
    for split in splits:
        try:
            model = parse(split)
        except InvalidObject as error:
            mend = "Write it right; then run again."
            service = str(fields_of(split).get("service") or "").partition(".")[0]
            why = "The splits of its service are left."
            unread[split["metadata"].get("namespace") or "", service] = Finding(
                "smi-migrate-invalid", Severity.ERROR, subject_of(split), str(error), why, mend
            )
            continue
        if isinstance(model, TrafficSplit):
            roots[model.namespace, model.root].append(split)
    return dict(roots), unread


_CONTROLLERS = ("flagger", "rollouts-controller")


def _controller_of(split: Object) -> str:
    """Who would write the split again: Flagger or Argo Rollouts; empty when nobody is known to.

    Both make themselves its controller (Flagger pkg/router/smi.go and its siblings, Argo Rollouts
    rollout/trafficrouting/smi/smi.go), and neither names a field manager: then it is that of their program.
    """
    metadata = split["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("kind") in ("Canary", "Rollout"):
            return f"{owner['kind']} {owner['name']}"
    managers = {str(each.get("manager")) for each in metadata.get("managedFields") or ()}
    for manager in sorted(managers):
        if manager in _CONTROLLERS:
            return manager
    return ""


def _controlled(splits: Sequence[Object]) -> List[Finding]:
    return [
        Finding(
            "smi-migrate-controlled",
            Severity.ERROR,
            subject_of(split),
            f"it is written by {_controller_of(split)}",
            "Its controller would write it again, and would not know of the HTTPRoute.",
            "Change the controller's provider to the Gateway API (Flagger: spec.provider: gatewayapi:v1); it then "
            "makes the HTTPRoute itself and the split can go.",
        )
        for split in splits
        if _controller_of(split)
    ]


def _foreign(root: Root, routes: Sequence[Object], existing: Sequence[Object]) -> List[Finding]:
    """The routes of others that have the name of one of ours, or are attached to the same service."""
    names = {(each["kind"], each["metadata"]["name"]) for each in routes}
    return [
        Finding(
            "smi-migrate-foreign-route",
            Severity.ERROR,
            subject_of(each),
            f"it is not of the migration, and has the name of its route or is attached to Service {'/'.join(root)}",
            "Two routes of one service are merged by rules that nobody has in mind.",
            "Remove it, or remove the TrafficSplit by hand when the route says the same.",
        )
        for each in existing
        if not is_ours(each, root)
        and (
            (each["metadata"].get("namespace") == root[0] and (each["kind"], each["metadata"]["name"]) in names)
            or _is_attached(each, root)
        )
    ]


def _is_attached(route: Object, root: Root) -> bool:
    namespace = route["metadata"].get("namespace")
    return any(
        each.get("kind") == "Service" and (each.get("namespace") or namespace, each.get("name")) == root
        for each in (route.get("spec") or {}).get("parentRefs") or ()
    )


def _is_skipped(obj: Object) -> bool:
    return SKIP_ANNOTATION in (obj["metadata"].get("annotations") or {})


def _users(profile: Object) -> bool:
    """Whether a ServiceProfile is somebody else's: linkerd-smi writes only ``dstOverrides``, and as the one manager."""
    spec = profile.get("spec") or {}
    if any(spec.get(field) for field in spec if field != "dstOverrides"):
        return True
    metadata = profile["metadata"]
    if metadata.get("ownerReferences") or "kubectl.kubernetes.io/last-applied-configuration" in (
        metadata.get("annotations") or {}
    ):
        return True
    entries = [each for each in metadata.get("managedFields") or () if not each.get("subresource")]
    # linkerd-smi creates and updates; who applies is somebody else, and so is who writes beside it.
    return len({each.get("manager") for each in entries}) > 1 or any(
        each.get("operation") == "Apply" or str(each.get("manager")).startswith("kubectl") for each in entries
    )


def _profile_kept(profile: Object) -> Finding:
    return Finding(
        "smi-migrate-profile-kept",
        Severity.WARNING,
        subject_of(profile),
        "it is not (only) linkerd-smi's and stays",
        "In Linkerd a ServiceProfile beats an HTTPRoute of the same service: the route has no effect.",
        "Move its routes, retries and timeouts to the HTTPRoute, then delete it.",
    )


def _without_equivalent(obj: Object) -> Finding:
    return Finding(
        "smi-migrate-no-equivalent",
        Severity.WARNING,
        subject_of(obj),
        "the Gateway API has no equivalent; it stays",
        "The Gateway API says where traffic goes, not who may send it.",
        "Translate it for your mesh (Istio: AuthorizationPolicy; Linkerd: Server and AuthorizationPolicy).",
    )


def _untranslated(root: Root) -> Finding:
    return Finding(
        "smi-migrate-nothing-made",
        Severity.ERROR,
        f"Service {'/'.join(root)}",
        "the translation of its TrafficSplits made no route",
        "Without a route the splits must stay.",
        "Look at the other findings of the splits.",
    )


def _interrupted(found: Found, roots: Mapping[Root, Sequence[Object]]) -> Tuple[List[Work], List[Finding]]:
    """What a run that was cut off after it deleted the splits left to do: the ServiceProfiles."""
    works: List[Work] = []
    findings: List[Finding] = []
    there = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in found.routes}
    for each in found.originals:
        root: Root = (each["root"][0], each["root"][1])
        made = {(route["kind"], root[0], route["metadata"]["name"]) for route in each["routes"]}
        if root in roots or not made <= there:
            continue
        profiles, kept = leftovers(root, each["splits"], found.profiles)
        findings += kept
        if profiles:
            works.append(Work(root, profiles=tuple(profiles)))
    return works, findings
