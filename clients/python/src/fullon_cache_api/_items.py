"""The items of a state, as far as its reader was told of them."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Items:
    """Which items of a state its reader knows of, so that those that go away unsaid are told."""

    def __init__(self, named_by: tuple[str, ...]) -> None:
        self._named_by = named_by
        self._name_of: Callable[[Any], Any] = itemgetter(*named_by) if named_by else lambda _: None
        # Dicts, not sets, for their order.
        self._known: dict[Any, None] = {}
        self._missing: dict[Any, None] = {}

    @property
    def is_any_missing(self) -> bool:
        """Whether there are items of which nothing was told since all is told anew."""
        return bool(self._missing)

    def note(self, update: dict[str, Any]) -> Any:
        """Take note of an update. Tells what names its item."""
        name = self._name_of(update)
        if "removed" in update:
            self._known.pop(name, None)
        else:
            self._known[name] = None
        if self._missing:
            self._missing.pop(name, None)
        return name

    def begin_anew(self) -> None:
        """Take note that all that there is will be told anew."""
        if self._named_by:  # else there is one item, which does not go away
            self._missing.update(self._known)
            self._known.clear()

    def keep_missing(self) -> None:
        """Take note that some of what there is cannot be read; what was told of it last stands."""
        self._known.update(self._missing)  # which it is is not known
        self._missing.clear()

    def complete(self) -> list[dict[str, Any]]:
        """Take note that all that there is has been told. Tells what names those that are gone."""
        gone, self._missing = self._missing, {}
        if len(self._named_by) == 1:
            return [{self._named_by[0]: name} for name in gone]
        return [dict(zip(self._named_by, name, strict=True)) for name in gone]
