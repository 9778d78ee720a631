# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The page in a real browser."""

import csv
import http.client
import http.server
import io
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image

from aeroseg.serving.start import show
from aeroseg.visualization.overlay import colorize

Serve = Callable[..., Any]
DONE = '#result[data-state=done]'


class Page:
    """A tab that remembers what went wrong and what was asked.

    Args:
        browser (Any): The browser.
        url (str): Address of the page.
        width (int): Of the window.
    """

    def __init__(self, browser: Any, url: str, width: int = 1200) -> None:
        size = {'width': width, 'height': 800}
        self.tab = browser.new_page(viewport=size)
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.tab.on('pageerror', lambda error: self.wrong.append(str(error)))
        self.tab.on('request', lambda asked: self.asked.append(asked.url))
        self.tab.on(
            'console',
            lambda said: said.type == 'error' and self.wrong.append(said.text),
        )
        self.tab.goto(url)
        self.tab.wait_for_selector('.leaflet-tile-loaded')

    def write(self, *words: str) -> None:
        """Replace the words by these, one key at a time."""
        boxes = self.tab.locator('#words input[type=text]')
        while boxes.count() > 1:
            self.tab.locator('#words button').first.click()
        boxes.first.fill('')
        boxes.first.focus()
        for index, word in enumerate(words):
            if index:
                self.tab.keyboard.press('Enter')
            self.tab.keyboard.type(word)

    def text(self, selector: str) -> str:
        """What an element says."""
        return self.tab.locator(selector).inner_text()

    def job(self) -> str:
        """The name of the job that is shown."""
        return self.tab.evaluate('location.hash.slice(1)')


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Page]]:
    """Open tabs that are closed with the test, without an error in them."""
    pages: list[Page] = []

    def start(url: str, **options: Any) -> Page:
        pages.append(Page(browser, url, **options))
        return pages[-1]

    yield start
    for page in pages:
        page.tab.close()
        assert page.wrong == []


