import { describe, expect, it } from "vitest";
import { crossing, edges, total } from "./edges";

/** random draws whole numbers up to most, above and below 0; the same ones each time. */
function drawn(seed: number) {
  let state = seed;
  return (most: number) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.round((state / 2147483648 - 0.5) * 2 * most);
  };
}

describe("the flow of a moment", () => {
  it("is the meter's exactly, and nothing is left over in the wiring", () => {
    const draw = drawn(7);
    for (let k = 0; k < 1000; k++) {
      const [inverter, battery, charger, home] = [draw(9000), draw(5000), Math.abs(draw(11000)), Math.abs(draw(4000))];
      const flow = { time: "", inverter, battery, charger, home, meter: home + inverter + battery + charger };
      const all = edges(flow, draw(6000) + 0.4);
      expect(crossing(all)).toBe(flow.meter);
      expect(total(all)).toBe(0);
      expect(all.every((e) => e.power > 0)).toBe(true);
    }
  });
  it("divides what crosses the meter by what was traded", () => {
    const flow = { time: "", inverter: -3000, home: 500, meter: -2500 };
    expect(edges(flow, -1000)).toEqual([
      { node: "solar", in: true, power: 3000 },
      { node: "home", in: false, power: 500 },
      { node: "neighbours", in: false, power: 1000 },
      { node: "grid", in: false, power: 1500 },
    ]);
    expect(edges(flow, -4000).filter((e) => e.node === "grid")).toEqual([]);
    expect(edges(flow, 1000).filter((e) => e.node === "neighbours")).toEqual([]);
  });
  it("has no sun at night: an inverter on standby takes", () => {
    const all = edges({ time: "", inverter: 8, battery: -308, home: 300, meter: 0 }, 0);
    expect(all.find((e) => e.node === "solar")).toEqual({ node: "solar", in: false, power: 8 });
  });
});
