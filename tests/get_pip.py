# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-test runs to get pip into its virtual environments, without the download that it would make itself.

Python brings a pip of its own (ensurepip), and that pip installs the version that ansible-test pins.
"""

import subprocess
import sys

# In a process of its own, because it makes pip deaf to its configuration.
subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True)
options = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
subprocess.run([sys.executable, "-m", "pip", "install", *options], check=True)
