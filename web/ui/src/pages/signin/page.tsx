// The page on which people sign in: to a demonstration by a click, with a password, a passkey or another service's account, and by links.
import type { ComponentChildren } from "preact";
import { Alert } from "../../ui/alert";
import { Field } from "../../ui/field";
import { Shell } from "../../ui/shell";
import { useSpeech } from "../../ui/speech";
import type { Site } from "../../ui/start";
import type { Person, Problem, SignIn } from "./store";
import type { Words } from "./words/en";

interface Props {
  signIn: SignIn;
}

export function App({ site, signIn }: Props & { site: Site }) {
  const { words } = useSpeech<Words>();
  const info = signIn.session.info.value;
  const kind = signIn.link?.kind;
  return (
    <Shell site={site} page="account" title={words.title}>
      <main class="signin">
        {signIn.problem.value && <Wrong problem={signIn.problem.value} />}
        {kind === "first" ? (
          <First signIn={signIn} />
        ) : kind === "invitation" ? (
          <Invited signIn={signIn} />
        ) : kind === "recovery" ? (
          <Recovery signIn={signIn} />
        ) : info?.signed_in ? (
          <SignedIn signIn={signIn} />
        ) : (
          <Ways signIn={signIn} />
        )}
      </main>
    </Shell>
  );
}

function Wrong({ problem }: { problem: Problem }) {
  const { problems } = useSpeech<Words>().words;
  switch (problem.kind) {
    case "wait":
      return <Alert kind="error">{problems.wait(problem.seconds)}</Alert>;
    case "field":
      return <Alert kind="error">{problems[problem.field as "email" | "name" | "password"]}</Alert>;
    case "said":
      return <Alert kind="error">{problem.text}</Alert>;
    default:
      return <Alert kind="error">{problems[problem.kind]}</Alert>;
  }
}

/** Form hands over what was typed, and is not sent twice. */
function Form({ signIn, go, send, children }: Props & { go: string; send: (typed: (name: string) => string) => void; children: ComponentChildren }) {
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        const typed = new FormData(e.currentTarget);
        send((name) => String(typed.get(name) ?? ""));
      }}
    >
      {children}
      <button disabled={signIn.busy.value}>{go}</button>
    </form>
  );
}

function EMail({ id, value }: { id: string; value?: string }) {
  const { words } = useSpeech<Words>();
  return (
    <Field id={id} name="email" label={words.email}>
      {(at) => <input {...at} type="email" autocomplete="username" required value={value} readOnly={value !== undefined} />}
    </Field>
  );
}

function Name({ value }: { value?: string }) {
  const { words } = useSpeech<Words>();
  return (
    <Field id="name" label={words.name}>
      {(at) => <input {...at} autocomplete="name" required defaultValue={value} />}
    </Field>
  );
}

function NewPassword({ label }: { label: string }) {
  const { words } = useSpeech<Words>();
  return (
    <Field id="password" label={label} hint={words.passwordHint}>
      {(at) => <input {...at} type="password" autocomplete="new-password" minLength={10} required />}
    </Field>
  );
}

function Ways({ signIn }: Props) {
  const { words } = useSpeech<Words>();
  const info = signIn.session.info.value;
  if (!info) return null;
  const community = info.display_name;
  return (
    <>
      <h1>{info.demonstration ? words.demonstration.title : words.to(community)}</h1>
      {info.demonstration && <Demonstration signIn={signIn} />}
      {info.first_start && <p>{words.firstWaits}</p>}
      {info.demonstration ? (
        <details>
          <summary>{words.demonstration.account}</summary>
          <Account signIn={signIn} />
        </details>
      ) : (
        <Account signIn={signIn} />
      )}
    </>
  );
}

const people: Person[] = ["homeowner", "installer", "utility", "researcher", "operator"];

