# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A STAC API on loopback: the landing page and a search in pages of two."""

import json
from datetime import datetime
from typing import Any

from .range_server import Handler

_CORE = 'https://api.stacspec.org/v1.0.0/'
_PAGE = 2


class StacHandler(Handler):
    """Files of a folder, and a search of its `items.json`."""

    def do_GET(self) -> None:  # noqa: N802
        """The landing page at `/api`, else a file."""
        if self.path.partition('?')[0].rstrip('/') != '/api':
            super().do_GET()
            return
        here = f'http://{self.headers["Host"]}/api'
        self._send(
            {
                'type': 'Catalog',
                'id': 'api',
                'stac_version': '1.0.0',
                'description': 'An API for tests.',
                'conformsTo': [_CORE + 'core', _CORE + 'item-search'],
                'links': [
                    {'rel': 'self', 'href': here},
                    {'rel': 'root', 'href': here},
                    {
                        'rel': 'search',
                        'href': f'{here}/search',
                        'method': 'POST',
                        'type': 'application/geo+json',
                    },
                ],
            }
        )

    def do_POST(self) -> None:  # noqa: N802
        """A page of a search."""
        length = int(self.headers['Content-Length'])
        asked = json.loads(self.rfile.read(length))
        content = json.loads((self.folder / 'items.json').read_text())
        found = [f for f in content['features'] if _fits(f, asked)]
        first = int(asked.get('token', 0))
        page: dict[str, Any] = {
            'type': 'FeatureCollection',
            'features': found[first : first + _PAGE],
            'links': [],
        }
        if first + _PAGE < len(found):
            more = {
                'rel': 'next',
                'href': f'http://{self.headers["Host"]}/api/search',
                'method': 'POST',
                'body': {'token': first + _PAGE},
                'merge': True,
            }
            page['links'].append(more)
        self._send(page)

    def _send(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _fits(item: dict[str, Any], asked: dict[str, Any]) -> bool:
    if item.get('collection') not in asked.get('collections', ()):
        return False
    west, south, east, north = asked['bbox']
    left, bottom, right, top = item['bbox']
    if left > east or right < west or bottom > north or top < south:
        return False
    if 'datetime' not in asked:
        return True
    first, _, last = asked['datetime'].partition('/')
    time = datetime.fromisoformat(item['properties']['datetime'])
    return (
        datetime.fromisoformat(first)
        <= time
        <= datetime.fromisoformat(last or first)
    )
