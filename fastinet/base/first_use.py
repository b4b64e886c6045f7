"""Names of a package that are imported when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["names_on_first_use"]


def names_on_first_use(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package whose modules are imported when they are needed.

    Type checkers read the imports that stand under ``if TYPE_CHECKING`` in the package. `import *`,
    `help()` and pickles find every name, as if all had been imported.

    Args:
        package: its ``__name__``.
        homes: public name -> module within the package that makes it; "" for a name that is a
            module itself.
    """
    namespace = vars(sys.modules[package])

    def first_use(name: str) -> Any:
        if name not in homes:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message, name=name, obj=sys.modules[package])
        module = importlib.import_module(f"{package}.{homes[name] or name}")
        value = getattr(module, name) if homes[name] else module
        namespace[name] = value  # from now on it is found without this function
        return value

    def names() -> list[str]:
        return sorted({*namespace, *namespace.get("__all__", ())})

    return first_use, names
