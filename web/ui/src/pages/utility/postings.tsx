// The table of what was found: of many thousand rows only those that are seen are in the page.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { onRow } from "../../ui/row";
import { useSpeech } from "../../ui/speech";
import { Wide } from "../../ui/wide";
import type { Finder, Row } from "./finder";
import { moved, seen } from "./rows";
import { rem } from "../../ui/width";
import type { Words } from "./words/en";

interface Props {
  finder: Finder;
  open: (row: Row) => void;
}

/** tall is how tall a row is, rem. */
const tall = 2.75;

/** most is how many rows a table can have: browsers do not scroll further. */
const most = 300_000;

/** Postings is the table. Its rows are of one height, so that it is known which of them are seen. */
export function Postings({ finder, open }: Props) {
  const { words, format } = useSpeech<Words>();
  const { columns, search } = words;
  const box = useRef<HTMLDivElement>(null);
  const [at, scrollTo] = useState(0);
  const [active, activate] = useState(0);
  const focus = useRef(false);
  const all = finder.found.value?.total ?? 0;
  const total = Math.min(all, most);
  const row = tall * rem();
  const { first, last } = seen(at, box.current?.clientHeight ?? 10 * row, row, total);
  const rows = finder.rows.value;

  useEffect(() => void finder.need(first, last), [finder, finder.found.value, first, last]);
  useEffect(() => {
    activate(0);
    box.current?.scrollTo({ top: 0 });
  }, [finder.found.value]);
  useLayoutEffect(() => {
    if (!focus.current) return;
    const button = box.current?.querySelector<HTMLElement>(`[data-place="${active}"]`);
    if (!button) return;
    focus.current = false;
    button.focus({ preventScroll: true });
  });

  const go = (e: KeyboardEvent) => {
    const to = moved(e.key, active, Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / row) - 2), total);
    if (to === undefined || !box.current) return;
    e.preventDefault();
    focus.current = true;
    activate(to);
    const [top, room] = [to * row, box.current.clientHeight - 2 * row];
    if (top < box.current.scrollTop) box.current.scrollTop = top;
    else if (top > box.current.scrollTop + room) box.current.scrollTop = top - room;
  };

  if (total === 0) return null;
  const places = Array.from({ length: last - first }, (_, k) => first + k);
  return (
    <>
      <p class="hint">
        {search.keys} {all > most && search.most(format.number(most))}
      </p>
      <Wide class="postings" at={box} onScroll={scrollTo} onKeyDown={go}>
        <table id="postings" aria-rowcount={total + 1}>
          <thead>
            <tr aria-rowindex={1}>
              <th>{columns.leaf}</th>
              <th>{columns.interval}</th>
              <th>{columns.reason}</th>
              <th class="number">
                {columns.amount}, {format.currency}
              </th>
              <th class="number">{columns.energy}</th>
              <th>{columns.from}</th>
              <th>{columns.to}</th>
            </tr>
          </thead>
          <tbody>
            <Space rows={first} />
            {places.map((place) => (
              <Posting key={place} place={place} row={rows.get(place)} active={place === active} open={open} activate={activate} />
            ))}
            <Space rows={total - last} />
          </tbody>
        </table>
      </Wide>
    </>
  );
}

/** Space stands for rows that are not seen; a drawing has its height without a style of its own, which the pages do not allow. */
function Space({ rows }: { rows: number }) {
  if (rows === 0) return null;
  return (
    <tr aria-hidden="true" class="space">
      <td colSpan={7}>
        <svg width="1" height={rows * tall * rem()} />
      </td>
    </tr>
  );
}

interface OneProps {
  place: number;
  row?: Row;
  active: boolean;
  open: (row: Row) => void;
  activate: (place: number) => void;
}

/** Posting is a row. Its button stays the same one when what was still to come is there, and keeps the focus. */
function Posting({ place, row, active, open, activate }: OneProps) {
  const { words, format } = useSpeech<Words>();
  const leaf = row && format.number(row.leaf);
  const choose = () => {
    if (!row) return;
    activate(place);
    open(row);
  };
  return (
    <tr aria-rowindex={place + 2} class={active ? "own opens" : "opens"} onClick={onRow(choose)}>
      <td>
        <button
          type="button"
          class="link"
          data-place={place}
          tabIndex={active ? 0 : -1}
          aria-label={leaf && words.prove(leaf)}
          aria-disabled={!row}
          onFocus={() => activate(place)}
          onClick={choose}
        >
          {leaf ?? words.search.more}
        </button>
      </td>
      {row ? <Values row={row} /> : <td colSpan={6} />}
    </tr>
  );
}

function Values({ row }: { row: Row }) {
  const { words, format } = useSpeech<Words>();
  const p = row.posting;
  return (
    <>
      <td>{row.interval ? when(format, row.interval) : words.columns.outside}</td>
      <td title={words.named[p.reason]}>{p.reason}</td>
      <td class="number">{format.number(p.amount / 1e6, 6)}</td>
      <td class="number">{p.energy < 0 ? words.back(format.wattHours(p.energy)) : format.wattHours(p.energy)}</td>
      <td title={p.debit}>{short(p.debit)}</td>
      <td title={p.credit}>{short(p.credit)}</td>
    </>
  );
}

/** when shows an interval by the site's clocks. */
export function when(format: { time(o: Intl.DateTimeFormatOptions, t: string): string; span(i: { start: string; minutes: number }): string }, interval: string): string {
  const [start = "", minutes] = interval.split("/");
  return `${format.time({ dateStyle: "medium" }, start)}, ${format.span({ start, minutes: Number(minutes) })}`;
}

/** short is the begin of a pseudonym, which is long; its title has all of it. */
function short(account: string): string {
  return account.length > 14 ? `${account.slice(0, 12)}…` : account;
}
