"""The life of changed ground against golden products: folders laid out like shared/data/chile-fire.

`without-confirmation/` holds one product a date, each made from that date alone, `with-confirmation/` the expected
result under the same names. The first product of the series is taken as given; each later date is stepped by
`change.confirmation` from its metric, and five layers are compared with the expected ones bit by bit. The metric layer
is passed through, so it only tells that both folders belong together.

The parameters are read from the tags of the expected files; one that is not there is taken from GOLDEN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from monitor.change import confirmation
from monitor.change.confirmation import Life, Rule
from monitor.grid import Mask

GIVEN, EXPECTED = "without-confirmation", "with-confirmation"
STATUS, COUNT, CONFIDENCE, FIRST_DAY, METRIC = (
    "GEN-DIST-STATUS",
    "GEN-DIST-COUNT",
    "GEN-DIST-CONF",
    "GEN-DIST-DATE",
    "GEN-METRIC",
)
LAYERS = (STATUS, COUNT, CONFIDENCE, FIRST_DAY, METRIC)

GOLDEN = {
    "low_confidence_alert_threshold": "2.5",
    "high_confidence_alert_threshold": "4.5",
    "confirmation_confidence_threshold": "22.5",
    "no_day_limit": "30",
    "exclude_consecutive_no_dist": "1",
    "percent_reset_thresh": "10",
    "no_count_reset_thresh": "7",
    "metric_value_upper_lim": "100.0",
    "confidence_upper_lim": "32000",
    "max_obs_num_year": "253",
}
"""Tags of shared/data/chile-fire, as its README lists them; older than the defaults of `Rule`."""

STAMP = 4
"""Place of the time of acquisition in the name of a product, whose parts are parted by `_`."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Product:
    """Both products of one date, opened when asked for."""

    given: Path
    expected: Path
    when: date

    @property
    def day(self) -> int:
        """As the products count days."""
        return confirmation.day_of(self.when)


def run(folder: Path, _pictures: Path | None) -> dict[str, Any]:
    """Share of the pixels of all dates that are identical in all layers, by date and layer, and the parameters."""
    products = _products(folder)
    tags = {p.when.isoformat(): _tags(p) for p in products}
    rules = {when: rule_of(t) for when, t in tags.items()}
    differing = {w: _differing(m, e) for w, m, e in _stepped(products, rules.__getitem__)}
    missing = sorted({name for t in tags.values() for name in GOLDEN if name not in t})
    wrong = {when: int(_any(by_layer).sum()) for when, by_layer in differing.items()}
    pixels = sum(next(iter(by_layer.values())).size for by_layer in differing.values())
    return {
        "agreement": _share(sum(wrong.values()), pixels),
        "differing_pixels": sum(wrong.values()),
        "pixels": pixels,
        "dates": len(products),
        "parameters_not_in_tags": missing,
        "parameters": _common({when: asdict(r) | {"threshold": r.confirms_at} for when, r in rules.items()}),
        "by_layer": {
            layer: _share(sum(int(d[layer].sum()) for d in differing.values()), pixels) for layer in LAYERS
        },
        "by_date": {
            when: {
                "agreement": _share(wrong[when], _any(by_layer).size),
                "differing_pixels": wrong[when],
                **{layer: _share(int(d.sum()), d.size) for layer, d in by_layer.items()},
            }
            for when, by_layer in differing.items()
        },
        "pixels_off_on_last_date_with_package_defaults": _with_defaults(products),
    }  # fmt: skip


def rule_of(tags: Mapping[str, str]) -> Rule:
    """The parameters that a product says it was made with; those of GOLDEN where it does not say."""
    told = GOLDEN | {name: value for name, value in tags.items() if name in GOLDEN}
    threshold = told["confirmation_confidence_threshold"]
    return Rule(
        low=float(told["low_confidence_alert_threshold"]),
        high=float(told["high_confidence_alert_threshold"]),
        threshold=None if threshold == "None" else float(threshold),
        days_without_hit=int(float(told["no_day_limit"])),
        two_misses_finish=told["exclude_consecutive_no_dist"].lower() in {"0", "false"},
        least_percent=int(float(told["percent_reset_thresh"])),
        most_misses=int(float(told["no_count_reset_thresh"])),
        metric_cap=float(told["metric_value_upper_lim"]),
        confidence_cap=float(told["confidence_upper_lim"]),
        most_hits=int(float(told["max_obs_num_year"])),
    )


