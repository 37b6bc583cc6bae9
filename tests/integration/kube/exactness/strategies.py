# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated definitions, and edits of them by others.

The values are few on purpose: two draws shall meet often. Names and the namespace come later.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.servicemesh.platform.plugins.module_utils.kube.objects import PART_OF
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness import edits
from ansible_collections.servicemesh.platform.tests.integration.kube.exactness.server import Body
from hypothesis import strategies as st

ABSENT = "<absent>"
"""Stands for a field that is left out."""

OUR_MANAGER = "exactness"

Values = st.SearchStrategy[Any]


@dataclass(frozen=True)
class Case:
    """What happens to one object: ``first`` is applied, others edit (``between``), ``second`` is applied, others edit
    (``later``), and it is applied again."""

    first: Body
    between: tuple[edits.Edit, ...]
    second: Body
    later: tuple[edits.Edit, ...]


def choice(*values: Any) -> Values:
    return st.sampled_from(values)


def fields(**of: Any) -> Values:
    """A mapping; a field is left out where its strategy says ABSENT. What is no strategy is a constant."""
    strategies = {name: each if isinstance(each, st.SearchStrategy) else st.just(each) for name, each in of.items()}
    return st.fixed_dictionaries(strategies).map(_present)


def maybe(values: Values) -> Values:
    return st.just(ABSENT) | values


def items(values: Values, key: Any, most: int = 3) -> Values:
    """A list whose items differ in their key."""
    return st.lists(values, max_size=most, unique_by=key)


def _present(mapping: Body) -> Body:
    return {name: value for name, value in mapping.items() if value is not ABSENT}


# --- values that servers write otherwise than they were sent ------------------------------------------------------

SYNONYMS = (
    ("1000m", "1", 1, "1e0"),
    ("500m", "0.5", 0.5),
    ("1024Mi", "1Gi", "1073741824"),
    ("2k", "2000", "2e3"),
    ("100m", "0.1"),
    ("0", 0, "0m"),
)
QUANTITIES = {"cpu", "memory", "storage", "sizeLimit", "averageValue", "requests.cpu", "requests.memory"}
_SPELLINGS = {(type(one), one): group for group in SYNONYMS for one in group}

cpus = choice("1000m", "1", "0.5", "500m", 1, "100m", "2")
memories = choice("1024Mi", "1Gi", "1073741824", "512Mi", "2k", "2000")
int_or_string = choice(1, 2, "25%", "50%", "1")
texts = choice("", "1", "2", "true", "null", "é", "a b", "x: y\n")
label_maps = st.dictionaries(choice("a", "b", "example.com/c"), choice("x", "y", ""), max_size=3)
selectors = fields(matchLabels=maybe(st.dictionaries(choice("a", "b"), choice("x", "y"), max_size=2)))

metadata = fields(
    labels=maybe(label_maps | st.none()),
    annotations=maybe(st.dictionaries(choice("a", "b", "example.com/d"), texts, max_size=2) | st.none()),
    finalizers=choice(ABSENT, ABSENT, ABSENT, ABSENT, ["example.com/f"], ["example.com/g", "example.com/f"], []),
    creationTimestamp=choice(ABSENT, ABSENT, ABSENT, ABSENT, None),
)


def kind(api_version: str, name: str, **rest: Any) -> Values:
    return fields(apiVersion=api_version, kind=name, metadata=metadata, **rest)


config_maps = kind(
    "v1",
    "ConfigMap",
    data=maybe(st.dictionaries(choice("a", "b", "c"), texts, max_size=3) | st.none()),
    binaryData=maybe(st.dictionaries(choice("x", "y"), choice("YQ==", "YR==", "YWI=", ""), max_size=2)),
)
secrets = kind(
    "v1",
    "Secret",
    type=choice(ABSENT, "Opaque"),
    data=maybe(st.dictionaries(choice("a", "b"), choice("YQ==", "YR==", "YWI=", "MQ==", ""), max_size=2)),
    stringData=maybe(st.dictionaries(choice("a", "c"), choice("a", "ab", "1", ""), max_size=2)),
)
service_accounts = kind(
    "v1",
    "ServiceAccount",
    automountServiceAccountToken=choice(ABSENT, True, False, None),
    imagePullSecrets=maybe(items(fields(name=choice("a", "b")), key=lambda item: item["name"])),
)

