"""What a reply tells of itself to who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

if TYPE_CHECKING:
    from typing_extensions import NotRequired

    from ._events import Warned
    from ._types import StreamExplain


class Explain(TypedDict):
    """Where the time of an answer went and where its data came from. Times are in microseconds."""

    server_us: int
    """From when the server had read the request until it had made the reply."""
    source: str
    """Where the data came from: `redis`; `near_cache`, what was read before and has not changed
    since; `embedded`, the server's own store; `topic`, what is watched for streams; `server`, what
    the server knows of itself.
    """
    age_us: NotRequired[int]
    """Of what is kept in the near cache: how long ago it was read."""
    waited_us: NotRequired[int]
    """Of a read: how long it waited for its turn, behind another of the same, say."""
    redis_us: NotRequired[int]
    """Of a read: for how long Redis, or the server's own store, had yet to answer."""
    commands: NotRequired[dict[str, int]]
    """Of a read: how many commands were sent, by their names. A scan that was kept sends none."""
    shared_by: NotRequired[int]
    """Of a read: how many requests it answered, this one among them."""
    stream: NotRequired[StreamExplain]
    """Of a stream: how it is served."""


class Explained(NamedTuple):
    """All that a reply holds."""

    result: Any
    """The result, as the operation's method gives it."""
    warnings: list[Warned]
    """What had to be left out of it."""
    explain: Explain
    """Where its time went and where its data came from."""
