// The pages of each person in both languages, on a phone, a tablet and a desk.
import { test } from "@playwright/test";
import { legible } from "./legible";
import { widths } from "./pages";
import { scenes } from "./scenes";

for (const scene of scenes) {
  test(`${scene.name} can be read`, ({ browser, baseURL }) => legible(browser, baseURL, scene, 16, widths));
}
