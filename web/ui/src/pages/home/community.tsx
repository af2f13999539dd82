import { How } from "../../ui/figure";
import { unbroken } from "../../ui/format";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import { counted, forecastOf, said, unknown } from "./measures";
import type { Plans, Skill } from "./plans";
import type { Say } from "./say";
import type { Words } from "./words/en";

type Method = Skill["series"][number]["methods"][number];

/** SkillSection shows how well each method would have forecast this home's own past. */
export function SkillSection({ plans }: { plans: Plans }) {
  const say = useSpeech<Words>();
  const w = say.words.skill;
  const series = plans.skill.value?.series.filter((s) => s.methods.length > 0) ?? [];
  return (
    <section id="skill" aria-labelledby="skill-heading">
      <h2 id="skill-heading">{w.title}</h2>
      {series.length === 0 && <p>{w.none}</p>}
      {series.length > 0 && (
        <How of={w.title}>
          {w.how.map((text) => (
            <p key={text}>{text}</p>
          ))}
        </How>
      )}
      <div>
        {series.map((s) => (
          <div key={`${s.metering_point} ${s.of}`}>
            <Table caption={w.caption(forecastOf(s, say), s.metering_point, s.used)} columns={columns(say)} rows={s.methods} keyOf={(m) => m.method} mark={(m) => (m.method === s.used ? "own" : undefined)} />
          </div>
        ))}
      </div>
    </section>
  );
}

function columns({ words, format }: Say): Column<Method>[] {
  const w = words.skill.columns;
  return [
    { title: w.method, cell: (m) => m.method },
    { title: w.days, number: true, cell: (m) => m.days },
    { title: w.mean, number: true, of: (m) => m.mae, cell: (m, most) => format.energy(m.mae, most) },
    { title: w.error, number: true, cell: (m) => format.percent(m.r_mae) },
    { title: w.band, number: true, cell: (m) => format.percent(m.r_pinball) },
    { title: w.within, number: true, cell: (m) => format.percent(m.coverage) },
  ];
}

/** MeasuresSection shows how well the community does. */
export function MeasuresSection({ plans }: { plans: Plans }) {
  const say = useSpeech<Words>();
  const measures = plans.measures.value;
  const all = measures ? said(measures, say) : [];
  const missing = measures ? unknown(measures, say) : [];
  return (
    <section id="measures" aria-labelledby="measures-heading">
      <h2 id="measures-heading">{say.words.measures.title}</h2>
      {measures && <p class="hint">{counted(measures, say)}</p>}
      <dl class="measures">
        {all.map((m) => (
          <div key={m.label}>
            <dt>{m.label}</dt>
            <dd>
              <strong>{unbroken(m.value)}</strong> {unbroken(m.note)}
              <How of={m.label}>
                <p>{m.how}</p>
                <p>{say.words.measures.source}</p>
                <p>{measures && counted(measures, say)}</p>
              </How>
            </dd>
          </div>
        ))}
      </dl>
      {missing.length > 0 && (
        <details>
          <summary>{say.words.measures.unknown}</summary>
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
