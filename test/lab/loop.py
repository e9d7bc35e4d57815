"""One event loop in a thread of its own, for everything the lab serves while tests run."""

import asyncio
import logging
import sys
import threading


class LoopThread:
    def __init__(self):
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # clients that hang up are normal
        sys.setswitchinterval(0.0005)  # a test that computes must not make the servers slow
        self._loop = asyncio.new_event_loop()
        self._sockets, self._servers = [], []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, function, *arguments, **options):
        """Runs a function or coroutine function in the loop and returns what it returns."""
        async def work():
            result = function(*arguments, **options)
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(timeout=180)

    def catch_up(self):
        """Returns when what had arrived before has been handled."""
        for _ in range(2):  # one turn may have looked for it already
            self.call(lambda: None)

    def watch(self, sock, on_readable):
        """Calls on_readable() when sock has something; sock is closed with the loop."""
        self._sockets.append(sock)
        self.call(self._loop.add_reader, sock, on_readable)

    def close_watched(self, sock):
        """The same before that."""
        self._sockets.remove(sock)
        self.call(self._loop.remove_reader, sock)
        sock.close()

    def serve(self, on_stream, listener, **options):
        """Serves a listening socket with on_stream(reader, writer); returns the asyncio server."""
        self._servers.append(
            self.call(asyncio.start_server, on_stream, sock=listener, backlog=4096, **options))
        return self._servers[-1]

    def later(self, delay_s, function, *arguments):
        """From within the loop only."""
        if delay_s:
            self._loop.call_later(delay_s, function, *arguments)
        else:
            function(*arguments)

    def close(self):
        self.call(self._close_all)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    async def _close_all(self):
        for sock in self._sockets:
            self._loop.remove_reader(sock)
            sock.close()
        for server in self._servers:
            server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
