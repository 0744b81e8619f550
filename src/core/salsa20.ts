/**
 * Salsa20 (Bernstein, "The Salsa20 family of stream ciphers") as far as a verification id needs it: HSalsa20, and the first block of XSalsa20 ("Extending the
 * Salsa20 nonce"). On 32-bit words, little-endian as the cipher has them; nothing is allocated, and no branch or index depends on a secret.
 */

/** "expand 32-byte k" as words. */
const sigma0 = 0x61707865;
const sigma1 = 0x3320646e;
const sigma2 = 0x79622d32;
const sigma3 = 0x6b206574;

/** All that is worked on, in one piece, so that one call wipes it. */
const memory = new Int32Array(40);
const input = memory.subarray(0, 16);
const mixed = memory.subarray(16, 32);
const subkey = memory.subarray(32, 40);

/** The first 16 words of the XSalsa20 stream under `key` (8 words) and `nonce` (6 words), into `stream`. What it left in between is wiped. */
export function xsalsa20Block(key: Int32Array, nonce: Int32Array, stream: Int32Array): void {
  load(key, nonce[0] as number, nonce[1] as number, nonce[2] as number, nonce[3] as number);
  mix();
  for (let i = 0; i < 4; i++) {
    subkey[i] = mixed[i * 5] as number;
    subkey[i + 4] = mixed[i + 6] as number;
  }
  load(subkey, nonce[4] as number, nonce[5] as number, 0, 0);
  mix();
  for (let i = 0; i < 16; i++) stream[i] = (mixed[i] as number) + (input[i] as number);
  memory.fill(0);
}

function load(key: Int32Array, n0: number, n1: number, n2: number, n3: number): void {
  input[0] = sigma0;
  input[5] = sigma1;
  input[6] = n0;
  input[7] = n1;
  input[8] = n2;
  input[9] = n3;
  input[10] = sigma2;
  input[15] = sigma3;
  for (let i = 0; i < 4; i++) {
    input[i + 1] = key[i] as number;
    input[i + 11] = key[i + 4] as number;
  }
}

/** `mixed` = `input` after 20 rounds, without the addition of `input` at the end. */
function mix(): void {
  let x0 = input[0] as number;
  let x1 = input[1] as number;
  let x2 = input[2] as number;
  let x3 = input[3] as number;
  let x4 = input[4] as number;
  let x5 = input[5] as number;
  let x6 = input[6] as number;
  let x7 = input[7] as number;
  let x8 = input[8] as number;
  let x9 = input[9] as number;
  let x10 = input[10] as number;
  let x11 = input[11] as number;
  let x12 = input[12] as number;
  let x13 = input[13] as number;
  let x14 = input[14] as number;
  let x15 = input[15] as number;
  for (let round = 0; round < 20; round += 2) {
    x4 ^= rotated(x0 + x12, 7);
    x9 ^= rotated(x5 + x1, 7);
    x14 ^= rotated(x10 + x6, 7);
    x3 ^= rotated(x15 + x11, 7);
    x8 ^= rotated(x4 + x0, 9);
    x13 ^= rotated(x9 + x5, 9);
    x2 ^= rotated(x14 + x10, 9);
    x7 ^= rotated(x3 + x15, 9);
    x12 ^= rotated(x8 + x4, 13);
    x1 ^= rotated(x13 + x9, 13);
    x6 ^= rotated(x2 + x14, 13);
    x11 ^= rotated(x7 + x3, 13);
    x0 ^= rotated(x12 + x8, 18);
    x5 ^= rotated(x1 + x13, 18);
    x10 ^= rotated(x6 + x2, 18);
    x15 ^= rotated(x11 + x7, 18);
    x1 ^= rotated(x0 + x3, 7);
    x6 ^= rotated(x5 + x4, 7);
    x11 ^= rotated(x10 + x9, 7);
    x12 ^= rotated(x15 + x14, 7);
    x2 ^= rotated(x1 + x0, 9);
    x7 ^= rotated(x6 + x5, 9);
    x8 ^= rotated(x11 + x10, 9);
    x13 ^= rotated(x12 + x15, 9);
    x3 ^= rotated(x2 + x1, 13);
    x4 ^= rotated(x7 + x6, 13);
    x9 ^= rotated(x8 + x11, 13);
    x14 ^= rotated(x13 + x12, 13);
    x0 ^= rotated(x3 + x2, 18);
    x5 ^= rotated(x4 + x7, 18);
    x10 ^= rotated(x9 + x8, 18);
    x15 ^= rotated(x14 + x13, 18);
  }
  mixed[0] = x0;
  mixed[1] = x1;
  mixed[2] = x2;
  mixed[3] = x3;
  mixed[4] = x4;
  mixed[5] = x5;
  mixed[6] = x6;
  mixed[7] = x7;
  mixed[8] = x8;
  mixed[9] = x9;
  mixed[10] = x10;
  mixed[11] = x11;
  mixed[12] = x12;
  mixed[13] = x13;
  mixed[14] = x14;
  mixed[15] = x15;
}

function rotated(sum: number, bits: number): number {
  const word = sum | 0;
  return (word << bits) | (word >>> (32 - bits));
}
