# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The page in a real browser."""

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from fixtures.browser import PATIENCE, Page
from PIL import Image

from aeroseg.serving.start import show
from aeroseg.visualization.overlay import colorize

Serve = Callable[..., Any]


def test_two_words_become_a_map_whose_pixels_are_those_of_the_file(
    serve: Serve, scene: Path, open_page: Callable[..., Page]
) -> None:
    served = serve(scene)
    page = open_page(served.url)
    page.map('road, street', 'tree')
    page.wait_for_the_map()
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
    page.map('road', 'tree')
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
    page.wait_for_the_map()
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
    page.map('road', 'tree')
    page.wait_for_the_first_windows()
    page.tab.click('#cancel')
    page.tab.wait_for_selector('#result[data-state=cancelled]')
    assert 'What is done is kept' in page.text('#status')
    page.tab.reload()
    page.tab.wait_for_selector('#result[data-state=cancelled]')
    boxes = page.tab.locator('#words input[type=text]')
    assert [box.input_value() for box in boxes.all()] == ['road', 'tree']
    served.nap = 0
    page.tab.click('#resume')
    other = open_page(f'{served.url}#{page.job()}')  # another tab sees it
    for tab in (page, other):
        tab.wait_for_the_map()


def test_a_button_stays_where_it_is_while_it_is_pressed(
    shared: Any, open_page: Callable[..., Page]
) -> None:
    page = open_page(shared.url)
    page.map('road', 'tree')
    page.wait_for_the_map()
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
    page.map('road', 'tree')
    page.wait_for_the_first_windows()
    served.stop()
    page.tab.wait_for_selector('#offline:not([hidden])')
    again = serve(scene, port=served.port)
    page.tab.wait_for_selector('#offline', state='hidden')
    page.wait_for_the_map()
    assert again.wait(page.job(), 'done')['done']
    page.wrong = [said for said in page.wrong if 'REFUSED' not in said]


def test_it_works_behind_a_prefix_and_asks_nobody_else(
    shared: Any,
    proxy: Callable[[int], str],
    open_page: Callable[..., Page],  # closed before the proxy
) -> None:
    address = proxy(shared.port)
    page = open_page(address)
    page.map('road', 'tree')
    page.wait_for_the_map()
    with page.tab.expect_download() as coming:
        page.tab.click('#downloads a >> nth=0')
    made = shared.args.out / page.job() / 'labels.tif'
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
    page.map(name, 'tree')
    page.wait_for_the_map()
    page.tab.hover('#map')
    page.tab.wait_for_selector('#pointer:not([hidden])')
    assert page.text('#legend tbody tr:first-child td:first-child') == name
    assert page.tab.locator('#panel img, #pointer img, #panel b').count() == 0
    assert page.text('#scene') == '<b>scene<&.tif'
    assert alarms == []


def test_words_that_cannot_be_asked_are_explained(
    shared: Any, open_page: Callable[..., Page]
) -> None:
    page = open_page(shared.url)
    page.map('')
    assert 'at least one word' in page.text('#error:not([hidden])')
    page.write('road', 'Road')
    page.tab.wait_for_function(
        "() => document.querySelector('#advice').textContent.includes('twice')"
    )
    page.wrong = [said for said in page.wrong if '400' not in said]


def test_heat_swipe_and_opacity(
    shared: Any, open_page: Callable[..., Page]
) -> None:
    page = open_page(shared.url)
    page.map('road', 'tree')
    page.wait_for_the_map()
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
    shared: Any, open_page: Callable[..., Page]
) -> None:
    page = open_page(shared.url)
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
    page.wait_for_the_map()


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
    tab.set_default_timeout(1000 * PATIENCE)
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
    shared: Any, open_page: Callable[..., Page], width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(shared.url, width=width)
    page.map('road', 'tree')
    page.wait_for_the_map()
    page.tab.evaluate(
        "document.querySelectorAll('details').forEach(d => d.open = true)"
    )
    found = Axe().run(page.tab)
    assert found.violations_count == 0, found.generate_report()
    # Nothing reaches beyond the window.
    wide = page.tab.evaluate('document.documentElement.scrollWidth')
    assert wide <= width


def test_a_file_is_uploaded_and_mapped(
    shared: Any, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    picture = tmp_path / 'my photo.png'
    noise = np.random.default_rng(0).integers(0, 256, (90, 130, 3), np.uint8)
    Image.fromarray(noise).save(picture)
    page = open_page(shared.url)
    page.tab.set_input_files('#file', picture)
    page.tab.wait_for_function(
        "() => document.querySelector('#scene-facts').textContent"
        ".includes('130 \u00d7 90')"
    )
    page.map('road', 'tree')
    page.wait_for_the_map()
    assert page.tab.locator('#hectares').is_hidden()
    with page.tab.expect_download() as coming:
        page.tab.click('text=Picture (PNG)')
    preview = Path(coming.value.path()).read_bytes()
    assert Image.open(io.BytesIO(preview)).size[0] > 130
