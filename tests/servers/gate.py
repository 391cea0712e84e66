"""A TCP door in front of a server: shut, the server is down for those who come through it.

Several tests share one database server; a gate takes it away from one of them only.
It is a process of its own: its end refuses and cuts all connections at once.
"""

import asyncio
import contextlib
import sys

from tests.servers.processes import Process, answers, free_ports


class Gate:
    """Forwards 127.0.0.1:``port`` to ``target`` (host, port) between open() and shut()."""

    def __init__(self, target, log):
        [self.port] = free_ports(1)
        host, port = target
        command = [sys.executable, "-m", __name__, self.port, host, port]
        self._process = Process(command, log)

    def open(self):
        self._process.start(lambda: answers(self.port))

    def shut(self):
        self._process.stop()


async def _copy(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


async def _main(port, host, target_port):
    async def carry(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(host, target_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    server = await asyncio.start_server(carry, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
