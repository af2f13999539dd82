// The one control of the range: length, earlier and later, by buttons, by arrow keys and by swiping; comparison.
import { useRef } from "preact/hooks";
import { useSpeech } from "./speech";
import { added, type Range, type Unit, units } from "./range";

interface Props {
  range: Range;
  /** today is the site's day, which nobody looks beyond. */
  today: string;
}

export function RangeControl({ range, today }: Props) {
  const { shared } = useSpeech();
  const { range: words } = shared;
  const { from, until } = range.days.value;
  const last = until > today;
  const keys = (e: KeyboardEvent) => {
    if (e.target instanceof HTMLInputElement && e.target.type === "date") return;
    if (e.key === "PageUp") range.move(-1);
    else if (e.key === "PageDown" && !last) range.move(1);
    else return;
    e.preventDefault();
  };
  return (
    <div class="range" role="group" aria-label={words.label} onKeyDown={keys} {...useSwipe(range, last)}>
      <div class="choices" role="radiogroup" aria-label={words.label}>
        {units.map((u) => (
          <Choice key={u} unit={u} range={range} today={today} label={words[u]} />
        ))}
      </div>
      <div class="actions">
        <button type="button" aria-label={words.before} onClick={() => range.move(-1)}>
          ‹
        </button>
        <strong aria-live="polite">{useTitle(range)}</strong>
        <button type="button" aria-label={words.after} disabled={last} onClick={() => range.move(1)}>
          ›
        </button>
        <button type="button" disabled={from <= today && today < until} onClick={() => range.now(today)}>
          {words.now}
        </button>
      </div>
      {range.unit.value === "free" && <Free range={range} today={today} />}
      <label>
        <input type="checkbox" checked={range.compare.value} onChange={(e) => (range.compare.value = e.currentTarget.checked)} /> {words.compare}
      </label>
    </div>
  );
}

function Choice({ unit, range, today, label }: { unit: Unit; range: Range; today: string; label: string }) {
  return (
    <label class="choice">
      <input type="radio" name="range" checked={range.unit.value === unit} onChange={() => range.choose(unit, today)} />
      <span>{label}</span>
    </label>
  );
}

function Free({ range, today }: Props) {
  const { range: words } = useSpeech().shared;
  const { from, until } = range.days.value;
  const last = added(until, -1);
  return (
    <div class="fields">
      <label>
        {words.from} <input type="date" value={from} max={last} onChange={(e) => range.set(e.currentTarget.value, last)} />
      </label>
      <label>
        {words.until} <input type="date" value={last} min={from} max={today} onChange={(e) => range.set(from, e.currentTarget.value)} />
      </label>
    </div>
  );
}

/** useTitle names the range that is looked at. */
function useTitle(range: Range): string {
  const { format, shared } = useSpeech();
  const { from, until } = range.days.value;
  const noon = (day: string) => `${day}T12:00:00Z`; // a day is itself in every zone only near to its middle
  const at = (options: Intl.DateTimeFormatOptions, day: string) => new Intl.DateTimeFormat(format.language === "de" ? "de-DE" : "en-GB", { ...options, timeZone: "UTC" }).format(new Date(noon(day)));
  const date: Intl.DateTimeFormatOptions = { day: "numeric", month: "long", year: "numeric" };
  switch (range.unit.value) {
    case "day":
      return at({ weekday: "long", ...date }, from);
    case "week":
      return shared.range.week_of(at(date, from));
    case "month":
      return at({ month: "long", year: "numeric" }, from);
    case "year":
      return at({ year: "numeric" }, from);
    default:
      return `${at(date, from)} – ${at(date, added(until, -1))}`;
  }
}

const least = 60; // pixels that a finger moves sideways for a swipe

/** useSwipe looks earlier when a finger moves to the right, and later when it moves to the left. */
function useSwipe(range: Range, last: boolean) {
  const begun = useRef<[x: number, y: number] | null>(null);
  return {
    onTouchStart: (e: TouchEvent) => {
      const at = e.touches[0];
      begun.current = at && e.touches.length === 1 ? [at.clientX, at.clientY] : null;
    },
    onTouchEnd: (e: TouchEvent) => {
      const at = e.changedTouches[0];
      if (!begun.current || !at) return;
      const [x, y] = [at.clientX - begun.current[0], at.clientY - begun.current[1]];
      if (Math.abs(x) < least || Math.abs(y) > Math.abs(x) / 2) return;
      if (x > 0) range.move(-1);
      else if (!last) range.move(1);
    },
  };
}