def test_two_words_become_a_map_whose_pixels_are_those_of_the_file(
    serve: Serve, scene: Path, open_page: Callable[..., Page]
) -> None:
    served = serve(scene)
    page = open_page(served.url)
    page.write('road, street', 'tree')
    page.tab.click('#map-scene')
    page.tab.wait_for_selector(DONE)
    folder = served.args.out / page.job()
    with rasterio.open(folder / 'labels.tif') as data:
        labels = data.read(1)
        palette = [data.colormap(1)[i][:3] for i in range(2)]
    assert len(set(palette)) == 2
    page.tab.wait_for_selector(
        '.leaflet-labels-pane .leaflet-tile-loaded', state='attached'
    )
    image = page.tab.evaluate(
        """async () => {
            const url = document.querySelector('.leaflet-labels-pane img').src;
            const part = url.replace(/tiles.*png/, 'tiles/1/0/0.png');
            const image = await createImageBitmap(
                await (await fetch(part)).blob());
            const canvas = new OffscreenCanvas(image.width, image.height);
            const pen = canvas.getContext('2d');
            pen.drawImage(image, 0, 0);
            return [...pen.getImageData(0, 0, 220, 256).data];
        }"""
    )
    pixels = np.array(image, np.uint8).reshape(256, 220, 4)
    assert (pixels[..., :3] == colorize(labels[:256], palette)).all()
    with (folder / 'classes.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    shown = page.tab.locator('#legend tbody tr')
    assert shown.count() == len(rows) == 2
    for index, row in enumerate(rows):
        cells = shown.nth(index).locator('td').all_inner_texts()
        share, hectares = float(row['share']), float(row['hectares'])
        assert cells[0] == row['name']
        assert cells[1] == f'{100 * share:.2f} %'
        assert cells[2] == f'{hectares:.2f}'


def test_tiles_appear_while_the_model_is_at_work(
    serve: Serve, scene: Path, open_page: Callable[..., Page]
) -> None:
    served = serve(scene, '--batch', 1, nap=0.25)
    page = open_page(served.url)
    page.write('road', 'tree')
    page.tab.click('#map-scene')
    page.tab.wait_for_function(
        """() => {
            for (const image of
                    document.querySelectorAll('.leaflet-labels-pane img')) {
                if (!image.complete || !image.naturalWidth) continue;
                const canvas = new OffscreenCanvas(256, 256);
                const pen = canvas.getContext('2d');
                pen.drawImage(image, 0, 0);
                const data = pen.getImageData(0, 0, 256, 256).data;
                if (data.some((value, i) => i % 4 === 3 && value)) return true;
            }
            return false;
        }"""
    )
    assert time.monotonic() - served.looks[0] < 2
    assert page.tab.locator('#result').get_attribute('data-state') == 'running'
    assert 'window' in page.text('#status')


def test_what_is_visible_is_mapped(
    serve: Serve, scene: Path, open_page: Callable[..., Page]
) -> None:
    served = serve(scene)
    page = open_page(served.url)
    page.write('road', 'tree')
    for _ in range(2):
        page.tab.click('.leaflet-control-zoom-in')
        page.tab.wait_for_timeout(400)  # for the animation
    page.tab.click('#map-view')
    page.tab.wait_for_selector(DONE)
    left, top, width, height = served.wait(page.job(), 'done')['crop']
    assert 0 < left < 110 < left + width < 220
    assert 0 < top < 150 < top + height < 300
    with rasterio.open(served.args.out / page.job() / 'labels.tif') as data:
        assert data.shape == (height, width)
    # The pointer in the middle of the window is in the map.
    stage = page.tab.locator('#map').bounding_box()
    page.tab.mouse.move(
        stage['x'] + stage['width'] / 2, stage['y'] + stage['height'] / 2
    )
    page.tab.wait_for_selector('#pointer:not([hidden])')
    lines = page.text('#pointer')
    assert 'road' in lines
    assert 'tree' in lines
    assert '° E' in lines


def test_cancel_reload_and_continue(
    serve: Serve, scene: Path, open_page: Callable[..., Page]
) -> None:
    served = serve(scene, nap=0.5)
    page = open_page(served.url)
    page.write('road', 'tree')
    page.tab.click('#map-scene')
    page.tab.wait_for_function(
        "() => document.querySelector('#status')"
        '.textContent.match(/window [1-9]/)'
    )
    page.tab.click('#cancel')
    page.tab.wait_for_selector('#result[data-state=cancelled]')
    assert 'What is done is kept' in page.text('#status')
    page.tab.reload()
    page.tab.wait_for_selector('#result[data-state=cancelled]')
    boxes = page.tab.locator('#words input[type=text]')
    assert [box.input_value() for box in boxes.all()] == ['road', 'tree']
    page.tab.click('#resume')
    other = open_page(f'{served.url}#{page.job()}')  # another tab sees it
    for tab in (page, other):
        tab.tab.wait_for_selector(DONE)


def test_a_button_stays_where_it_is_while_it_is_pressed(
    serve: Serve, scene: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(serve(scene).url)
    page.write('road', 'tree')
    page.tab.click('#map-scene')
    page.tab.wait_for_selector(DONE)
    page.tab.wait_for_selector('#advice p')
    for button in ('#legend button', '#jobs button'):
        element = page.tab.locator(button).first
        before = element.bounding_box()
        page.tab.evaluate("document.querySelector('#advice').innerHTML = ''")
        assert element.bounding_box()['y'] < before['y']
        element.hover()
        # Advice is asked for, and comes while the button is pressed.
        page.tab.evaluate(
            """document.querySelector('#background')
                .dispatchEvent(new Event('input'))"""
        )
        page.tab.mouse.down()
        page.tab.wait_for_timeout(1200)
        assert page.text('#advice') == ''
        page.tab.mouse.up()
        page.tab.wait_for_selector('#advice p')
    assert any('/heat/' in url for url in page.asked)


def test_the_page_waits_for_a_server_that_starts_again(
    serve: Serve, scene: Path, open_page: Callable[..., Page]
) -> None:
    served = serve(scene, nap=0.5)
    page = open_page(served.url)
    page.write('road', 'tree')
    page.tab.click('#map-scene')
    page.tab.wait_for_function(
        "() => document.querySelector('#status')"
        '.textContent.match(/window [1-9]/)'
    )
    served.stop()
    page.tab.wait_for_selector('#offline:not([hidden])')
    again = serve(scene, port=served.port)
    page.tab.wait_for_selector('#offline', state='hidden')
    page.tab.wait_for_selector(DONE)
    assert again.wait(page.job(), 'done')['done']
    page.wrong = [said for said in page.wrong if 'REFUSED' not in said]


class Proxy(http.server.ThreadingHTTPServer):
    """Lets all connections of a browser wait."""

    request_queue_size = 64


@pytest.fixture
def proxy() -> Iterator[Callable[[int], str]]:
    """A proxy that takes a prefix away, as that of JupyterHub does."""
    servers = []

    def start(port: int) -> str:
        class Forward(http.server.BaseHTTPRequestHandler):
            """Passes everything on."""

            def forward(self) -> None:
                if not self.path.startswith('/proxy/8000/'):
                    self.send_error(404)
                    return
                link = http.client.HTTPConnection('127.0.0.1', port)
                length = int(self.headers.get('content-length', 0))
                link.request(
                    self.command,
                    self.path.removeprefix('/proxy/8000'),
                    self.rfile.read(length),
                    dict(self.headers),
                )
                answer = link.getresponse()
                body = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name not in ('transfer-encoding', 'connection'):
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = forward  # noqa: N815
            do_POST = forward  # noqa: N815
            do_PUT = forward  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = Proxy(('127.0.0.1', 0), Forward)
        servers.append(server)
        threading.Thread(target=server.serve_forever).start()
        return f'http://127.0.0.1:{server.server_port}/proxy/8000/'

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_it_works_behind_a_prefix_and_asks_nobody_else(
    serve: Serve,
    scene: Path,
    open_page: Callable[..., Page],
    proxy: Callable[[int], str],
) -> None:
    served = serve(scene)
    address = proxy(served.port)
    page = open_page(address)
    page.write('road', 'tree')
    page.tab.click('#map-scene')
    page.tab.wait_for_selector(DONE)
    with page.tab.expect_download() as coming:
        page.tab.click('#downloads a >> nth=0')
    made = served.args.out / page.job() / 'labels.tif'
    assert Path(coming.value.path()).read_bytes() == made.read_bytes()
    assert len(page.asked) > 10
    assert all(asked.startswith(address) for asked in page.asked)


def test_html_in_a_name_is_shown_as_text(
    serve: Serve,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    open_page: Callable[..., Page],
) -> None:
    name = '<img src=x onerror=alert(1)>'
    served = serve(write_scene(pixels, '<b>scene<&.tif'))
    page = open_page(served.url)
    alarms: list[str] = []
    page.tab.on('dialog', lambda box: (alarms.append('!'), box.dismiss()))
    page.write(name, 'tree')
    page.tab.click('#map-scene')
    page.tab.wait_for_selector(DONE)
    page.tab.hover('#map')
    page.tab.wait_for_selector('#pointer:not([hidden])')
    assert page.text('#legend tbody tr:first-child td:first-child') == name
    assert page.tab.locator('#panel img, #pointer img, #panel b').count() == 0
    assert page.text('#scene') == '<b>scene<&.tif'
    assert alarms == []


def test_words_that_cannot_be_asked_are_explained(
    serve: Serve, scene: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(serve(scene).url)
    page.write('')
    page.tab.click('#map-scene')
    assert 'at least one word' in page.text('#error:not([hidden])')
    page.write('road', 'Road')
    page.tab.wait_for_function(
        "() => document.querySelector('#advice').textContent.includes('twice')"
    )
    page.wrong = [said for said in page.wrong if '400' not in said]


def test_heat_swipe_and_opacity(
    serve: Serve, scene: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(serve(scene).url)
    page.write('road', 'tree')
    page.tab.click('#map-scene')
    page.tab.wait_for_selector(DONE)
    page.tab.click('#legend button >> nth=1')
    page.tab.wait_for_selector(
        '.leaflet-labels-pane img[src*="heat/1"].leaflet-tile-loaded'
    )
    page.tab.check('#swipe')
    page.tab.locator('#divide').focus()
    before = page.tab.evaluate(
        "document.querySelector('.leaflet-labels-pane').style.clip"
    )
    page.tab.keyboard.press('PageUp')
    after = page.tab.evaluate(
        "document.querySelector('.leaflet-labels-pane').style.clip"
    )
    assert before.startswith('rect(')
    assert before != after
    page.tab.locator('#opacity').fill('20')
    layer = '.leaflet-labels-pane .leaflet-layer'
    opacity = page.tab.eval_on_selector(layer, 'e => e.style.opacity')
    assert float(opacity) == pytest.approx(0.2)


def test_the_keyboard_alone_is_enough(
    serve: Serve, scene: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(serve(scene).url)
    page.tab.focus('#scene')
    reached = []
    for _ in range(40):
        page.tab.keyboard.press('Tab')
        name = page.tab.evaluate('document.activeElement.id')
        reached.append(name)
        if name == 'map-scene':
            page.tab.keyboard.press('Enter')
            break
    assert 'map-view' in reached
    page.tab.wait_for_selector(DONE)


def test_a_notebook_behind_a_proxy_shows_it_in_a_frame(
    tiny_files: dict[str, Path],
    scene: Path,
    tmp_path: Path,
    browser: Any,
    proxy: Callable[[int], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('JUPYTERHUB_SERVICE_PREFIX', '/user/anna/')
    given = {name: str(path) for name, path in tiny_files.items()}
    shown = show(scene, **given, out=tmp_path / 'o')
    assert shown.url.startswith('/user/anna/proxy/')
    port = int(shown.url.split('/')[4])
    address = proxy(port)
    token = shown.url.partition('?')[2]
    tab = browser.new_page()
    frame = shown._repr_html_().replace(shown.url, f'{address}?{token}')
    tab.goto(address.replace('/proxy/8000/', '/notebook'))
    tab.set_content(frame)
    inside = tab.frame_locator('iframe')
    inside.locator('#scene-facts:has-text("220")').wait_for()
    inside.locator('.leaflet-tile-loaded').first.wait_for()
    tab.close()
    shown.stop()


@pytest.mark.parametrize('width', [1200, 400])
def test_nothing_is_hard_to_read_or_to_reach(
    serve: Serve, scene: Path, open_page: Callable[..., Page], width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(serve(scene).url, width=width)
    page.write('road', 'tree')
    page.tab.click('#map-scene')
    page.tab.wait_for_selector(DONE)
    page.tab.evaluate(
        "document.querySelectorAll('details').forEach(d => d.open = true)"
    )
    found = Axe().run(page.tab)
    assert found.violations_count == 0, found.generate_report()
    # Nothing reaches beyond the window.
    wide = page.tab.evaluate('document.documentElement.scrollWidth')
    assert wide <= width


def test_a_file_is_uploaded_and_mapped(
    serve: Serve, scene: Path, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    picture = tmp_path / 'my photo.png'
    noise = np.random.default_rng(0).integers(0, 256, (90, 130, 3), np.uint8)
    Image.fromarray(noise).save(picture)
    page = open_page(serve(scene).url)
    page.tab.set_input_files('#file', picture)
    page.tab.wait_for_function(
        "() => document.querySelector('#scene-facts').textContent"
        ".includes('130 \u00d7 90')"
    )
    page.write('road', 'tree')
    page.tab.click('#map-scene')
    page.tab.wait_for_selector(DONE)
    assert page.tab.locator('#hectares').is_hidden()
    with page.tab.expect_download() as coming:
        page.tab.click('text=Picture (PNG)')
    preview = Path(coming.value.path()).read_bytes()
    assert Image.open(io.BytesIO(preview)).size[0] > 130
