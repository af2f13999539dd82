import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";

/** Wire stands between page and community, and can be frozen: its connections stay, and nothing comes through. */
class Wire {
  private readonly ends = new Set<Socket>();
  private frozen = false;
  private readonly server: Server;

  constructor(private readonly port: number) {
    this.server = createServer((near) => {
      const far = connect(this.port, "127.0.0.1");
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.ends.add(from);
        from.on("data", (b) => to.write(b));
        from.on("error", () => to.destroy());
        from.on("close", () => {
          this.ends.delete(from);
          to.destroy();
        });
        if (this.frozen) from.pause();
      }
    });
  }

  open(): Promise<string> {
    return new Promise((done) => this.server.listen(0, "127.0.0.1", () => done(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}`)));
  }

  freeze(): void {
    this.frozen = true;
    for (const end of this.ends) end.pause();
  }

  thaw(): void {
    this.frozen = false;
    for (const end of this.ends) end.resume();
  }

  close(): void {
    this.server.close();
    for (const end of this.ends) end.destroy();
  }
}

test("a frozen connection is said within ten seconds, and comes back", async ({ page, baseURL }) => {
  const wire = new Wire(Number(new URL(baseURL ?? "").port));
  try {
    await page.goto(await wire.open());
    await expect(page.locator("#sentence")).not.toBeEmpty();
    const alert = page.getByRole("alert");
    await expect(alert).toHaveCount(0);

    wire.freeze();
    await expect(alert).toHaveText(/^No news for \d+ s: what is shown is from \d\d:\d\d\. Trying again…$/, { timeout: 10_000 });
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    const before = await page.locator("header time").textContent();

    wire.thaw();
    await expect(alert).toHaveCount(0, { timeout: 10_000 });
    await expect(page.locator("header time")).not.toHaveText(before ?? "", { timeout: 10_000 });
  } finally {
    wire.close();
  }
});
