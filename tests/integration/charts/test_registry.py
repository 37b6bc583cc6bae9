# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts of a real registry, pushed by Helm, pinned by the digest of their manifest."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any, Callable

from ansible_collections.servicemesh.platform.tests.integration.images.conftest import PASSWORD, USER, Registry
from ansible_collections.servicemesh.platform.tests.support.helm import Helm

Chart = Callable[..., dict[str, Any]]


def login(registry: Registry) -> dict[str, str]:
    return {"host": registry.host, "username": USER, "password": PASSWORD}


def test_it_is_pulled_once_and_helm_takes_it(registry: Registry, pushed: str, chart: Chart, helm: Helm) -> None:
    found = chart({"oci": pushed, "name": "web", "version": "1.2.3"}, **login(registry))
    assert (found.get("msg"), found["changed"], found["version"]) == (None, True, "1.2.3")
    assert 'version: "1.2.3"' in helm.run("template", "release", found["path"])
    assert PASSWORD not in json.dumps(found)
    registry.stop(signal.SIGKILL)
    again = chart({"oci": f"oci://{pushed}"}, download=False)
    assert (again["changed"], again["path"]) == (False, found["path"])


def test_check_mode_asks_nobody(registry: Registry, pushed: str, chart: Chart) -> None:
    asked = len(registry.requests())
    found = chart({"oci": pushed}, check_mode=True, **login(registry))
    assert (found["changed"], found["path"]) == (True, None)
    assert len(registry.requests()) == asked


def test_another_digest_is_not_there(registry: Registry, pushed: str, chart: Chart, tmp_path: Path) -> None:
    other = pushed.partition("@")[0] + "@sha256:" + "b" * 64
    found = chart({"oci": other}, **login(registry))
    assert f"oci: {registry.host} does not have {other}" in found["msg"]
    assert not (tmp_path / "cache").exists()


def test_a_registry_that_has_another_archive_is_found_out(
    registry: Registry, pushed: str, chart: Chart, helm: Helm, tmp_path: Path
) -> None:
    manifest = json.loads(registry.blob(pushed.partition("@")[2]).read_bytes())
    (layer,) = manifest["layers"]
    blob = registry.blob(layer["digest"])
    blob.write_bytes(b"x" * blob.stat().st_size)
    found = chart({"oci": pushed}, **login(registry))
    assert found["failed"]
    assert "gives other content for" in found["msg"]
    assert not (tmp_path / "cache").exists()


def test_an_image_is_no_chart(
    registry: Registry, pushed: str, chart: Chart, crane: Callable[..., str], tmp_path: Path
) -> None:
    crane("auth", "login", registry.host, "-u", USER, "-p", PASSWORD)
    archive = tmp_path / "files.tar"
    archive.write_bytes(b"\0" * 10240)
    image = crane("append", "-f", str(archive), "-t", f"{registry.host}/image:1").strip()
    found = chart({"oci": image}, **login(registry))
    assert "is no Helm chart" in found["msg"]


def test_others_get_no_password(registry: Registry, pushed: str, chart: Chart) -> None:
    assert "wants other credentials" in chart({"oci": pushed})["msg"]
    elsewhere = {**login(registry), "host": "registry.example.com"}
    assert "wants other credentials" in chart({"oci": pushed}, **elsewhere)["msg"]


def test_a_registry_with_tls_is_not_asked_without(registry: Registry, pushed: str, chart: Chart) -> None:
    found = chart({"oci": pushed}, plain_http=True, **login(registry))
    assert "speaks TLS, but plain_http is set" in found["msg"]


def test_a_tag_alone_is_refused(registry: Registry, pushed: str, chart: Chart) -> None:
    asked = len(registry.requests())
    found = chart({"oci": pushed.replace("@sha256:", ":1.2.3@sha256:").partition("@")[0]}, **login(registry))
    assert "write it with the digest of its manifest" in found["msg"]
    assert len(registry.requests()) == asked
