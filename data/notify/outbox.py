"""What the messenger needs of the store; ``data.store.messages`` has it."""

from collections.abc import Collection, Mapping
from typing import Protocol

from data.rules.messages import Delivery, Message, Outlet


class Outbox(Protocol):
    """Channels, and what went through them."""

    def outlets(self) -> list[Outlet]:
        """What people added."""

    def add_outlet(self, outlet: Outlet) -> int:
        """Keep one; its number."""

    def remove_outlet(self, id_: int) -> None:
        """Forget it, and what waits for it."""

    def switch_outlet(self, id_: int, *, enabled: bool) -> None:
        """Let it rest, or go on."""

    def write(self, message: Message, due: Mapping[str, int], now_ms: int) -> None:
        """Have it sent once to each channel, not before the instants in ``due``."""

    def resolve(self, message: Message, due: Mapping[str, int], now_ms: int) -> None:
        """The same, to those who may know of what it is about."""

    def due(self, now_ms: int) -> list[Delivery]:
        """What waits and may go, and all that is being sent."""

    def last_sent(self, now_ms: int) -> dict[str, int]:
        """When each channel got its last message that had to wait for its turn."""

    def claim(self, ids: Collection[int], holder: str, now_ms: int) -> set[int]:
        """Which of these ``holder`` may send."""

    def sent(self, ids: Collection[int], holder: str, now_ms: int) -> None:
        """They arrived."""

    def failed(
        self, ids: Collection[int], holder: str, problem: str, *, at_ms: int
    ) -> None:
        """They are given up."""

    def again(
        self, ids: Collection[int], holder: str, problem: str, *, due_ms: int
    ) -> None:
        """They are tried again."""

    def lose(self, ids: Collection[int], problem: str) -> None:
        """Nobody knows whether they arrived."""

    def drop(self, ids: Collection[int]) -> None:
        """Nobody is told of them."""

    def page(self, limit: int) -> list[Delivery]:
        """The newest, newest first."""

    def problems(self) -> dict[str, str]:
        """Why the last message of each channel did not arrive."""
