# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The components of the control plane and their command lines, as data (pure)."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import host, network, pki
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.fabric import Site
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.health import Probe
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.ports import LOOPBACK
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.registry import Registry
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.settings import Settings

ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
KWOK = "kwok"
REGISTRY = "registry"
PROXY = "haproxy"

# What every zone of a highly available control plane has: `etcd-ZONE` and so on.
IN_ZONES = (ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER)
START_ORDER = (ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER, KWOK, REGISTRY)
# In groups that are stopped together. The API server goes before etcd: without etcd its shutdown hangs for minutes.
STOP_ORDER: Tuple[Tuple[str, ...], ...] = (
    (SCHEDULER, CONTROLLER_MANAGER, KWOK, REGISTRY),
    (API_SERVER,),
    (ETCD,),
)
# With the proxy, too, which goes when nobody talks through it any more.
STOP_GROUPS: Tuple[Tuple[str, ...], ...] = (STOP_ORDER[0], (PROXY,), *STOP_ORDER[1:])
REQUIRES: Mapping[str, Tuple[str, ...]] = {
    ETCD: (),
    API_SERVER: (ETCD,),
    CONTROLLER_MANAGER: (API_SERVER,),
    SCHEDULER: (API_SERVER,),
    KWOK: (API_SERVER,),
    REGISTRY: (),
}

ETCD_PEER_PORT = "etcd-peer"
# Which component listens on the port of a purpose.
PORT_OWNERS: Mapping[str, str] = {
    ETCD: ETCD,
    ETCD_PEER_PORT: ETCD,
    API_SERVER: API_SERVER,
    CONTROLLER_MANAGER: CONTROLLER_MANAGER,
    SCHEDULER: SCHEDULER,
    KWOK: KWOK,
    REGISTRY: REGISTRY,
}

SERVICE_ACCOUNT_ISSUER = "https://kubernetes.default.svc.cluster.local"
MANAGED_NODES = "kwok.x-k8s.io/node=fake"

# A kwok that is started anew takes a node over only when the lease of its predecessor has run out (kwok's
# pkg/kwok/controllers/node_lease_controller.go, tryAcquireOrRenew), so this is how long pods stay Pending then.
NODE_LEASE_SECONDS = 10
# Twice the lease, so that a slow moment does not make nodes NotReady.
NODE_MONITOR_GRACE = "20s"

# Half a minute until somebody else schedules would be long for a drill; a loaded machine must not lose its lead either.
ELECTION: Dict[str, Union[str, int, bool, Path]] = {
    "leader-elect": True,
    "leader-elect-lease-duration": "10s",
    "leader-elect-renew-deadline": "7s",
    "leader-elect-retry-period": "1s",
}

Value = Union[str, int, bool, Path]
Flags = Dict[str, Value]


@dataclass(frozen=True)
class Component:
    """One process: how it is called, where it tells its health, and which files it reads at its start.

    program: the command before the arguments; empty for a part of the multi-call binary. namespace: of the network that
    it runs in; empty for that of the router, or of this machine.
    """

    name: str
    arguments: Tuple[str, ...]
    probe: Probe
    inputs: Tuple[Path, ...]
    program: Tuple[str, ...] = ()
    namespace: str = ""

    def command(self, binary: Optional[Path]) -> Tuple[str, ...]:
        """The whole command. binary: the multi-call binary."""
        return (*(self.program or (str(binary), kind_of(self.name))), *self.arguments)


def control_plane(settings: Settings, sets: Sequence[str] = ()) -> Tuple[str, ...]:
    """The components in the order of their start: kwok plays nodes, or real nodes have a registry.

    sets: the zones that have a control plane of their own.
    """
    absent = KWOK if settings.nodes else REGISTRY
    return tuple(name for name in start_order(sets) if name != absent)


