"""What does not work for a while: how often it is tried again, and how often that is said."""

import asyncio
import logging
import random

logger = logging.getLogger(__name__)

RETRY_DELAYS = (0.2, 0.5, 1.0, 2.0, 3.0)
"""Seconds between attempts while the API server cannot be reached; the last one repeats."""

SOMEBODYS_DELAYS = (5.0, 10.0, 15.0)
"""Seconds between further attempts of what somebody has to mend, a right that is missing say."""

SAY_AGAIN_AFTER = 60.0
"""Seconds until the log tells the same trouble again that was over meanwhile: one may come and go all the time."""


class Trouble:
    """Says once that something does not work, and once that it works again; waits a little longer each time.

    Trouble that comes and goes is said once a minute.
    """

    def __init__(self, what: str) -> None:
        """``what`` is what does not work, as in "watching pods"."""
        self._what = what
        self._attempts = 0
        self._said = ""
        self._said_at: dict[str, float] = {}

    def say(self, error: Exception) -> None:
        """Say what is wrong unless it was just said."""
        text, now = str(error), asyncio.get_running_loop().time()
        self._said_at = {said: at for said, at in self._said_at.items() if now - at < SAY_AGAIN_AFTER}
        if text != self._said and text not in self._said_at:
            logger.warning("%s: %s; trying again until it works", self._what, text)
            self._said = text
            self._said_at[text] = now

    async def wait(self, error: Exception, *, is_somebodys: bool = False) -> None:
        """Say what is wrong unless it was just said, and wait before the next attempt.

        What ``is_somebodys`` to mend is tried less and less often.
        """
        self.say(error)
        await self.pause(is_somebodys=is_somebodys)

    async def pause(self, *, is_somebodys: bool = False) -> None:
        """Wait before the next attempt without a word: what happened is nothing unusual."""
        delays = (*RETRY_DELAYS, *SOMEBODYS_DELAYS) if is_somebodys else RETRY_DELAYS
        delay = delays[min(self._attempts, len(delays) - 1)]
        self._attempts += 1
        await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 – no secret

    def over(self) -> None:
        """It works."""
        if self._said:
            logger.warning("%s: works again", self._what)
        self._attempts, self._said = 0, ""
