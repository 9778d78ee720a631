# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Scenes behind HTTP: the same map, faults, identity, no secrets shown."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.range_server import Breaking, serve

from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scan_scene import scan_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.reading.remote_scene import (
    RemoteScene,
    UnreachableError,
    locate,
)
from aeroseg.mapping.windows.tiling import Tiling

SECRET = 'sig=abc123'
OPTIONS = SceneOptions(Tiling(96, 32), progress=False)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults are over soon, and GDAL keeps nothing between tests."""
    monkeypatch.setenv('GDAL_HTTP_RETRY_DELAY', '0.05')
    monkeypatch.setenv('CPL_VSIL_CURL_NON_CACHED', '/vsicurl/http://127')


@pytest.fixture
def scene(write_scene: Callable[..., Path]) -> Path:
    """A file of 1 MB, so that it is read in several ranges."""
    draws = np.random.default_rng(0)
    return write_scene(draws.integers(0, 256, (600, 600, 3), np.uint8))


@pytest.mark.parametrize(
    ('url', 'vsi', 'shown'),
    [
        (
            'https://me:pw@host/a%20b/s.tif?' + SECRET,
            '/vsicurl/https://me:pw@host/a%20b/s.tif?' + SECRET,
            'https://host/a%20b/s.tif',
        ),
        ('s3://bucket/a/s.tif', '/vsis3/bucket/a/s.tif', None),
        ('gs://bucket/a/s.tif', '/vsigs/bucket/a/s.tif', None),
    ],
)
def test_addresses_as_gdal_takes_them_and_as_they_are_shown(
    url: str, vsi: str, shown: str | None
) -> None:
    found = locate(url)
    assert isinstance(found, RemoteScene)
    assert found.vsi == vsi
    assert str(found) == (shown or url)
    assert (found.name, found.stem) == ('s.tif', 's')
    assert 'pw' not in repr(found)
    assert SECRET not in repr(found)
    assert locate('a/s.tif') == Path('a/s.tif')


@pytest.mark.parametrize('fault', ['', '503', 'reset', 'cut'])
def test_a_remote_scene_gives_the_map_of_its_file(
    model: Any,
    scheme: LabelScheme,
    scene: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    predict_scene(model, scene, tmp_path / 'here', scheme, OPTIONS)
    with serve(scene.parent, fault) as server:
        server.faults.value = 2
        url = f'{server.url}/{scene.name}?{SECRET}'
        predict_scene(model, url, tmp_path / 'there', scheme, OPTIONS)
        assert not fault or server.faults.value == 0
    for name in ('labels.tif', 'classes.csv', 'preview.png'):
        here, there = (tmp_path / f / name for f in ('here', 'there'))
        assert here.read_bytes() == there.read_bytes()
    report = (tmp_path / 'there' / 'report.json').read_text()
    assert 'v1' in report
    assert 'is damaged' not in report
    assert SECRET not in report + caplog.text


@pytest.mark.parametrize('fault', ['503', '403', 'cut'])
def test_a_server_that_stays_bad_is_named_without_secrets(
    scene: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    monkeypatch.setenv('GDAL_HTTP_MAX_RETRY', '1')
    caplog.set_level(logging.DEBUG, 'rasterio._err')
    with serve(scene.parent, fault) as server:
        server.faults.value = -1
        url = f'{server.url}/{scene.name}?{SECRET}'
        with (
            pytest.raises(UnreachableError, match='cannot be read') as info,
            RasterSource(url) as source,
        ):
            source.read(0, 600)
    error = info.value
    assert server.url in str(error)
    assert SECRET not in str(error) + caplog.text
    assert error.__cause__ is None


@pytest.mark.parametrize('fault', ['503', '403', 'reset', 'cut'])
def test_rows_stay_when_the_server_is_lost(
    model: Any,
    scheme: LabelScheme,
    write_scene: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    """It breaks, or a signature expires; with a new one the run resumes."""
    monkeypatch.setenv('GDAL_HTTP_MAX_RETRY', '1')

    # Larger than what GDAL reads ahead.
    draws = np.random.default_rng(0)
    scene = write_scene(draws.integers(0, 256, (2400, 200, 3), np.uint8))
    options = replace(OPTIONS, tiling=Tiling(200, 20))
    predict_scene(model, scene, tmp_path / 'here', scheme, options)
    out, whole = tmp_path / 'there', model.calls
    with serve(scene.parent, fault) as server:
        url = f'{server.url}/{scene.name}?{SECRET}'
        with pytest.raises(UnreachableError, match=r'scene\.tif cannot') as e:
            predict_scene(Breaking(model, server), url, out, scheme, options)
        assert list(out.glob('.aeroseg/0*.npz'))
        assert not (out / 'labels.tif').exists()
        server.faults.value = 0
        before = model.calls
        again = f'{server.url}/{scene.name}?sig=another'
        predict_scene(model, again, out, scheme, options)
        resumed = model.calls - before
    labels = [p / 'labels.tif' for p in (tmp_path / 'here', out)]
    assert labels[0].read_bytes() == labels[1].read_bytes()
    assert 0 < resumed < whole - 1
    assert SECRET not in str(e.value) + caplog.text


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    """A certificate of this machine, that nobody else has signed."""
    x509 = pytest.importorskip('cryptography.x509')
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    oid = x509.oid.NameOID.COMMON_NAME
    name = x509.Name([x509.NameAttribute(oid, 'here')])
    here = x509.IPAddress(ip_address('127.0.0.1'))
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([here]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(
        pem,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path / 'identity.pem'
    path.write_bytes(secret + made.public_bytes(pem))
    return path


def test_https_needs_a_certificate_that_is_known(
    scene: Path, identity: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('CPL_VSIL_CURL_NON_CACHED', '/vsicurl/https://127')
    with serve(scene.parent, '503', identity=identity) as server:
        url = f'{server.url}/{scene.name}?{SECRET}'
        assert url.startswith('https://')
        with pytest.raises(UnreachableError, match='certificate') as info:
            RasterSource(url)
        assert SECRET not in str(info.value)
        # As rasterio's wheels name it, and as others do.
        for name in ('GDAL_CURL_CA_BUNDLE', 'CURL_CA_BUNDLE'):
            monkeypatch.setenv(name, str(identity))
        server.faults.value = 2
        with RasterSource(url) as there, RasterSource(scene) as here:
            assert (there.read(0, 600)[0] == here.read(0, 600)[0]).all()
        assert server.faults.value == 0


def test_another_etag_is_another_job(
    model: Any, scheme: LabelScheme, scene: Path, tmp_path: Path
) -> None:
    with serve(scene.parent) as server:
        url = f'{server.url}/{scene.name}'
        predict_scene(model, url, tmp_path / 'out', scheme, OPTIONS)
        calls = model.calls
        predict_scene(model, url, tmp_path / 'out', scheme, OPTIONS)
        assert model.calls == calls
        server.version.value = 2
        with pytest.raises(ValueError, match='results of another run'):
            predict_scene(model, url, tmp_path / 'out', scheme, OPTIONS)


def test_a_missing_scene_is_named(tmp_path: Path) -> None:
    with (
        serve(tmp_path) as server,
        pytest.raises(UnreachableError, match=r'none.tif cannot be read'),
    ):
        RasterSource(f'{server.url}/none.tif')


def test_a_bucket_is_read_with_gdals_own_credentials(
    scene: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """The server takes the bucket for a folder, as S3 by path does."""
    caplog.set_level(logging.DEBUG)
    with serve(scene.parents[1]) as server:
        monkeypatch.setenv('AWS_S3_ENDPOINT', server.url[len('http://') :])
        monkeypatch.setenv('AWS_HTTPS', 'NO')
        monkeypatch.setenv('AWS_VIRTUAL_HOSTING', 'FALSE')
        monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'known')
        monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'hidden-key')
        remote = RemoteScene(f's3://{scene.parent.name}/{scene.name}')
        with RasterSource(remote) as there, RasterSource(scene) as here:
            assert (there.read(0, 600)[0] == here.read(0, 600)[0]).all()
        assert remote.identity()['etag'] == '"v1"'
    assert 'hidden-key' not in caplog.text


def test_a_later_version_on_the_server_is_noticed_before_the_files_are_made(
    model: Any, scheme: LabelScheme, scene: Path, tmp_path: Path
) -> None:
    with serve(scene.parent) as server:

        def scan(*given: Any) -> None:
            scan_scene(*given)
            server.version.value = 2

        url = f'{server.url}/{scene.name}'
        with pytest.raises(ValueError, match='changed while it was mapped'):
            predict_scene(
                model, url, tmp_path / 'o', scheme, OPTIONS, '', scan
            )
        assert not (tmp_path / 'o').exists()