def start_order(sets: Sequence[str]) -> Tuple[str, ...]:
    """All components that there can be, in the order of their start."""
    if not sets:
        return START_ORDER
    names = []
    for kind in (ETCD, API_SERVER, PROXY, CONTROLLER_MANAGER, SCHEDULER, REGISTRY):
        names += [member(kind, zone) for zone in sets] if kind in IN_ZONES else [kind]
    return tuple(names)


def member(kind: str, zone: str) -> str:
    """What the component of a zone is called."""
    return f"{kind}-{zone}"


def kind_of(name: str) -> str:
    """What a component is, in whichever zone; a name that is none of ours is its own kind."""
    return next((kind for kind in IN_ZONES if name.startswith(f"{kind}-")), name)


def gateway(sets: Sequence[str]) -> str:
    """The component that clients of the API server talk to."""
    return PROXY if sets else API_SERVER


def requires(name: str, sets: Sequence[str]) -> Tuple[str, ...]:
    """What must be well for `name` to be well. Members of etcd need each other: two of three."""
    if not sets:
        return REQUIRES[name]
    kind = kind_of(name)
    if kind == ETCD:
        return tuple(other for other in (member(ETCD, zone) for zone in sets) if other != name)
    if kind == API_SERVER:
        return (ETCD + name[len(API_SERVER) :],)
    if kind == PROXY:
        return tuple(member(API_SERVER, zone) for zone in sets)
    return () if kind == REGISTRY else (PROXY,)


def port_purposes(settings: Settings) -> List[str]:
    """What needs a port."""
    return [purpose for purpose, owner in PORT_OWNERS.items() if owner in control_plane(settings)]


def registry_of(layout: Layout, port: int, address: str) -> Registry:
    """The registry at this port and address."""
    authority = layout.certificate(pki.CLUSTER_AUTHORITY)
    return Registry(layout.registry, address, port, authority, layout.certificate(REGISTRY), layout.key(REGISTRY))


def components(
    settings: Settings, layout: Layout, ports: Mapping[str, int], address: str = LOOPBACK, sites: Sequence[Site] = ()
) -> List[Component]:
    """All components in the order of their start. ports: by purpose. address: where they listen, or the proxy does.

    sites: where the control planes behind the proxy are.
    """
    if sites:
        found = [part for site in sites for part in _set(settings, layout, ports, address, site, sites)]
        found += [_proxy(layout, ports, address), _registry_component(settings, layout, ports, address)]
        order = control_plane(settings, [site.zone for site in sites])
        return sorted(found, key=lambda component: order.index(component.name))
    common = _common(settings, layout, ports, address)
    last = _registry_component if settings.nodes else _kwok_component
    return [*common, last(settings, layout, ports, address)]


def _common(settings: Settings, layout: Layout, ports: Mapping[str, int], address: str) -> List[Component]:
    cluster_ca = layout.certificate(pki.CLUSTER_AUTHORITY)
    return [
        _component(
            layout,
            ETCD,
            _etcd(settings, layout, ports, address),
            _probe(
                layout, address, ports[ETCD], "/readyz", layout.certificate(pki.ETCD_AUTHORITY), "apiserver-etcd-client"
            ),
        ),
        _component(
            layout,
            API_SERVER,
            _api_server(settings, layout, ports, address),
            _probe(layout, address, ports[API_SERVER], "/readyz", cluster_ca, "health"),
        ),
        _component(
            layout,
            CONTROLLER_MANAGER,
            _controller_manager(settings, layout, ports, address),
            _probe(layout, address, ports[CONTROLLER_MANAGER], "/healthz", cluster_ca, "health"),
        ),
        _component(
            layout,
            SCHEDULER,
            _scheduler(layout, ports, address),
            _probe(layout, address, ports[SCHEDULER], "/readyz", cluster_ca, "health"),
        ),
    ]


