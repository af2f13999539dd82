import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { clean, fits, operatorOf, watched } from "./pages";

const program = "../../bin/commonwatt";

test("an operator sees that all is well, and makes a backup that can be restored", async ({ page }) => {
  const problems = watched(page);
  await operatorOf(page.request);
  await page.goto("/operator.html");
  await expect(page.locator("h1")).toHaveText("All is well");
  await expect(page.locator(".checks li.good")).toHaveCount(5);
  await expect(page.locator("#members")).toHaveText("12");

  await page.getByLabel("Passphrase", { exact: true }).fill("short");
  await page.getByRole("button", { name: "Make a backup" }).click();
  await expect(page.getByText("Take at least 12 characters.")).toBeVisible();
  await page.getByLabel("Passphrase", { exact: true }).fill("oak street, number nine");
  await page.getByLabel("Once more").fill("oak street, number nine");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Make a backup" }).click()]);
  await expect(page.locator("#backup-done")).toContainText(download.suggestedFilename());
  const dir = mkdtempSync(join(tmpdir(), "commonwatt-backup-"));
  await download.saveAs(join(dir, "file"));
  writeFileSync(join(dir, "passphrase"), "oak street, number nine\n");
  const restored = execFileSync(program, ["restore", join(dir, "file"), "--data", join(dir, "data"), "--passphrase-file", join(dir, "passphrase")]).toString();
  expect(restored).toContain("its ledger was verified");

  await fits(page);
  await clean(page);
  expect(problems).toEqual([]);
  if (process.env.SCREENSHOTS) {
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/operator.png`, fullPage: true });
    await page.setViewportSize({ width: 360, height: 800 });
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/operator-phone.png`, fullPage: true });
  }
});

test("a community is set up step by step, by a configuration that the program accepts", async ({ page }) => {
  await page.request.post("/api/v1/session/demonstration", { data: { role: "operator" } });
  await page.goto("/operator.html");
  const setup = page.locator("#setup");
  const next = setup.getByRole("button", { name: "Next" });
  await setup.getByLabel("Name on the ledger").fill("Oak Street");
  await next.click();
  await expect(setup.getByText("Lower-case letters, digits and dashes")).toBeVisible();
  await setup.getByLabel("Name on the ledger").fill("oak-street");
  await setup.getByLabel("As people call it").fill("Oak: “Street”");
  await next.click();
  await setup.getByLabel("A kWh from the grid costs").fill("0,30");
  await setup.getByLabel("A kWh fed into the grid earns").fill("0.08");
  await next.click();
  await next.click();
  const written = (await setup.locator("#configuration").textContent())!;
  const file = join(mkdtempSync(join(tmpdir(), "commonwatt-setup-")), "oak-street.yaml");
  writeFileSync(file, written);
  expect(execFileSync(program, ["config", "check", file]).toString()).toContain('community "oak-street", real devices: 0');
  await clean(page);
  await next.click();
  await setup.getByLabel("List of members, CSV or XLSX").setInputFiles({ name: "list.csv", mimeType: "text/csv", buffer: Buffer.from("number,name\nhome-01,Ann\nhome-02,\n") });
  await setup.getByRole("button", { name: "Preview" }).click();
  await expect(setup.getByRole("status")).toContainText("1 new");
  await clean(page);
});

test("who is not the operator is sent to sign in", async ({ page }) => {
  await page.goto("/operator.html");
  await expect(page.getByRole("link", { name: "This page is the operator's. Sign in." })).toBeVisible();
  await clean(page);
});
