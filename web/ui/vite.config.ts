import { readdirSync } from "node:fs";
import preact from "@preact/preset-vite";
import { defineConfig } from "vitest/config";

const api = process.env.COMMONWATT ?? "http://127.0.0.1:8080";

// Each page has an entry of its own, so that nobody loads the code of another one.
const pages = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".html"));

export default defineConfig({
  plugins: [preact()],
  // The Go program embeds this directory; its README stays.
  build: { outDir: "../assets", emptyOutDir: false, assetsInlineLimit: 0, modulePreload: false, rollupOptions: { input: pages } },
  server: { proxy: { "/api": { target: api, ws: true } } },
  test: { include: ["src/**/*.test.ts"] },
});
