// The certificates of the call auctions: a list by day and time, and the one that this browser checks.
import { useEffect, useRef } from "preact/hooks";
import { Age } from "../../ui/age";
import { Field } from "../../ui/field";
import { How } from "../../ui/figure";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import { type Auction, type Certificates, fits, type Opened, step } from "./certificates";
import { Pager } from "./pager";
import { when } from "./postings";
import { Check } from "./proved";
import type { Words } from "./words/en";

export function CertificateList({ certificates }: { certificates: Certificates }) {
  const { words, format } = useSpeech<Words>();
  const { certificates: w } = words;
  useEffect(() => void certificates.page(0), [certificates]);
  const list = certificates.list.value;
  return (
    <section id="certificates">
      <h2>{w.title}</h2>
      <p>{w.hint}</p>
      <Narrow search={(day, time) => void certificates.search(day, time, format.zone)} />
      {certificates.failed.value && (
        <p class="refusal" role="alert">
          {w.failed(certificates.failed.value)}
        </p>
      )}
      {list && list.total === 0 && <p role="status">{w.none}</p>}
      {list && list.total > 0 && <List certificates={certificates} rows={list.rows} />}
      {list && <Pager of={w.title} total={list.total} skip={certificates.skip.value} step={step} turn={(skip) => void certificates.page(skip)} />}
      {list && (
        <>
          <p class="hint">
            <Age at={certificates.at.value} />
          </p>
          <How of={w.title}>
            <p>{w.how}</p>
            <p>{w.source}</p>
          </How>
        </>
      )}
      {list && list.total > 0 && (
        <p class="actions">
          <a href={certificates.csv} download>
            {words.download.csv}
          </a>
        </p>
      )}
      {certificates.opened.value && <Certificate o={certificates.opened.value} close={() => (certificates.opened.value = null)} />}
    </section>
  );
}

function Narrow({ search }: { search: (day: string, time: string) => void }) {
  const { certificates: w } = useSpeech<Words>().words;
  return (
    <form
      class="fields"
      onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget);
        search(String(f.get("certificate-day")), String(f.get("certificate-time")));
      }}
    >
      <Field id="certificate-day" label={w.day}>
        {(at) => <input type="date" {...at} />}
      </Field>
      <Field id="certificate-time" label={w.time}>
        {(at) => <input type="time" {...at} />}
      </Field>
      <button>{w.show}</button>
    </form>
  );
}

function List({ certificates, rows }: { certificates: Certificates; rows: Auction[] }) {
  const { words, format } = useSpeech<Words>();
  const { certificates: w } = words;
  const span = (a: Auction) => when(format, `${a.interval.start}/${a.interval.minutes}`);
  const verdict = (a: Auction) => {
    const holds = certificates.checked.value.get(a.interval.start);
    return (
      <>
        {holds !== undefined && <span class="verdict">{holds ? `✓ ${w.holds}` : `✕ ${w.broken}`}</span>}
        <button type="button" class="link" aria-label={w.check(span(a))} onClick={() => void certificates.open(a)}>
          {w.open}
        </button>
      </>
    );
  };
  const columns: Column<Auction>[] = [
    { title: words.columns.interval, cell: span },
    { title: w.price, number: true, cell: (a) => (a.price === undefined ? w.noTrade : format.price(a.price)) },
    { title: w.volume, number: true, of: (a) => a.volume, cell: (a, most) => format.energy(a.volume, most) },
    { title: w.orders, number: true, cell: (a) => w.sides(a.bids, a.offers) },
    { title: w.full, cell: (a) => a.full.join(", ") || "–" },
    { title: w.certificate, cell: verdict },
  ];
  return <Table id="auctions" narrow="cards" columns={columns} rows={rows} keyOf={(a) => a.interval.start} mark={(a) => (certificates.opened.value?.auction.interval.start === a.interval.start ? "own" : undefined)} />;
}

/** Certificate is one that was checked: what holds, what does not, and all that it is made of. */
function Certificate({ o, close }: { o: Opened; close: () => void }) {
  const { words, format } = useSpeech<Words>();
  const { certificates: w } = words;
  const head = useRef<HTMLHeadingElement>(null);
  const { auction, record, verdict } = o;
  useEffect(() => {
    head.current?.focus({ preventScroll: true });
    head.current?.scrollIntoView({ block: "start" });
  }, [o]);
  const same = fits(auction, record);
  const holds = same && verdict.wrong.length === 0;
  const rows = record.steps.map((s, k) => ({ ...s, k }));
  const steps: Column<(typeof rows)[number]>[] = [
    { title: w.place, cell: (s) => s.node },
    { title: w.side, cell: (s) => w[s.side] },
    { title: w.limit, number: true, cell: (s) => format.price(s.price) },
    { title: w.energy, number: true, of: (s) => s.energy, cell: (s, most) => format.energy(s.energy, most) },
    { title: w.traded, number: true, of: (s) => s.filled, cell: (s, most) => format.energy(s.filled, most) },
    { title: w.order, cell: (s) => s.pseudonym ?? w.several },
  ];
  return (
    <div id="certificate" onKeyDown={(e) => e.key === "Escape" && close()}>
      <h3 ref={head} tabIndex={-1}>
        {w.heading(when(format, `${auction.interval.start}/${auction.interval.minutes}`))}
      </h3>
      <p class={holds ? "held" : "broken"} role={holds ? "status" : "alert"} data-holds={holds}>
        {holds ? w.proved(record.steps.length, record.nodes.length) : w.notProved}
      </p>
      <ul class="checks">
        <Check ok={verdict.gains === verdict.bound}>{w.gains(amount(verdict.gains, format), amount(verdict.bound, format))}</Check>
        <Check ok={same}>{same ? w.same : w.notSame}</Check>
        {verdict.wrong.map((x) => (
          <Check key={`${x.condition} ${x.node}`} ok={false}>
            {w.conditions[x.condition](x.node)}
          </Check>
        ))}
      </ul>
      <details>
        <summary>{w.steps}</summary>
        <Table columns={steps} rows={rows} keyOf={(s) => s.k} narrow="cards" />
      </details>
      <button type="button" onClick={close}>
        {words.proof.close}
      </button>
    </div>
  );
}

/** amount is what a gain in Wh × millionths per kWh is in money, to the millionth. */
function amount(gain: bigint, format: { number(n: number, decimals: number): string; currency: string }): string {
  return `${format.number(Number(gain) / 1e9, 6)} ${format.currency}`;
}
