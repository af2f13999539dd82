import { describe, expect, it } from "vitest";
import { Failed } from "../../ui/api";
import { linkOf, problemOf } from "./store";

describe("a link", () => {
  it("is read with its secret", () => {
    expect(linkOf("#first=ABC234")).toEqual({ kind: "first", secret: "ABC234" });
    expect(linkOf("#invitation=a-b_c")).toEqual({ kind: "invitation", secret: "a-b_c" });
    expect(linkOf("#refused")).toEqual({ kind: "refused", secret: "" });
  });
  it("without one, or with what is none, is none", () => {
    for (const hash of ["", "#", "#first", "#first=", "#recovery=a/b", "#other=ABC", "first=ABC", "#invitation=<script>"]) expect(linkOf(hash)).toBeUndefined();
  });
});

describe("what went wrong", () => {
  it("is told apart", () => {
    expect(problemOf(new Failed("that is not right", 401), false)).toEqual({ kind: "wrong" });
    expect(problemOf(new Failed("that is not right", 401), true)).toEqual({ kind: "gone" });
    expect(problemOf(new Failed("too many tries: try again in 12 s", 429), false)).toEqual({ kind: "wait", seconds: 12 });
    expect(problemOf(new Failed("password: is shorter than 10 characters", 400), true)).toEqual({ kind: "field", field: "password", text: "is shorter than 10 characters" });
    expect(problemOf(new Failed("the request failed", 500), false)).toEqual({ kind: "said", text: "the request failed" });
    expect(problemOf(new Error("gone"), true)).toEqual({ kind: "said", text: "gone" });
  });
});
