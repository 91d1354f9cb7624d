"""``job-manager doctor``: is everything as it should be, and what helps?"""

import argparse
import json
from dataclasses import asdict
from typing import Any

from dashboard.commands.tools import EXIT_FAILED, Tools, say, settings_with_sources
from data.clock import utc_now
from data.doctor import Finding, examine, is_well


def add(commands: Any) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "doctor", help="check sources and store, and say what helps"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, tools: Tools) -> int:
    """One line a finding with its mend below; 1 when something is to be mended."""
    settings = settings_with_sources()
    sources = tools.open_sources(settings)
    findings = examine(sources, settings.store_url.get_secret_value(), utc_now)
    for source in sources.values():
        source.engine.close()
    if asked.json:
        well = is_well(findings)
        found = {"ok": well, "findings": [asdict(one) for one in findings]}
        say(json.dumps(found, indent=2))
    else:
        for finding in findings:
            say(_told(finding))
    return 0 if is_well(findings) else EXIT_FAILED


def _told(finding: Finding) -> str:
    head = f"{finding.grade.value:<4}  {finding.where}: {finding.message}"
    mend = "".join(f"\n        {line}" for line in finding.mend.splitlines())
    return head + mend
