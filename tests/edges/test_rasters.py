"""One band onto the grid, with rasterio's own warper as the oracle; and files that are not what they should be."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.warp import Resampling, transform_bounds
from scipy import ndimage

from monitor import rasters
from monitor.errors import SceneError
from monitor.grid import Grid
from monitor.outlines import read_aoi
from monitor.rasters import Part, joined, part_of, read_band, read_image
from monitor.scene import Asset, Unit

HERE = Path(__file__).parent
GRID = Grid(epsg=32636, left=750_000, top=3_935_000, resolution=10, height=40, width=50)
Image = NDArray[Any]
ELSEWHERE = Affine(10, 0, 760_000, 0, -10, 3_935_000)


def place(workspace: str, aoi: str) -> Grid:
    path = HERE.parent / "workspaces" / workspace / "aois" / f"{aoi}.geojson"
    return read_aoi(path, path.name).grid()


def noise(height: int, width: int, seed: int = 1) -> Image:
    return np.random.default_rng(seed).gamma(4.4, 0.02 / 4.4, (height, width)).astype(np.float32)


def swell(height: int, width: int) -> Image:
    """Smooth enough that the kernels of two resamplers agree; uneven enough that a shift of a pixel shows."""
    image = ndimage.gaussian_filter(np.random.default_rng(3).gamma(2, 0.01, (height, width)), 4)
    return np.asarray(0.01 + 5 * (image - image.min()), np.float32)


def at(left: float, top: float, size: float) -> Affine:
    return Affine(size, 0, left, 0, -size, top)


def write(path: Path, image: Image, transform: Affine, epsg: int | None = 32636, **options: Any) -> Asset:
    mask = options.pop("mask", None)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=image.shape[0],
            width=image.shape[1],
            count=1,
            dtype=image.dtype,
            crs=None if epsg is None else CRS.from_epsg(epsg),
            transform=transform,
            compress="deflate",
            **options,
        ) as file,
    ):
        file.write(image, 1)
        if mask is not None:
            file.write_mask(mask)
    return Asset(href=str(path), unit=Unit.LINEAR)


def warped(
    values: Image, transform: Affine, crs: object, grid: Grid, how: Resampling = Resampling.bilinear
) -> NDArray[np.float32]:
    """What GDAL's virtual warper makes of physical values with NaN for holes."""
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=values.shape[0],
            width=values.shape[1],
            count=1,
            dtype="float32",
            crs=crs,
            transform=transform,
            nodata=math.nan,
        ) as file:
            file.write(values.astype(np.float32), 1)
        with (
            memory.open() as file,
            WarpedVRT(
                file,
                crs=CRS.from_epsg(grid.epsg),
                transform=Affine(*grid.transform),
                height=grid.height,
                width=grid.width,
                resampling=how,
                nodata=math.nan,
            ) as vrt,
        ):
            out: NDArray[np.float32] = vrt.read(1)
            return out


def exact(values: Image, transform: Affine, grid: Grid) -> NDArray[np.float64]:
    """Bilinear interpolation between pixel centres of a north-up image in the grid's own reference system."""
    x, y = grid.centres()
    rows, columns = (y - transform.f) / transform.e - 0.5, (x - transform.c) / transform.a - 0.5
    out: NDArray[np.float64] = ndimage.map_coordinates(
        values.astype(np.float64), np.meshgrid(rows, columns, indexing="ij"), order=1, mode="constant", cval=math.nan
    )
    return out


def inside(image: Image, pixels: int = 3) -> NDArray[np.bool_]:
    """True where there is no hole within so many pixels."""
    return ~ndimage.binary_dilation(~np.isfinite(image), iterations=pixels)


def agree(ours: Image, theirs: Image, *, rtol: float = 1e-4, pixels: int = 3) -> None:
    where = inside(theirs, pixels)
    assert where.mean() > 0.2, "the oracle saw next to nothing"
    np.testing.assert_allclose(ours[where], theirs[where], rtol=rtol)


# onto the grid


def test_pixels_of_the_same_grid_are_copied_bit_by_bit(tmp_path: Path) -> None:
    image = noise(60, 80)
    asset = write(tmp_path / "a.tif", image, at(749_900, 3_935_100, 10))
    assert np.array_equal(read_band(asset, GRID), image[10:50, 10:60])


def test_a_file_that_covers_a_part_leaves_the_rest_unseen(tmp_path: Path) -> None:
    image = noise(20, 20)
    out = read_band(write(tmp_path / "a.tif", image, at(750_400, 3_934_700, 10)), GRID)
    assert np.array_equal(out[30:, 40:], image[:10, :10])
    assert np.isfinite(out).sum() == 100


