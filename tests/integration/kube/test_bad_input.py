# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong clusters, wrong credentials, wrong kinds: a clear word, and nothing sent."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.discovery import Discovery
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import (
    ApiError,
    AuthenticationFailed,
    ConnectionFailed,
    DefinitionError,
    KubeconfigInvalid,
    UnknownKind,
    UnsupportedVersion,
    WrongCluster,
)
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.session import (
    check_version,
    cluster_uid,
    open_session,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def test_another_cluster_stops_the_run_before_anything_is_sent(run: Any, make: Any, live: Any, connection: Any) -> None:
    uid = live.get("namespace", "kube-system")["metadata"]["uid"]
    with pytest.raises(WrongCluster) as caught:
        run(make.config_map("a"), connection={**connection, "cluster_uid": "0000-other"})
    assert uid in str(caught.value)
    assert "0000-other" in str(caught.value)
    assert live.names("configmap", make.namespace) == []
    assert run(make.config_map("a"), connection={**connection, "cluster_uid": uid}).changed


def test_the_uid_can_be_asked_for(session: Any, live: Any) -> None:
    assert cluster_uid(session) == live.get("namespace", "kube-system")["metadata"]["uid"]


def test_a_job_wide_variable_does_not_redirect(run: Any, make: Any, live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_AUTH_HOST", "https://127.0.0.1:1")
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", "/does/not/exist")
    assert run(make.config_map("a")).changed
    assert live.names("configmap", make.namespace) == ["a"]


def test_environment_variables_lead_to_the_cluster_when_nothing_else_does(
    run: Any, make: Any, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", connection["kubeconfig"])
    assert run(make.config_map("a"), connection={}).changed


def test_a_wrong_kind_is_told_with_what_is_meant(run: Any, make: Any, live: Any) -> None:
    wrong = {**make.deployment("web"), "kind": "Deploymnet"}
    older = {**make.deployment("web"), "apiVersion": "extensions/v1beta1"}
    for dry_run in (True, False):
        with pytest.raises(DefinitionError) as caught:
            run(make.config_map("a"), wrong, older, dry_run=dry_run)
    assert [problem.place for problem in caught.value.problems] == ["definitions[1]", "definitions[2]"]
    assert "does not serve the kind Deploymnet in apps/v1. Did you mean Deployment (apps/v1)" in str(caught.value)
    assert "It serves Deployment as apps/v1." in str(caught.value)
    assert live.names("configmap", make.namespace) == []


def test_a_missing_namespace_is_told(run: Any) -> None:
    with pytest.raises(DefinitionError, match="ConfigMap a lives in a namespace: give metadata"):
        run({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})


def test_a_kind_that_cannot_be_applied_is_told(run: Any) -> None:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {"name": "a"}}
    with pytest.raises(DefinitionError, match="this kind cannot be applied"):
        run(review)


def test_credentials_that_are_not_accepted(connection: Any, run: Any, make: Any) -> None:
    content = yaml.safe_load(Path(connection["kubeconfig"]).read_text())
    content["users"][0]["user"] = {"token": "wrong"}
    with pytest.raises(AuthenticationFailed, match="the token or password is expired, revoked, or for another cluster"):
        run(make.config_map("a"), connection={"kubeconfig": content})


def test_impersonation_is_what_it_says(connection: Any, run: Any, make: Any) -> None:
    as_nobody = {**connection, "impersonate_user": "nobody", "impersonate_groups": ["nothing", "system:authenticated"]}
    with open_session(as_nobody) as session:
        Discovery(session).resource("v1", "ConfigMap")
        with pytest.raises(ApiError, match='User "nobody" cannot list resource "secrets"') as caught:
            session.get_json("/api/v1/secrets")
    assert caught.value.status == 403


def test_nobody_listens(run: Any, make: Any) -> None:
    with pytest.raises(ConnectionFailed, match=r"https://127.0.0.1:1 \(host https://127.0.0.1:1\) cannot be reached"):
        run(make.config_map("a"), connection={"host": "https://127.0.0.1:1", "api_key": "x"})


def test_a_kubeconfig_that_is_not_there(run: Any, make: Any) -> None:
    with pytest.raises(KubeconfigInvalid, match="kubeconfig /does/not/exist does not exist"):
        run(make.config_map("a"), connection={"kubeconfig": "/does/not/exist"})


def test_an_old_kubernetes_is_refused(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    check_version(session)
    monkeypatch.setattr(
        "ansible_collections.servicemesh.platform.plugins.module_utils.kube.session.MINIMUM_VERSION", (1, 99)
    )
    with pytest.raises(UnsupportedVersion, match=r"runs Kubernetes v1\.\d+\.\d+; at least 1\.99 is needed"):
        check_version(session)


def test_discovery_is_read_again_once_for_a_new_kind(session: Any, make_crd: Any, cluster: Any) -> None:
    discovery = Discovery(session)
    assert discovery.find("example.org/v1", "Novelty") is None
    cluster.apply(make_crd("novelties", "Novelty", "example.org"))
    cluster.kubectl("wait", "--for=condition=Established", "crd/novelties.example.org")
    assert discovery.resource("example.org/v1", "Novelty").plural == "novelties"
    cluster.kubectl("delete", "crd", "novelties.example.org")
    with pytest.raises(UnknownKind):
        discovery.resource("example.org/v1", "Nothing")


def expired_credentials(cluster: Any, folder: Path) -> dict[str, str]:
    """A client certificate that the cluster's own CA issued and that has expired."""
    pki = Path(cluster.state_dir) / "pki"
    authority = x509.load_pem_x509_certificate((pki / "ca.crt").read_bytes())
    signer: Any = serialization.load_pem_private_key((pki / "ca.key").read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [(NameOID.COMMON_NAME, "admin"), (NameOID.ORGANIZATION_NAME, "system:masters")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in names]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now - datetime.timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        .sign(signer, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "client.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "client.key").write_bytes(private)
    return {"client_cert": str(folder / "client.crt"), "client_key": str(folder / "client.key")}


def test_an_expired_client_certificate_is_told(
    run: Any, make: Any, cluster: Any, connection: Any, tmp_path: Path
) -> None:
    expired = {**connection, **expired_credentials(cluster, tmp_path)}
    with pytest.raises(AuthenticationFailed, match=r"the client certificate expired on \d{4}-\d\d-\d\d"):
        run(make.config_map("a"), connection=expired)
