"""config.toml: what is accepted, and how each mistake is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydantic
import pytest

from monitor.config import (
    Alerts,
    Archive,
    Config,
    Discovery,
    FolderSource,
    Mail,
    Security,
    SentinelHubSource,
    StacSource,
    credentials,
    expand,
    read_config,
    secret,
)
from monitor.errors import ConfigError
from monitor.scene import Sensor

ROOT = Path(__file__).parents[2]
Refused = Callable[[str], ConfigError]
Read = Callable[..., Config]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes config.toml and reads it."""

    def read_text(text: str, **environ: str) -> Config:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return read_config(path, environ)

    return read_text


@pytest.fixture
def refused(read: Read) -> Refused:
    """The error that a text gives."""

    def error_of(text: str) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            read(text)
        return caught.value

    return error_of


def test_an_empty_file_gives_the_defaults(read: Read) -> None:
    config = read("")
    assert config == Config()
    assert (config.schedule.every_hours, config.schedule.look_back_days) == (6.0, 30)
    assert (config.alerts.false_alarms_per_aoi_year, config.alerts.tell_for_days) == (1.0, 45)
    assert (config.mail.to, config.mail.port, config.mail.security) == ((), 587, Security.STARTTLS)
    assert config.state == "var"


def test_everything_can_be_set(read: Read, tmp_path: Path) -> None:
    config = read(
        'state = "here"\n'
        '[[sources]]\nkind = "folder"\npath = "imagery"\n[[sources]]\npath = "/data"\n'
        "[schedule]\nevery_hours = 1\nlook_back_days = 3\n"
        "[alerts]\nfalse_alarms_per_aoi_year = 0.5\ntell_for_days = 9\n"
        '[mail]\nto = ["a@example.org", "b@example.org", "A@example.org"]\nsender = "q@example.org"\n'
        'host = "smtp.example.org"\nport = 465\nsecurity = "tls"\n'
        'username_env = "MAIL_USER"\npassword_env = "MAIL_PASSWORD"\ntimeout_s = 5\noutbox = "out"\n'
    )
    assert config.sources == (FolderSource(path=tmp_path / "imagery"), FolderSource(path=Path("/data")))
    assert config.schedule.every_hours == 1.0
    assert config.mail.to == ("a@example.org", "b@example.org"), "each recipient once"
    assert config.mail.security is Security.TLS


@pytest.mark.parametrize("path", ["config.toml", "monitor/starter/config.toml"])
def test_the_files_we_ship_are_right_and_mail_nobody(path: str) -> None:
    config = read_config(ROOT / path, {})
    assert config.sources == (StacSource(kind="stac"),), "imagery that needs no account"
    assert config.archive == Archive()
    assert config.mail.to == ()


@pytest.mark.parametrize("path", ["config.toml", "monitor/starter/config.toml"])
def test_the_settings_shown_as_comments_are_right_too(path: str, read: Read) -> None:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    settings = (" = ", "[[")
    shown = [
        line.removeprefix("# ") if line.startswith("# ") and any(s in line for s in settings) else line
        for line in lines
    ]
    config = read("\n".join(line for line in shown if not line.startswith("# ")))
    assert config.mail.host == "smtp.example.org"
    assert [s.kind for s in config.sources] == ["stac", "sentinel_hub", "folder"]


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(pydantic.ValidationError):
        Config().state = "elsewhere"  # type: ignore[misc]


