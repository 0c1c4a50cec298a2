"""An identity provider on loopback, whose keys, documents and failures a test chooses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from chassis.core.clock import clock
from chassis.types.ids import uuid7

Key = RSAKey | ECKey | OKPKey
AUDIENCE = "rapport"
SUBJECT = "ada"


class LocalIssuer:
    """An identity provider. It serves its documents while `mode` is "up"."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: list[Key] = [RSAKey.generate_key(2048, {"kid": "first"})]
        self.mode = "up"
        self.discovery: dict[str, Any] = {}
        """Members of the discovery document that differ."""
        self.key_set: Any = None
        """The key set, if it differs from that of `keys`."""
        self.requests: list[str] = []

    def token(self, key: Key | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token of a user. A claim that is None is left out."""
        key, now = key or self.keys[0], int(clock.timestamp())
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + 300}
        present = {name: value for name, value in (usual | claims).items() if value is not None}
        head = {"alg": "RS256", "kid": key.kid} | (header or {})
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, present, key, algorithms=[head["alg"]])

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve a request."""
        path = "/" + request.path.split("/", 2)[2]
        self.requests.append(path)
        if self.mode == "hanging":
            await asyncio.sleep(30)
        if self.mode == "failing":
            return web.Response(status=500)
        if path == "/.well-known/openid-configuration":
            return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"} | self.discovery)
        if self.mode == "endless":
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b" " * 10_000)
        usual = {"keys": [key.as_dict(private=False) for key in self.keys]}
        return web.json_response(usual if self.key_set is None else self.key_set)


@asynccontextmanager
async def local_issuer() -> AsyncIterator[LocalIssuer]:
    """Run an identity provider on loopback."""
    issuer = LocalIssuer()
    runner = web.ServerRunner(web.Server(issuer.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    # A port may be used again, and no two tenants may accept the same issuer.
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/{uuid7()}"
    try:
        yield issuer
    finally:
        await runner.cleanup()
