import type { ComponentChildren } from "preact";
import { Age } from "./age";
import { unbroken } from "./format";
import { useSpeech } from "./speech";

interface Props {
  id?: string;
  label: string;
  value: string;
  note?: string;
  /** how says from which source the number is, how old it is and by which formula it was reckoned. */
  how?: ComponentChildren;
  /** read is the wall time at which it was read, ms, where how does not say how old it is. */
  read?: number;
}

/** Figure is one number: what it is, how much, what belongs to it, and where it comes from. */
export function Figure({ id, label, value, note, how, read }: Props) {
  return (
    <div class="figure">
      <h3>{label}</h3>
      <output id={id}>{value}</output>
      {note && <p>{unbroken(note)}</p>}
      {how && <How of={label} read={read}>{how}</How>}
    </div>
  );
}

/** How opens where numbers come from: source, age and formula; of names them for who only hears the page, read is when they were read (Age). */
export function How({ of, read, children }: { of: string; read?: number; children: ComponentChildren }) {
  const { shared } = useSpeech();
  return (
    <details class="how">
      <summary aria-label={`${shared.figure.how}: ${of}`}>{shared.figure.how}</summary>
      {children}
      {read !== undefined && (
        <p>
          <Age at={read} />
        </p>
      )}
    </details>
  );
}
