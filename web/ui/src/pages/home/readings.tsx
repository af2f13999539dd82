// What the devices of the home told, reading by reading, with the signed batch that says it.
import { useState } from "preact/hooks";
import { said } from "../../ui/api";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import type { Deciding, Readings } from "./deciding";
import type { Words } from "./words/en";

type Reading = Readings["readings"][number];

const minutes = 10; // up to now
const most = 24; // readings that are shown

export function ReadingsSection({ deciding, devices }: { deciding: Deciding; devices: { id: string; kind: string }[] }) {
  const { words, format } = useSpeech<Words>();
  const { readings } = words.own;
  const [failed, fail] = useState("");
  const r = deciding.readings.value;
  const ask = (device: string) => void deciding.read(device, minutes).then(() => fail(""), (e: unknown) => fail(said(e)));
  const signed = (w: number) => `${w < 0 ? readings.gives : readings.takes} ${format.watts(w)}`;
  const columns: Column<Reading>[] = [
    { title: readings.time, cell: (x) => format.time({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }, x.time) },
    { title: readings.power, number: true, cell: (x) => (x.power === undefined ? "–" : signed(x.power)) },
    { title: readings.imported, number: true, cell: (x) => (x.import === undefined ? "–" : `${format.number(x.import)} Wh`) },
    { title: readings.exported, number: true, cell: (x) => (x.export === undefined ? "–" : `${format.number(x.export)} Wh`) },
    { title: readings.charge, number: true, cell: (x) => (x.charge === undefined ? "–" : format.percent(x.charge)) },
    { title: readings.quality, cell: (x) => readings.qualities[x.quality as keyof typeof readings.qualities] ?? x.quality },
    {
      title: readings.proof,
      cell: (x) =>
        x.batch ? (
          <a href={deciding.batch(x.batch)} download aria-label={readings.batch(x.sequence ?? 0, x.gateway ?? "")}>
            {x.batch.slice(0, 8)}
          </a>
        ) : (
          readings.gone
        ),
    },
  ];
  return (
    <section id="readings" aria-labelledby="readings-heading">
      <h2 id="readings-heading">{readings.heading}</h2>
      <p class="actions">
        {devices.map((d) => (
          <button key={d.id} type="button" aria-pressed={r?.device === d.id} onClick={() => ask(d.id)}>
            {d.id}
          </button>
        ))}
      </p>
      {r && (r.readings.length > 0 ? <Table id="told" caption={readings.of(r.device, minutes)} columns={columns} rows={r.readings.slice(0, most)} keyOf={(x) => x.time} narrow="cards" /> : <p class="hint">{readings.none(r.device, minutes)}</p>)}
      {!r && <p class="hint">{readings.hint}</p>}
      {failed && (
        <p role="alert" class="refusal">
          {failed}
        </p>
      )}
    </section>
  );
}
