"""``job-manager openapi``: the description of the JSON interface."""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import SecretStr

from dashboard.api import description
from dashboard.commands.tools import Tools, say, settings_here


def add(commands: Any) -> None:
    """Describe the command."""
    parser = commands.add_parser("openapi", help="print the description of /api")
    parser.set_defaults(run=run)


def run(_asked: argparse.Namespace, tools: Tools) -> int:
    """Print it; no database is needed, and none is touched."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder, 'store.db')}"
        settings = settings_here().model_copy(update={"store_url": SecretStr(url)})
        deps = tools.compose(settings).deps
        say(json.dumps(description(deps), indent=2))
        deps.store.close()
    return 0