def _set(
    settings: Settings, layout: Layout, ports: Mapping[str, int], proxy: str, site: Site, sites: Sequence[Site]
) -> List[Component]:
    """The control plane of a zone: that of a single one, made to know the others."""
    here = str(site.address)
    changes: Dict[str, Flags] = {
        ETCD: {
            "name": site.zone,
            "data-dir": layout.etcd_member_data(site.zone),
            "initial-cluster": ",".join(f"{one.zone}=https://{one.address}:{ports[ETCD_PEER_PORT]}" for one in sites),
        },
        API_SERVER: {
            # The service `kubernetes` leads to the proxy too, so pods do not meet a lost zone.
            "advertise-address": proxy,
            # Only the member of its zone: with all three, writes came slowly after a zone was cut off, as the client of
            # etcd goes on sending some requests there. The proxy leaves an API server whose member is lost.
            "etcd-servers": f"https://{here}:{ports[ETCD]}",
        },
        CONTROLLER_MANAGER: ELECTION,
        SCHEDULER: ELECTION,
    }
    return [
        replace(
            component,
            name=member(component.name, site.zone),
            arguments=_changed(component.arguments, changes[component.name]),
            namespace=site.namespace,
            # This machine has no route into zones.
            probe=replace(component.probe, namespace=network.namespace_file(site.namespace)),
        )
        for component in _common(settings, layout, ports, here)
    ]


def _changed(arguments: Sequence[str], changes: Flags) -> Tuple[str, ...]:
    kept = [argument for argument in arguments if argument[2:].partition("=")[0] not in changes]
    return (*kept, *(f"--{flag}={_text(value)}" for flag, value in changes.items()))


def _proxy(layout: Layout, ports: Mapping[str, int], address: str) -> Component:
    authority = layout.certificate(pki.CLUSTER_AUTHORITY)
    return Component(
        name=PROXY,
        program=("env", f"PATH={host.PATH}", PROXY),
        # In the foreground.
        arguments=("-db", "-f", str(layout.proxy_config)),
        probe=_probe(layout, address, ports[API_SERVER], "/readyz", authority, "health"),
        inputs=(layout.proxy_config, authority, layout.certificate("health"), layout.key("health")),
    )


def proxy_configuration(layout: Layout, port: int, address: str, sites: Sequence[Site]) -> bytes:
    """What HAProxy reads. port: of the API servers, and of the proxy in front of them.

    An API server that is lost, or has lost etcd, gets no connection after at most two checks; its connections are
    closed then, so that clients come back at once and are led to another one.
    """
    authority = shlex.quote(str(layout.certificate(pki.CLUSTER_AUTHORITY)))
    certificate = shlex.quote(str(layout.certificate("health")))
    servers = "\n".join(f"  server api{number} {site.address}:{port}" for number, site in enumerate(sites, 1))
    return f"""# Written by servicemesh.platform.embedded_cluster; changes are undone.
global
  # The key of health.crt is in health.key.
  ssl-load-extra-del-ext
defaults
  mode tcp
  timeout connect 1s
  # While etcd chooses a leader, every API server is slow to answer.
  timeout check 2s
  # Watches and shells are silent for long; Kubernetes' clients look after dead connections themselves.
  timeout client 24h
  timeout server 24h
  retries 3
  option redispatch 1
frontend api
  bind {address}:{port}
  default_backend api
backend api
  balance leastconn
  option httpchk GET /readyz
  http-check expect status 200
  default-server check check-ssl verify required ca-file {authority} crt {certificate}
  default-server inter 1s fastinter 300ms fall 2 rise 2 on-marked-down shutdown-sessions
{servers}
""".encode()


def _kwok_component(settings: Settings, layout: Layout, ports: Mapping[str, int], address: str) -> Component:
    authority = layout.certificate(pki.CLUSTER_AUTHORITY)
    probe = _probe(layout, address, ports[KWOK], "/healthz", authority, "health")
    return _component(layout, KWOK, _kwok(settings, layout, ports), probe, (layout.kwok_config,))


