"""`NotRequired`, which Python 3.10 does not have yet and need not know to run this."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import NotRequired, Self
elif sys.version_info >= (3, 11):
    from typing import NotRequired, Self
else:
    Self = Any

    class NotRequired:
        """Stands for the type that it is given."""

        def __class_getitem__(cls, item: Any) -> Any:
            return item


__all__ = ["NotRequired", "Self"]
