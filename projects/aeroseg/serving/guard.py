# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Who may ask the server: this machine, or whoever has the token."""

import hashlib
import hmac
from collections.abc import Sequence
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs

_LOOPBACK = ('127.0.0.1', 'localhost', '::1')
_HEADERS = {
    # Nothing comes from elsewhere, and nothing goes there.
    'content-security-policy': "default-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self' http://localhost:* "
    'http://127.0.0.1:*',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
}


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    return host in _LOOPBACK or host.startswith('127.')


class Guard:
    """An ASGI app in front of another, which refuses strangers.

    Pages of other sites cannot ask: a browser says where a request comes
    from, and a name that was made to point here is none of the known hosts.

    Args:
        app (Any): The ASGI app.
        hosts (Sequence[str]): Names under which the server may be asked,
            besides those of this machine.
        token (str): Must be given once, as `?token=` or `Authorization:
            Bearer`; a cookie keeps it. Empty asks for none.
    """

    def __init__(
        self, app: Any, hosts: Sequence[str] = (), token: str = ''
    ) -> None:
        self.app = app
        self.hosts = {*_LOOPBACK, *(host.lower() for host in hosts)}
        self.token = token
        # Cookies do not know ports: each server has its own.
        mark = hashlib.sha256(token.encode()).hexdigest()[:8]
        self.cookie = f'aeroseg-{mark}'

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer that it is refused."""
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        headers = {k.decode('latin-1'): v for k, v in scope['headers']}
        status, why = self._judge(scope, headers)
        if status:
            await _answer(send, status, why)
            return
        given = self._given(scope)

        async def send_more(message: Any) -> None:
            if message['type'] == 'http.response.start':
                more = [(k.encode(), v.encode()) for k, v in _HEADERS.items()]
                if given:
                    cookie = f'{self.cookie}={given}; HttpOnly; SameSite=Lax'
                    more.append((b'set-cookie', f'{cookie}; Path=/'.encode()))
                message['headers'] = [*message['headers'], *more]
            await send(message)

        await self.app(scope, receive, send_more)

    def _judge(self, scope: Any, headers: dict[str, bytes]) -> tuple[int, str]:
        """Status and reason of a refusal; 0 if there is none."""
        host = headers.get('host', b'').decode('latin-1').lower()
        name = host.rsplit(':', 1)[0] if not host.endswith(']') else host
        if name.strip('[]') not in self.hosts and '*' not in self.hosts:
            return 403, (
                f'This server does not answer to the name {name!r}. Start it '
                f'with --allow-host {name} if that is meant.'
            )
        site = headers.get('sec-fetch-site', b'')
        if scope['method'] not in ('GET', 'HEAD') and site == b'cross-site':
            return 403, 'Pages of other sites may not ask.'
        if self.token and not self._is_known(scope, headers):
            return 401, (
                'A token is needed: open the address that the server printed '
                'when it was started.'
            )
        return 0, ''

    def _is_known(self, scope: Any, headers: dict[str, bytes]) -> bool:
        bearer = headers.get('authorization', b'').decode('latin-1')
        cookies: SimpleCookie = SimpleCookie()
        cookies.load(headers.get('cookie', b'').decode('latin-1'))
        kept = cookies.get(self.cookie)
        given = (
            self._given(scope),
            bearer.removeprefix('Bearer '),
            kept.value if kept else '',
        )
        return any(_equal(text, self.token) for text in given)

    def _given(self, scope: Any) -> str:
        """The right token in the address; empty if there is none."""
        query = parse_qs(scope.get('query_string', b'').decode('latin-1'))
        text = query.get('token', [''])[0]
        return text if self.token and _equal(text, self.token) else ''


def _equal(text: str, token: str) -> bool:
    return hmac.compare_digest(text.encode(), token.encode())


async def _answer(send: Any, status: int, text: str) -> None:
    headers = [(b'content-type', b'text/plain; charset=utf-8')]
    headers += [(k.encode(), v.encode()) for k, v in _HEADERS.items()]
    start = {'type': 'http.response.start', 'status': status}
    await send(start | {'headers': headers})
    await send({'type': 'http.response.body', 'body': text.encode()})