# --- pods ---------------------------------------------------------------------------------------------------------

environment_variables = fields(
    name=choice("A", "B", "C"),
    value=choice(ABSENT, "", "1", "x"),
) | fields(
    name=choice("A", "D"),
    valueFrom=fields(fieldRef=fields(apiVersion=choice(ABSENT, "v1"), fieldPath=choice("metadata.name"))),
)
container_ports = fields(
    containerPort=choice(80, 81),
    protocol=choice(ABSENT, ABSENT, "TCP", "UDP"),
    name=choice(ABSENT, ABSENT, "http"),
    hostPort=choice(ABSENT, ABSENT, 0),
)
resources = fields(
    requests=maybe(fields(cpu=maybe(cpus), memory=maybe(memories)) | st.none()),
    limits=maybe(fields(memory=maybe(memories))),
)


def _port_key(port: Body) -> tuple[Any, ...]:
    return port.get("containerPort", port.get("port")), port.get("protocol") or "TCP"


def _port_name(port: Body) -> Any:
    return port.get("name") or id(port)


def containers(name: str) -> Values:
    return fields(
        name=name,
        image=choice("i:1", "i:latest", "i"),
        imagePullPolicy=choice(ABSENT, ABSENT, "Always", "IfNotPresent", None, ""),
        args=maybe(st.lists(choice("-a", "-b"), max_size=2)),
        ports=maybe(st.lists(container_ports, max_size=2, unique_by=(_port_key, _port_name))),
        env=maybe(items(environment_variables, key=lambda item: item["name"])),
        resources=maybe(resources),
        readinessProbe=maybe(
            fields(
                httpGet=fields(port=choice(80, "http"), path=choice(ABSENT, "/", "/ready")),
                periodSeconds=choice(ABSENT, 10, 5),
            )
        ),
        securityContext=choice(ABSENT, ABSENT, {}, None),
    )


