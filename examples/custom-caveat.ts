/**
 * A caveat type of a service's own: `account 42` or `account 42,43` holds when the request is about one of these accounts.
 *
 * Run it with `npx tsx examples/custom-caveat.ts` after `npm run build`.
 */
import { randomBytes } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import {
  attenuate,
  type CaveatType,
  clearCaveats,
  createCaveatRegistry,
  decode,
  encode,
  MacaroonKey,
  mint,
  standardCaveats,
  verifySignature,
} from 'macaroond';

const accountPattern = /^[1-9][0-9]{0,17}$/;

export const account: CaveatType<readonly string[]> = {
  name: 'account',
  parse(argument) {
    const accounts = argument.split(',');
    const isList = accounts.every((one) => accountPattern.test(one)) && new Set(accounts).size === accounts.length;
    return isList ? { ok: true, value: accounts } : { ok: false, message: 'expected account numbers, separated by commas' };
  },
  format: (accounts) => accounts.join(','),
  check(accounts, context) {
    const { account: requested } = context;
    if (typeof requested !== 'string') return { holds: false, reason: 'missing-context', needs: 'account' };
    if (accounts.includes(requested)) return { holds: true };
    return { holds: false, reason: 'denied', expected: accounts.join(' or '), actual: requested };
  },
  describe: (accounts) => `only for the account ${accounts.join(' or ')}`,
  narrows(inForce, added) {
    const both = inForce.filter((one) => added.includes(one));
    if (both.length === 0) return { kind: 'contradiction' };
    return both.length === inForce.length ? { kind: 'no-op' } : { kind: 'narrower', value: both };
  },
};

/** What the service passes to its verifier. */
export const registry = createCaveatRegistry([...standardCaveats, account]);

/** A token for account 42, cleared for a request about `requested`. */
function tryAccount(requested: string): string {
  const key = new MacaroonKey(randomBytes(32));
  const text = encode({ root: mint(key, new TextEncoder().encode('example')), discharges: [] });
  const narrower = attenuate(text, { conditions: ['account 42'] }, { registry });
  const signature = verifySignature(decode(narrower), key);
  if (!signature.ok) return signature.code;
  const context = { action: 'accounts:read', nowMs: Date.now(), account: requested };
  const result = clearCaveats(registry, signature.conditions, context);
  return result.ok ? 'allowed' : `${result.code}: ${result.message}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const requested of ['42', '43']) console.log(`account ${requested}: ${tryAccount(requested)}`);
}
