// Pictures of pages as small PNG files: a page has few colours, so that each pixel is a number in a palette.
import { readFileSync, writeFileSync } from "node:fs";
import { crc32, deflateSync, inflateSync } from "node:zlib";

const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
const most = 256; // colours of a palette

interface Picture {
  width: number;
  height: number;
  /** pixels has 3 bytes each: red, green, blue. */
  pixels: Buffer;
}

/** small rewrites a PNG file of 8 bits a channel with a palette. What is not among its 256 colours becomes the nearest of them. */
export function small(file: string): void {
  const parts = chunks(readFileSync(file));
  if (parts.some((p) => p.name === "PLTE")) return; // it is small already
  writeFileSync(file, encoded(decoded(parts)));
}

interface Part {
  name: string;
  body: Buffer;
}

function chunks(png: Buffer): Part[] {
  if (!png.subarray(0, signature.length).equals(signature)) throw new Error("this is no PNG file");
  const parts: Part[] = [];
  for (let at = signature.length; at < png.length; ) {
    const size = png.readUInt32BE(at);
    parts.push({ name: png.toString("latin1", at + 4, at + 8), body: png.subarray(at + 8, at + 8 + size) });
    at += 12 + size;
  }
  return parts;
}

function decoded(parts: Part[]): Picture {
  const head = parts.find((p) => p.name === "IHDR")!.body;
  const [width, height, depth, kind, interlaced] = [head.readUInt32BE(0), head.readUInt32BE(4), head[8], head[9], head[12]];
  if (depth !== 8 || (kind !== 2 && kind !== 6) || interlaced) throw new Error("only PNG files of 8 bits a channel, in their order, are read");
  const step = kind === 6 ? 4 : 3;
  const rows = unfiltered(inflateSync(Buffer.concat(parts.filter((p) => p.name === "IDAT").map((p) => p.body))), width * step, height, step);
  const pixels = Buffer.alloc(width * height * 3);
  for (let k = 0; k < width * height; k++) rows.copy(pixels, k * 3, k * step, k * step + 3);
  return { width, height, pixels };
}

/** unfiltered undoes what each row was predicted by (PNG, third edition, section 9). */
function unfiltered(raw: Buffer, wide: number, height: number, step: number): Buffer {
  const out = Buffer.alloc(wide * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (wide + 1)]!;
    for (let x = 0; x < wide; x++) {
      const at = y * wide + x;
      const left = x < step ? 0 : out[at - step]!;
      const above = y === 0 ? 0 : out[at - wide]!;
      const corner = x < step || y === 0 ? 0 : out[at - wide - step]!;
      out[at] = raw[y * (wide + 1) + 1 + x]! + predicted(filter, left, above, corner);
    }
  }
  return out;
}

function predicted(filter: number, left: number, above: number, corner: number): number {
  switch (filter) {
    case 0:
      return 0;
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return (left + above) >> 1;
    default: {
      const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
      return a <= b && a <= c ? left : b <= c ? above : corner;
    }
  }
}

function encoded({ width, height, pixels }: Picture): Buffer {
  const palette = covering(pixels);
  const number = new Map(palette.map((colour, k) => [colour, k]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const colour = pixels.readUIntBE((y * width + x) * 3, 3);
      const found = number.get(colour) ?? nearest(palette, colour);
      number.set(colour, found);
      rows[y * (width + 1) + 1 + x] = found;
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const colours = Buffer.alloc(palette.length * 3);
  palette.forEach((colour, k) => colours.writeUIntBE(colour, k * 3, 3));
  return Buffer.concat([signature, chunk("IHDR", head), chunk("PLTE", colours), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

/** covering are at most 256 colours, of which every other one is as near as can be: the frequent ones are among them as they are. */
function covering(pixels: Buffer): number[] {
  const count = new Map<number, number>();
  for (let at = 0; at < pixels.length; at += 3) {
    const colour = pixels.readUIntBE(at, 3);
    count.set(colour, (count.get(colour) ?? 0) + 1);
  }
  const all = [...count].sort(([a, n], [b, m]) => m - n || a - b).map(([colour]) => colour);
  for (let within = 0; ; within += 2) {
    const palette = chosen(all, within);
    if (palette) return palette;
  }
}

/** chosen are colours so that no other one is farther from all of them; undefined: there are too many of them. */
function chosen(all: number[], within: number): number[] | undefined {
  const palette: number[] = [];
  for (const colour of all) {
    if (palette.some((other) => apart(other, colour) <= within ** 2)) continue;
    if (palette.length === most) return undefined;
    palette.push(colour);
  }
  return palette;
}

/** apart is the square of how far two colours are from each other, in steps of their channels. */
function apart(a: number, b: number): number {
  return ((a >> 16) - (b >> 16)) ** 2 + (((a >> 8) & 255) - ((b >> 8) & 255)) ** 2 + ((a & 255) - (b & 255)) ** 2;
}

function nearest(palette: number[], colour: number): number {
  return palette.reduce((best, other, k) => (apart(other, colour) < apart(palette[best]!, colour) ? k : best), 0);
}

function chunk(name: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name, "latin1"), body]);
  const out = Buffer.alloc(named.length + 8);
  out.writeUInt32BE(body.length, 0);
  named.copy(out, 4);
  out.writeUInt32BE(crc32(named), out.length - 4);
  return out;
}
