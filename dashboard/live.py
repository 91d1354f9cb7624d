"""The live link: the wire format, the hub, the WebSocket route.

Every message is a full snapshot, made once for all viewers: a lost one costs nothing.
A viewer has one slot; a slow viewer finds the newest message in it and misses the
ones between.
"""

import asyncio
import json
import secrets
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import anyio
from fastapi import FastAPI, WebSocket
from starlette.websockets import WebSocketDisconnect

from dashboard.deps import Deps
from dashboard.offload import offload
from dashboard.views.overview import overview_view
from data.all_sources import ALL, AllSources
from data.clock import Clock, now_ms
from data.engines.base import Finding
from data.exceptions import UnknownSourceError
from data.model import Snapshot
from data.rules.stalls import StallLimits
from data.snapshot import Source

#: A link that was silent for this long gets a sign of life; the browser waits for 12 s.
HEARTBEAT_EVERY_S: Final = 4.0
#: A viewer that takes longer than this to accept a message is let go.
_SEND_LIMIT_S: Final = 10.0
#: Close code for a source that is not there.
CLOSE_UNKNOWN_SOURCE: Final = 4404
#: Tells one run of the server from another: ``seq`` starts anew with each.
BOOT: Final = secrets.token_hex(4)


@dataclass(frozen=True)
class Message:
    """What viewers get of one snapshot: as JSON text, and as data for callbacks."""

    seq: int
    #: stays the same while the view does, whatever the times say
    version: int
    text: str
    view_text: str
    data: dict[str, Any]


class EncodedOnce(str):
    """A text whose bytes are made once, however many viewers it is sent to."""

    __slots__ = ("_bytes",)

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The bytes, the same each time."""
        try:
            return self._bytes
        except AttributeError:
            self._bytes: bytes = super().encode(encoding, errors)
            return self._bytes


class Messages:
    """Makes the message of each snapshot once."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        everything: AllSources,
        *,
        limits: StallLimits,
        clock: Clock,
        build: str = "",
        also: Callable[[], Sequence[Finding]] = tuple,
    ) -> None:
        """``also`` gives what is to be known beside what was found at the sources."""
        self._also = also
        self._places: dict[str, Source | AllSources] = {**sources, ALL: everything}
        self._everything = everything
        self._limits = limits
        self._clock = clock
        self._build = build
        self._made: dict[str, Message] = {}
        self._making = Lock()

    def of(self, snapshot: Snapshot) -> Message:
        """The message of this snapshot, or of a newer one that was made already."""
        with self._making:
            made = self._made.get(snapshot.source)
            if made is None or made.seq < snapshot.seq:
                made = self._make(snapshot, made)
                self._made[snapshot.source] = made
            return made

    def everything(self) -> Snapshot:
        """What is known of all sources now; nothing is read."""
        return self._everything.reader.latest

    def answer(self, snapshot: Snapshot) -> dict[str, Any]:
        """The message as data for a callback, as of now."""
        return {**self.of(snapshot).data, "at": now_ms(self._clock)}

    def heartbeat(self, snapshot: Snapshot, version: int) -> str:
        """A sign of life: the view is still that of ``version``, only the times changed."""
        return json.dumps({"type": "hb", **self._times(snapshot), "version": version})

    def _times(self, snapshot: Snapshot) -> dict[str, int | None]:
        """Now, when the data was read, and how often it is read: what its age is judged by."""
        return {
            "at": now_ms(self._clock),
            "read_at": snapshot.read_at,
            "every": snapshot.every_ms,
        }

    def _make(self, snapshot: Snapshot, before: Message | None) -> Message:
        findings = [*self._places[snapshot.source].reader.findings, *self._also()]
        view = overview_view(snapshot, self._limits, findings)
        view_text = json.dumps(view, separators=(",", ":"), ensure_ascii=False)
        version = before.version if before else 0
        if before is None or before.view_text != view_text:
            version += 1
        head = {
            "type": "snapshot",
            "source": snapshot.source,
            "seq": snapshot.seq,
            "boot": BOOT,
            "build": self._build,
            "version": version,
            **self._times(snapshot),
        }
        text = EncodedOnce(f'{json.dumps(head)[:-1]},"view":{view_text}}}')
        data = {**head, "view": view}
        return Message(snapshot.seq, version, text, view_text, data)


class Slot:
    """Holds the newest text for one viewer."""

    def __init__(self, first: Message) -> None:
        self._queue: asyncio.Queue[str] = asyncio.Queue(1)
        self._queue.put_nowait(first.text)
        self.version = first.version
        #: messages sent so far, and whether one is on its way
        self.sent = 0
        self.sending = False

    def put(self, message: Message, heartbeat: str) -> None:
        """Replace what was not fetched yet; a view that is there already is not resent."""
        if message.version == self.version:
            self.remind(heartbeat)
            return
        self.version = message.version
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(message.text)

    def remind(self, heartbeat: str) -> None:
        """Send a sign of life when there is nothing else to send."""
        if self._queue.empty():
            self._queue.put_nowait(heartbeat)

    async def get(self) -> str:
        """Wait for the next text."""
        return await self._queue.get()


