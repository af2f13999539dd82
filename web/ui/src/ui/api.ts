// The one way to ask the community: with the key, for so long, and with the error that
// it gives. What is asked and answered has the types of openapi.yaml.
import type { components, paths } from "../api.gen";
import type { Key } from "./key";

export type Schemas = components["schemas"];

type Method = "get" | "post" | "put" | "patch" | "delete";
type Asked<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
type Json<T> = T extends { content: { "application/json": infer C } } ? C : T extends { content: { "application/pdf": unknown } | { "application/octet-stream": unknown } } ? Blob : undefined;
type Answer<O> = O extends { responses: { 200: infer A } } ? Json<A> : undefined;
/** Body is what an operation takes: a form and a file as the browser has them, or JSON. */
type Body<T> = T extends { content: { "multipart/form-data": unknown } } ? FormData : T extends { content: { "application/octet-stream": unknown } } ? Blob : Json<T>;
type Ask<O> = { within?: number } & (O extends { requestBody: infer B } ? { body: Body<B> } : { body?: undefined }) &
  (O extends { parameters: { path: infer At } } ? { at: At } : { at?: undefined }) &
  (O extends { parameters: { query: infer Q } } ? { query: Q } : O extends { parameters: { query?: infer Q } } ? { query?: Q } : { query?: undefined });

/** Failed says why the community did not do what it was asked; status is that of HTTP, 0 when it did not answer. */
export class Failed extends Error {
  constructor(
    text: string,
    readonly status = 0,
  ) {
    super(text);
  }
}

/** Said is a sentence of the community as it is said in each language. */
export type Said = Schemas["Said"];

/** ApiWords are what is said when the community says nothing. */
export interface ApiWords {
  silent: (seconds: number) => string;
  unreachable: string;
  failed: (status: number) => string;
  key: (role: string) => string;
}

/** speaking is the language of the page. */
function speaking(): "en" | "de" {
  return typeof document !== "undefined" && document.documentElement.lang === "de" ? "de" : "en";
}

/** told is a text of the community in the language of the page; text is the same in English as it arose. */
export function told(said: Said | undefined, text: string, language: "en" | "de" = speaking()): string {
  return said?.[language] || text;
}

/** usual is for how long an answer is waited, in ms; an answer that waits for devices says how long it may take. */
const usual = 15_000;

/** said is the text of what was thrown. */
export function said(e: unknown): string {
  return e instanceof Error ? e.message : String(e);
}

export class Api {
  /** words are asked for when something went wrong; without them it is said in English. */
  constructor(
    private readonly key?: Key,
    private readonly words: () => ApiWords | undefined = () => undefined,
  ) {}

  /** as is the same with another key. */
  as(key?: Key): Api {
    return new Api(key, this.words);
  }

  /** call asks for an operation; at fills in its path, query stands after it, within is for how many ms its answer is waited. */
  async call<P extends keyof paths, M extends Method>(method: M, path: P, ask: Ask<Asked<P, M>>): Promise<Answer<Asked<P, M>>> {
    const within = ask.within ?? usual;
    const patience = new AbortController();
    const over = setTimeout(() => patience.abort(), within);
    try {
      const answer = await fetch(address(path, ask.at, ask.query), { method: method.toUpperCase(), ...this.sent(ask.body), signal: patience.signal });
      await this.judge(answer);
      return (answer.status === 204 ? undefined : await read(answer)) as Answer<Asked<P, M>>;
    } catch (e) {
      throw this.away(e, patience.signal.aborted ? within / 1000 : 0);
    } finally {
      clearTimeout(over);
    }
  }

  /** away is what is thrown instead of what the browser throws, in its own words, when no answer came; within is for how many s one was waited, 0: it was not. */
  private away(e: unknown, within: number): unknown {
    if (within > 0) return new Failed(this.words()?.silent(within) ?? `The community did not answer within ${within} s.`);
    return e instanceof TypeError ? new Failed(this.words()?.unreachable ?? "The community is not reached.") : e;
  }

  /** sent is a body with its headers; the browser says itself of what kind a form is. */
  private sent(body: unknown): RequestInit {
    const headers: Record<string, string> = this.key?.value ? { Authorization: `Bearer ${this.key.value}` } : {};
    if (body === undefined || body instanceof FormData) return { headers, body };
    if (body instanceof Blob) return { headers: { ...headers, "Content-Type": "application/octet-stream" }, body };
    return { headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body) };
  }

  /** judge throws what an answer other than success says; a key that is refused is forgotten. */
  private async judge(answer: Response): Promise<void> {
    if (answer.ok) return;
    if (answer.status === 401 && this.key?.value) {
      this.key.forget();
      throw new Failed(this.words()?.key(this.key.role) ?? `That is not the ${this.key.role}'s key of this community.`, 401);
    }
    const problem = (await answer.json().catch(() => ({}))) as Partial<Schemas["Problem"]>;
    throw new Failed(problem.error ? told(problem.said, problem.error) : (this.words()?.failed(answer.status) ?? `${answer.status} ${answer.statusText}`), answer.status);
  }
}

/** read is what an answer says: JSON, or a file as it is. */
function read(answer: Response): Promise<unknown> {
  return ["application/pdf", "application/octet-stream"].includes(answer.headers.get("Content-Type") ?? "") ? answer.blob() : answer.json();
}

function address(path: string, at: unknown, query: unknown): string {
  const values = (at ?? {}) as Record<string, string>;
  const asked = Object.entries((query ?? {}) as Record<string, unknown>).filter(([, v]) => v !== undefined && v !== "");
  const after = new URLSearchParams(asked.map(([name, v]): [string, string] => [name, String(v)])).toString();
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? "")) + (after && `?${after}`);
}
