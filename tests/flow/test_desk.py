"""A workspace at work: polled, logged, mailed, reported; and what a crash or a lost file leaves of it."""

from __future__ import annotations

import base64
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.places import geojson
from flow.conftest import MANY, SCENARIO, Archive, Crash, Quick, catalogued
from monitor import evidence, workspace
from monitor.alert import Change, Incident, State
from monitor.aoi import Aoi
from monitor.errors import AoiError, ConfigError, NoSource, UsageError, WorkspaceError
from monitor.flow import marks, tell
from monitor.flow.deliver import Delivered
from monitor.flow.desk import Desk, at_desk, opened, problems_of
from monitor.flow.watch import Trouble
from monitor.measures import Reason
from monitor.scene import Sensor
from monitor.site import site

Make = Callable[..., Desk]


def build(root: Path, imagery: Path, aoi: Aoi, mail: str = 'to = ["a@example.org"]\noutbox = "outbox"\n') -> Path:
    (root / "aois").mkdir(parents=True)
    (root / "aois" / "simport.geojson").write_text(json.dumps(geojson(aoi)))
    (root / "config.toml").write_text(
        f'[[sources]]\nkind = "folder"\npath = {json.dumps(str(imagery))}\n'
        f"[alerts]\nfalse_alarms_per_aoi_year = {MANY}\n[mail]\n{mail}",
        encoding="utf-8",
    )
    return root


