/**
 * Poly1305 (RFC 8439 §2.5) of messages of whole 16-byte blocks, on little-endian words. Numbers of 130 bits are six limbs of 22 bits in doubles, so that
 * every product and sum stays exact below 2^53: 36 multiplications a block. Nothing is allocated, and no branch or index depends on a secret.
 */

const limbs = 6;
const limbMask = 0x3fffff;
const limbSize = 0x400000;
/** What a carry out of the sixth limb, 2^132, is modulo 2^130 - 5. */
const wrap = 20;

const r = new Float64Array(limbs);
const h = new Float64Array(limbs);
const product = new Float64Array(limbs);

/**
 * The tag (4 words) of `message`, `messageWords` words from its start (a multiple of 4), under the one-time key that is the first 8 words of `key`, into
 * `tag`. What it left in between is wiped.
 */
export function poly1305(key: Int32Array, message: Int32Array, messageWords: number, tag: Int32Array): void {
  setLimbs(
    r,
    (key[0] as number) & 0x0fffffff,
    (key[1] as number) & 0x0ffffffc,
    (key[2] as number) & 0x0ffffffc,
    (key[3] as number) & 0x0ffffffc,
  );
  h.fill(0);
  for (let at = 0; at < messageWords; at += 4) {
    setLimbs(product, message[at] as number, message[at + 1] as number, message[at + 2] as number, message[at + 3] as number);
    for (let i = 0; i < limbs; i++) h[i] = (h[i] as number) + (product[i] as number);
    // The bit behind the block, 2^128.
    h[5] = (h[5] as number) + 0x40000;
    multiply();
  }
  finish(key, tag);
  r.fill(0);
  h.fill(0);
  product.fill(0);
}

function setLimbs(target: Float64Array, w0: number, w1: number, w2: number, w3: number): void {
  target[0] = w0 & limbMask;
  target[1] = ((w0 >>> 22) | (w1 << 10)) & limbMask;
  target[2] = ((w1 >>> 12) | (w2 << 20)) & limbMask;
  target[3] = (w2 >>> 2) & limbMask;
  target[4] = ((w2 >>> 24) | (w3 << 8)) & limbMask;
  target[5] = w3 >>> 14;
}

/** `h` = `h` · `r`, reduced so far that no limb has more than 23 bits. */
function multiply(): void {
  for (let i = 0; i < limbs; i++) {
    let low = 0;
    let high = 0;
    for (let j = 0; j <= i; j++) low += (h[j] as number) * (r[i - j] as number);
    for (let j = i + 1; j < limbs; j++) high += (h[j] as number) * (r[i + limbs - j] as number);
    product[i] = low + high * wrap;
  }
  h.set(product);
  carry();
  carry();
}

function carry(): void {
  let over = 0;
  for (let i = 0; i < limbs; i++) {
    const sum = (h[i] as number) + over;
    over = Math.floor(sum / limbSize);
    h[i] = sum - over * limbSize;
  }
  h[0] = (h[0] as number) + over * wrap;
}

/** `tag` = (`h` modulo 2^130 - 5) + the second half of `key`, modulo 2^128. */
function finish(key: Int32Array, tag: Int32Array): void {
  reduceFully();
  const l1 = h[1] as number;
  const l2 = h[2] as number;
  const l4 = h[4] as number;
  tag[0] = (h[0] as number) | (l1 << 22);
  tag[1] = (l1 >>> 10) | (l2 << 12);
  tag[2] = (l2 >>> 20) | ((h[3] as number) << 2) | (l4 << 24);
  tag[3] = (l4 >>> 8) | ((h[5] as number) << 14);
  let over = 0;
  for (let i = 0; i < 4; i++) {
    const sum = ((tag[i] as number) >>> 0) + ((key[i + 4] as number) >>> 0) + over;
    over = Math.floor(sum / 0x1_0000_0000);
    tag[i] = sum;
  }
}

/** The least number that `h` is modulo 2^130 - 5; the sixth limb holds 20 bits of it. */
function reduceFully(): void {
  for (let pass = 0; pass < 2; pass++) {
    carry();
    const over = Math.floor((h[5] as number) / 0x100000);
    h[5] = (h[5] as number) - over * 0x100000;
    h[0] = (h[0] as number) + over * 5;
  }
  carry();
  // `h` + 5 reaches 2^130 exactly where `h` is at least the modulus; then it is taken, without that bit.
  let over = 5;
  for (let i = 0; i < limbs; i++) {
    const sum = (h[i] as number) + over;
    over = Math.floor(sum / limbSize);
    product[i] = sum - over * limbSize;
  }
  const isAtLeast = Math.floor((product[5] as number) / 0x100000);
  product[5] = (product[5] as number) - isAtLeast * 0x100000;
  for (let i = 0; i < limbs; i++) h[i] = (h[i] as number) + isAtLeast * ((product[i] as number) - (h[i] as number));
}
