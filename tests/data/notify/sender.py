"""A process that leads and sends: ``python -m tests.data.notify.sender STORE MAIL NOW``.

Its clock stands still at NOW, epoch ms. It sends what is due until it is killed.
"""

import sys
from threading import Event

from data.clock import from_ms
from data.monitor.duties import Duties
from data.store import open_store
from tests.conftest import FakeClock
from tests.data.notify.news import messenger_over

_EVERY_S = 0.02


def main(store_url: str, mail_url: str, now: str) -> None:
    clock = FakeClock(from_ms(int(now)))
    store = open_store(store_url)
    messenger = messenger_over(store, clock, mail_url, holder="killed:1")
    duties = Duties({}, store, clock=clock, holder="killed:1", chores=[messenger])
    stop = Event()
    while not stop.wait(_EVERY_S):
        duties.step(stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