def test_a_misspelt_key_is_told_with_file_line_and_what_was_meant(refused: Refused) -> None:
    error = refused("[schedule]\nlook_back_days = 3\nevery_hour = 6\n")
    assert error.message == "config.toml:3: unknown key 'schedule.every_hour'; did you mean 'every_hours'?"
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[schedul]\nevery_hours = 6", "config.toml:1: unknown key 'schedul'; did you mean 'schedule'?"),
        ("every_hours = 6", "config.toml:1: unknown key 'every_hours'; it belongs in [schedule]"),
        ('[mail]\nstate = "x"', "config.toml:2: unknown key 'mail.state'; it belongs at the top of the file"),
        (
            "[alerts]\nxyzzy = 1",
            "unknown key 'alerts.xyzzy'; known here: false_alarms_per_aoi_year, false_alarms_per_year, tell_for_days",
        ),
        ("\n[schedule]\nevery_hours = true", "config.toml:3: schedule.every_hours = true: should be a valid number"),
        ("[schedule]\nevery_hours = nan", "should be a finite number"),
        ("[schedule]\nevery_hours = 0", "schedule.every_hours = 0: should be greater than or equal to 0.1"),
        ("[schedule]\nlook_back_days = 1.5", "schedule.look_back_days = 1.5: should be a valid integer"),
        ('[mail]\nport = "587"', 'config.toml:2: mail.port = "587": should be a valid integer'),
        ('[mail]\nto = "a@example.org"', 'should be a list, such as ["desk@example.org"]'),
        (
            '[mail]\nhost = "h"\nto = [\n"a@example.org",\n"b@x\\r\\nBcc: c@d"]',
            "config.toml:5: mail.to[1]: should be a pl",
        ),
        ('[mail]\nsecurity = "ssl"', "should be 'starttls', 'tls' or 'none'"),
        (
            '[mail]\nto = ["a@example.org"]',
            "config.toml:2: mail: 'to' names recipients, but neither 'host' nor 'outbox'",
        ),
        ('[mail]\nusername_env = "U"', "belong together"),
        ('[mail]\nhost="h"\nsecurity="none"\nusername_env="U"\npassword_env="P"', "config.toml:3: mail: security"),
        ("mail = 3", "mail = 3: should be a table: write [mail]"),
        ('[sources]\npath = "x"', "config.toml:1: sources: should be a list of tables: write [[sources]]"),
        ("[[sources]]\n", "config.toml:1: the key 'sources[0].path' is missing"),
        ('[[sources]]\npath = ""', "sources[0].path: should be the path of a folder"),
        (
            '[[sources]]\nkind = "ftp"\npath = "x"',
            "config.toml:2: sources[0].kind: should be 'folder' or 'stac' or 'sentinel_hub'",
        ),
        (
            '[[sources]]\nurl = "x"\nkind = "stac"',
            "config.toml:2: sources[0].url: should be an address such as https://stac.example.org/v1",
        ),
        (
            '[[sources]]\nkind = "stac"\nurl = "https://me:pw@stac.example.org"',
            "config.toml:3: sources[0].url: should be an address",
        ),
        (
            '[[sources]]\nkind = "stac"\nurl = "https://stac.example.org"',
            "config.toml:3: sources[0]: 'collections' is missing",
        ),
        (
            '[[sources]]\nkind = "stac"\nurl = "http://10.0.0.1"\ncollections = ["a"]',
            "config.toml:3: sources[0]: plain http needs private_addresses = true",
        ),
        ('[[sources]]\nkind = "stac"\nhosts = ["https://a"]', "config.toml:3: sources[0].hosts[0]: should be the name"),
        (
            '[[sources]]\nkind = "stac"\npath = "x"',
            "unknown key 'sources[0].path'; it belongs in [[sources]] of another",
        ),
        ('[[sources]]\nkind = "stac"\nsign = "x"', "unknown key 'sources[0].sign'; did you mean 'signing'?"),
        (
            '[[sources]]\nkind = "sentinel_hub"\nclient_secret = "x"',
            "write that variable's name in 'client_secret_env'",
        ),
        ('[[sources]]\nkind = "sentinel_hub"\nclient_secret_env = "s3cr"', "the NAME of an environment variable"),
        ('[[sources]]\nkind = "sentinel_hub"\nbase_url = "https://a.example"', "belong together: set both, or neither"),
        ('[[sources]]\nkind = "sentinel_hub"\nsensors = []', "config.toml:3: sources[0].sensors"),
        ('[[sources]]\nkind = "sentinel_hub"\nunits_per_month = -1', "config.toml:3: sources[0].units_per_month = -1"),
        ("[archive]\nbudget_gb = -1", "config.toml:2: archive.budget_gb = -1"),
        ('[[sources]]\nkind = ["folder"]\npath = "x"', "config.toml:2: sources[0].kind"),
        (
            '[[sources]]\npath = "$NOWHERE/x"',
            "config.toml:2: sources[0].path: the environment variable NOWHERE is not set",
        ),
        ("a = 1\nb = \n", "config.toml:2: not TOML: Invalid value (column 5)"),
        ("a = 1\nto = [", "config.toml:2: not TOML: Invalid value (at the end of the file)"),
    ],
)
def test_each_mistake_names_its_line_and_the_way_out(text: str, expected: str, refused: Refused) -> None:
    error = refused(text)
    assert expected in error.message
    assert error.hint


def test_all_problems_are_told_at_once_in_order_of_lines(refused: Refused) -> None:
    error = refused('[schedule]\nevery_hour = 6\nlook_back_days = "x"\n[mail]\nport = 0\n[alarms]\n')
    lines = [int(line.split(":")[1]) for line in error.message.splitlines()]
    assert lines == [2, 3, 5, 6]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ('[mail]\npassword = "hunter2"', "'password_env'"),
        ('[mail]\nusername = "hunter2"', "'username_env'"),
        ('[mail]\npassword_env = "hunter2"', "NAME of an environment variable"),
        ('password = "hunter2"', "'password_env'"),
        ('[mail]\nsmtp_password = "hunter2"', "password_env"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_never_repeated(text: str, advice: str, refused: Refused) -> None:
    error = refused(text)
    assert advice in error.message
    shown: BaseException | None = error
    while shown is not None:
        assert "hunter2" not in f"{shown}{shown!r}"
        shown = shown.__cause__ or shown.__context__


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$DATA/x", "/d/x"),
        ("${DATA}x", "/dx"),
        ("${DATA:-other}", "/d"),
        ("${NONE:-other}/y", "other/y"),
        ("${EMPTY:-other}", "other"),
        ("$EMPTY/x", "/x"),
        ("${NONE:-}", ""),
        ("~/x", "/home/me/x"),
        ("a~/$", "a~/$"),
    ],
)
def test_variables_are_filled_in(text: str, expected: str) -> None:
    assert expand(text, {"DATA": "/d", "EMPTY": "", "HOME": "/home/me"}) == expected


