"""The report page in a real browser: what it draws, filters, sorts and downloads, and that it fetches nothing."""

import csv
import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.measurements import rows, run_folder
from harness.measurements.rows import Row
from harness.report import page, runs
from tests import ROOT

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
pytest.importorskip("vl_convert", reason="vl-convert-python is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not CHROMIUM or not DRIVER, reason="no Chromium with its driver here (Debian: chromium, chromium-driver)"
)

QUICK = ROOT / "results/reference/quick"
HOSTILE = "<script>alert(1)</script>"
FORMULA = '=HYPERLINK("https://example.org","<b>click</b>")'
PHONE, DESK = (390, 844), (1280, 900)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip
Script = Callable[..., Any]


def _run(folder: Path) -> list[Row]:
    """The reference results, with a network of a hostile name, one that failed, and one in a lower precision."""
    found = rows.read(QUICK)
    of_lenet = [row for row in found if row.architecture == "lenet5_1x1"]
    hostile = [
        replace(row, architecture=HOSTILE, dataset="</script><!-- <img src=x onerror=alert(2)>") for row in of_lenet
    ]
    failed = replace(of_lenet[0], architecture="broken", status="failed", reason=FORMULA, latency_median_s=None)
    lower = [replace(row, precision="int8", latency_median_s=0.5 * (row.latency_median_s or 0.0)) for row in of_lenet]
    made = [*found, *hostile, failed, *lower]
    for kept in ("environment.json", "histories", "samples"):
        (shutil.copytree if (QUICK / kept).is_dir() else shutil.copy)(QUICK / kept, folder / kept)
    rows.write(folder / run_folder.ROWS, made)
    return made


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """The rows that the page shows."""
    folder = tmp_path_factory.getbasetemp() / "page"
    folder.mkdir()
    return _run(folder)


