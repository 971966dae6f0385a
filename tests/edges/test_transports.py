"""Mail, against a real SMTP server on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from monitor.config import Credentials, Mail, Security
from monitor.errors import ConfigError, DeliveryError
from monitor.message import Message
from monitor.transports import compose, message_id_for, open_transport
from monitor.transports.email import Smtp
from monitor.transports.mailbox import Mailbox, file_name

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
MESSAGE = Message(
    subject="Surge at Rajin: berths, vessel_count",
    text="No observation is not no activity.\n" + "An ü and a long line. " * 60 + "\n.\nafter a lone dot\n",
    html='<p>ü</p><img src="cid:before@quaywatch"><img src="cid:after@quaywatch">',
    images={"before@quaywatch": PNG, "after@quaywatch": PNG + b"2"},
    message_key="rajin.berths.vessel_count.surge.20251004:confirmed",
)
DATE = datetime(2025, 10, 4, 9, 20, tzinfo=UTC)
SENDER = "quaywatch@example.org"
RECIPIENT = "desk@example.org"


def mail(**changes: Any) -> EmailMessage:
    options: dict[str, Any] = {
        "sender": SENDER,
        "recipient": RECIPIENT,
        "message_id": message_id_for(MESSAGE.message_key, RECIPIENT, SENDER),
        "date": DATE,
    }
    message = changes.pop("message", MESSAGE)
    return compose(message, **(options | changes))


def again(message: EmailMessage) -> EmailMessage:
    """As somebody's mail program sees it."""
    return read(message.as_bytes())


