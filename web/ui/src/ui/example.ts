// The home and the tariff of the tests.
import type { Home } from "./state";

export const tariff = { version: "t", currency: "EUR", retail: 300000, feed_in: 60000 };

export function home(meter: number | undefined, contract: Partial<Home["contract"]> = {}): Home {
  return {
    id: "home-01",
    metering_point: "mp",
    account: "ac",
    devices: [{ id: "m", kind: "meter", online: meter !== undefined, power: meter }],
    contract: { bought: 0, sold: 0, paid: 0, received: 0, ...contract },
    today: { net: 0, retail_only: 0, without: 0, without_estimated: false, intervals: 0, estimated: 0 },
  };
}
