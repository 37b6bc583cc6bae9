# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Go says is told in words that help. The messages are Go's own, of Go 1.26."""

from __future__ import annotations

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.command import redacted
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.messages import explain, first_lines

ENVIRONMENT = {"GOPROXY": "https://me:secret@proxy.example/go", "GOMODCACHE": "/cache/mod"}

MISMATCH = """verifying sigs.k8s.io/gateway-api@v1.5.1: checksum mismatch
\tdownloaded: h1:RqVRIlkhLhUO8wOHKTLnTJA6o/1un4po4/6M1nRzdd0=
\tgo.sum:     h1:RqVSIlkhLhUO8wOHKTLnTJA6o/1un4po4/6M1nRzdd0=

SECURITY ERROR"""
MISSING = """l.go:2:8: missing go.sum entry for module providing package github.com/spf13/cobra (imported by x); to add:
\tgo get x/lib"""
TOO_OLD = "go: go.mod requires go >= 1.99.0 (running go 1.26.8; GOTOOLCHAIN=local)"
REFUSED = 'x@v1: Get "http://127.0.0.1:9/x/@v/v1.info": dial tcp 127.0.0.1:9: connect: connection refused'
NO_HOST = 'go: x@v1: Get "https://no.invalid/x": dial tcp: lookup no.invalid on 10.0.0.1:53: no such host'


@pytest.mark.parametrize(
    ("output", "problem", "mend"),
    [
        (MISMATCH, "sigs.k8s.io/gateway-api@v1.5.1 is not what /src/go.sum pins", "GOMODCACHE=/cache/mod go clean"),
        (MISSING, "/src/go.sum has no checksum for github.com/spf13/cobra", "go mod tidy"),
        (TOO_OLD, "Go 1.26.8 is too old: Go 1.99.0", "toolchain_go_minimum"),
        (REFUSED, "cannot be reached: connection refused", "Set GOPROXY"),
        (NO_HOST, "cannot be reached: no such host", "Set GOPROXY"),
        ("module lookup disabled by GOPROXY=off", "GOPROXY=off forbids", "/cache/mod"),
        ("go: a.b/c@v9.9.9: reading https://p/x: 404 Not Found", "does not have a.b/c@v9.9.9", "go list -m -versions"),
        (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "is not trusted",
            "SSL_CERT",
        ),
        ("write /tmp/x: no space left on device", "disk is full", "Make room"),
        ("k8s.io/api/core/v1: compile: signal: killed", "memory ran out", "GOMAXPROCS=1"),
        ("go: updates to go.mod needed; to update it:", "/src/go.mod does not name all", "go mod tidy"),
        (
            "no required module provides package a/b/cmd/c; to add it:",
            "no module that has the package a/b/cmd/c",
            "go get",
        ),
    ],
)
def test_a_known_message_says_what_is_wrong_and_how_to_mend_it(output: str, problem: str, mend: str) -> None:
    known = explain(output, "/src", ENVIRONMENT)
    assert known is not None
    assert problem in known.problem
    assert mend in known.mend


def test_a_compile_error_is_left_as_it_is() -> None:
    assert explain("# x/lib\nlib/l.go:3:31: undefined: json.Marshall", "/src", ENVIRONMENT) is None


def test_no_password_of_the_proxy_is_shown() -> None:
    known = explain(REFUSED, "/src", ENVIRONMENT)
    assert known is not None
    assert "secret" not in known.problem + known.mend
    assert "https://***@proxy.example/go" in known.problem
    assert redacted("Get https://me:secret@proxy/x") == "Get https://***@proxy/x"


def test_the_first_lines_say_how_many_follow() -> None:
    assert first_lines("a\n\nb\nc\nd", 2) == "a\nb\n... and 2 more lines"
    assert first_lines("a\nb", 2) == "a\nb"
