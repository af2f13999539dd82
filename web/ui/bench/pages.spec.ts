// How fast the homeowner's page is there, and what it takes while news come ten times a second.
import { expect, test } from "@playwright/test";

const loads = 7;
const seconds = 10;
const messages = 10; // a second

const median = (all: number[]) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;

test("the first paint of a browser that knows nothing yet", async ({ browser }) => {
  const all: number[] = [];
  for (let k = 0; k < loads; k++) {
    const context = await browser.newContext({ serviceWorkers: "block" });
    const page = await context.newPage();
    await page.goto("/");
    await expect(page.locator("#sentence")).not.toBeEmpty();
    all.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Infinity));
    await context.close();
  }
  console.log(`first contentful paint: median ${median(all).toFixed(0)} ms of ${all.map((ms) => ms.toFixed(0)).join(", ")}`);
  expect(median(all)).toBeLessThanOrEqual(500);
});

test("script while news come", async ({ page }) => {
  await page.routeWebSocket("/api/v1/ws", (ws) => {
    const server = ws.connectToServer();
    server.onMessage((text) => {
      const first = JSON.parse(String(text));
      if (first.type !== "state") return;
      ws.send(text);
      server.onMessage(() => {}); // from here on the news are made up, so that there are so many of them
      let n = 0;
      setInterval(() => {
        const homes = first.state.homes.map((h: { devices: { power?: number }[] }) => ({ ...h, devices: h.devices.map((d) => ({ ...d, power: (d.power ?? 0) + (++n % 50) })) }));
        const world_time = new Date(Date.parse(first.state.status.world_time) + n * 20).toISOString();
        ws.send(JSON.stringify({ type: "delta", delta: { status: { ...first.state.status, world_time }, homes } }));
      }, 1000 / messages);
    });
  });
  await page.goto("/");
  await expect(page.locator("#plan svg")).toBeVisible();
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable");
  const spent = async () => Object.fromEntries((await cdp.send("Performance.getMetrics")).metrics.map((m) => [m.name, m.value]));
  await page.waitForTimeout(1000);
  const before = await spent();
  await page.waitForTimeout(seconds * 1000);
  const after = await spent();
  const a = (name: string) => (((after[name] ?? 0) - (before[name] ?? 0)) * 1000) / seconds;
  console.log(`at ${messages} messages a second: ${a("ScriptDuration").toFixed(1)} ms script, ${a("LayoutDuration").toFixed(1)} ms layout, ${a("RecalcStyleDuration").toFixed(1)} ms style a second`);
  expect(a("ScriptDuration")).toBeLessThanOrEqual(30);
});
