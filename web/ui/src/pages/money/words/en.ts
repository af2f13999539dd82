import { plural } from "../../../ui/words";
import { billWords } from "./bills_en";
import { deskWords } from "./desk_en";

/** words are those of this page: what all may see here, and below what the operator does. */
export const words = {
  parts: { label: "Parts of this page", tariffs: "Tariffs", fund: "Fund", bills: "Bills", values: "Official values", members: "Members" },
  reading: "Reading what the community says…",
  closed: "This community's pages open with a key",
  key: { label: "Operator's key", enter: "Go on", trying: "Looking whether the key fits…", where: ["It is in the file ", " in the community's data directory, and is forgotten when this tab is closed."] as [string, string] },
  no: "No, go back",
  /** of are the words before an amount that comes in for who is meant, and one that goes out. */
  of: {
    member: ["gets", "pays"] as Pair,
    held: ["has", "owes"] as Pair,
    fund: ["came in:", "went out:"] as Pair,
    more: ["better by", "worse by"] as Pair,
    utility: ["got", "paid"] as Pair,
    booked: ["what is paid out:", "what came in:"] as Pair,
  },
  /** worded puts such a word before the amount, or behind it. */
  worded: (amount: string, word: string) => `${word} ${amount}`,
  differs: (kwh: string, more: boolean) => `${kwh} ${more ? "more" : "less"}`,
  and: (all: string[]) => all.join(" and "),
  month: "Month",
  monthAs: "a year and a month, as in 2026-05",
  preview: "Preview",
  line: "Line",
  field: "Field",
  wrong: "What is wrong",
  localTime: "Local time",
  energy: "Energy",
  member: "Member",
  point: "Metering point",
  /** components are the parts of a price that the program names; others are named as their tariff has them. */
  components: { energy: "energy", "feed-in": "feed-in" } as Record<string, string>,
  tariffs: {
    title: "What a kWh costs today",
    at: (day: string, clock: string, zone: string) => `${day}, ${clock}, local time of ${zone}`,
    usual: "for all who have no tariff of their own",
    noPrice: (why: string) => `No price now: ${why}`,
    today: (unit: string) => `Today, in ${unit}; the row that counts now is marked.`,
    sum: "Of what these prices are the sum",
    components: (unit: string) => `By component, in ${unit}; in brackets what energy of neighbours pays of it too`,
    versions: "Versions",
    from: (date: string) => `, from ${date} on`,
    always: ", always",
    noSeries: "No price of its series is known yet: push them to the API, or name a file.",
    series: (n: number, minutes: number, from: string, until: string) => `Its series has ${plural(n, "price", "prices")} of ${minutes} minutes, from ${from} until ${until}.`,
    vatMixed: (rates: string) => ` VAT of ${rates} is contained in some and comes on top of others.`,
    vatIn: (rates: string) => ` VAT of ${rates} is contained.`,
    vatOn: (rates: string) => ` VAT of ${rates} comes on top, on the bill.`,
    taken: "Taken from the grid",
    community: "Which neighbours' energy pays too",
    avoids: "Neighbours' energy avoids",
    given: "Given to the grid",
    ofGiven: (name: string) => `${name}, of energy given`,
    how: {
      formula: "Taken from the grid: the sum of the components that are paid by the kWh taken. What neighbours' energy pays too: of each component its part for community energy. Neighbours' energy avoids: the first less the second; it bounds what a neighbour's kWh may cost. Given to the grid: the sum of the components of energy given.",
      source: (version: string, from: string) => `Source: version ${version} of this tariff, ${from}; its file is with the operator, and what was used once stays as it was.`,
      always: "valid always",
      since: (date: string) => `valid from ${date} on`,
      age: (time: string, zone: string) => `Read at ${time}, ${zone}, of GET /api/v1/tariffs; each row counts for its own time.`,
    },
  },
  fund: {
    waiting: "Reading the fund…",
    title: (amount: string) => `The community's fund has ${amount}`,
    owed: "Owed for shared energy",
    owes: (members: number, owed: string, fund: string, left: string) =>
      `${plural(members, "member", "members")} with a prepaid balance ${members === 1 ? "owes" : "owe"} ${owed} for energy of neighbours. The fund stands in for ${fund} of it; ${left === "" ? "nothing stays owed to the sellers." : `${left} stay owed to the sellers.`}`,
    byMonth: "By month",
    nothing: "Nothing has come into the fund or gone out of it yet.",
    for: "For",
    sum: "Sum",
    members: "Members",
    note: "Sums alone are shown, never an entry of one member. What the guarantee paid is told once it went to three members or more.",
    how: {
      formula: "What the fund has: all that was posted to its account, less all that was posted from it. Each row is the sum of a month's postings of one reason.",
      source: "Source: the postings of the account “fund” on the ledger (GET /api/v1/fund); the page “Ledger” finds and proves them one by one for who may see them.",
      age: (time: string, zone: string) => `As of ${time}, ${zone}: all runs that are closed by then.`,
    },
    reasons: {
      lines: "Lines between buyers and sellers",
      "grid-fee": "Fees of lines",
      "own-fee": "Lines, of own energy",
      "pool-fee": "Lines, of shared energy",
      "key-fee": "Lines, of energy by the key",
      "pool-share": "The fund's share of what sharing gains",
      guarantee: "Guarantee: nobody pays more than without the community",
      penalty: "Penalties",
      deposit: "Paid in",
      withdrawal: "Paid out",
      adjustment: "Corrections",
    } as Record<string, string>,
  },
  bills: billWords,
  ...deskWords,
};

/** Pair are the words of an amount that comes in and of one that goes out. */
export type Pair = readonly [incoming: string, outgoing: string];
export type Words = typeof words;
