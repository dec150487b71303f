"""What the importer says when it cannot go on: one line, then exit status 1."""

import sys


class ImportFailure(Exception):
    """Something about the user's program or command line; str() is one line."""

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).split()))


class Unsupported(Exception):
    """An op that is known, but not in this form; str() says what is missing, and what to do."""


def remark(message: str) -> None:
    """Something the user should know, on standard error; the import goes on."""
    print(f"fabric-import: remark: {message}", file=sys.stderr)


def user_failure(what: str, error: BaseException) -> ImportFailure:
    """The user's code raised `error` in `what`: its type, its first line, and where in the user's files."""
    from .locations import innermost_user_frame

    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    frame = innermost_user_frame(error.__traceback__)
    return ImportFailure(f"{frame}: {what}: {text}" if frame else f"{what}: {text}")
