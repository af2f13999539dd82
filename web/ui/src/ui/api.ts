// The one way to ask the community: with the key, for so long, and with the error that
// it gives. What is asked and answered has the types of openapi.yaml.
import type { components, paths } from "../api.gen";
import type { Key } from "./key";

export type Schemas = components["schemas"];

type Method = "get" | "post" | "put" | "delete";
type Asked<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
type Json<T> = T extends { content: { "application/json": infer C } } ? C : undefined;
type Answer<O> = O extends { responses: { 200: infer A } } ? Json<A> : undefined;
type Ask<O> = { within?: number } & (O extends { requestBody: infer B } ? { body: Json<B> } : { body?: undefined }) &
  (O extends { parameters: { path: infer At } } ? { at: At } : { at?: undefined });

/** Failed says why the community did not do what it was asked; status is that of HTTP, 0 when it did not answer. */
export class Failed extends Error {
  constructor(
    text: string,
    readonly status = 0,
  ) {
    super(text);
  }
}

/** usual is for how long an answer is waited, in ms; an answer that waits for devices says how long it may take. */
const usual = 15_000;

/** said is the text of what was thrown. */
export function said(e: unknown): string {
  return e instanceof Error ? e.message : String(e);
}

export class Api {
  constructor(private readonly key?: Key) {}

  /** call asks for an operation; at fills in its path, within is for how many ms its answer is waited. */
  async call<P extends keyof paths, M extends Method>(method: M, path: P, ask: Ask<Asked<P, M>>): Promise<Answer<Asked<P, M>>> {
    const within = ask.within ?? usual;
    const patience = new AbortController();
    const over = setTimeout(() => patience.abort(), within);
    try {
      const answer = await fetch(address(path, ask.at), { method: method.toUpperCase(), headers: this.headers(ask.body), body: JSON.stringify(ask.body), signal: patience.signal });
      await this.judge(answer);
      return (answer.status === 204 ? undefined : await answer.json()) as Answer<Asked<P, M>>;
    } catch (e) {
      throw patience.signal.aborted ? new Failed(`The community did not answer within ${within / 1000} s.`) : e;
    } finally {
      clearTimeout(over);
    }
  }

  private headers(body: unknown): Record<string, string> {
    return {
      ...(this.key?.value ? { Authorization: `Bearer ${this.key.value}` } : {}),
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    };
  }

  /** judge throws what an answer other than success says; a key that is refused is forgotten. */
  private async judge(answer: Response): Promise<void> {
    if (answer.ok) return;
    if (answer.status === 401 && this.key) {
      this.key.forget();
      throw new Failed(`That is not the ${this.key.role}'s key of this community.`, 401);
    }
    const problem = (await answer.json().catch(() => ({}))) as Partial<Schemas["Problem"]>;
    throw new Failed(problem.error ?? `${answer.status} ${answer.statusText}`, answer.status);
  }
}

function address(path: string, at: unknown): string {
  const values = (at ?? {}) as Record<string, string>;
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
}
