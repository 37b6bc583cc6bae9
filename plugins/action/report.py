# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show and write the report of an environment."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, counts, worst
from ansible_collections.servicemesh.platform.plugins.plugin_utils.report import (
    as_html,
    as_json,
    document,
    summary,
    table,
)

ARGUMENTS = {
    "environment_name": {"type": "str", "required": True},
    "findings": {"type": "list", "elements": "dict", "required": True},
    "directory": {"type": "path", "required": True},
    "fail_on": {"type": "str", "choices": ["warning", "error", "never"], "default": "error"},
}


class ActionModule(ActionBase):
    """See the documentation of the module of the same name."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Show the table, write the files unless in check mode, fail when a finding is bad enough."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        environment = arguments["environment_name"]
        findings = [Finding.from_dict(finding) for finding in arguments["findings"]]
        made = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._display.display("\n" + table(environment, findings) + "\n")
        result: dict[str, Any] = {"changed": False, "counts": counts(findings), "severity": worst(findings).value}
        if not self._task.check_mode:
            report = document(environment, made, findings)
            stem = Path(arguments["directory"]).expanduser() / environment
            result["json"] = write(stem.with_name(stem.name + ".json"), as_json(report))
            result["html"] = write(stem.with_name(stem.name + ".html"), as_html(report))
        if arguments["fail_on"] != "never" and worst(findings).rank >= Severity(arguments["fail_on"]).rank:
            result.update(
                failed=True, msg=f"{environment} is not as it should be: {summary(findings)}. See the table above."
            )
        return result


def write(path: Path, text: str) -> str:
    """Write one file of the report, in full or not at all; its path."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except OSError as error:
        raise AnsibleActionFail(f"The report cannot be written to {path}: {error.strerror}. Set report_dir.") from error
    return str(path)
