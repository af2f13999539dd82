// Which pages there are, and for whom.
import type { Role, Session } from "./session";
import type { Shared } from "./words/en";

/** PageName is a page by its word. */
export type PageName = Exclude<keyof Shared["pages"], "label">;

interface Page {
  name: PageName;
  href: string;
  roles: Role[];
}

const pages: Page[] = [
  { name: "home", href: "/", roles: ["homeowner", "operator", "viewer"] },
  { name: "devices", href: "/installer.html", roles: ["installer"] },
  { name: "ledger", href: "/utility.html", roles: ["homeowner", "utility", "operator", "viewer"] },
  { name: "money", href: "/money.html", roles: ["homeowner", "utility", "operator", "viewer"] },
  { name: "research", href: "/researcher.html", roles: ["researcher", "operator"] },
  { name: "operation", href: "/operator.html", roles: ["operator"] },
];

/** pagesFor are those that who looks may open. */
export function pagesFor(session: Pick<Session, "may">): Page[] {
  return pages.filter((p) => session.may(...p.roles));
}
