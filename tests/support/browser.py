"""A headless Chromium, driven by the DevTools protocol: pages as readers see them."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from chassis.types import json

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 60
DESKTOP, PHONE = (1400, 900), (390, 844)


def program() -> str | None:
    """Return the path of a browser, or None if none is installed."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class Page:
    """A tab, with the errors and requests that it caused."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._session: str | None = None
        self._numbers = count(1)
        self._calls: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.errors: list[str] = []
        """What the console showed as an error, and exceptions."""
        self.requests: list[str] = []
        """The addresses that the page asked for."""

    async def attach(self) -> None:
        """Open the tab."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        await self.resize(*DESKTOP)

    async def listen(self) -> None:
        """Receive messages until the connection closes."""
        async for message in self._socket:
            received = json.loads(message.data)
            call = self._calls.pop(received.get("id"), None)
            if call is not None:
                call.set_result(received)
            else:
                self._note(received.get("method"), received.get("params", {}))

    def _note(self, event: str | None, details: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(details["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(str(details["exceptionDetails"]))
        elif event == "Log.entryAdded" and details["entry"]["level"] == "error":
            self.errors.append(f"{details['entry']['text']} {details['entry'].get('url', '')}")
        elif event == "Runtime.consoleAPICalled" and details["type"] in ("error", "assert"):
            self.errors.append(str(details["args"]))

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        number = next(self._numbers)
        self._calls[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json({**message, "sessionId": self._session} if self._session else message)
        received = await asyncio.wait_for(self._calls[number], SECONDS)
        assert "error" not in received, received
        return dict(received["result"])

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        result = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def open(self, url: str, until: str = "true") -> None:
        """Open an address in the tab, and wait until an expression is true in it."""
        await self.call("Page.navigate", url="about:blank")
        await self.call("Page.navigate", url=url)
        await self.until(until)

    async def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        for _ in range(SECONDS * 20):
            if await self.evaluate(f"document.readyState === 'complete' && Boolean({expression})"):
                return
            await asyncio.sleep(0.05)
        raise TimeoutError(f"never true: {expression}; errors: {self.errors}")

    async def type(self, text: str) -> None:
        """Type a text into the element that has the focus."""
        await self.call("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Press and release a key."""
        codes = {"Enter": 13, "Escape": 27, "Tab": 9}
        typed = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=codes[key], **typed)

    async def resize(self, width: int, height: int) -> None:
        """Set the size of the window."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )

    async def prefer(self, scheme: str) -> None:
        """Set the system's preference: light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", features=features)


@asynccontextmanager
async def opened_page(profile: Path) -> AsyncIterator[Page]:
    """Start a browser with a profile in an empty folder, and yield a page in it."""
    path = program()
    assert path is not None
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
    process = await asyncio.create_subprocess_exec(
        path,
        *options,
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        address = await _address(profile)
        async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
            page = Page(socket)
            listening = asyncio.create_task(page.listen())
            await page.attach()
            yield page
            listening.cancel()
    finally:
        process.terminate()
        await process.wait()


async def _address(profile: Path) -> str:
    """Return the address at which a starting browser listens, from the file that it writes."""
    file = profile / "DevToolsActivePort"
    for _ in range(SECONDS * 20):
        written = file.read_text().split("\n") if file.exists() else []
        if len(written) == 2:
            return f"ws://127.0.0.1:{written[0]}{written[1]}"
        await asyncio.sleep(0.05)
    raise TimeoutError("the browser does not start")
