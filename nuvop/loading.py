"""From a kind's folder to a kind with its rendered base: the same way for the operator and for each command."""

import asyncio
from dataclasses import replace
from pathlib import Path

from nuvop import kinds, overlay, yamltext
from nuvop.errors import BuildFailed
from nuvop.kinds import Kind
from nuvop.kubectl import Kubectl


async def load(kubectl: Kubectl, generated: Path, folder: Path) -> Kind:
    """Read, parse and render a kind's folder; a snapshot of it is written under ``generated``.

    Raises KindError and KindUnreadable, BuildFailed, which names the folder, other errors of kubectl's, WriteFailed.
    """
    kind = kinds.parse(folder, await asyncio.to_thread(kinds.read, folder))
    try:
        text = await kubectl.build(overlay.write_source(generated, kind))
    except BuildFailed as error:
        raise BuildFailed(f"{folder}: {error}") from error
    return replace(kinds.with_base(kind, yamltext.load_all(text)), rendered=text)
