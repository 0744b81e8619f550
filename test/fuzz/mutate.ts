/**
 * Seeded randomness and mutation for every fuzz test: the same seed gives the same cases, so a failure can be run again.
 * `MACAROOND_TEST_SEED` sets the seed, `MACAROOND_TEST_LONG` the long campaigns.
 */

/** A small fast generator (xorshift128 seeded by splitmix32). Not for secrets. */
export interface Random {
  /** An integer from 0 to `bound` - 1. */
  below(bound: number): number;
  bytes(length: number): Uint8Array;
  pick<T>(items: readonly T[]): T;
  chance(probability: number): boolean;
}

export function seededRandom(seed: number): Random {
  let mix = seed >>> 0;
  const next32 = () => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let [x, y, z, w] = [next32(), next32(), next32(), next32() | 1];
  const word = () => {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = (w ^ (w >>> 19) ^ t ^ (t >>> 8)) >>> 0;
    return w;
  };
  const below = (bound: number) => word() % bound;
  return {
    below,
    bytes: (length) => Uint8Array.from({ length }, () => word() & 0xff),
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
    chance: (probability) => word() < probability * 0x1_0000_0000,
  };
}

/** Seed of this run. Put it in the message of every failure. */
export const fuzzSeed = Number(process.env['MACAROOND_TEST_SEED'] ?? Date.now() % 0x1_0000_0000) >>> 0;

/** `small` in the suite, `full` in the long campaigns. */
export function campaignSize(small: number, full: number): number {
  return process.env['MACAROOND_TEST_LONG'] ? full : small;
}

const casesBetweenPauses = 20_000;

/**
 * Runs `act` on `cases` cases from a generator of its own, `stream`, and gives how often it answered `true`: the cases that came far
 * enough to test something. Whatever it throws is told with the seed and the number of the case.
 */
export async function runCases(
  cases: number,
  stream: number,
  act: (random: Random) => boolean | Promise<boolean>,
): Promise<number> {
  const random = seededRandom(fuzzSeed + stream);
  let far = 0;
  for (let i = 0; i < cases; i++) {
    try {
      const answer = act(random);
      if (typeof answer === 'boolean' ? answer : await answer) far++;
    } catch (cause) {
      throw new Error(`MACAROOND_TEST_SEED=${fuzzSeed}, case ${i}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
    // A test that never pauses looks dead to the test runner.
    if (i % casesBetweenPauses === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return far;
}

const edgeBytes = [0x00, 0x01, 0x02, 0x04, 0x06, 0x0a, 0x20, 0x30, 0x7f, 0x80, 0xff];

/** `input` with one to four random changes: flips, sets, inserts, deletes, cuts, copies of a part, parts of `other`. */
export function mutateBytes(random: Random, input: Uint8Array, other: Uint8Array = input): Uint8Array {
  let bytes = [...input];
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(bytes.length + 1);
    const from = random.below(other.length + 1);
    const part = [...other.subarray(from, from + random.below(24))];
    switch (random.below(7)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        if (at < bytes.length) bytes[at] = random.chance(0.5) ? random.pick(edgeBytes) : random.below(256);
        break;
      case 2:
        bytes.splice(at, 0, random.pick(edgeBytes));
        break;
      case 3:
        bytes.splice(at, 1 + random.below(8));
        break;
      case 4:
        bytes = bytes.slice(0, at);
        break;
      case 5:
        bytes.splice(at, 0, ...part);
        break;
      default:
        bytes.splice(at, part.length, ...part);
    }
  }
  return Uint8Array.from(bytes);
}

/** As `mutateBytes`, for text: characters come from `alphabet` and from `other`. */
export function mutateText(random: Random, input: string, alphabet: string, other: string = input): string {
  let text = input;
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(text.length + 1);
    const from = random.below(other.length + 1);
    const part = other.slice(from, from + random.below(24));
    const character = alphabet.charAt(random.below(alphabet.length));
    switch (random.below(6)) {
      case 0:
        text = text.slice(0, at) + character + text.slice(at + 1);
        break;
      case 1:
        text = text.slice(0, at) + character + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + text.slice(at + 1 + random.below(8));
        break;
      case 3:
        text = text.slice(0, at);
        break;
      case 4:
        text = text.slice(0, at) + part + text.slice(at);
        break;
      default:
        text = text.slice(0, at) + part + text.slice(at + part.length);
    }
  }
  return text;
}
