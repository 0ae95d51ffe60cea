"""Opens the pages that `apus view` writes in a headless Chromium, uses them as a person does, and leaves pictures.

    python view_pages.py APUS FOLDER [MODEL ...]     FOLDER/*.html and *.png; without models those of view_models.py
"""
import json, pathlib, subprocess, sys, time

import view_models
from browser import Browser

failures = []


def check(holds, text):
    if not holds:
        failures.append(text)
        print("    FAILED:", text)


def nodes_of(graph):
    for node in graph["nodes"]:
        yield node
        for body in node["bodies"]:
            yield from nodes_of(body["graph"])


def centre(browser, box):
    """Where a box is on the screen, given as an expression of the page."""
    return browser.evaluate(f"""(() => {{
        const box = {box}, place = placeOf(box), area = canvas.getBoundingClientRect();
        return [area.left + view.x + (place.x + box.w / 2) * view.scale, area.top + view.y + (place.y + Math.min(box.h / 2, 12)) * view.scale];
    }})()""")


def use(browser, page, graph, picture):
    start = time.monotonic()
    browser.open(page)
    loaded = time.monotonic() - start
    total = sum(1 for _ in nodes_of(graph))
    # Three constants of a file that are weights of the program are no nodes.
    check(browser.evaluate("root.count") == total, f"{total} nodes, the page counts {browser.evaluate('root.count')}")
    check(browser.evaluate("allBoxes.filter((box) => box.node).length") == total, "boxes of all nodes")
    check(loaded < 20, f"loading takes {loaded:.1f} s")
    check(browser.evaluate("document.title") == browser.evaluate("data.title"), "the title")
    check(browser.evaluate("view.drawn") > 0 and browser.evaluate("view.drawn") < 6000, f"{browser.evaluate('view.drawn')} things drawn at first")
    browser.screenshot(picture + ".png")

    # Folding: all of it, level by level, and none.
    browser.evaluate("document.getElementById('fold').click()")
    browser.settle()
    folded = browser.evaluate("shownBoxes().filter((box) => box.kind === 'module').every((box) => !box.isOpen)")
    check(folded, "Fold leaves a module open")
    for _ in range(70):
        if browser.evaluate("shownBoxes().every((box) => !box.children || box.isOpen)"):
            break
        browser.evaluate("document.getElementById('unfold').click()")
    browser.settle()
    shown = browser.evaluate("shownBoxes().filter((box) => box.node).length")
    check(shown == total, f"unfolded, {shown} of {total} nodes are to be seen")
    overlaps = browser.evaluate("""(() => {
        const meets = (a, b) => a.x < b.x + b.w - 0.01 && b.x < a.x + a.w - 0.01 && a.y < b.y + b.h - 0.01 && b.y < a.y + a.h - 0.01;
        let count = 0;
        eachBox(root, (box) => {
            if (!box.isOpen || !box.children || box.children.length > 400) return;
            box.children.forEach((a, i) => box.children.slice(i + 1).forEach((b) => (count += meets(a, b))));
            for (const child of box.children) if (child.x < -0.01 || child.y < -0.01 || child.x + child.w > box.w + 0.01 || child.y + child.h > box.h + 0.01) count += 1;
        });
        return count;
    })()""")
    check(overlaps == 0, f"{overlaps} boxes lie over others or outside of their own")
    started = browser.evaluate("performance.now()")
    browser.evaluate("draw()")
    drawing = browser.evaluate("performance.now()") - started
    check(drawing < 500, f"drawing takes {drawing:.0f} ms")
    browser.screenshot(picture + "-open.png")

    # Searching, with the keys that a person uses.
    counts = {}
    for node in nodes_of(graph):
        counts[node["op"]] = counts.get(node["op"], 0) + 1
    operator = max(counts, key=lambda op: (counts[op], op))
    browser.evaluate("setOpen(() => false)")
    browser.evaluate("searchField.focus()")
    browser.call("Input.insertText", text=operator)
    browser.settle()
    exact = browser.evaluate(f"results.filter((box) => box.node?.op === {json.dumps(operator)}).length")
    check(exact == counts[operator], f"{operator} is found {exact} times of {counts[operator]}")
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r" if kind == "keyDown" else "")
    browser.settle()
    check(browser.evaluate("view.selected !== null && isShown(view.selected)"), "what is found is not opened")
    check(operator in browser.evaluate("side.textContent"), "what is found is not described")
    name = browser.evaluate("view.selected.gives.length ? view.selected.graph.names.get(view.selected.gives[0]) : ''")
    check(not name or "%" + name in browser.evaluate("side.textContent"), f"%{name} is not described")
    browser.evaluate("startSearch('no such thing at all')")
    check(browser.evaluate("results.length") == 0, "what is not there is found")
    browser.evaluate("startSearch('')")

    # The pointer: a click chooses a node, two open a module.
    browser.evaluate("setOpen(() => false), select(null)")
    first = browser.evaluate("root.children.findIndex((box) => box.kind === 'node')")
    if first >= 0:
        browser.evaluate(f"reveal(root.children[{first}])")
        browser.settle()
        browser.click(*centre(browser, f"root.children[{first}]"))
        check(browser.evaluate(f"view.selected === root.children[{first}]"), "a click chooses nothing")
    module = browser.evaluate("root.children.findIndex((box) => box.kind === 'module')")
    if module >= 0:
        browser.evaluate(f"reveal(root.children[{module}])")
        browser.settle()
        x, y = centre(browser, f"root.children[{module}]")
        browser.click(x, y, 1)
        browser.click(x, y, 2)
        check(browser.evaluate(f"root.children[{module}].isOpen"), "two clicks do not open a module")

    # All tabs, light and dark.
    for tab in browser.evaluate("Object.keys(allTabs)"):
        browser.evaluate(f"openTab({json.dumps(tab)})")
        browser.settle()
        check(len(browser.evaluate("side.textContent")) > 10, f"the tab {tab} is empty")
    if "Lowered" in browser.evaluate("Object.keys(allTabs)"):
        check(browser.evaluate("loweredList.steps") > 0 or browser.evaluate("data.lowered.lines.length") > 1, "no steps")
        rows = browser.evaluate("side.querySelectorAll('.line').length")
        check(0 < rows < 400, f"{rows} rows of the lowered form are in the page")
    paper = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    browser.evaluate("document.getElementById('theme').click()")
    browser.settle()
    check(browser.evaluate("getComputedStyle(document.body).backgroundColor") != paper, "the theme stays")
    check(browser.evaluate("typeof window.attacked") == "undefined", "a text of the file was run")
    check(not browser.problems, f"problems: {browser.problems[:4]}")
    print(f"  {total} nodes, loaded in {loaded:.2f} s, drawn in {drawing:.1f} ms, {pathlib.Path(page).stat().st_size} bytes")


