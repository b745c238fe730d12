"""Errors as a ClickHouse server words them: a code and a text that clients parse."""

from __future__ import annotations

import re

_CODE = re.compile(r"Code: (\d+)")
_STATUS = {
    6: 400, 27: 400, 36: 400, 41: 400, 43: 400, 46: 404, 47: 404, 48: 501, 53: 400, 60: 404, 62: 400, 81: 404,
    159: 408, 164: 403, 192: 403, 194: 401, 202: 503, 497: 403, 516: 403,
}  # fmt: skip
UNKNOWN = 1002


class QueryError(Exception):
    """A request that is refused before the engine sees it.

    Parameters
    ----------
    code
        ClickHouse's number of the error.
    text
        What is wrong, ending with the error's name in brackets.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text}")


def message(error: Exception) -> str:
    """Return the text for the client: it begins with ``Code:`` whatever raised the error.

    Examples
    --------
    >>> message(QueryError(62, "Syntax error. (SYNTAX_ERROR)"))
    'Code: 62. DB::Exception: Syntax error. (SYNTAX_ERROR)'
    >>> message(RuntimeError("broken"))
    'Code: 1002. DB::Exception: broken (UNKNOWN_EXCEPTION)'
    """
    text = str(error)
    at = text.find("Code: ")
    return text[at:].rstrip() if at >= 0 else f"Code: {UNKNOWN}. DB::Exception: {text.strip()} (UNKNOWN_EXCEPTION)"


def code_and_status(text: str) -> tuple[int, int]:
    """Return the error's code and the HTTP status that a server gives it.

    Examples
    --------
    >>> code_and_status("Code: 60. DB::Exception: no such table")
    (60, 404)
    """
    found = _CODE.match(text)
    code = int(found.group(1)) if found else UNKNOWN
    return code, _STATUS.get(code, 500)
