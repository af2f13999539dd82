import { describe, expect, it } from "vitest";
import type { Message } from "./link";
import { Sequence } from "./sequence";

describe("sequence", () => {
  it("notices what is missing, of each type by itself, until a state comes", () => {
    const s = new Sequence();
    const follows = (type: Message["type"], seq?: number, after?: number) => s.follows({ type, seq, after });
    expect(follows("community", 3, 2)).toBe(false);
    expect(follows("state", 8)).toBe(true);
    expect(follows("community", 9, 5)).toBe(true);
    expect(follows("home", 12, 8)).toBe(true);
    expect(follows("community", 13, 9)).toBe(true);
    expect(follows("community", 21, 17)).toBe(false);
    expect(follows("home", 16, 12)).toBe(true);
    expect(follows("state", 21)).toBe(true);
    expect(follows("community", 25, 21)).toBe(true);
    expect(follows("pong")).toBe(true);
  });
});
