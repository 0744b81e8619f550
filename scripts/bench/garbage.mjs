/**
 * Bytes that a verification leaves to be collected. Run by `run.mjs` with `--expose-gc` and a young generation so large that nothing is collected
 * while it is counted.
 */
import * as core from '../../dist/core/index.js';
import { maxSignatureGarbageBytes } from './goals.mjs';
import { verifyFresh } from './library/macaroond.mjs';
import { mail, newMacaroon } from './library/tokens.mjs';
import { table } from './report.mjs';

const caveats = 5;
const operations = 4000;

const macaroons = Array.from({ length: 100 }, () => ({ root: newMacaroon(caveats), discharges: [] }));
const ofSignature = await bytesOf({ run: (i) => core.verifySignature(macaroons[i % macaroons.length], mail.key) });
const ofVerification = await bytesOf(verifyFresh(caveats));
const isReached = ofSignature < maxSignatureGarbageBytes;
console.log(
  table([
    [`garbage, ${caveats} caveats, never seen`, 'bytes', 'must be under', ''],
    ['the signature of a decoded token', String(ofSignature), String(maxSignatureGarbageBytes), isReached ? 'reached' : 'MISSED'],
    ['a whole verification, text to decision', String(ofVerification), '', ''],
  ]),
);

/** Bytes an operation, counted once the engine has compiled it. */
async function bytesOf(contender) {
  contender.prepare?.(operations);
  await runAll(contender);
  contender.prepare?.(operations);
  globalThis.gc();
  const before = process.memoryUsage();
  await runAll(contender);
  const after = process.memoryUsage();
  return Math.round((after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers) / operations);
}

async function runAll(contender) {
  for (let i = 0; i < operations; i++) {
    const pending = contender.run(i);
    if (pending instanceof Promise) await pending;
  }
}
