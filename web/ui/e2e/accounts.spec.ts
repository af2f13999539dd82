import AxeBuilder from "@axe-core/playwright";
import { type Browser, expect, type Page, test } from "@playwright/test";
import { operatorOf } from "./pages";

// By a name: there are no passkeys for an address.
const named = (process.env.E2E_ADDRESS ?? `http://127.0.0.1:${process.env.E2E_PORT ?? "18099"}`).replace("127.0.0.1", "localhost");
const password = "three small words";

const accessible = async (page: Page) => expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
const shot = async (page: Page, name: string) => {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/account-${name}.png`, fullPage: true });
};

/** visitor is somebody with a browser of their own, who stands for no surprise on a page. */
async function visitor(browser: Browser, problems: string[]): Promise<Page> {
  const page = await (await browser.newContext({ baseURL: named, locale: "en" })).newPage();
  page.on("pageerror", (e) => problems.push(e.message));
  page.on("console", (m) => m.type() === "error" && !/ 40[13] /.test(m.text()) && problems.push(m.text()));
  return page;
}

test("a demonstration is entered by a click", async ({ browser }) => {
  const problems: string[] = [];
  const page = await visitor(browser, problems);
  await page.goto("/signin.html");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("This is a demonstration");
  await accessible(page);
  await shot(page, "demonstration");
  for (const [who, to] of [["the utility", "/utility.html"], ["an installer", "/installer.html"]] as const) {
    await page.goto("/signin.html");
    if (await page.getByRole("button", { name: "Sign out" }).isVisible()) await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: `As ${who}` }).click();
    await page.waitForURL(`**${to}`);
  }
  expect(problems).toEqual([]);
});

test("a demonstration's operator gives out no accounts and no backup, and is told how to", async ({ browser }) => {
  const problems: string[] = [];
  const guest = await visitor(browser, problems);
  await guest.goto("/signin.html");
  await guest.getByRole("button", { name: "As the operator" }).click();
  await guest.waitForURL((url) => !url.pathname.startsWith("/signin"));
  for (const page of ["/account.html", "/operator.html"]) {
    await guest.goto(page);
    await expect(guest.getByText("commonwatt account invite operator")).toBeVisible();
    await expect(guest.getByRole("button", { name: /^(Invite|Make a backup)$/ })).toHaveCount(0);
    await accessible(guest);
    await shot(guest, `guest${page.slice(1, -5)}`);
  }
  expect((await guest.request.post("/api/v1/backup", { data: { passphrase: "oak street, number nine" } })).status()).toBe(403);
  expect(problems).toEqual([]);
});

test("somebody is invited, signs in with a passkey, and loses the role", async ({ browser }) => {
  test.setTimeout(300_000); // it walks through eleven pages, each looked at in both lights
  const problems: string[] = [];
  const operator = await visitor(browser, problems);
  await operatorOf(operator.request);
  await operator.goto("/account.html");
  await operator.locator("#invite").getByLabel("Role").selectOption("homeowner");
  await operator.locator("#invite").getByLabel("Home of the member").fill("home-02");
  await operator.locator("#invite").getByLabel("Name").fill("Ann");
  await operator.getByRole("button", { name: "Invite", exact: true }).click();
  const link = await operator.locator(".told code").textContent();
  await expect(operator.getByRole("img", { name: "QR code of the link" })).toBeVisible();
  await accessible(operator);
  await shot(operator, "invited");

  const ann = await visitor(browser, problems);
  const email = `ann-${Date.now()}@elm.example`;
  await ann.goto(link ?? "");
  await expect(ann.locator("main")).toContainText("Yours is the home home-02");
  expect(new URL(ann.url()).hash).toBe(""); // the secret does not stay in the address
  await ann.getByLabel("E-mail address").fill(email);
  await ann.getByLabel("Password").fill(password);
  await accessible(ann);
  await shot(ann, "invitation");
  await ann.getByRole("button", { name: "Make my account" }).click();
  await ann.waitForURL((url) => url.pathname === "/");
  const again = await visitor(browser, problems);
  await again.goto(link ?? "");
  await expect(again.getByRole("alert")).toContainText("not good any more");

  const devices = await ann.context().newCDPSession(ann);
  await devices.send("WebAuthn.enable");
  await devices.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  await ann.goto("/account.html");
  await ann.locator("#passkeys").getByLabel("What it is called").fill("my phone");
  await ann.getByRole("button", { name: "Add a passkey" }).click();
  await expect(ann.locator("#passkeys tbody tr")).toContainText("my phone");
  await ann.locator("#keys").getByLabel("What it is for").fill("a display in the hall");
  await ann.getByRole("button", { name: "Make a key" }).click();
  const key = await ann.locator(".told code").textContent();
  expect((await ann.request.get("/api/v1/homes/home-02/plan", { headers: { Authorization: `Bearer ${key}` } })).status()).toBe(200);
  expect((await ann.request.get("/api/v1/homes/home-01/plan", { headers: { Authorization: `Bearer ${key}` } })).status()).toBe(404);
  await accessible(ann);
  await shot(ann, "own");
  await ann.setViewportSize({ width: 360, height: 800 });
  await accessible(ann);
  await shot(ann, "own-360");

  await ann.goto("/signin.html");
  await ann.getByRole("button", { name: "Sign out" }).click();
  await ann.getByText("With an account of your own").click();
  await shot(ann, "ways-360");
  await ann.getByRole("button", { name: "Sign in with a passkey" }).click();
  await ann.waitForURL((url) => url.pathname === "/");
  expect((await (await ann.request.get("/api/v1/session")).json()).email).toBe(email);

  await operator.reload();
  const row = operator.locator("#people tbody tr", { hasText: email });
  await row.getByRole("button", { name: "Link to a new password" }).click();
  const recovered = await visitor(browser, problems);
  await recovered.goto((await operator.locator(".told code").textContent()) ?? "");
  await recovered.getByLabel("New password").fill(password);
  await accessible(recovered);
  await shot(recovered, "recovery");
  await recovered.getByRole("button", { name: "Set the password and sign in" }).click();
  await recovered.waitForURL("**/account.html");
  await expect(recovered.getByRole("alert")).toContainText("passkeys 1, other services' accounts 0, keys of programs 1");
  await accessible(recovered);
  await shot(recovered, "recovered");
  expect((await (await ann.request.get("/api/v1/session")).json()).signed_in).toBe(false);
  await row.getByLabel("Role: Ann").selectOption("utility");
  await row.getByLabel("Home of the member: Ann").fill("");
  await row.getByRole("button", { name: "Change" }).click();
  await expect(operator.getByText("The role is changed.")).toBeVisible();
  expect((await (await ann.request.get("/api/v1/session")).json()).signed_in).toBe(false);

  const wrong = await visitor(browser, problems);
  await wrong.goto("/signin.html");
  await wrong.getByText("With an account of your own").click();
  await wrong.getByLabel("E-mail address").first().fill(email);
  await wrong.getByLabel("Password").fill("not the password");
  await wrong.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(wrong.getByRole("alert")).toContainText("That is not right");
  await wrong.getByLabel("Password").fill(password);
  await wrong.getByRole("button", { name: "Sign in", exact: true }).click();
  await wrong.waitForURL("**/utility.html");

  await operator.reload();
  await expect(row.getByLabel("Role: Ann")).toHaveValue("utility"); // and not the first of the list
  await expect(operator.locator("#log tbody")).toContainText("passkey added");
  await row.getByRole("button", { name: "Remove: Ann" }).isVisible();
  operator.on("dialog", (d) => void d.accept());
  await row.getByRole("button", { name: "Remove: Ann" }).click();
  await expect(row).toHaveCount(0);
  expect((await (await wrong.request.get("/api/v1/session")).json()).signed_in).toBe(false);
  expect(problems).toEqual([]);
});
