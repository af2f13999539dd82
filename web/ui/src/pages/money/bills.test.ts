import { describe, expect, it } from "vitest";
import { type Api, Failed } from "../../ui/api";
import { Bills, bytes, can, days, sections, type Bill, type Interval, type Sum, type Summary } from "./bills";
import { due, state } from "./bills_page";
import { deutsch, english } from "./example";
import { otherwise, named } from "./bill_page";
import { Work } from "./work";

const bill = (of: Partial<Summary> = {}): Summary => ({ id: "draft-2026-05-ann", state: "draft", member: "ann", period: "2026-05", currency: "EUR", digits: 2, total: -1_330_000, due: -1_330_000, deliveries: [], ...of });

/** desk answers by method and path, and notes what it was asked. */
function desk(answers: Record<string, unknown>) {
  const asked: string[] = [];
  const call = (method: string, path: string, ask: { at?: object; body?: object; query?: object }) => {
    const what = `${method} ${path}`;
    asked.push([what, ask.at, ask.query, ask.body].filter(Boolean).map((x) => (typeof x === "string" ? x : JSON.stringify(x))).join(" "));
    const answer = answers[what];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const work = new Work();
  return { asked, work, bills: new Bills({ call } as unknown as Api, work, () => english) };
}

describe("bills", () => {
  it("drafts a month, shows it, and says who is left out", async () => {
    const left = [{ id: "bob", why: "is billed up to 2026-06-01" }];
    const { bills, work, asked } = desk({ "post /api/v1/bills": { bills: [bill()], left }, "get /api/v1/bills": { bills: [bill(), bill({ period: "2026-04", id: "x" })] } });
    await bills.draft("2026-05");
    expect([work.done.value, work.problem.value, work.busy.value]).toEqual(["Drafted: 1 bill of 2026-05.", "", ""]);
    expect([bills.period.value, bills.shown.value.length, bills.periods.value, bills.left.value]).toEqual(["2026-05", 1, ["2026-05", "2026-04"], left]);
    expect(asked).toEqual(['post /api/v1/bills {"month":"2026-05"}', "get /api/v1/bills"]);
  });
  it("shows the last month first, and then what is chosen", async () => {
    const { bills } = desk({ "get /api/v1/bills": { bills: [bill({ period: "2026-04" }), bill()] } });
    await bills.read();
    expect(bills.period.value).toBe("2026-05");
    bills.period.value = "";
    await bills.read();
    expect([bills.period.value, bills.shown.value.length]).toEqual(["", 2]);
  });
  it("approves nothing that was not answered with yes", async () => {
    const { bills, work, asked } = desk({ "post /api/v1/bills/{id}/approval": bill({ id: "2026-000001", state: "approved" }), "get /api/v1/bills": { bills: [] }, "get /api/v1/bills/{id}": { summary: bill({ id: "2026-000001" }) } });
    bills.approve([bill()]);
    expect(work.question.value?.text).toBe(
      "Approve this bill? The bill of ann for 2026-05 gets the next number and is locked on the ledger. A locked bill is never changed: it can only be cancelled by a credit note.",
    );
    await work.answer(false);
    expect([asked, work.question.value]).toEqual([[], null]);
    bills.bill.value = { summary: bill() } as Bill; // it is looked at meanwhile
    bills.approve([bill()]);
    await work.answer(true);
    expect(asked[0]).toBe('post /api/v1/bills/{id}/approval {"id":"draft-2026-05-ann"}');
    expect([work.done.value, bills.bill.value?.summary.id]).toEqual(["Approved as bill 2026-000001.", "2026-000001"]);
    expect(asked.at(-1)).toBe('get /api/v1/bills/{id} {"id":"2026-000001"}');
  });
  it("reads the list anew where something went wrong in the midst", async () => {
    const { bills, work, asked } = desk({ "post /api/v1/bills/{id}/approval": new Failed("the ledger is away", 502), "get /api/v1/bills": { bills: [bill()] } });
    bills.approve([bill(), bill({ id: "other" })]);
    await work.answer(true);
    expect([work.problem.value, work.done.value, bills.list.value?.length]).toEqual(["the ledger is away", "", 1]);
    expect(asked.length).toBe(2); // the second was not tried
  });
  it("keeps no file that nothing is in, and says why", async () => {
    const left = [{ id: "2026-000001", why: "the member gets nothing" }];
    const { bills, work } = desk({ "get /api/v1/bill-files": { name: "x.xml", type: "application/xml", data: null, left } });
    await bills.file("sepa-payouts");
    expect([work.done.value, work.problem.value, bills.left.value]).toEqual(["No bill belongs into that file.", "", left]);
  });
  it("opens a line, and an interval of it", async () => {
    const { bills, asked } = desk({ "get /api/v1/bills/{id}/line": { intervals: [] }, "get /api/v1/bills/{id}/postings": { postings: [] } });
    bills.bill.value = { summary: bill({ id: "2026-000001" }) } as Bill;
    await bills.openLine({ point: "mp", kind: "own", correction: true, text: "", formula: "" });
    await bills.openInterval("2026-05-31T20:00:00Z/15");
    expect(asked).toEqual([
      'get /api/v1/bills/{id}/line {"id":"2026-000001"} {"point":"mp","kind":"own","correction":true}',
      'get /api/v1/bills/{id}/postings {"id":"2026-000001"} {"point":"mp","interval":"2026-05-31T20:00:00Z/15"}',
    ]);
    bills.close();
    expect([bills.bill.value, bills.line.value, bills.postings.value, bills.interval.value]).toEqual([null, null, null, ""]);
  });
  it("offers what the state of a bill allows", () => {
    const may = (of: Partial<Summary>) => Object.entries(can(bill(of))).filter(([, yes]) => yes).map(([what]) => what).join(" ");
    expect(["draft", "approving", "approved", "sent", "paid", "cancelled"].map((state) => may({ state }))).toEqual(["approve", "", "send pay cancel", "pay cancel", "cancel", ""]);
    expect(may({ state: "approved", credit_of: "2026-000001" })).toBe("send"); // a credit note is not cancelled
  });
  it("says how far a bill came", () => {
    expect(state(bill({ state: "sent", deliveries: [{ recipient: "ann@example.org", channel: "e-mail", time: "" }] }), english)).toBe("sent to ann@example.org");
    expect(state(bill({ state: "approved", credit_of: "2026-000001" }), english)).toBe("credit note for 2026-000001");
    expect([due(bill({ due_by: "2026-06-21" }), english), due(bill({ state: "sent", due_by: "2026-06-21" }), english), due(bill({ state: "paid", due_by: "2026-06-21" }), english)]).toEqual(["–", "by 2026-06-21", "paid"]);
  });
  it("says it in German, and what it does not know as the bill says it", () => {
    expect([state(bill({ state: "sent" }), deutsch), due(bill({ state: "sent", due_by: "2026-06-21" }), deutsch)]).toEqual(["verschickt", "bis 21.6.2026"]);
    const lines = named([{ section: "energy that you used", kind: "imbalance-retail", text: "from the grid", formula: "" }, { section: "fees and charges", kind: "new", text: "a new fee", formula: "by hand" }], deutsch);
    expect(lines.map((l) => [l.section, l.text])).toEqual([["Bezogene Energie", "aus dem Netz"], ["Gebühren und Entgelte", "a new fee"]]);
    const alone = { name: "without the community", amount: 1, estimated: true, method: "m" };
    expect([otherwise(alone, deutsch).text, otherwise({ ...alone, name: "under the tariff night", estimated: false }, deutsch).text, otherwise({ ...alone, name: "else", estimated: false }, deutsch)]).toEqual([
      "ohne die Gemeinschaft (geschätzt)", "zum Tarif night", { text: "else", formula: "m" },
    ]);
  });
  it("has lines by the parts and in the order of a bill", () => {
    const line = (kind: string) => ({ kind }) as Sum;
    const words = ["used a", "used b", "gave c"].map((w) => ({ section: w.split(" ")[0] ?? "", kind: w.split(" ")[1] ?? "", text: `text ${w}`, formula: "" }));
    const all = sections([line("c"), line("b"), line("a")], words);
    expect(all.map((s) => [s.name, ...s.lines.map((l) => `${l.line.kind}: ${l.text}`)])).toEqual([["used", "a: text used a", "b: text used b"], ["gave", "c: text gave c"]]);
  });
  it("sums intervals by local day", () => {
    const at = (start: string, energy: number): Interval => ({ interval: `${start}/15`, run: 1, quality: "good", energy, amount: -energy });
    const all = days([at("2026-05-30T21:45:00Z", 1), at("2026-05-30T22:00:00Z", 2), at("2026-05-31T21:45:00Z", 4)], "Europe/Vienna");
    expect(all.map((d) => [d.date, d.energy, d.amount, d.intervals.length])).toEqual([["2026-05-30", 1, -1, 1], ["2026-05-31", 6, -6, 2]]);
  });
  it("keeps files as they are", () => expect([...bytes("AP+A")]).toEqual([0, 255, 128]));
});