function Demonstration({ signIn }: Props) {
  const { demonstration } = useSpeech<Words>().words;
  return (
    <section>
      <p>{demonstration.text}</p>
      <ul class="ways">
        {people.map((role) => (
          <li key={role}>
            <button type="button" disabled={signIn.busy.value} onClick={() => void signIn.demonstration(role)}>
              {demonstration.roles[role]}
            </button>{" "}
            <span class="hint">{demonstration.say[role]}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Account({ signIn }: Props) {
  const { words } = useSpeech<Words>();
  const methods = signIn.session.info.value?.methods ?? [];
  return (
    <>
      {methods.includes("password") && (
        <section>
          <Form signIn={signIn} go={words.go} send={(typed) => void signIn.password(typed("email"), typed("password"))}>
            <EMail id="email" />
            <Field id="password" label={words.password}>
              {(at) => <input {...at} type="password" autocomplete="current-password" required />}
            </Field>
          </Form>
          {methods.includes("passkey") && (
            <p>
              <button type="button" class="quiet" disabled={signIn.busy.value} onClick={() => void signIn.passkey()}>
                {words.passkey}
              </button>
            </p>
          )}
          {methods.includes("oidc") && (
            <p>
              <button type="button" class="quiet" disabled={signIn.busy.value} onClick={() => void signIn.elsewhere()}>
                {words.oidc}
              </button>
            </p>
          )}
        </section>
      )}
      {methods.includes("password") && <Forgotten signIn={signIn} />}
      <details>
        <summary>{words.withKey}</summary>
        <Form signIn={signIn} go={words.keyGo} send={(typed) => void signIn.key(typed("key").trim())}>
          <Field id="key" label={words.key} hint={words.keyHint}>
            {(at) => <input {...at} type="password" autocomplete="off" required />}
          </Field>
        </Form>
      </details>
    </>
  );
}

function Forgotten({ signIn }: Props) {
  const { words } = useSpeech<Words>();
  return (
    <details>
      <summary>{words.forgotten}</summary>
      {signIn.session.info.value?.recovery !== "mail" ? (
        <p>{words.forgottenOperator}</p>
      ) : signIn.asked.value ? (
        <p role="status">{words.sent}</p>
      ) : (
        <Form signIn={signIn} go={words.send} send={(typed) => void signIn.forgotten(typed("email"))}>
          <p>{words.forgottenMail}</p>
          <EMail id="forgotten" />
        </Form>
      )}
    </details>
  );
}

function First({ signIn }: Props) {
  const { words } = useSpeech<Words>();
  return (
    <>
      <h1>{words.first.title}</h1>
      <section>
        <p>{words.first.text}</p>
        <Form signIn={signIn} go={words.first.go} send={(typed) => void signIn.first(typed("email"), typed("name"), typed("password"))}>
          <EMail id="email" />
          <Name />
          <NewPassword label={words.password} />
        </Form>
      </section>
    </>
  );
}

function Invited({ signIn }: Props) {
  const { words, shared, language } = useSpeech<Words>();
  const i = signIn.invitation.value;
  if (!i) return null;
  return (
    <>
      <h1>{words.invitation.title(signIn.session.info.value?.display_name ?? "")}</h1>
      <section>
        <p>
          {words.invitation.as(shared.roles[i.role])} {i.member && words.invitation.home(i.member)}
        </p>
        <Form signIn={signIn} go={words.invitation.go} send={(typed) => void signIn.accept(i.email ? "" : typed("email"), typed("name"), typed("password"), language)}>
          <EMail id="email" value={i.email} />
          <Name value={i.name} />
          <NewPassword label={words.password} />
        </Form>
      </section>
    </>
  );
}

function Recovery({ signIn }: Props) {
  const { words } = useSpeech<Words>();
  return (
    <>
      <h1>{words.recovery.title}</h1>
      <section>
        <p>{words.recovery.text}</p>
        <Form signIn={signIn} go={words.recovery.go} send={(typed) => void signIn.recovered(typed("password"), typed("alone") === "on")}>
          <NewPassword label={words.newPassword} />
          <label class="check">
            <input type="checkbox" name="alone" /> {words.recovery.alone}
          </label>
        </Form>
      </section>
    </>
  );
}

function SignedIn({ signIn }: Props) {
  const { words, shared } = useSpeech<Words>();
  const info = signIn.session.info.value;
  return (
    <>
      <h1>{words.signedIn(info?.name ?? "", info?.role ? shared.roles[info.role] : "")}</h1>
      <p>
        <a href="/">{words.goOn}</a>
      </p>
      <button type="button" onClick={() => void signIn.signOut()}>
        {words.signOut}
      </button>
    </>
  );
}
