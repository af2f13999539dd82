import { readFileSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";

const mapping = `unit: Wh
minutes: 15
time: {column: time, format: rfc3339}
point: {column: point}
values: [{column: in, code: "1-1:1.9.0 G.01"}, {column: out, code: "1-1:2.9.0 G.01"}]
`;

test("an operator drafts, approves and downloads a bill, and imports official values", async ({ page, request }) => {
  const site = process.env.E2E_MONEY ?? "";
  const key = readFileSync(`${process.env.E2E_DATA}-money/operator.key`, "utf8").trim();
  const problems: string[] = [];
  page.on("pageerror", (e) => problems.push(e.message));
  page.on("console", (m) => m.type() === "error" && !m.text().includes("401") && problems.push(m.text()));
  const accessible = async () => expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);

  // What all may see: the tariff's windows of today, and the fund.
  await page.goto(site);
  await expect(page.locator("#tariff")).toHaveText("time-of-use");
  await page.getByRole("link", { name: "Tariffs and bills", exact: true }).click();
  const usual = page.locator("section", { hasText: "for all who have no tariff of their own" });
  await expect(usual.locator("tbody tr", { hasText: "17:00–21:00" }).first()).toHaveText("17:00–21:0031.6011.4120.197.86"); // 12.5 + 14.1 + 2.95 + 2.05; 60 % of 14.1, and 2.95
  await accessible();
  await page.getByRole("link", { name: "Fund", exact: true }).click();
  await expect(page.locator("h1")).toContainText("The community's fund has");
  await accessible();

  await page.getByRole("link", { name: "Bills", exact: true }).click();
  await page.getByLabel("Operator's key").fill("not the key");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("alert")).toContainText("not the operator's key");
  await page.getByLabel("Operator's key").fill(key);
  await page.getByRole("button", { name: "Go on" }).click();

  // May is over once the last of its intervals is settled.
  const month = page.getByLabel("Month that is over");
  await expect(async () => {
    const { world_time } = await (await request.get(`${site}/api/v1/status`)).json();
    expect(Date.parse(world_time)).toBeGreaterThan(Date.parse("2026-05-31T23:00:00Z"));
  }).toPass({ timeout: 90_000 });
  await month.fill("2026-05");
  await page.getByRole("button", { name: "Draft its bills" }).click();
  await expect(page.locator("#bills tbody tr")).toHaveCount(6);
  await accessible();
  await page.getByRole("button", { name: "draft for home-01" }).click();
  await expect(page.locator("#compared tbody tr", { hasText: "without the community" })).toBeVisible();

  // A line opens to its intervals, and one of them to its postings.
  await page.locator("tr", { hasText: "from the grid" }).first().getByRole("button").click();
  await page.locator("#opened").getByRole("button", { name: "its postings" }).first().click();
  await expect(page.locator("#postings tbody tr", { hasText: "imbalance-retail" }).first()).toContainText("utility");
  await accessible();

  // It is approved when that was asked and answered, under the first number.
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await expect(page.getByRole("dialog")).toContainText("is locked on the ledger");
  await page.getByRole("button", { name: "No, go back" }).click();
  await expect(page.locator("#bill")).toContainText("Draft of a bill");
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await expect(page.locator("#bill")).toContainText("Bill 2026-000001 for home-01");
  const pdf = page.waitForEvent("download");
  await page.getByRole("button", { name: "PDF" }).click();
  expect((await pdf).suggestedFilename()).toBe("2026-000001.pdf");
  expect(readFileSync(await (await pdf).path(), "latin1").slice(0, 5)).toBe("%PDF-");
  await page.getByRole("button", { name: "Back to the list" }).click();
  const table = page.waitForEvent("download");
  await page.getByRole("button", { name: "CSV", exact: true }).click();
  expect(readFileSync(await (await table).path(), "utf8")).toContain("2026-000001");

  // The fund got its share of what was shared in May.
  await page.getByRole("link", { name: "Fund", exact: true }).click();
  await expect(page.locator("#fund tbody tr", { hasText: "The fund's share of what sharing gains" }).last()).toContainText("2026-05");

  // Official values: a bad file is told row by row, a good one is imported after its preview.
  const headers = { Authorization: `Bearer ${key}` };
  const signed = await (await request.get(`${site}/api/v1/values/reconciliation?month=2026-05&all=true`, { headers })).json();
  const rows: string[] = signed.energy.map((e: Record<string, string>) => `${e.point},${e.interval?.split("/")[0]},${Number(e.signed_import) + 5},${e.signed_export}`);
  const files = async (all: string[]) => {
    await page.getByLabel("File with meter values").setInputFiles({ name: "may.csv", mimeType: "text/csv", buffer: Buffer.from(["point,time,in,out", ...all].join("\n")) });
    await page.getByLabel("Mapping file").setInputFiles({ name: "map.yaml", mimeType: "text/yaml", buffer: Buffer.from(mapping) });
    await page.getByRole("button", { name: "Preview" }).click();
  };
  await page.getByRole("link", { name: "Official values" }).click();
  await files(rows.map((r, k) => (k === 1 ? r.replace(/,\d+,/, ",five,") : r)));
  await expect(page.locator("#problems tbody tr")).toHaveText([/^3in.*five/]);
  await expect(page.getByRole("button", { name: "Import may.csv" })).toHaveCount(0);
  await files(rows);
  await expect(page.locator("#preview")).toContainText(`${2 * rows.length} new, 0 changed`);
  await expect(page.locator("#preview h2")).toContainText("it can be imported");
  await accessible();
  await page.getByRole("button", { name: "Import may.csv" }).click();
  await expect(page.locator("#files tbody tr")).toHaveCount(1);
  await page.getByLabel("Month", { exact: true }).fill("2026-05");
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page.locator("#months tbody tr")).toHaveCount(7); // six points and their sum
  await expect(page.locator("#months .total td").nth(6)).toHaveText(String(rows.length)); // every one differs
  await accessible();
  await page.setViewportSize({ width: 360, height: 800 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  expect(problems).toEqual([]);
});
