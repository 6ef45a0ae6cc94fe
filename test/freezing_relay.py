# SPDX-License-Identifier: Apache-2.0
"""A relay between browser and server, whose lines can die without being closed, as those of a machine that sleeps."""

import asyncio
import threading


class FreezingRelay:
    """Listens on `port` of this machine, from `with` on."""

    def __init__(self, to_port):
        self._to_port = to_port
        self._frozen = 0  # lines of an age up to this are dead
        self._age = 0
        self._is_listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self):
        self._thread.start()
        assert self._is_listening.wait(60)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._is_over.set)
        self._thread.join()

    def freeze(self):
        """Let all lines that are open die; new ones work."""
        self._frozen = self._age

    async def _run(self):
        self._loop, self._is_over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._is_listening.set()
        await self._is_over.wait()
        server.close()

    async def _serve(self, reader, writer):
        self._age += 1
        age = self._age
        there, back = await asyncio.open_connection("127.0.0.1", self._to_port)
        try:
            await asyncio.gather(self._pass(age, reader, back), self._pass(age, there, writer), return_exceptions=True)
        except asyncio.CancelledError:
            pass
        finally:
            back.close()
            writer.close()

    async def _pass(self, age, reader, writer):
        while data := await reader.read(65536):
            if age > self._frozen:
                writer.write(data)
        if age <= self._frozen:
            await self._is_over.wait()  # an end does not get through either
        writer.close()