@pytest.mark.parametrize(
    ("size", "left", "top"), [(30, 749_970, 3_935_030), (11.449, 749_903, 3_935_077), (10, 749_905, 3_935_042)]
)
def test_a_parallel_grid_is_interpolated_bilinearly(tmp_path: Path, size: float, left: float, top: float) -> None:
    image, transform = noise(60, 70), at(left, top, size)
    out = read_band(write(tmp_path / "a.tif", image, transform), GRID)
    np.testing.assert_allclose(out, exact(image, transform, GRID), rtol=1e-5)
    if size > 10:  # at equal size the kernel of the virtual warper depends on its window
        np.testing.assert_allclose(out, warped(image, transform, CRS.from_epsg(32636), GRID), rtol=1e-4)


def test_a_finer_grid_is_averaged_as_gdal_does(tmp_path: Path) -> None:
    image, transform = noise(260, 320), at(749_905, 3_935_042, 2)
    out = read_band(write(tmp_path / "a.tif", image, transform), GRID)
    theirs = warped(image, transform, CRS.from_epsg(32636), GRID)
    agree(out, theirs, rtol=0.03)
    assert np.nanstd(out) < 0.3 * image.std(), "25 pixels and more make one"


def test_another_reference_system_is_warped_as_gdal_does(tmp_path: Path) -> None:
    west, south, east, north = transform_bounds("EPSG:32636", "EPSG:3857", *GRID.bounds)
    left, top = west - 100, north + 100
    image = swell(int((north - south + 200) / 10), int((east - west + 200) / 10))
    out = read_band(write(tmp_path / "a.tif", image, at(left, top, 10), 3857), GRID)
    theirs = warped(image, at(left, top, 10), CRS.from_epsg(3857), GRID)
    agree(out, theirs, rtol=0.01)
    assert np.abs(np.roll(out, 1, axis=1) / theirs - 1).max() > 0.1


def test_classes_take_the_nearest_and_are_never_mixed(tmp_path: Path) -> None:
    image = np.random.default_rng(2).integers(1, 12, (40, 40)).astype(np.uint8)
    transform = at(749_950, 3_935_050, 20)
    asset = replace(write(tmp_path / "scl.tif", image, transform), unit=Unit.CLASSES, nodata=0)
    out = read_band(asset, GRID)
    assert set(np.unique(out)) <= set(range(1, 12))
    assert np.array_equal(out, warped(image, transform, CRS.from_epsg(32636), GRID, Resampling.nearest))


def test_ground_that_is_not_in_the_file_is_unseen(tmp_path: Path) -> None:
    assert np.isnan(read_band(write(tmp_path / "a.tif", noise(50, 50), ELSEWHERE), GRID)).all()


@pytest.mark.parametrize(
    ("transform", "epsg"),
    [(at(750_000, 3_935_000, 10), 32636), (at(749_973, 3_935_031, 13), 32636), (at(749_973, 3_935_031, 5), 32636)],
    ids=["same", "parallel", "finer"],
)
@pytest.mark.parametrize("marked", ["mask", "nodata", "catalogue"])
def test_pixels_that_were_not_seen_lend_nothing_to_their_neighbours(
    tmp_path: Path, transform: Affine, epsg: int, marked: str
) -> None:
    image = noise(100, 120)
    seen = np.ones(image.shape, bool)
    seen[10:14, 10:20] = False
    seen[25, 30] = False
    filler = -32768.0
    image[~seen] = filler
    marks: dict[str, dict[str, Any]] = {"mask": {"mask": seen}, "nodata": {"nodata": filler}, "catalogue": {}}
    options = marks[marked]
    asset = write(tmp_path / "a.tif", image, transform, epsg, **options)
    if marked == "catalogue":
        asset = replace(asset, nodata=filler)
    out = read_band(asset, GRID)
    finite = out[np.isfinite(out)]
    assert finite.min() >= image[seen].min()
    assert finite.max() <= image[seen].max()
    x, y = GRID.centres()
    rows = np.floor((y - transform.f) / transform.e).astype(int)
    columns = np.floor((x - transform.c) / transform.a).astype(int)
    middle = np.zeros(image.shape, bool)
    middle[11:13, 11:19] = True
    assert np.isnan(out[middle[np.ix_(rows, columns)]]).all(), "the middle of the hole stays a hole"


