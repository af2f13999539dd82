// Times of day by the clocks of a zone that need not be the viewer's.

const minute = 60_000; // ms

const clocks = new Map<string, Intl.DateTimeFormat>();

/** wall is what the clocks of a zone show at a time, as 2026-06-01T07:00. */
export function wall(time: number, zone: string): string {
  let clock = clocks.get(zone);
  if (!clock) {
    clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    clocks.set(zone, clock);
  }
  const part = Object.fromEntries(clock.formatToParts(new Date(time)).map((p) => [p.type, p.value]));
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
}

/**
 * instant is when the clocks of a zone show a time such as 2026-06-01T07:00: the first of two when they show it twice, the first
 * moment after the gap when they leave it out; undefined when the text is no time.
 */
export function instant(shown: string, zone: string): string | undefined {
  const guess = Date.parse(`${shown}Z`);
  if (Number.isNaN(guess)) return undefined;
  // No zone is more than 14 hours from UTC. Halving finds no answer where the clocks are turned back, so that the time is looked
  // for by hours and then by minutes, from before.
  const first = guess - 15 * 60 * minute;
  const wanted = wall(guess, "UTC");
  let at = first;
  while (wall(at + 60 * minute, zone) < wanted) at += 60 * minute;
  while (wall(at, zone) < wanted) at += minute;
  return new Date(at).toISOString();
}

/** named says which zone times are of. */
export function named(zone: string): string {
  return zone === "UTC" ? "UTC" : `local time of ${zone}`;
}
