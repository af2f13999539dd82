import { useSpeech } from "./speech";

/** Steps says which step of several somebody is at; current counts from 0. */
export function Steps({ names, current }: { names: string[]; current: number }) {
  const { shared } = useSpeech();
  return (
    <ol class="steps" aria-label={shared.steps(current + 1, names.length)}>
      {names.map((name, k) => (
        <li key={name} class={k < current ? "done" : undefined} aria-current={k === current ? "step" : undefined}>
          {name}
        </li>
      ))}
    </ol>
  );
}
