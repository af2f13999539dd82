// How the pages look: each scene against a reference, in light and dark, on a phone and on a desk. What the pages are
// told was recorded from the real program, and their clock stands still, so that nothing differs but the page itself.
// The references are in looks/. They and the pictures of docs/ are written by make looks, and never otherwise.
import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { recorded, replay, still } from "./recorded";
import { type Scene, scenes } from "./scenes";
import { small } from "./small";

/** font draws the references (fonts.conf): Debian's package fonts-dejavu-core. Without it nothing can be compared. */
const font = "DejaVu Sans";

/** largest is what a picture of docs/ may have, in bytes. */
const largest = 150_000;

/** drawn names the font in which a page's text is drawn on this machine. */
async function drawn(page: Page): Promise<string> {
  const browser = await page.context().newCDPSession(page);
  await browser.send("DOM.enable");
  await browser.send("CSS.enable");
  const { root } = await browser.send("DOM.getDocument");
  const { nodeId } = await browser.send("DOM.querySelector", { nodeId: root.nodeId, selector: ".community" });
  const { fonts } = await browser.send("CSS.getPlatformFontsForNode", { nodeId });
  await browser.detach();
  return fonts.map((f) => f.familyName).join(", ");
}

/** picture writes what docs/ shows of a scene. */
async function picture(page: Page, { name, top }: NonNullable<Scene["picture"]>): Promise<void> {
  const file = join(import.meta.dirname, "../../../docs", `${name}.png`);
  await page.setViewportSize({ width: 1100, height: 800 });
  await page.evaluate((at) => (at ? document.querySelector(at)?.scrollIntoView() : scrollTo(0, 0)), top);
  await page.screenshot({ path: file, animations: "disabled" });
  small(file);
  expect(statSync(file).size, file).toBeLessThanOrEqual(largest);
}

for (const scene of scenes) {
  test(`${scene.name} looks as it did`, async ({ browser, baseURL }, info) => {
    const recording = recorded(scene);
    const context = await browser.newContext({ baseURL, locale: "en", timezoneId: "UTC", serviceWorkers: "block" });
    const page = await still(context, recording.at);
    const unknown = await replay(page, recording);
    await page.goto(scene.path);
    await scene.show(page);
    expect(unknown, "the page asks what was not recorded: make answers").toEqual([]);
    const here = await drawn(page);
    if (here !== font && process.env.LOOKS !== "must") {
      console.log(`SKIPPED: how ${scene.name} looks: its text is drawn in ${here} here, and in ${font} on the references (Debian's package fonts-dejavu-core).`);
      test.skip();
    }
    expect(here).toBe(font);
    const write = info.config.updateSnapshots === "all";
    const looked = scene.part ? page.locator(scene.part) : page;
    for (const width of [1440, 360]) {
      await page.setViewportSize({ width, height: 900 });
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        const name = `${scene.name}-${width}-${colorScheme}.png`;
        await expect.soft(looked).toHaveScreenshot(name, { ...(scene.part ? {} : { fullPage: true }), timeout: 20_000 });
        if (write) small(info.snapshotPath(name, { kind: "screenshot" }));
      }
    }
    await page.emulateMedia({ colorScheme: "light" });
    if (write && scene.picture) await picture(page, scene.picture);
    await context.close();
  });
}
