/**
 * Bytes that a verification leaves to be collected. Run by `run.mjs` with `--expose-gc` and a young generation so large that nothing is collected
 * while it is counted.
 */
import * as core from '../../dist/core/index.js';
import { verifyFresh } from './library/macaroond.mjs';
import { mail, newMacaroon } from './library/tokens.mjs';
import { table } from './report.mjs';

const caveats = 5;
const operations = 4000;

const macaroons = Array.from({ length: 100 }, () => ({ root: newMacaroon(caveats), discharges: [] }));
const contenders = {
  'the signature of a decoded token': { run: (i) => core.verifySignature(macaroons[i % macaroons.length], mail.key) },
  'a whole verification, text to decision': verifyFresh(caveats),
};

const lines = [];
for (const [name, contender] of Object.entries(contenders)) {
  await bytesOf(contender);
  lines.push([name, String(Math.round(await bytesOf(contender)))]);
}
console.log(table([[`garbage, ${caveats} caveats, never seen`, 'bytes'], ...lines]));

async function bytesOf(contender) {
  contender.prepare?.(operations);
  globalThis.gc();
  const before = process.memoryUsage();
  for (let i = 0; i < operations; i++) {
    const pending = contender.run(i);
    if (pending instanceof Promise) await pending;
  }
  const after = process.memoryUsage();
  return (after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers) / operations;
}
