"""Open a page in a real headless browser, at a width, in light or dark mode, and ask it what it sees."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_BUDGETS_MS = (20_000, 120_000, 600_000)
"""Time of the page's own clock, which runs ahead while nothing happens: on a busy machine, clips are decoded too late for the first one."""
_ASK = """
<script>
const errors = [];
window.addEventListener("error", (event) => errors.push(event.message || event.target.outerHTML.slice(0, 80)), true);
window.addEventListener("load", async () => {
  const all = (name) => [...document.querySelectorAll(name)];
  const playable = await Promise.all(all("video").map((video) => new Promise((done) => {
    video.addEventListener("loadeddata", () => done(video.videoWidth > 0));
    video.addEventListener("error", () => done(false));
    video.preload = "auto";
    video.load();
  })));
  const wide = all("body *").filter((one) => !one.closest(".wide") && one.getBoundingClientRect().right > innerWidth + 1);
  const text = getComputedStyle(document.body);
  parent.postMessage(JSON.stringify({
    errors, width: innerWidth, height: document.body.scrollHeight, sideways: document.documentElement.scrollWidth > innerWidth,
    wide: wide.slice(0, 5).map((one) => one.outerHTML.slice(0, 120)),
    images: all("img").map((one) => one.naturalWidth), figures: all("svg").map((one) => Math.round(one.getBoundingClientRect().width)),
    videos: playable, color: text.color, paper: text.backgroundColor, headings: all("h2").map((one) => one.textContent),
  }), "*");
});
</script>
"""
_FRAME = """<!doctype html><body><iframe id="page" style="width: {width}px; height: 900px; border: 0"></iframe><pre id="seen"></pre>
<script>
window.addEventListener("message", (event) => {{ document.getElementById("seen").textContent = event.data; }});
document.getElementById("page").srcdoc = {page};
</script></body>"""
"""Browsers refuse windows as narrow as a telephone, but not frames; media queries see the width of the frame."""


def seen_by_browser(page: str, width: int, dark: bool, folder: Path) -> dict:
    """Return what a browser sees of a page: errors, what is wider than it, pictures, figures, playable clips, colors, headings."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser here: none of {', '.join(BROWSERS)} is installed")
    asking = page.replace("<head>", f"<head>{_ASK}", 1)
    frame = folder / f"frame-{width}-{dark}.html"
    frame.write_text(_FRAME.format(width=width, page=json.dumps(asking).replace("</", "<\\/")), encoding="utf-8")
    command = [
        browser,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder / 'profile'}",
        "--window-size=1300,1000",
    ]
    command.append(f"--blink-settings=preferredColorScheme={0 if dark else 1}")
    for budget_ms in _BUDGETS_MS:
        told = subprocess.run(
            [*command, f"--virtual-time-budget={budget_ms}", "--dump-dom", frame.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        seen = re.search(r'<pre id="seen">(.*?)</pre>', told.stdout, re.DOTALL)
        assert seen is not None
        if seen[1]:
            return json.loads(html.unescape(seen[1]))
    raise AssertionError("the browser never finished loading the page")


def assert_reads_well(page: str, folder: Path, widths: tuple[int, ...] = (390, 1200)) -> dict:
    """Check a page at a telephone's and a desktop's width, in light and dark mode; return what was seen last."""
    papers = set()
    for width, dark in ((widths[0], True), (widths[-1], False)):
        seen = seen_by_browser(page, width, dark, folder)
        assert seen["width"] == width
        assert seen["errors"] == []
        assert not seen["sideways"], f"the page is wider than {width} pixels: {seen['wide']}"
        assert all(one > 0 for one in seen["images"])
        assert all(one > 40 for one in seen["figures"])
        assert all(seen["videos"])
        papers.add(seen["paper"])
    assert papers == {"rgb(21, 25, 29)", "rgb(255, 255, 255)"}
    return seen
