# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Show and write the report of an environment
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Shows findings as a table and writes them as JSON and as one HTML file that needs no other file.
  - The report tells about the environment and is no part of it, so that writing it never counts as a change.
    In check mode the table is shown and nothing is written.
  - This runs on the controller as an action.
options:
  environment_name:
    description: Name of the environment; also the name of the files.
    type: str
    required: true
  findings:
    description: Findings as M(servicemesh.platform.k8s_verify) returns them.
    type: list
    elements: dict
    required: true
  directory:
    description: Folder for the files; made when it is missing.
    type: path
    required: true
  fail_on:
    description: The task fails when a finding has this severity or a worse one.
    type: str
    choices: [warning, error, never]
    default: error
extends_documentation_fragment:
  - servicemesh.platform.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Report what was found
  servicemesh.platform.report:
    environment_name: "{{ inventory_hostname }}"
    findings: "{{ __tenancy_verification.findings }}"
    directory: reports
"""

RETURN = r"""
severity:
  description: The worst severity among the findings.
  returned: always
  type: str
  sample: warning
counts:
  description: Number of findings per severity.
  returned: always
  type: dict
  sample: {"ok": 14, "info": 0, "warning": 1, "error": 0}
json:
  description: Path of the report as JSON.
  returned: when not in check mode
  type: str
  sample: reports/demo.json
html:
  description: Path of the report as HTML.
  returned: when not in check mode
  type: str
  sample: reports/demo.html
"""