def _registry_component(settings: Settings, layout: Layout, ports: Mapping[str, int], address: str) -> Component:
    place = registry_of(layout, ports[REGISTRY], address)
    # That it asks for the password shows that it is there, and that nobody gets in without.
    probe = replace(_probe(layout, address, place.port, "/v2/", place.authority, "health"), healthy=401)
    program = str(settings.programs.nodes / "registry") if settings.programs else REGISTRY
    return Component(
        name=REGISTRY,
        program=("env", "OTEL_TRACES_EXPORTER=none", program),
        arguments=("serve", str(place.configuration)),
        probe=probe,
        inputs=(place.configuration, place.htpasswd, place.certificate, place.key),
    )


# The endpoint reconciler refuses a loopback address, so it is off: the service `kubernetes` has no endpoint.
_WITHOUT_NODES: Flags = {"endpoint-reconciler-type": "none"}
# Pods leave a lost zone after ten seconds instead of five minutes: here one waits for it.
_WITH_NODES: Flags = {"default-not-ready-toleration-seconds": 10, "default-unreachable-toleration-seconds": 10}


def server_url(ports: Mapping[str, int], address: str = LOOPBACK) -> str:
    """Where the API server is."""
    return f"https://{address}:{ports[API_SERVER]}"


def _component(
    layout: Layout, name: str, flags: Flags, probe: Probe, further_inputs: Tuple[Path, ...] = ()
) -> Component:
    arguments = tuple(f"--{flag}={_text(value)}" for flag, value in flags.items())
    inputs = {value for value in flags.values() if isinstance(value, Path) and layout.is_input(value)}
    return Component(name, arguments, probe, tuple(sorted(inputs.union(further_inputs))))


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _probe(layout: Layout, address: str, port: int, path: str, authority: Path, client: str) -> Probe:
    return Probe(port, path, authority, layout.certificate(client), layout.key(client), address)


def _etcd(settings: Settings, layout: Layout, ports: Mapping[str, int], address: str) -> Flags:
    clients = f"https://{address}:{ports[ETCD]}"
    peers = f"https://{address}:{ports[ETCD_PEER_PORT]}"
    flags: Flags = {
        "name": "embedded",
        "data-dir": layout.etcd_data,
        "listen-client-urls": clients,
        "advertise-client-urls": clients,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"embedded={peers}",
        "client-cert-auth": True,
        "trusted-ca-file": layout.certificate(pki.ETCD_AUTHORITY),
        "cert-file": layout.certificate("etcd/server"),
        "key-file": layout.key("etcd/server"),
        "peer-client-cert-auth": True,
        "peer-trusted-ca-file": layout.certificate(pki.ETCD_AUTHORITY),
        "peer-cert-file": layout.certificate("etcd/peer"),
        "peer-key-file": layout.key("etcd/peer"),
    }
    if not settings.durable:
        flags["unsafe-no-fsync"] = True
    return flags


def _api_server(settings: Settings, layout: Layout, ports: Mapping[str, int], address: str) -> Flags:
    return {
        "bind-address": address,
        "advertise-address": address,
        **(_WITH_NODES if settings.nodes else _WITHOUT_NODES),
        "secure-port": ports[API_SERVER],
        "etcd-servers": f"https://{address}:{ports[ETCD]}",
        "etcd-cafile": layout.certificate(pki.ETCD_AUTHORITY),
        "etcd-certfile": layout.certificate("apiserver-etcd-client"),
        "etcd-keyfile": layout.key("apiserver-etcd-client"),
        "tls-cert-file": layout.certificate("apiserver"),
        "tls-private-key-file": layout.key("apiserver"),
        "client-ca-file": layout.certificate(pki.CLUSTER_AUTHORITY),
        "anonymous-auth": False,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": True,
        "service-cluster-ip-range": settings.service_cidr,
        "service-account-issuer": SERVICE_ACCOUNT_ISSUER,
        "service-account-key-file": layout.public_key(pki.SERVICE_ACCOUNT_KEY),
        "service-account-signing-key-file": layout.key(pki.SERVICE_ACCOUNT_KEY),
        "kubelet-certificate-authority": layout.certificate(pki.CLUSTER_AUTHORITY),
        "kubelet-client-certificate": layout.certificate("apiserver-kubelet-client"),
        "kubelet-client-key": layout.key("apiserver-kubelet-client"),
        "kubelet-preferred-address-types": "InternalIP",
        "requestheader-client-ca-file": layout.certificate(pki.FRONT_PROXY_AUTHORITY),
        "requestheader-allowed-names": pki.FRONT_PROXY_USER,
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": layout.certificate("front-proxy-client"),
        "proxy-client-key-file": layout.key("front-proxy-client"),
        # No kube-proxy runs beside it: extension API servers are reached at their endpoints, not at a service address.
        # Without pods that run they are local processes behind ExternalName services, which have no endpoints.
        "enable-aggregator-routing": bool(settings.nodes),
        "profiling": False,
    }


