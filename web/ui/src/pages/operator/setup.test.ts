import { describe, expect, it } from "vitest";
import { configuration, problems, type Setup } from "./setup";

const answers: Setup = { community: "oak-street", displayName: 'Oak "Street"', language: "de", zone: "Europe/Berlin", currency: "EUR", retail: "0,30", feedIn: "0.08", gatewayId: "", gatewayKey: "" };

describe("a new community", () => {
  it("has a configuration of what was answered", () => {
    // commonwatt config check accepts this text.
    expect(configuration(answers, 2026)).toBe(`community: oak-street
tariff: {version: "2026", currency: EUR, retail: 0.3 EUR/kWh, feed_in: 0.08 EUR/kWh}
zone: Europe/Berlin
display_name: "Oak \\"Street\\""
language: de
devices: [] # those that are paired are kept in the data directory
`);
    expect(configuration({ ...answers, gatewayId: "gw-1a2b3c4d", gatewayKey: "KEY" }, 2026)).toContain('gateways:\n  - id: gw-1a2b3c4d\n    key: "KEY"\n    password_file: gw-1a2b3c4d.password\n');
  });

  it("is told of every answer what is wrong with it", () => {
    expect(problems(answers)).toEqual({});
    expect(problems({ ...answers, community: "Oak Street", zone: "Berlin", currency: "eur", retail: "", feedIn: "x", gatewayId: "gw" })).toEqual({ community: "name", zone: "zone", currency: "currency", retail: "price", feedIn: "price", gatewayId: "gateway" });
    expect(problems({ ...answers, community: "demo" })).toEqual({ community: "name" });
    expect(problems({ ...answers, feedIn: "0.31" })).toEqual({ feedIn: "above" });
    expect(problems({ ...answers, gatewayId: "gw\n- evil", gatewayKey: "k" })).toEqual({ gatewayId: "gateway" });
  });
});
