// What all journeys look for.
import AxeBuilder from "@axe-core/playwright";
import { readFileSync } from "node:fs";
import { type APIRequestContext, expect, type Page } from "@playwright/test";

/** watched collects what the page complains of; expected are texts of complaints that belong to the journey. */
export function watched(page: Page, ...expected: string[]): string[] {
  const problems: string[] = [];
  page.on("pageerror", (e) => problems.push(e.message));
  page.on("console", (m) => m.type() === "error" && !expected.some((text) => m.text().includes(text)) && problems.push(`${m.text()} ${m.location().url}`));
  return problems;
}

/** clean finds what an assistive technology would stumble over, on light and on dark pages. */
export async function clean(page: Page, part = "body"): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).include(part).analyze();
    expect(violations.map((v) => `${colorScheme}: ${v.help}: ${v.nodes.map((n) => n.target).join(" ")}`)).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null });
}

/** operatorOf makes an operator's account on the machine itself, as commonwatt account invite does, signs in with it, and returns its address and password. */
export async function operatorOf(request: APIRequestContext): Promise<{ email: string; password: string }> {
  const key = readFileSync(`${process.env.E2E_DATA}/operator.key`, "utf8").trim();
  const [email, password] = [`olga-${Date.now()}@elm.example`, "three small words"];
  const invited = await request.post("/api/v1/accounts", { headers: { Authorization: `Bearer ${key}` }, data: { role: "operator", email, name: "Olga" } });
  expect(invited.status()).toBe(200);
  const { link } = (await invited.json()) as { link: string };
  expect((await request.post(`/api/v1/invitations/${link.split("=")[1]}`, { data: { password } })).status()).toBe(204);
  return { email, password };
}

/** widths are those of a phone, a tablet and a desk. */
export const widths = [360, 768, 1440];

/** fits finds what sticks out of the page sideways, at every width. */
export async function fits(page: Page): Promise<void> {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 });
    expect(await page.evaluate(wider), `at ${width} px`).toEqual([]);
  }
  await page.setViewportSize({ width: 1280, height: 720 });
}

/** wider names what makes a page scroll sideways. */
function wider(): string[] {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const out = [...document.querySelectorAll("body *")].filter((x) => x.getBoundingClientRect().right > root.clientWidth + 1);
  return out.map((x) => `${x.outerHTML.slice(0, 80)}: up to ${Math.round(x.getBoundingClientRect().right)} of ${root.clientWidth}`);
}

/** touchable finds what is too small for a finger: all that can be touched is 44 px tall and wide, or lies in a label that is. Links within a sentence are as tall as it. */
export async function touchable(page: Page): Promise<void> {
  const small = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("a[href], button, select, textarea, summary, input:not([type=hidden]), [role=button], [role=slider]")]
      .filter((x) => x.checkVisibility({ checkVisibilityCSS: true }) && !x.matches(".skip, p a, li p a"))
      .map((x) => {
        const label = x.matches("input[type=checkbox], input[type=radio]") ? x.closest("label") : null;
        const { width, height } = (label ?? x).getBoundingClientRect();
        return { what: x.outerHTML.slice(0, 80), width, height };
      })
      .filter((x) => x.height < 43.9 || x.width < 43.9)
      .map((x) => `${x.what}: ${x.width} × ${x.height}`),
  );
  expect(small).toEqual([]);
}
