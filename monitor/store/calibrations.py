"""What the alerts of each AOI are worth, as last measured."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as upsert

from monitor.alert import Calibration
from monitor.store import schema as t
from monitor.store.packing import calibration_from, calibration_json
from monitor.store.tables import Tables


class CalibrationTable(Tables):
    """One calibration an AOI: the newest."""

    def save_calibration(self, calibration: Calibration) -> None:
        """Keeps it instead of an earlier one of its AOI."""
        row = {"aoi": calibration.aoi, "at": calibration.at.isoformat(), "body": calibration_json(calibration)}
        self._c.execute(upsert(t.calibrations).values(row).on_conflict_do_update(["aoi"], set_=row))

    def calibration(self, aoi: str) -> Calibration | None:
        """Of an AOI; None: it was never calibrated."""
        row = self._c.execute(select(t.calibrations.c.body).where(t.calibrations.c.aoi == aoi)).first()
        return calibration_from(row.body) if row else None
