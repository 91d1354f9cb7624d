"""The one error of this package."""


class SettingsError(ValueError):
    """A setting is unknown, unreadable or at odds with another.

    The message is one line: key, value (secrets masked), and what is allowed.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(" ".join(sentence.split()))