def _controller_manager(settings: Settings, layout: Layout, ports: Mapping[str, int], address: str) -> Flags:
    return {
        **_delegating(layout, CONTROLLER_MANAGER, "controller-manager-serving", address, ports[CONTROLLER_MANAGER]),
        "cluster-name": settings.name,
        "use-service-account-credentials": True,
        # With the default of 20 requests a second, getting the credentials of all controllers takes 5 s.
        "kube-api-qps": 200,
        "kube-api-burst": 400,
        "service-account-private-key-file": layout.key(pki.SERVICE_ACCOUNT_KEY),
        "root-ca-file": layout.certificate(pki.CLUSTER_AUTHORITY),
        "cluster-signing-cert-file": layout.certificate(pki.CLUSTER_AUTHORITY),
        "cluster-signing-key-file": layout.key(pki.CLUSTER_AUTHORITY),
        # Real nodes get their pod networks with their addresses.
        "allocate-node-cidrs": not settings.nodes,
        "cluster-cidr": settings.pod_cidr,
        "service-cluster-ip-range": settings.service_cidr,
        "node-monitor-grace-period": NODE_MONITOR_GRACE,
    }


def _scheduler(layout: Layout, ports: Mapping[str, int], address: str) -> Flags:
    return _delegating(layout, SCHEDULER, "scheduler-serving", address, ports[SCHEDULER])


def _delegating(layout: Layout, component: str, serving: str, address: str, port: int) -> Flags:
    """What controller-manager and scheduler share: they ask the API server who may read from them."""
    kubeconfig = layout.component_kubeconfig(component)
    return {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "client-ca-file": layout.certificate(pki.CLUSTER_AUTHORITY),
        "requestheader-client-ca-file": layout.certificate(pki.FRONT_PROXY_AUTHORITY),
        "bind-address": address,
        "secure-port": port,
        "tls-cert-file": layout.certificate(serving),
        "tls-private-key-file": layout.key(serving),
        # There is one of each: without an election it survives an outage of the API server.
        "leader-elect": False,
        "profiling": False,
    }


def _kwok(settings: Settings, layout: Layout, ports: Mapping[str, int]) -> Flags:
    return {
        # Below WARN it writes a line for every renewal of every node's lease: 12 MB a day and node.
        "v": "WARN",
        # A list with commas, which a path may hold: named from the state folder, where every component runs.
        "config": layout.kwok_config.name,
        "kubeconfig": layout.component_kubeconfig(KWOK),
        "manage-nodes-with-annotation-selector": MANAGED_NODES,
        "node-lease-duration-seconds": NODE_LEASE_SECONDS,
        "cidr": settings.pod_cidr,
        "node-ip": LOOPBACK,
        "node-port": ports[KWOK],
        "server-address": f"{LOOPBACK}:{ports[KWOK]}",
        "tls-cert-file": layout.certificate("kwok-serving"),
        "tls-private-key-file": layout.key("kwok-serving"),
    }
