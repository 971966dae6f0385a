"""The header of a TIFF: where its tiles lie, and small files made of a few of them.

A file is read from its header alone (first image and the mask that belongs to it; overviews are not wanted here), and
written again with the tiles that somebody has fetched. All other tiles of it are left out as sparse files leave them
out, so that rows, columns and georeference stay those of the whole file. Tiles are copied as they are, compressed, and
tags word for word: what they mean is left to GDAL.

TIFF 6.0 (Adobe, 1992); BigTIFF as in libtiff. Strips are tiles as wide as the image here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Read = Callable[[int, int], bytes]
"""read(offset, size): exactly so many bytes of the file, or Malformed."""

LARGEST_SIDE = 1_000_000
"""Pixels. Sentinel-1 over a whole orbit has less."""

LARGEST_TILE = 64_000_000
"""Bytes of one tile, decoded and encoded."""

MOST_TILES = 2_000_000
MOST_TAGS = 200
MOST_SAMPLES = 200
MOST_IMAGES = 40
"""Of one file: the image, its overviews, and their masks."""

LARGEST_TAG = 1_000_000
"""Bytes of a tag that is copied: keys of the reference system, metadata, tables of JPEG."""

TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
INTEGERS = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}
LONG8 = 16


class Malformed(ValueError):
    """It is no TIFF, a damaged one, or one of a size that no image has. The text says which."""


class Name(IntEnum):
    """Tags by number."""

    SUBFILE = 254
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    SAMPLES = 277
    ROWS_PER_STRIP = 278
    STRIP_SIZES = 279
    PLANES = 284
    PREDICTOR = 317
    COLOURS = 320
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_SIZES = 325
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    JPEG_TABLES = 347
    YCBCR_SUBSAMPLING = 530
    REFERENCE_BLACK_WHITE = 532
    PIXEL_SCALE = 33550
    TIEPOINTS = 33922
    TRANSFORMATION = 34264
    GEO_KEYS = 34735
    GEO_DOUBLES = 34736
    GEO_TEXT = 34737
    GDAL_METADATA = 42112
    GDAL_NODATA = 42113
    LERC = 50674


TABLES = frozenset({Name.STRIP_OFFSETS, Name.STRIP_SIZES, Name.TILE_OFFSETS, Name.TILE_SIZES})
COPIED = frozenset(Name) - TABLES
REDUCED, MASK = 1, 4
"""Bits of SUBFILE."""


@dataclass(frozen=True)
class Tag:
    """One value of an image, as in the file."""

    type: int
    count: int
    raw: bytes
    """In the byte order of the file."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image of a file, cut into equal tiles; those at the right and lower rim reach beyond it."""

    tags: Mapping[int, Tag]
    """Those that are copied."""

    width: int
    height: int
    tiled: bool
    """False: strips."""

    tile_width: int
    tile_height: int
    planes: int
    """1: all samples of a pixel lie together. Else one set of tiles for each sample."""

    needs_all_planes: bool
    """True: whether a pixel was seen depends on other samples than the first."""

    offsets: NDArray[np.uint64]
    """Of the tiles in the file, shape (planes * down * across,); rows of tiles from the top."""

    sizes: NDArray[np.uint64]
    """Bytes of the tiles, the same shape. 0: the tile is left out, all its pixels are nodata."""

    @property
    def across(self) -> int:
        """Tiles in a row."""
        return -(-self.width // self.tile_width)

    @property
    def down(self) -> int:
        """Rows of tiles."""
        return -(-self.height // self.tile_height)

    def needed(self, rows: range, columns: range) -> NDArray[np.intp]:
        """Numbers of the tiles that hold these pixels, those left out excepted."""
        tile_rows = np.arange(rows.start // self.tile_height, (rows.stop - 1) // self.tile_height + 1)
        tile_columns = np.arange(columns.start // self.tile_width, (columns.stop - 1) // self.tile_width + 1)
        planes = np.arange(self.planes if self.needs_all_planes else 1)
        numbers = (planes[:, None, None] * self.down + tile_rows[:, None]) * self.across + tile_columns
        flat: NDArray[np.intp] = numbers.ravel()
        return flat[self.sizes[flat] > 0]


@dataclass(frozen=True, kw_only=True)
class Header:
    """What has to be known of a file before its pixels can be read."""

    order: str
    """Byte order, "<" or ">"."""

    images: tuple[Image, ...]
    """The image, and its mask if it has one inside the file."""


# reading


def parse(read: Read) -> Header:
    """The header of a TIFF or BigTIFF.

    Raises:
        Malformed: see there.
    """
    order, big, at = _start(read)
    directories = list(_directories(read, order, big, at))
    first = directories[0]
    masks = [d for d in directories[1:] if _number(order, d.get(Name.SUBFILE), 0, read) & (MASK | REDUCED) == MASK]
    images = tuple(_image(read, order, d) for d in [first, *masks[:1]])
    if any((i.width, i.height) != (images[0].width, images[0].height) for i in images):
        raise Malformed("its mask has another size than its image")
    return Header(order=order, images=images)


@dataclass(frozen=True)
class _Entry:
    """A tag as its directory lists it."""

    type: int
    count: int
    inline: bytes
    offset: int
    """Where the value lies, if it is too large for its entry."""

    @property
    def size(self) -> int:
        return TYPE_SIZES.get(self.type, 0) * self.count

    def value(self, read: Read, largest: int = LARGEST_TAG) -> bytes:
        if self.size > largest:
            raise Malformed(f"a tag of {self.size} bytes")
        return self.inline[: self.size] if self.size <= len(self.inline) else read(self.offset, self.size)


_Directory = Mapping[int, _Entry]


def _start(read: Read) -> tuple[str, bool, int]:
    """Byte order, whether it is a BigTIFF, and where the first directory lies."""
    head = read(0, 8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise Malformed("it is no TIFF")
    version = struct.unpack(order + "H", head[2:4])[0]
    if version == 42:
        return order, False, struct.unpack(order + "I", head[4:8])[0]
    if version == 43 and struct.unpack(order + "HH", head[4:8]) == (8, 0):
        return order, True, struct.unpack(order + "Q", read(8, 8))[0]
    raise Malformed("it is no TIFF")


def _directories(read: Read, order: str, big: bool, at: int) -> Iterator[_Directory]:
    seen: set[int] = set()
    while at:
        if at in seen or len(seen) >= MOST_IMAGES:
            raise Malformed("its directories never end")
        seen.add(at)
        directory, at = _directory(read, order, big, at)
        yield directory
    if not seen:
        raise Malformed("it holds no image")


def _directory(read: Read, order: str, big: bool, at: int) -> tuple[_Directory, int]:
    """One directory, and where the next one lies; 0: there is none."""
    count_format, entry_format, next_format = ("Q", "HHQ8s", "Q") if big else ("H", "HHI4s", "I")
    count_size, entry_size = struct.calcsize(order + count_format), struct.calcsize(order + entry_format)
    count = struct.unpack(order + count_format, read(at, count_size))[0]
    if not 0 < count <= MOST_TAGS:
        raise Malformed(f"a directory of {count} tags")
    raw = read(at + count_size, count * entry_size + struct.calcsize(next_format))
    found: dict[int, _Entry] = {}
    for tag, kind, values, inline in struct.iter_unpack(order + entry_format, raw[: count * entry_size]):
        offset = struct.unpack(order + next_format, inline)[0]
        found.setdefault(tag, _Entry(kind, values, inline, offset))
    return found, struct.unpack(order + next_format, raw[count * entry_size :])[0]


def _integers(order: str, entry: _Entry, read: Read, largest: int) -> NDArray[np.uint64]:
    kind = INTEGERS.get(entry.type)
    if kind is None:
        raise Malformed(f"a number of type {entry.type}")
    return np.frombuffer(entry.value(read, largest), order + kind).astype(np.uint64)


def _number(order: str, entry: _Entry | None, default: int | None, read: Read) -> int:
    if entry is not None and entry.count > 0:
        return int(_integers(order, entry, read, LARGEST_TAG)[0])
    if default is None:
        raise Malformed("it does not say how large it is")
    return default


def _image(read: Read, order: str, found: _Directory) -> Image:
    def number(name: Name, default: int | None = None) -> int:
        return _number(order, found.get(name), default, read)

    width, height, samples = number(Name.WIDTH), number(Name.HEIGHT), number(Name.SAMPLES, 1)
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE and 0 < samples <= MOST_SAMPLES):
        raise Malformed(f"an image of {width} x {height} pixels and {samples} samples")
    tiled = Name.TILE_WIDTH in found
    tile_width = number(Name.TILE_WIDTH) if tiled else width
    tile_height = number(Name.TILE_HEIGHT) if tiled else min(height, number(Name.ROWS_PER_STRIP, height))
    planes = samples if number(Name.PLANES, 1) == 2 else 1
    bits = number(Name.BITS, 1)
    decoded = tile_width * tile_height * bits * (samples // planes) // 8
    if tile_width < 1 or tile_height < 1 or not 0 < bits <= 128 or decoded > LARGEST_TILE:
        raise Malformed(f"tiles of {tile_width} x {tile_height} pixels of {bits} bits")
    count = planes * -(-width // tile_width) * -(-height // tile_height)
    names = (Name.TILE_OFFSETS, Name.TILE_SIZES) if tiled else (Name.STRIP_OFFSETS, Name.STRIP_SIZES)
    offsets, sizes = (_table(read, order, found.get(name), count) for name in names)
    tags = {t: Tag(e.type, e.count, e.value(read)) for t, e in found.items() if t in COPIED and e.size > 0}
    return Image(
        tags=tags,
        width=width,
        height=height,
        tiled=tiled,
        tile_width=tile_width,
        tile_height=tile_height,
        planes=planes,
        needs_all_planes=Name.EXTRA_SAMPLES in tags or b"NODATA_VALUES" in tags.get(Name.GDAL_METADATA, _NONE).raw,
        offsets=offsets,
        sizes=sizes,
    )


_NONE = Tag(2, 0, b"")


def _table(read: Read, order: str, entry: _Entry | None, count: int) -> NDArray[np.uint64]:
    if count > MOST_TILES or entry is None or entry.count != count:
        raise Malformed(f"{count} tiles, of which {entry.count if entry else 0} are listed")
    return _integers(order, entry, read, 8 * count)


# writing


def bare(header: Header) -> bytes:
    """The header as a TIFF of its own, its tiles still where they are in the file. `parse` gives it back."""
    return _written(header, [(i.offsets, i.sizes) for i in header.images])


def assembled(header: Header, tiles: Sequence[Mapping[int, bytes]]) -> bytes:
    """A TIFF with these tiles, by number, for each image; all others are left out. Nothing is decoded."""
    tables = [(np.zeros_like(i.offsets), np.zeros_like(i.sizes)) for i in header.images]
    at = len(_written(header, tables))
    pixels: list[bytes] = []
    for (offsets, sizes), given in zip(tables, tiles, strict=True):
        for number, data in given.items():
            offsets[number], sizes[number] = at, len(data)
            at += len(data)
            pixels.append(data)
    return _written(header, tables) + b"".join(pixels)


_Tables = tuple[NDArray[np.uint64], NDArray[np.uint64]]


def _written(header: Header, tables: Sequence[_Tables]) -> bytes:
    """Always a BigTIFF, in the byte order of the file: tags and tiles are copied, and both depend on it."""
    order = header.order
    out = struct.pack(order + "2sHHHQ", b"II" if order == "<" else b"MM", 43, 8, 0, 16)
    for image, pair in zip(header.images, tables, strict=True):
        out += _written_image(order, image, pair, at=len(out), last=image is header.images[-1])
    return out


def _written_image(order: str, image: Image, tables: _Tables, *, at: int, last: bool) -> bytes:
    """The directory that begins at `at` in the file, and after it the values that are too large for it."""
    names = (Name.TILE_OFFSETS, Name.TILE_SIZES) if image.tiled else (Name.STRIP_OFFSETS, Name.STRIP_SIZES)
    listed = {n: Tag(LONG8, t.size, t.astype(order + "u8").tobytes()) for n, t in zip(names, tables, strict=True)}
    tags = sorted((dict(image.tags) | listed).items())
    directory = struct.pack(order + "Q", len(tags))
    values = b""
    values_at = at + 8 + 20 * len(tags) + 8
    for number, tag in tags:
        inline = tag.raw
        if len(inline) > 8:
            inline = struct.pack(order + "Q", values_at + len(values))
            values += tag.raw + b"\0" * (-len(tag.raw) % 8)
        directory += struct.pack(order + "HHQ8s", number, tag.type, tag.count, inline)
    return directory + struct.pack(order + "Q", 0 if last else values_at + len(values)) + values
