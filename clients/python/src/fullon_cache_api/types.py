"""The types of all results and updates, for annotations."""

from ._events import StateUpdate as StateUpdate
from ._events import StreamSettings as StreamSettings
from ._events import Update as Update
from ._types import *  # noqa: F403 - it has an `__all__`
