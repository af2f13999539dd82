import { expect, test } from "@playwright/test";
import { clean, fits, watched } from "./pages";

test("a researcher replays a scenario twice, compares the runs and takes the results along", async ({ page }) => {
  test.setTimeout(240_000);
  const problems = watched(page);
  await page.goto("/researcher.html");
  await expect(page.getByRole("link", { name: "Sign in as a researcher to start runs." })).toBeVisible();
  expect((await page.request.post("/api/v1/session/demonstration", { data: { role: "researcher" } })).status()).toBe(204);
  await page.reload();

  // What is wrong is said before anything runs.
  await page.getByLabel("Seed", { exact: true }).fill("seven");
  await expect(page.getByText("A whole number from 0 on, or nothing.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Replay", exact: true })).toBeDisabled();

  for (const seed of ["", "7"]) {
    await page.getByLabel("Seed", { exact: true }).fill(seed);
    await page.getByRole("button", { name: "Replay", exact: true }).click();
  }
  await expect(page.locator("#runs tbody tr")).toHaveCount(2);
  await expect(page.locator("#runs .state.done")).toHaveCount(2, { timeout: 200_000 });
  for (const name of ["Compare summer-day, seed own", "Compare summer-day, seed 7"]) await expect(page.getByRole("checkbox", { name })).toBeChecked(); // by themselves
  await expect(page.locator("#figures tbody tr").first()).toContainText("All members together");

  // The figures are those of the results, and what differs is their difference.
  const { runs } = await (await page.request.get("/api/v1/runs")).json();
  const nets = await Promise.all(runs.reverse().map(async (r: { id: string }) => (await (await page.request.get(`/api/v1/runs/${r.id}`)).json()).summary.net));
  const cells = await page.locator("#figures tbody tr").first().locator("td").allTextContents();
  const shown = (n: number) => `${n < 0 ? "−" : "+"}${(Math.abs(n) / 1e6).toFixed(2)} EUR`;
  expect(cells.slice(1)).toEqual([shown(nets[0]), shown(nets[1]), shown(nets[1] - nets[0])]);
  await expect(page.locator("figure.chart path.mean")).toHaveCount(2);

  // Pictures and tables have seed and version with them.
  const picture = await page.request.get((await page.getByRole("link", { name: "Picture as PNG" }).getAttribute("href"))!);
  expect((await picture.body()).subarray(1, 4).toString()).toBe("PNG");
  await page.getByText("Files of summer-day, seed 7").click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("details.files", { hasText: "seed 7" }).getByRole("link", { name: "trades.csv" }).click()]);
  expect(download.suggestedFilename()).toMatch(/^summer-day-seed-7-.+-trades\.csv$/);

  await fits(page);
  await clean(page);
  expect(problems).toEqual([]);
  if (process.env.SCREENSHOTS) {
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/researcher.png`, fullPage: true });
    await page.setViewportSize({ width: 360, height: 800 });
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/researcher-phone.png`, fullPage: true });
  }
  await page.getByRole("button", { name: "Remove: summer-day, seed 7" }).click();
  await expect(page.locator("#runs tbody tr")).toHaveCount(1);
});

test("one click replays a short scenario with the market and with an allocation key, and compares them", async ({ page }) => {
  test.setTimeout(240_000);
  await page.request.post("/api/v1/session/demonstration", { data: { role: "researcher" } });
  await page.goto("/researcher.html");
  await page.getByRole("button", { name: /twice and compare: the market against the allocation key/ }).click();
  await expect(page.locator("#figures thead")).toContainText(/market.*at-eeg/, { timeout: 200_000 });
  await expect(page.locator("figure.chart path.mean")).toHaveCount(2);
});

test("a run is cancelled, and the page speaks German", async ({ page }) => {
  await page.request.post("/api/v1/session/demonstration", { data: { role: "researcher" } });
  await page.goto("/researcher.html");
  await page.getByLabel("Scenario").selectOption("fifty-homes");
  await page.getByRole("button", { name: "Replay", exact: true }).click();
  await expect(page.locator("#runs .state.running")).toHaveCount(1);
  await page.getByRole("button", { name: /^Cancel: fifty-homes/ }).click();
  await expect(page.locator("#runs .state.cancelled").first()).toBeVisible();
  await page.getByText("Settings").click();
  await page.getByLabel("Language").selectOption("de");
  await expect(page.locator("h1")).toHaveText("Szenarien nachspielen und vergleichen, was herauskommt");
  await clean(page);
});
