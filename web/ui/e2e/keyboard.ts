// Pages worked by the keyboard alone: no journey here touches anything, or puts the focus where it did not come to.
import { expect, type Locator, type Page } from "@playwright/test";

/** most is how often Tab is pressed before something counts as not to be reached. */
const most = 250;

/** reach goes to something with Tab, and at each stop on the way sees that it is seen where one is. */
export async function reach(page: Page, to: Locator): Promise<void> {
  await expect(to).toBeVisible();
  for (let pressed = 0; pressed < most; pressed++) {
    await page.keyboard.press("Tab");
    expect(await page.evaluate(unseen)).toBe("");
    if (await to.evaluate((x) => x === document.activeElement)) return;
  }
  throw new Error(`${to} was not reached by ${most} times Tab`);
}

/** unseen names where the focus is when that cannot be seen, or nothing. */
function unseen(): string {
  const at = document.activeElement;
  if (!at || at === document.body) return ""; // the browser itself has it
  const marked = [at, at.nextElementSibling, at.parentElement].some((x) => x && getComputedStyle(x).outlineStyle !== "none" && Number.parseFloat(getComputedStyle(x).outlineWidth) >= 2);
  const box = (at.matches(".choice input") ? at.parentElement! : at).getBoundingClientRect();
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && (box.width > 0 || box.height > 0);
  return marked && inside ? "" : `${at.outerHTML.slice(0, 120)} has the focus: ${marked ? "it is not in sight" : "nothing marks it"}`;
}

/** go reaches something and presses Enter on it. */
export async function go(page: Page, to: Locator): Promise<void> {
  await reach(page, to);
  await page.keyboard.press("Enter");
}

/** write reaches a field, replaces what is in it, and stays there. */
export async function write(page: Page, to: Locator, text: string): Promise<void> {
  await reach(page, to);
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(text);
}
