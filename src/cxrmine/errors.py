"""The one error class whose message is meant for a user."""

from __future__ import annotations


class UserError(ValueError):
    """Something a user can put right: a wrong option, a missing file, a broken rule.

    The message is one sentence that says what was wrong, where, and what to do; it holds no
    report text. A command prints it without a traceback and exits with ``exit_code``.

    Parameters
    ----------
    message : str
        The sentence.
    exit_code : int, default 2
        The command's exit status: 2 is wrong usage (1 is kept for runs in which some inputs
        failed).
    """

    def __init__(self, message: str, *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code
