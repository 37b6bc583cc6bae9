# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach a cluster and as whom: from a module's options to what a session needs.

The options have the names of kubernetes.core. Explicit options win. ``K8S_AUTH_*`` variables count only
when neither ``kubeconfig`` nor ``host`` is given, so a job-wide variable cannot redirect an environment
that says where its cluster is. After that come the default kubeconfig and the service account of the pod
we run in.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple
from urllib.parse import SplitResult, unquote, urlsplit

from ansible_collections.servicemesh.platform.plugins.module_utils.kube import libraries
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    AuthenticationFailed,
    InvalidArgument,
    KubeconfigInvalid,
)

try:
    import yaml
except ImportError:  # libraries.require() tells what to install
    yaml = None  # type: ignore[assignment]

PROXY_HEADERS: Dict[str, Dict[str, Any]] = {
    "proxy_basic_auth": {"type": "str", "no_log": True},
    "basic_auth": {"type": "str", "no_log": True},
    "user_agent": {"type": "str"},
}

CONNECTION_ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "kubeconfig": {"type": "raw", "no_log": True},
    "context": {"type": "str"},
    "host": {"type": "str"},
    "api_key": {"type": "str", "no_log": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "validate_certs": {"type": "bool", "aliases": ["verify_ssl"]},
    "ca_cert": {"type": "path", "aliases": ["ssl_ca_cert"]},
    "client_cert": {"type": "path", "aliases": ["cert_file"]},
    "client_key": {"type": "path", "aliases": ["key_file"], "no_log": False},
    "proxy": {"type": "str"},
    "no_proxy": {"type": "str"},
    "proxy_headers": {"type": "dict", "options": PROXY_HEADERS},
    "impersonate_user": {"type": "str"},
    "impersonate_groups": {"type": "list", "elements": "str"},
    "cluster_uid": {"type": "str"},
}
"""Argument specification of the connection options, documented in the fragment ``connection``.

``kubeconfig`` may be a mapping full of secrets: see ``arguments.ClusterModule`` for how it stays out of
logs without every harmless string in it being masked everywhere.
"""


@dataclass(frozen=True)
class Connection:
    """Everything a session needs to know. ``authorization`` is the value of the header, empty for none."""

    host: str
    origin: str
    """Where this came from, for messages: the kubeconfig and context, or the options."""
    verify: bool = True
    ca_cert: Optional[str] = None
    client_cert: Optional[str] = None
    client_key: Optional[str] = None
    server_name: Optional[str] = None
    proxy: Optional[str] = None
    no_proxy: str = ""
    proxy_headers: Mapping[str, str] = field(default_factory=dict)
    impersonate_user: str = ""
    impersonate_groups: Tuple[str, ...] = ()
    cluster_uid: str = ""
    """UID that the namespace kube-system of the cluster must have; empty for any."""
    authorization: str = field(default="", repr=False)


def resolve_connection(params: Mapping[str, Any], environ: Optional[Mapping[str, str]] = None) -> Connection:
    """The connection that the options (and, where they leave it open, the environment) ask for.

    Raises KubeconfigInvalid, AuthenticationFailed (an exec plugin failed) or InvalidArgument.
    """
    libraries.require("kubernetes", "yaml", "urllib3")
    options = _with_environment(params, os.environ if environ is None else environ)
    from kubernetes import client  # costs more than half a second: only where a cluster is really wanted

    configuration = client.Configuration()
    if "host" in options:
        _check_host(options["host"], "host")
    origin = _load(configuration, options)
    _override(configuration, options)
    _check_host(configuration.host, origin)
    _take_proxy_user(configuration)
    return Connection(
        host=configuration.host.strip().rstrip("/"),
        origin=origin,
        verify=bool(configuration.verify_ssl),
        ca_cert=configuration.ssl_ca_cert,
        client_cert=configuration.cert_file,
        client_key=configuration.key_file,
        server_name=configuration.tls_server_name,
        proxy=configuration.proxy,
        no_proxy=configuration.no_proxy or "",
        proxy_headers=configuration.proxy_headers or {},
        impersonate_user=options.get("impersonate_user") or "",
        impersonate_groups=tuple(options.get("impersonate_groups") or ()),
        cluster_uid=options.get("cluster_uid") or "",
        authorization=_authorization(configuration),
    )


def _with_environment(params: Mapping[str, Any], environ: Mapping[str, str]) -> Dict[str, Any]:
    """The connection options that are set; from the environment only when they do not say where to connect."""
    options = {name: params.get(name) for name in CONNECTION_ARGUMENTS if params.get(name) not in (None, "")}
    if "kubeconfig" in options or "host" in options:
        return options
    return {**dict(_from_environment(environ)), **options}


