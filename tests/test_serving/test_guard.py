# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Who is let in, over real HTTP."""

import http.client
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aeroseg.serving.guard import is_loopback

Serve = Callable[..., Any]


def ask(
    served: Any, path: str, method: str = 'GET', **headers: str
) -> http.client.HTTPResponse:
    """An answer to a request with exactly these headers."""
    link = http.client.HTTPConnection('127.0.0.1', served.port)
    given = {name.replace('_', '-'): text for name, text in headers.items()}
    link.request(method, path, headers=given)
    answer = link.getresponse()
    answer.read()
    return answer


@pytest.mark.parametrize(
    ('host', 'status'),
    [
        ('127.0.0.1:8000', 200),
        ('localhost', 200),
        ('[::1]:8000', 200),
        ('maps.example', 403),  # a name that was made to point here
        ('', 403),
    ],
)
def test_only_names_of_this_machine_are_answered(
    shared: Any, host: str, status: int
) -> None:
    assert ask(shared, '/api/state', Host=host).status == status


def test_a_name_can_be_allowed(serve: Serve, scene: Path) -> None:
    served = serve(scene, '--allow-host', 'maps.example')
    assert ask(served, '/', Host='maps.example:80').status == 200


def test_pages_of_other_sites_cannot_ask(shared: Any) -> None:
    path = '/api/jobs/x/cancel'
    there = {'Sec_Fetch_Site': 'cross-site'}
    assert ask(shared, path, 'POST', **there).status == 403
    here = {'Sec_Fetch_Site': 'same-origin'}
    assert ask(shared, path, 'POST', **here).status == 404
    # A form of another page can send text, but not JSON.
    text = {'content-type': 'text/plain'}
    words = {'classes': [{'words': 'road'}]}
    assert shared.ask('api/advice', words, headers=text)[0] == 422
    assert shared.ask('api/advice', words)[0] == 200


def test_a_token_is_asked_for_and_kept_in_a_cookie(
    serve: Serve, scene: Path
) -> None:
    served = serve(scene, token='secret')
    assert ask(served, '/').status == 401
    assert ask(served, '/api/state').status == 401
    assert ask(served, '/?token=wrong').status == 401
    assert (
        ask(served, '/api/state', Authorization='Bearer wrong').status == 401
    )
    bearer = {'Authorization': 'Bearer secret'}
    assert ask(served, '/api/state', **bearer).status == 200
    entered = ask(served, '/?token=secret', Host='maps.example')
    assert entered.status == 200
    cookie = entered.headers['set-cookie']
    assert 'HttpOnly' in cookie
    kept = cookie.partition(';')[0]
    assert ask(served, '/api/state', Cookie=kept).status == 200
    assert ask(served, '/api/state', Cookie=f'{kept}x').status == 401


def test_the_page_may_load_nothing_from_elsewhere(shared: Any) -> None:
    for path in ('/', '/js/main.js', '/api/state'):
        policy = ask(shared, path).headers['content-security-policy']
        assert "default-src 'self'" in policy
        assert 'http:' not in policy.replace('http://localhost:*', '').replace(
            'http://127.0.0.1:*', ''
        )


def test_what_is_loopback() -> None:
    assert is_loopback('127.0.0.1')
    assert is_loopback('localhost')
    assert not is_loopback('0.0.0.0')
    assert not is_loopback('maps.example')
