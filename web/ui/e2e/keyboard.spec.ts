// The journey of each person by the keyboard alone, signed in as that person.
import { expect, type Page, test } from "@playwright/test";
import { go, reach, write } from "./keyboard";
import { operatorOf, watched } from "./pages";

/** signIn is done by the keyboard as well. */
async function signIn(page: Page, as: string, to: string): Promise<void> {
  await page.goto("/signin.html");
  await go(page, page.getByRole("button", { name: as, exact: true }));
  await page.waitForURL((url) => url.pathname === to);
}

/** signOut goes by the menu, from the beginning of the page. */
async function signOut(page: Page): Promise<void> {
  await page.reload();
  await expect(page.getByText("Settings")).toBeVisible();
  await go(page, page.locator(".menu summary"));
  await go(page, page.getByRole("button", { name: "Sign out" }));
  await expect.poll(async () => (await (await page.request.get("/api/v1/session")).json()).signed_in).toBe(false);
  await expect(page.locator("header").getByRole("link", { name: "Sign in" })).toBeVisible(); // the page has come back as a stranger's
}

test("a homeowner checks a price, looks back and sets a limit", async ({ page }) => {
  const problems = watched(page);
  await signIn(page, "As a homeowner", "/");
  await expect(page.locator("#history svg .bar").first()).toBeVisible();
  await go(page, page.locator("#why-price summary").first());
  await go(page, page.getByRole("button", { name: "Check it in this browser" }));
  await expect(page.locator("#check")).toContainText("✓ Checked here, from the public record");
  await reach(page, page.locator("#history").getByRole("radio", { name: "Day" }));
  await page.keyboard.press("ArrowRight");
  await expect(page.locator("#history .range strong")).toHaveText(/^Week from /);
  await reach(page, page.locator("#history").getByRole("slider").first());
  await page.keyboard.press("End");
  await expect(page.locator("#history .reading").first()).toContainText(/: .*Wh/);
  await write(page, page.getByLabel("Reserve for a blackout"), "20");
  await page.keyboard.press("Enter");
  await expect(page.locator("#limits .counts")).toContainText("The battery is never planned below 20 %");
  await go(page, page.getByRole("button", { name: "Go back to what the configuration gives" }));
  await expect(page.locator("#limits .counts")).toHaveText("There are no limits: the agent does whatever costs least.");
  await signOut(page);
  expect(problems).toEqual([]);
});

test("an installer looks for a device, opens one, and prints the protocol", async ({ page }) => {
  const problems = watched(page);
  await signIn(page, "As an installer", "/installer.html");
  await expect(page.locator("#devices li").first()).toBeVisible();
  await write(page, page.getByLabel("Where"), "127.0.0.1:9");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Nothing answered there")).toBeVisible();
  await go(page, page.locator("#devices li").first().getByRole("button"));
  await expect(page.getByText("Last value")).toBeVisible();
  await go(page, page.getByRole("button", { name: "Back to the list" }));
  await go(page, page.getByRole("button", { name: "Protocol of the installation" }));
  await expect(page.locator("#protocol")).toBeVisible();
  await go(page, page.getByRole("button", { name: "Back to the list" }));
  await expect(page.getByRole("heading", { name: "Find a device" })).toBeVisible();
  await signOut(page);
  expect(problems).toEqual([]);
});

test("the utility finds a member, proves a posting, and holds a checkpoint against the log", async ({ page }) => {
  const problems = watched(page);
  await expect(async () => expect((await (await page.request.get("/api/v1/ledger")).json()).cosigned).toBe(true)).toPass({ timeout: 90_000 });
  await signIn(page, "As the utility", "/utility.html");
  await write(page, page.locator("#q"), "home-03");
  await page.keyboard.press("Enter");
  await expect(page.locator("#verdict")).toContainText("home-03 (member)");
  await go(page, page.locator("#postings button[tabindex='0']"));
  await expect(page.locator("#proof [data-holds]")).toHaveAttribute("data-holds", "true");
  await expect(page.locator("#proof h2")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.locator("#proof")).toHaveCount(0);
  await expect(page.locator("#postings :focus")).toBeVisible(); // one goes on where one was
  await go(page, page.getByRole("button", { name: "Keep this checkpoint" }));
  await expect(page.getByRole("button", { name: "Check that the log continues it" })).toBeEnabled();
  await page.reload();
  await go(page, page.getByRole("button", { name: "Check that the log continues it" }));
  await expect(page.locator("#continues")).toHaveAttribute("data-holds", "true");
  await signOut(page);
  expect(problems).toEqual([]);
});