def read(content: bytes) -> EmailMessage:
    parsed = message_from_bytes(content, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


# what is sent


def test_the_mail_has_text_and_html_with_the_pictures_inside() -> None:
    parsed = again(mail())
    assert parsed.get_content_type() == "multipart/alternative"
    text, related = parsed.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(related, EmailMessage)
    assert (text.get_content_type(), related.get_content_type()) == ("text/plain", "multipart/related")
    assert text.get_content().replace("\r\n", "\n") == MESSAGE.text
    html, *pictures = related.iter_parts()
    assert isinstance(html, EmailMessage)
    assert html.get_content().strip() == MESSAGE.html
    assert {p["Content-ID"]: p.get_payload(decode=True) for p in pictures} == {
        f"<{cid}>": png for cid, png in MESSAGE.images.items()
    }
    assert {p.get_content_type() for p in pictures} == {"image/png"}
    assert {p.get_content_disposition() for p in pictures} == {"inline"}


def test_a_message_without_pictures_has_two_parts() -> None:
    plain = Message(subject="s", text="t", html="<p>t</p>", images={}, message_key="k")
    assert [p.get_content_type() for p in again(mail(message=plain)).iter_parts()] == ["text/plain", "text/html"]


def test_the_headers_say_who_when_and_that_a_machine_wrote_it() -> None:
    parsed = again(mail(date=DATE.astimezone(timezone(timedelta(hours=9)))))
    assert parsed["Subject"] == MESSAGE.subject
    assert (parsed["From"], parsed["To"]) == (SENDER, RECIPIENT)
    assert parsed["Date"] == "Sat, 04 Oct 2025 09:20:00 +0000"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["List-Unsubscribe"] == f"<mailto:{SENDER}?subject=unsubscribe>"
    assert parsed["X-Quaywatch-Key"] == MESSAGE.message_key
    assert parsed["References"] is None


def test_the_message_id_is_the_same_for_the_same_step_and_person_only() -> None:
    first = message_id_for("key", RECIPIENT, SENDER)
    assert first == message_id_for("key", RECIPIENT.upper(), SENDER)
    assert len({first, message_id_for("kez", RECIPIENT, SENDER), message_id_for("key", SENDER, SENDER)}) == 3
    assert first.endswith("@example.org>")
    assert again(mail(message_id=first))["Message-ID"] == first


def test_long_ids_keep_their_form_so_that_threads_hold_together() -> None:
    long = [f"<{'a' * 32}@{name}.{'b' * 50}.example.org>" for name in ("one", "two", "three")]
    sent = mail(message_id=long[2], references=f"{long[0]} {long[1]}", sender=f"q@{'c' * 60}.example.org")
    content = sent.as_bytes()
    parsed = read(content)
    assert b"=?utf-8?" not in content
    assert parsed["Message-ID"] == long[2]
    assert parsed["References"].split() == long[:2]
    assert parsed["In-Reply-To"] == long[1]
    assert parsed["List-Unsubscribe"].strip() == f"<mailto:q@{'c' * 60}.example.org?subject=unsubscribe>"


def test_every_line_is_ascii_and_short_enough_for_any_server() -> None:
    lines = mail().as_bytes().split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert all(line.isascii() and b"\n" not in line for line in lines)


def test_text_from_outside_cannot_add_a_header() -> None:
    evil = Message(
        subject="Rajin\r\nBcc: all@example.org\u2028x\0 \ud800 Ü" + "y" * 500,
        text="\ud800",
        html="\ud800",
        images={"a\r\nX-Evil: 1": PNG},
        message_key="k\r\nX-Evil: 1 ü",
    )
    parsed = again(mail(message=evil))
    assert parsed["Subject"].startswith("Rajin Bcc: all@example.org x ? Ü")
    assert len(parsed["Subject"]) == 200
    assert parsed["Bcc"] is None
    assert all(part["X-Evil"] is None for part in parsed.walk())
    assert parsed["X-Quaywatch-Key"] == "k X-Evil: 1 ?"


@pytest.mark.parametrize(
    "wrong",
    [
        {"recipient": "a@b\r\nBcc: c@d"},
        {"recipient": "a@b, c@d"},
        {"sender": "Desk <a@b>"},
        {"message_id": "no-brackets@b"},
        {"message_id": "<a@b>\r\nX: y"},
        {"references": "<a@b> rubbish"},
    ],
)
def test_an_address_or_id_that_could_break_a_header_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(DeliveryError) as caught:
        mail(**wrong)
    assert caught.value.permanent


# the folder of .eml files


def test_a_mail_becomes_one_whole_file(tmp_path: Path) -> None:
    Mailbox(tmp_path / "outbox").send(mail())
    (path,) = (tmp_path / "outbox").iterdir()
    assert path.name.startswith("20251004T092000Z-surge-at-rajin-berths-vessel-count-")
    assert path.suffix == ".eml"
    assert read(path.read_bytes())["Message-ID"] == mail()["Message-ID"]


def test_the_same_message_id_leaves_one_file_even_later(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    box.send(mail())
    box.send(mail(date=DATE + timedelta(hours=1)))
    assert len(list(tmp_path.iterdir())) == 1
    box.send(mail(recipient="b@example.org", message_id=message_id_for("k", "b@example.org", SENDER)))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_subject_without_letters_still_gives_a_name() -> None:
    other = Message(subject="порт ../../etc", text="", html="", images={}, message_key="k")
    assert "/" not in file_name(mail(message=other))
    assert file_name(mail(message=Message(subject="?", text="", html="", images={}, message_key="k"))).count("-mail-")


def test_a_folder_that_cannot_be_written_is_temporary(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file in the way")
    with pytest.raises(DeliveryError, match=r"cannot write mail to .*outbox: File exists") as caught:
        Mailbox(tmp_path / "outbox").send(mail())
    assert not caught.value.permanent


# which way


def test_the_outbox_comes_before_the_server(tmp_path: Path) -> None:
    box = open_transport(Mail(host="smtp.example.org", outbox="out"), {}, tmp_path)
    assert isinstance(box, Mailbox)
    assert box.folder == tmp_path / "out"
    assert isinstance(open_transport(Mail(host="smtp.example.org"), {}, tmp_path), Smtp)


def test_a_way_that_is_not_set_up_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mail is not set up"):
        open_transport(Mail(), {}, tmp_path)
    with pytest.raises(ConfigError, match="MAIL_PASSWORD"):
        open_transport(
            Mail(host="h", username_env="MAIL_USER", password_env="MAIL_PASSWORD"), {"MAIL_USER": "u"}, tmp_path
        )


# the mail server


@dataclass
class Inbox:
    """Keeps what comes in; answers as told."""

    answers: list[str] = field(default_factory=list)
    """Replies to the next recipients, in order; when they are used up, mail is accepted."""

    envelopes: list[Envelope] = field(default_factory=list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 OK"

    def mails(self) -> list[EmailMessage]:
        contents = [e.original_content for e in self.envelopes]
        return [read(c) for c in contents if c is not None]


class _Server(Controller):
    def _trigger_server(self) -> None:
        # Port 0 is: any free one. The base class would now try to connect to port 0 itself.
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def serving(inbox: Inbox, **options: Any) -> Iterator[int]:
    server = _Server(inbox, hostname="127.0.0.1", port=0, ident="test", **options)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def address(port: int, security: Security = Security.NONE, **options: Any) -> Mail:
    return Mail(host="127.0.0.1", port=port, security=security, timeout_s=5, **options)


LOGIN = Credentials(username="desk", password="hunter2")
NAMES: dict[str, Any] = {"username_env": "MAIL_USER", "password_env": "MAIL_PASSWORD"}


plain_login = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
"""The test server warns that it takes a login without STARTTLS; over loopback, or inside TLS, that is meant."""


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and data == LoginPassword(b"desk", b"hunter2")
    return AuthResult(success=good, handled=False)


@dataclass
class Certificate:
    """One signed by nobody but itself, for 127.0.0.1."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    """Trusts it."""


PEM = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHAAftOWOYAovCTea
4sG770a6O41pgXmJjoQTdJ2BQGOhRANCAAR5IUwi9cQJswKT/nYdS3+XWgDNzr1q
XkclZ2caSX9UsYIQcWyGDIjHDg0JP8AO3q26U41TvrQzjBtVsa2bk+8j
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBgjCCASmgAwIBAgIBATAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDAR0ZXN0MCAX
DTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAPMQ0wCwYDVQQDDAR0ZXN0
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeSFMIvXECbMCk/52HUt/l1oAzc69
al5HJWdnGkl/VLGCEHFshgyIxw4NCT/ADt6tulONU760M4wbVbGtm5PvI6N0MHIw
DwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAoQwHQYDVR0OBBYEFKudSKTS
u5PtGTCpP/VfG8WuzXxMMB8GA1UdIwQYMBaAFKudSKTSu5PtGTCpP/VfG8WuzXxM
MA8GA1UdEQQIMAaHBH8AAAEwCgYIKoZIzj0EAwIDRwAwRAIgRezfXJzsUfREZx60
M7xytz2KVxUfJVnWeDXBR3rye5UCIBN2D17MVXLKukFKBYPOJDF7k/VOxwVz6IZr
rY9NFHPq
-----END CERTIFICATE-----
"""
"""A throw-away key and its certificate for 127.0.0.1, valid from 2020 to 2120; here, because `openssl` is not
everywhere. Made with `openssl req -new -newkey ec` and `openssl ca -selfsign -startdate -enddate`."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    path = tmp_path_factory.mktemp("certificate") / "key-and-certificate.pem"
    path.write_text(PEM)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return Certificate(server=server, client=ssl.create_default_context(cafile=str(path)))


def failure(transport: Smtp) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        transport.send(mail())
    shown = f"{caught.value}"
    assert caught.value.hint
    assert "hunter2" not in shown
    assert "Traceback" not in shown
    return caught.value


def test_a_mail_arrives_whole(inbox: Inbox) -> None:
    with serving(inbox) as port:
        Smtp(address(port), None).send(mail())
    (envelope,) = inbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, [RECIPIENT])
    (arrived,) = inbox.mails()
    body = arrived.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == MESSAGE.text
    assert [p.get_payload(decode=True) for p in arrived.walk() if p.get_content_type() == "image/png"] == [
        PNG,
        PNG + b"2",
    ]
    assert arrived["Message-ID"] == mail()["Message-ID"]


def test_it_logs_in_over_starttls(inbox: Inbox, certificate: Certificate) -> None:
    options = {"tls_context": certificate.server, "auth_required": True, "authenticator": authenticate}
    with serving(inbox, require_starttls=True, **options) as port:
        Smtp(address(port, Security.STARTTLS), LOGIN, certificate.client).send(mail())
    assert len(inbox.envelopes) == 1


@plain_login
def test_it_speaks_tls_from_the_first_byte(inbox: Inbox, certificate: Certificate) -> None:
    options = {"auth_required": True, "authenticator": authenticate, "auth_require_tls": False}
    with serving(inbox, ssl_context=certificate.server, **options) as port:
        Smtp(address(port, Security.TLS), LOGIN, certificate.client).send(mail())
    assert len(inbox.envelopes) == 1


@plain_login
def test_the_login_is_taken_from_the_environment(inbox: Inbox, tmp_path: Path) -> None:
    with serving(inbox, auth_required=True, auth_require_tls=False, authenticator=authenticate) as port:
        environ = {"MAIL_USER": "desk", "MAIL_PASSWORD": "hunter2"}
        open_transport(address(port, **NAMES), environ, tmp_path).send(mail())
    assert len(inbox.envelopes) == 1


@plain_login
def test_a_wrong_password_is_permanent_and_names_the_variables(inbox: Inbox) -> None:
    with serving(inbox, auth_required=True, auth_require_tls=False, authenticator=authenticate) as port:
        error = failure(Smtp(address(port, **NAMES), Credentials(username="desk", password="hunter2hunter2")))
    assert error.permanent
    assert "refused the login: 535" in error.message
    assert "MAIL_USER and MAIL_PASSWORD" in error.hint
    assert inbox.envelopes == []


@plain_login
def test_a_login_that_smtp_cannot_carry_is_told_without_showing_it(inbox: Inbox) -> None:
    with serving(inbox, auth_required=True, auth_require_tls=False, authenticator=authenticate) as port:
        error = failure(Smtp(address(port), Credentials(username="desk", password="hunter2ü")))
    assert error.permanent
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_a_server_that_takes_no_login_is_told(inbox: Inbox) -> None:
    with serving(inbox) as port:
        error = failure(Smtp(address(port), LOGIN))
    assert error.permanent
    assert "AUTH extension not supported" in error.message


@pytest.mark.parametrize(("answer", "permanent"), [("550 5.1.1 no such user", True), ("451 4.7.1 greylisted", False)])
def test_a_refusal_says_whether_trying_again_can_help(answer: str, permanent: bool, inbox: Inbox) -> None:
    inbox.answers = [answer]
    with serving(inbox) as port:
        transport = Smtp(address(port), None)
        error = failure(transport)
        assert error.permanent is permanent
        assert f"127.0.0.1:{port} refused the recipient {RECIPIENT}: {answer}" in error.message
        transport.send(mail())
    assert [m["Message-ID"] for m in inbox.mails()] == [mail()["Message-ID"]], "the next try arrives, once"


def test_a_mail_too_large_for_the_server_is_permanent(inbox: Inbox) -> None:
    with serving(inbox, data_size_limit=1000) as port:
        error = failure(Smtp(address(port), None))
    assert error.permanent
    assert "refused the mail: 552" in error.message


def test_a_server_that_is_down_is_temporary() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = failure(Smtp(address(unused.getsockname()[1]), None))
    assert not error.permanent
    assert "cannot be reached" in error.message


@contextmanager
def talking(*lines: bytes) -> Iterator[int]:
    """A server that says these lines, one for each it hears, and then hangs up."""

    def talk() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as heard:
            for line in lines:
                connection.sendall(line)
                heard.readline()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


def test_a_server_that_hangs_up_or_is_busy_is_temporary() -> None:
    with talking() as port:
        assert not failure(Smtp(address(port), None)).permanent
    with talking(b"421 too busy\r\n") as port:
        error = failure(Smtp(address(port), None))
    assert not error.permanent
    assert "421 too busy" in error.message


def test_a_server_that_never_answers_is_temporary() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_mail = Mail(host="127.0.0.1", port=silent.getsockname()[1], security=Security.NONE, timeout_s=0.2)
        error = failure(Smtp(silent_mail, None))
    assert not error.permanent
    assert "timed out" in error.message


def test_an_accepted_mail_is_not_sent_again_because_the_parting_failed() -> None:
    # After its "250 accepted" the server hangs up instead of answering QUIT.
    dialogue = [b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as heard:
                for line in dialogue:
                    connection.sendall(line)
                    if not line.startswith(b"354"):
                        heard.readline()
                while heard.readline() != b".\r\n":
                    pass
                connection.sendall(b"250 accepted\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        Smtp(address(listener.getsockname()[1]), None).send(mail())
        thread.join()


def test_without_starttls_nothing_is_sent_in_the_clear(inbox: Inbox) -> None:
    with serving(inbox, auth_required=False) as port:
        error = failure(Smtp(address(port, Security.STARTTLS), LOGIN))
    assert "does not offer STARTTLS; nothing was sent in the clear" in error.message
    assert 'security = "tls"' in error.hint
    assert inbox.envelopes == []


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_certificate_that_nobody_vouches_for_is_refused(
    security: Security, inbox: Inbox, certificate: Certificate
) -> None:
    kind = "tls_context" if security is Security.STARTTLS else "ssl_context"
    with serving(inbox, **{kind: certificate.server}) as port:
        error = failure(Smtp(address(port, security), LOGIN))
    assert "its certificate is not trusted: self" in error.message
    assert "SSL_CERT_FILE" in error.hint
    assert not error.permanent
    assert inbox.envelopes == []


def test_tls_to_a_plain_server_says_which_port_speaks_what(inbox: Inbox) -> None:
    with serving(inbox) as port:
        error = failure(Smtp(address(port, Security.TLS), None))
    assert "no encrypted connection" in error.message
    assert "465" in error.hint


def test_what_the_server_repeats_of_the_login_is_blotted_out() -> None:
    # A server that echoes the login it refuses: seen in debugging set-ups.
    echo = b"535 bad login hunter2 AGRlc2sAaHVudGVyMg==\r\n"
    with talking(b"220 hi\r\n", b"250-hi\r\n250 AUTH PLAIN\r\n", echo) as port:
        error = failure(Smtp(address(port), LOGIN))
    assert "535 bad login *** ***" in error.message
    assert "hunter2" not in repr(Smtp(address(port), LOGIN))
