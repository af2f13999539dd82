import { energy } from "../../ui/english";
import { unbroken } from "../../ui/format";
import { type Column, Table } from "../../ui/table";
import { counted, forecastOf, percent, said, unknown } from "./measures";
import type { Measures, Skill } from "./plans";

type Method = Skill["series"][number]["methods"][number];

/** SkillSection shows how well each method would have forecast this home's own past. */
export function SkillSection({ skill }: { skill: Skill | null }) {
  const series = skill?.series.filter((s) => s.methods.length > 0) ?? [];
  return (
    <section id="skill" aria-labelledby="skill-heading">
      <h2 id="skill-heading">How well this home is forecast</h2>
      {series.length === 0 && <p>Too little is known of this home yet to compare methods: that takes some days of its own history.</p>}
      {series.map((s) => (
        <Table key={`${s.metering_point} ${s.of}`}
          caption={`${forecastOf(s)} (${s.metering_point}): ${s.used} is used. Errors are shares of those of taking yesterday's values, on this home's own past; less is better.`}
          columns={columns}
          rows={s.methods}
          keyOf={(m) => m.method}
          mark={(m) => (m.method === s.used ? "own" : undefined)}
        />
      ))}
    </section>
  );
}

const columns: Column<Method>[] = [
  { title: "Method", cell: (m) => m.method },
  { title: "Days", number: true, cell: (m) => m.days },
  { title: "Mean error", number: true, cell: (m) => energy(m.mae) },
  { title: "Error", number: true, cell: (m) => percent(m.r_mae) },
  { title: "Error of the band", number: true, cell: (m) => percent(m.r_pinball) },
  { title: "Within the 80 % band", number: true, cell: (m) => percent(m.coverage) },
];

/** MeasuresSection shows how well the community does. */
export function MeasuresSection({ measures, currency }: { measures: Measures | null; currency: string }) {
  const all = measures ? said(measures, currency) : [];
  const missing = measures ? unknown(measures) : [];
  return (
    <section id="measures" aria-labelledby="measures-heading">
      <h2 id="measures-heading">How well the community does</h2>
      {measures && <p class="hint">{counted(measures)}</p>}
      <dl class="measures">
        {all.map((m) => (
          <div key={m.label}>
            <dt>{m.label}</dt>
            <dd>
              <strong>{unbroken(m.value)}</strong> {unbroken(m.note)}
            </dd>
          </div>
        ))}
      </dl>
      {missing.length > 0 && (
        <details>
          <summary>What is not measured here</summary>
          <dl class="measures">
            {missing.map((m) => (
              <div key={m.label}>
                <dt>{m.label}</dt>
                <dd>{m.reason}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </section>
  );
}
