// What homes took and gave whose members allow research, under pseudonyms: asked for by days of the site.
import { signal } from "@preact/signals";
import { type Api, said } from "../../ui/api";
import { instant } from "../../ui/zone";

/** steps are those that can be asked for, the finest first. */
export const steps = ["15m", "1h", "1d"] as const;

/** Span is what is asked for: the first and the last day, as the site's calendar has them, and the length of a step. */
export interface Span {
  first: string; // 2026-06-01
  last: string;
  step: (typeof steps)[number];
}

/** Found says what there is, and where it can be downloaded. */
export interface Found {
  homes: number;
  steps: number;
  csv: string;
  json: string;
}

/** range is when the days of a span begin and end by the clocks of a zone; undefined where they are not days, or the last is before the first. */
export function range({ first, last }: Span, zone: string): { from: string; to: string } | undefined {
  const after = new Date(`${last}T12:00:00Z`);
  if (Number.isNaN(after.getTime()) || last < first) return undefined;
  after.setUTCDate(after.getUTCDate() + 1);
  const from = instant(`${first}T00:00`, zone);
  const to = instant(`${after.toISOString().slice(0, 10)}T00:00`, zone);
  return from && to ? { from, to } : undefined;
}

/** Allowed is what may be downloaded. */
export class Allowed {
  readonly found = signal<Found | null>(null);
  /** problem says why nothing is told. */
  readonly problem = signal("");

  constructor(private readonly api: Api) {}

  /** look asks what there is of a span of days by the clocks of a zone; wrong is said where it is none. */
  async look(span: Span, zone: string, wrong: string): Promise<void> {
    this.found.value = null;
    this.problem.value = "";
    const at = range(span, zone);
    if (!at) {
      this.problem.value = wrong;
      return;
    }
    try {
      const { homes } = await this.api.call("get", "/api/v1/research/history", { query: { ...at, step: span.step } });
      const link = (format: string) => `/api/v1/research/history?${new URLSearchParams({ ...at, step: span.step, format })}`;
      this.found.value = { homes: homes.length, steps: homes.reduce((n, h) => n + h.points.length, 0), csv: link("csv"), json: link("json") };
    } catch (e) {
      this.problem.value = said(e);
    }
  }
}
