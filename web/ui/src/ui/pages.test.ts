import { describe, expect, it } from "vitest";
import { strange } from "./pages";
import type { Role } from "./session";

const as = (role: Role | undefined) => ({ role, may: (...roles: Role[]) => role === undefined || roles.includes(role) });

describe("a page of others", () => {
  it("is one that the role has nothing on", () => {
    expect([strange("research", as("homeowner")), strange("devices", as("homeowner")), strange("home", as("homeowner")), strange("devices", as("operator")), strange("home", as("utility"))]).toEqual([true, true, false, false, true]);
  });
  it("is none for who has not signed in, and the own account is everybody's", () => {
    expect([strange("research", as(undefined)), strange("account", as("homeowner"))]).toEqual([false, false]);
  });
});