@pytest.mark.parametrize("nodata", [math.nan, 1e20, -9999.0])
def test_decibels_become_power_before_they_are_mixed_and_fillers_do_no_harm(tmp_path: Path, nodata: float) -> None:
    db = (10 * np.log10(noise(60, 60))).astype(np.float32)
    db[20, 20] = nodata
    transform = at(749_903, 3_935_077, 11.4)
    asset = replace(write(tmp_path / "a.tif", db, transform), unit=Unit.DECIBEL, nodata=nodata)
    power = 10 ** (db.astype(np.float64) / 10) if abs(nodata) < 1e4 else 10 ** (np.where(db > 1e4, 0, db) / 10)
    power[20, 20] = math.nan
    out = read_band(asset, GRID)
    agree(out, warped(power, transform, CRS.from_epsg(32636), GRID))
    db[20, 20] = math.nan
    wrong = 10 ** (warped(db, transform, CRS.from_epsg(32636), GRID) / 10)
    where = inside(wrong)
    assert np.abs(out[where] / wrong[where] - 1).max() > 0.05, "mixing decibels would give other numbers"


def test_scale_and_offset_are_those_of_the_catalogue(tmp_path: Path) -> None:
    dn = np.arange(2000, dtype=np.uint16).reshape(40, 50)
    asset = replace(
        write(tmp_path / "a.tif", dn, at(750_000, 3_935_000, 10), nodata=0), scale=1e-4, offset=-0.1, nodata=0
    )
    out = read_band(asset, GRID)
    assert np.isnan(out[0, 0])
    np.testing.assert_allclose(out.ravel()[1:], dn.ravel()[1:] * 1e-4 - 0.1, atol=1e-7)


def test_the_first_slice_that_saw_a_pixel_gives_it() -> None:
    a, b = np.array([[1, math.nan, math.nan]], np.float32), np.array([[5, 6, math.nan]], np.float32)
    np.testing.assert_array_equal(joined([a, b]), np.array([[1, 6, math.nan]], np.float32))
    assert np.isnan(a[0, 1]), "the parts stay as they were"


# real files


def test_latakia_is_exact_from_decibels_to_power(latakia: Path) -> None:
    grid = place("latakia", "latakia")
    item = json.loads((latakia / "items.json").read_text())["features"][0]
    path = latakia / item["assets"]["vv"]["href"]
    with rasterio.open(path) as file:
        power = 10 ** ((file.read(1).astype(np.float64) * 0.1 - 27) / 10)
        power[file.dataset_mask() == 0] = math.nan
        theirs = warped(power, file.transform, file.crs, grid)
    ours = read_band(Asset(href=str(path), unit=Unit.DECIBEL, scale=0.1, offset=-27.0), grid)
    agree(ours, theirs)
    assert 10 * np.log10(np.nanmin(ours)) >= -27.001
    assert 10 * np.log10(np.nanmax(ours)) <= -1.499, "DN 255"
    lost = np.isnan(ours) & inside(theirs, 2)
    assert lost.sum() == 0, "no pixel is lost away from holes"


@pytest.mark.parametrize("band", ["vv", "vh"])
def test_california_is_unchanged_where_the_grids_are_one(california: Path, band: str) -> None:
    grid = place("california", "suburb")
    items = json.loads((california / "items.json").read_text())["features"]
    item = next(i for i in items if i["properties"]["opera:burst_id"] == "T137-292319-IW2")
    path = california / item["assets"][band]["href"]
    ours = read_band(Asset(href=str(path), unit=Unit.LINEAR, nodata=math.nan), grid)
    expected = np.full(grid.shape, math.nan, np.float32)
    with rasterio.open(path) as file:
        x, y = grid.centres()
        rows, columns = (y - file.transform.f) / file.transform.e - 0.5, (x - file.transform.c) / file.transform.a - 0.5
        assert np.abs(rows - rows.round()).max() < 1e-6
        there = np.ix_((rows >= 0) & (rows < 100), (columns >= 0) & (columns < 100))
        taken = np.ix_(*(np.clip(v.round().astype(int), 0, 99) for v in (rows, columns)))
        expected[there] = file.read(1)[taken][there]
    assert np.isfinite(expected).mean() > 0.9
    assert np.array_equal(ours, expected, equal_nan=True)


