// The page of the own account: name and language, password, passkeys, sessions, keys of programs; for operators everybody's.
import { Alert } from "../../ui/alert";
import { Field } from "../../ui/field";
import { Shell } from "../../ui/shell";
import { useSpeech } from "../../ui/speech";
import type { Site } from "../../ui/start";
import { Table } from "../../ui/table";
import { languages, spoken } from "../../ui/words";
import { Log, People } from "./people";
import type { Account, Own, Scope } from "./store";
import type { Words } from "./words/en";

interface Props {
  account: Account;
}

export function App({ site, account }: Props & { site: Site }) {
  const { words, shared } = useSpeech<Words>();
  const own = account.own.value;
  return (
    <Shell site={site} page={account.operates ? "accounts" : "account"} title={words.title}>
      <main class="own-account">
        <h1>{words.title}</h1>
        {account.problem.value && <Alert kind="error">{account.problem.value}</Alert>}
        <p role="status">{account.done.value}</p>
        {site.session.guest && <p>{shared.guest}</p>}
        {own && account.came && <Came account={account} own={own} />}
        <Secret account={account} />
        {account.operates && !site.session.guest && <People account={account} />}
        {own && (
          <>
            <Self account={account} own={own} />
            <Password account={account} />
            <Passkeys account={account} own={own} possible={site.session.info.value?.methods.includes("passkey") ?? false} />
            <Elsewhere account={account} own={own} possible={site.session.info.value?.methods.includes("oidc") ?? false} />
            <Sessions account={account} own={own} />
            {own.scopes.length > 0 && <Keys account={account} own={own} />}
          </>
        )}
        {account.operates && !site.session.guest && <Log account={account} />}
      </main>
    </Shell>
  );
}

/** Came says what has happened before somebody has come here: after a link to a new password, what opens the account still. */
function Came({ account, own }: Props & { own: Own }) {
  const { came } = useSpeech<Words>().words;
  if (account.came === "bound") return <p role="status">{came.bound}</p>;
  if (account.came === "not-bound") return <Alert kind="error">{came.notBound}</Alert>;
  const left = [own.passkeys, own.identities, own.keys.filter((k) => k.own)].map((all) => all.length) as [number, number, number];
  return left.every((n) => n === 0) ? <p role="status">{came.alone}</p> : <Alert>{came.left(...left)}</Alert>;
}

/** Secret is what is shown once. */
function Secret({ account }: Props) {
  const { words } = useSpeech<Words>();
  const told = account.told.value;
  if (!told) return null;
  if (told.kind === "key") {
    return (
      <section role="status" class="told">
        <p>{words.keys.told}</p>
        <code>{told.key}</code>
      </section>
    );
  }
  const link = location.origin + told.link.link;
  return (
    <section role="status" class="told">
      <p>
        {words.people.told} {told.link.sent && words.people.sent}
      </p>
      <code>{link}</code>
      {told.link.qr ? (
        <img class="code" alt={words.people.code} width="220" height="220" src={`data:image/svg+xml;utf8,${encodeURIComponent(told.link.qr)}`} />
      ) : (
        <p class="hint">{words.people.noCode}</p>
      )}
    </section>
  );
}

function Self({ account, own }: Props & { own: Own }) {
  const { words, language } = useSpeech<Words>();
  return (
    <section>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const typed = new FormData(e.currentTarget);
          const chosen = String(typed.get("language"));
          void account.save(String(typed.get("name")), spoken(chosen) ? chosen : language, words.saved);
        }}
      >
        <p>
          {words.email}: <strong>{own.account.email}</strong>
        </p>
        <Field id="name" label={words.name}>
          {(at) => <input {...at} required autocomplete="name" defaultValue={own.account.name} />}
        </Field>
        <Field id="language" label={words.language}>
          {(at) => (
            <select {...at}>
              {Object.entries(languages).map(([name, called]) => (
                <option key={name} value={name} lang={name} selected={name === (own.language ?? language)}>
                  {called}
                </option>
              ))}
            </select>
          )}
        </Field>
        <button disabled={account.busy.value}>{words.save}</button>
      </form>
    </section>
  );
}

function Password({ account }: Props) {
  const { password } = useSpeech<Words>().words;
  return (
    <section>
      <h2>{password.title}</h2>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const form = e.currentTarget;
          const typed = new FormData(form);
          void account.password(String(typed.get("before")), String(typed.get("password")), typed.get("alone") !== null, password.done).then(() => form.reset());
        }}
      >
        <Field id="before" label={password.before}>
          {(at) => <input {...at} type="password" autocomplete="current-password" required />}
        </Field>
        <Field id="password" label={password.now} hint={password.hint}>
          {(at) => <input {...at} type="password" autocomplete="new-password" minLength={10} required />}
        </Field>
        <label class="check">
          <input type="checkbox" name="alone" /> {password.alone}
        </label>
        <button disabled={account.busy.value}>{password.go}</button>
      </form>
    </section>
  );
}

