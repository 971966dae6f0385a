"""Opens the sources that config.toml lists."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from monitor.config import Environ, FolderSource, SentinelHubSource, StacSource, secret
from monitor.config import Service as Deployed
from monitor.flow.account import StoreAccount
from monitor.sources import Source, stac
from monitor.sources import folder as folders
from monitor.sources import sentinel_hub as hub
from monitor.store import Store
from monitor.workspace import Workspace

DEPLOYMENTS = {Deployed.COPERNICUS: hub.COPERNICUS, Deployed.COMMERCIAL: hub.COMMERCIAL}


def open_source(
    listed: FolderSource | StacSource | SentinelHubSource,
    workspace: Workspace,
    environ: Environ,
    store: Store,
    now: Callable[[], datetime],
) -> Source:
    """The source of a table in config.toml. Nothing is asked of it yet.

    Raises:
        ConfigError: a login is not set; names its environment variables.
    """
    if isinstance(listed, StacSource):
        return _stac(listed, workspace.cache, environ)
    if isinstance(listed, SentinelHubSource):
        return _sentinel_hub(listed, environ, account_of(listed, store, now), now)
    # named by its place, not its number: recorded scenes keep the name, and config.toml may be reordered
    return folders.FolderSource(listed.path, name=f"folder:{workspace.display(listed.path)}")


def account_of(listed: SentinelHubSource, store: Store, now: Callable[[], datetime]) -> StoreAccount:
    """The ledger of a source that spends units."""
    return StoreAccount(
        store=store,
        source=listed.name,
        units_per_month=listed.units_per_month,
        requests_per_month=listed.requests_per_month,
        now=now,
    )


def _stac(listed: StacSource, cache: Path, environ: Environ) -> Source:
    return stac.StacSource(
        name=listed.name,
        url=listed.url,
        collections=listed.wanted,
        hosts=listed.allowed,
        private=listed.private_addresses,
        signing=listed.signing,
        token_url=listed.token_url,
        key=secret(listed.key_env, "key_env", environ),
        headers=cache / "headers",
    )


def _sentinel_hub(
    listed: SentinelHubSource, environ: Environ, account: StoreAccount, now: Callable[[], datetime]
) -> Source:
    credentials = hub.Credentials(
        client_id=secret(listed.client_id_env, "client_id_env", environ),
        client_secret=secret(listed.client_secret_env, "client_secret_env", environ),
        origin=f"the environment variables {listed.client_id_env} and {listed.client_secret_env}",
    )
    known = DEPLOYMENTS[listed.service]
    deployment = hub.Deployment(
        name=known.name,
        base_url=listed.base_url or known.base_url,
        token_url=listed.token_url or known.token_url,
        stac_url=listed.discovery_url or known.stac_url,
    )
    return hub.SentinelHub(
        name=listed.name,
        credentials=credentials,
        account=account,
        now=now,
        deployment=deployment,
        sensors=frozenset(listed.sensors),
        discovery=listed.discovery,
    )
