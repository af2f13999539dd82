import { expect, type Page, test } from "@playwright/test";
import { clean, fits, watched, widths } from "./pages";

/** as signs in as one of the demonstration's people, while no page is open that would still ask as the one before. */
async function as(page: Page, body: object): Promise<void> {
  await page.goto("about:blank");
  expect((await page.request.post("/api/v1/session/demonstration", { data: body })).ok()).toBe(true);
}

async function pictured(page: Page, name: string, part: string): Promise<void> {
  if (!process.env.SCREENSHOTS) return;
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 });
      await page.locator(part).screenshot({ path: `${process.env.SCREENSHOTS}/${name}-${colorScheme}-${width}.png` });
    }
  }
  await page.emulateMedia({ colorScheme: null });
}

test("a homeowner has a value corrected, and the utility decides", async ({ page }) => {
  const problems = watched(page);
  let start = "";
  await expect(async () => {
    const { intervals } = await (await page.request.get("/api/v1/state")).json();
    start = intervals.find((c: { settled: boolean; provisional: boolean }) => c.settled && !c.provisional)?.interval.start ?? "";
    expect(start).not.toBe("");
  }).toPass({ timeout: 90_000 });
  await as(page, { role: "homeowner", home: "home-03" });
  const values = async () => (await (await page.request.get(`/api/v1/homes/home-03/values?interval=${start}/15`)).json()).points[0];
  const before = await values();

  // The member looks at the interval, says what is right, and why.
  await page.goto("/");
  await page.getByLabel("Which interval").fill(start.slice(0, 16));
  await page.getByRole("button", { name: "Show its values" }).click();
  await expect(page.locator("#objections form.correct")).toContainText(`metered ${before.metered_import} Wh taken`);
  await page.getByLabel("Right: taken").fill("1,5");
  await page.getByRole("button", { name: "Ask for this correction" }).click();
  await expect(page.locator("#objections [role=alert]")).toContainText("whole Wh");
  await page.getByLabel("Right: taken").fill("77");
  await page.getByLabel("Right: given").fill("0");
  await page.getByRole("button", { name: "Ask for this correction" }).click();
  await expect(page.locator("#objections [role=alert]")).toContainText("reason: is missing");
  await page.getByLabel("Reason").fill("The oven was off.");
  await page.getByRole("button", { name: "Ask for this correction" }).click();
  await expect(page.locator("#filed tbody tr")).toContainText("Waits for a decision.");
  expect(await values()).toEqual(before); // nothing changed yet
  await pictured(page, "objection-home", "#objections");
  await fits(page);
  await clean(page, "#objections");

  // The utility reads it, and accepts it with a reason.
  await as(page, { role: "utility" });
  await page.goto("/utility.html");
  await page.locator("#objected").getByRole("button", { name: /^Decide number/ }).click();
  await expect(page.locator("#decide")).toContainText("The oven was off.");
  await pictured(page, "objection-utility", "#objections");
  await fits(page);
  await clean(page, "#objections");
  await page.getByLabel("Why you decide so").fill("The register jumped.");
  await page.getByRole("button", { name: "Accept", exact: true }).click();
  await expect(page.locator("#objected tbody tr").first()).toContainText("The register jumped.");

  // It is among what is contested, and the interval that is settled again by it too.
  const contested = page.locator("#contested tbody");
  await expect(async () => {
    await page.locator("#dispute-kind").selectOption("run");
    await page.locator("#dispute-words").fill(start.slice(0, 16));
    await page.locator("#disputes").getByRole("button", { name: "Find" }).click();
    await expect(contested).toContainText("Objections accepted", { timeout: 2000 });
  }).toPass({ timeout: 60_000 });
  await page.locator("#dispute-kind").selectOption("objection");
  await page.locator("#dispute-words").fill("oven");
  await page.locator("#disputes").getByRole("button", { name: "Find" }).click();
  await expect(contested.locator("tr")).toHaveCount(1);
  await expect(contested).toContainText("The register jumped.");
  await pictured(page, "disputes", "#disputes");
  await fits(page);
  await clean(page, "#disputes");

  // It counts, what was metered stays beside it, and the member is told.
  await as(page, { role: "homeowner", home: "home-03" });
  await expect.poll(values).toEqual({ ...before, import: 77, export: 0, quality: "official-2" });
  await page.goto("/");
  await expect(page.locator("#filed tbody tr")).toContainText("Accepted by the utility");
  await expect(page.locator("#filed tbody tr")).toContainText("The interval is settled by it");
  await expect(page.locator("#filed tbody tr")).toContainText(`${before.metered_import} Wh taken, ${before.metered_export} Wh given`);
  expect(problems).toEqual(problems.filter((p) => p.includes("400"))); // what was refused on purpose
});
