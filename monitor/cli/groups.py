"""Groups of commands that list something when none of them is named."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

DEFAULT = "list"
"""What `quaywatch alerts` does without the name of a command."""


class Listing(TyperGroup):
    """Takes `alerts`, `alerts ID` and `alerts --all` for `alerts list ...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """With the name of the default command put before arguments that name none."""
        named = next((a for a in args if not a.startswith("-")), None)
        if named in self.commands or (named is None and "--help" in args):
            return super().parse_args(ctx, args)
        return super().parse_args(ctx, [DEFAULT, *args])
