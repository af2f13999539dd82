import { describe, expect, it } from "vitest";
import { english, german, inEnglish } from "./example";
import { explained, fields, refused, request, sentAs, unit } from "./limits";
import type { Limits } from "./plans";

const set: Limits = {
  home: "home-03",
  reserve: 205,
  floor: 80000,
  ceiling: 255000,
  prefer: "neighbours",
  zero_export: true,
  away_until: "2026-06-10T12:00:00Z",
  cars: [{ charger: "home-03/charger", ready_by: "07:00", target: 725 }],
  set_by: "homeowner",
  zone: "Europe/Berlin",
  time: "2026-06-01T12:00:00Z",
  batteries: ["home-03/battery"],
  chargers: ["home-03/charger", "home-03/charger-2"],
  feeds_in: true,
  sentences: [],
};

const none: Limits = { ...set, reserve: 0, floor: undefined, ceiling: undefined, prefer: "price", zero_export: false, away_until: undefined, cars: [], set_by: "nobody" };

describe("the form", () => {
  it("says what is set, by the clocks of the community and in what people say prices in", () =>
    expect(fields(set, english.format)).toEqual({
      reserve: "20.5",
      floor: "8",
      ceiling: "25.5",
      prefer: "neighbours",
      zero_export: true,
      away_until: "2026-06-10T14:00",
      cars: [
        { charger: "home-03/charger", ready_by: "07:00", target: "72.5" },
        { charger: "home-03/charger-2", ready_by: "", target: "80" },
      ],
    }));
  it("sends what it shows", () => {
    for (const l of [set, none]) {
      for (const currency of ["EUR", "HUF", "SEK"]) {
        const { reserve, floor, ceiling, prefer, zero_export, away_until, cars } = l;
        const { sent, wrong } = request(fields(l, inEnglish(currency).format), l.zone, inEnglish(currency));
        expect(wrong).toEqual({});
        expect(sent).toEqual({ reserve, floor, ceiling, prefer, zero_export, away_until: away_until && "2026-06-10T12:00:00.000Z", cars });
      }
    }
  });
  it("leaves out what is empty", () => {
    const f = { ...fields(set, english.format), reserve: " ", floor: "", ceiling: "", away_until: "" };
    expect(request({ ...f, cars: f.cars.map((c) => ({ ...c, ready_by: "" })) }, "UTC", english).sent).toEqual({ prefer: "neighbours", zero_export: true, cars: [] });
  });
  it("takes a comma for a point, and a price below nothing", () => {
    const { sent } = request({ ...fields(set, english.format), reserve: "12,5", floor: "-3,25" }, "UTC", english);
    expect([sent?.reserve, sent?.floor]).toEqual([125, -32500]);
  });
  it.each([
    [{ reserve: "a lot" }, "reserve"],
    [{ reserve: "101" }, "reserve"],
    [{ reserve: "-1" }, "reserve"],
    [{ floor: "8 ct" }, "floor"],
    [{ ceiling: "10001" }, "ceiling"],
    [{ away_until: "soon" }, "away_until"],
    [{ cars: [{ charger: "c", ready_by: "7 am", target: "80" }] }, "cars[0].ready_by"],
    [{ cars: [{ charger: "c", ready_by: "07:00", target: "" }] }, "cars[0].target"],
    [{ cars: [{ charger: "b", ready_by: "", target: "" }, { charger: "c", ready_by: "07:00", target: "0.5" }] }, "cars[0].target"],
  ])("says what is wrong: %j", (more, field) => {
    const { sent, wrong } = request({ ...fields(set, english.format), ...more }, "UTC", english);
    expect([sent, Object.keys(wrong)]).toEqual([undefined, [field]]);
  });
  it("knows what prices are typed in", () => expect(["EUR", "CHF", "SEK"].map((c) => unit(inEnglish(c).format))).toEqual([{ name: "ct/kWh", millionths: 1e4 }, { name: "Rp./kWh", millionths: 1e4 }, { name: "SEK/kWh", millionths: 1e6 }]));
});

describe("limits", () => {
  it("are explained one by one, in the language of the page", () => {
    const say = inEnglish("EUR", "Europe/Berlin");
    expect(explained(set, say)).toHaveLength(7);
    expect(explained(set, say)[0]).toBe("The battery is never planned below 20.5 %: that much is kept for a blackout.");
    expect(explained(set, say)[5]).toContain("Until Wednesday 10 June 14:00 nobody is home");
    expect(explained(set, german)[1]).toContain("Nachbarn wird Energie zu 8,00 ct/kWh oder mehr angeboten");
    expect(explained(none, say)).toEqual(["There are no limits: the agent does whatever costs least."]);
  });
});

describe("a refusal", () => {
  it.each([
    ["reserve: this home has no battery", { reserve: "This home has no battery." }],
    ["cars[1].target: 5 per mille: must be from 10", { "cars[1].target": "5 per mille: must be from 10." }],
    ["cars[0]: this home has no charger", { "cars[0].ready_by": "This home has no charger." }],
    ["The community did not answer within 15 s.", { "": "The community did not answer within 15 s." }],
    ["other: text", { "": "Other: text." }],
  ])("%s", (text, want) => expect(refused(text)).toEqual(want));
  it("is at the car that it was about", () => {
    const cars = ["", "07:00", "08:00"].map((ready_by, k) => ({ charger: `c${k}`, ready_by, target: "80" }));
    expect([sentAs(cars, 1), sentAs(cars, 2)]).toEqual(["cars[0]", "cars[1]"]);
  });
});
