import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "@playwright/test";

const port = process.env.E2E_PORT ?? "18099";
const address = `127.0.0.1:${port}`;
process.env.E2E_DATA ??= mkdtempSync(join(tmpdir(), "commonwatt-e2e-")); // the tests read the installer's key there
const data = process.env.E2E_DATA;

export default defineConfig({
  testDir: "e2e",
  timeout: 120_000,
  expect: { timeout: 90_000 },
  workers: 1,
  reporter: "list",
  use: {
    baseURL: `http://${address}`,
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
    },
  },
  webServer: {
    command: `../../bin/commonwatt run --homes 12 --speed 60 --duration 170s --listen ${address} --data ${data}`,
    url: `http://${address}/readyz`,
    timeout: 60_000,
    gracefulShutdown: { signal: "SIGTERM", timeout: 20_000 },
  },
});
