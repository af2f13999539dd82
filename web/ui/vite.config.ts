import preact from "@preact/preset-vite";
import { defineConfig } from "vitest/config";

const api = process.env.COMMONWATT ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [preact()],
  // The Go program embeds this directory; its README stays.
  build: { outDir: "../assets", emptyOutDir: false, assetsInlineLimit: 0, modulePreload: false, rollupOptions: { input: ["index.html", "utility.html", "installer.html", "money.html"] } },
  server: { proxy: { "/api": { target: api, ws: true } } },
  test: { include: ["src/**/*.test.ts"] },
});
