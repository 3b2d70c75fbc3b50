"""Fetches pages of web servers: coroutines that wait at one time, on the one event loop of their worker."""

from __future__ import annotations

import asyncio
import time

import aiohttp
from snakepit import Context, InvalidArgument, command, exit


class Unreachable(Exception):
    """Unreachable says that a server did not answer: the same call may succeed later."""

    retryable = True


class Fetch:
    """Fetch keeps one session, with its open connections, for all calls of a worker."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._open = 0
        self._most = 0

    @command(idempotent=True)
    async def get(self, url: str, ctx: Context) -> dict:
        """Fetch a page and tell its status, its size and the seconds that took."""
        if not url.startswith(("http://", "https://")):
            raise InvalidArgument(f"url: want one that begins with http:// or https://, got {url}")
        begin = time.monotonic()
        self._open += 1
        self._most = max(self._most, self._open)
        try:
            async with self._connected().get(url, timeout=aiohttp.ClientTimeout(total=ctx.remaining())) as page:
                size = len(await page.read())
        except aiohttp.ClientError as err:
            raise Unreachable(f"{url}: {err}") from None
        finally:
            self._open -= 1
        return {"status": page.status, "bytes": size, "seconds": round(time.monotonic() - begin, 3)}

    @command
    async def most(self) -> int:
        """Tell how many pages were fetched at one time, at most, and count anew."""
        most, self._most = self._most, self._open
        return most

    def _connected(self) -> aiohttp.ClientSession:
        """Return the session, which belongs to the event loop: the first call makes it there."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session

    @exit
    def close(self) -> None:
        """Close the session on its loop, which goes on until the worker ends."""
        if self._session is not None:
            loop = self._session.loop
            asyncio.run_coroutine_threadsafe(self._session.close(), loop).result(timeout=5)
