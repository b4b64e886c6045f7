"""How this copy of fastinet was built: what a report of figures or of a bug must say."""

from __future__ import annotations

from typing import TypedDict


class BuildInfo(TypedDict):
    """The facts that CMake wrote down when the core was compiled."""

    version: str  # of fastinet
    variant: str  # the preset of CMake: "release", unless FASTINET_PRESET named another
    compiler: str  # and its version: "GNU 12.2.0"
    flags: str  # for the core, without warnings and include paths
    platform: str  # system and machine: "Linux x86_64"
    libraries: dict[str, str]  # name -> version, as their headers stated it at compile time


def build_info() -> BuildInfo:
    """Compiler, flags and library versions of the compiled modules, ready for JSON.

    Raises FileNotFoundError when the package lies there uncompiled.
    """
    import importlib.resources  # noqa: PLC0415 - `import fastinet` needs none of it
    import json  # noqa: PLC0415

    text = importlib.resources.files("fastinet").joinpath("_build.json").read_text("utf-8")
    facts: BuildInfo = json.loads(text)
    return facts
