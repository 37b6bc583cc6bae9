# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server goes by, beside the object itself, when it works out what an apply changes.

These are its own version, and the schema and defaults of the kind: the CustomResourceDefinition, or what the server
publishes a hash of (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3; of custom resources that
hash is a second late). What mutating admission does cannot be told from its configuration: a webhook may have been
down, a policy may look at the user or at the labels of the namespace. So nothing is known of a kind whose updates pass
through any.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Tuple
from urllib.parse import parse_qs, urlsplit

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery, Resource
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApiError
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import group_of
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.parallel import map_parallel
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.proof import circumstance
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import Session

_ADMISSION = "admissionregistration.k8s.io"
_DEFINITIONS = Resource(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
ONE_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""Accept header of a request for the metadata of one object."""
_UNREADABLE = (403, 404)

Published = Mapping[str, Mapping[str, str]]
Rule = Mapping[str, List[str]]


def read(session: Session, discovery: Discovery, resources: Iterable[Resource]) -> Dict[str, str]:
    """A digest of the circumstances of each kind; a kind of which nothing can be known is left out.

    Who may not list the mutating admission knows nothing of any kind.
    """
    try:
        rules = list(_rules_of_mutation(session, discovery))
        published = session.get_json("/openapi/v3").get("paths") or {}
        version = session.get_json("/version")["gitVersion"]
    except ApiError as error:
        if error.status in _UNREADABLE:
            return {}
        raise
    unmutated = [resource for resource in resources if not any(_matches(rule, resource) for rule in rules)]
    schemas = map_parallel(lambda each: _schema(session, published, each), unmutated, session.concurrency)
    return {
        circumstance(resource.api_version, resource.kind): _digest([version, schema])
        for resource, schema in zip(unmutated, schemas)
        if schema
    }


def _schema(session: Session, published: Published, resource: Resource) -> List[str]:
    """What identifies the schema of a kind; nothing where that is not known."""
    if "." not in resource.group:
        return _hash(published, resource.api_version)
    try:
        path = _DEFINITIONS.path(name=f"{resource.plural}.{resource.group}")
        metadata = session.request("GET", path, accept=ONE_METADATA_ONLY)["metadata"]
    except ApiError as error:
        # Only custom resources have a definition; who may not see whether they have one knows nothing.
        return _hash(published, resource.api_version) if error.status == 404 else []
    return [metadata["uid"], str(metadata["generation"])]


def _rules_of_mutation(session: Session, discovery: Discovery) -> Iterator[Rule]:
    """The rules of all mutating webhooks and policies."""
    for path, rules_in in _kinds_of_mutation(discovery):
        for item in session.list_objects(path):
            yield from rules_in(item)


def _kinds_of_mutation(discovery: Discovery) -> Iterator[Tuple[str, Any]]:
    served = {each.kind: each.path() for each in discovery.all_preferred() if each.group == _ADMISSION}
    for kind, rules_in in (
        ("MutatingWebhookConfiguration", _rules_of_webhooks),
        ("MutatingAdmissionPolicy", _rules_of_policy),
    ):
        if kind in served:
            yield served[kind], rules_in


def _rules_of_webhooks(configuration: Mapping[str, Any]) -> Iterator[Rule]:
    for webhook in configuration.get("webhooks") or ():
        yield from webhook.get("rules") or ()


def _rules_of_policy(policy: Mapping[str, Any]) -> Iterator[Rule]:
    constraints = (policy.get("spec") or {}).get("matchConstraints") or {}
    yield from constraints.get("resourceRules") or ()


def _matches(rule: Rule, resource: Resource) -> bool:
    """Whether a rule concerns updates of a kind; its versions do not count, for equivalent ones match too."""
    concerns_updates = {"*", "UPDATE"} & set(rule.get("operations") or ())
    concerns_group = {"*", resource.group} & set(rule.get("apiGroups") or ())
    names = (name.partition("/") for name in rule.get("resources") or ())
    concerns_kind = any(plural in ("*", resource.plural) and below in ("", "*") for plural, _slash, below in names)
    return bool(concerns_updates and concerns_group and concerns_kind)


def _hash(published: Published, api_version: str) -> List[str]:
    path = f"apis/{api_version}" if group_of(api_version) else f"api/{api_version}"
    address = (published.get(path) or {}).get("serverRelativeURL", "")
    return parse_qs(urlsplit(address).query).get("hash", [])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
