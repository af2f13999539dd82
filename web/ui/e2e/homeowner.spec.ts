import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { clean, fits, watched } from "./pages";

test("a homeowner sees a price, a trade and a settled interval", async ({ page }) => {
  const problems = watched(page);
  await page.goto("/");
  await expect(page.locator("#sentence")).not.toBeEmpty();
  await expect(page.locator("#price")).toHaveText(/^\d+\.\d\d ct\/kWh$/);
  await expect(page.locator("#trades tbody tr").first()).toContainText("home-");
  await expect(page.locator("#intervals tbody tr", { hasText: "settled" }).first()).toBeVisible();
  await expect(page.locator("#money-today")).toHaveText(/^(earned|spent) (\d+ ct|\d+\.\d\d EUR)$/);

  // The trade on the page is the one that the API knows.
  const state = await (await page.request.get("/api/v1/state")).json();
  const shown = state.trades.map((t: { seller: string; buyer: string }) => `${t.seller} ${t.buyer}`);
  const cells = await page.locator("#trades tbody tr").first().locator("td").allTextContents();
  expect(shown).toContain(`${cells[1]} ${cells[2]}`);

  await clean(page);
  expect(problems).toEqual([]);
  if (process.env.SCREENSHOTS) {
    for (const id of await page.getByRole("combobox", { name: "Home", exact: true }).locator("option").allTextContents()) {
      await page.getByRole("combobox", { name: "Home", exact: true }).selectOption(id);
      if ((await page.locator("#sentence").textContent())?.startsWith("Selling")) break;
    }
    await page.setViewportSize({ width: 1100, height: 900 });
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/homeowner.png` });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/phone.png`, fullPage: true });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 1100, height: 900 });
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/dark.png` });
  }
});

test("the headline of each home has three lines at most on a phone", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto("/");
  await expect(page.locator("#sentence")).not.toBeEmpty();
  const homes = page.getByRole("combobox", { name: "Home", exact: true });
  for (const id of await homes.locator("option").allTextContents()) {
    await homes.selectOption(id);
    const lines = await page.locator("#sentence").evaluate((x) => x.getBoundingClientRect().height / parseFloat(getComputedStyle(x).lineHeight));
    expect(Math.round(lines), await page.locator("#sentence").innerText()).toBeLessThanOrEqual(3);
  }
});

test("a home that is not there is said", async ({ page }) => {
  await page.goto("/?home=home-99");
  await expect(page.locator("h1")).toHaveText("There is no home “home-99” in this community. Choose one:");
  await clean(page);
  await page.getByRole("link", { name: "home-02" }).click();
  await expect(page.getByRole("combobox", { name: "Home", exact: true })).toHaveValue("home-02");
});

test("a home is found in whatever case it is written, the first without a name", async ({ page }) => {
  await page.goto("/?home=HOME-03");
  await expect(page.getByRole("combobox", { name: "Home", exact: true })).toHaveValue("home-03");
  await page.goto("/?home=");
  await expect(page.getByRole("combobox", { name: "Home", exact: true })).toHaveValue("home-01");
});

test("what flows in the home adds up to the meter", async ({ page }) => {
  const { homes } = await (await page.request.get("/api/v1/state")).json();
  const drawn = homes.filter((h: { flow?: object }) => h.flow).map((h: { flow: Record<string, number> }) => h.flow);
  expect(drawn.length).toBeGreaterThan(0);
  for (const f of drawn) {
    expect(f.home + (f.inverter ?? 0) + (f.battery ?? 0) + (f.charger ?? 0)).toBe(f.meter);
    expect(f.home).toBeGreaterThanOrEqual(0);
  }
});

test("a homeowner sees why the price is what it is, and checks it", async ({ page }) => {
  const problems = watched(page);
  await page.goto("/?home=home-03");
  await page.getByRole("heading", { name: "Why this price" }).click();
  await expect(page.locator("#reason")).toHaveText(/^\d+\.\d\d\sct\/kWh\. .*\.$/);
  await expect(page.locator("#why-price svg .demand")).toHaveAttribute("d", /^M/);
  await page.getByRole("button", { name: "Check it in this browser" }).click();
  await expect(page.locator("#check")).toContainText("✓ Checked here, from the public record");
  await page.getByText("All steps as a table").click();
  await expect(page.locator("#why-price tbody tr").first()).toContainText("bid");
  await clean(page, "#why-price");

  // A record in which a bid was passed over does not prove itself.
  await page.route("**/record?*", async (route) => {
    const record = await (await route.fetch()).json();
    const bid = record.steps.find((s: { side: string; filled: number }) => s.side === "bid" && s.filled > 0);
    bid.price *= 10;
    bid.filled -= 1;
    await route.fulfill({ json: record });
  });
  await page.getByRole("button", { name: "The interval before" }).click();
  await expect(page.locator("#reason")).not.toBeEmpty();
  if (await page.getByRole("button", { name: "Check it in this browser" }).isVisible()) {
    await page.getByRole("button", { name: "Check it in this browser" }).click();
    await expect(page.locator("#check")).toContainText("✕ The record does not prove itself");
  }
  expect(problems.filter((text) => !text.includes("404"))).toEqual([]); // of an interval that was not traded
});

test("a homeowner looks back by the keyboard, and takes the numbers along", async ({ page }) => {
  const problems = watched(page);
  await page.goto("/?home=home-03");
  const history = page.locator("#history");
  await expect(history.locator("svg .bar").first()).toBeVisible();
  await history.getByRole("radio", { name: "Day" }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(history.getByRole("radio", { name: "Week" })).toBeChecked();
  await expect(history.locator(".range strong")).toHaveText(/^Week from \d+ \w+ 2026$/);
  const before = await history.locator(".range strong").textContent();
  await page.keyboard.press("PageUp");
  await expect(history.locator(".range strong")).not.toHaveText(before ?? "");
  await page.keyboard.press("PageDown");
  await expect(history.locator(".range strong")).toHaveText(before ?? "");
  await history.getByRole("slider").first().focus();
  await page.keyboard.press("End");
  await expect(history.locator(".reading").first()).toContainText(/: .*Wh/);

  const file = page.waitForEvent("download");
  await history.getByRole("link", { name: "Download as CSV" }).first().click();
  const text = readFileSync(await (await file).path(), "utf8");
  expect(text.split("\n")[0]).toContain("import");
  expect(text.trim().split("\n").length).toBeGreaterThan(1);
  await clean(page, "#history");
  await fits(page);
  expect(problems).toEqual([]);
});

test("the page speaks German, by the clocks of the site", async ({ browser }) => {
  const page = await (await browser.newContext({ locale: "de-AT", timezoneId: "Pacific/Auckland" })).newPage();
  await page.goto("/?home=home-03");
  await expect(page.locator("#price")).toHaveText(/^\d+,\d\d ct\/kWh$/);
  await expect(page.locator("#plan .why")).toHaveText(/^(Die Batterie|Das Auto|Nichts) .*\.$/);
  await expect(page.locator("header .when")).toContainText(/^(Montag|Dienstag), \d+\. Juni, \d\d:\d\d UTC/);
  const shown = await page.locator("header time").textContent();
  expect((await page.locator("header time").getAttribute("datetime"))?.slice(11, 16)).toBe(shown);
  const english = / (the|and|with|from|neighbours|grid|hour|costs?|energy|battery) /i;
  for (const part of ["header", "main", "footer"]) expect((await page.locator(part).innerText()).split("\n").filter((line) => english.test(` ${line} `))).toEqual([]);
  await clean(page);
  await page.context().close();
});

test("the numbers move without a reload", async ({ page }) => {
  await page.goto("/?home=home-03");
  await expect(page.getByRole("combobox", { name: "Home", exact: true })).toHaveValue("home-03");
  const before = await page.locator("header time").textContent();
  await expect(page.locator("header time")).not.toHaveText(before ?? "", { timeout: 15_000 });
});
