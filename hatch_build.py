"""Build the console into the package, so that installing a wheel needs no Node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path("src/shopkeeper/apps/service/static")


class ConsoleBuildHook(BuildHookInterface):
    """Run the console's own build unless its files are already there."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the console unless it is there; an editable install builds nothing."""
        if version == "editable":
            return
        root = Path(self.root)
        if not (root / STATIC / "index.html").exists():
            npm = shutil.which("npm")
            if npm is None:
                message = "building the console needs Node 20.19 or newer; install it and retry"
                raise RuntimeError(message)
            subprocess.run([npm, "ci"], cwd=root / "console", check=True)
            subprocess.run([npm, "run", "build"], cwd=root / "console", check=True)
        build_data["artifacts"].append(f"{STATIC}/**")
