// The pages of a list that is asked for some at a time.
import { useSpeech } from "../../ui/speech";
import type { Words } from "./words/en";

interface Props {
  /** of names the list for who only hears the page. */
  of: string;
  total: number;
  skip: number;
  step: number;
  turn: (skip: number) => void;
}

/** Pager says which part of a list is shown, and turns its pages; a list of one page has none to turn. */
export function Pager({ of, total, skip, step, turn }: Props) {
  const { words, format } = useSpeech<Words>();
  const { pager } = words;
  if (total <= step && skip === 0) return null;
  const last = Math.min(skip + step, total);
  return (
    <p class="actions" role="group" aria-label={of}>
      <button type="button" disabled={skip === 0} onClick={() => turn(Math.max(0, skip - step))}>
        {pager.later}
      </button>
      <span aria-live="polite">{pager.shown(format.number(Math.min(skip + 1, total)), format.number(last), format.number(total))}</span>
      <button type="button" disabled={last >= total} onClick={() => turn(skip + step)}>
        {pager.earlier}
      </button>
    </p>
  );
}
