// What is the same on every page.
import { gzipSync } from "node:zlib";
import { expect, test } from "@playwright/test";
import { clean, fits, watched } from "./pages";

const pages = ["/", "/installer.html", "/utility.html", "/money.html", "/researcher.html", "/operator.html", "/signin.html"];

for (const path of pages) {
  test(`${path} is for everybody: by any light, at any width, and with letters twice as large`, async ({ page }) => {
    const problems = watched(page);
    await page.goto(path);
    await expect(page.locator("h1")).toBeVisible();
    await clean(page);
    await fits(page);
    await page.evaluate(() => (document.documentElement.style.fontSize = "32px"));
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBeLessThanOrEqual(0);
    expect(problems).toEqual([]);
  });
}

test("every page says its name, and leads to the others", async ({ page }) => {
  await page.goto("/");
  const links = page.getByRole("navigation", { name: "Pages" }).getByRole("link");
  await expect(links.first()).toHaveAttribute("aria-current", "page");
  const names = await links.allTextContents();
  expect(names.length).toBeGreaterThanOrEqual(4);
  for (const name of names) {
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true }).click();
    await expect(page).toHaveTitle(new RegExp(`^${name} · `));
    await expect(page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true })).toHaveAttribute("aria-current", "page");
  }
});

test("who has not signed in sees on every page, on a phone as well, where that is done", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  const enter = page.locator("header").getByRole("link", { name: "Sign in" });
  for (const path of pages.filter((p) => p !== "/signin.html")) {
    await page.goto(path);
    await expect(enter).toBeVisible();
  }
  expect((await page.request.post("/api/v1/session/demonstration", { data: { role: "homeowner" } })).status()).toBe(204);
  await page.goto("/");
  await expect(page.locator("#sentence")).not.toBeEmpty();
  await expect(enter).toHaveCount(0);
});

test("the settings open on the page at any width, where the bar is broken too", async ({ browser }) => {
  for (const locale of ["en", "de"]) {
    const context = await browser.newContext({ locale });
    const page = await context.newPage();
    for (const width of [320, 360, 390, 768, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      await page.goto("/");
      await page.locator(".menu summary").click();
      const box = await page.locator(".sheet").boundingBox();
      expect(box && box.x >= 0 && box.x + box.width <= width, `${locale} at ${width} px: ${JSON.stringify(box)}`).toBe(true);
    }
    await context.close();
  }
});

test("the language and the colours are chosen by the keyboard alone, and stay", async ({ page }) => {
  await page.goto("/");
  await expect(page.locator("#sentence")).not.toBeEmpty();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#content")).toBeFocused();

  await page.getByText("Settings").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await expect(page.getByLabel("Language")).toBeFocused();
  await page.keyboard.press("D");
  await expect(page.getByRole("link", { name: "Zuhause", exact: true })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await page.keyboard.press("Tab");
  await page.keyboard.press("d");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.keyboard.press("Escape");
  await expect(page.getByLabel("Sprache")).toBeHidden();
  await expect(page.getByText("Einstellungen")).toBeFocused();

  await page.goto("/utility.html");
  await expect(page.getByRole("link", { name: "Hauptbuch", exact: true })).toHaveAttribute("aria-current", "page");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("without a connection a page says so, and no number is kept", async ({ page, context }) => {
  await page.goto("/");
  await expect(page.locator("#sentence")).not.toBeEmpty();
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) await new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", done));
  });
  await page.reload(); // so that the files of the page have come by the worker
  await expect(page.locator("#sentence")).not.toBeEmpty();
  const kept = await page.evaluate(async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map((r) => new URL(r.url).pathname)))).flat());
  expect(kept.some((path) => path.startsWith("/assets/"))).toBe(true);
  expect(kept.filter((path) => path.startsWith("/api/"))).toEqual([]);

  await context.setOffline(true);
  await page.goto("/?home=home-02");
  await expect(page.getByRole("heading", { name: "No connection" })).toBeVisible();
  await clean(page);
  await context.setOffline(false);
  await expect(page.getByRole("combobox", { name: "Home", exact: true })).toHaveValue("home-02"); // it comes back by itself
});

test("a page can be installed", async ({ page }) => {
  await page.goto("/");
  const manifest = await (await page.request.get((await page.locator('link[rel="manifest"]').getAttribute("href")) ?? "")).json();
  expect(manifest).toMatchObject({ start_url: "/", display: "standalone" });
  for (const { src, type } of manifest.icons as { src: string; type: string }[]) {
    const icon = await page.request.get(src);
    expect([src, icon.status(), icon.headers()["content-type"]]).toEqual([src, 200, type]);
  }
});

test("the first page is small, and nobody loads another one's code", async ({ page }) => {
  const most = 45 * 1024;
  const loaded: Record<string, string[]> = {};
  for (const path of pages) {
    const files: string[] = [];
    let size = 0;
    const count = async (response: import("@playwright/test").Response) => {
      if (!response.url().endsWith(".js")) return;
      files.push(new URL(response.url()).pathname);
      size += gzipSync(await response.body()).length;
    };
    page.on("response", count);
    await page.goto(path);
    await expect(page.locator("h1")).toBeVisible();
    page.off("response", count);
    expect(files.length).toBeGreaterThan(1);
    expect(size, `${path}: ${size} bytes of ${files.join(", ")}`).toBeLessThanOrEqual(most);
    loaded[path] = files;
  }
  for (const path of pages.slice(1)) expect(loaded[path]?.filter((file) => /\/(index|home)-/.test(file))).toEqual([]);
});
