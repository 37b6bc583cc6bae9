# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates are issued anew, and what they say."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import pki
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.layout import Layout
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
WANTED = pki.certificates("demo", "10.96.0.0/16")
NAMES = [certificate.name for certificate in WANTED]
LEAVES = [certificate.name for certificate in WANTED if certificate.authority]
BELOW_CLUSTER_AUTHORITY = {certificate.name for certificate in WANTED if certificate.authority == "ca"}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    pki.issue(layout, WANTED, pki.examine(layout, WANTED, NOW), NOW)
    return layout


def load(layout: Layout, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(layout.certificate(name).read_bytes())


def test_everything_is_missing_at_first(tmp_path: Path) -> None:
    reasons = pki.examine(Layout(tmp_path), WANTED, NOW)
    assert set(reasons) == {*NAMES, "sa"}
    assert reasons["ca"] == "missing"
    assert reasons["apiserver"] == "its authority ca is issued anew"
    assert list(tmp_path.iterdir()) == []


def test_what_was_issued_is_good(layout: Layout) -> None:
    assert pki.examine(layout, WANTED, NOW) == {}


def test_keys_are_elliptic_and_private(layout: Layout) -> None:
    assert isinstance(load(layout, "apiserver").public_key(), ec.EllipticCurvePublicKey)
    files = [path for path in layout.pki.rglob("*") if path.is_file()]
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    assert oct(layout.pki.stat().st_mode & 0o777) == "0o700"


def test_the_api_server_has_its_names(layout: Layout) -> None:
    names = load(layout, "apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "kubernetes.default.svc"} <= set(names.get_values_for_type(x509.DNSName))
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "10.96.0.1"}


def test_only_the_super_administrator_is_a_master(layout: Layout) -> None:
    masters = [name for name in LEAVES if "system:masters" in load(layout, name).subject.rfc4514_string()]
    assert masters == ["super-admin"]


@pytest.mark.parametrize("name", LEAVES)
def test_serving_and_client_use_are_apart(layout: Layout, name: str) -> None:
    wanted = next(certificate for certificate in WANTED if certificate.name == name)
    uses = load(layout, name).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert (x509.ExtendedKeyUsageOID.SERVER_AUTH in uses) == wanted.server
    assert (x509.ExtendedKeyUsageOID.CLIENT_AUTH in uses) == wanted.client


@given(days=st.integers(min_value=0, max_value=364))
@settings(max_examples=20, deadline=None)
def test_a_leaf_is_renewed_in_its_last_thirty_days(days: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    layout = Layout(tmp_path_factory.getbasetemp() / "renewal")
    if not layout.pki.exists():
        pki.issue(layout, WANTED, pki.examine(layout, WANTED, NOW), NOW)
    reasons = pki.examine(layout, WANTED, NOW + datetime.timedelta(days=days))
    assert set(reasons) == (set(LEAVES) if days > 335 else set())


def test_an_expired_leaf_says_so(layout: Layout) -> None:
    reasons = pki.examine(layout, WANTED, NOW + datetime.timedelta(days=400))
    assert reasons["apiserver"] == "expired"


def test_after_the_clock_was_set_back_everything_is_issued_anew(layout: Layout) -> None:
    earlier = NOW - datetime.timedelta(hours=1)
    reasons = pki.examine(layout, WANTED, earlier)
    assert reasons["ca"] == "not valid yet"
    assert set(reasons) == set(NAMES)
    pki.issue(layout, WANTED, reasons, earlier)
    assert pki.examine(layout, WANTED, earlier) == {}


def test_an_old_authority_takes_all_below_it_along(layout: Layout) -> None:
    later = NOW + datetime.timedelta(days=3630)
    reasons = pki.examine(layout, WANTED, later)
    assert reasons["ca"] == "19 days left" or reasons["ca"] == "20 days left"
    assert set(reasons) == set(NAMES)
    pki.issue(layout, WANTED, reasons, later)
    assert pki.examine(layout, WANTED, later) == {}


def test_a_leaf_does_not_outlive_its_authority(layout: Layout) -> None:
    later = NOW + datetime.timedelta(days=3500)
    pki.issue(layout, WANTED, {"apiserver": "test"}, later)
    assert load(layout, "apiserver").not_valid_after_utc == load(layout, "ca").not_valid_after_utc


@pytest.mark.parametrize("name", ["apiserver", "etcd/server", "sa"])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n"])
def test_a_damaged_file_concerns_only_its_owner(layout: Layout, name: str, which: int, content: bytes | None) -> None:
    damaged = pki.files_of(layout, name)[which]
    if content is None:
        damaged.unlink()
    else:
        damaged.write_bytes(content)
    reasons = pki.examine(layout, WANTED, NOW)
    assert set(reasons) == {name}
    pki.issue(layout, WANTED, reasons, NOW)
    assert pki.examine(layout, WANTED, NOW) == {}


def test_a_key_that_others_could_read_is_replaced(layout: Layout) -> None:
    layout.key("admin").chmod(0o644)
    assert pki.examine(layout, WANTED, NOW) == {"admin": "its key was readable by others"}


def test_a_key_of_another_certificate_is_noticed(layout: Layout) -> None:
    os.replace(layout.key("health"), layout.key("admin"))
    assert pki.examine(layout, WANTED, NOW) == {"admin": "does not fit its key", "health": "missing"}


def test_a_certificate_of_another_authority_is_noticed(layout: Layout) -> None:
    for source, target in zip(pki.files_of(layout, "etcd/peer"), pki.files_of(layout, "etcd/server")):
        target.write_bytes(source.read_bytes())
    for source, target in zip(pki.files_of(layout, "apiserver-etcd-client"), pki.files_of(layout, "health")):
        target.write_bytes(source.read_bytes())
    reasons = pki.examine(layout, WANTED, NOW)
    assert reasons == {"etcd/server": "for other names", "health": "not readable, or not of its authority"}


def test_an_authority_of_the_same_name_but_another_key_is_noticed(layout: Layout, tmp_path: Path) -> None:
    other = Layout(tmp_path / "other")
    pki.issue(other, WANTED, pki.examine(other, WANTED, NOW), NOW)
    for path in pki.files_of(other, "ca"):
        (layout.pki / path.relative_to(other.pki)).write_bytes(path.read_bytes())
    reasons = pki.examine(layout, WANTED, NOW)
    assert reasons == dict.fromkeys(BELOW_CLUSTER_AUTHORITY, "not signed by its authority")


def test_another_service_network_concerns_the_api_server(layout: Layout) -> None:
    assert pki.examine(layout, pki.certificates("demo", "10.97.0.0/16"), NOW) == {"apiserver": "for other names"}
