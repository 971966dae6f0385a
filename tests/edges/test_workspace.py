"""The workspace folder, its lock, and outlines from files of many kinds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from monitor.config import Config
from monitor.errors import AoiError, ConfigError, WorkspaceError
from monitor.workspace import LARGEST_FILE, Lock, Workspace, ad_hoc, check_writable, find, init, read_outline

BOX = shapely.box(130.25, 42.20, 130.32, 42.26)
BOW_TIE = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])


def feature(geometry: BaseGeometry, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": shapely.geometry.mapping(geometry), "properties": properties}


def collection(*features: dict[str, Any]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


def ours(identity: str) -> str:
    return collection(
        feature(BOX, feature_type="aoi", id=identity, name="Rajin port"),
        feature(BOX.buffer(-0.01), feature_type="zone", id=f"{identity}.berths", zone_kind="berth_water", mask="water"),
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "aois").mkdir()
    (tmp_path / "config.toml").write_text("")
    return Workspace(root=tmp_path, config=Config())


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# finding


def test_the_folder_or_the_nearest_one_above_is_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "aois" / "deep").mkdir(parents=True)
    write(tmp_path, "config.toml", 'state = "here"\n')
    assert find(tmp_path, {}).root == tmp_path
    assert find(tmp_path / "aois" / "deep", {}) == find(tmp_path, {})
    assert find(tmp_path, {}).database == tmp_path / "here" / "quaywatch.sqlite"


def test_without_a_name_it_is_looked_for_from_the_working_folder(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.root / "aois")
    assert find(None, {}).root == workspace.root


def test_where_there_is_no_workspace_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"quaywatch init DIR"):
        find(tmp_path, {})
    with pytest.raises(WorkspaceError, match=r"nowhere is not a folder"):
        find(tmp_path / "nowhere", {})


def test_a_wrong_config_is_not_passed_over_for_one_further_up(tmp_path: Path) -> None:
    write(tmp_path, "config.toml", "")
    (tmp_path / "inner").mkdir()
    write(tmp_path / "inner", "config.toml", "x = 1")
    with pytest.raises(ConfigError, match=r"config.toml:1: unknown key 'x'"):
        find(tmp_path / "inner", {})


def test_folders_are_where_the_design_puts_them(workspace: Workspace) -> None:
    root = workspace.root
    assert workspace.state == root / "var"
    assert workspace.reports == root / "var" / "reports"
    assert workspace.log_folder == root / "alerts" / "log"
    assert workspace.evidence == root / "alerts" / "evidence"
    assert workspace.display(workspace.log_folder / "x.jsonl") == "alerts/log/x.jsonl"
    assert workspace.display(Path("/elsewhere/x")) == "/elsewhere/x"


def test_narrative_files_come_in_order(workspace: Workspace) -> None:
    assert workspace.narrative_files() == []
    folder = workspace.root / "alerts" / "narrative"
    folder.mkdir(parents=True)
    for name in ("b.toml", "a.toml", "._a.toml", "notes.md"):
        write(folder, name, "")
    assert [p.name for p in workspace.narrative_files()] == ["a.toml", "b.toml"]


# areas of interest


def test_aois_are_read_by_id_with_their_zones(workspace: Workspace) -> None:
    write(workspace.root / "aois", "b.geojson", ours("rajin"))
    write(workspace.root / "aois", "a.geojson", ours("dunai"))
    write(workspace.root / "aois", "._a.geojson", "rubbish that a file system left")
    aois = workspace.aois()
    assert list(aois) == ["dunai", "rajin"]
    assert aois["rajin"].name == "Rajin port"
    assert aois["rajin"].zone("berths").surface == "water"


def test_a_workspace_without_aois_has_none(tmp_path: Path) -> None:
    assert Workspace(root=tmp_path, config=Config()).aois() == {}


def test_the_same_id_in_two_files_names_both(workspace: Workspace) -> None:
    write(workspace.root / "aois", "a.geojson", ours("rajin"))
    write(workspace.root / "aois", "b.geojson", ours("rajin"))
    with pytest.raises(AoiError, match=r"aois/b.geojson: the id 'rajin' is also in aois/a.geojson"):
        workspace.aois()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"type": "FeatureCollection",\n "features": [', r"aois/x.geojson:2: not JSON"),
        ("[1]", r"aois/x.geojson: not a GeoJSON FeatureCollection"),
        ('{"features": [{"properties": [1]}]}', r"aois/x.geojson: not a GeoJSON FeatureCollection"),
        ('{"features": [{"properties": {"feature_type": []}}]}', r"aois/x.geojson"),
        ('{"a": NaN}', r"aois/x.geojson: not GeoJSON: NaN is not a number"),
        ("[" * 100_000, r"aois/x.geojson: not GeoJSON"),
        (collection(feature(BOW_TIE, feature_type="aoi", id="x")), r"aois/x.geojson: AOI 'x': Self-intersection"),
        (collection(feature(shapely.Point(1, 2), feature_type="aoi", id="x")), r"a Point, not a polygon"),
        (collection(feature(BOX, feature_type="zone", id="x")), r"0 features have feature_type 'aoi'"),
        (collection(feature(BOX, feature_type="aoi", id="No Good")), r"the id 'No Good' is not usable"),
    ],
)
def test_a_bad_aoi_file_is_named_with_its_problem(text: str, problem: str, workspace: Workspace) -> None:
    write(workspace.root / "aois", "x.geojson", text)
    with pytest.raises(AoiError, match=problem) as caught:
        workspace.aois()
    assert caught.value.hint


def test_reading_aois_does_not_load_geopandas() -> None:
    code = "import sys, monitor.workspace; sys.exit(sorted({'geopandas', 'pandas', 'rasterio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "[]\n")


# outlines that people bring


def written(path: Path, *geometries: BaseGeometry, epsg: int = 4326, **options: Any) -> Path:
    """A file of the kind its suffix says, written by geopandas itself."""
    frame = geopandas.GeoDataFrame({"name": ["x"] * len(geometries)}, geometry=list(geometries), crs=4326)
    frame.to_crs(epsg).to_file(path, engine="pyogrio", **options)
    return path


def written_kml(path: Path, body: str, head: str = "") -> Path:
    path.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<kml xmlns="http://www.opengis.net/kml/2.2">'
        f"<Document>{body}</Document></kml>",
        encoding="utf-8",
    )
    return path


def placemark(geometry: BaseGeometry) -> str:
    points = " ".join(f"{x},{y},7" for x, y in geometry.exterior.coords)  # type: ignore[attr-defined]
    ring = f"<outerBoundaryIs><LinearRing><coordinates>{points}</coordinates></LinearRing></outerBoundaryIs>"
    return f"<Placemark><name>x</name><Polygon>{ring}</Polygon></Placemark>"


@pytest.mark.parametrize(
    ("name", "epsg"), [("Port A.geojson", 4326), ("p.gpkg", 32652), ("p.gpkg", 4326), ("p.shp", 5186), ("p.shp", 3857)]
)
def test_an_outline_comes_out_in_wgs84_whatever_the_file(name: str, epsg: int, tmp_path: Path) -> None:
    aoi = read_outline(written(tmp_path / name, BOX, epsg=epsg))
    assert aoi.outline.symmetric_difference(BOX).area < 1e-6 * BOX.area
    assert [z.name for z in aoi.zones] == ["outline"]
    assert aoi.name == Path(name).stem


def test_kml_is_read_over_all_its_folders_and_without_heights(tmp_path: Path) -> None:
    other = shapely.transform(BOX, lambda points: points + 1)
    point = "<Placemark><Point><coordinates>1,2,0</coordinates></Point></Placemark>"
    folders = f"<Folder>{placemark(BOX)}{point}</Folder><Folder><name>b</name>{placemark(other)}</Folder>"
    aoi = read_outline(written_kml(tmp_path / "p.kml", folders))
    assert not aoi.outline.has_z
    assert aoi.outline.symmetric_difference(shapely.union(BOX, other)).area < 1e-12


def test_several_polygons_are_joined(tmp_path: Path) -> None:
    halves = [shapely.box(1, 1, 2, 2), shapely.box(2, 1, 3, 2)]
    assert read_outline(written(tmp_path / "p.geojson", *halves)).outline.equals(shapely.box(1, 1, 3, 2))


def test_our_own_geojson_keeps_id_and_zones(tmp_path: Path) -> None:
    aoi = read_outline(write(tmp_path, "some.geojson", ours("rajin")))
    assert (aoi.id, [z.name for z in aoi.zones]) == ("rajin", ["berths"])


def test_the_id_says_the_file_and_follows_its_contents(tmp_path: Path) -> None:
    first = read_outline(write(tmp_path, "Port A!.geojson", collection(feature(BOX)))).id
    assert first.startswith("file-port-a-")
    assert len(first.rpartition("-")[2]) == 8
    assert read_outline(write(tmp_path, "Port A!.geojson", collection(feature(BOX)))).id == first
    assert read_outline(write(tmp_path, "Port A!.geojson", collection(feature(BOX.buffer(1))))).id != first
    named = read_outline(write(tmp_path, "Порт.geojson", collection(feature(BOX)))).id
    assert named == "file-" + first.rpartition("-")[2]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("x.geojson", collection(feature(BOW_TIE)), "Self-intersection"),
        ("x.geojson", collection(feature(BOX), feature(BOW_TIE)), "Self-intersection"),
        ("x.geojson", collection(feature(shapely.Point(1, 2))), "holds no polygon"),
        ("x.geojson", collection(), "holds no polygon"),
        ("x.geojson", collection(feature(shapely.box(500000, 1, 500001, 2))), "not longitude and latitude"),
        ("x.geojson", '{"type": "FeatureCollection"', "x.geojson:1: not JSON"),
        ("x.geojson", '{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline"}', "not GeoJSON"),
        ("x.json", '{"type": "Topology"}', "not GeoJSON"),
        ("x.json", "[]", "not GeoJSON"),
        ("x.kml", "not xml, though <kml", "not a .kml file"),
        ("x.kml", "<a/>", "not a .kml file"),
        ("x.kml", "<kml><Document><Placemark>", "cannot be read|holds no polygon"),
        ("x.kml", "<OGRVRTDataSource><!-- <kml --></OGRVRTDataSource>", "document type or entities"),
        ("x.kml", "<\0kml", "not a .kml file"),
        ("x.gpkg", "SQLite format 3\0 and then no more", "cannot be read"),
        ("x.gpkg", "<kml/>", "not a .gpkg file"),
        ("x.shp", "nonsense", "not a .shp file"),
        ("x.tif", "II*", "cannot read '.tif'"),
        ("x", "", "cannot read ''"),
    ],
)
def test_a_file_that_is_no_outline_is_told_in_one_line(name: str, text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(AoiError, match=problem) as caught:
        read_outline(write(tmp_path, name, text))
    assert name in caught.value.message
    assert len(caught.value.message.splitlines()) == 1
    assert caught.value.hint


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    secret = write(tmp_path, "secret", "1,2")
    head = f'<!DOCTYPE kml [<!ENTITY x SYSTEM "file://{secret}">]>'
    with pytest.raises(AoiError, match="document type or entities"):
        read_outline(written_kml(tmp_path / "p.kml", placemark(BOX).replace("<name>x", "<name>&x;"), head))


def test_a_shapefile_without_prj_is_refused_rather_than_guessed(tmp_path: Path) -> None:
    path = written(tmp_path / "p.shp", BOX)
    path.with_suffix(".prj").unlink()
    with pytest.raises(AoiError, match="does not state its coordinate system"):
        read_outline(path)


def test_a_shapefile_without_its_index_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "p.shp", BOX)
    path.with_suffix(".shx").unlink()
    with pytest.raises(AoiError, match="cannot be read"):
        read_outline(path)


def test_a_geopackage_of_several_layers_names_them(tmp_path: Path) -> None:
    path = written(tmp_path / "p.gpkg", BOX, layer="port")
    written(path, BOX, layer="roads")
    with pytest.raises(AoiError, match="several layers: port, roads"):
        read_outline(path)


def test_a_huge_missing_or_odd_file_is_told(tmp_path: Path) -> None:
    with (tmp_path / "huge.geojson").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(AoiError, match="20 MB"):
        read_outline(tmp_path / "huge.geojson")
    with pytest.raises(AoiError, match="No such file"):
        read_outline(tmp_path / "none.geojson")
    with pytest.raises(AoiError, match="Is a directory"):
        read_outline(tmp_path)


def test_a_point_and_radius_make_the_same_aoi_each_time() -> None:
    aoi = ad_hoc(130.285, 42.2275, 1500)
    assert aoi == ad_hoc(130.2850000001, 42.2275, 1500.0)
    assert aoi.id.startswith("point-")
    assert aoi.area_km2() == pytest.approx(3.14159 * 1.5**2, rel=0.01)
    assert len({aoi.id, ad_hoc(130.286, 42.2275, 1500).id, ad_hoc(130.285, 42.2275, 1501).id}) == 3
    assert ad_hoc(0.0, 0.0, 100).id == ad_hoc(-0.0, -0.0, 100).id


@pytest.mark.parametrize("place", [(42.0, 130.0, 500.0), (200.0, 0.0, 500.0), (1.0, 1.0, 1.0), (1.0, 1.0, 1e6)])
def test_a_point_that_cannot_be_is_refused(place: tuple[float, float, float]) -> None:
    with pytest.raises(AoiError):
        ad_hoc(*place)


# making, writing, locking


def test_init_makes_a_workspace_that_can_be_used(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "desk"
    files = init(folder)
    assert folder / "config.toml" in files
    assert "var/" in (folder / ".gitignore").read_text()
    assert not (folder / "gitignore").exists()
    assert all(f.is_file() for f in files)
    found = find(folder, {})
    assert set(found.aois()) == {f.stem for f in found.aoi_files()}
    assert found.config.mail.to == ()


def test_init_never_writes_over_anything(tmp_path: Path) -> None:
    write(tmp_path, ".gitignore", "mine")
    assert tmp_path / ".gitignore" not in init(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine"
    write(tmp_path, "config.toml", "# mine")
    with pytest.raises(WorkspaceError, match="is a workspace already"):
        init(tmp_path)
    assert (tmp_path / "config.toml").read_text() == "# mine"


def test_init_that_broke_off_can_be_run_again(tmp_path: Path) -> None:
    init(tmp_path)
    (tmp_path / "config.toml").unlink()
    assert init(tmp_path) == [tmp_path / "config.toml"]


def test_init_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"cannot write in .*desk: Not a directory"):
        init(write(tmp_path, "file", "") / "desk")


def test_a_folder_that_cannot_be_written_is_named_with_the_reason(workspace: Workspace) -> None:
    workspace.check_writable()
    assert list(workspace.state.iterdir()) == [], "nothing is left behind"
    workspace.log_folder.rmdir()
    write(workspace.root / "alerts", "log", "a file in the way")
    with pytest.raises(WorkspaceError, match=r"cannot write in .*alerts/log: File exists") as caught:
        workspace.check_writable()
    assert "move it away" in caught.value.hint


def test_a_folder_of_the_system_is_refused() -> None:
    # The kernel refuses new files there even to root, which is what CI runs as.
    with pytest.raises(WorkspaceError, match=r"cannot write in /proc/self"):
        check_writable(Path("/proc/self"))


HOLDER = """
import sys, time
from pathlib import Path
from monitor.workspace import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_daemon_is_kept_out_and_a_killed_one_leaves_no_lock(workspace: Workspace) -> None:
    path = workspace.state / "daemon.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceError, match=rf"another daemon \(pid {holder.pid}\) runs"), workspace.lock():
            pass
        holder.kill()
        holder.wait()
        with workspace.lock():
            assert path.read_text().strip().isdigit()
            assert path.read_text().strip() != str(holder.pid)


def test_a_lock_is_free_after_use_and_held_within_one_process(workspace: Workspace) -> None:
    with workspace.lock(), pytest.raises(WorkspaceError, match="another daemon"), workspace.lock():
        pass
    with workspace.lock():
        pass


def test_a_lock_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot write in"), Lock(write(tmp_path, "file", "") / "var" / "x.lock"):
        pass
