import { defineConfig } from "@playwright/test";
export default defineConfig({ testDir: "e2e", timeout: 120_000, expect: { timeout: 15_000 }, workers: 1, reporter: "list", use: { baseURL: "http://127.0.0.1:22600", launchOptions: { executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"] } } });
