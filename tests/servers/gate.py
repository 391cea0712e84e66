"""A TCP door in front of a server: shut, the server is down for those who come through it."""

import contextlib
import socket
import threading


class Gate:
    """Forwards 127.0.0.1:``port`` to ``target``. shut() refuses and cuts all connections.

    Several tests share one database server; this takes it away from one of them only.
    """

    def __init__(self, target):
        self.target = target
        self.port = None
        self._listener = None
        self._pairs = set()
        self._lock = threading.Lock()

    def open(self):
        # The same port every time: it is written in the configuration of those who come.
        self._listener = socket.create_server(("127.0.0.1", self.port or 0), backlog=100)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()
        return self

    def shut(self):
        if self._listener is None:
            return
        # Closing alone would leave a thread in accept(), and with it the port.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            _hang_up(pair)

    def _accept(self, listener):
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            pair = (client, server)
            for end in pair:  # a statement is smaller than a packet and must not wait for more
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                shut = self._listener is not listener
                if not shut:
                    self._pairs.add(pair)
            if shut:
                _hang_up(pair)
                _close(pair)
                continue
            threading.Thread(target=self._carry, args=[pair], daemon=True).start()

    def _carry(self, pair):
        back = threading.Thread(target=_copy, args=[pair[1], pair[0]], daemon=True)
        back.start()
        _copy(*pair)
        back.join()
        with self._lock:
            self._pairs.discard(pair)
        _close(pair)


def _copy(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    _hang_up((source, sink))


def _hang_up(pair):
    for end in pair:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _close(pair):
    for end in pair:
        end.close()
