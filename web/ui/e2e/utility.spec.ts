import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";

test("the utility's auditor finds the key, a checkpoint and the batteries", async ({ page }) => {
  const problems: string[] = [];
  page.on("pageerror", (e) => problems.push(e.message));
  page.on("console", (m) => m.type() === "error" && problems.push(m.text()));
  await page.goto("/");
  await page.getByRole("link", { name: /ledger at block/ }).click();
  await expect(page.locator("#key")).toHaveText(/^commonwatt\/demo\+[0-9a-f]{8}\+\S+$/);
  await expect(page.locator("#checkpoint")).toHaveText(/^commonwatt\/demo\s\d+\s\S+\srecords \d+ \S+/, { timeout: 90_000 });
  await expect(page.locator("h1")).toContainText("cosigned");
  await expect(page.locator("#batteries tbody tr")).toHaveCount(7);

  // The page shows what the API says, and nothing of its own.
  const ledger = await (await page.request.get("/api/v1/ledger")).json();
  await expect(page.locator("#key")).toHaveText(ledger.key);

  const accessibility = await new AxeBuilder({ page }).analyze();
  expect(accessibility.violations).toEqual([]);
  expect(problems).toEqual([]);
  if (process.env.SCREENSHOTS) {
    await page.setViewportSize({ width: 1100, height: 900 });
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/utility.png`, fullPage: true });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/utility-phone.png`, fullPage: true });
  }
});
