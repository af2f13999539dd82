import type { ComponentChildren } from "preact";
import { unbroken } from "./format";
import { useSpeech } from "./speech";

interface Props {
  id?: string;
  label: string;
  value: string;
  note?: string;
  /** how says from which source the number is, how old it is and by which formula it was reckoned. */
  how?: ComponentChildren;
}

/** Figure is one number: what it is, how much, what belongs to it, and where it comes from. */
export function Figure({ id, label, value, note, how }: Props) {
  const { shared } = useSpeech();
  return (
    <div class="figure">
      <h3>{label}</h3>
      <output id={id}>{value}</output>
      {note && <p>{unbroken(note)}</p>}
      {how && (
        <details class="how">
          <summary aria-label={`${shared.figure.how}: ${label}`}>{shared.figure.how}</summary>
          {how}
        </details>
      )}
    </div>
  );
}
