# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing, remembering and holding ports."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import ports
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.ports import Reservation

PURPOSES = ("one", "two")


def listen(port: int) -> socket.socket:
    """Listen as a Go program does (SO_REUSEADDR)."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


def test_ports_are_chosen_apart_and_kept() -> None:
    with Reservation({}, PURPOSES, set(PURPOSES)) as first:
        assert len(set(first.ports.values())) == len(PURPOSES)
        assert first.replaced == {}
    with Reservation(first.ports, PURPOSES, set(PURPOSES)) as second:
        assert second.ports == first.ports


def test_a_held_port_can_be_listened_on_but_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    with Reservation({}, ["one"], {"one"}) as held:
        port = held.ports["one"]
        monkeypatch.setattr(ports, "CHOICE", range(port, port + 1))
        monkeypatch.setattr(ports, "ATTEMPTS", 1)
        with pytest.raises(EmbeddedError, match="no free port"):
            Reservation({}, ["other"], {"other"})
        with listen(port), socket.create_connection(("127.0.0.1", port), timeout=1):
            pass


def test_a_taken_port_is_replaced() -> None:
    with Reservation({}, PURPOSES, set(PURPOSES)) as first:
        pass
    with listen(first.ports["one"]), Reservation(first.ports, PURPOSES, set(PURPOSES)) as second:
        assert second.replaced == {"one": first.ports["one"]}
        assert second.ports["one"] not in first.ports.values()
        assert second.ports["two"] == first.ports["two"]


def test_the_port_of_a_running_component_is_its_own() -> None:
    with Reservation({}, PURPOSES, set(PURPOSES)) as first:
        pass
    with listen(first.ports["one"]), Reservation(first.ports, PURPOSES, {"two"}) as second:
        assert second.ports == first.ports


def test_connections_of_the_last_run_do_not_count() -> None:
    with Reservation({}, ["one"], {"one"}) as first:
        port = first.ports["one"]
        listener = listen(port)
        client = socket.create_connection(("127.0.0.1", port), timeout=1)
        served, _address = listener.accept()
        served.close()
        client.close()
        listener.close()
    with Reservation(first.ports, ["one"], {"one"}) as second:
        assert second.ports == first.ports
