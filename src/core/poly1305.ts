/**
 * Poly1305 (RFC 8439 §2.5) of messages of whole 16-byte blocks, on little-endian words. Numbers of 130 bits are six limbs of 22 bits in doubles, so that
 * every product and sum stays exact below 2^53: 36 multiplications a block. All on locals: nothing is allocated, nothing stays behind, and no branch or
 * index depends on a secret.
 */

const limbMask = 0x3fffff;
const limbSize = 0x400000;
/** What a carry out of the sixth limb, 2^132, is modulo 2^130 - 5. */
const wrap = 20;
/** The sixth limb of a number below 2^130 has 20 bits. */
const topMask = 0xfffff;
const wordSize = 0x1_0000_0000;

/**
 * The tag (4 words) of `message`, `messageWords` words from its start (a multiple of 4), under the one-time key that is the first 8 words of `key`, into
 * `tag`.
 */
export function poly1305(key: Int32Array, message: Int32Array, messageWords: number, tag: Int32Array): void {
  const k0 = (key[0] as number) & 0x0fffffff;
  const k1 = (key[1] as number) & 0x0ffffffc;
  const k2 = (key[2] as number) & 0x0ffffffc;
  const k3 = (key[3] as number) & 0x0ffffffc;
  const r0 = k0 & limbMask;
  const r1 = ((k0 >>> 22) | (k1 << 10)) & limbMask;
  const r2 = ((k1 >>> 12) | (k2 << 20)) & limbMask;
  const r3 = (k2 >>> 2) & limbMask;
  const r4 = ((k2 >>> 24) | (k3 << 8)) & limbMask;
  const r5 = k3 >>> 14;
  let h0 = 0;
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  let h5 = 0;
  for (let at = 0; at < messageWords; at += 4) {
    const w0 = message[at] as number;
    const w1 = message[at + 1] as number;
    const w2 = message[at + 2] as number;
    const w3 = message[at + 3] as number;
    h0 += w0 & limbMask;
    h1 += ((w0 >>> 22) | (w1 << 10)) & limbMask;
    h2 += ((w1 >>> 12) | (w2 << 20)) & limbMask;
    h3 += (w2 >>> 2) & limbMask;
    h4 += ((w2 >>> 24) | (w3 << 8)) & limbMask;
    // With the bit behind the block, 2^128.
    h5 += (w3 >>> 14) | 0x40000;
    // Each limb of h has at most 23 bits and of r 22, so no sum of products reaches 2^53.
    const d0 = h0 * r0 + wrap * (h1 * r5 + h2 * r4 + h3 * r3 + h4 * r2 + h5 * r1);
    const d1 = h0 * r1 + h1 * r0 + wrap * (h2 * r5 + h3 * r4 + h4 * r3 + h5 * r2);
    const d2 = h0 * r2 + h1 * r1 + h2 * r0 + wrap * (h3 * r5 + h4 * r4 + h5 * r3);
    const d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + wrap * (h4 * r5 + h5 * r4);
    const d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0 + wrap * (h5 * r5);
    const d5 = h0 * r5 + h1 * r4 + h2 * r3 + h3 * r2 + h4 * r1 + h5 * r0;
    h1 = d1 + Math.floor(d0 / limbSize);
    h2 = d2 + Math.floor(h1 / limbSize);
    h3 = d3 + Math.floor(h2 / limbSize);
    h4 = d4 + Math.floor(h3 / limbSize);
    h5 = d5 + Math.floor(h4 / limbSize);
    h0 = low(d0) + wrap * Math.floor(h5 / limbSize);
    // The first limb has up to 35 bits now; what it carries leaves the second with 23.
    h1 = low(h1) + Math.floor(h0 / limbSize);
    h0 = low(h0);
    h2 = low(h2);
    h3 = low(h3);
    h4 = low(h4);
    h5 = low(h5);
  }
  finish(h0, h1, h2, h3, h4, h5, key, tag);
}

/** The lowest 22 bits of `limb`. */
function low(limb: number): number {
  return limb - Math.floor(limb / limbSize) * limbSize;
}

/** `tag` = (h modulo 2^130 - 5) + the second half of `key`, modulo 2^128. */
function finish(a0: number, a1: number, a2: number, a3: number, a4: number, a5: number, key: Int32Array, tag: Int32Array): void {
  let [h0, h1, h2, h3, h4, h5] = [a0, a1, a2, a3, a4, a5];
  // What is above 2^130 comes back five times, and carries once more at the most.
  for (let round = 0; round < 2; round++) {
    h2 += h1 >>> 22;
    h1 &= limbMask;
    h3 += h2 >>> 22;
    h2 &= limbMask;
    h4 += h3 >>> 22;
    h3 &= limbMask;
    h5 += h4 >>> 22;
    h4 &= limbMask;
    h0 += 5 * (h5 >>> 20);
    h5 &= topMask;
    h1 += h0 >>> 22;
    h0 &= limbMask;
  }
  // h + 5 reaches 2^130 exactly where h is at least the modulus; then it is taken, without that bit.
  const g0 = h0 + 5;
  const g1 = h1 + (g0 >>> 22);
  const g2 = h2 + (g1 >>> 22);
  const g3 = h3 + (g2 >>> 22);
  const g4 = h4 + (g3 >>> 22);
  const g5 = h5 + (g4 >>> 22);
  const isAtLeast = -(g5 >>> 20);
  h0 = choose(isAtLeast, g0, h0);
  h1 = choose(isAtLeast, g1, h1);
  h2 = choose(isAtLeast, g2, h2);
  h3 = choose(isAtLeast, g3, h3);
  h4 = choose(isAtLeast, g4, h4);
  h5 = choose(isAtLeast, g5, h5);
  let sum = ((h0 | (h1 << 22)) >>> 0) + ((key[4] as number) >>> 0);
  tag[0] = sum;
  sum = (((h1 >>> 10) | (h2 << 12)) >>> 0) + ((key[5] as number) >>> 0) + Math.floor(sum / wordSize);
  tag[1] = sum;
  sum = (((h2 >>> 20) | (h3 << 2) | (h4 << 24)) >>> 0) + ((key[6] as number) >>> 0) + Math.floor(sum / wordSize);
  tag[2] = sum;
  tag[3] = (((h4 >>> 8) | (h5 << 14)) >>> 0) + ((key[7] as number) >>> 0) + Math.floor(sum / wordSize);
}

/** The limb of `other` where `mask` is -1, of `one` where it is 0. */
function choose(mask: number, other: number, one: number): number {
  return one ^ (mask & (one ^ (other & limbMask)));
}
