"""What rules and panels ask for, and what is told: names and labels."""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

_ASKED = re.compile(r"\b(jobmanager(?::[a-z0-9_]+)+|jobmanager_[a-z0-9_]+)(\{[^}]*\})?")
_LABEL = re.compile(r'([a-z_]+)\s*(=~|!=|!~|=)\s*"([^"]*)"')
_BY = re.compile(r"\bby\s*\(([^)]*)\)")


class Asked(NamedTuple):
    """One metric in an expression."""

    name: str
    #: label to value, where it must equal one
    labels: Mapping[str, str]


def asked_in(expression: str) -> list[Asked]:
    return [
        Asked(name, {label: value for label, _, value in _LABEL.findall(more)})
        for name, more in _ASKED.findall(expression)
    ]


def grouped_by(expression: str) -> set[str]:
    """The labels that an expression sums or folds by."""
    found = ",".join(_BY.findall(expression))
    return {label.strip() for label in found.split(",") if label.strip()}


def is_balanced(expression: str) -> bool:
    """Does every bracket have its other half?"""
    bare = re.sub(r'"[^"]*"', "", expression)
    while bare != (
        bare := re.sub(r"\([^()[\]{}]*\)|\[[^()[\]{}]*\]|\{[^()[\]{}]*\}", "", bare)
    ):
        pass
    return not re.search(r"[()[\]{}]", bare)


class Exposed:
    """What a page of metrics tells."""

    def __init__(self, text: str) -> None:
        self.values: dict[str, dict[tuple[tuple[str, str], ...], float]] = defaultdict(
            dict
        )
        #: as people call them: a histogram is one
        self.names: set[str] = set()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = tuple(sorted(sample.labels.items()))
                self.values[sample.name][labels] = sample.value
                is_histogram = family.type == "histogram"
                self.names.add(family.name if is_histogram else sample.name)

    def labels(self, name: str) -> set[str]:
        return {label for labels in self.values[name] for label, _ in labels}

    def has(self, asked: Asked) -> bool:
        """Is there a sample that this asks for?"""
        wanted = asked.labels.items()
        return any(
            wanted <= dict(labels).items() for labels in self.values.get(asked.name, ())
        )

    def value(self, name: str, **labels: str) -> float:
        return self.values[name][tuple(sorted(labels.items()))]
