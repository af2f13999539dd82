// The configuration of a new community, as it is asked for step by step.

/** Setup is what somebody has answered. */
export interface Setup {
  community: string;
  displayName: string;
  language: "en" | "de";
  zone: string;
  currency: string;
  retail: string;
  feedIn: string;
  gatewayId: string;
  gatewayKey: string;
}

/** Problem names what is wrong with an answer; the words are the page's. */
export type Problem = "name" | "zone" | "currency" | "price" | "above" | "gateway";

/** price reads a price in the currency unit per kWh; a comma is a point. */
export function price(text: string): number | undefined {
  const n = Number(text.trim().replace(",", "."));
  return text.trim() !== "" && Number.isFinite(n) && n >= -100 && n <= 100 ? n : undefined;
}

/** problems are what is wrong, by field. */
export function problems(s: Setup): Partial<Record<keyof Setup, Problem>> {
  const found: Partial<Record<keyof Setup, Problem>> = {};
  if (!/^[a-z][a-z0-9-]{0,61}$/.test(s.community) || s.community.endsWith("-") || s.community === "demo") found.community = "name";
  if (!isZone(s.zone)) found.zone = "zone";
  if (!/^[A-Z]{3}$/.test(s.currency)) found.currency = "currency";
  const [retail, feedIn] = [price(s.retail), price(s.feedIn)];
  if (retail === undefined) found.retail = "price";
  if (feedIn === undefined) found.feedIn = "price";
  if (retail !== undefined && feedIn !== undefined && feedIn > retail) found.feedIn = "above";
  if ((s.gatewayId === "") !== (s.gatewayKey === "") || /[^A-Za-z0-9_-]/.test(s.gatewayId)) found.gatewayId = "gateway";
  return found;
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone !== "";
  } catch {
    return false;
  }
}

/** configuration is the file that the answers come to. */
export function configuration(s: Setup, year: number): string {
  const unit = `${s.currency}/kWh`;
  const lines = [
    `community: ${s.community}`,
    `tariff: {version: "${year}", currency: ${s.currency}, retail: ${decimal(s.retail)} ${unit}, feed_in: ${decimal(s.feedIn)} ${unit}}`,
    `zone: ${s.zone}`,
    `display_name: ${JSON.stringify(s.displayName || s.community)}`,
    `language: ${s.language}`,
    "devices: [] # those that are paired are kept in the data directory",
  ];
  if (s.gatewayId) lines.push('bus: {gateways: {listen: "127.0.0.1:7422"}}', "gateways:", `  - id: ${s.gatewayId}`, `    key: ${JSON.stringify(s.gatewayKey)}`, `    password_file: ${s.gatewayId}.password`);
  return lines.join("\n") + "\n";
}

/** decimal is a price as the configuration has it. */
function decimal(text: string): string {
  return String(price(text) ?? 0);
}
