#!/usr/bin/env python3
"""Looks at a report as a browser shows it: tools/check_report.py REPORT.html [--axe AXE.min.js] [--shots FOLDER].

Opens the page in headless Chromium at 360 and 1400 pixels, light and dark, and fails on what a reader would meet: a page that
scrolls sideways, a table that does not sort, a choice that shows nothing, an answer that does not open, an error on the console,
a request to the network, a violation of accessibility that axe-core finds.

Needs playwright (pip install playwright) and a Chromium: the system's where there is one (apt install chromium), else
playwright's own (playwright install chromium). axe-core comes from npm (npm install axe-core); without --axe, accessibility is
not checked and the last line says so.
"""
import argparse
import pathlib
import shutil
import sys

from playwright.sync_api import sync_playwright

SIZES = ((360, 740), (1400, 900))


def watch(page, address, found, where):
    page.on("console", lambda message: message.type in ("error", "warning") and found.append(f"{where}: console: {message.text}"))
    page.on("pageerror", lambda error: found.append(f"{where}: script: {error}"))
    page.on("request", lambda request: request.url.startswith(address) or request.url.startswith(("data:", "blob:"))
            or found.append(f"{where}: asks for {request.url}"))


def check_layout(page, found, where):
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wider > 0:
        names = page.evaluate(
            "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll'))"
            ".slice(0, 5).map(e => e.tagName + '.' + (e.getAttribute('class') || ''))")
        found.append(f"{where}: scrolls sideways by {wider} pixels: {names}")


SORTED = """(table, column) => [...table.tBodies[0].rows].map(row => {
  const cell = row.cells[column]; return cell.dataset.k !== undefined ? Number(cell.dataset.k) : cell.textContent; })"""


def check_sorting(page, found, where):
    """Every column of every table that is shown: down and up, numbers as numbers, what has none last."""
    tables = [t for t in page.query_selector_all("table.sortable") if t.is_visible()]
    if not tables:
        found.append(f"{where}: no table")
    for table in tables:
        for column, header in enumerate(table.query_selector_all("thead th")):
            numeric = "n" in header.get_attribute("class").split()
            for press in range(2):
                header.query_selector("button").evaluate("button => button.click()")
                state = header.get_attribute("aria-sort")
                values = table.evaluate(f"(table) => ({SORTED})(table, {column})")
                numbers = [v for v in values if isinstance(v, (int, float))]
                if numeric and numbers:
                    expected = sorted(numbers, reverse=state == "descending")
                    if numbers != expected or any(isinstance(v, (int, float)) for v in values[len(numbers):]):
                        found.append(f"{where}: column {header.inner_text()!r} is not sorted ({state}): {values[:6]}")
                elif state not in ("ascending", "descending"):
                    found.append(f"{where}: column {header.inner_text()!r} does not sort")


def check_choices(page, found, where):
    for box in page.query_selector_all(".choose"):
        for select in box.query_selector_all(":scope > .choices select"):
            values = [option.get_attribute("value") for option in select.query_selector_all("option")]
            for value in values[1:3] + values[:1]:
                select.select_option(value)
                shown = box.query_selector_all(":scope > .option:not([hidden])")
                if len(shown) != 1:
                    found.append(f"{where}: {len(shown)} figures shown for {value!r}")


INSIDE = """mark => { const text = mark.closest("pre").getBoundingClientRect(), own = mark.getBoundingClientRect();
  return own.top >= text.top && own.top < text.bottom; }"""


def check_answers(page, found, where):
    if page.query_selector("#browser") is None:
        return 0
    page.wait_for_selector("#browser .column pre", timeout=20000)
    checked = 0
    for kind in ("became wrong", "became right", "all answers"):
        page.select_option("#browser .choices label:last-child select", kind)
        page.wait_for_timeout(300)
        columns = page.query_selector_all("#browser .column")
        if not columns:
            continue
        checked += 1
        texts = [column.query_selector("pre").inner_text() for column in columns]
        marks = page.query_selector_all("#browser .column mark")
        if len(texts) == 2 and texts[0] != texts[1] and not marks:
            found.append(f"{where}: two texts that differ, and no mark ({kind})")
        if not all(mark.evaluate(INSIDE) for mark in marks):
            found.append(f"{where}: a mark that has to be scrolled to ({kind})")
    page.evaluate("document.querySelectorAll('#browser .steps button')[1]?.click()")
    if page.evaluate("document.querySelectorAll('#browser script, #browser img, #browser iframe').length"):
        found.append(f"{where}: an answer became markup")
    return checked


def check_accessibility(page, axe, found, where):
    page.evaluate(axe)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    for violation in result["violations"]:
        nodes = [" ".join(map(str, node["target"])) for node in violation["nodes"][:3]]
        found.append(f"{where}: axe {violation['id']} ({violation['impact']}): {violation['help']}; {len(violation['nodes'])} times, {nodes}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--axe", type=pathlib.Path, help="axe.min.js of axe-core")
    parser.add_argument("--shots", type=pathlib.Path, help="folder for a picture of the page at each size")
    arguments = parser.parse_args()
    address = arguments.report.resolve().as_uri()
    axe = arguments.axe.read_text() if arguments.axe else None
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for width, height in SIZES:
            for scheme in ("light", "dark"):
                where = f"{width} pixels, {scheme}"
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                watch(page, address, found, where)
                page.goto(address)
                answers = check_answers(page, found, where)
                check_layout(page, found, where)
                if arguments.shots:
                    arguments.shots.mkdir(parents=True, exist_ok=True)
                    page.screenshot(path=arguments.shots / f"{width}-{scheme}.png", full_page=True)
                if axe:
                    check_accessibility(page, axe, found, where)
                if scheme == "light":
                    check_sorting(page, found, where)
                    check_choices(page, found, where)
                    check_layout(page, found, where + ", after choices")
                print(f"{where}: {len(page.query_selector_all('svg'))} drawings, {answers} lists of answers", file=sys.stderr)
                page.close()
        browser.close()
    print("\n".join(found) if found else f"{arguments.report}: nothing to find" + ("" if axe else " (accessibility not checked: no --axe)"))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