function Passkeys({ account, own, possible }: Props & { own: Own; possible: boolean }) {
  const { words, format } = useSpeech<Words>();
  const { passkeys } = words;
  return (
    <section id="passkeys">
      <h2>{passkeys.title}</h2>
      <p>{passkeys.text}</p>
      {own.passkeys.length === 0 ? (
        <p class="hint">{passkeys.empty}</p>
      ) : (
        <Table
          narrow="cards"
          keyOf={(k) => k.id}
          rows={own.passkeys}
          columns={[
            { title: passkeys.name, cell: (k) => k.name },
            { title: passkeys.made, cell: (k) => format.day(k.made) },
            { title: passkeys.used, cell: (k) => `${format.day(k.used)}, ${format.clock(k.used)}` },
            { cell: (k) => <Do account={account} what={passkeys.remove} name={k.name} run={() => account.removePasskey(k.id)} /> },
          ]}
        />
      )}
      {possible ? (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            void account.addPasskey(String(new FormData(e.currentTarget).get("passkey")));
          }}
        >
          <Field id="passkey" label={passkeys.name}>
            {(at) => <input {...at} required maxLength={100} placeholder={passkeys.example} />}
          </Field>
          <button disabled={account.busy.value}>{passkeys.add}</button>
        </form>
      ) : (
        <p class="hint">{passkeys.address}</p>
      )}
    </section>
  );
}

/** Elsewhere are the accounts of another service by which one signs in here. */
function Elsewhere({ account, own, possible }: Props & { own: Own; possible: boolean }) {
  const { words, format } = useSpeech<Words>();
  const { elsewhere } = words;
  if (!possible && own.identities.length === 0) return null;
  return (
    <section id="elsewhere">
      <h2>{elsewhere.title}</h2>
      <p>{elsewhere.text}</p>
      {own.identities.length > 0 && (
        <Table
          narrow="cards"
          keyOf={(i) => i.id}
          rows={own.identities}
          columns={[
            { title: elsewhere.service, cell: (i) => i.issuer },
            { title: words.email, cell: (i) => i.email ?? "–" },
            { title: elsewhere.made, cell: (i) => format.day(i.made) },
            { title: elsewhere.used, cell: (i) => `${format.day(i.used)}, ${format.clock(i.used)}` },
            { cell: (i) => <Do account={account} what={elsewhere.remove} name={i.issuer} run={() => account.removeIdentity(i.id)} /> },
          ]}
        />
      )}
      {possible && (
        <button type="button" disabled={account.busy.value} onClick={() => void account.elsewhere()}>
          {elsewhere.add}
        </button>
      )}
    </section>
  );
}

/** Do is a button that says to who cannot see it what it is about. */
export function Do({ account, what, name, run }: Props & { what: string; name: string; run: () => Promise<void> }) {
  return (
    <button type="button" class="quiet" aria-label={`${what}: ${name}`} disabled={account.busy.value} onClick={() => void run()}>
      {what}
    </button>
  );
}

function Sessions({ account, own }: Props & { own: Own }) {
  const { words, format } = useSpeech<Words>();
  const { sessions } = words;
  return (
    <section id="sessions">
      <h2>{sessions.title}</h2>
      <Table
        narrow="cards"
        keyOf={(s) => s.id}
        rows={own.sessions}
        columns={[
          { title: sessions.browser, cell: (s) => s.browser || "–" },
          { title: sessions.address, cell: (s) => s.address },
          { title: sessions.seen, cell: (s) => `${format.day(s.seen)}, ${format.clock(s.seen)}` },
          { cell: (s) => (s.this ? sessions.here : <Do account={account} what={sessions.end} name={s.browser} run={() => account.endSession(s.id)} />) },
        ]}
      />
      {own.sessions.length > 1 && (
        <button type="button" disabled={account.busy.value} onClick={() => void account.endOthers()}>
          {sessions.others}
        </button>
      )}
    </section>
  );
}

function Keys({ account, own }: Props & { own: Own }) {
  const { words, format } = useSpeech<Words>();
  const { keys } = words;
  return (
    <section id="keys">
      <h2>{keys.title}</h2>
      <p>{keys.text}</p>
      {own.keys.length === 0 ? (
        <p class="hint">{keys.empty}</p>
      ) : (
        <Table
          narrow="cards"
          keyOf={(k) => k.id}
          rows={own.keys}
          columns={[
            { title: keys.name, cell: (k) => k.name },
            { title: keys.member, cell: (k) => k.member },
            { title: keys.good, cell: (k) => k.scopes.map((s) => keys.scopes[s]).join(", ") },
            { title: keys.ends, cell: (k) => (k.state === "good" ? format.day(k.ends) : `${format.day(k.ends)} (${keys.states[k.state]})`) },
            { cell: (k) => <Do account={account} what={keys.remove} name={k.name} run={() => account.removeKey(k.id)} /> },
          ]}
        />
      )}
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const typed = new FormData(e.currentTarget);
          void account.makeKey(String(typed.get("keyname")), String(typed.get("keymember") ?? ""), typed.getAll("scope") as Scope[], Number(typed.get("keydays")));
        }}
      >
        <Field id="keyname" label={keys.name}>
          {(at) => <input {...at} required maxLength={100} />}
        </Field>
        {account.operates && (
          <Field id="keymember" label={keys.member}>
            {(at) => <input {...at} required />}
          </Field>
        )}
        <Field id="keydays" label={keys.days} hint={keys.daysHint}>
          {(at) => <input {...at} type="number" inputmode="numeric" min={1} max={1825} required defaultValue="365" />}
        </Field>
        {own.scopes.map((s) => (
          <label key={s} class="check">
            <input type="checkbox" name="scope" value={s} defaultChecked={s === "read"} /> {keys.scopes[s]}
          </label>
        ))}
        <button disabled={account.busy.value}>{keys.make}</button>
      </form>
    </section>
  );
}
