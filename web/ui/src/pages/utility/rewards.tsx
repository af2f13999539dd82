// What the storage rewards paid, and how the batteries stand.
import { How } from "../../ui/figure";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import type { Rewards } from "./store";
import type { Words } from "./words/en";

type Epoch = Rewards["epochs"][number];

interface Props {
  r: Rewards;
  /** read is the wall time at which they were read, ms. */
  read: number;
}

export function Batteries({ r, read }: Props) {
  const { words, shared, format } = useSpeech<Words>();
  const { rewards } = words;
  const columns: Column<Rewards["batteries"][number]>[] = [
    { title: rewards.battery, cell: (b) => b.device },
    { title: rewards.pledged, number: true, cell: (b) => format.watts(b.power) },
    { title: rewards.kept, number: true, of: (b) => b.energy, cell: (b, most) => format.energy(b.energy, most) },
    { title: rewards.reputation, number: true, cell: (b) => format.percent(b.reputation) },
    { title: rewards.stake, number: true, cell: (b) => shared.tokens(b.stake) },
    { title: rewards.tokens, number: true, cell: (b) => shared.tokens(b.tokens) },
    { title: rewards.now, cell: (b) => (b.challenged ? rewards.challenged : "–") },
  ];
  return (
    <section>
      <h2>{rewards.batteries}</h2>
      {r.batteries.length === 0 ? <p>{rewards.nobody}</p> : <Table id="batteries" narrow="cards" columns={columns} rows={r.batteries} keyOf={(b) => b.device} />}
      <How of={rewards.batteries} read={read}>
        {rewards.how.batteries.map((text) => (
          <p key={text}>{text}</p>
        ))}
      </How>
    </section>
  );
}

export function Epochs({ r, read }: Props) {
  const { words, shared, format } = useSpeech<Words>();
  const { rewards } = words;
  const columns: Column<Epoch["rewards"][number]>[] = [
    { title: rewards.battery, cell: (w) => w.device },
    { title: rewards.paid, number: true, cell: (w) => shared.tokens(w.tokens) },
    { title: rewards.available, number: true, cell: (w) => shared.intervals(w.intervals) },
    { title: rewards.met, number: true, cell: (w) => rewards.of(w.met, w.challenged) },
    { title: rewards.peaks, number: true, of: (w) => w.delivered, cell: (w, most) => format.energy(w.delivered, most) },
    { title: rewards.slashed, number: true, cell: (w) => shared.tokens(w.slashed) },
  ];
  return (
    <section>
      <h2>{rewards.epochs}</h2>
      {r.epochs.length === 0 ? (
        <p>{rewards.noEpoch}</p>
      ) : (
        r.epochs.map((e) => (
          <Table key={e.epoch} narrow="cards" caption={rewards.closing(e.epoch, shared.tokens(e.paid), shared.tokens(e.left))} columns={columns} rows={e.rewards} keyOf={(w) => w.device} />
        ))
      )}
      <How of={rewards.epochs} read={read}>
        {rewards.how.epochs.map((text) => (
          <p key={text}>{text}</p>
        ))}
      </How>
    </section>
  );
}
