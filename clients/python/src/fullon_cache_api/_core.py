"""What the generated methods are built on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ._link import Link
from ._stream import Stream
from ._subscription import Subscription

if TYPE_CHECKING:
    from ._connect import Settings
    from ._queue import Kind


class Core:
    """What the generated methods are built on. They alone have public names."""

    def __init__(self, settings: Settings) -> None:
        self._link = Link(settings)
        self._call = self._link.call

    def _stream(
        self,
        operation: str,
        params: dict[str, Any],
        *,
        kind: Kind,
        named_by: tuple[str, ...] = (),
        events: bool = False,
    ) -> Stream[Any]:
        """Make a stream. It is opened when it is read.

        `named_by` are the members of an update that name the item of a state.
        """
        link = self._link
        make = partial(
            Subscription,
            link,
            operation,
            {name: value for name, value in params.items() if value is not None},
            kind=kind,
            named_by=named_by,
            events=events,
            max_queue=link.settings.max_queue,
        )
        return Stream(link, make)
