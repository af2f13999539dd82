// What operators see of everybody's accounts, and who did what.
import { Field } from "../../ui/field";
import { useSpeech } from "../../ui/speech";
import { Table } from "../../ui/table";
import { Do } from "./page";
import { type Account, type Everybody, type Person, whose } from "./store";
import type { Words } from "./words/en";

interface Props {
  account: Account;
}

const roles: Person[] = ["homeowner", "installer", "utility", "researcher", "operator"];

export function People({ account }: Props) {
  const { words, shared, format } = useSpeech<Words>();
  const { people } = words;
  const all = account.everybody.value;
  if (!all) return null;
  return (
    <section id="people">
      <h2>{people.title}</h2>
      <Table
        narrow="cards"
        keyOf={(a) => a.id}
        rows={all.accounts}
        columns={[
          { title: words.name, cell: (a) => a.name },
          { title: words.email, cell: (a) => a.email },
          { title: people.role, cell: (a) => <Rights account={account} one={a} /> },
          { cell: (a) => <Do account={account} what={people.link} name={a.name} run={() => account.link(a.id)} /> },
          { cell: (a) => <Do account={account} what={people.remove} name={a.name} run={() => (confirm(people.sure(a.name)) ? account.remove(a.id) : Promise.resolve())} /> },
        ]}
      />
      {all.invitations.length > 0 && (
        <Table
          id="invitations"
          caption={people.waiting}
          narrow="cards"
          keyOf={(i) => i.id}
          rows={all.invitations}
          columns={[
            { title: words.name, cell: (i) => i.name ?? "–" },
            { title: words.email, cell: (i) => i.email ?? "–" },
            { title: people.role, cell: (i) => `${shared.roles[i.role]} ${i.member ?? ""}` },
            { title: people.until, cell: (i) => format.day(i.expires) },
            { cell: (i) => <Do account={account} what={people.withdraw} name={i.name ?? i.email ?? shared.roles[i.role]} run={() => account.withdraw(i.id)} /> },
          ]}
        />
      )}
      <Invite account={account} />
      <p class="hint">{people.unlockHint}</p>
      <button type="button" class="quiet" disabled={account.busy.value} onClick={() => void account.unlock(people.unlocked)}>
        {people.unlock}
      </button>
    </section>
  );
}

/** Rights are somebody's role and home, to be changed. */
function Rights({ account, one }: Props & { one: Everybody["accounts"][number] }) {
  const { words, shared } = useSpeech<Words>();
  const { people } = words;
  return (
    <form
      class="rights"
      onSubmit={(e) => {
        e.preventDefault();
        const typed = new FormData(e.currentTarget);
        void account.entitle(one.id, typed.get("role") as Person, String(typed.get("member")), people.changed);
      }}
    >
      <select name="role" aria-label={`${people.role}: ${one.name}`}>
        {roles.map((r) => (
          <option key={r} value={r} selected={r === one.role}>
            {shared.roles[r]}
          </option>
        ))}
      </select>{" "}
      <input name="member" aria-label={`${people.member}: ${one.name}`} defaultValue={one.member ?? ""} size={10} />{" "}
      <button class="quiet" disabled={account.busy.value}>
        {people.change}
      </button>
    </form>
  );
}

function Invite({ account }: Props) {
  const { words, shared } = useSpeech<Words>();
  const { people } = words;
  return (
    <form
      id="invite"
      onSubmit={(e) => {
        e.preventDefault();
        const typed = new FormData(e.currentTarget);
        const text = (name: string) => String(typed.get(name) ?? "").trim();
        void account.invite(text("role") as Person, text("home"), text("mail"), text("called"));
      }}
    >
      <h3>{people.inviteTitle}</h3>
      <Field id="role" label={people.role}>
        {(at) => (
          <select {...at}>
            {roles.map((r) => (
              <option key={r} value={r}>
                {shared.roles[r]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field id="home" label={people.member} hint={people.memberHint}>
        {(at) => <input {...at} />}
      </Field>
      <Field id="called" label={words.name} hint={people.optional}>
        {(at) => <input {...at} />}
      </Field>
      <Field id="mail" label={words.email} hint={people.optional}>
        {(at) => <input {...at} type="email" />}
      </Field>
      <button disabled={account.busy.value}>{people.invite}</button>
    </form>
  );
}

export function Log({ account }: Props) {
  const { words, format } = useSpeech<Words>();
  const { log } = words;
  const everybody = account.everybody.value?.accounts ?? [];
  return (
    <section id="log">
      <h2>{log.title}</h2>
      <Table
        narrow="cards"
        keyOf={(e) => e.number}
        rows={account.log.value}
        columns={[
          { title: log.time, cell: (e) => `${format.day(e.time)}, ${format.clock(e.time)}` },
          {
            title: log.who,
            cell: (e) => (
              <>
                {e.who || "–"} <small class="hint">{whose(e, everybody)}</small>
              </>
            ),
          },
          { title: log.what, prose: true, cell: (e) => e.what },
          { title: log.about, cell: (e) => e.about },
          { title: log.address, cell: (e) => e.address },
        ]}
      />
      {(account.log.value.at(-1)?.number ?? 1) > 1 && (
        <button type="button" class="quiet" disabled={account.busy.value} onClick={() => void account.older()}>
          {log.older}
        </button>
      )}
    </section>
  );
}
