// Runs side by side: a table of their figures, and a drawing of their intervals.
import { useMemo, useState } from "preact/hooks";
import { Chart, type Series } from "../../ui/chart";
import { Field } from "../../ui/field";
import { How } from "../../ui/figure";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import { difference, type Laid, laid, type Row, rows, shown } from "./compare";
import type { Lab, Result } from "./lab";
import type { Words } from "./words/en";

type Plot = keyof Words["comparison"]["plots"];

/** colours are the classes of the runs' lines, in their order. */
const colours = ["home", "solar", "battery", "export"];

export function Comparison({ lab, plots }: { lab: Lab; plots: string[] }) {
  const { words } = useSpeech<Words>();
  const w = words.comparison;
  const results = lab.compared.value;
  return (
    <section aria-labelledby="comparison-heading">
      <h2 id="comparison-heading">{w.heading}</h2>
      {results.length === 0 ? (
        <p class="hint">{w.choose}</p>
      ) : (
        <>
          <Figures results={results} />
          <Overlay results={results} plots={plots} />
          {results.map((r) => (
            <Files key={r.run.id} result={r} name={nameOf(r, words)} />
          ))}
        </>
      )}
    </section>
  );
}

/** nameOf is a run by its scenario and the seed that it had. */
function nameOf(r: Result, words: Words): string {
  const seed = r.summary?.["seed"] ?? r.run.seed;
  const sharing = r.run.sharing ? `, ${r.run.sharing}` : "";
  return words.runs.name(r.run.scenario, String(seed ?? words.runs.own)) + sharing;
}

/** greatest is the value of a row that is farthest from nothing: its unit is that of the row. */
function greatest(r: Row): number {
  return Math.max(0, ...r.values.map((v) => Math.abs(v ?? 0)));
}

function Figures({ results }: { results: Result[] }) {
  const { words, format } = useSpeech<Words>();
  const w = words.comparison;
  const columns: Column<Row>[] = [{ title: w.figure, cell: (r) => words.figures[r.name] }];
  results.forEach((result, k) => {
    columns.push({
      title: `${k + 1}: ${nameOf(result, words)}`,
      number: true,
      cell: (r) => {
        const v = r.values[k];
        return v === undefined ? "–" : shown(r.name, v, format, greatest(r));
      },
    });
    if (k > 0)
      columns.push({
        title: w.more(k + 1),
        number: true,
        cell: (r) => {
          const v = r.more[k];
          return v === undefined ? "–" : difference(r.name, v, format, greatest(r));
        },
      });
  });
  const all = rows(results);
  const ended = (time?: string) => (time ? `${format.time({ dateStyle: "medium" }, time)}, ${format.clock(time)}, ${format.named()}` : "–");
  return (
    <>
      <Table id="figures" narrow="cards" columns={columns} rows={all} keyOf={(r) => r.name} />
      <How of={w.heading}>
        <ul>
          {all.map((r) => (
            <li key={r.name}>
              <strong>{words.figures[r.name]}</strong>: {words.formulas[r.name]}
            </li>
          ))}
        </ul>
        {results.map((r, k) => (
          <p key={r.run.id}>{words.source(`${k + 1}: ${nameOf(r, words)}`, r.run.version ?? "–", ended(r.run.ended))}</p>
        ))}
      </How>
    </>
  );
}

function Overlay({ results, plots }: { results: Result[]; plots: string[] }) {
  const { words, format } = useSpeech<Words>();
  const w = words.comparison;
  const known = (Object.keys(w.plots) as Plot[]).filter((p) => plots.includes(p));
  const [of, draw] = useState<Plot>(known[0] ?? "traded");
  const points = useMemo(() => laid(results), [results]);
  const series: Series<Laid>[] = results.map((r, k) => ({ name: colours[k] ?? "home", label: `${k + 1}: ${nameOf(r, words)}`, kind: "stairs", value: (p) => p.points[k]?.[of] }));
  const picture = `/api/v1/run-plot?runs=${results.map((r) => r.run.id).join(",")}&of=${of}`;
  return (
    <>
      <Field id="plot" label={w.draw} after={w.unit}>
        {(at) => (
          <select {...at} value={of} onChange={(e) => draw(known.find((p) => p === e.currentTarget.value) ?? of)}>
            {known.map((p) => (
              <option value={p}>{w.plots[p]}</option>
            ))}
          </select>
        )}
      </Field>
      <Chart title={w.plots[of]} points={points} start={(p) => p.start} end={(p) => p.end} series={series} show={(v, most) => (of === "price" ? format.price(v) : format.energy(v, most))}>
        <p>
          <a href={picture} download={`${results.map((r) => r.run.scenario).join("-")}-${of}.png`}>
            {w.png}
          </a>
        </p>
      </Chart>
    </>
  );
}

function Files({ result, name }: { result: Result; name: string }) {
  const { words } = useSpeech<Words>();
  return (
    <details class="files">
      <summary>{words.comparison.files(name)}</summary>
      <ul>
        {result.files?.map((f) => (
          <li key={f}>
            <a href={`/api/v1/runs/${result.run.id}/files/${f}`} download>
              {f}
            </a>
          </li>
        ))}
      </ul>
    </details>
  );
}
