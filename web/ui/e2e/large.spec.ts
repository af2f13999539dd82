// The pages of each person with letters twice as large, as readers choose them in their browser.
import { test } from "@playwright/test";
import journeys from "../playwright.config";
import { legible } from "./legible";
import { scenes } from "./scenes";

const launch = journeys.use?.launchOptions;

// A browser without a window is told what it has to point with; so that it still is, that stands here again.
const pointer = "primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4";

test.use({ launchOptions: { ...launch, args: [...(launch?.args ?? []), `--blink-settings=${pointer},defaultFontSize=32,defaultFixedFontSize=26`] } });

for (const scene of scenes) {
  test(`${scene.name} can be read with letters twice as large`, ({ browser, baseURL }) => legible(browser, baseURL, scene, 32, [1280, 720, 360]));
}
