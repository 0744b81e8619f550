/**
 * Bytes that a verification leaves to be collected. Run by `run.mjs` with `--expose-gc` and a young generation so large that nothing is collected
 * while it is counted.
 */
import * as core from '../../dist/core/index.js';
import { maxSignatureGarbageBytes } from './goals.mjs';
import { verifyFresh } from './library/macaroond.mjs';
import { mail, newMacaroon } from './library/tokens.mjs';
import { table } from './report.mjs';
import { median } from './slices.mjs';

const caveats = 5;
const operations = 20_000;
const warmUpPasses = 6;
const countedPasses = 5;

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

/** Bytes an operation, counted once the engine has compiled it: the median of some counts, as a collection of old garbage may fall into one. */
async function bytesOf(contender) {
  const counts = [];
  for (let pass = 0; pass < warmUpPasses + countedPasses; pass++) {
    contender.prepare?.(operations);
    globalThis.gc();
    const before = process.memoryUsage();
    await runAll(contender);
    const after = process.memoryUsage();
    if (pass >= warmUpPasses) counts.push(after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers);
    // The engine compiles beside us, and a verifier warms up between other work.
    await new Promise((resume) => setTimeout(resume, 100));
  }
  return Math.round(median(counts) / operations);
}

async function runAll(contender) {
  for (let i = 0; i < operations; i++) {
    const pending = contender.run(i);
    if (pending instanceof Promise) await pending;
  }
}
