// make looks: the references of how the pages look, and the pictures of docs/, are written anew.
import { defineConfig } from "@playwright/test";
import journeys from "./playwright.config";

const servers = [journeys.webServer].flat();

// Any community does: the pages come from the program, and what they are told from the records.
export default defineConfig({ ...journeys, testMatch: "look.spec.ts", webServer: servers.slice(0, 1) as typeof journeys.webServer });
