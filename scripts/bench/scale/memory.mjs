/**
 * Resident memory of a verifier after many distinct tokens. Run by `run-scale.mjs` in a process of its own with `--expose-gc`; its argument is how
 * many tokens. Prints JSON.
 */
import { context } from '../library/conditions.mjs';
import { newVerifier } from '../library/macaroond.mjs';
import { newMacaroon, textOf } from '../library/tokens.mjs';

const caveats = 5;
const last = Number(process.argv[2]);
const verifier = newVerifier();
const rows = [];
for (let tokens = 0, next = 0; tokens <= last; tokens++) {
  if (tokens === next) {
    globalThis.gc();
    const { rss, heapUsed } = process.memoryUsage();
    rows.push({ path: 'memory', tokens, resident_bytes: rss, heap_bytes: heapUsed });
    next = tokens === 0 ? Math.max(1, Math.round(last / 100)) : Math.min(last, tokens * 10);
    if (tokens === last) break;
  }
  const { ok } = await verifier.verify(textOf(newMacaroon(caveats)), context);
  if (!ok) throw new Error('a good token was refused');
}
console.log(JSON.stringify(rows));