def main(apus, folder, *models):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not models:
        view_models.main(folder / "models")
        models = sorted((folder / "models").glob("*"))
    browser = Browser()
    dark = Browser(dark=True)
    try:
        for model in map(pathlib.Path, models):
            name = model.name.replace(".", "-")
            page = folder / f"{name}.html"
            print(model.name)
            profile = ["--profile"] if name.startswith("transformer") else []
            subprocess.run([apus, "view", model, "-o", page, *profile], check=True, stdout=subprocess.DEVNULL)
            graph = json.loads(subprocess.run([apus, "graph", model, "--json"], check=True, stdout=subprocess.PIPE).stdout)
            use(browser, page, graph, str(folder / name))
            if name.startswith("branch"):
                names = [body["name"] for node in graph["nodes"] for body in node["bodies"]]
                check(len(names) == 2 and browser.evaluate("shownBoxes().filter((box) => box.kind === 'graph').length") >= 2, f"bodies: {names}")
            if name.startswith("attack"):
                check(browser.evaluate("data.weights[0].name.includes('</script>')"), "the weight's name is another")
                check(browser.evaluate("allBoxes.some((box) => box.node?.site?.includes(\"<img src=x\"))"), "the site is another")
                check(browser.evaluate("document.images.length") == 0 and browser.evaluate("document.scripts.length") == 2, "markup of the file is in the page")
            if name.startswith("transformer"):
                check(browser.evaluate("data.lowered.total") > 0 and browser.evaluate("longest.time") > 0, "no times")
                browser.open(page)
                layers = browser.evaluate("shownBoxes().filter((box) => box.kind === 'module' && /layers\\.\\d$/.test(box.path)).map((box) => box.isOpen)")
                check(layers == [False] * 4, f"the layers, at first: {layers}")
                browser.evaluate("openTab('Lowered'), loweredList.list.reach(loweredList.steps + 10)")
                browser.screenshot(str(folder / f"{name}-lowered.png"))
                browser.evaluate("openTab('Weights')")
                browser.screenshot(str(folder / f"{name}-weights.png"))
                dark.open(page)
                dark.evaluate("setOpen((box) => /layers.1/.test(box.path) || box.path === 'layers'), show(allBoxes.find((box) => box.node && box.node.op.includes('linear')))")
                dark.screenshot(str(folder / f"{name}-dark.png"))
    finally:
        browser.close()
        dark.close()
    if failures:
        sys.exit(f"{len(failures)} checks failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
