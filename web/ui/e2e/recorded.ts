// What the real program answered once, kept as files, and given to a page again: the same at each run.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContext, Page, Route, WebSocketRoute } from "@playwright/test";
import type { Scene } from "./scenes";

/** Answer is what came to one question; a body that is not JSON is its text. */
interface Answer {
  status: number;
  type: string;
  body: unknown;
}

/** Recording is all that a page was told in a scene, and when: the clock of the page stands still at that time. */
export interface Recording {
  at: string;
  answers: Record<string, Answer>;
  /** live is the state that came by the page's WebSocket; there is none on a page without one. */
  live?: unknown;
}

const folder = join(import.meta.dirname, "recorded");
const every = /\/(api\/|openapi\.yaml)/;

/** question names what is asked. */
function question(route: Route): string {
  const url = new URL(route.request().url());
  return `${route.request().method()} ${url.pathname}${url.search}`;
}

/** still is a page on which nothing moves and no time passes. */
export async function still(context: BrowserContext, at: string): Promise<Page> {
  const page = await context.newPage();
  await page.clock.setFixedTime(at);
  await page.emulateMedia({ reducedMotion: "reduce", colorScheme: "light" });
  return page;
}

/** record has a page ask the real program, each question once, and returns what it was told. */
export async function record(page: Page, at: string): Promise<Recording> {
  const recording: Recording = { at, answers: {} };
  const asked = new Map<string, Promise<Answer>>();
  await page.route(every, async (route) => {
    const name = question(route);
    const answer = asked.get(name) ?? ask(route);
    asked.set(name, answer);
    recording.answers[name] = await answer;
    await fulfill(route, await answer);
  });
  await page.routeWebSocket("**/api/v1/ws", (ws) => {
    const server = ws.connectToServer();
    server.onMessage((text) => {
      const message = JSON.parse(String(text));
      if (message.type !== "state" || recording.live) return; // from here on the page stands still
      recording.live = message;
      ws.send(text);
    });
  });
  return recording;
}

async function ask(route: Route): Promise<Answer> {
  const answer = await route.fetch();
  const type = answer.headers()["content-type"] ?? "";
  const text = await answer.text();
  return { status: answer.status(), type, body: type.startsWith("application/json") ? JSON.parse(text) : text };
}

function fulfill(route: Route, { status, type, body }: Answer): Promise<void> {
  return route.fulfill({ status, contentType: type, body: typeof body === "string" ? body : JSON.stringify(body) });
}

/** replay gives a page what was recorded; what was not is collected, and is answered as if nobody were there. */
export async function replay(page: Page, recording: Recording): Promise<string[]> {
  const unknown: string[] = [];
  await page.route(every, (route) => {
    const answer = recording.answers[question(route)];
    if (answer) return fulfill(route, answer);
    unknown.push(question(route));
    return route.abort();
  });
  await page.routeWebSocket("**/api/v1/ws", (ws: WebSocketRoute) => {
    if (recording.live) ws.send(JSON.stringify(recording.live));
    else unknown.push("GET /api/v1/ws");
  });
  return unknown;
}

const file = (scene: Scene) => join(folder, `${scene.name}.json`);

/** recorded is what is kept of a scene. */
export function recorded(scene: Scene): Recording {
  return JSON.parse(readFileSync(file(scene), "utf8")) as Recording;
}

/** keep writes a recording, an answer a line, in an order that does not depend on who answered first. */
export function keep(scene: Scene, { at, answers, live }: Recording): void {
  const lines = Object.keys(answers)
    .sort()
    .map((name) => `    ${JSON.stringify(name)}: ${JSON.stringify(answers[name])}`);
  const parts = [`  "at": ${JSON.stringify(at)}`, `  "answers": {\n${lines.join(",\n")}\n  }`];
  if (live) parts.push(`  "live": ${JSON.stringify(live)}`);
  writeFileSync(file(scene), `{\n${parts.join(",\n")}\n}\n`);
}
