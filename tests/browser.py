"""A real browser for tests of pages: the distribution's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None and "EDGEBAKE_NO_SKIP" not in os.environ, reason="chromium is not installed"
)


@contextmanager
def started_browser() -> Iterator[Browser]:
    """A browser without a window. A test's container runs as root, where Chromium's sandbox does not start."""
    assert CHROMIUM, "chromium is not installed: scripts/test installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A page that is open, and what it did that it should not: errors, messages, requests."""

    def __init__(self, browser: Browser, file: Path, *, width: int = 1400, height: int = 900) -> None:
        self.faults: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(10_000)
        self.page.on("console", lambda message: self.faults.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.faults.append("dialog"), dialog.dismiss()))
        self.page.on("request", self._asked)
        self._own = file.resolve().as_uri()
        self.page.goto(self._own)

    def _asked(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        if url != self._own and not url.startswith("data:"):
            self.faults.append(f"request: {url}")

    def close(self) -> list[str]:
        """Close the page; return its faults."""
        self.page.close()
        return self.faults


def eventually(holds: Callable[[], bool]) -> bool:
    """Wait until something holds, at most some seconds. (Playwright's own waiting would need a policy with `eval`.)"""
    end = time.monotonic() + 5
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()
