// make bench: the pages, measured. What is measured depends on the machine, so that CI does not run it.
import { defineConfig } from "@playwright/test";
import journeys from "./playwright.config";

export default defineConfig({ ...journeys, testDir: "bench" });
