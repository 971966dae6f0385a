"""Mail through an SMTP server.

What a server says decides: 4xx is for now, 5xx is for good (RFC 5321, 4.2.1). A line that cannot be made safe is for
now, as Postfix has it: certificates are renewed, and hotel networks that strip STARTTLS are left behind. Nothing is
ever sent in the clear where encryption was asked for.
"""

from __future__ import annotations

import base64
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage

from monitor.config import Credentials, Mail, Security
from monitor.errors import DeliveryError


class Smtp:
    """One connection for each mail: they are few, and a kept connection would be closed by the server meanwhile."""

    def __init__(self, mail: Mail, login: Credentials | None, ssl_context: ssl.SSLContext | None = None) -> None:
        """`login` None: none is needed. `ssl_context` None: what the system trusts."""
        self._mail = mail
        self._login = login
        self._ssl_context = ssl_context

    def __repr__(self) -> str:
        return f"Smtp({self._place}, {self._mail.security})"

    @property
    def _place(self) -> str:
        return f"{self._mail.host}:{self._mail.port}"

    def send(self, message: EmailMessage) -> None:
        """Hands the mail to the server.

        Raises:
            DeliveryError: it was not accepted; the text names the server and holds no secret.
        """
        with self._mapped(message), self._session() as session:
            session.send_message(message)

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        session = self._connect()
        try:
            if self._mail.security is Security.STARTTLS:
                session.starttls(context=self._context())
            if self._login is not None:
                session.login(self._login.username, self._login.password)
            yield session
            # The mail is accepted by now: whatever goes wrong in parting must not have it sent again.
            with suppress(OSError, smtplib.SMTPException):
                session.quit()
        finally:
            session.close()

    def _connect(self) -> smtplib.SMTP:
        host, port, timeout = self._mail.host, self._mail.port, self._mail.timeout_s
        if self._mail.security is Security.TLS:
            return smtplib.SMTP_SSL(host, port, timeout=timeout, context=self._context())
        return smtplib.SMTP(host, port, timeout=timeout)

    def _context(self) -> ssl.SSLContext:
        return self._ssl_context or ssl.create_default_context()

    @contextmanager
    def _mapped(self, message: EmailMessage) -> Iterator[None]:
        """Translates every error of the library; the most specific first."""
        try:
            yield
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise self._refused(f"refused the recipient {message['To']}", code, said) from error
        except smtplib.SMTPAuthenticationError as error:
            # `from None`: what the library keeps of a failed login is not for a traceback.
            raise self._bad_login(error) from None
        except smtplib.SMTPResponseException as error:
            raise self._refused("refused the mail", error.smtp_code, error.smtp_error) from error
        except UnicodeEncodeError:
            raise DeliveryError(
                f"mail server {self._place}: the user name or password holds characters that SMTP cannot carry",
                "Use ASCII only.",
                permanent=True,
            ) from None
        except ssl.SSLError as error:
            raise self._unsafe(error) from error
        except OSError as error:
            if isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected):
                raise self._not_offered(str(error)) from error
            raise DeliveryError(
                f"mail server {self._place} cannot be reached: {self._clean(str(error) or type(error).__name__)}",
                "It is tried again; check mail.host, mail.port and mail.security if this stays.",
                permanent=False,
            ) from error

    def _refused(self, what: str, code: int, said: bytes | str) -> DeliveryError:
        permanent = 500 <= code < 600
        hint = "Correct the address or ask the server's operator." if permanent else "It is tried again."
        return DeliveryError(f"mail server {self._place} {what}: {code} {self._clean(said)}", hint, permanent=permanent)

    def _bad_login(self, error: smtplib.SMTPAuthenticationError) -> DeliveryError:
        failed = self._refused("refused the login", error.smtp_code, error.smtp_error)
        names = f"{self._mail.username_env} and {self._mail.password_env}"
        failed.hint = f"Check the environment variables {names}." if failed.permanent else failed.hint
        return failed

    def _not_offered(self, said: str) -> DeliveryError:
        if "STARTTLS" in said:
            return DeliveryError(
                f"mail server {self._place} does not offer STARTTLS; nothing was sent in the clear",
                'It is tried again; where the server speaks TLS from the start, set security = "tls" (port 465).',
                permanent=False,
            )
        return DeliveryError(
            f"mail server {self._place}: {self._clean(said)}",
            "Where it needs no login, clear mail.username_env and mail.password_env.",
            permanent=True,
        )

    def _unsafe(self, error: ssl.SSLError) -> DeliveryError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return DeliveryError(
                f"mail server {self._place}: its certificate is not trusted: {error.verify_message}",
                "It is tried again; a private authority goes into the file that SSL_CERT_FILE names.",
                permanent=False,
            )
        return DeliveryError(
            f"mail server {self._place}: no encrypted connection: {error.reason or error}",
            'It is tried again; security is "tls" for port 465 and "starttls" for port 587.',
            permanent=False,
        )

    def _clean(self, said: bytes | str) -> str:
        """One line of what the server said, without the login, should it have repeated it."""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        for secret in self._secrets():
            text = text.replace(secret, "***")
        return " ".join(text.split())[:300]

    def _secrets(self) -> list[str]:
        if self._login is None:
            return []
        user, password = self._login.username, self._login.password
        plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        return [plain, base64.b64encode(password.encode()).decode(), password]
