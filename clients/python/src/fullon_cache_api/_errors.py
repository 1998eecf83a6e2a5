"""What can go wrong: one class for each error code of the server, and some of the client's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._explain import Explain


class CacheApiError(Exception):
    """Something went wrong. All errors of this package are of this class."""

    code: str = "UNKNOWN"
    """The stable name of what went wrong, e.g. `CACHE_MISS`."""
    retryable: bool = False
    """Whether the same may well succeed a little later."""
    details: list[dict[str, str]]
    """Of `INVALID_PARAMS`: each violation, with the `path` and the `message`; else empty."""
    retry_after: float | None
    """The seconds after which the server wants to be asked again, if it said so."""
    operation: str | None
    """The operation that failed, if it was one."""
    explain: Explain | None
    """Where the time of the server's answer went, if that was asked."""

    _by_code: ClassVar[dict[str, type[CacheApiError]]] = {}

    def __init_subclass__(cls) -> None:
        CacheApiError._by_code[cls.code] = cls

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: list[dict[str, str]] | None = None,
        retry_after: float | None = None,
        operation: str | None = None,
        explain: Explain | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = details or []
        self.retry_after = retry_after
        self.retryable = type(self).retryable or retry_after is not None
        self.operation = operation
        self.explain = explain

    def __str__(self) -> str:
        """The sentence, and what exactly is wrong with the params."""
        about = f"{self.operation}: " if self.operation else ""
        lines = [f"  {detail.get('path')}: {detail.get('message')}" for detail in self.details]
        return "\n".join([about + self.message, *(lines if len(lines) > 1 else [])])

    @staticmethod
    def from_code(code: str, message: str, **more: Any) -> CacheApiError:
        """Make the error of a code; of one that is not known, a plain `CacheApiError` with it."""
        return CacheApiError._by_code.get(code, CacheApiError)(message, code=code, **more)

    @staticmethod
    def from_reply(reply: Mapping[str, Any], operation: str | None = None) -> CacheApiError:
        """Make the error that a reply tells."""
        wait = reply.get("retry_after_ms")
        return CacheApiError.from_code(
            reply.get("error_code", "UNKNOWN"),
            reply.get("error", "the server did not say why"),
            details=reply.get("details"),
            retry_after=None if wait is None else wait / 1000,
            operation=operation,
            explain=reply.get("explain"),
        )


class MalformedMessage(CacheApiError, ValueError):
    """The message is no JSON, no object, or nests too deep."""

    code = "MALFORMED_MESSAGE"


class InvalidOperation(CacheApiError):
    """The server has no such operation, or it is switched off."""

    code = "INVALID_OPERATION"


class InvalidParams(CacheApiError, ValueError):
    """The params break the operation's schema; `details` has every violation."""

    code = "INVALID_PARAMS"


class CacheMiss(CacheApiError, LookupError):
    """Nothing is stored under that key."""

    code = "CACHE_MISS"


class CacheCorrupt(CacheApiError):
    """What is stored there is not what it should be."""

    code = "CACHE_CORRUPT"


class CacheUnavailable(CacheApiError):
    """The server cannot reach its Redis."""

    code = "CACHE_UNAVAILABLE"
    retryable = True


class CacheTimeout(CacheApiError, TimeoutError):
    """The Redis did not answer the server in time."""

    code = "CACHE_TIMEOUT"
    retryable = True


class Unauthenticated(CacheApiError, PermissionError):
    """There is no token, or it is not valid (any more)."""

    code = "UNAUTHENTICATED"


class Forbidden(CacheApiError, PermissionError):
    """The login is good but may not read this."""

    code = "FORBIDDEN"


class RateLimited(CacheApiError):
    """There are too many requests."""

    code = "RATE_LIMITED"
    retryable = True


class LimitExceeded(CacheApiError):
    """There are too many streams, symbols or bytes."""

    code = "LIMIT_EXCEEDED"


class Overloaded(CacheApiError):
    """The server has too much to do."""

    code = "OVERLOADED"
    retryable = True


class InternalError(CacheApiError):
    """The server has a defect; its log tells more."""

    code = "INTERNAL_ERROR"


class ConnectionLost(CacheApiError, ConnectionError):
    """The server cannot be reached, or went away before it answered."""

    code = "CONNECTION_LOST"
    retryable = True


class WrongAddress(CacheApiError, ConnectionError):
    """The address is none, or answers, but not with this API: asking again would not help."""

    code = "WRONG_ADDRESS"


class CallTimeout(CacheApiError, TimeoutError):
    """The server did not answer within the time of a call."""

    code = "CALL_TIMEOUT"
    retryable = True


class ClientClosed(CacheApiError):
    """The client has been closed, or was never connected."""

    code = "CLIENT_CLOSED"


class StreamGap(CacheApiError):
    """Entries of a log may be missing. The stream may be opened again.

    With `events=True` a stream yields `Gap` instead of raising this.
    """

    code = "STREAM_GAP"
    retryable = True


class ServerFailed(CacheApiError):
    """The server process cannot be started, or ended with an error."""

    code = "SERVER_FAILED"
