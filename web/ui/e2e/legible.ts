// What nobody can read on a page: text that is cut off, that lies on other text, or that the page has to be moved sideways for.
import { type Browser, expect, type Page } from "@playwright/test";
import { touchable } from "./pages";
import { recorded, replay, still } from "./recorded";
import type { Scene } from "./scenes";

/** legible shows a scene in both languages, with letters of so many pixels, and looks for what cannot be read of it at each width. What the page is told was recorded from the real program. */
export async function legible(browser: Browser, baseURL: string | undefined, scene: Scene, letters: number, widths: number[]): Promise<void> {
  const recording = recorded(scene);
  const context = await browser.newContext({ baseURL, locale: "en", timezoneId: "UTC", serviceWorkers: "block" });
  const page = await still(context, recording.at);
  await replay(page, recording);
  await page.setViewportSize({ width: widths[0] ?? 1280, height: 900 });
  await page.goto(scene.path);
  expect(await page.evaluate(() => getComputedStyle(document.body).fontSize)).toBe(`${letters}px`);
  await scene.show(page);
  for (const language of ["English", "German"]) {
    if (language === "German") await inGerman(page);
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 });
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))); // drawings follow the width of their boxes
      expect.soft(await illegible(page), `in ${language}, at ${width} px`).toEqual([]);
      if (scene.role === "installer" && width === 360) await touchable(page); // a phone in a cellar, a hand in a glove
    }
  }
  await context.close();
}

async function inGerman(page: Page): Promise<void> {
  await page.locator(".menu summary").click();
  await page.locator(".menu select").first().selectOption("de");
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await page.keyboard.press("Escape");
}

/** illegible names what cannot be read of what is shown. */
export function illegible(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    interface Text {
      words: string;
      of: Element;
      box: DOMRect;
    }
    const root = document.documentElement;
    const texts: Text[] = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const of = node.parentElement;
      if (!of || !node.textContent?.trim() || of.closest("noscript, script, option, .skip") || !of.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) if (box.width > 1 && box.height > 1) texts.push({ words: node.textContent.trim().slice(0, 50), of, box });
    }
    const hides = (value: string) => value === "hidden" || value === "clip";
    const scrolls = (value: string) => value === "auto" || value === "scroll";
    /** cut tells whether something around a text hides a part of it. */
    const cut = ({ of, box }: Text) => {
      for (let x: Element | null = of; x && x !== document.body; x = x.parentElement) {
        const style = getComputedStyle(x);
        const edge = x.getBoundingClientRect();
        if (scrolls(style.overflowX) || scrolls(style.overflowY)) return false; // it can be moved there
        const drawn = x instanceof SVGSVGElement;
        if ((drawn || hides(style.overflowX)) && (box.left < edge.left - 1 || box.right > edge.right + 1)) return true;
        if ((drawn || hides(style.overflowY)) && (box.top < edge.top - 2 || box.bottom > edge.bottom + 2)) return true;
      }
      return false;
    };
    const inner = ({ box }: Text) => ({ left: box.left + 1, right: box.right - 1, top: box.top + box.height * 0.25, bottom: box.bottom - box.height * 0.25 }); // letters, without what is between lines
    const meet = (a: ReturnType<typeof inner>, b: ReturnType<typeof inner>) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    const still = ({ of }: Text) => !of.closest(".wide, pre"); // behind the edge of what scrolls lies what is not there
    const out: string[] = [];
    if (root.scrollWidth > root.clientWidth) {
      const wide = [...document.body.querySelectorAll("*")].filter((x) => x.getBoundingClientRect().right > root.clientWidth + 1 && x.checkVisibility() && !x.closest(".wide, pre"));
      const inmost = wide.filter((x) => !wide.some((other) => other !== x && x.contains(other)));
      out.push(`the page is ${root.scrollWidth} px wide, of which ${root.clientWidth} are seen: ${inmost.map((x) => x.outerHTML.slice(0, 90)).join(" ")}`);
    }
    for (const t of texts) if (cut(t)) out.push(`cut off: “${t.words}”`);
    const loose = texts.filter(still).map((t) => ({ ...t, inner: inner(t) }));
    loose.forEach((a, k) => {
      for (const b of loose.slice(k + 1)) if (a.of !== b.of && meet(a.inner, b.inner)) out.push(`“${a.words}” lies on “${b.words}”`);
    });
    for (const t of texts) {
      const round = t.of.closest(".bubble")?.querySelector("circle")?.getBoundingClientRect();
      if (!round) continue;
      const [x, y] = [round.left + round.width / 2, round.top + round.height / 2];
      const letters = inner(t);
      const far = Math.max(...[letters.left, letters.right].flatMap((a) => [letters.top, letters.bottom].map((b) => Math.hypot(a - x, b - y))));
      if (far > round.width / 2 - 2) out.push(`“${t.words}” touches its circle`);
    }
    for (const field of document.querySelectorAll<HTMLInputElement>("input:not([type=checkbox], [type=radio], [type=range], [type=file], [type=hidden])")) {
      if (field.checkVisibility() && field.scrollWidth > field.clientWidth + 1 && field.clientWidth < root.clientWidth / 2) out.push(`cut off in its field: “${field.value || field.placeholder}”`);
    }
    return [...new Set(out)];
  });
}
