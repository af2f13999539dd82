// make answers: what the real program answers in each scene, recorded for the comparison of how the pages look.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { keep, record, still } from "../e2e/recorded";
import { scenes } from "../e2e/scenes";

const address = `127.0.0.1:${process.env.E2E_PORT ?? "18099"}`;
const site = `http://${address}`;
const noon = Date.parse("2026-06-01T11:30:00Z"); // world time at which the scenes are looked at
const folder = mkdtempSync(join(tmpdir(), "commonwatt-answers-"));
const program = join(import.meta.dirname, "../../../bin/commonwatt");
const config = join(import.meta.dirname, "street.yaml");
let running: ChildProcess;

/** began starts the community of street.yaml, or goes on with it. */
async function began(speed: number): Promise<void> {
  running = spawn(program, ["run", "--config", config, "--speed", String(speed), "--listen", address, "--data", "data"], { stdio: "ignore", cwd: folder });
  await expect(async () => expect((await fetch(`${site}/readyz`)).status).toBe(200)).toPass({ timeout: 60_000 });
}

async function ended(): Promise<void> {
  if (running.exitCode !== null) return;
  running.kill("SIGTERM");
  await once(running, "exit");
}

const now = async () => ((await (await fetch(`${site}/api/v1/status`)).json()) as { world_time: string }).world_time;

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  test.setTimeout(600_000);
  await began(400); // through the evening and the night
  await expect(async () => expect(Date.parse(await now())).toBeGreaterThan(noon)).toPass({ timeout: 500_000, intervals: [1000] });
  await ended();
  await began(30);
  await expect(async () => {
    const { homes } = (await (await fetch(`${site}/api/v1/state`)).json()) as { homes: { devices: { online: boolean }[] }[] };
    expect(homes.flatMap((h) => h.devices).filter((d) => !d.online)).toEqual([]);
  }).toPass({ timeout: 60_000 });
});

test.afterAll(async () => {
  await ended();
  rmSync(folder, { recursive: true, force: true });
});

for (const scene of scenes) {
  test(`the answers of ${scene.name}`, async ({ browser }) => {
    test.setTimeout(300_000);
    const context = await browser.newContext({ baseURL: site, locale: "en", serviceWorkers: "block", viewport: { width: 1440, height: 900 } });
    if (scene.role) expect((await context.request.post("/api/v1/session/demonstration", { data: { role: scene.role } })).status()).toBe(204);
    await scene.prepare?.(context.request);
    const at = await now();
    const page = await still(context, at);
    const recording = await record(page, at);
    await page.goto(scene.path);
    await scene.show(page);
    await page.waitForLoadState("networkidle");
    keep(scene, recording);
    await context.close();
  });
}
