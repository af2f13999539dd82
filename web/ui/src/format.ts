// Numbers for people: positive, with units; words carry the direction.

/** watts shows a power: W below 1 kW, then kW with two decimals. */
export function watts(w: number): string {
  const size = Math.abs(w);
  return size < 1000 ? `${Math.round(size)} W` : `${(size / 1000).toFixed(2)} kW`;
}

/** energy shows Wh below 1 kWh, then kWh with two decimals. */
export function energy(wh: number): string {
  const size = Math.abs(wh);
  return size < 1000 ? `${size} Wh` : `${(size / 1000).toFixed(2)} kWh`;
}

/** price shows millionths of the currency unit per kWh as cents per kWh. */
export function price(millionths: number): string {
  return `${(millionths / 1e4).toFixed(2)} ct/kWh`;
}

/** money shows millionths of the currency unit, cents when it is little. */
export function money(millionths: number, currency: string): string {
  const size = Math.abs(millionths);
  return size < 1e6 ? `${(size / 1e4).toFixed(2)} ct` : `${(size / 1e6).toFixed(2)} ${currency}`;
}

/** clock shows the time of day in the site's time zone. */
export function clock(time: string, zone = "UTC"): string {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(new Date(time));
}

/** day shows the date in the site's time zone. */
export function day(time: string, zone = "UTC"): string {
  return new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", timeZone: zone }).format(new Date(time));
}

/** span shows the start and end of a delivery interval. */
export function span(interval: { start: string; minutes: number }): string {
  const end = new Date(Date.parse(interval.start) + interval.minutes * 60_000).toISOString();
  return `${clock(interval.start)}–${clock(end)}`;
}

/** tokens shows a number of reward tokens. */
export function tokens(n: number): string {
  return n === 1 ? "1 token" : `${n} tokens`;
}
