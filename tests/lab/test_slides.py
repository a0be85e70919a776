"""The slides as they are made and drawn, by a Chromium that is installed where that can be."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from lab import chromium, debian
from lab.slides import build, deck
from tests.machine import need

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(900)  # where Node.js, Marp and Chromium are downloaded first

MEASURE = """
<script>
addEventListener('load', async () => {
  await document.fonts.ready
  const cut = []
  const told = (section, element, how) => cut.push(`slide ${section.id}: ${element.tagName} ${how}`)
  for (const section of document.querySelectorAll('section[id]')) {
    const paper = section.closest('svg').getBoundingClientRect()
    const scale = section.getBoundingClientRect().width / section.offsetWidth
    const bottom = paper.bottom - parseFloat(getComputedStyle(section).paddingBottom) * scale
    for (const element of section.children) {
      if (element.tagName === 'FOOTER') continue
      const box = element.getBoundingClientRect()
      if (box.bottom > bottom + 1) told(section, element, `ends ${box.bottom - bottom} px too low`)
      if (element.scrollWidth > element.clientWidth + 1) told(section, element, 'is too wide')
      if (box.height < 20) told(section, element, 'has no room')
    }
    for (const svg of section.querySelectorAll('svg')) {
      const view = svg.viewBox.baseVal
      for (const text of svg.querySelectorAll('text')) {
        const { x, y, width, height } = text.getBBox()
        const inside = x >= 10 && y >= 0 && x + width <= view.width - 10 && y + height <= view.height - 5
        if (!inside) told(section, text, `is cut off: ${text.textContent}`)
      }
    }
  }
  const fonts = [...document.fonts].filter(({ status }) => status === 'loaded').length
  const slides = document.querySelectorAll('section[id]').length
  document.body.innerHTML = `<pre id="measured">${JSON.stringify({ slides, fonts, cut })}</pre>`
})
</script>
"""


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> build.Slides:
    return build.of_deck(tmp_path_factory.mktemp("slides"))


@pytest.fixture(scope="module")
def browser() -> Path:
    try:
        return chromium.program()
    except debian.DebianError as error:
        need(str(error))
        raise


def count() -> int:
    return len(deck.slides(build.DECK.read_text(encoding="utf-8")))


def test_the_html_needs_no_other_file_and_no_network(slides: build.Slides, tmp_path: Path) -> None:
    file = tmp_path / "slides.html"
    slides.html(file)
    html = file.read_text(encoding="utf-8")
    assert len(re.findall(r'<section id="\d+"', html)) == count()
    assert html.count('<svg id="picture-') == build.DECK.read_text(encoding="utf-8").count("](../docs/pictures/")
    assert html.count("data:font/woff2;base64,") == 4
    assert not re.findall(r"""<img|<link|\ssrc=|url\((?!["']?(?:data:|#))""", html)
    assert 'data-title="Terminal 2"' in html


def test_the_pdf_is_made_beside_the_html(browser: Path, tmp_path: Path) -> None:
    html, pdf = build.all_of_it(tmp_path, pictures=False)
    assert html.read_bytes().startswith(b"<!DOCTYPE html>")
    assert pdf.read_bytes().startswith(b"%PDF-")


def test_nothing_on_a_slide_is_cut_off(slides: build.Slides, browser: Path, tmp_path: Path) -> None:
    file = tmp_path / "bare.html"
    slides.bare_html(file)
    measured = measure(browser, file, tmp_path)
    assert measured["cut"] == []
    assert (measured["slides"], measured["fonts"]) == (count(), 4)


def measure(browser: Path, file: Path, folder: Path) -> dict[str, Any]:
    """What Chromium says of a bare HTML once all is drawn."""
    file.write_text(file.read_text(encoding="utf-8").replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    command = [str(browser), "--headless", "--disable-gpu", f"--user-data-dir={folder}", "--window-size=1280,720"]
    command += ["--no-sandbox"] if chromium.runs_without_a_sandbox() else []
    command += ["--virtual-time-budget=60000", "--dump-dom", file.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r'<pre id="measured">(.*?)</pre>', dom)
    assert found, "the page has not been measured"
    measured: dict[str, Any] = json.loads(found[1])
    return measured
