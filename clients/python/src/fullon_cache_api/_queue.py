"""What waits to be read of a stream."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Literal

from ._events import Gap, Warned

Kind = Literal["state", "log"]


class Queue:
    """What waits to be read of a stream.

    Of a state the newest form of every item, so that it is no larger than the state, but for
    removals; of a log every entry. Removals and entries are counted, so that the stream can be
    paused.
    """

    def __init__(self, kind: Kind) -> None:
        self.count = 0
        """How many entries, or removals, wait."""
        self._is_log = kind == "log"
        self._items: OrderedDict[Any, Any] = OrderedDict()
        self._entries = 0

    def __len__(self) -> int:
        return len(self._items)

    def push(self, update: dict[str, Any], name: Any) -> None:
        """Add an update; of a state it takes the place of an older one of the item of that name."""
        if self._is_log:
            self._append(update)
            return
        old = self._items.pop(name, None)
        if old is not None and "removed" in old:
            self.count -= 1
        self._items[name] = update
        if "removed" in update:
            self.count += 1

    def tell(self, event: object) -> None:
        """Add an event. Of each kind that only tells how things are, the newest is kept."""
        if self._is_log and type(event) is Gap:
            self._append(event)
            return
        name = (Warned, event.item) if isinstance(event, Warned) else type(event)
        self._items.pop(name, None)
        self._items[name] = event

    def pop(self) -> Any:
        """Take what has waited longest."""
        name, item = self._items.popitem(last=False)
        if self._is_log:
            self.count -= type(name) is int
        elif type(item) is dict and "removed" in item:
            self.count -= 1
        return item

    def _append(self, entry: object) -> None:
        self._entries += 1
        self._items[self._entries] = entry
        self.count += 1