@pytest.fixture(scope="module")
def browser(shown: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One browser with the page open; what it downloads goes into the page's folder."""
    folder = tmp_path_factory.getbasetemp() / "page"
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        driver.set_script_timeout(30)
        driver.set_window_size(*DESK)
        driver.get(page.write(runs.load([folder]), folder).as_uri())
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def fresh(browser: Any) -> Script:
    """The page as it is when it is opened on a desk in the light; runs a script on it, and gives what it returns."""
    _look_of(browser, "light")
    _window(browser, *DESK)
    for log in ("browser", "performance"):
        browser.get_log(log)  # what was before does not count
    browser.execute_script("history.scrollRestoration = 'manual'; scrollTo(0, 0)")
    browser.refresh()
    _wait(browser, "return document.querySelector('figure[data-drawn]') !== null")
    return browser.execute_script


def _look_of(browser: Any, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def _window(browser: Any, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def _wait(browser: Any, script: str) -> None:
    limit = time.monotonic() + 20
    while not browser.execute_script(script):
        assert time.monotonic() < limit, f"never true: {script}"
        time.sleep(0.02)


def _draw_all(browser: Any) -> None:
    """Scroll through the page until every chart that has something to show is drawn."""
    browser.execute_script("for (const all of document.querySelectorAll('details')) all.open = true")
    for place in range(browser.execute_script("return document.querySelectorAll('figure').length")):
        browser.execute_script("document.querySelectorAll('figure')[arguments[0]].scrollIntoView()", place)
        drawn = f"const one = document.querySelectorAll('figure')[{place}]; return one.hidden || 'drawn' in one.dataset"
        _wait(browser, drawn)


def _points(browser: Any, section: str = "overview") -> list[str]:
    """The data of the marks that a section's charts draw: the hover texts of their points."""
    return browser.execute_script(
        """const texts = [];
        for (const figure of document.querySelectorAll(`#${arguments[0]} figure`)) {
          if (figure.hidden) continue;
          for (const mark of figure.querySelectorAll('.mark-symbol.role-mark path')) {
            const hover = mark.__data__?.datum?.hover;
            if (hover) texts.push(JSON.stringify(hover));
          }
        }
        return texts""",
        section,
    )


def _drawn_again(browser: Any, change: Callable[[], object]) -> None:
    """Change something, and wait until the first chart is drawn again."""
    before = browser.execute_script("return document.querySelector('#overview figure').dataset.drawn")
    change()
    one = "const one = document.querySelector('#overview figure')"
    _wait(browser, f"{one}; return one.hidden || one.dataset.drawn !== '{before}'")


def _uncheck(browser: Any, facet: str, value: str) -> None:
    """Take a value out of a filter, as a reader does."""
    boxes = browser.find_elements("css selector", f"fieldset[data-facet={facet}] input")
    _drawn_again(browser, next(box for box in boxes if box.get_attribute("value") == value).click)


def _choose(browser: Any, select: str, value: str) -> None:
    """Choose from a list."""
    script = (
        "const field = document.getElementById(arguments[0]); field.value = arguments[1];"
        "field.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    _drawn_again(browser, lambda: browser.execute_script(script, select, value))


def test_every_chart_is_drawn_without_an_error_and_without_a_request(fresh: Script, browser: Any) -> None:
    _draw_all(browser)
    drawn = fresh(
        "return [...document.querySelectorAll('figure')].map((one) => one.querySelectorAll('svg path').length)"
    )
    assert len(drawn) > 15
    assert min(drawn) > 0
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith("data:")} == {browser.current_url}


def test_a_request_is_refused_by_the_page_itself(fresh: Script, browser: Any) -> None:
    refused = browser.execute_async_script(
        "const done = arguments[0]; addEventListener('securitypolicyviolation', (one) => done(one.violatedDirective));"
        "fetch('https://example.invalid/').catch(() => {}); setTimeout(() => done('sent'), 3000)"
    )
    assert refused == "connect-src"


def test_a_name_that_is_markup_is_shown_as_it_is(fresh: Script, browser: Any) -> None:
    _draw_all(browser)
    cells = fresh("return [...document.querySelectorAll('#table td:first-child')].map((cell) => cell.textContent)")
    assert HOSTILE in cells
    assert fresh("return document.querySelectorAll('img, iframe, b').length") == 0
    assert fresh("return document.querySelectorAll('script').length") == 3
    _hover(browser, HOSTILE)
    assert HOSTILE in fresh("return document.querySelector('#vg-tooltip-element').textContent")
    assert fresh("return document.querySelectorAll('#vg-tooltip-element script').length") == 0


def test_filters_change_what_is_drawn_and_listed(fresh: Script, browser: Any, shown: list[Row]) -> None:
    before = _points(browser)
    assert any('"int8"' in point for point in before)
    _uncheck(browser, "precision", "int8")
    after = _points(browser)
    assert after
    assert not any('"int8"' in point for point in after)
    visible = "return [...document.querySelectorAll('#table tbody tr')].filter((line) => !line.hidden).length"
    kept = [row for row in shown if row.precision != "int8"]
    assert fresh(visible) == len(kept)
    assert fresh("return document.querySelector('#count').textContent") == f"{len(kept)} of {len(shown)} rows"
    _uncheck(browser, "framework", "keras")
    assert not any('"File from":"keras"' in point for point in _points(browser))
    fresh("document.querySelector('#filters button[type=reset]').click()")
    _wait(browser, f"return document.querySelector('#count').textContent === '{len(shown)} of {len(shown)} rows'")


def test_the_front_is_that_of_the_pareto_module(fresh: Script, shown: list[Row]) -> None:
    """Computed by the chart of what is shown, against what Python finds in the same rows."""
    from harness.report import plots

    name = "fashion_mnist_sample"
    of_dataset = plots.with_accuracy([row for row in shown if row.dataset == name])
    _, front = plots.front(of_dataset)
    drawn = fresh(
        """const figure = [...document.querySelectorAll('#overview figure')].find((one) =>
          one.querySelector('strong').textContent === arguments[0]);
        return figure.view.view.data('data_1').map((one) => [one.x, one.y])""",
        name,
    )
    assert sorted({(x, y) for x, y in drawn}) == [pytest.approx(step) for step in sorted(set(front.steps))]


def test_x_can_be_another_cost_and_axes_linear(fresh: Script, browser: Any) -> None:
    title = "return document.querySelector('#overview figure .role-axis-title text').textContent"
    for name, told in (("params", "Parameters"), ("latency", "Latency"), ("memory", "Memory")):
        _choose(browser, "x", name)
        assert fresh(title).startswith(told)
        assert _points(browser)
    scale = "return document.querySelector('#overview figure').view.view.scale('x').type"
    assert fresh(scale) == "log"
    _choose(browser, "x-scale", "linear")
    assert fresh(scale) == "linear"


def _hover(browser: Any, name: str) -> None:
    """Point at a network of the first chart that has it."""
    from selenium.webdriver import ActionChains

    mark = browser.execute_script(
        """const marks = [...document.querySelectorAll('#overview figure .mark-symbol.role-mark path')];
        const mark = marks.findLast((one) => one.__data__?.datum?.hover?.Network === arguments[0]);
        mark.scrollIntoView({block: 'center'}); return mark""",
        name,
    )
    ActionChains(browser).move_to_element(mark).perform()
    _wait(browser, "return document.querySelector('#vg-tooltip-element.visible') !== null")


def test_pointing_at_a_network_tells_every_figure(fresh: Script, browser: Any, shown: list[Row]) -> None:
    from harness.report.page import row_texts

    _hover(browser, "shallownet")
    told = fresh("return document.querySelector('#vg-tooltip-element').innerText")
    row = next(row for row in shown if row.architecture == "shallownet" and row.framework == "torch")
    expected = row_texts.hover(row)
    assert len(expected) > 12
    for name, text in expected.items():
        assert name in told
        assert text in told


def test_a_heading_sorts_the_table_by_its_numbers(fresh: Script, browser: Any, shown: list[Row]) -> None:
    heading = "document.querySelector('#table th[data-column=latency_median_s]')"
    numbers = "return [...document.querySelectorAll('#table tbody tr')].map((line) => Number(line.dataset.row))"
    for direction, sign in (("ascending", 1), ("descending", -1)):
        fresh(f"{heading}.querySelector('button').click()")
        assert fresh(f"return {heading}.getAttribute('aria-sort')") == direction
        times = [shown[number].latency_median_s for number in fresh(numbers)]
        known = [time for time in times if time is not None]
        assert known == sorted(known, key=lambda time: sign * time)
        assert None not in times[: len(known)]  # what was not measured is last


def test_the_csv_holds_every_row_and_no_formula(fresh: Script, browser: Any, shown: list[Row], tmp_path: Path) -> None:
    parameters = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", parameters)
    fresh("document.querySelector('#csv').click()")
    path, limit = tmp_path / "rows.csv", time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < limit
        time.sleep(0.05)
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == len(shown)
    assert list(found[0]) == list(rows.COLUMNS)
    for line, row in zip(found, shown, strict=True):
        for name, text in line.items():
            value = getattr(row, name)
            if isinstance(value, float | int) and not isinstance(value, bool):
                assert float(text) == value
            else:
                own = "" if value is None else str(value)
                assert text == (f"'{own}" if own[:1] in ("=", "+", "-", "@") and own else own)
    assert any(line["reason"] == f"'{FORMULA}" for line in found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_text_stands_out_and_nothing_is_wider_than_the_window(
    fresh: Script, browser: Any, scheme: str, size: tuple[int, int]
) -> None:
    _look_of(browser, scheme)
    _window(browser, *size)
    _wait(browser, f"return document.documentElement.dataset.theme === '{scheme}' && innerWidth === {size[0]}")
    _draw_all(browser)
    assert fresh("return document.documentElement.scrollWidth") <= size[0]
    colours = fresh(
        "return [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,"
        "getComputedStyle(document.querySelector('.role-axis-label text')).fill]"
    )
    paper, *inks = (_luminance(colour) for colour in colours)
    assert (paper < 0.1) == (scheme == "dark")
    for ink in inks:
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) > 7  # WCAG 2, level AAA


def _luminance(colour: str) -> float:
    """The relative luminance of "rgb(r, g, b)", by WCAG 2."""
    parts = [int(part) / 255 for part in colour[4:-1].split(",")]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_keyboard_reaches_everything_and_shows_where_it_is(fresh: Script, browser: Any) -> None:
    from selenium.webdriver import ActionChains, Keys

    def press(*keys: str) -> None:
        ActionChains(browser).send_keys(*keys).perform()

    reached = []
    for _ in range(40):
        press(Keys.TAB)
        one = fresh(
            "const one = document.activeElement, style = getComputedStyle(one);"
            "return [one.id || one.value || one.className || one.textContent, style.outlineStyle, style.outlineWidth]"
        )
        assert one[1:] == ["solid", "3px"], one
        reached.append(one[0])
        if one[0] == "setting":
            break
    assert reached[0] == "skip"
    assert {"theme", "keras", "torch", "int8", "search", "x", "x-scale", "y-scale", "setting"} <= set(reached)
    fresh("document.querySelector('#table th button').focus()")
    press(Keys.ENTER)
    assert fresh("return document.querySelector('#table th').getAttribute('aria-sort')") == "ascending"
    fresh("document.querySelector('#theme').focus()")
    press(Keys.SPACE)
    assert fresh("return document.documentElement.dataset.theme") == "dark"


def test_what_is_drawn_is_also_said(fresh: Script, browser: Any) -> None:
    """Each chart has a name in words, headings are in order, and every field has a label."""
    _draw_all(browser)
    told = fresh(
        "return [...document.querySelectorAll('figure:not([hidden])')].map((one) =>"
        "[one.querySelector('figcaption span').textContent, one.querySelector('svg').getAttribute('aria-label') ??"
        " one.querySelector('[aria-label]').getAttribute('aria-label')])"
    )
    assert all(caption and caption == label for caption, label in told)
    levels = fresh("return [...document.querySelectorAll('h1, h2, h3, h4')].map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert fresh("return [...document.querySelectorAll('input, select')].every((one) => one.labels.length === 1)")
    assert fresh("return document.documentElement.lang") == "en"


def test_on_paper_every_chart_stands_and_none_is_cut_off(fresh: Script, browser: Any) -> None:
    _look_of(browser, "dark")
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        _wait(
            browser, "return [...document.querySelectorAll('figure')].every((one) => one.hidden || one.dataset.drawn)"
        )
        assert fresh("return document.documentElement.dataset.theme") == "light"
        _window(browser, 700, 990)
        cut = (
            "return [...document.querySelectorAll('figure .drawing svg')]"
            ".filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length"
        )
        assert fresh(cut) == 0
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert fresh("return document.documentElement.dataset.theme") == "dark"
