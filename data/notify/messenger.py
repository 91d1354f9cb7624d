"""Takes news to people: through every channel that wants them, once each.

What is to be said is written down first. A process claims it before it sends it, and
notes afterwards what became of it: two never send the same, and of a process that died
meanwhile it is known what it may not have sent.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import groupby
from threading import Lock
from typing import Final

from data.clock import SECOND_MS, Clock
from data.clock import now_ms as read_ms
from data.exceptions import DataError, InvalidRequestError
from data.model import AlertNews, Severity
from data.notify.addresses import masked, opened
from data.notify.channels import due_at, fixed_outlets, shown
from data.notify.courier import Outcome, deliver
from data.notify.handover import Handover
from data.notify.line import Letter, Line
from data.notify.outbox import Outbox
from data.notify.texts import message_of, plain, test_of, together_in_words
from data.rules.messages import (
    CLAIM_MS,
    SEND_LIMIT_MS,
    Channel,
    Delivery,
    DeliveryState,
    Message,
    Outlet,
    next_try,
    together,
    wants,
)
from data.rules.quiet import quiet_of

log = logging.getLogger(__name__)

_HANGS: Final = f"no answer within {SEND_LIMIT_MS // SECOND_MS} s"
_DIED: Final = "may not have been sent: the process that was sending it ended"
_NO_ANSWER: Final = "sent, but no answer came: it may have arrived"
_NAME_BYTES: Final = 100
_MOST_CHANNELS: Final = 50
_ORDER: Final = tuple(Severity)


class Messenger:
    """Writes down what is to be said, and sends it: a chore of the leading process.

    ``urls`` are the addresses of the settings, ``home`` the address of the overview;
    ``warn`` is told of a channel that fails, once until it works again.
    Raises InvalidRequestError when an address cannot be used.
    """

    name: Final = "messages"
    every_ms: Final = 5 * SECOND_MS

    def __init__(
        self,
        outbox: Outbox,
        *,
        clock: Clock,
        holder: str,
        home: str,
        urls: Sequence[str] = (),
        warn: Callable[[str], object] = log.warning,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._holder = holder
        self._home = home
        self._fixed = fixed_outlets(urls)
        self._warn = warn
        self._lines: dict[str, Line] = {}
        self._failing: set[str] = set()
        #: two threads may send: that of the duties, and whoever tries a channel
        self._lock = Lock()

    def tell(self, event: AlertNews, now_ms: int) -> None:
        """Have every channel told that wants to know; the same again is told once."""
        message = message_of(event, self._home)
        outlets = self._outlets()
        if event.kind == "resolved":
            told = [outlet for outlet in outlets if outlet.enabled]
            self._outbox.resolve(message, due_at(told, message, now_ms), now_ms)
        else:
            self._say(message, event.severity, outlets, now_ms)

    def announce(self, message: Message, now_ms: int) -> None:
        """Have it said to all but those who want to know of critical things only."""
        self._say(message, Severity.WARNING, self._outlets(), now_ms)

    def do(self, now_ms: int) -> None:
        """Send what is due; waits for no channel. Raises DataError."""
        self._give_up(now_ms)
        due = self._outbox.due(now_ms)
        if not due:
            return
        self._note_dead(due, now_ms)
        outlets = {outlet.key: outlet for outlet in self._outlets()}
        last = self._outbox.last_sent(now_ms)
        for key, own in _by_channel(due).items():
            if key in outlets:
                now = together(own, last.get(key), now_ms)
                self._send(outlets[key], now, now_ms)
            else:
                self._outbox.drop([one.id for one in own])

    def channels(self) -> list[Channel]:
        """All channels, those of the settings first."""
        problems = self._outbox.problems()
        fixed = [shown(outlet, None, problems) for outlet in self._fixed]
        added = self._outbox.outlets()
        return fixed + [shown(outlet, int(outlet.key), problems) for outlet in added]

    def add(
        self,
        name: str,
        url: str,
        *,
        min_severity: Severity,
        quiet: str,
        by: str,
        at_ms: int,
    ) -> int:
        """Add a channel; its number. Raises InvalidRequestError with the reason."""
        opened(url)
        quiet_of(quiet)
        if len(self._outbox.outlets()) >= _MOST_CHANNELS:
            raise InvalidRequestError(f"There are {_MOST_CHANNELS} channels already.")
        outlet = Outlet(
            key="",
            name=plain(name, _NAME_BYTES) or masked(url),
            url=url.strip(),
            min_severity=Severity(min_severity),
            quiet=quiet.strip(),
            enabled=True,
            made_at=at_ms,
            made_by=by,
        )
        return self._outbox.add_outlet(outlet)

    def remove(self, id_: int) -> None:
        """Remove a channel; what waits for it is not sent."""
        self._outbox.remove_outlet(id_)

    def switch(self, id_: int, *, enabled: bool) -> None:
        """Let a channel rest, or go on; what waits for one that rests is not sent."""
        self._outbox.switch_outlet(id_, enabled=enabled)

    def test(self, key: str, now_ms: int) -> None:
        """Send a test to one channel at once; what becomes of it is a delivery.

        Raises InvalidRequestError when there is no such channel.
        """
        found = [outlet for outlet in self._outlets() if outlet.key == key]
        if not found:
            raise InvalidRequestError("There is no such channel. It may be removed.")
        message = test_of(found[0].name, self._home, now_ms)
        self._outbox.write(message, {key: now_ms}, now_ms)
        own = _by_channel(self._outbox.due(now_ms)).get(key, [])
        self._send(found[0], together(own, None, now_ms), now_ms)

    def deliveries(self, limit: int) -> list[Delivery]:
        """What was, is or will be sent, newest first."""
        return self._outbox.page(limit)

    def _outlets(self) -> list[Outlet]:
        return [*self._fixed, *self._outbox.outlets()]

    def _say(
        self,
        message: Message,
        severity: Severity,
        outlets: Sequence[Outlet],
        now_ms: int,
    ) -> None:
        told = [outlet for outlet in outlets if wants(outlet, severity)]
        if told:
            self._outbox.write(message, due_at(told, message, now_ms), now_ms)

    def _send(self, outlet: Outlet, now: Sequence[Delivery], now_ms: int) -> None:
        """Claim these and send those that were got; nothing while the line is busy."""
        with self._lock:
            line = self._lines.setdefault(outlet.key, Line(_deliver, self._told))
            if not now or (line.is_busy and not line.hangs):
                return
            got = self._outbox.claim([one.id for one in now], self._holder, now_ms)
            deliveries = tuple(one for one in now if one.id in got)
            letter = Letter(outlet, deliveries, Handover(_key_of(deliveries)))
            if got and not line.start(letter, now_ms):
                self._missed(letter, _HANGS, now_ms)

    def _give_up(self, now_ms: int) -> None:
        """Note which letters take too long; they may still arrive."""
        for line in [*self._lines.values()]:
            letter = line.give_up(now_ms, SEND_LIMIT_MS)
            if letter is not None and letter.handover.give_up():
                self._outbox.lose(letter.ids, _NO_ANSWER)
            elif letter is not None:
                self._missed(letter, _HANGS, now_ms)

    def _note_dead(self, due: Sequence[Delivery], now_ms: int) -> None:
        lost = [
            one.id
            for one in due
            if one.state is DeliveryState.SENDING
            and now_ms - (one.done_at or 0) >= CLAIM_MS
        ]
        if lost:
            self._outbox.lose(lost, _DIED)

    def _told(self, letter: Letter, outcome: Outcome, given_up: bool) -> None:  # noqa: FBT001
        """Note what became of a letter, in its line's thread."""
        now = read_ms(self._clock)
        try:
            if not outcome.problem:
                self._outbox.sent(letter.ids, self._holder, now)
                self._failing.discard(letter.outlet.key)
            elif outcome.unknown:
                self._outbox.lose(letter.ids, _NO_ANSWER)
            elif outcome.in_part:
                self._fail(letter.ids, letter.outlet, outcome.problem, now)
            elif not given_up:
                self._missed(letter, outcome.problem, now)
        except DataError as error:
            log.warning("what became of a message could not be noted: %s", error)

    def _missed(self, letter: Letter, problem: str, now_ms: int) -> None:
        """Try again what did not arrive, or give it up."""
        for due_ms, some in groupby(
            letter.deliveries, lambda one: next_try(one, now_ms)
        ):
            ids = [one.id for one in some]
            if due_ms is None:
                self._fail(ids, letter.outlet, problem, now_ms)
            else:
                self._outbox.again(ids, self._holder, problem, due_ms=due_ms)

    def _fail(
        self, ids: Sequence[int], outlet: Outlet, problem: str, now_ms: int
    ) -> None:
        """Give these up, and say once that the channel fails."""
        self._outbox.failed(ids, self._holder, problem, at_ms=now_ms)
        if outlet.key not in self._failing:
            self._failing.add(outlet.key)
            self._warn(f"Messages do not arrive at {outlet.name}: {problem}")


def _deliver(letter: Letter) -> Outcome:
    title, body = together_in_words(letter.deliveries)
    worst = max((one.severity for one in letter.deliveries), key=_ORDER.index)
    pictures = [one.picture for one in letter.deliveries if one.picture]
    url, handover = letter.outlet.url, letter.handover
    return deliver(url, worst, title, body, pictures, handover=handover)


def _key_of(deliveries: Sequence[Delivery]) -> str:
    """The same for each try of the same messages, and for no others."""
    return " ".join(f"{one.channel}/{one.key}/{one.made_at}" for one in deliveries)


def _by_channel(due: Sequence[Delivery]) -> dict[str, list[Delivery]]:
    """What waits, by channel, oldest first."""
    found = defaultdict(list)
    for one in due:
        if one.state is DeliveryState.WAITING:
            found[one.channel].append(one)
    return found
