"""Channels: those of the settings, how all of them look, when they may be told."""

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from data.exceptions import InvalidRequestError
from data.model import Severity
from data.notify.addresses import masked, opened
from data.rules.messages import Channel, Message, Outlet
from data.rules.quiet import quiet_of, quiet_until


def fixed_outlets(urls: Sequence[str]) -> list[Outlet]:
    """The channels of the settings, each once, called after their addresses.

    Raises InvalidRequestError, which says which one cannot be used, and why.
    """
    names: Counter[str] = Counter()
    found = []
    for place, url in enumerate(dict.fromkeys(urls), start=1):
        try:
            opened(url)
        except InvalidRequestError as error:
            raise InvalidRequestError(f"address {place}: {error}") from None
        name = masked(url)
        names[name] += 1
        called = name if names[name] == 1 else f"{name} ({names[name]})"
        key = f"set-{blake2b(url.encode(), digest_size=6).hexdigest()}"
        found.append(Outlet(key, called, url, Severity.INFO, "", True, 0, ""))  # noqa: FBT003
    return found


def due_at(outlets: Sequence[Outlet], message: Message, now_ms: int) -> dict[str, int]:
    """When each may be told: at once, or after its quiet hours."""
    if message.severity is Severity.CRITICAL:
        return {outlet.key: now_ms for outlet in outlets}
    return {
        outlet.key: quiet_until(quiet_of(outlet.quiet), now_ms) or now_ms
        for outlet in outlets
    }


def shown(outlet: Outlet, id_: int | None, problems: Mapping[str, str]) -> Channel:
    """An outlet as people see it; ``problems`` by key."""
    return Channel(
        key=outlet.key,
        id=id_,
        name=outlet.name,
        address=masked(outlet.url),
        min_severity=outlet.min_severity,
        quiet=outlet.quiet,
        enabled=outlet.enabled,
        problem=problems.get(outlet.key, ""),
        made_at=outlet.made_at,
        made_by=outlet.made_by,
    )
