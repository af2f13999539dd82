// The installer: on a phone in a cellar, on real Modbus sockets, in a community that has no device yet.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { clean, fits, touchable, watched } from "./pages";

const phone = { width: 360, height: 740 };
const site = process.env.E2E_OAK ?? "";

/** keyOf is the installer's key of a data directory. */
const keyOf = (folder: string) => readFileSync(join(folder, "installer.key"), "utf8").trim();

/** street are the devices of the simulated street beside, which this community may read as real ones. */
async function street(page: Page): Promise<{ id: string; kind: string; target: string; last?: { power?: number } }[]> {
  const answer = await page.request.get(`${process.env.E2E_STREET}/api/v1/devices`, { headers: { Authorization: `Bearer ${keyOf(process.env.E2E_STREET_DATA ?? "")}` } });
  expect(answer.status()).toBe(200);
  return answer.json();
}

async function shot(page: Page, name: string): Promise<void> {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/installer-${name}.png`, fullPage: true });
}

/** enter opens the page of the community without devices: with the installer's key at its door, and again on the page. */
async function enter(page: Page): Promise<void> {
  const key = keyOf(process.env.E2E_OAK_DATA ?? "");
  const door = page.getByText("With a key", { exact: true });
  const asked = page.getByLabel("Installer's key");
  const inside = page.getByRole("heading", { name: "Find a device" });
  await page.goto(`${site}/installer.html`);
  await expect(door.or(asked).or(inside)).toBeVisible();
  if (await door.isVisible()) {
    await door.click();
    await page.getByLabel("Key", { exact: true }).fill(key);
    await page.getByRole("button", { name: "Open the pages" }).click();
    await page.waitForURL("**/installer.html"); // it leads back to where one came from
    await expect(asked.or(inside)).toBeVisible();
  }
  if (await asked.isVisible()) {
    await asked.fill(key);
    await page.getByRole("button", { name: "Go on" }).click();
    await expect(inside).toBeVisible();
  }
}

/** looked finds what is at a target. */
async function looked(page: Page, target: string): Promise<void> {
  await page.getByLabel("Where").fill(target.replace("tcp://", ""));
  await page.getByLabel("Where").press("Enter");
  await expect(page.locator("#found tbody tr")).toHaveCount(1);
}

test("a meter is paired within three clicks, renamed, replaced, let go of, and stands in the protocol", async ({ page }) => {
  test.setTimeout(240_000);
  const problems = watched(page, "401", "ERR_INTERNET_DISCONNECTED");
  const all = await street(page);
  const meters = all.filter((d) => d.kind === "meter" && Math.abs(d.last?.power ?? 0) > 150); // so that its direction can be told
  expect(meters.length).toBeGreaterThanOrEqual(2);
  await page.setViewportSize(phone);
  await page.addInitScript(() => localStorage.setItem("installer watch", "30"));
  await enter(page);
  await page.getByText("Limits of this device").click();
  await page.locator(".menu summary").click();
  await touchable(page);
  await page.keyboard.press("Escape");
  await page.getByText("Limits of this device").click();
  await clean(page);

  await looked(page, meters[0]?.target ?? "");
  await touchable(page);
  await shot(page, "found");
  await page.getByRole("button", { name: "Pair", exact: true }).click();
  await expect(page.locator("#values tbody tr", { hasText: "W" }).first()).toBeVisible();
  await touchable(page);
  await clean(page);
  await shot(page, "values");

  // A reload and the loss of the network in the middle: it goes on where it was.
  await page.reload();
  await expect(page.locator("#values tbody tr", { hasText: "W" }).first()).toBeVisible();
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Importing" }).click();
  await expect(page.getByRole("alert")).toContainText("is not reached");
  await page.context().setOffline(false);
  const importing = await page.locator("#values").textContent();
  await page.getByRole("button", { name: /-/.test(importing?.match(/meter power\D*?(-?[\d.]+) W/)?.[1] ?? "") ? "Exporting" : "Importing" }).click();
  await expect(page.getByRole("button", { name: "Bind and watch" })).toBeVisible();
  await page.getByLabel("Member").fill("ann");
  await touchable(page);
  await shot(page, "bind");
  await page.getByRole("button", { name: "Bind and watch" }).click();
  await expect(page.getByRole("status").first()).toContainText("It is paired", { timeout: 60_000 });
  await expect(page.locator("#devices li")).toHaveCount(1);
  await expect(page.locator("#devices li")).toContainText("answers");
  await touchable(page);
  await shot(page, "list");

  await page.getByRole("button", { name: "Open: ann/meter" }).click();
  await expect(page.getByRole("heading", { name: "ann/meter" })).toBeVisible();
  await page.getByLabel("What people call it").fill("Meter in the cellar");
  await page.getByRole("button", { name: "Save" }).first().click();
  await expect(page.getByRole("heading", { name: "Meter in the cellar" })).toBeVisible();
  await page.getByLabel("Rated power").fill("20");
  await page.getByRole("button", { name: "Save" }).last().click();
  await expect(page.getByRole("status").first()).toContainText("It is kept");
  await touchable(page);
  await clean(page);
  await fits(page);
  await page.setViewportSize(phone);
  await shot(page, "device");

  await page.getByRole("button", { name: "Replace it" }).click();
  await looked(page, meters[1]?.target ?? "");
  await touchable(page);
  await page.getByRole("button", { name: "Pair", exact: true }).click();
  await expect(page.locator("#values tbody tr", { hasText: "W" }).first()).toBeVisible();
  const shows = await page.locator("#values").textContent();
  await page.getByRole("button", { name: /-/.test(shows?.match(/meter power\D*?(-?[\d.]+) W/)?.[1] ?? "") ? "Exporting" : "Importing" }).click();
  await expect(page.getByLabel("Device", { exact: true })).toHaveValue("ann/meter-2");
  await page.getByRole("button", { name: "Bind and watch" }).click();
  await expect(page.getByRole("status").first()).toContainText("It is paired", { timeout: 60_000 });
  await expect(page.locator("#devices li")).toHaveCount(1);
  await expect(page.locator("#devices li")).toContainText("ann/meter-2");

  await page.getByRole("button", { name: "Protocol of the installation" }).click();
  const protocol = page.locator("#protocol");
  await expect(protocol).toContainText("Counters at the end");
  await expect(protocol).toContainText("In place of");
  await expect(protocol).toContainText("known to be");
  await touchable(page);
  await clean(page);
  await page.emulateMedia({ media: "print" });
  await expect(page.getByRole("button", { name: "Print" })).toBeHidden();
  await shot(page, "protocol");
  await page.emulateMedia({ media: null });
  await page.getByRole("button", { name: "Back to the list" }).click();

  await page.getByRole("button", { name: "Open: ann/meter-2" }).click();
  await page.getByRole("button", { name: "Let go of it" }).click();
  await touchable(page);
  await shot(page, "remove");
  await page.getByRole("button", { name: "Yes, let go of" }).click();
  await expect(page.getByRole("heading", { name: "No device yet" })).toBeVisible();
  expect(problems).toEqual([]);
});

test("in a demonstration a battery is told a power, and does it; nothing is added there", async ({ page }) => {
  const problems = watched(page, "401");
  await page.setViewportSize(phone);
  await page.goto("/installer.html");
  await page.getByLabel("Installer's key").fill("not the key");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("alert")).toContainText("not the installer's key");
  await page.getByLabel("Installer's key").fill(keyOf(process.env.E2E_DATA ?? ""));
  await page.getByRole("button", { name: "Go on" }).click();

  // A device to try with is named; one that is paired already is not offered to be paired.
  await page.getByRole("button", { name: "Look there" }).click();
  await expect(page.locator("#found").getByRole("button", { name: "Pair", exact: true })).toHaveCount(1);
  await touchable(page);
  const all = await (await page.request.get("/api/v1/devices", { headers: { Authorization: `Bearer ${keyOf(process.env.E2E_DATA ?? "")}` } })).json();
  await looked(page, all[0].target);
  await expect(page.locator("#found")).toContainText(`paired as ${all[0].id}`);
  await expect(page.locator("#found").getByRole("button")).toHaveText(["Open"]);
  await touchable(page);
  const battery = page.locator("#devices li", { hasText: "battery" }).first();
  await battery.getByRole("button").click();
  await expect(page.getByText("This device is in the configuration")).toBeVisible();
  await expect(page.getByRole("button", { name: "Let go of it" })).toHaveCount(0); // it would be refused
  await expect(page.getByRole("button", { name: "Replace it" })).toHaveCount(0);
  await page.getByLabel("Direction").selectOption("discharge"); // at noon in June it is full
  await page.getByLabel("Power, W").fill("700");
  await page.getByLabel("For, s").fill("5");
  await page.getByRole("button", { name: "Test it" }).click();
  await expect(page.locator("#trial")).toContainText("The device does what it is told");
  await expect(page.locator("#trial")).toContainText("It was given back");
  await touchable(page);
  await clean(page);
  await shot(page, "trial");
  expect(problems).toEqual([]);
});

test("the page speaks German, is worked by the keyboard alone, and with letters twice as large", async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem("language", "de"));
  await page.goto("/installer.html");
  await page.getByLabel("Schlüssel für die Installation").focus();
  await page.keyboard.type(keyOf(process.env.E2E_DATA ?? ""));
  await page.keyboard.press("Enter");
  const first = page.locator("#devices li").first().getByRole("button");
  await expect(first).toBeVisible();
  await first.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByText("Letzter Wert")).toBeVisible();
  await page.getByRole("button", { name: "Zurück zur Liste" }).focus();
  await page.keyboard.press("Enter");
  await page.evaluate(() => (document.documentElement.style.fontSize = "32px"));
  await page.setViewportSize({ width: 720, height: 900 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBeLessThanOrEqual(0);
  await clean(page);
  await shot(page, "german");
});
