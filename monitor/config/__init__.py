"""config.toml -> Config. Strict: an unknown key, a wrong type or a missing variable is an error with its line.

A secret never stands in the file: it names environment variables, which `credentials` and `secret` read when they are
needed.
"""

from monitor.config.reading import Credentials, credentials, read_config, secret
from monitor.config.tables import (
    ADDRESS,
    EARTH_SEARCH,
    KNOWN_COLLECTIONS,
    KNOWN_HOSTS,
    TABLES,
    Address,
    Alerts,
    Archive,
    Config,
    Discovery,
    Environ,
    FolderSource,
    Mail,
    Schedule,
    Security,
    SentinelHubSource,
    Service,
    Signing,
    Source,
    StacSource,
    VariableName,
    expand,
)

__all__ = [
    "ADDRESS",
    "EARTH_SEARCH",
    "KNOWN_COLLECTIONS",
    "KNOWN_HOSTS",
    "TABLES",
    "Address",
    "Alerts",
    "Archive",
    "Config",
    "Credentials",
    "Discovery",
    "Environ",
    "FolderSource",
    "Mail",
    "Schedule",
    "Security",
    "SentinelHubSource",
    "Service",
    "Signing",
    "Source",
    "StacSource",
    "VariableName",
    "credentials",
    "expand",
    "read_config",
    "secret",
]
