// Devices of the configuration on the installer's phone: let go of, taken back, and paired anew with what a plan needs to know.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { clean, fits, watched } from "./pages";

const phone = { width: 360, height: 740 };
const address = `127.0.0.1:${Number(process.env.E2E_PORT ?? "18099") + 4}`;
const data = join(mkdtempSync(join(tmpdir(), "commonwatt-devices-")), "data");
let running: ChildProcess;

const keyOf = (folder: string) => readFileSync(join(folder, "installer.key"), "utf8").trim();

/** street are the devices of the simulated street beside, which this community reads as real ones. */
async function street(): Promise<{ id: string; kind: string; target: string }[]> {
  const answer = await fetch(`${process.env.E2E_STREET}/api/v1/devices`, { headers: { Authorization: `Bearer ${keyOf(process.env.E2E_STREET_DATA ?? "")}` } });
  return answer.json();
}

test.beforeAll(async () => {
  const all = await street();
  const of = (kind: string) => all.find((d) => d.id === `home-02/${kind}`)?.target;
  const file = `${data}.yaml`;
  writeFileSync(
    file,
    `community: beech
tariff: {version: "2026", currency: EUR, retail: 0.30 EUR/kWh, feed_in: 0.08 EUR/kWh}
devices:
  - {id: ann/meter, member: ann, metering_point: mp-ann, address: "${of("meter")}", profile: sunspec-meter}
  - {id: ann/battery, member: ann, metering_point: mp-ann, address: "${of("battery")}", profile: sunspec-storage}
`,
  );
  running = spawn("../../bin/commonwatt", ["run", "--config", file, "--data", data, "--listen", address, "--duration", "900s"], { stdio: "ignore" });
  await expect.poll(() => fetch(`http://${address}/readyz`).then((r) => r.status, () => 0), { timeout: 60_000 }).toBe(200);
});

test.afterAll(() => void running?.kill("SIGTERM"));

async function shot(page: Page, name: string): Promise<void> {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/devices-${name}.png`, fullPage: true });
}

/** touchable finds what is too small for a finger. */
async function touchable(page: Page): Promise<void> {
  const small = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>(".installer button, .installer select, .installer summary, .installer input:not([type=checkbox]), .installer label.check")]
      .filter((x) => x.offsetParent !== null && (x.offsetHeight < 44 || x.offsetWidth < 44))
      .map((x) => x.outerHTML.slice(0, 80)),
  );
  expect(small).toEqual([]);
}

async function letGo(page: Page, id: string, why: string): Promise<void> {
  await page.getByRole("button", { name: `Open: ${id}`, exact: true }).click();
  await expect(page.getByText("The configuration of the community stays as it is")).toBeVisible();
  await page.getByRole("button", { name: "Let go of it" }).click();
  await page.getByLabel("Why (for the protocol)").fill(why);
  await touchable(page);
  await shot(page, "remove");
  await page.getByRole("button", { name: "Yes, let go of" }).click();
}

test("a configured battery is let go of, taken back, and paired anew with what a plan needs to know", async ({ page }) => {
  test.setTimeout(240_000);
  const problems = watched(page, "401", "409");
  await page.setViewportSize(phone);
  await page.addInitScript(() => localStorage.setItem("installer watch", "30"));
  await page.goto(`http://${address}/installer.html`);
  await page.getByText("With a key", { exact: true }).click();
  await page.getByLabel("Key", { exact: true }).fill(keyOf(data));
  await page.getByRole("button", { name: "Open the pages" }).click();
  await page.waitForURL("**/installer.html");
  await page.getByLabel("Installer's key").fill(keyOf(data));
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.locator("#devices li")).toHaveCount(2);

  await letGo(page, "ann/battery", "sold");
  await expect(page.locator("#letgo li")).toContainText("sold");
  await expect(page.locator("#devices li")).toHaveCount(1);
  await page.reload();
  await expect(page.locator("#letgo li")).toContainText("ann/battery");
  await touchable(page);
  await fits(page);
  await clean(page);
  await shot(page, "letgo");
  await page.getByRole("button", { name: "Take it back: ann/battery" }).click();
  await expect(page.getByRole("status").first()).toContainText("ann/battery is read again");
  await expect(page.locator("#devices li")).toHaveCount(2);
  await expect(page.locator("#letgo")).toHaveCount(0);

  await letGo(page, "ann/battery", "larger one");
  const battery = (await street()).find((d) => d.id === "home-02/battery");
  await page.getByLabel("Where").fill((battery?.target ?? "").replace("tcp://", ""));
  await page.getByLabel("Where").press("Enter");
  await page.getByRole("button", { name: "Pair", exact: true }).click();
  await page.getByRole("button", { name: "Later" }).click();
  await page.getByLabel("Member").fill("ann");
  await page.getByLabel("Device", { exact: true }).fill("ann/battery-2");
  await page.getByText("What it is made for, where you know it").click();
  await page.getByLabel("Efficiency, in and out again").fill("lots");
  await page.getByRole("button", { name: "Bind and watch" }).click();
  await expect(page.getByRole("alert")).toContainText("efficiency");
  await page.getByLabel("Efficiency, in and out again").fill("90 %");
  await touchable(page);
  await fits(page);
  await shot(page, "planning");
  await page.getByRole("button", { name: "Bind and watch" }).click();
  await expect(page.getByRole("status").first()).toContainText("It is paired", { timeout: 60_000 });

  await page.getByRole("button", { name: "Protocol of the installation" }).click();
  await expect(page.locator("#protocol")).toContainText("Efficiency, in and out again: 90 %");
  await expect(page.locator("#protocol")).toContainText("larger one");
  await clean(page);
  await shot(page, "protocol");
  expect(problems).toEqual([]);
});
