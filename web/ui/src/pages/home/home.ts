// What a home is asked for.
import type { Home } from "../../ui/state";

/** power returns what a home's devices of the kind say together, undefined when one is silent. */
export function power(home: Home, kind: string): number | undefined {
  const said = home.devices.filter((d) => d.kind === kind).map((d) => (d.online ? d.power : undefined));
  return said.length === 0 ? undefined : said.reduce((sum, w) => (sum === undefined || w === undefined ? undefined : sum + w), 0);
}

/** find returns the home of that name, in whatever case it is written; the first one when no name is given. */
export function find(homes: Home[], name: string | null): Home | undefined {
  if (!name) return homes[0];
  return homes.find((h) => h.id === name) ?? homes.find((h) => h.id.toLowerCase() === name.toLowerCase());
}

/** has tells whether the home has such a device at all. */
export function has(home: Home, kind: string): boolean {
  return home.devices.some((d) => d.kind === kind);
}
