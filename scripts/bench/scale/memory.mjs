/**
 * Resident memory of a verifier after many distinct tokens. Run by `run-scale.mjs` in a process of its own with `--expose-gc`; its arguments are how many
 * tokens, and how often each is shown: of one that comes once nothing is remembered. Prints JSON.
 */
import { context } from '../library/conditions.mjs';
import { newVerifier } from '../library/macaroond.mjs';
import { newMacaroon, textOf } from '../library/tokens.mjs';

const caveats = 5;
const [last, shows] = process.argv.slice(2).map(Number);
const setting = shows === 1 ? 'shown once' : 'shown again';
/** Ten thousand of a million, as by itself: so that more come than are remembered, however few there are. */
const rememberedTokens = Math.ceil(last / 100);
const verifier = newVerifier(undefined, undefined, { rememberedTokens });
const rows = [];
for (let tokens = 0, next = 0; tokens <= last; tokens++) {
  if (tokens === next) {
    globalThis.gc();
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    rows.push({ path: 'memory', setting, tokens, resident_bytes: rss, heap_bytes: heapUsed, buffer_bytes: arrayBuffers });
    next = tokens === 0 ? Math.max(1, Math.round(last / 100)) : Math.min(last, tokens * 10);
    if (tokens === last) break;
  }
  const text = textOf(newMacaroon(caveats));
  for (let i = 0; i < shows; i++) {
    const { ok } = await verifier.verify(text, context);
    if (!ok) throw new Error('a good token was refused');
  }
}
console.log(JSON.stringify(rows));