pods = fields(
    containers=st.tuples(containers("c"), containers("d")).flatmap(
        lambda pair: choice([pair[0]], [pair[0]], [pair[0], pair[1]], [pair[1], pair[0]])
    ),
    terminationGracePeriodSeconds=choice(ABSENT, ABSENT, 30, 10, None),
    nodeSelector=choice(ABSENT, ABSENT, {}, {"a": "x"}, {"a": "x", "b": "y"}),
    tolerations=choice(ABSENT, ABSENT, [], [{"key": "a", "operator": "Exists"}], [{"key": "a", "value": "x"}]),
    volumes=choice(
        ABSENT,
        ABSENT,
        [],
        [{"name": "v", "emptyDir": {}}],
        [{"name": "v"}],
        [{"name": "w", "configMap": {"name": "a"}}, {"name": "v", "emptyDir": {"sizeLimit": "1024Mi"}}],
        [{"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}],
    ),
    securityContext=choice(ABSENT, ABSENT, {}, {"runAsNonRoot": True}),
    dnsPolicy=choice(ABSENT, ABSENT, "", "ClusterFirst", "Default"),
)
templates = fields(metadata=fields(labels=choice({"app": "x"}, {"app": "x", "b": "y"})), spec=pods)
app_selector = {"matchLabels": {"app": "x"}}

deployments = kind(
    "apps/v1",
    "Deployment",
    # Paused or without replicas: no pods, so that the machine is free for the work.
    spec=fields(
        paused=True,
        replicas=choice(ABSENT, 0, 1, 3, None),
        selector=app_selector,
        strategy=choice(
            ABSENT,
            ABSENT,
            {},
            None,
            {"type": "Recreate"},
            {"type": "RollingUpdate"},
            {"rollingUpdate": {"maxSurge": 1}},
            {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            {"type": "RollingUpdate", "rollingUpdate": None},
        ),
        minReadySeconds=choice(ABSENT, ABSENT, 0, 5),
        template=templates,
    ),
    status=choice(ABSENT, ABSENT, ABSENT, ABSENT, {}),
)
volume_claims = fields(
    metadata={"name": "data"},
    spec=fields(
        accessModes=["ReadWriteOnce"],
        resources=fields(requests=fields(storage=memories)),
        volumeMode=choice(ABSENT, "Filesystem"),
    ),
)
stateful_sets = kind(
    "apps/v1",
    "StatefulSet",
    spec=fields(
        replicas=0,
        serviceName="x",
        selector=app_selector,
        template=templates,
        volumeClaimTemplates=maybe(volume_claims.map(lambda claim: [claim])),
        updateStrategy=choice(ABSENT, ABSENT, {}, {"type": "OnDelete"}, {"rollingUpdate": {"partition": 0}}),
        podManagementPolicy=choice(ABSENT, ABSENT, "OrderedReady"),
    ),
)
cron_jobs = kind(
    "batch/v1",
    "CronJob",
    spec=fields(
        schedule=choice("0 0 1 1 *", "0 0 2 1 *"),
        suspend=True,
        concurrencyPolicy=choice(ABSENT, "Allow", "Forbid", ""),
        successfulJobsHistoryLimit=choice(ABSENT, 3, 1, None),
        jobTemplate=fields(spec=fields(template=fields(spec=pods.map(lambda pod: {**pod, "restartPolicy": "Never"})))),
    ),
)

# --- network ------------------------------------------------------------------------------------------------------

service_ports = fields(
    port=choice(80, 81),
    protocol=choice(ABSENT, ABSENT, "TCP", "UDP"),
    targetPort=choice(ABSENT, ABSENT, 80, 8080, "http", 0, None),
    appProtocol=choice(ABSENT, "http"),
)


def _named_ports(ports: list[Body]) -> list[Body]:
    return [{**port, "name": f"p{number}"} for number, port in enumerate(ports)] if len(ports) > 1 else ports


services = kind(
    "v1",
    "Service",
    spec=fields(
        type=choice(ABSENT, ABSENT, "ClusterIP", "NodePort"),
        clusterIP=choice(ABSENT, ABSENT, ABSENT, "", None),
        selector=choice(ABSENT, {"app": "x"}, {"app": "x", "b": "y"}, {}),
        sessionAffinity=choice(ABSENT, ABSENT, "None", "ClientIP"),
        publishNotReadyAddresses=choice(ABSENT, False, True),
        ports=st.lists(service_ports, min_size=1, max_size=2, unique_by=_port_key).map(_named_ports),
    ),
)
policy_ports = fields(port=choice(ABSENT, 80, 81, "http"), protocol=choice(ABSENT, ABSENT, "TCP", "UDP", ""))
policy_rules = fields(ports=maybe(st.lists(policy_ports, max_size=2)))
network_policies = kind(
    "networking.k8s.io/v1",
    "NetworkPolicy",
    spec=fields(
        podSelector=selectors,
        ingress=maybe(st.lists(policy_rules, max_size=2)),
        egress=choice(ABSENT, ABSENT, ABSENT, [], [{}], [{"ports": [{"port": 53}]}]),
        policyTypes=choice(ABSENT, ABSENT, [], None, ["Ingress"], ["Egress", "Ingress"]),
    ),
)
ingress_backends = fields(service=fields(name=choice("a", "b"), port=choice({"number": 80}, {"name": "http"})))
ingresses = kind(
    "networking.k8s.io/v1",
    "Ingress",
    spec=fields(
        ingressClassName=choice(ABSENT, "none"),
        defaultBackend=ingress_backends,
        rules=choice(
            ABSENT,
            [],
            [{"host": "a.example.com"}],
            [{"host": "a.example.com"}, {"host": "b.example.com"}],
        ),
        tls=choice(ABSENT, ABSENT, [{}], [{"hosts": ["a.example.com"]}]),
    ),
)

# --- policies -----------------------------------------------------------------------------------------------------

disruption_budgets = kind(
    "policy/v1",
    "PodDisruptionBudget",
    spec=st.one_of(
        fields(minAvailable=int_or_string, selector=selectors),
        fields(maxUnavailable=int_or_string, selector=selectors),
        fields(maxUnavailable=choice(1, "1%"), unhealthyPodEvictionPolicy="AlwaysAllow"),
    ),
)
quotas = kind(
    "v1",
    "ResourceQuota",
    spec=fields(
        hard=st.fixed_dictionaries(
            {},
            optional={
                "requests.cpu": cpus,
                "requests.memory": memories,
                "count/exacts.exactness.example.com": choice("2k", "2000"),
            },
        ),
        scopes=choice(ABSENT, ABSENT, ["NotTerminating"]),
    ),
)
limit_ranges = kind(
    "v1",
    "LimitRange",
    spec=fields(
        limits=st.lists(
            fields(type="Container", max=maybe(fields(cpu=choice("2", "2000m"))), default=maybe(fields(cpu=cpus))),
            max_size=2,
        )
    ),
)
rules = fields(
    apiGroups=choice([""], ["apps", ""], ["", "apps"]),
    resources=choice(["pods"], ["pods", "pods/log"]),
    verbs=choice(["get"], ["get", "list"], ["list", "get"]),
)
subjects = fields(
    kind=choice("User", "Group"), name=choice("a", "b"), apiGroup=choice(ABSENT, "rbac.authorization.k8s.io")
) | fields(kind="ServiceAccount", name=choice("a", "b"), namespace="default", apiGroup=choice(ABSENT, ""))
roles = kind("rbac.authorization.k8s.io/v1", "Role", rules=choice(None, []) | st.lists(rules, max_size=2))
cluster_roles = kind("rbac.authorization.k8s.io/v1", "ClusterRole", rules=st.lists(rules, max_size=2))
role_bindings = kind(
    "rbac.authorization.k8s.io/v1",
    "RoleBinding",
    roleRef=fields(kind="Role", name="x", apiGroup=choice(ABSENT, "rbac.authorization.k8s.io")),
    subjects=maybe(st.lists(subjects, max_size=2)),
)
scale_target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}
autoscalers_v1 = kind(
    "autoscaling/v1",
    "HorizontalPodAutoscaler",
    spec=fields(
        scaleTargetRef=scale_target,
        minReplicas=choice(ABSENT, 1, 2, None),
        maxReplicas=choice(3, 4),
        targetCPUUtilizationPercentage=choice(ABSENT, 50, 80),
    ),
)
cpu_metrics = fields(
    type="Resource",
    resource=fields(
        name="cpu",
        target=choice(
            {"type": "Utilization", "averageUtilization": 50},
            {"type": "AverageValue", "averageValue": "1000m"},
            {"type": "AverageValue", "averageValue": "1"},
        ),
    ),
)
scaling_rules = fields(
    stabilizationWindowSeconds=choice(ABSENT, 0, 60),
    policies=choice(ABSENT, [{"type": "Pods", "value": 4, "periodSeconds": 15}]),
)
autoscalers_v2 = kind(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    spec=fields(
        scaleTargetRef=scale_target,
        minReplicas=choice(ABSENT, 1, 2, None),
        maxReplicas=choice(3, 4),
        metrics=maybe(st.lists(cpu_metrics, max_size=1)),
        behavior=maybe(fields(scaleDown=maybe(scaling_rules), scaleUp=maybe(scaling_rules))),
    ),
)

# --- custom resources ---------------------------------------------------------------------------------------------

numbers = choice(0, 1, -1, 2**53 + 1, 0.5, 1.0, -0.0, 1e3, 1e21, 0.1, 100)
scalars = st.none() | st.booleans() | numbers | choice("", "1", "true", "é", "0.5")
free = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(choice("a", "b", "kind"), inner, max_size=2),
    max_leaves=4,
)
free_maps = st.dictionaries(choice("a", "b", "c.d/e"), free, max_size=3)
keyed_items = fields(
    name=choice("a", "b", "c"),
    protocol=choice(ABSENT, ABSENT, "TCP", "UDP"),
    port=choice(ABSENT, 1, 2),
    weight=choice(ABSENT, 1, 5, None),
)
embedded = fields(
    apiVersion="v1",
    kind="ConfigMap",
    metadata=choice(ABSENT, {}, {"name": "x"}, {"name": "x", "labels": {"a": "x"}}, {"creationTimestamp": None}),
    data=maybe(free_maps),
)
exacts = kind(
    "exactness.example.com/v1",
    "Exact",
    spec=fields(
        replicas=choice(ABSENT, ABSENT, 0, 1, 2, None),
        size=choice(ABSENT, 1, "1", "25%"),
        number=maybe(choice(0, 1, 0.5, -0.0, 1e3)),
        text=choice(ABSENT, "", "x", None),
        atomicItems=maybe(st.lists(fields(name=choice("a", "b"), protocol=choice(ABSENT, "TCP", "UDP")), max_size=2)),
        set=maybe(st.lists(choice("a", "b", "c"), unique=True, max_size=3)),
        numbers=maybe(st.lists(choice(1, 2, 3), unique=True, max_size=3)),
        items=maybe(items(keyed_items, key=lambda item: (item["name"], item.get("protocol", "TCP")))),
        map=maybe(st.dictionaries(choice("a", "b", "c.d/e"), choice("x", "y", ""), max_size=2)),
        atomicMap=maybe(st.dictionaries(choice("a", "b"), choice("x", "y"), max_size=2)),
        nested=choice(ABSENT, ABSENT, {}, {"level": 5}, {"level": 7}, {"mode": "slow"}, {"level": None}),
        free=maybe(free_maps),
        template=maybe(embedded),
    ),
)
loosies = kind(
    "exactness.example.com/v1",
    "Loose",
    spec=maybe(free_maps),
    extra=maybe(free),
    status=choice(ABSENT, ABSENT, {}, {"a": 1}, {"a": None}),
)

FAMILIES: tuple[Values, ...] = (
    config_maps,
    secrets,
    service_accounts,
    deployments,
    deployments,
    deployments,
    stateful_sets,
    cron_jobs,
    services,
    services,
    network_policies,
    network_policies,
    ingresses,
    disruption_budgets,
    quotas,
    limit_ranges,
    roles,
    cluster_roles,
    role_bindings,
    autoscalers_v1 | autoscalers_v2,
    exacts,
    exacts,
    exacts,
    loosies,
)

# --- what happens to an object ------------------------------------------------------------------------------------

managers = choice(edits.OUTSIDER, edits.OUTSIDER, "kubectl", OUR_MANAGER)
numbers_of_parts = st.integers(0, 30)


def parts(body: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all values in mappings, but of what identifies the object."""
    for name, value in body.items():
        inner = (*path, name)
        if inner in {("apiVersion",), ("kind",)}:
            continue
        if inner != ("metadata",):
            yield inner
        if isinstance(value, dict):
            yield from parts(value, inner)


def only(path: tuple[str, ...], value: Any) -> Body:
    """A mapping that holds nothing but a value at a path."""
    for name in reversed(path):
        value = {name: value}
    return dict(value)


def at(body: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        body = body[name]
    return body


@st.composite
def pieces(draw: st.DrawFn, first: Body, family: Values) -> Body:
    """A bit of another object of this family, or the removal of a bit of this one."""
    if draw(st.integers(0, 3)) == 0:
        paths = list(parts(first))
        return only(paths[draw(numbers_of_parts) % len(paths)], None) if paths else {}
    other = draw(family)
    paths = list(parts(other))
    if not paths:
        return {}
    path = paths[draw(numbers_of_parts) % len(paths)]
    return only(path, at(other, path))


metadata_edits = choice(
    {"metadata": {"labels": {PART_OF: None}}},
    {"metadata": {"labels": {"a": None}}},
    {"metadata": {"labels": {"other": "x"}}},
    {"metadata": {"labels": None}},
    {"metadata": {"annotations": {"a": None}}},
    {"metadata": {"annotations": {"other": "x"}}},
    {"metadata": {"annotations": None}},
    {"metadata": {"finalizers": ["example.com/h"]}},
)


@st.composite
def edits_of(draw: st.DrawFn, first: Body, family: Values) -> edits.Edit:
    """One edit by somebody else."""
    manager = draw(managers)
    which = draw(st.integers(0, 13))
    if which <= 2:
        return edits.Patched(manager, draw(pieces(first, family)))
    if which <= 4:
        return edits.Replaced(manager, draw(pieces(first, family)))
    if which <= 6:
        # Never as our own manager: that would be another run of ours, and takes away what it does not name.
        return edits.Applied(draw(choice(edits.OUTSIDER, "kubectl")), draw(pieces(first, family)), draw(st.booleans()))
    if which == 7:
        return edits.Restored(manager)
    if which <= 9:
        return edits.Twisted(manager, draw(numbers_of_parts), draw(choice(*edits.Twisted.WAYS)))
    if which == 10:
        return edits.Patched(manager, draw(metadata_edits))
    if which == 11:
        replicas = draw(choice(0, 1, 2))
        return edits.Scaled(manager, replicas) if first["kind"] in ("Deployment", "Exact") else edits.Restored(manager)
    if which == 12:
        return edits.StatusWritten(manager, {"observedGeneration": draw(choice(1, 7))})
    return draw(choice(edits.Disowned(manager), edits.Deleted(manager), edits.Deleted(manager, reborn=True)))


def respelled(value: Any, turn: int, name: str = "") -> Any:
    """The same quantities written otherwise."""
    if isinstance(value, dict):
        return {inner: respelled(part, turn, inner) for inner, part in value.items()}
    if isinstance(value, list):
        return [respelled(part, turn, name) for part in value]
    group = _SPELLINGS.get((type(value), value)) if name in QUANTITIES else None
    return group[(group.index(value) + turn) % len(group)] if group else value


@st.composite
def seconds(draw: st.DrawFn, first: Body, family: Values) -> Body:
    """What we define afterwards: mostly the same, or nearly."""
    which = draw(choice("same", "same", "same", "other", "respelled", "reversed", "part", "part", "part"))
    if which == "same":
        return first
    if which == "other":
        return dict(draw(family))
    if which == "respelled":
        return dict(respelled(first, draw(st.integers(1, 3))))
    if which == "reversed":
        changed = copy.deepcopy(first)
        for found in _reversible(changed):
            found.reverse()
        return changed
    return dict(edits.merged(first, draw(pieces(first, family))))


def _reversible(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _reversible(part)
    elif isinstance(value, list):
        for part in value:
            yield from _reversible(part)
        yield value


@st.composite
def cases(draw: st.DrawFn, families: tuple[Values, ...] = FAMILIES) -> Case:
    family = families[draw(st.integers(0, len(families) - 1))]
    first = draw(family)
    several = [draw(edits_of(first, family)) for _number in range(draw(choice(0, 1, 1, 2, 2, 3)))]
    second = draw(seconds(first, family))
    later = [draw(edits_of(second, family)) for _number in range(draw(choice(0, 0, 1)))]
    return Case(first, tuple(several), second, tuple(later))
