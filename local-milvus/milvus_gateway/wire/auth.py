"""Who may ask: the three forms of credential that Milvus' proxy takes (`service.go`, `utils.go`).

Off when no token is set, as in Milvus without `authorizationEnabled`: then any header passes.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """Whether a request may go on, and whether it came with HTTP Basic."""

    admitted: bool
    basic: bool = False


class Authenticator:
    """Compares a request's credential with the one token, in constant time."""

    def __init__(self, token: str | None) -> None:
        self._token = token.encode() if token else None

    @property
    def enabled(self) -> bool:
        """False when every request is admitted."""
        return self._token is not None

    def check(self, authorization: str | None) -> Verdict:
        """`Basic base64(user:pass)`, `Bearer user:pass` or bare `user:pass`, exactly so spelt."""
        if self._token is None:
            return Verdict(True)
        if not authorization:
            return Verdict(False)
        basic = authorization.startswith("Basic ")
        if basic:
            try:
                given = base64.b64decode(authorization.removeprefix("Basic "), validate=True)
            except (binascii.Error, ValueError):
                return Verdict(False)
        else:
            given = authorization.removeprefix("Bearer ").encode("latin-1", "replace")
        # Without a colon it is an API key, which plain Milvus refuses; it cannot equal the token.
        return Verdict(hmac.compare_digest(given, self._token), basic)

    def check_metadata(self, authorization: str | bytes | None) -> str | None:
        """gRPC's form, `base64(user:pass)`: None when admitted, else Milvus' sentence
        (`authentication_interceptor.go`)."""
        if self._token is None:
            return None
        if authorization is None:
            return "missing authorization in header"
        try:
            given = base64.b64decode(authorization, validate=True)
        except (binascii.Error, ValueError):
            return "invalid token format"
        if hmac.compare_digest(given, self._token):
            return None
        what = "username and password are" if b":" in given else "api key is"
        return f"auth check failure, please check {what} correct"
