"""What a message is made of, and the message that is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.alert import Calibration, Change, Control, Nuisance, Power, Rule


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What an incident has to do with one claim."""

    claim_id: str
    claim_text: str
    said_by: str
    code: str
    """Admiralty code, "B2"; empty: not rated."""

    relation: str
    """From `claim`: agrees, runs_against, touches; or a few words."""

    says: str
    does_not_say: str


@dataclass(frozen=True, kw_only=True)
class Dated:
    """A usable look of the series."""

    at: datetime
    value: float
    z: float
    """Against what was expected of it, in standard deviations; 0 while there is too little history."""

    track: str
    look: str
    """Id of the look."""


@dataclass(frozen=True, kw_only=True)
class Unused:
    """A look that could not be used for this zone and measure."""

    at: datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class TitledPicture:
    """A PNG with what it shows, as pages have it."""

    title: str
    png: bytes
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything a message may say."""

    change: Change
    aoi_name: str
    zone_label: str
    """In words ("berths"); empty: the whole AOI."""

    measure_label: str
    """In words, lower case: "vessels counted", "changed area", "backscatter"."""

    unit: str
    series: Sequence[Dated]
    """Usable looks of this zone and measure: at least those of the incident."""

    unused: Sequence[Unused]
    """Looks that could not be used; those outside the incident's time are left out here."""

    statements: Sequence[Statement]
    simulated: bool
    pictures: Mapping[str, bytes]
    """PNG by name: "before_after", "series"."""

    false_alarms_per_year: float
    """Budget of the AOI: what the thresholds of all its watched series together were set to."""

    recipe: str
    attribution: str
    report_path: str | None
    generated: datetime
    version: str
    told_on: datetime | None = None
    """When this incident was first told; for corrections."""

    watched: int = 1
    """Series that share the budget."""

    rule: Rule | None = None
    """Of this series; None: it is not watched, as a blind AOI is not."""

    calibration: Calibration | None = None
    """Of the AOI; None: not measured yet."""

    nuisances: Sequence[Nuisance] = ()
    """All that were looked for, found or not; empty: none were."""

    controls: Sequence[Control] = ()
    power: Power | None = None
    """Of this series; None: not known."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """Ready for a transport."""

    subject: str
    """One line without control characters."""

    text: str
    html: str
    """Refers to the images as cid:..."""

    images: Mapping[str, bytes]
    """PNG by content id, without angle brackets."""

    message_key: str
    """The same step of the same incident always has the same key: it is told once."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture in the HTML part."""

    cid: str
    caption: str
    alt: str