def _from_environment(environ: Mapping[str, str]) -> Iterator[Tuple[str, Any]]:
    for name, spec in CONNECTION_ARGUMENTS.items():
        if name == "proxy_headers":
            headers = {key: environ.get(f"K8S_AUTH_PROXY_HEADERS_{key.upper()}") for key in PROXY_HEADERS}
            if any(headers.values()):
                yield name, headers
            continue
        for spelling in (name, *spec.get("aliases", ())):
            variable = f"K8S_AUTH_{spelling.upper()}"
            text = environ.get(variable)
            if text:
                yield name, _typed(text, spec["type"], variable)
                break


def _typed(text: str, type_name: str, variable: str) -> Any:
    if type_name == "bool":
        from ansible.module_utils.parsing.convert_bool import boolean  # programs in a pod have no Ansible

        try:
            return boolean(text)
        except TypeError as error:
            raise InvalidArgument(f"{variable} is {text!r}; write true or false.") from error
    if type_name == "list":
        return [item for item in text.split(",") if item]
    return text


def _load(configuration: Any, options: Mapping[str, Any]) -> str:
    """Fill the configuration from a kubeconfig or the pod we run in; returns where it came from."""
    kubeconfig = options.get("kubeconfig")
    if kubeconfig is None and "host" in options:
        configuration.host = options["host"]
        return f"host {options['host']}"
    if kubeconfig is None:
        kubeconfig = os.environ.get("KUBECONFIG") or "~/.kube/config"
        if not _existing(kubeconfig) and _load_in_cluster(configuration):
            return "the service account of this pod"
    content, name = _read_kubeconfig(kubeconfig)
    context = _context(content, options.get("context"), name)
    _load_kubeconfig(configuration, kubeconfig, context, name)
    return f"{name}, context {context}"


def _load_in_cluster(configuration: Any) -> bool:
    from kubernetes import config

    loader: Any = config
    try:
        loader.load_incluster_config(client_configuration=configuration)
    except loader.ConfigException:
        return False
    return True


def _existing(paths: str) -> List[str]:
    """Those of the colon-separated paths that are there."""
    expanded = [os.path.expanduser(path) for path in paths.split(os.pathsep) if path]
    return [path for path in expanded if os.path.exists(path)]


def _read_kubeconfig(kubeconfig: Any) -> Tuple[List[Mapping[str, Any]], str]:
    """The content of each kubeconfig file (or the mapping that was given) and what to call it in messages."""
    if isinstance(kubeconfig, Mapping):
        name = "kubeconfig (given as a mapping)"
        _check_shape(kubeconfig, name)
        return [kubeconfig], name
    if not isinstance(kubeconfig, str):
        raise InvalidArgument(f"kubeconfig must be a path or a mapping, not {type(kubeconfig).__name__}.")
    if not is_path(kubeconfig):
        raise InvalidArgument(
            "kubeconfig is the text of a kubeconfig; give the path of a file, or the content as a mapping "
            "(with the filter from_yaml)."
        )
    paths = _existing(kubeconfig)
    if not paths:
        raise KubeconfigInvalid(
            f"kubeconfig {kubeconfig} does not exist. Give the path of a kubeconfig in the option kubeconfig, "
            "or host and credentials."
        )
    return [_parse_kubeconfig(path) for path in paths], f"kubeconfig {os.pathsep.join(paths)}"


def is_path(kubeconfig: str) -> bool:
    """Whether a text can be the path of a kubeconfig; else it is its content, which no message may show."""
    return "\n" not in kubeconfig and not kubeconfig.lstrip().startswith("{")


