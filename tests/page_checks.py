"""What no page may have, as JavaScript that a page runs."""

UNNAMED = """() => [...document.querySelectorAll("button, a, input, select, summary, [tabindex='0'], dialog, img")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.getAttribute("aria-label") || one.title || one.textContent.trim() || one.labels?.length
    || one.getAttribute("aria-labelledby")?.split(" ").some((id) => document.getElementById(id)?.textContent.trim())
    || (one.tagName === "IMG" && one.hasAttribute("alt"))))
  .map((one) => one.outerHTML.slice(0, 200))"""
"""Controls without a name, and images without an ``alt`` attribute."""

PALE = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (rgb) => rgb.slice(0, 3).map((v) => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (one) => {
    for (; one; one = one.parentElement) {
      const color = channels(getComputedStyle(one).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  for (let text; (text = texts.nextNode());) {
    const one = text.parentElement;
    if (!text.data.trim() || !one.checkVisibility()) continue;
    if (one.closest(".visually-hidden, .layer, .curtain, :disabled")) continue;
    const [a, b] = [light(channels(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${text.data.trim()}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return found;
}"""
"""Texts whose contrast is below 4.5 : 1, the limit of WCAG's level AA."""

LEVELS = """() => [...document.querySelectorAll("h1, h2, h3")].filter((one) => one.checkVisibility())
  .map((one) => Number(one.tagName[1]))"""
"""The levels of the headings, in order."""
