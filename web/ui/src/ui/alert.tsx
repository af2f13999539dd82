import type { ComponentChildren } from "preact";

/** Alert says at once what somebody has to know; kind tells how bad it is, which its sign and its words tell as well. */
export function Alert({ kind = "warning", children }: { kind?: "warning" | "error"; children: ComponentChildren }) {
  return (
    <p role="alert" class={`alert ${kind}`}>
      <span>{children}</span>
    </p>
  );
}
