// Which pages there are, and for whom.
import type { Role, Session } from "./session";
import type { Shared } from "./words/en";

/** PageName is a page by its word. */
export type PageName = Exclude<keyof Shared["pages"], "label">;

interface Page {
  name: PageName;
  href: string;
  roles: Role[];
  /** signedIn: there is nothing on it for who just looks at a demonstration. */
  signedIn?: boolean;
}

const pages: Page[] = [
  { name: "home", href: "/", roles: ["homeowner", "operator", "viewer"] },
  { name: "devices", href: "/installer.html", roles: ["installer", "operator"] },
  { name: "ledger", href: "/utility.html", roles: ["homeowner", "utility", "operator", "viewer"] },
  { name: "money", href: "/money.html", roles: ["homeowner", "utility", "operator", "viewer"] },
  { name: "research", href: "/researcher.html", roles: ["researcher", "operator"] },
  { name: "operation", href: "/operator.html", roles: ["operator"] },
  { name: "accounts", href: "/account.html", roles: ["operator"], signedIn: true },
];

/** pagesFor are those that who looks may open. */
export function pagesFor(session: Pick<Session, "may" | "role">): Page[] {
  return pages.filter((p) => session.may(...p.roles) && (!p.signedIn || session.role !== undefined));
}

/** strange tells whether a page is for other roles than that of who has signed in: it would only be refused what it asks for. */
export function strange(page: PageName, session: Pick<Session, "may" | "role">): boolean {
  const at = pages.find((p) => p.name === page);
  return at !== undefined && session.role !== undefined && !session.may(...at.roles);
}

/** firstFor is the page on which who looks begins; undefined: there is none for them. */
export function firstFor(session: Pick<Session, "may" | "role">): string | undefined {
  return pagesFor(session)[0]?.href;
}
