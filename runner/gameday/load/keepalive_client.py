"""HTTP client of the load's worker: geventhttpclient, with a retry of its own on kept-alive connections."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketPoolResponse

__all__ = ["HTTPParseError", "KeepaliveClient", "KeepaliveClients"]


class KeepaliveClient(HTTPClient):
    """Sends a request once more, only if a kept-alive connection was closed before any byte of the answer.

    A server that is being replaced closes connections so, and the retry is safe: every POST carries its key or can be
    repeated. geventhttpclient by itself sends a GET as often as its pool has places, and a POST never again.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._new: WeakSet[Any] = WeakSet()
        setattr(self._connection_pool, "after_connect", self._new.add)  # noqa: B010

    def request(
        self, method: str, request_uri: str, body: Any = b"", headers: Any = None, *, again: bool = True
    ) -> HTTPSocketPoolResponse:
        """Send the request and return its response, headers read. Raise OSError or HTTPParseError if there is none.

        `again` is False for a request that must not be sent twice: it goes over a new connection, so that it can't meet
        one that the server has just closed.
        """
        data = self._build_request(method, request_uri, body=body, headers=headers).encode("latin-1") + body
        connection, kept = self._take()
        while kept and not again:
            self._connection_pool.release_socket(connection)
            connection, kept = self._take()
        try:
            return self._exchange(connection, method, data)
        except HTTPConnectionClosed:
            if not kept:
                raise
        while kept:
            connection, kept = self._take()
            if kept:
                self._connection_pool.release_socket(connection)
        return self._exchange(connection, method, data)

    def _take(self) -> tuple[Any, bool]:
        """Return a connection, and whether it was used before."""
        connection = self._connection_pool.get_socket()
        kept = connection not in self._new
        self._new.discard(connection)
        return connection, kept

    def _exchange(self, connection: Any, method: str, data: bytes) -> HTTPSocketPoolResponse:
        try:
            connection.sendall(data)
        except (ConnectionResetError, BrokenPipeError) as error:
            self._connection_pool.release_socket(connection)
            raise HTTPConnectionClosed("connection closed while sending") from error
        except BaseException:
            self._connection_pool.release_socket(connection)
            raise
        return HTTPSocketPoolResponse(connection, self._connection_pool, method=method)


class KeepaliveClients(HTTPClientPool):
    """The pool that gives a FastHttpUser this kind of client."""

    def get_client(self, url: Any) -> HTTPClient:
        """Return a client for the scheme, host and port of `url`."""
        return KeepaliveClient.from_url(url, **self.client_args)
