// make answers: what the pages are told is recorded anew, from a community that the recording starts itself.
import { defineConfig } from "@playwright/test";
import journeys from "./playwright.config";

export default defineConfig({ ...journeys, testDir: "record", webServer: [] });
