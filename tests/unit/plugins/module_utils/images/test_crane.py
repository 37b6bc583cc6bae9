# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What crane says is told in words that help, and what it is run with. The messages are those of crane 0.22."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.images import crane
from ansible_collections.servicemesh.platform.plugins.module_utils.images.errors import ImageError
from ansible_collections.servicemesh.platform.plugins.module_utils.images.messages import explain

UNKNOWN_CA = (
    'Error: Get "https://r.x/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority; '
    'Get "http://r.x/v2/": EOF'
)
WRONG_HOST = (
    'Get "https://r.x/v2/": tls: failed to verify certificate: x509: certificate is valid for a.x, not r.x; Get "http'
)
NO_ACCESS = "GET https://r.x/v2/app/manifests/1: UNAUTHORIZED: authentication required; [map[Action:pull Name:app]]"
NO_MANIFEST = "GET https://r.x/v2/app/manifests/1: MANIFEST_UNKNOWN: manifest unknown; map[Tag:1]"
NO_PART = "PUT https://r.x/v2/app/manifests/1: MANIFEST_BLOB_UNKNOWN: blob unknown to registry; sha256:12"
BROKEN = 'Patch "https://r.x/v2/app/blobs/uploads/1?_state=x": write tcp 1.2.3.4:5->6.7.8.9:443: write: broken pipe'
DOWN = 'Get "https://r.x/v2/": dial tcp 1.2.3.4:443: connect: connection refused'
TOO_MANY = "GET https://r.x/v2/app/manifests/1: unexpected status code 429 Too Many Requests"
HELPER = 'error getting credentials - err: exec: "docker-credential-x": executable file not found in $PATH, out: ``'
OTHER = 'manifest digest: "sha256:aa" does not match requested digest: "sha256:bb" for "r.x/app@sha256:bb"'


@pytest.mark.parametrize(
    ("output", "problem", "mend", "kind"),
    [
        (UNKNOWN_CA, "signed by a CA that is not trusted", "ca_path", ""),
        (WRONG_HOST, "is not good: certificate is valid for a.x, not r.x.", "host that the certificate is for", ""),
        (NO_ACCESS, "r.x wants other credentials for r.x/app:1", "docker_config", ""),
        ("PUT https://r.x/v2/: DENIED: requested access to the resource is denied", "does not allow this", "right", ""),
        (NO_MANIFEST, "r.x does not have r.x/app:1", "Push it first", "absent"),
        (NO_PART, "has lost a part of the image", "registry's log", "passing"),
        (BROKEN, "r.x cannot be reached: broken pipe", "run again", "passing"),
        (DOWN, "r.x cannot be reached: connection refused", "HTTPS_PROXY", "passing"),
        (TOO_MANY, "takes no more requests", "log in", "passing"),
        ("unexpected status code 502 Bad Gateway: <html>", "problem of its own: 502 Bad Gateway", "log", "passing"),
        (
            "DELETE https://r.x/v2/app/manifests/1: UNSUPPORTED",
            "does not do this",
            "delete.enabled",
            "unsupported",
        ),
        (HELPER, 'credential helper for r.x fails: exec: "docker-credential-x"', "PATH", ""),
        (OTHER, "gives other content for r.x/app:1", "Do not use it", ""),
        ("write /tmp/x: no space left on device", "The disk is full", "TMPDIR", ""),
        ("something new", "crane fails with r.x/app:1", "something new", ""),
    ],
)
def test_messages(output: str, problem: str, mend: str, kind: str) -> None:
    failure = explain(output, "r.x", "r.x/app:1")
    assert problem in failure.problem
    assert mend in failure.mend
    assert failure.kind == kind


@pytest.mark.parametrize(
    ("registry", "address"),
    [
        ("r.x", ("r.x", 443)),
        ("r.x:5000", ("r.x", 5000)),
        ("[::1]:5000", ("::1", 5000)),
        ("[::1]", ("::1", 443)),
        ("localhost", ("localhost", 443)),
    ],
)
def test_addresses(registry: str, address: tuple[str, int]) -> None:
    assert crane._address(registry, 443) == address


def test_requests_without_tls_go_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "10.0.0.1")
    monkeypatch.setenv("http_proxy", "http://gate:1")
    with crane.Crane(crane.Access()) as caller:
        environment = caller._environment("10.0.0.1")
        assert environment["HTTP_PROXY"].endswith(".invalid")
        assert not {"no_proxy", "http_proxy", "https_proxy"} & set(environment)

        monkeypatch.setenv("https_proxy", "http://gate:1")
        assert "https_proxy" not in caller._environment("10.0.0.1")  # the user wants none for this one
        environment = caller._environment("r.x")
        assert (environment["https_proxy"], environment["no_proxy"]) == ("http://gate:1", "10.0.0.1")
        assert environment["HTTP_PROXY"].endswith(".invalid")
    with crane.Crane(crane.Access(plain_http=True)) as caller:
        assert caller._environment("10.0.0.1")["http_proxy"] == "http://gate:1"


def test_credentials_stand_beside_those_of_the_user(tmp_path: Path) -> None:
    own = {"auths": {"other.x": {"auth": "eA=="}}, "credsStore": "desktop", "HttpHeaders": {"X": "1"}}
    (tmp_path / "config.json").write_text(json.dumps(own), encoding="utf-8")
    access = crane.Access(registry="r.x", username="me", password="geheim:ü", docker_config=str(tmp_path))
    with crane.Crane(access) as caller:
        folder = Path(caller._environment("r.x")["DOCKER_CONFIG"])
        assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o600
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert base64.b64decode(config["auths"].pop("r.x")["auth"]).decode() == "me:geheim:ü"
    assert config.pop("credHelpers") == {"r.x": ""}
    assert config == own
    assert not folder.exists()
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8")) == own


@pytest.mark.parametrize("text", ["no json", "[]"])
def test_a_docker_configuration_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    access = crane.Access(docker_config=str(tmp_path))
    with crane.Crane(access) as caller, pytest.raises(ImageError, match=r"docker_config: .*/config\.json is no JSON"):
        caller._environment("r.x")
