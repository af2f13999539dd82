import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Api, Failed } from "../../ui/api";
import { Books } from "./store";

beforeEach(() => void vi.useFakeTimers());

describe("books", () => {
  it("are read again and again, and keep what they had when that fails", async () => {
    let answer: () => Promise<unknown> = () => Promise.resolve({ kind: "embedded" });
    let asked = 0;
    const books = new Books({ call: () => (asked++, answer()) } as unknown as Api);
    await books.follow();
    expect([books.ledger.value?.kind, books.failed.value, asked]).toEqual(["embedded", "", 2]);
    answer = () => Promise.reject(new Failed("503 Service Unavailable", 503));
    await vi.advanceTimersByTimeAsync(5000);
    expect([books.ledger.value?.kind, books.failed.value, asked]).toEqual(["embedded", "/api/v1/ledger: 503 Service Unavailable", 4]);
    answer = () => Promise.resolve({ kind: "fabric" });
    await vi.advanceTimersByTimeAsync(5000);
    expect([books.ledger.value?.kind, books.failed.value]).toEqual(["fabric", ""]);
  });
});
