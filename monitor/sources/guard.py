"""Which addresses may be asked, and connections that hold to it.

An address comes from a catalogue, and a catalogue is only as trustworthy as the person who wrote to it last. So the
host must be one that the source is configured for, and what its name leads to is looked at once more at the moment of
connecting: a name that leads into the network of the machine, today or only on the second look, is refused.

Where the environment names a proxy, the proxy is the only peer of ours and resolves names itself. Then host names are
checked and addresses are not.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import time
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from monitor.errors import SourceError

ADDRESSES_TRIED = 4
"""Of one name, before it is unreachable."""

POOLED = 32
"""Connections to one host kept open."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Who may be asked, and how patiently."""

    hosts: tuple[str, ...]
    """Names that may be asked, exact or "*.suffix" (which does not stand for the suffix itself)."""

    private: bool = False
    """True: plain http, any port, loopback and private addresses are allowed too. For a server of one's own."""

    connect_s: float = 5
    read_s: float = 60
    """How long a server may be silent."""

    attempts: int = 4
    """Requests made for one answer, redirects not counted."""

    total_s: float = 300
    """How long one answer may take in all, with its repetitions and the pauses between them."""


def problem(url: str, policy: Policy) -> str:
    """Why the address may not be asked; empty if it may. Needs no network."""
    if any(c <= " " or c in "\\\x7f" for c in url):
        return "signs that no address has"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "no address"
    ports = {"https": 443, "http": 80} if policy.private else {"https": 443}
    faults = {
        f"the scheme {parts.scheme!r} is not allowed": parts.scheme not in ports,
        "a user name in the address is not allowed": "@" in parts.netloc,
        f"the host {host!r} is not among those allowed": not allows(policy, host),
        f"port {port} is not allowed": not policy.private and port not in (None, ports.get(parts.scheme)),
    }
    return next((fault for fault, given in faults.items() if given), "")


def allows(policy: Policy, host: str) -> bool:
    """True if the policy names the host."""
    host = host.lower()
    return any(
        host.endswith(name[1:]) and len(host) >= len(name) if name.startswith("*.") else host == name
        for name in map(str.lower, policy.hosts)
    )


def public(address: str) -> bool:
    """True for an IP address that anybody on the internet can reach."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or _translated(ip)
        if inner is not None:
            return public(str(inner))
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _translated(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a NAT64 gateway would turn it into (RFC 6052)."""
    gateway = ipaddress.IPv6Network("64:ff9b::/96")
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in gateway else None


class _Guarded(HTTPConnection):
    """Connects only to what the policy allows."""

    policy: ClassVar[Policy]

    def _new_conn(self) -> socket.socket:
        """A connected socket. The address is checked here, and it is this very address that is dialled."""
        name, failure = self._dns_host, None
        for address in self._addresses(name):
            self._dns_host = address
            try:
                return super()._new_conn()
            except (NewConnectionError, ConnectTimeoutError) as error:
                failure = error
            finally:
                self._dns_host = name
        raise failure or NameResolutionError(name, self, socket.gaierror("no address"))

    def _addresses(self, name: str) -> list[str]:
        if not allows(self.policy, name):
            raise SourceError(f"{name}: is not among the hosts allowed", "See `hosts` of the source in config.toml.")
        try:
            found = socket.getaddrinfo(name, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(name, self, socket.gaierror(str(error))) from error
        addresses = list(dict.fromkeys(str(where[0]) for *_, where in found))
        usable = [a for a in addresses if self.policy.private or public(a)]
        if addresses and not usable:
            raise SourceError(
                f"{name}: its name leads to {addresses[0]}, which is no public address",
                "Check the DNS of this machine; set `private = true` if the server is your own.",
            )
        return usable[:ADDRESSES_TRIED]


class _Answer(http.client.HTTPResponse):
    """Its head and body are bounded in time as a whole."""

    policy: ClassVar[Policy]

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Timely(sock, self.fp.detach(), self.policy))


class _Timely(io.RawIOBase):
    """The time-out of a socket starts anew with each byte that comes; here it ends with the answer."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, policy: Policy) -> None:
        self._sock, self._raw, self._wait = sock, raw, policy.read_s
        self._end = time.monotonic() + policy.total_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._sock.settimeout(min(left, self._wait))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _GuardedTls(_Guarded, HTTPSConnection):
    """The same, encrypted. The certificate is checked against the name, not the address."""


class GuardedAdapter(HTTPAdapter):
    """What a session of requests goes through to reach anything. Repeats nothing by itself."""

    def __init__(self, policy: Policy) -> None:
        """For one policy."""
        self._policy = policy
        super().__init__(pool_connections=8, pool_maxsize=POOLED, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Pools whose connections know the policy."""
        super().init_poolmanager(*args, **options)
        own: dict[str, Any] = {"policy": self._policy}
        given = own | {"response_class": type("Answer", (_Answer,), own)}
        plain = type("Plain", (HTTPConnectionPool,), {"ConnectionCls": type("Guarded", (_Guarded,), given)})
        tls = type("Tls", (HTTPSConnectionPool,), {"ConnectionCls": type("GuardedTls", (_GuardedTls,), given)})
        self.poolmanager.pool_classes_by_scheme = {"http": plain, "https": tls}