def _stepped(products: list[Product], rule: Callable[[str], Rule]) -> Iterator[tuple[str, Arrays, Arrays]]:
    """Date, layers made and layers expected, oldest first."""
    life: Life | None = None
    for product in products:
        when = product.when.isoformat()
        if life is None:
            first = _layers(product.given, LAYERS)
            metric = first[METRIC]
            life = confirmation.begin(
                status=first[STATUS],
                count=first[COUNT],
                confidence=first[CONFIDENCE],
                first_day=first[FIRST_DAY],
                metric=metric,
                day=product.day,
            )
        else:
            metric = _layers(product.given, (METRIC,))[METRIC]
            life = confirmation.advance(life, metric, product.day, rule(when))
        yield when, _made(life, metric), _layers(product.expected, LAYERS)


def _made(life: Life, metric: NDArray[Any]) -> Arrays:
    return {
        STATUS: life.status,
        COUNT: life.count,
        CONFIDENCE: life.confidence,
        FIRST_DAY: life.first_day,
        METRIC: metric,
    }


def _with_defaults(products: list[Product]) -> dict[str, int]:
    """Pixels of the last date that differ by layer if the parameters are those of `Rule`: the comparison can fail."""
    *_, (_, made, expected) = _stepped(products, lambda _: Rule())
    return {layer: int(d.sum()) for layer, d in _differing(made, expected).items()}


def _differing(made: Arrays, expected: Arrays) -> dict[str, Mask]:
    """True where a pixel of a layer is not the same; two NaN are."""
    return {layer: (made[layer] != b) & ~(_nan(made[layer]) & _nan(b)) for layer, b in expected.items()}


def _nan(values: NDArray[Any]) -> Mask:
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)


def _any(by_layer: Mapping[str, Mask]) -> Mask:
    found: Mask = np.logical_or.reduce(list(by_layer.values()))
    return found


def _share(wrong: int, of: int) -> float:
    """1.0 only if nothing is wrong: cut, not rounded."""
    return math.floor((of - wrong) * 1e6 / of) / 1e6


def _common(by_date: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The parameters, once if all dates have the same."""
    first, *rest = by_date.values()
    return first if all(r == first for r in rest) else by_date


def _products(folder: Path) -> list[Product]:
    """Of each date, oldest first.

    Raises:
        SystemExit: the folder is laid out in another way, or a product has no counterpart.
    """
    given = {p.name: p for p in (folder / GIVEN).glob("*/") if any(p.glob(f"*_{METRIC}.tif"))}
    expected = {p.name: p for p in (folder / EXPECTED).glob("*/") if any(p.glob(f"*_{METRIC}.tif"))}
    if not given:
        raise SystemExit(f"{folder}: no products with *_{METRIC}.tif in {GIVEN}/")
    if odd := sorted(given.keys() ^ expected.keys()):
        raise SystemExit(f"{folder}: only in one of {GIVEN}/ and {EXPECTED}/: {', '.join(odd)}")
    ordered = sorted(given, key=lambda name: (_stamp(name), name))
    return [Product(given=given[n], expected=expected[n], when=_stamp(n).date()) for n in ordered]


def _stamp(name: str) -> datetime:
    try:
        return datetime.strptime(name.split("_")[STAMP], "%Y%m%dT%H%M%S%z")
    except (IndexError, ValueError):
        raise SystemExit(f"{name}: part {STAMP + 1} of its name is no time like 20240123T232836Z") from None


def _layers(product: Path, wanted: tuple[str, ...]) -> Arrays:
    return {layer: _read(_file(product, layer)) for layer in wanted}


def _file(product: Path, layer: str) -> Path:
    found = sorted(product.glob(f"*_{layer}.tif"))
    if len(found) != 1:
        raise SystemExit(f"{product}: {len(found)} files *_{layer}.tif, not one")
    return found[0]


def _read(path: Path) -> NDArray[Any]:
    with rasterio.open(path) as file:
        values: NDArray[Any] = file.read(1)
        return values


def _tags(product: Product) -> dict[str, str]:
    with rasterio.open(_file(product.expected, STATUS)) as file:
        tags: dict[str, str] = file.tags()
        return tags
