# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module in a real play: what a user sees, in the process of the task and as a module of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import PASSWORD, USER, Authority, Registry

PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - servicemesh.platform.oci_image:
        name: "{{ registry }}/play:1"
        push: true
        files:
          - {src: "{{ program }}", dest: /program, mode: '0755'}
        entrypoint: [/program]
        crane: "{{ crane }}"
        username: "{{ user }}"
        password: "{{ password }}"
        ca_path: "{{ ca }}"
      environment: "{{ surroundings }}"
      register: image
    - ansible.builtin.debug:
        var: image.reference
"""


@pytest.mark.parametrize("surroundings", [{}, {"A": "1"}], ids=["in process", "module"])
def test_a_play(
    programs: Path,
    registry: Registry,
    authority: Authority,
    program: Path,
    tmp_path: Path,
    surroundings: dict[str, str],
) -> None:
    (tmp_path / "play.yml").write_text(PLAY, encoding="utf-8")
    variables = {
        "registry": registry.host,
        "program": str(program),
        "crane": str(programs / "crane"),
        "user": USER,
        "password": PASSWORD,
        "ca": str(authority.path),
        "surroundings": surroundings,
    }
    (tmp_path / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
    ansible = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [ansible, "-i", "localhost,", "play.yml", "-e", "@variables.json", "-vvv", "--diff"]
    recaps = []
    for arguments in (["--check"], [], []):
        done = subprocess.run(
            [*command, *arguments], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        recaps.append("changed=1" in done.stdout)
    assert recaps == [True, True, False]
    assert f'"image.reference": "{registry.host}/play@sha256:' in done.stdout
