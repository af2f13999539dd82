// What stands around every page: the community's name, the other pages, the settings, what is wrong, and the last line.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Alert } from "./alert";
import { told } from "./api";
import type { Live } from "./live";
import { firstFor, type PageName, pagesFor, strange } from "./pages";
import { useSpeech } from "./speech";
import type { Site } from "./start";
import { looks } from "./theme";
import { languages, spoken } from "./words";

interface Props {
  site: Site;
  /** page is the one that is shown; its word is its title where none is given. */
  page: PageName;
  title?: string;
  /** live is what news come by; without it the page says itself how old it is. */
  live?: Live;
  foot?: ComponentChildren;
  children: ComponentChildren;
}

/** Shell is the frame of every page. Its children bring a main of their own. */
export function Shell({ site, page, title, live, foot, children }: Props) {
  const { shared, language } = useSpeech();
  const community = site.session.info.value?.display_name ?? live?.state.value?.community ?? "Commonwatt";
  const named = title ?? shared.pages[page];
  useEffect(() => {
    document.title = `${named} · ${community}`;
  }, [named, community]);
  return (
    <>
      <a class="skip" href="#content">
        {shared.skip}
      </a>
      <header>
        <div class="bar">
          <a class="community" href={firstFor(site.session) ?? "/"}>
            <Sign /> {community}
          </a>
          {live && <Clock live={live} />}
          {page !== "account" && <Enter site={site} />}
          <Menu site={site} />
        </div>
        <Pages site={site} page={page} />
      </header>
      {live && <Silence live={live} />}
      {live?.state.value?.status.alarms?.map((alarm, k) => (
        <Alert kind="error" key={alarm}>
          {told(live.state.value?.status.alarms_said?.[k], alarm, language)}
        </Alert>
      ))}
      <div id="content" tabIndex={-1}>
        {strange(page, site.session) ? <Elsewhere site={site} page={page} /> : children}
      </div>
      <footer>{foot}</footer>
    </>
  );
}

/** Elsewhere says that a page is for others, and where the own ones are. */
function Elsewhere({ site, page }: { site: Site; page: PageName }) {
  const { shared } = useSpeech();
  const { role } = site.session;
  return (
    <main>
      <h1>{shared.pages[page]}</h1>
      <p>{role && shared.elsewhere.not(shared.roles[role])}</p>
      <ul>
        {pagesFor(site.session).map((p) => (
          <li key={p.name}>
            <a href={p.href}>{shared.pages[p.name]}</a>
          </li>
        ))}
      </ul>
      <p>
        <a href="/signin.html">{shared.elsewhere.other}</a>
      </p>
    </main>
  );
}

/** Sign is the program's mark: a sun over a line that homes share. */
function Sign() {
  return (
    <svg class="sign-mark" viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
      <circle cx="16" cy="12" r="6" />
      <path d="M4 25 h24 M9 25 v-5 M16 25 v-4 M23 25 v-5" />
    </svg>
  );
}

function Clock({ live }: { live: Live }) {
  const { format, shared } = useSpeech();
  const status = live.state.value?.status;
  if (!status) return null;
  return (
    <span class="when">
      {format.day(status.world_time)}, <time dateTime={status.world_time}>{format.clock(status.world_time)}</time> {format.zone}
      {status.speed !== 1 && ` · ${shared.speed(status.speed)}`}
    </span>
  );
}

function Pages({ site, page }: { site: Site; page: PageName }) {
  const { shared } = useSpeech();
  const all = pagesFor(site.session);
  if (all.length < 2) return null;
  return (
    <nav aria-label={shared.pages.label}>
      {all.map((p) => (
        <a key={p.name} href={p.href} aria-current={p.name === page ? "page" : undefined}>
          {shared.pages[p.name]}
        </a>
      ))}
    </nav>
  );
}

/** Enter leads who has not signed in to where that is done. */
function Enter({ site }: { site: Site }) {
  const { menu } = useSpeech().shared;
  return site.session.info.value?.signed_in ? null : (
    <a class="enter" href="/signin.html">
      {menu.signIn}
    </a>
  );
}

/** Menu has the language, the colours and the account. It closes by Escape, and when something else is touched. */
function Menu({ site }: { site: Site }) {
  const { shared, language } = useSpeech();
  const { menu } = shared;
  const box = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (e: Event) => {
      if (box.current?.open && !(e.target instanceof Node && box.current.contains(e.target))) box.current.open = false;
    };
    document.addEventListener("pointerdown", close);
    document.addEventListener("focusin", close);
    return () => {
      document.removeEventListener("pointerdown", close);
      document.removeEventListener("focusin", close);
    };
  }, []);
  const escape = (e: KeyboardEvent) => {
    if (e.key !== "Escape" || !box.current?.open) return;
    box.current.open = false;
    box.current.querySelector("summary")?.focus();
  };
  return (
    <details class="menu" ref={box} onKeyDown={escape}>
      <summary>{menu.open}</summary>
      <div class="sheet">
        <label>
          {menu.language}
          <select value={language} onChange={(e) => spoken(e.currentTarget.value) && void site.speaker.choose(e.currentTarget.value)}>
            {Object.entries(languages).map(([name, own]) => (
              <option value={name} lang={name}>
                {own}
              </option>
            ))}
          </select>
        </label>
        <label>
          {menu.theme}
          <select value={site.theme.look.value} onChange={(e) => site.theme.choose(looks.find((l) => l === e.currentTarget.value) ?? "auto")}>
            {looks.map((l) => (
              <option value={l}>{menu.themes[l]}</option>
            ))}
          </select>
        </label>
        <Account site={site} />
      </div>
    </details>
  );
}

function Account({ site }: { site: Site }) {
  const { menu, pages, roles } = useSpeech().shared;
  const info = site.session.info.value;
  if (!info?.signed_in || !info.role) return null;
  return (
    <>
      <p>{menu.as(info.name ?? "", roles[info.role])}</p>
      {(info.email || info.role === "operator") && <a href="/account.html">{pages.account}</a>}
      <button type="button" onClick={() => void site.session.signOut().then(() => location.assign("/"))}>
        {menu.signOut}
      </button>
    </>
  );
}

/** Silence says when no news come, and since when. */
function Silence({ live }: { live: Live }) {
  const { format, shared } = useSpeech();
  const silence = live.silence.value;
  const from = live.state.value?.status.world_time;
  if (silence === 0 || !from) return null;
  const [before, age, after] = shared.noNews(format.seconds(silence), format.clock(from));
  return (
    <Alert>
      {before}
      <span aria-live="off">{age}</span>
      {after}
    </Alert>
  );
}