class Hub:
    """The viewers of one process, by source."""

    def __init__(self, messages: Messages) -> None:
        self.messages = messages
        self._viewers: defaultdict[str, set[Slot]] = defaultdict(set)
        #: the newest snapshot of each source that a viewer follows
        self._newest: dict[str, Snapshot] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def viewers(self) -> int:
        """How many sockets are open."""
        return sum(map(len, [*self._viewers.values()]))

    def newest(self, source: str) -> Snapshot | None:
        """The newest snapshot that its viewers were told of; makes nothing."""
        return self._newest.get(source)

    def publish(self, snapshot: Snapshot) -> None:
        """Hand a snapshot to every viewer of its source; from any thread but the loop's."""
        if self._loop is None or self._loop.is_closed():
            return
        if self._viewers.get(snapshot.source):
            self._hand_out(snapshot)
        if self._viewers.get(ALL) and snapshot.source != ALL:
            self._hand_out(self.messages.everything())

    def catch_up(self, snapshot: Snapshot, seq: int) -> None:
        """Publish it if it came after ``seq``, while a viewer was about to join."""
        self._newest.setdefault(snapshot.source, snapshot)
        if snapshot.seq > seq:
            self.publish(snapshot)

    def _hand_out(self, snapshot: Snapshot) -> None:
        if self._loop is None:
            return
        self._newest[snapshot.source] = snapshot
        message = self.messages.of(snapshot)
        heartbeat = self.messages.heartbeat(snapshot, message.version)
        self._loop.call_soon_threadsafe(
            self._distribute, snapshot.source, message, heartbeat
        )

    def join(self, source: str, first: Message) -> Slot:
        """A slot for a new viewer, with its first message; on the event loop."""
        self._loop = asyncio.get_running_loop()
        slot = Slot(first)
        self._viewers[source].add(slot)
        return slot

    def leave(self, source: str, slot: Slot) -> None:
        """Forget a viewer; on the event loop."""
        self._viewers[source].discard(slot)

    def _distribute(self, source: str, message: Message, heartbeat: str) -> None:
        for slot in self._viewers[source]:
            slot.put(message, heartbeat)


def register(server: FastAPI, deps: Deps, hub: Hub) -> None:
    """Attach the route ``/live?source=NAME``."""

    @server.websocket(f"{deps.look.prefix}live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        try:
            source = deps.place(socket.query_params.get("source"))
        except UnknownSourceError:
            await socket.close(CLOSE_UNKNOWN_SOURCE)
            return
        # the event loop makes nothing of a snapshot and waits for nobody who does
        first = await offload(
            lambda: hub.messages.of(source.reader.current()), lane=source.name
        )()
        slot = hub.join(source.name, first)
        await offload(
            lambda: hub.catch_up(source.reader.latest, first.seq), lane=source.name
        )()
        try:
            await _serve(socket, slot, source.name, hub)
        finally:
            hub.leave(source.name, slot)


async def _serve(socket: WebSocket, slot: Slot, source: str, hub: Hub) -> None:
    """Send until the viewer is gone; whichever side ends first ends the others."""
    async with anyio.create_task_group() as tasks:

        async def until_it_ends(work: Coroutine[Any, Any, None]) -> None:
            try:
                await work
            except (WebSocketDisconnect, TimeoutError, KeyError, RuntimeError, OSError):
                tasks.cancel_scope.cancel()

        tasks.start_soon(until_it_ends, _notice_leaving(socket))
        tasks.start_soon(until_it_ends, _keep_alive(slot, source, hub))
        await until_it_ends(_send_all(socket, slot))


async def _notice_leaving(socket: WebSocket) -> None:
    """Viewers have nothing to say; the socket tells when they are gone."""
    while True:
        await socket.receive_text()


async def _send_all(socket: WebSocket, slot: Slot) -> None:
    while True:
        text = await slot.get()
        slot.sending = True
        await socket.send_text(text)
        slot.sending = False
        slot.sent += 1


async def _keep_alive(slot: Slot, source: str, hub: Hub) -> None:
    """A sign of life when nothing was sent; raises TimeoutError when nothing can be.

    One timer a viewer: one for each message would cost as much as sending it.
    """
    look_s = HEARTBEAT_EVERY_S / 2
    stuck_s = 0.0
    while stuck_s < _SEND_LIMIT_S:
        sent = slot.sent
        await asyncio.sleep(look_s)
        stuck_s = stuck_s + look_s if slot.sending and slot.sent == sent else 0.0
        newest = hub.newest(source)
        if newest and slot.sent == sent and not slot.sending:
            slot.remind(hub.messages.heartbeat(newest, slot.version))
    raise TimeoutError