@pytest.mark.parametrize("band", ["B02", "B08"])
def test_sen2ships_comes_from_web_mercator_as_gdal_warps_it(sen2ships: Path, band: str) -> None:
    grid = place("busan", "busan")
    path = sen2ships / f"busan_2022-05-14_{band}.tif"
    ours = read_band(Asset(href=str(path), unit=Unit.LINEAR, scale=1 / 65535), grid)
    with rasterio.open(path) as file:
        theirs = warped(file.read(1).astype(np.float64) / 65535, file.transform, file.crs, grid)
    where = inside(theirs)
    assert where.mean() > 0.95
    off = np.abs(ours[where] - theirs[where]).mean()
    by_a_pixel = np.abs(np.roll(ours, 1, axis=1)[where] - theirs[where]).mean()
    assert off < 0.02 * by_a_pixel
    assert np.isfinite(ours).mean() > 0.98


# what cannot be read


def refused(path: Path, **changes: Any) -> SceneError:
    with pytest.raises(SceneError) as caught:
        read_band(replace(Asset(href=str(path), unit=Unit.LINEAR), **changes), GRID)
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "gone.tif").message


@pytest.mark.parametrize("kept", [0, 4, 200, 0.5, 0.98])
def test_a_truncated_file_is_named(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "cut.tif"
    write(path, noise(300, 300), at(749_000, 3_935_000 + 2_550, 10))  # the grid needs the last strips
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept if kept > 1 else kept * len(whole))])
    refused(path)


def test_damaged_pixels_are_an_error_not_numbers(tmp_path: Path) -> None:
    path = tmp_path / "bad.tif"
    write(path, noise(40, 50), at(750_000, 3_935_000, 10))
    data = bytearray(path.read_bytes())
    data[-3000:-200] = b"\xff" * 2800
    path.write_bytes(bytes(data))
    refused(path)


