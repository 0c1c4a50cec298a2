"""Addresses that a tenant chose are called only if they are public, however they are written."""

import pytest

from chassis.http.outbound import ForbiddenAddress, ForbiddenUrl, OutboundPolicy

PUBLIC = OutboundPolicy()
DEVELOPMENT = OutboundPolicy(allow_loopback=True)

NOT_PUBLIC = {
    "loopback": "127.0.0.1",
    "another loopback": "127.9.9.9",
    "this host": "0.0.0.0",
    "private, class A": "10.0.0.1",
    "private, class B": "172.16.0.1",
    "private, class C": "192.168.1.1",
    "shared by carriers": "100.64.0.1",
    "a cloud's metadata": "169.254.169.254",
    "a cloud's metadata among carriers": "100.100.100.200",
    "a cloud's metadata among protocols": "192.0.0.192",
    "a cloud's wire server": "168.63.129.16",
    "benchmarks": "198.18.0.1",
    "documentation": "203.0.113.7",
    "6to4 relay": "192.88.99.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "loopback, IPv6": "::1",
    "unspecified, IPv6": "::",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped public": "::ffff:8.8.8.8",
    "compatible": "::8.8.8.8",
    "NAT64": "64:ff9b::7f00:1",
    "local NAT64": "64:ff9b:1::a00:1",
    "unique local": "fd00:ec2::254",
    "link-local": "fe80::1",
    "link-local with its zone": "fe80::1%lo",
    "site-local": "fec0::1",
    "multicast, IPv6": "ff02::1",
    "Teredo": "2001:0:53aa:64c::1",
    "6to4": "2002:7f00:1::1",
    "documentation, IPv6": "2001:db8::1",
    "not an address": "example.com",
}


@pytest.mark.parametrize("address", NOT_PUBLIC.values(), ids=NOT_PUBLIC.keys())
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(ForbiddenAddress) as error:
        PUBLIC.require_address(address)

    assert address not in str(error.value)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"])
def test_a_public_address_is_allowed(address: str) -> None:
    PUBLIC.require_address(address)


def test_development_allows_loopback_and_nothing_else() -> None:
    DEVELOPMENT.require_address("127.0.0.1")
    DEVELOPMENT.require_address("::1")
    for address in set(NOT_PUBLIC.values()) - {"127.0.0.1", "127.9.9.9", "::1"}:
        with pytest.raises(ForbiddenAddress):
            DEVELOPMENT.require_address(address)


FORBIDDEN_URLS = {
    "without TLS": "http://example.com",
    "another scheme": "file:///etc/passwd",
    "another scheme with a host": "gopher://example.com",
    "no scheme": "example.com",
    "no host": "https:///path",
    "another port": "https://example.com:8443",
    "an impossible port": "https://example.com:99999",
    "a password": "https://user:secret@example.com",
    "a user": "https://user@example.com",
    "an empty user": "https://@example.com",
    "a fragment": "https://example.com/#top",
    "an empty fragment": "https://example.com/#",
    "a space": "https://example.com/a b",
    "a line break": "https://example.com/\r\nHost: other",
    "a backslash": "https://example.com\\@127.0.0.1/",
    "a single label": "https://postgres/",
    "localhost": "https://localhost/",
    "localhost with a dot": "https://localhost./",
    "a name below localhost": "https://a.localhost/",
    "loopback": "https://127.0.0.1/",
    "loopback with a dot": "https://127.0.0.1./",
    "loopback as a decimal": "https://2130706433/",
    "loopback in hexadecimal": "https://0x7f000001/",
    "loopback in parts of hexadecimal": "https://0x7f.0.0.0x1/",
    "loopback in octal": "https://0177.0.0.01/",
    "loopback, shortened": "https://127.1/",
    "loopback in full-width digits": "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "loopback, IPv6": "https://[::1]/",
    "mapped loopback": "https://[::ffff:127.0.0.1]/",
    "NAT64": "https://[64:ff9b::127.0.0.1]/",
    "link-local with its zone": "https://[fe80::1%25lo]/",
    "a cloud's metadata": "https://169.254.169.254/latest/meta-data/",
    "too long": f"https://example.com/{'a' * 2_000}",
}


@pytest.mark.parametrize("url", FORBIDDEN_URLS.values(), ids=FORBIDDEN_URLS.keys())
def test_a_url_that_is_not_of_a_public_server_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenUrl):
        PUBLIC.require_url(url)


@pytest.mark.parametrize(
    "url", ["https://example.com", "https://example.com:443/a?b=c", "https://bücher.example/", "https://8.8.8.8/"]
)
def test_a_url_of_a_public_server_is_allowed(url: str) -> None:
    assert PUBLIC.require_url(url).scheme == "https"


def test_the_caller_chooses_schemes_and_the_operator_chooses_ports() -> None:
    with pytest.raises(ForbiddenUrl):
        OutboundPolicy(ports=(443, 8443)).require_url("http://example.com", ("http", "https"))

    assert OutboundPolicy(ports=(443, 8443)).require_url("https://example.com:8443").port == 8443
    assert PUBLIC.require_url("http://example.com", ("http", "https")).port == 80


def test_development_allows_loopback_urls_at_any_port_without_tls() -> None:
    assert DEVELOPMENT.require_url("http://127.0.0.1:8080/").port == 8080
    assert DEVELOPMENT.require_url("http://localhost:8080/").port == 8080
    for url in ("http://example.com/", "https://10.0.0.1/", "https://2130706433/", "https://postgres/"):
        with pytest.raises(ForbiddenUrl):
            DEVELOPMENT.require_url(url)
