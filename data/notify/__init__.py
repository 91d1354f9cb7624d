"""Messages to people: mail, chats, webhooks, through apprise."""

from data.notify.messenger import Messenger

__all__ = ["Messenger"]