def test_what_is_no_geotiff_is_not_opened(tmp_path: Path) -> None:
    good = tmp_path / "good.tif"
    write(good, noise(40, 50), at(750_000, 3_935_000, 10))
    text = tmp_path / "text.tif"
    text.write_text("a file of words\n")
    vrt = tmp_path / "virtual.tif"
    vrt.write_text(
        '<VRTDataset rasterXSize="50" rasterYSize="40"><SRS>EPSG:32636</SRS>'
        "<GeoTransform>750000,10,0,3935000,0,-10</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        f'<SourceFilename relativeToVRT="0">{good}</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with rasterio.open(vrt) as file:  # GDAL itself would follow it
        assert file.shape == GRID.shape
    other = tmp_path / "other.tif"
    with rasterio.open(
        other,
        "w",
        driver="ENVI",
        height=40,
        width=50,
        count=1,
        dtype="float32",
        crs=CRS.from_epsg(32636),
        transform=at(750_000, 3_935_000, 10),
    ) as file:
        file.write(noise(40, 50), 1)
    for path in (text, vrt, other, tmp_path):
        refused(path)


def test_a_file_without_reference_system_is_refused_and_says_so(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", noise(40, 50), at(750_000, 3_935_000, 10), None)
    assert "no reference system" in refused(tmp_path / "a.tif").message


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("epsg", [None, 32636])
def test_a_file_without_place_is_refused_not_taken_for_one_elsewhere(tmp_path: Path, epsg: int | None) -> None:
    write(tmp_path / "a.tif", noise(40, 50), Affine.identity(), epsg)
    assert "no " in refused(tmp_path / "a.tif").message


@pytest.mark.parametrize("epsg", [5041, 32761, 27700, 2193])
def test_a_reference_system_far_away_gives_no_pixels_and_no_crash(tmp_path: Path, epsg: int) -> None:
    asset = write(tmp_path / "a.tif", noise(40, 50), at(400_000, 300_000, 10), epsg)
    assert np.isnan(read_band(asset, GRID)).all()


def test_a_file_that_lies_turned_is_put_upright(tmp_path: Path) -> None:
    turned = Affine(8.66, -5.0, 750_250, -5.0, -8.66, 3_935_100)  # 30 degrees
    image = swell(60, 80)
    out = read_band(write(tmp_path / "a.tif", image, turned), GRID)
    agree(out, warped(image, turned, CRS.from_epsg(32636), GRID), rtol=1e-2)


def test_a_file_that_is_upside_down_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", swell(60, 80), Affine(10, 0, 749_900, 0, 10, 3_934_500))
    assert "inconsistent" in refused(tmp_path / "a.tif").message


def test_a_window_too_large_for_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.tif", noise(60, 80), at(749_900, 3_935_100, 10))
    monkeypatch.setattr(rasters, "LARGEST_READ", 1000)
    error = refused(tmp_path / "a.tif")
    assert "48 x 58 pixels" in error.message
    assert "Split" in error.hint


@pytest.mark.parametrize("name", ["S1 #1.tif", "a?b=c&d.tif", "ü+%41.tif", "a!b.tif", "GTIFF_DIR:1.tif"])
def test_names_with_signs_are_files_like_others(tmp_path: Path, name: str) -> None:
    image = noise(40, 50)
    asset = write(tmp_path / "plain.tif", image, at(750_000, 3_935_000, 10))
    (tmp_path / "plain.tif").rename(tmp_path / name)
    assert np.array_equal(read_band(replace(asset, href=str(tmp_path / name)), GRID), image)


@pytest.mark.parametrize("flat", [Affine(10, 0, 750_000, 10, 0, 3_935_000), Affine(10, 5, 750_000, 20, 10, 3_935_000)])
def test_a_file_without_extent_on_the_ground_is_refused(tmp_path: Path, flat: Affine) -> None:
    write(tmp_path / "a.tif", noise(40, 50), flat)
    assert "no place" in refused(tmp_path / "a.tif").message


def test_a_reference_system_of_another_planet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mars.tif"
    write(path, noise(40, 50), at(750_000, 3_935_000, 10), None)
    with rasterio.open(path, "r+") as file:
        file.crs = CRS.from_wkt(
            'GEOGCS["Mars",DATUM["Mars",SPHEROID["Mars",3396190,169.894447]],PRIMEM["Zero",0],UNIT["degree",0.0174532925]]'
        )
    refused(path)


def test_a_name_of_a_reference_system_in_no_alphabet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(path, noise(40, 50), at(750_000, 3_935_000, 10), None)
    with rasterio.open(path, "r+") as file:
        utm = CRS.from_epsg(32636).to_wkt(version="WKT1_GDAL")
        own = utm.replace("WGS 84 / UTM zone 36N", "The Harbour Grid").replace(',AUTHORITY["EPSG","32636"]', "")
        file.crs = CRS.from_wkt(own.replace("0.9996", "0.9995"))
    content = path.read_bytes()
    assert b"The Harbour Grid" in content
    path.write_bytes(content.replace(b"The Harbour Grid", b"\x9d\xa9 Harbour Grid"))
    refused(path)


# in memory


def test_an_image_in_memory_reads_like_the_file(tmp_path: Path) -> None:
    for transform in (at(749_900, 3_935_100, 10), at(749_903, 3_935_077, 11.4)):
        asset = replace(write(tmp_path / "a.tif", noise(60, 80), transform), unit=Unit.DECIBEL, scale=0.1, offset=-20)
        content = (tmp_path / "a.tif").read_bytes()
        part = part_of(content, GRID, "a")
        assert part is not None
        np.testing.assert_array_equal(read_image(content, part, asset, GRID, "a"), read_band(asset, GRID))


def test_the_part_of_an_image_is_the_window_and_its_margin(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", noise(100, 100), at(749_900, 3_935_100, 10))
    assert part_of((tmp_path / "a.tif").read_bytes(), GRID, "a") == Part(rows=range(6, 54), columns=range(6, 64))
    write(tmp_path / "b.tif", noise(50, 50), ELSEWHERE)
    assert part_of((tmp_path / "b.tif").read_bytes(), GRID, "b") is None


def test_what_is_outside_the_part_is_not_looked_at(tmp_path: Path) -> None:
    image = noise(400, 400)
    options = {"tiled": True, "blockxsize": 16, "blockysize": 16}
    asset = write(tmp_path / "a.tif", image, at(748_000, 3_937_000, 10), **options)
    content = bytearray((tmp_path / "a.tif").read_bytes())
    part = part_of(bytes(content), GRID, "a")
    assert part is not None
    with rasterio.open(tmp_path / "a.tif") as file:
        for row in range(25):
            for column in range(25):
                offset = int(file.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=1))
                size = int(file.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=1))
                inside_rows = range(row * 16, row * 16 + 16)
                inside_columns = range(column * 16, column * 16 + 16)
                needed = set(part.rows) & set(inside_rows) and set(part.columns) & set(inside_columns)
                if not needed:
                    content[offset : offset + size] = b"\xff" * size
    np.testing.assert_array_equal(read_image(bytes(content), part, asset, GRID, "a"), read_band(asset, GRID))


@pytest.mark.parametrize("content", [b"", b"a file of words", b"II*\0" + bytes(20)])
def test_what_is_no_image_in_memory_is_called_by_its_name(content: bytes) -> None:
    with pytest.raises(SceneError) as caught:
        part_of(content, GRID, "https://a.org/x.tif")
    assert caught.value.message.startswith("https://a.org/x.tif: cannot be read")
    assert "vsimem" not in caught.value.message
    assert caught.value.hint
