"""What a stream tells beside its updates, and what all updates have in common."""

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from ._compat import NotRequired


class Update(TypedDict):
    """What every update of a stream has."""

    request_id: str
    """The `request_id` of the request that opened the stream."""
    update_id: int
    """The version of what is watched; the same for all who watch the same."""
    prev_id: int | None
    """The `update_id` of the update sent before this one; the client has checked it."""
    snapshot: NotRequired[Literal[True]]
    """There if this is part of the present state that a stream begins with."""


class StateUpdate(Update):
    """What every update of a state has, in which items come, change and go."""

    removed: NotRequired[Literal[True]]
    """There if the item is gone; then only the members that name it are there too."""


class StreamSettings(TypedDict):
    """How the server serves a stream."""

    update_type: str
    """The `type` of its updates."""
    push: str
    """How change is noticed: `channel`, `tracking` or `poll`."""
    poll_interval_ms: int
    """Milliseconds between two looks, where change is noticed by polling."""
    min_interval_ms: int
    """Milliseconds between two updates of one item at the least."""
    epoch: str
    """Tells this course of `update_id`s from any other."""
    resumed: bool
    """Whether the stream goes on where the earlier one ended."""


@dataclass(frozen=True, slots=True)
class Reconnecting:
    """The connection is lost; when there is a new one the stream goes on, and tells `Fresh`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stale:
    """The server cannot vouch for the last known state any more, e.g. for its Redis is gone."""

    since: float
    """Since when, in seconds since the epoch."""
    reason: str


@dataclass(frozen=True, slots=True)
class Fresh:
    """The stream is followed again.

    After `Stale` what was missed came before this; after `Reconnecting` it comes next.
    """


@dataclass(frozen=True, slots=True)
class Gap:
    """Something may have been missed.

    Of a log: entries. Of a state: removals, which are told when all that is there has been told
    again.
    """

    first: int | None
    """The first `update_id` that is missing; None: not known, for the server counts anew."""
    last: int | None
    """The last one; None: not known."""
    reason: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something is stored in a form that is corrupt. What was last told of it stands."""

    operation: str
    code: str
    message: str
    item: str | None


Event = Reconnecting | Stale | Fresh | Gap | Warned
"""What a stream yields beside its updates, if it was asked to by `events=True`."""


def warning(operation: str, message: dict[str, Any]) -> Warned:
    """Make a `Warned` of what the server said."""
    return Warned(operation, message["error_code"], message["error"], message.get("item"))