test("a researcher replays a scenario, reads the drawing, and removes the run", async ({ page }) => {
  test.setTimeout(240_000);
  const problems = watched(page);
  await signIn(page, "As a researcher", "/researcher.html");
  await write(page, page.getByLabel("Seed", { exact: true }), "3");
  await page.keyboard.press("Enter");
  await expect(page.locator("#runs .state.done")).toHaveCount(1, { timeout: 200_000 });
  const compared = page.getByRole("checkbox", { name: "Compare summer-day, seed 3" });
  await expect(compared).toBeChecked(); // the last runs are compared by themselves
  await reach(page, compared);
  await page.keyboard.press("Space");
  await expect(page.locator("figure.chart path.mean")).toHaveCount(0);
  await page.keyboard.press("Space");
  await expect(page.locator("figure.chart path.mean")).toHaveCount(1);
  await reach(page, page.getByRole("slider"));
  await page.keyboard.press("End");
  await expect(page.locator(".reading")).toContainText("23:45");
  await page.reload();
  await go(page, page.getByRole("button", { name: "Remove: summer-day, seed 3" }));
  await expect(page.locator("#runs tbody tr")).toHaveCount(0);
  await signOut(page);
  expect(problems).toEqual([]);
});

test("an operator goes to the operation, begins a community, and goes to the accounts", async ({ page }) => {
  const { email, password } = await operatorOf(page.request);
  expect((await page.request.delete("/api/v1/session")).ok()).toBe(true);
  const problems = watched(page);
  await page.goto("/signin.html");
  await go(page, page.getByText("With an account of your own"));
  await write(page, page.getByLabel("E-mail address").first(), email);
  await write(page, page.getByLabel("Password"), password);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/");
  const nav = page.getByRole("navigation", { name: "Pages" });
  await go(page, nav.getByRole("link", { name: "Operation" }));
  await expect(page.locator(".checks li").first()).toBeVisible();
  await write(page, page.getByLabel("Name on the ledger"), "oak-street");
  await write(page, page.getByLabel("As people call it"), "Oak Street");
  await go(page, page.locator("#setup").getByRole("button", { name: "Next" }));
  await expect(page.getByLabel("A kWh from the grid costs")).toBeVisible();
  await page.reload();
  await go(page, nav.getByRole("link", { name: "Accounts" }));
  await page.waitForURL("**/account.html");
  await expect(nav.getByRole("link", { name: "Accounts" })).toHaveAttribute("aria-current", "page");
  await expect(page.locator("#invite")).toBeVisible();
  await signOut(page);
  expect(problems).toEqual([]);
});

test("who mistypes a password is told, and may ask what to do", async ({ page }) => {
  await page.goto("/signin.html");
  await go(page, page.getByText("With an account of your own"));
  await write(page, page.getByLabel("E-mail address").first(), "nobody@elm.example");
  await write(page, page.getByLabel("Password"), "not the password");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toContainText("That is not right");
  await go(page, page.getByText("With a key", { exact: true }));
  await write(page, page.getByLabel("Key", { exact: true }), "no key");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toBeVisible();
});

test("the utility that comes to the page of homes is sent to its own, and nothing is refused on the way", async ({ page }) => {
  const problems = watched(page);
  await signIn(page, "As the utility", "/utility.html");
  const refused: string[] = [];
  page.on("response", (r) => r.status() >= 400 && refused.push(`${r.status()} ${r.url()}`));
  await page.goto("/?home=home-02");
  await page.waitForURL("**/utility.html");
  await expect(page.locator("#postings")).toBeVisible();
  await expect(page.locator("header .community")).toHaveAttribute("href", "/utility.html");
  expect([refused, problems]).toEqual([[], []]);
});
