import { expect, test } from "@playwright/test";
import { clean, watched } from "./pages";

test("a homeowner sees a price, a trade and a settled interval", async ({ page }) => {
  const problems = watched(page);
  await page.goto("/");
  await expect(page.locator("#sentence")).not.toBeEmpty();
  await expect(page.locator("#price")).toHaveText(/^\d+\.\d\d ct\/kWh$/);
  await expect(page.locator("#trades tbody tr").first()).toContainText("home-");
  await expect(page.locator("#intervals tbody tr", { hasText: "settled" }).first()).toBeVisible();
  await expect(page.locator("#earned")).toHaveText(/^(about )?(\d+ ct|\d+\.\d\d EUR)$/);

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
