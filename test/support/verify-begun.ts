/**
 * Set-up that shows verifiers, before each token, others that begin with the same caveats, one of them sealed: every verdict of the tests is then that of a
 * token whose beginning is remembered, of which only the seal is read where it is sealed, also where the token itself is forged. None is remembered as a whole.
 */
import { vi } from 'vitest';
import {
  addFirstPartyCaveat,
  decode,
  encode,
  isPromise,
  type Macaroon,
  MacaroonKey,
  mint,
  readKeyReference,
} from '../../src/core/index.js';
import type { AuthenticationSetup } from '../../src/verifier/genuine-token.js';
import { SignatureCache } from '../../src/verifier/signature-cache.js';

/** A seal to some request; digest and nonce are zeros. */
const seal = `request GET a.example / ${'A'.repeat(43)} 1 ${'A'.repeat(43)}`;

SignatureCache.prototype.get = () => undefined;
SignatureCache.prototype.wasSeen = () => false;

vi.mock('../../src/verifier/genuine-token.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/verifier/genuine-token.js')>();
  return {
    ...original,
    authenticate: (text: string, setup: AuthenticationSetup) => {
      const siblings = siblingsOf(text, setup);
      for (const sibling of siblings) void original.authenticate(sibling, setup);
      const result = original.authenticate(text, setup);
      if (siblings.length > 0 && 'ok' in result && result.ok && result.token.prefix === undefined) {
        throw new Error('the beginning of the token was not remembered');
      }
      return result;
    },
  };
});

/** Tokens that begin as the one in `text` claims to, each with another end, as if the issuer had signed them. None where no beginnings are remembered. */
function siblingsOf(text: string, setup: AuthenticationSetup): readonly string[] {
  try {
    // Also of one whose checksum is wrong.
    const root = plainRootOf(text) ?? plainRootOf(text.slice(4, -7));
    const key = root && keyOf(root, setup);
    if (root === undefined || key === undefined) return [];
    const { length } = root.caveats;
    // Mostly all but the last caveat; where that depends on the checksum, so that it is the same each time.
    const shared = Math.min(length - 1, text.charCodeAt(text.length - 2) % (2 * length));
    const conditions = root.caveats.map((caveat) => (caveat.kind === 'first-party' ? caveat.condition : new Uint8Array(0)));
    const beginning = conditions
      .slice(0, shared)
      .reduce<Macaroon>(addFirstPartyCaveat, mint(key, root.identifier, root.location));
    return otherEnds(conditions.at(-1) as Uint8Array).map((end) =>
      encode({ root: addFirstPartyCaveat(beginning, end), discharges: [] }),
    );
  } catch {
    return [];
  }
}

/** Of the first two, the second makes the beginning known; what follows makes it one of a sealed token, and of another before that where `condition` is a seal. */
function otherEnds(condition: Uint8Array): readonly string[] {
  return Buffer.from(condition).toString().startsWith('request ') ? ['end 1', 'end 2', 'end 3', seal] : ['end 1', 'end 2', seal];
}

function plainRootOf(text: string): Macaroon | undefined {
  try {
    const { root, discharges } = decode(text);
    const isPlain = discharges.length === 0 && root.caveats.every(({ kind }) => kind === 'first-party');
    return isPlain && root.caveats.length > 0 ? root : undefined;
  } catch {
    return undefined;
  }
}

function keyOf({ identifier }: Macaroon, { audience, keys }: AuthenticationSetup): MacaroonKey | undefined {
  const { rootKeyId, generation } = readKeyReference(identifier);
  const lookup = keys.find(audience, rootKeyId, generation);
  if (isPromise(lookup)) {
    lookup.then(undefined, () => {});
    return undefined;
  }
  return lookup.found && lookup.entry.key instanceof MacaroonKey ? lookup.entry.key : undefined;
}
