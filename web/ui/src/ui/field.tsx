import type { ComponentChildren } from "preact";

/** At are the attributes of a field's input. */
export interface At {
  id: string;
  name: string;
  "aria-describedby"?: string;
  "aria-invalid": boolean;
}

interface Props {
  /** id is unique on the page. */
  id: string;
  name?: string;
  label: string;
  after?: string;
  hint?: string;
  /** problem says what is wrong with what stands in it. */
  problem?: string;
  children: (at: At) => ComponentChildren;
}

/** Field is an input with its name, a sentence about it, and what is wrong with it. */
export function Field({ id, name = id, label, after, hint, problem, children }: Props) {
  const said = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="entry">
        {children({ id, name, "aria-describedby": said || undefined, "aria-invalid": problem !== undefined })}
        {after && <span>{after}</span>}
      </div>
      {problem && (
        <p id={`${id}-problem`} class="refusal" role="alert">
          {problem}
        </p>
      )}
      {hint && (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
    </div>
  );
}
