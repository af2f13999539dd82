import { expect, test } from "vitest";
import { bytes, type Notices, request } from "./deciding";

const notices: Notices = {
  kinds: [
    { kind: "price", email: true, push: false, source: true },
    { kind: "bill", email: true, push: true, source: true },
  ],
  currency: "EUR", mail: true, browsers: [], push_key: "", below: 5,
};

test("turning one kind off leaves the others as they are", () => {
  const asked = request(notices, "bill", "push", false, { below: 7 });
  expect(asked).toEqual({ kinds: [{ kind: "price", email: true, push: false }, { kind: "bill", email: true, push: false }], below: 7 });
});

test("a key is read from base64url without padding", () => {
  expect([...bytes("-_8B")]).toEqual([251, 255, 1]);
});