def _parse_kubeconfig(path: str) -> Mapping[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.safe_load(file)
    except OSError as error:
        raise KubeconfigInvalid(f"kubeconfig {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}, line {mark.line + 1}" if mark else path
        raise KubeconfigInvalid(f"kubeconfig {place}: not YAML ({getattr(error, 'problem', error)}).") from error
    if not isinstance(content, dict):
        raise KubeconfigInvalid(f"kubeconfig {path} holds no mapping with clusters, users and contexts.")
    _check_shape(content, f"kubeconfig {path}")
    return content


def _check_shape(content: Mapping[str, Any], name: str) -> None:
    """Raise KubeconfigInvalid when clusters, contexts or users are not what the loader takes them for."""
    for section, field_name in (("clusters", "cluster"), ("contexts", "context"), ("users", "user")):
        entries = content.get(section) or []
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            raise KubeconfigInvalid(f"{name}: {section} must be a list of mappings with name and {field_name}.")
        for entry in entries:
            if not isinstance(entry.get(field_name) or {}, Mapping):
                raise KubeconfigInvalid(f"{name}: {field_name} of {entry.get('name')} must be a mapping.")


def _context(contents: List[Mapping[str, Any]], wanted: Optional[str], name: str) -> str:
    """The context to use; raises KubeconfigInvalid, which lists the contexts, when it is not there."""
    entries = [entry for content in contents for entry in content.get("contexts") or ()]
    known = [str(entry.get("name")) for entry in entries]
    current = [str(content["current-context"]) for content in contents if content.get("current-context")]
    context = wanted or (current[0] if current else "")
    there_are = "It has " + ", ".join(sorted(known)) if known else "It has none"
    if not context:
        raise KubeconfigInvalid(f"{name} sets no current-context. {there_are}: choose with the option context.")
    if context not in known:
        raise KubeconfigInvalid(f"{name} has no context {context}. {there_are}.")
    return context


def _load_kubeconfig(configuration: Any, kubeconfig: Any, context: str, name: str) -> None:
    from kubernetes import config

    loader: Any = config
    messages = _Messages()
    logging.getLogger().addHandler(messages)
    arguments = {"context": context, "client_configuration": configuration, "persist_config": False}
    try:
        if isinstance(kubeconfig, Mapping):
            loader.load_kube_config_from_dict(dict(kubeconfig), **arguments)
        else:
            loader.load_kube_config(os.pathsep.join(_existing(kubeconfig)), **arguments)
    except (loader.ConfigException, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise KubeconfigInvalid(f"{name}, context {context}: {_without_values(str(error))}") from None
    finally:
        logging.getLogger().removeHandler(messages)
    if messages.lines:
        # The loader only logs that an exec plugin failed, and would go on without credentials.
        reason = "; ".join(messages.lines)
        raise AuthenticationFailed(f"{name}, context {context}: no credentials could be had: {reason}")


def _without_values(message: str) -> str:
    """A message of the loader, which writes whole entries of the file, with keys and tokens, where it means a name."""
    return re.sub(r"\{.*\}", "...", message, flags=re.DOTALL)


class _Messages(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: List[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _override(configuration: Any, options: Mapping[str, Any]) -> None:
    """Let explicit options win over what the kubeconfig says."""
    import urllib3

    attributes = {
        "host": "host",
        "validate_certs": "verify_ssl",
        "ca_cert": "ssl_ca_cert",
        "client_cert": "cert_file",
        "client_key": "key_file",
        "proxy": "proxy",
        "no_proxy": "no_proxy",
    }
    for option, attribute in attributes.items():
        if option in options:
            setattr(configuration, attribute, options[option])
    if "proxy_headers" in options:
        given = {key: value for key, value in options["proxy_headers"].items() if value}
        configuration.proxy_headers = urllib3.util.make_headers(**given)
    token = _explicit_authorization(options)
    if token:
        configuration.refresh_api_key_hook = None
        configuration.api_key = {"authorization": token}
    if token and "client_cert" not in options:
        # The server would go by the certificate of the kubeconfig and not look at the token.
        configuration.cert_file = configuration.key_file = None


def _check_host(host: Any, origin: str) -> None:
    """Raise InvalidArgument, which does not show what may hold a password, for what is no address of a server."""
    address = _split(host) if isinstance(host, str) else None
    if address is None or address.scheme not in ("http", "https") or not address.hostname:
        raise InvalidArgument(f"{origin} gives no address of an API server; write it as https://192.0.2.1:6443.")
    if address.username or address.password:
        raise InvalidArgument(
            f"The address of the API server ({address.hostname}) holds credentials, which are never sent from there; "
            "give username and password."
        )


def _take_proxy_user(configuration: Any) -> None:
    """Move user and password out of the proxy's URL, where every message would show them, into its headers."""
    import urllib3

    if not configuration.proxy:
        return
    proxy = _split(configuration.proxy)
    if proxy is None or proxy.scheme not in ("http", "https") or not proxy.hostname:
        raise InvalidArgument("proxy must be a URL with the scheme http or https, such as http://192.0.2.7:3128.")
    credentials, at, address = proxy.netloc.rpartition("@")
    if at:
        own = urllib3.util.make_headers(proxy_basic_auth=unquote(credentials))
        configuration.proxy_headers = {**own, **(configuration.proxy_headers or {})}
        configuration.proxy = proxy._replace(netloc=address).geturl()


def _split(url: str) -> Optional[SplitResult]:
    try:
        parts = urlsplit(url.strip())
        _port = parts.port  # is read only when asked for, and raises then
    except ValueError:
        return None
    return parts


def _explicit_authorization(options: Mapping[str, Any]) -> str:
    import urllib3

    if "api_key" in options:
        return f"Bearer {options['api_key'].strip()}"  # a file with a token ends with a line break
    if "username" in options or "password" in options:
        pair = f"{options.get('username', '')}:{options.get('password', '')}"
        return urllib3.util.make_headers(basic_auth=pair)["authorization"]
    return ""


def _authorization(configuration: Any) -> str:
    """The value of the Authorization header.

    The loader's own way of refreshing it is not used: it would run an exec plugin whose tokens live for a few minutes
    before every single request. A session reads credentials anew when they are refused.
    """
    value = configuration.auth_settings().get("BearerToken", {}).get("value")
    return str(value).strip() if value else ""
