import { describe, expect, it } from "vitest";
import { home } from "../../ui/example";
import { Choice } from "./choice";
import { find } from "./home";

describe("find", () => {
  const homes = ["home-01", "home-02", "HOME-02"].map((id) => ({ ...home(0), id }));
  it("takes the first home without a name", () => expect([find(homes, null)?.id, find(homes, "")?.id]).toEqual(["home-01", "home-01"]));
  it("does not mind the case, unless that tells two apart", () => {
    expect(["HOME-01", "home-02", "HOME-02", "home-9"].map((name) => find(homes, name)?.id)).toEqual(["home-01", "home-02", "HOME-02", undefined]);
  });
});

describe("choice", () => {
  it("is in the address", () => {
    const addresses: unknown[] = [];
    const choice = new Choice({ search: "?home=home-02" }, { replaceState: (_data, _title, address) => void addresses.push(address) });
    expect(choice.home.value).toBe("home-02");
    choice.choose("ann & bob");
    expect([choice.home.value, ...addresses]).toEqual(["ann & bob", "?home=ann%20%26%20bob"]);
    expect(new Choice({ search: "" }, { replaceState: () => {} }).home.value).toBeNull();
  });
});
