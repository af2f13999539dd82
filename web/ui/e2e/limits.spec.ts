import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";

// A home with a battery, a roof and a car.
const home = "home-01";

/** watched collects what the page complains of; a refusal by the community is none of it. */
function watched(page: Page): string[] {
  const problems: string[] = [];
  page.on("pageerror", (e) => problems.push(e.message));
  page.on("console", (m) => m.type() === "error" && !m.text().includes("400 (Bad Request)") && problems.push(m.text()));
  return problems;
}

async function clean(page: Page, part = "body"): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    expect((await new AxeBuilder({ page }).include(part).analyze()).violations).toEqual([]);
  }
}

test("a homeowner sets limits, and they stay", async ({ page }) => {
  const problems = watched(page);
  await page.goto(`/?home=${home}`);
  const form = page.locator("#limits form");
  await expect(form.locator(".counts")).toHaveText("There are no limits: the agent does whatever costs least.");

  // What is wrong is said at its field, and nothing is sent.
  const reserve = form.getByLabel("Reserve for a blackout");
  await reserve.fill("120");
  await form.getByRole("button", { name: "Save the limits" }).click();
  await expect(form.getByRole("alert")).toHaveText("Give a number from 0 to 100.");
  await expect(reserve).toHaveAttribute("aria-invalid", "true");
  expect((await (await page.request.get(`/api/v1/homes/${home}/limits`)).json()).set_by).toBe("nobody");

  // By the keyboard alone: the fields are reached in their order.
  await reserve.focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("20");
  await page.keyboard.press("Tab");
  await page.keyboard.type("8.5");
  await page.keyboard.press("Tab");
  await page.keyboard.type("25");
  await page.keyboard.press("Enter");
  await expect(form.getByRole("status")).toHaveText("Saved: the next plan keeps to it.");
  await expect(form.locator(".counts")).toContainText("The battery is never planned below 20 %");
  await expect(form.locator(".counts")).toContainText("Energy is offered to neighbours at 8.50 ct/kWh or more");

  await form.getByLabel("Ready by").fill("07:00");
  await form.getByLabel("Charged to").fill("70");
  await form.getByLabel("Prefer").selectOption("neighbours before the grid");
  await form.getByLabel("Feed nothing into the grid").check();
  await form.getByLabel("Away until").fill("2020-01-01T00:00");
  await form.getByRole("button", { name: "Save the limits" }).click();
  await expect(form.getByRole("alert")).toContainText("has passed"); // as the community says it, at that field
  await clean(page);
  await form.getByLabel("Away until").fill("2026-06-03T18:30");
  await form.getByRole("button", { name: "Save the limits" }).click();
  await expect(form.locator(".counts")).toContainText("Until Wednesday 3 June 18:30 nobody is home");

  const set = await (await page.request.get(`/api/v1/homes/${home}/limits`)).json();
  expect(set).toMatchObject({
    reserve: 200,
    floor: 85000,
    ceiling: 250000,
    prefer: "neighbours",
    zero_export: true,
    away_until: "2026-06-03T18:30:00Z",
    cars: [{ charger: `${home}/charger`, ready_by: "07:00", target: 700 }],
    set_by: "homeowner",
  });

  await page.reload();
  await expect(form.getByLabel("Reserve for a blackout")).toHaveValue("20");
  await expect(form.getByLabel("Ready by")).toHaveValue("07:00");
  await expect(form.getByLabel("Away until")).toHaveValue("2026-06-03T18:30");
  await form.getByRole("button", { name: "Go back to what the configuration gives" }).click();
  await expect(form.locator(".counts")).toHaveText("There are no limits: the agent does whatever costs least.");
  await expect(form.getByLabel("Reserve for a blackout")).toHaveValue("0");
  expect(problems).toEqual([]);
});

test("a homeowner sees what is planned, and why", async ({ page }) => {
  const problems = watched(page);
  await page.goto(`/?home=${home}`);
  const plan = page.locator("#plan");
  await expect(plan.locator("svg .mean.net")).toHaveAttribute("d", /^M/);
  await expect(plan.locator("svg .band.forecast")).toHaveAttribute("d", /Z$/);
  await expect(plan.locator("svg .band.battery")).toHaveAttribute("d", /Z$/);
  await expect(plan.locator(".why")).toHaveText(/^[A-Z].*\.$/);
  await plan.getByText("The plan as a table").click();
  const shown = () => plan.locator("tbody tr").count();
  const told = async () => (await (await page.request.get(`/api/v1/homes/${home}/plan`)).json()).points[0].steps.length;
  await expect.poll(async () => (await told()) - (await shown())).toBe(0); // as soon as the page has read the last plan
  expect(await shown()).toBeGreaterThan(24);
  const table = await new AxeBuilder({ page }).include("#plan details").withRules(["scrollable-region-focusable", "th-has-data-cells", "empty-table-header"]).analyze();
  expect(table.violations).toEqual([]);
  await plan.getByText("The plan as a table").click(); // a hundred rows take long to be looked at
  await clean(page, "#plan");
  for (const width of [360, 768, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
    expect(await plan.locator("svg").evaluate((svg) => svg.getBoundingClientRect().right <= document.documentElement.clientWidth)).toBe(true);
  }
  expect(problems).toEqual([]);
});
