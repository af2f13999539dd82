import { expect, type Page, test } from "@playwright/test";
import { clean, fits, watched, widths } from "./pages";

/** opened is the page once the ledger has postings. */
async function opened(page: Page): Promise<void> {
  await expect(async () => expect((await (await page.request.get("/api/v1/ledger")).json()).cosigned).toBe(true)).toPass({ timeout: 90_000 });
  await page.goto("/utility.html");
  await expect(page.locator("#postings tbody button").first()).toBeVisible();
}

/** signedIn signs in for the utility, as its people do in a demonstration. */
async function signedIn(page: Page): Promise<void> {
  await page.goto("/utility.html");
  await page.evaluate(() => fetch("/api/v1/session/demonstration", { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"role":"utility"}' }));
}

async function pictured(page: Page, name: string): Promise<void> {
  if (!process.env.SCREENSHOTS) return;
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 });
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}-${width}.png`, fullPage: true });
  }
}

test("an auditor proves a posting with one click, in the browser", async ({ page }) => {
  const problems = watched(page);
  await opened(page);
  await page.locator("#postings tbody button").first().click();
  const verdict = page.locator("#proof [data-holds]");
  await expect(verdict).toHaveAttribute("data-holds", "true");
  await expect(verdict).toHaveAttribute("data-signed", "yes");
  await expect(page.locator("#proof .checks .ok")).toHaveCount(3);

  // The page shows what the API says, and nothing of its own.
  const ledger = await (await page.request.get("/api/v1/ledger")).json();
  await expect(page.locator("#key")).toHaveText(ledger.key);
  await expect(page.locator("#checkpoint")).toHaveText(/^commonwatt\/demo\s\d+\s\S+\srecords \d+ \S+/);
  await expect(page.locator("h1")).toContainText("cosigned");
  await expect(page.locator("#batteries tbody tr")).toHaveCount(7);
  await expect(page.locator("#lines tbody tr").first()).toBeVisible();
  await pictured(page, "utility");
  await fits(page);
  await clean(page);
  expect(problems).toEqual([]);
});

test("a click anywhere on a row proves it, and on a phone the table says that it goes on", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await opened(page);
  await expect(page.locator("#search .scrolls")).toBeVisible();
  const row = page.locator("#postings tbody tr:not(.space)").nth(2);
  const leaf = (await row.getByRole("button").textContent())?.trim() ?? "";
  await row.locator("td").nth(1).click();
  await expect(page.locator("#proof [data-holds]")).toHaveAttribute("data-holds", "true");
  await expect(page.locator("#proof h2")).toContainText(leaf);
});

test("what was changed on the way does not pass", async ({ page }) => {
  await page.route("**/api/v1/ledger/postings/*/proof", async (route) => {
    const answer = await route.fetch();
    const given = await answer.json();
    await route.fulfill({ response: answer, json: { ...given, text: given.text.replace(/"amount":(\d+)/, (_: string, n: string) => `"amount":${Number(n) + 1}`) } });
  });
  await opened(page);
  await page.locator("#postings tbody button").first().click();
  await expect(page.locator("#proof [data-holds]")).toHaveAttribute("data-holds", "false");
  await expect(page.locator("#proof .checks .wrong")).toHaveCount(2);
  await expect(page.locator("#proof [role=alert]")).toContainText("Not proved");
  await clean(page, "#proof");
});

test("the utility finds a member's month, and downloads it", async ({ page }) => {
  const problems = watched(page);
  await signedIn(page);
  await opened(page);
  await page.locator("#q").fill("home-03 2026-06");
  await page.keyboard.press("Enter");
  await expect(page.locator("#verdict")).toHaveAttribute("data-state", "found");
  await expect(page.locator("#verdict")).toContainText("home-03 (member)");
  await page.getByText("By month").click();
  await expect(page.locator("#sums .total")).toContainText(/received|paid|nothing/);
  const shown = Number((await page.locator("#verdict .why").textContent())?.match(/\d+/)?.[0] ?? 1);
  const [table] = await Promise.all([page.waitForEvent("download"), page.locator("#search").getByRole("link", { name: "Download as CSV" }).click()]);
  const text = await (await table.createReadStream()).toArray();
  const rows = Buffer.concat(text).toString().trim().split("\n").length - 1;
  expect(rows).toBeGreaterThanOrEqual(shown); // more may have come since
  const [bundle] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: /proof bundle/ }).click()]);
  const begin = Buffer.concat(await (await bundle.createReadStream()).toArray()).subarray(0, 2).toString();
  expect([bundle.suggestedFilename(), begin]).toEqual(["bundle.zip", "PK"]);

  // What is not there, what means nothing, and what is still to come are different things.
  for (const [words, state] of [["bank", "none"], ["nobody-9", "unknown"], ["2031-01-01", "unsettled"]] as const) {
    await page.locator("#q").fill(words);
    await page.getByRole("button", { name: "Search", exact: true }).click();
    await expect(page.locator("#verdict")).toHaveAttribute("data-state", state);
  }
  await expect(page.locator("#values")).toContainText(/No file was imported yet\.|On the ledger/);
  expect(problems).toEqual([]);
});

test("the certificates of a day are listed, and the browser checks one", async ({ page }) => {
  const problems = watched(page);
  await signedIn(page);
  await opened(page);
  const first = page.locator("#auctions tbody tr", { hasText: "/kWh" }).first();
  await first.getByRole("button", { name: /^Check the certificate/ }).click();
  await expect(page.locator("#certificate [data-holds]")).toHaveAttribute("data-holds", "true");
  await expect(page.locator("#certificate h3")).toBeFocused();
  await expect(first).toContainText("✓ holds");
  await fits(page);
  await clean(page, "#certificates");
  await page.keyboard.press("Escape");
  await expect(page.locator("#certificate")).toHaveCount(0);

  // A record that was changed on the way does not pass.
  await page.route("**/api/v1/intervals/*/record*", async (route) => {
    const answer = await route.fetch();
    const given = await answer.json();
    await route.fulfill({ response: answer, json: { ...given, steps: given.steps.map((s: { filled: number }) => ({ ...s, filled: Math.floor(s.filled / 2) })) } });
  });
  await first.getByRole("button", { name: /^Check the certificate/ }).click();
  await expect(page.locator("#certificate [data-holds]")).toHaveAttribute("data-holds", "false");
  await expect(first).toContainText("✕ does not hold");

  // By day and time; the file has what is listed.
  const listed = (await (await page.request.get("/api/v1/intervals?limit=1")).json()).rows[0].interval.start as string;
  await page.locator("#certificate-day").fill(listed.slice(0, 10));
  await page.locator("#certificate-time").fill(listed.slice(11, 16));
  await page.locator("#certificates").getByRole("button", { name: "Show" }).click();
  await expect(page.locator("#auctions tbody tr")).toHaveCount(1);
  const [table] = await Promise.all([page.waitForEvent("download"), page.locator("#certificates").getByRole("link", { name: "Download as CSV" }).click()]);
  const lines = Buffer.concat(await (await table.createReadStream()).toArray()).toString().trim().split("\n");
  expect([lines.length, lines[1]?.split(",")[0], table.suggestedFilename()]).toEqual([2, listed, "auctions.csv"]);
  await page.locator("#certificate-day").fill("2020-01-01");
  await page.locator("#certificates").getByRole("button", { name: "Show" }).click();
  await expect(page.locator("#certificates [role=status]")).toContainText("There is no auction of that time");
  expect(problems).toEqual([]);
});

test("the log continues a checkpoint that was kept", async ({ page }) => {
  await opened(page);
  await page.getByRole("button", { name: "Keep this checkpoint" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Check that the log continues it" }).click();
  await expect(page.locator("#continues")).toHaveAttribute("data-holds", "true");
  await expect(page.locator("#trust .checks .ok")).toHaveCount(5);
  const kept = await page.evaluate(() => localStorage.getItem("auditor-checkpoint") ?? "");
  const root = kept.split("\n")[2] ?? "";
  await page.locator("#trust input[type=file]").setInputFiles({ name: "checkpoint", mimeType: "text/plain", buffer: Buffer.from(kept.replace(root, `${root.startsWith("A") ? "B" : "A"}${root.slice(1)}`)) });
  await page.getByRole("button", { name: "Check that the log continues it" }).click();
  await expect(page.locator("#continues")).toHaveAttribute("data-holds", "false");
});

test("all of it goes by the keyboard alone, with large text, and in German", async ({ page }) => {
  await opened(page);
  const first = page.locator("#postings button[tabindex='0']");
  await first.focus();
  const leaf = async () => (await page.locator(":focus").textContent())?.replace(/[,.]/g, "");
  const newest = await leaf();
  await page.keyboard.press("ArrowDown");
  await expect.poll(leaf).toBe(String(Number(newest) - 1));
  await page.keyboard.press("End");
  await expect.poll(leaf).toBe("0");
  expect(await page.locator("#postings tbody tr").count()).toBeLessThan(60);
  await page.keyboard.press("Enter");
  await expect(page.locator("#proof [data-holds]")).toHaveAttribute("data-holds", "true");
  await expect(page.locator("#proof h2")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.locator("#proof")).toHaveCount(0);
  await expect.poll(leaf).toBe("0");

  await page.evaluate(() => localStorage.setItem("language", "de"));
  await page.reload();
  await expect(page.locator("#search h2")).toHaveText("Suche");
  await page.evaluate(() => document.documentElement.style.setProperty("font-size", "200%"));
  await page.locator("#postings tbody button").first().click();
  await expect(page.locator("#proof [data-holds]")).toHaveAttribute("data-holds", "true");
  await pictured(page, "utility-large");
  await fits(page);
  await clean(page);
});
