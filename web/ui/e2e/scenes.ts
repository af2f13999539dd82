// The pages as they are looked at: who opens which of them, and what is done until there is something to see.
// They are the same for the real program, whose answers are recorded (make answers), and for those records.
import { type APIRequestContext, expect, type Page } from "@playwright/test";

export interface Scene {
  name: string;
  /** role is whom the demonstration signs in; without one nobody is. */
  role?: "homeowner" | "installer" | "utility" | "researcher" | "operator";
  path: string;
  /** prepare has the community do what the page is to show, before its answers are recorded. */
  prepare?: (ask: APIRequestContext) => Promise<void>;
  /** show does what somebody would do on the page, and waits until all of it is there. */
  show: (page: Page) => Promise<void>;
  /** part is what is looked at, without it the whole page. */
  part?: string;
  /** picture is the name of the scene's picture in docs/, and top what it begins with, without it the page. */
  picture?: { name: string; top?: string };
}

interface Home {
  id: string;
  contract: { sold: number };
  today: { net?: number; without?: number };
  flow?: { meter: number };
  devices: { kind: string }[];
}

/** seller signs in as a homeowner who is selling and better off today, with many devices, if there is one within half a minute. */
async function seller(ask: APIRequestContext): Promise<void> {
  const sells = (h: Home) => h.contract.sold > 0 && (h.flow?.meter ?? 0) < -100;
  const better = (h: Home) => (h.today.net ?? 0) > (h.today.without ?? 0);
  const worth = (h: Home) => (better(h) ? 20 : 0) + (sells(h) ? 10 : 0) + h.devices.length;
  await ask.delete("/api/v1/session"); // who has signed in as a homeowner sees one home alone
  let best: Home | undefined;
  for (let tried = 0; tried < 30 && (!best || worth(best) < 33); tried++) {
    const { homes } = (await (await ask.get("/api/v1/state")).json()) as { homes: Home[] };
    best = homes.sort((a, b) => worth(b) - worth(a))[0];
    await new Promise((done) => setTimeout(done, 1000));
  }
  expect((await ask.post("/api/v1/session/demonstration", { data: { role: "homeowner", home: best?.id } })).status()).toBe(204);
}

export const scenes: Scene[] = [
  {
    name: "homeowner",
    role: "homeowner",
    path: "/",
    prepare: seller,
    show: async (page) => {
      await expect(page.locator("#money-today")).toBeVisible();
      await expect(page.locator("#plan svg .mean.net")).toHaveAttribute("d", /^M/);
      await expect(page.locator("#history svg .bar").first()).toBeVisible();
    },
    picture: { name: "homeowner" },
  },
  {
    name: "why",
    role: "homeowner",
    path: "/",
    prepare: seller,
    show: async (page) => {
      await page.getByRole("heading", { name: "Why this price" }).click();
      await expect(page.locator("#why-price svg .demand")).toHaveAttribute("d", /^M/);
    },
    part: "#why-price",
  },
  {
    name: "installer",
    role: "installer",
    path: "/installer.html",
    show: async (page) => {
      await expect(page.locator("#devices li").first()).toBeVisible();
    },
    picture: { name: "installing" },
  },
  {
    name: "device",
    role: "installer",
    path: "/installer.html",
    show: async (page) => {
      await page.locator("#devices li", { hasText: "battery" }).first().getByRole("button").click();
      await expect(page.getByText("This device is in the configuration")).toBeVisible();
    },
  },
  {
    name: "utility",
    role: "utility",
    path: "/utility.html",
    show: async (page) => {
      await expect(page.locator("#lines tbody tr").first()).toBeVisible();
      await page.locator("#postings tbody button").first().click();
      await expect(page.locator("#proof [data-holds]")).toHaveAttribute("data-holds", "true");
    },
    picture: { name: "auditing", top: "#search" },
  },
  {
    name: "researcher",
    role: "researcher",
    path: "/researcher.html",
    prepare: async (ask) => {
      for (const seed of [1, 7]) expect((await ask.post("/api/v1/runs", { data: { scenario: "summer-day", seed } })).ok()).toBe(true);
      await expect(async () => {
        const { runs } = await (await ask.get("/api/v1/runs")).json();
        expect(runs.map((r: { state: string }) => r.state)).toEqual(["done", "done"]);
      }).toPass({ timeout: 200_000 });
    },
    show: async (page) => {
      for (const seed of [1, 7]) await page.getByRole("checkbox", { name: `Compare summer-day, seed ${seed}` }).check();
      await expect(page.locator("figure.chart path.mean")).toHaveCount(2);
    },
    picture: { name: "research", top: "#runs" },
  },
  {
    name: "operator",
    role: "operator",
    path: "/operator.html",
    show: async (page) => {
      await expect(page.locator(".checks li").first()).toBeVisible();
    },
    picture: { name: "operating" },
  },
  {
    name: "signin",
    path: "/signin.html",
    show: async (page) => {
      await expect(page.getByRole("button", { name: "As a homeowner" })).toBeVisible();
    },
  },
  {
    name: "tariffs",
    path: "/money.html",
    show: async (page) => {
      await expect(page.locator("main.money tbody tr").first()).toBeVisible();
    },
  },
  {
    name: "bill",
    role: "operator",
    path: "/money.html#bills",
    prepare: async (ask) => {
      expect((await ask.post("/api/v1/bills", { data: { month: "2026-05" } })).ok()).toBe(true);
    },
    show: async (page) => {
      await page.getByRole("button", { name: "draft for home-01" }).click();
      await expect(page.locator("#compared tbody tr", { hasText: "without the community" })).toBeVisible();
    },
  },
];
