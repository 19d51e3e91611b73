"""TLS on the one port: what the server offers, and how it recognises itself.

A client that offers both HTTP/1.1 and HTTP/2, as browsers and curl do, gets HTTP/1.1, because
REST is served over that. HTTP/2 is for those that offer nothing else: gRPC's clients, which insist
on it.
"""

from __future__ import annotations

import ssl

PROTOCOLS = ["http/1.1", "h2"]
"""In this order: the server's preference decides."""


class TlsError(Exception):
    """The certificate and key cannot be used; the text says which file and why."""


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """TLS 1.2 or later with a PEM chain and its PEM key. TlsError when they cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(PROTOCOLS)
    for path in (certificate, key):
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            raise TlsError(f"{path}: {error.strerror}") from None
    try:
        # Without a password given, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            reason = f"{key} is not the key of {certificate}"
        else:
            reason = f"{certificate} and {key} are no PEM certificate and unencrypted PEM key"
        raise TlsError(reason) from None
    return context


def own_certificate(certificate: str) -> bytes:
    """The first certificate of a PEM file, in DER: what the server shows."""
    with open(certificate, encoding="ascii") as file:
        text = file.read()
    begin, end = text.index(ssl.PEM_HEADER), text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
    return ssl.PEM_cert_to_DER_cert(text[begin:end])


def pinned_client_context() -> ssl.SSLContext:
    """For asking the own port: names and authorities do not matter there, since the caller
    compares the certificate itself with `own_certificate` before it sends anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
