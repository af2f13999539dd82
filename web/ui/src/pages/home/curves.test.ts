import { expect, test } from "vitest";
import { along, levels, meeting, prices, stairs } from "./curves";

const box = { left: 0, top: 0, width: 500, height: 100 };
const supply = levels([{ price: 10, energy: 20, filled: 20 }, { price: 20, energy: 40, filled: 10 }]);
const demand = levels([{ price: 30, energy: 30, filled: 30 }, { price: 15, energy: 70, filled: 0 }]);

test("steps stand beside each other", () => expect(supply.map((l) => [l.from, l.to])).toEqual([[0, 20], [20, 60]]));

test("a curve goes along its steps and to the next", () => {
  const x = along(supply, demand, 0, box);
  expect([x.to, x.marks]).toEqual([100, [0, 20, 40, 60, 80, 100]]);
  expect(stairs(supply, x, prices([...supply, ...demand], 20, box), 30)).toBe("M0.0,66.7L100.0,66.7L100.0,33.3L300.0,33.3L300.0,0.0");
});

test("what lies far beyond what traded is left out, and what traded is on both curves", () => {
  expect(meeting(supply, demand)).toBe(30);
  const far = levels([...demand, { price: 1, energy: 10_000, filled: 0 }]);
  expect(along(supply, far, 30, box).to).toBe(75);
});
