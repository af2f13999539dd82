import { readFileSync } from "node:fs";
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";

test("an installer pairs panels, with a reload in between", async ({ page }) => {
  const problems: string[] = [];
  page.on("pageerror", (e) => problems.push(e.message));
  const shot = async (name: string) => {
    if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/installer-${name}.png`, fullPage: true });
  };
  const accessible = async () => expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await page.setViewportSize({ width: 1100, height: 900 });

  await page.goto("/installer.html");
  await page.getByLabel("Installer's key").fill("not the key");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("alert")).toContainText("not the installer's key");
  await accessible();
  await shot("key");
  const key = readFileSync(join(process.env.E2E_DATA ?? "", "installer.key"), "utf8").trim();
  await page.getByLabel("Installer's key").fill(key);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.locator("#devices tbody tr").first()).toBeVisible();
  await accessible();

  const inverter = page.locator("#devices tbody tr", { hasText: "inverter" }).first();
  const [, , , serial, target] = await inverter.locator("td").allTextContents();
  await page.getByLabel("Where").fill(target ?? "");
  await page.getByRole("button", { name: "Look" }).click();
  await expect(page.locator("#found tbody tr")).toHaveCount(1);
  await expect(page.locator("#found tbody tr")).toContainText("sunspec-inverter");
  await shot("found");
  await page.getByRole("button", { name: "Pair" }).click();
  await expect(page.locator("#values tbody tr", { hasText: "inverter power" })).toContainText("W");
  await expect(page.locator("dl")).toContainText(serial ?? "");
  await accessible();
  await shot("values");

  // A reload in the middle: the pairing goes on from the list.
  await page.reload();
  await page.getByRole("button", { name: "Go on" }).first().click();
  await page.getByRole("button", { name: "Exporting" }).click();
  await expect(page.getByRole("heading", { name: "Metering point" })).toBeVisible();
  await shot("bind");
  await page.getByLabel("Member").fill("ann");
  await page.getByLabel("Metering point").fill("mp-ann-2");
  await page.getByRole("button", { name: "Bind" }).click();
  await expect(page.getByRole("alert")).toContainText("is bound already");
  await expect(page.getByLabel("Metering point")).toHaveValue("mp-ann-2"); // what was typed stays
  await expect(page.getByLabel("Device", { exact: true })).toHaveValue("ann/inverter");
  await accessible();
  await page.setViewportSize({ width: 390, height: 844 });
  await shot("phone");
  await page.getByRole("button", { name: "Back to the list" }).click();
  await page.getByRole("button", { name: "Give up" }).first().click();
  await expect(page.locator("#unfinished")).toHaveCount(0);
  expect(problems).toEqual([]);
});
