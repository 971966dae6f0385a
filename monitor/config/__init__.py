"""config.toml -> Config. Strict: an unknown key, a wrong type or a missing variable is an error with its line.

A secret never stands in the file: it names environment variables, and `credentials` reads them when mail is sent.
"""

from monitor.config.reading import Credentials, credentials, read_config
from monitor.config.tables import (
    ADDRESS,
    PLANNED,
    TABLES,
    Address,
    Alerts,
    Config,
    Environ,
    FolderSource,
    Mail,
    Schedule,
    Security,
    VariableName,
    expand,
)

__all__ = [
    "ADDRESS",
    "PLANNED",
    "TABLES",
    "Address",
    "Alerts",
    "Config",
    "Credentials",
    "Environ",
    "FolderSource",
    "Mail",
    "Schedule",
    "Security",
    "VariableName",
    "credentials",
    "expand",
    "read_config",
]
