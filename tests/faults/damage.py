# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What can be wrong with the file of an image or of a label."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

Damage = Callable[[Path], object]


def cut(path: Path) -> None:
    """Half of the file, as after a download that broke off."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_end(path: Path) -> None:
    """Without its last bytes."""
    path.write_bytes(path.read_bytes()[:-9])


def empty(path: Path) -> None:
    """No byte is left."""
    path.write_bytes(b'')


def zeros(path: Path) -> None:
    """As long as before, all zero, as after a power failure."""
    path.write_bytes(bytes(path.stat().st_size))


def noise(path: Path) -> None:
    """Some bytes in the middle are others."""
    content = bytearray(path.read_bytes())
    random = np.random.default_rng(1)
    start = len(content) // 2
    for place in random.integers(start, len(content) - 40, 12):
        content[place] ^= int(random.integers(1, 256))
    path.write_bytes(bytes(content))


def text(path: Path) -> None:
    """A page of a web server in place of the file."""
    path.write_text('<html>404 not found</html>')


def gone(path: Path) -> None:
    """The file is missing."""
    path.unlink()


def is_a_folder(path: Path) -> None:
    """A folder has its name."""
    path.unlink()
    path.mkdir()


def dangling(path: Path) -> None:
    """A link to nothing."""
    path.unlink()
    path.symlink_to('nowhere')


def endless(path: Path) -> None:
    """A link to itself."""
    path.unlink()
    path.symlink_to(path.name)


def pipe(path: Path) -> None:
    """A named pipe that nobody writes to."""
    path.unlink()
    os.mkfifo(path)


def save_as(path: Path, image: Image.Image, **options: object) -> None:
    """Save under the same name in a lossless format of that name."""
    kind = {'.tif': 'TIFF', '.jpg': 'PNG'}.get(path.suffix, 'PNG')
    image.save(path, kind, **options)


def smaller(path: Path) -> None:
    """One row less."""
    with Image.open(path) as image:
        cropped = image.crop((0, 0, image.width, image.height - 1))
    save_as(path, cropped)


def with_alpha(path: Path) -> None:
    """Four bands, the left half transparent."""
    with Image.open(path) as image:
        four = image.convert('RGBA')
    alpha = Image.new('L', four.size, 255)
    alpha.paste(0, (0, 0, four.width // 2, four.height))
    four.putalpha(alpha)
    save_as(path, four)


def deep(path: Path) -> None:
    """16 bit per pixel."""
    with Image.open(path) as image:
        grey = np.asarray(image.convert('L')).astype(np.uint16) * 257
    save_as(path, Image.fromarray(grey))


def as_float(path: Path) -> None:
    """Floating point values, as TIFF."""
    with Image.open(path) as image:
        grey = np.asarray(image.convert('L')).astype(np.float32)
    Image.fromarray(grey).save(path, 'TIFF')


def turned(path: Path) -> None:
    """A picture that a camera stored on its side."""
    with Image.open(path) as image:
        image.load()
    exif = Image.Exif()
    exif[0x0112] = 3
    image.convert('RGB').save(path, 'PNG', exif=exif)


def pages(path: Path) -> None:
    """A TIFF of two pages."""
    with Image.open(path) as image:
        image.load()
    image.save(path, 'TIFF', save_all=True, append_images=[image.copy()])


def lossy(path: Path) -> None:
    """JPEG under the same name."""
    with Image.open(path) as image:
        picture = image.convert('L' if image.mode == 'L' else 'RGB')
    picture.save(path, 'JPEG', quality=80)


def lossy_tiff(path: Path) -> None:
    """A TIFF with JPEG compression."""
    with Image.open(path) as image:
        picture = image.convert('L' if image.mode == 'L' else 'RGB')
    picture.save(path, 'TIFF', compression='jpeg')


def packed(path: Path) -> None:
    """The palette fault: mode P without a palette."""
    with Image.open(path) as image:
        values = np.asarray(image.convert('L'))
    odd = np.where(np.arange(values.shape[1]) % 2, values | 1, values)
    size = values.shape[::-1]
    Image.frombytes('P', size, odd.astype(np.uint8).tobytes()).save(
        path, 'PNG'
    )


def unknown_value(path: Path) -> None:
    """One pixel with a value or colour that stands for no class."""
    with Image.open(path) as image:
        values = np.asarray(image).copy()
        palette = image.getpalette() if image.mode == 'P' else None
    values[3, 5] = (1, 2, 3) if values.ndim == 3 else 201
    changed = Image.fromarray(values)
    if palette:
        changed.putpalette(palette)
    save_as(path, changed)


ANY_FILE: dict[str, Damage] = {
    'cut in half': cut,
    'without its end': cut_end,
    'empty': empty,
    'all zero': zeros,
    'a web page': text,
    'a folder': is_a_folder,
    'a dangling link': dangling,
    'a link to itself': endless,
    'a named pipe': pipe,
    'missing': gone,
    'a row less': smaller,
    'of two pages': pages,
    'of 16 bit': deep,
    'of floats': as_float,
    'turned': turned,
}
IMAGE: dict[str, Damage] = {**ANY_FILE, 'with alpha': with_alpha}
LABEL: dict[str, Damage] = {
    **ANY_FILE,
    'JPEG': lossy,
    'TIFF with JPEG': lossy_tiff,
    'palette fault': packed,
    'unknown value': unknown_value,
    'transparent': with_alpha,
}