def test_a_path_is_taken_from_the_environment_and_counts_from_the_workspace(read: Read, tmp_path: Path) -> None:
    text = '[[sources]]\npath = "${IMAGERY:-imagery}"\n'
    for environ, path in (({}, "imagery"), ({"IMAGERY": "../data"}, "../data"), ({"IMAGERY": "/data"}, "/data")):
        assert read(text, **environ).sources == (FolderSource(path=tmp_path / path),)


def test_a_missing_or_unreadable_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_config(tmp_path / "config.toml", {})
    (tmp_path / "config.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_config(tmp_path / "config.toml", {})


def test_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b'\xef\xbb\xbfstate = "x"\r\n[schedule]\r\nevery_hours = 2.0\r\n')
    assert read_config(path, {}).schedule.every_hours == 2.0


MAIL = Mail(host="smtp.example.org", username_env="MAIL_USER", password_env="MAIL_PASSWORD")


def test_the_login_comes_from_the_environment_and_is_never_shown() -> None:
    login = credentials(MAIL, {"MAIL_USER": "desk", "MAIL_PASSWORD": "hunter2"})
    assert login is not None
    assert (login.username, login.password) == ("desk", "hunter2")
    assert "hunter2" not in f"{login} {login!r} {MAIL!r}"
    assert "desk" not in repr(login)


def test_no_login_is_needed_where_none_is_named() -> None:
    assert credentials(Mail(), {}) is None


def test_a_missing_login_names_the_variables_and_no_value() -> None:
    with pytest.raises(ConfigError) as caught:
        credentials(MAIL, {"MAIL_USER": "desk", "MAIL_PASSWORD": ""})
    assert "MAIL_PASSWORD (mail.password_env)" in str(caught.value)
    assert "MAIL_USER" not in str(caught.value)
    assert "desk" not in str(caught.value)


# sources


def test_a_bare_stac_source_is_earth_search_with_the_hosts_of_its_files(read: Read) -> None:
    (source,) = read('[[sources]]\nkind = "stac"').sources
    assert isinstance(source, StacSource)
    assert source.wanted == ("sentinel-2-c1-l2a", "sentinel-2-l2a")
    assert source.name == "stac:earth-search.aws.element84.com/v1"
    assert all(h.endswith(".amazonaws.com") for h in source.allowed)


def test_another_catalogue_may_be_read_from_its_own_host_only_unless_told(read: Read) -> None:
    text = '[[sources]]\nkind = "stac"\nurl = "https://stac.example.org/v1/"\ncollections = ["a"]\n'
    (bare,) = read(text).sources
    (told,) = read(text + 'hosts = ["*.Example.net"]').sources
    assert isinstance(bare, StacSource)
    assert isinstance(told, StacSource)
    assert (bare.url, bare.allowed, told.allowed) == (
        "https://stac.example.org/v1",
        ("stac.example.org",),
        ("*.example.net",),
    )


def test_sentinel_hub_names_variables_and_stops_before_the_quota(read: Read) -> None:
    (source,) = read('[[sources]]\nkind = "sentinel_hub"').sources
    assert isinstance(source, SentinelHubSource)
    assert (source.client_id_env, source.client_secret_env) == ("SH_CLIENT_ID", "SH_CLIENT_SECRET")
    assert (source.units_per_month, source.requests_per_month) == (9000.0, 9000)
    assert (source.name, source.discovery) == ("sentinel_hub:copernicus", Discovery.STAC)


def test_a_source_may_be_held_to_one_sensor(read: Read, refused: Refused) -> None:
    (source,) = read('[[sources]]\nkind = "sentinel_hub"\nsensors = ["sentinel-1"]').sources
    assert isinstance(source, SentinelHubSource)
    assert source.sensors == (Sensor.SENTINEL1,)
    error = refused('[[sources]]\nkind = "sentinel_hub"\nsensors = ["sentinel-9"]')
    assert "should be 'sentinel-1' or 'sentinel-2'" in error.message


def test_a_secret_is_read_by_the_name_of_its_variable_and_never_shown() -> None:
    assert secret("KEY", "key_env", {"KEY": "s3cret"}) == "s3cret"
    assert secret("", "key_env", {}) == ""
    with pytest.raises(ConfigError, match=r"KEY \(key_env\) is not set"):
        secret("KEY", "key_env", {"OTHER": "s3cret"})


@pytest.mark.parametrize(
    ("own", "together", "aois", "budget"),
    [(1.0, 0.0, 1000, 1.0), (1.0, 12.0, 1000, 0.012), (1.0, 12.0, 3, 1.0), (0.5, 12.0, 48, 0.25), (1.0, 12.0, 0, 1.0)],
)
def test_a_budget_of_all_aois_is_shared_among_them(own: float, together: float, aois: int, budget: float) -> None:
    alerts = Alerts(false_alarms_per_aoi_year=own, false_alarms_per_year=together)
    assert alerts.budget(aois) == pytest.approx(budget)
