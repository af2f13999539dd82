import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "@playwright/test";

const port = process.env.E2E_PORT ?? "18099";
const address = `127.0.0.1:${port}`;
process.env.E2E_DATA ??= mkdtempSync(join(tmpdir(), "commonwatt-e2e-")); // the tests read the installer's key there
const data = process.env.E2E_DATA;

const moneyAddress = `127.0.0.1:${Number(port) + 1}`; // a community whose month is over soon
process.env.E2E_MONEY ??= `http://${moneyAddress}`;

const oakAddress = `127.0.0.1:${Number(port) + 2}`; // a community of real devices, of which none is paired yet
process.env.E2E_OAK ??= `http://${oakAddress}`;
process.env.E2E_OAK_DATA ??= `${data}-oak`;
const streetAddress = `127.0.0.1:${Number(port) + 3}`; // whose simulated devices it reads, as real ones
process.env.E2E_STREET ??= `http://${streetAddress}`;
process.env.E2E_STREET_DATA ??= `${data}-street`;

/** served is a community that runs while the tests do. */
function served(flags: string, at: string) {
  return { command: `../../bin/commonwatt run ${flags}`, url: `http://${at}/readyz`, timeout: 60_000, gracefulShutdown: { signal: "SIGTERM" as const, timeout: 20_000 } };
}

export default defineConfig({
  testDir: "e2e",
  timeout: 120_000,
  expect: { timeout: 90_000, toHaveScreenshot: { threshold: 0.05, maxDiffPixels: 40 } },
  // The references of how pages look: rewritten when that is asked for, and one that lacks is a failure.
  updateSnapshots: "none",
  snapshotPathTemplate: "e2e/looks/{arg}{ext}",
  workers: 1,
  reporter: "list",
  use: {
    baseURL: `http://${address}`,
    launchOptions: {
      env: { ...process.env, FONTCONFIG_FILE: join(import.meta.dirname, "e2e", "fonts.conf") } as Record<string, string>,
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--font-render-hinting=none", "--force-color-profile=srgb"],
    },
  },
  webServer: [
    served(`--homes 12 --speed 60 --duration 3600s --listen ${address} --data ${data}`, address),
    served(`--config e2e/money.yaml --duration 3600s --listen ${moneyAddress} --data ${data}-money`, moneyAddress),
    served(`--config e2e/installer.yaml --duration 3600s --listen ${oakAddress} --data ${data}-oak`, oakAddress),
    served(`--homes 12 --speed 1 --duration 3600s --listen ${streetAddress} --data ${data}-street`, streetAddress),
  ],
});