@pytest.fixture(scope="module")
def worked(archive: Archive, port: Aoi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The whole SIMULATED port after one poll, with mail in an outbox."""
    root = build(tmp_path_factory.mktemp("worked") / "w", archive.folder, port)
    with opened(workspace.find(root, {}), {}) as whole:
        desk = Quick(whole.workspace, whole.environ, whole.store)
        desk.poll(desk.aois["simport"], SCENARIO.interval, as_of=SCENARIO.end)
        yield desk


@pytest.fixture
def keeping(archive: Archive, corner: Aoi, tmp_path: Path) -> Iterator[Desk]:
    """The corner, not polled yet, with files of its own that may be spoilt."""
    archive.part(tmp_path / "imagery")
    root = build(tmp_path / "w", tmp_path / "imagery", corner)
    with opened(workspace.find(root, {}), {}) as desk:
        yield desk


@pytest.fixture
def small(keeping: Desk) -> Desk:
    """The same, without evidence."""
    return Quick(keeping.workspace, keeping.environ, keeping.store)


def poll(desk: Desk, **options: Any) -> Any:
    return desk.poll(desk.aois["simport"], SCENARIO.interval, **({"as_of": SCENARIO.end} | options))


def mails(desk: Desk) -> list[Any]:
    return [
        message_from_bytes(p.read_bytes(), policy=policy.default)
        for p in sorted((desk.workspace.root / "outbox").glob("*.eml"))
    ]


def log(desk: Desk) -> list[str]:
    """The lines of steps."""
    return [e["id"] for e in desk.logbook.entries() if "what" not in e]


def evidence_of(desk: Desk) -> dict[str, Path]:
    """Folder of the bundle of each step that the log names one of."""
    named = [e for e in desk.logbook.entries() if e.get("what") == "evidence"]
    return {e["of"]: desk.workspace.root / e["folder"] for e in named}


# poll, log, mail


def test_a_poll_logs_each_step_and_mails_the_recent_ones_once(keeping: Desk) -> None:
    outcome = poll(keeping)
    steps = [c.id for c in outcome.summary.changes]
    assert sorted(log(keeping)) == sorted(steps)
    recent = [
        c.id
        for c in outcome.summary.changes
        if SCENARIO.end - c.at <= timedelta(days=45) and c.new not in {State.RETRACTED, State.FINISHED}
    ]
    assert recent
    assert outcome.delivered.sent == len(recent) == len(mails(keeping))
    assert problems_of(outcome) == []
    with keeping.store.transaction() as tx:
        newest = {c.incident.id: c.id for c, _ in tx.changes()}
    assert set(evidence_of(keeping)) == set(newest.values())
    assert all((folder / "manifest.json").is_file() for folder in evidence_of(keeping).values())
    again = poll(keeping)
    assert (again.delivered.sent, len(log(keeping)), len(mails(keeping))) == (0, len(steps), len(recent))
    assert len(evidence_of(keeping)) == len(newest)
    for mail in mails(keeping):
        assert "SIMULATED" in mail["Subject"]
        assert mail["To"] == "a@example.org"
        pictures = [p for p in mail.walk() if p.get_content_type() == "image/png"]
        assert pictures
        for part in pictures:
            Image.open(io.BytesIO(part.get_payload(decode=True))).verify()
        (text,) = (p for p in mail.walk() if p.get_content_type() == "text/plain")
        assert "SIMULATED" in text.get_content()


@pytest.mark.parametrize("where", ["log_changes", "queue"])
def test_a_crash_after_the_record_loses_no_line_and_no_mail(
    small: Desk, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def dies(*_: object) -> int:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(tell, where, dies)
        with pytest.raises(Crash):
            poll(small)
    assert mails(small) == []
    outcome = poll(small)
    assert outcome.summary.changes == (), "they were recorded before the crash"
    assert outcome.delivered.sent >= 1
    assert len(mails(small)) == outcome.delivered.sent
    with small.store.transaction() as tx:
        assert sorted(log(small)) == sorted(c.id for c, _ in tx.changes())


def test_evidence_that_cannot_be_written_holds_up_no_mail_and_is_made_later(
    keeping: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise WorkspaceError("no space left on device", "Make room on the disk.")

    with monkeypatch.context() as patch:
        patch.setattr(evidence, "write", full)
        outcome = poll(keeping)
    assert outcome.delivered.sent >= 1
    assert any("no space left" in problem for problem in problems_of(outcome))
    assert not evidence_of(keeping)
    poll(keeping)
    assert evidence_of(keeping)


def test_an_unannounced_poll_logs_and_mails_nothing(small: Desk) -> None:
    outcome = poll(small, announce=False)
    assert sorted(log(small)) == sorted(c.id for c in outcome.summary.changes)
    poll(small)
    assert mails(small) == []


def test_a_mail_has_its_pictures_from_the_archive_and_is_sent_without_them_too(small: Desk, tmp_path: Path) -> None:
    poll(small, announce=False)
    with small.store.transaction() as tx:
        change = next(c for c, _ in tx.changes() if c.new is State.CONFIRMED)
    for file in (tmp_path / "imagery").glob("*.tif"):
        file.unlink()
    assert len(small.message_writer(SCENARIO.end)(change).images) == 2
    for entry in small.archive.entries():
        entry.path.unlink()
    assert len(small.message_writer(SCENARIO.end)(change).images) == 1, "the series is left"


def test_an_aoi_that_is_gone_postpones_its_mail(small: Desk) -> None:
    poll(small, announce=False)
    with small.store.transaction() as tx:
        change = next(c for c, _ in tx.changes() if c.new is State.CONFIRMED)
    (small.workspace.root / "aois" / "simport.geojson").unlink()
    other = Desk(small.workspace, {}, small.store)
    other.queue([change], SCENARIO.end)
    delivered = other.send(SCENARIO.end)
    assert (delivered.sent, delivered.postponed) == (0, 1)
    assert "no longer in aois/" in delivered.problems[0]


def test_without_a_source_or_with_an_unknown_aoi_the_error_says_what_to_do(small: Desk) -> None:
    (small.workspace.root / "config.toml").write_text("")
    bare = Desk(workspace.find(small.workspace.root, {}), {}, small.store)
    with pytest.raises(ConfigError, match="no source of imagery"):
        _ = bare.sources
    with pytest.raises(AoiError, match="no AOI 'nowhere'") as caught:
        bare.aoi("nowhere")
    assert "simport" in caught.value.hint


def test_an_outline_from_outside_never_takes_the_id_of_one_inside(small: Desk) -> None:
    own = small.aois["simport"]
    moved = replace(own, outline=own.outline.buffer(0.001))
    assert at_desk(small, own) is own
    assert at_desk(small, moved).id == "file-simport"
    assert at_desk(small, replace(moved, id="new")).id == "new"


# marks and groups


def standing(desk: Desk) -> Incident:
    with desk.store.transaction() as tx:
        return next(i for i in tx.incidents("simport") if i.state is State.CONFIRMED and i.kind.lasting)


def test_what_a_person_takes_back_is_corrected_logged_and_stays_so(small: Desk) -> None:
    poll(small)
    incident, before = standing(small), len(mails(small))
    mark, delivered = small.take_back(incident.id, SCENARIO.end, reason="a dredger, as the port says", by="Mia")
    assert delivered.sent == 1
    assert len(mails(small)) == before + 1
    every = {str(m["Message-ID"]): m for m in mails(small)}
    (correction,) = (m for m in every.values() if "correction" in m["Subject"])
    (first,) = (m for m in every.values() if str(m["Message-ID"]) == str(correction["References"]))
    assert first["To"] == correction["To"]
    (text,) = (p for p in correction.walk() if p.get_content_type() == "text/plain")
    assert "a dredger, as the port says" in " ".join(text.get_content().split())
    assert {mark.id, f"{incident.id}:retracted"} <= set(log(small))
    again = poll(small)
    assert (again.summary.changes, again.delivered.sent) == ((), 0), "the series still shows it"
    with small.store.transaction() as tx:
        assert {i.id: i.state for i in tx.incidents("simport")}[incident.id] is State.RETRACTED


def test_a_mark_that_is_refused_leaves_no_line(small: Desk) -> None:
    poll(small, announce=False)
    before = log(small)
    with pytest.raises(UsageError, match="no incident 'nothing'"):
        small.mark(lambda tx: marks.acknowledge(tx, "nothing", SCENARIO.end))
    with pytest.raises(UsageError, match="no incident 'nothing'"):
        small.take_back("nothing", SCENARIO.end, reason="ice")
    assert log(small) == before
    known = standing(small).id
    made = small.mark(lambda tx: marks.acknowledge(tx, known, SCENARIO.end))
    assert log(small) == [*before, made.id]


def test_mails_of_a_round_wait_for_its_end_and_what_happened_in_many_places_is_one(small: Desk) -> None:
    outcome = poll(small, send=False)
    assert (outcome.delivered, mails(small)) == (Delivered(), [])
    model = standing(small)
    with small.store.transaction() as tx:
        waiting = len(tx.deliveries(state="waiting"))
        changes = [
            Change(
                incident=replace(model, aoi=aoi, id=f"{aoi}.surge"),
                old=None,
                new=State.CONFIRMED,
                at=SCENARIO.end,
                reason="looks lean that way",
            )
            for aoi in ("elsewhere", "<b>north</b>")
        ]
        tx.record_incidents([c.incident for c in changes], changes, SCENARIO.end)
    assert waiting >= 1
    small.queue(changes, SCENARIO.end)
    small.send(SCENARIO.end)
    (joint,) = (m for m in mails(small) if "in 3 places" in m["Subject"])
    assert joint["Subject"].startswith("[SIMULATED] surge in 3 places since ")
    (text,) = (p for p in joint.walk() if p.get_content_type() == "text/plain")
    (html,) = (p for p in joint.walk() if p.get_content_type() == "text/html")
    for name in (model.id, "elsewhere.surge", "<b>north</b>.surge"):
        assert name in text.get_content()
    assert "<b>north" not in html.get_content()
    with small.store.transaction() as tx:
        assert {d["state"] for d in tx.deliveries()} == {"sent"}
        assert len({d["message_id"] for d in tx.deliveries()}) == len(mails(small)) < waiting + len(changes)


# the report


class Page(HTMLParser):
    """Checks that every element is closed in order; keeps text, pictures and whatever points elsewhere."""

    VOID = frozenset({"meta", "img", "br", "hr", "link", "input", "col"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.pictures: list[bytes] = []
        self.links: list[str] = []
        self.seen: Counter[str] = Counter()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "src":
                assert value is not None
                kind, _, data = value.partition(",")
                assert kind == "data:image/png;base64"
                self.pictures.append(base64.b64decode(data, validate=True))
            if name == "href":
                self.links.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "script"}:
            self.text.append(data)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))


def test_the_report_is_one_whole_page_that_needs_nothing_else(worked: Desk, tmp_path: Path) -> None:
    path = worked.report(
        worked.aois["simport"], now=SCENARIO.end, path=tmp_path / "deep" / "r.html", notes=["Planted."]
    )
    assert [p.name for p in path.parent.iterdir()] == ["r.html"]
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert (page.seen["html"], page.seen["title"], page.seen["script"]) == (1, 1, 0)
    assert all(link.startswith("#") for link in page.links)
    assert "http" not in re.sub(r"data:image/png;base64,[^\"]*", "", text).replace("http-equiv", "")
    assert "SIMULATED" in page.words
    assert "no satellite took these pictures" in page.words
    assert "Planted." in page.words
    assert len(page.pictures) >= 5
    for png in page.pictures:
        image = Image.open(io.BytesIO(png))
        image.load()
        assert min(image.size) > 50


def test_the_report_lists_the_looks_by_track_with_their_reasons(worked: Desk, tmp_path: Path) -> None:
    told = worked.chronicle(worked.aois["simport"])
    words = Page(worked.report(told.aoi, now=SCENARIO.end, path=tmp_path / "r.html").read_text(encoding="utf-8")).words
    for line in {look.track for look in told.looks}:
        own = [look for look in told.looks if look.track == line]
        assert str(line) in words
        why = Counter(str(look.reason) for look in own if look.reason)
        for reason, number in why.items():
            assert re.search(rf"{number} [^.]*{reason}|{reason}[^.]*{number}", words), (line, reason)
    usable = sum(look.usable for look in told.looks)
    assert f"{usable} of {len(told.looks)} looks" in words
    for incident in told.incidents:
        assert incident.id in words


def test_the_report_of_a_place_never_polled_says_that_nothing_is_known(small: Desk, tmp_path: Path) -> None:
    words = Page(
        small.report(small.aois["simport"], now=SCENARIO.end, path=tmp_path / "r.html").read_text(encoding="utf-8")
    ).words
    assert "No look" in words
    assert "could be used" in words


def test_a_look_whose_file_is_gone_is_left_out_of_the_pictures(small: Desk, tmp_path: Path) -> None:
    poll(small)
    aoi = small.aois["simport"]
    whole = Page(small.report(aoi, now=SCENARIO.end, path=tmp_path / "r.html").read_text(encoding="utf-8"))
    told = small.chronicle(aoi)
    newest = [look for look in told.looks if look.usable and look.track.sensor is Sensor.SENTINEL1][-1]
    for scene in newest.scenes:
        (tmp_path / "imagery" / f"{scene}.tif").unlink()
    kept = Page(small.report(aoi, now=SCENARIO.end, path=tmp_path / "r.html").read_text(encoding="utf-8"))
    assert len(kept.pictures) == len(whole.pictures), "the archive has them"
    for entry in small.archive.entries():
        entry.path.unlink()
    without = Page(small.report(aoi, now=SCENARIO.end, path=tmp_path / "r.html").read_text(encoding="utf-8"))
    assert len(whole.pictures) - 2 <= len(without.pictures) < len(whole.pictures)
    for number, file in enumerate(sorted((tmp_path / "imagery").glob("*.tif"))):
        file.unlink()
        if number % 2:
            file.symlink_to("/dev/null")  # what leads out of the folder is as good as gone
    bare = Page(small.report(aoi, now=SCENARIO.end, path=tmp_path / "r.html").read_text(encoding="utf-8"))
    assert 0 < len(bare.pictures) < len(without.pictures), "the series need no imagery"


def test_optical_looks_without_the_visible_bands_are_left_out_of_the_pictures(
    small: Desk, archive: Archive, tmp_path: Path
) -> None:
    items = json.loads(json.dumps(list(archive.items)))
    for item in items:
        for band in ("b02", "b03"):
            item["assets"].pop(band, None)
    catalogued(tmp_path / "imagery", items)
    poll(small)
    told = small.chronicle(small.aois["simport"])
    assert any(look.usable and look.track.sensor is Sensor.SENTINEL2 for look in told.looks)
    page = Page(
        small.report(small.aois["simport"], now=SCENARIO.end, path=tmp_path / "r.html").read_text(encoding="utf-8")
    )
    assert "The newest usable look of S2" not in page.words
    assert "The newest usable look of S1" in page.words


def test_a_report_that_cannot_be_written_is_told(small: Desk, tmp_path: Path) -> None:
    from monitor.errors import WorkspaceError

    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match=r"file.r\.html: cannot be written") as caught:
        small.report(small.aois["simport"], now=SCENARIO.end, path=tmp_path / "file" / "r.html")
    assert "--report" in caught.value.hint


def test_before_and_after_are_looks_of_one_track_near_what_they_stand_for(worked: Desk) -> None:
    from monitor.flow.story import typical_pair

    told = worked.chronicle(worked.aois["simport"])
    standing = [i for i in told.incidents if i.state in {State.CONFIRMED, State.FINISHED} and i.zone]
    assert standing
    for incident in standing:
        pair = typical_pair(told, incident)
        assert pair is not None
        before, after = pair
        assert before.track == after.track
        assert before.start < incident.onset
        assert after.id in incident.looks
        value = {s.look: s.value for s in told.followed[incident.zone, incident.measure].scores}
        during = [value[name] for name in incident.looks if name in value]
        assert min(during) <= value[after.id] <= max(during)


def test_unusable_looks_are_in_the_chronicle_and_in_no_series(worked: Desk) -> None:
    told = worked.chronicle(worked.aois["simport"])
    hidden = {look.id for look in told.looks if look.reason in {Reason.CLOUD, Reason.NOT_COVERED}}
    assert hidden
    for (_, measure), followed in told.followed.items():
        if measure != "valid_fraction":
            assert not hidden & {s.look for s in followed.scores}
    assert told.simulated
    assert site(told.aoi).grid.shape == (320, 320)


def reopened(desk: Desk) -> None:
    """The next poll opens the sources anew, as one of another day does."""
    for name in ("sources", "imagery"):
        desk.__dict__.pop(name)


def test_when_no_source_answers_for_long_the_operator_has_a_notice_and_the_place_is_blind(
    small: Desk, tmp_path: Path
) -> None:
    poll(small)
    catalogue = tmp_path / "imagery" / "items.json"
    away = catalogue.rename(tmp_path / "away.json")
    reopened(small)
    later = SCENARIO.end + timedelta(days=120)
    for _ in range(2):
        with pytest.raises(NoSource, match="there is no such file"):
            poll(small, as_of=later)
    with small.store.transaction() as tx:
        (notice,) = [n for n in tx.notices(open_only=True) if n.kind == "source"]
        blind = [i for i in tx.incidents("simport") if i.state is State.BLIND]
    assert "there is no such file" in notice.text
    assert len(blind) == 1
    assert any("blind" in line for line in log(small)), "and it stands in the log"
    away.rename(catalogue)
    reopened(small)
    outcome = poll(small, as_of=later)
    assert [n.text for n in outcome.news if n.about is Trouble.SOURCE] == [
        f"source {small.sources[0].name}: answers again"
    ]
