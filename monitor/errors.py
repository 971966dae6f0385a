"""Every error the tool raises on purpose.

QuaywatchError                  what went wrong, where, and what to do next
├── UsageError                  the person or a file of theirs: exit code 2
│   ├── ConfigError             config.toml
│   ├── WorkspaceError          the workspace folder: missing, unwritable, locked
│   ├── AoiError                an area of interest
│   ├── NarrativeError          a claim, expectation or document
│   └── StoreError              the database of the workspace
├── SourceError                 imagery cannot be had now: exit code 3
│   ├── NoSource                none of the sources could be asked
│   ├── NotYet                  a scene is listed, but still on its way to where its pixels are made
│   ├── QuotaError              units or requests of the account are used up
│   └── SceneError              one scene cannot be used; the others can
├── NothingUsable               looked, and found nothing that can be measured: exit code 4
└── DeliveryError(permanent)    a message was not accepted
"""

from __future__ import annotations

from collections.abc import Mapping


class QuaywatchError(Exception):
    """What went wrong and where (`message`), and what to do next (`hint`)."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        """Two lines for a person: what and where, then what to do."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class UsageError(QuaywatchError):
    """The command line or a file of the user is wrong."""


class ConfigError(UsageError):
    """config.toml cannot be used as it is."""


class WorkspaceError(UsageError):
    """The workspace folder is missing, unwritable, or in use."""


class AoiError(UsageError):
    """An area of interest cannot be used as it is."""


class NarrativeError(UsageError):
    """A document, claim or expectation cannot be used as it is."""


class StoreError(UsageError):
    """The database of the workspace cannot be used."""


class SourceError(QuaywatchError):
    """A source of imagery cannot be used, or not now: trying again later may help."""

    exit_code = 3


class NoSource(SourceError):
    """None of the sources of a workspace could be asked. `failed`: source -> why."""

    def __init__(self, message: str, hint: str = "", *, failed: Mapping[str, str]) -> None:
        """As any of our errors, and what each source said."""
        super().__init__(message, hint)
        self.failed = failed


class NotYet(SourceError):
    """A scene is listed, but its pixels are not there yet. No fault of the source."""


class QuotaError(SourceError):
    """The units or requests of an account are used up, or would be by this request."""


class SceneError(SourceError):
    """One scene cannot be read, and trying again is of no use. The look it belongs to is unusable, and says so."""


class NothingUsable(QuaywatchError):
    """No look could be measured. Not the same as: nothing happened."""

    exit_code = 4


class DeliveryError(QuaywatchError):
    """A message was not accepted. `permanent`: trying again is of no use."""

    def __init__(self, message: str, hint: str = "", *, permanent: bool) -> None:
        """As any of our errors, and whether it is final."""
        super().__init__(message, hint)
        self.permanent = permanent
