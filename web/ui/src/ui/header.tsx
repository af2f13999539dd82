import type { ComponentChildren } from "preact";

/** Header is the first line of every page; beside the name stands the way back, or what children say. */
export function Header({ name, children }: { name: string; children?: ComponentChildren }) {
  return (
    <header>
      <strong>Commonwatt</strong> <span>{name}</span>
      {children ?? (
        <a class="when" href="/">
          Homes
        </a>
      )}
    </header>
  );
}
