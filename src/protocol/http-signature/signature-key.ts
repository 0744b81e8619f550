/**
 * The `Signature-Key` header: the public key of a signature beside it, `<label>=hwk;kty="OKP";crv="Ed25519";x="…"`. Anybody can send one, so it
 * proves nothing until its thumbprint is found to be the one that was expected.
 */
import { MacaroonError } from '../../core/index.js';
import { messageFault } from './message-error.js';
import { type PublicJwk, readPublicJwk } from './public-jwk.js';
import { formatMembers, type Item, parseMembers, Token } from './structured-fields.js';

/** The header for the signature `label` under `jwk`. */
export function formatSignatureKey(label: string, jwk: PublicJwk): string {
  const key: Item = { kind: 'item', value: new Token('hwk'), parameters: new Map(Object.entries(readPublicJwk({ ...jwk }))) };
  return formatMembers(new Map([[label, key]]));
}

/** The key of the signature `label`. Throws `ERR_MESSAGE_SIGNATURE` when there is none, or not one `hwk` of ours with its members alone. */
export function parseSignatureKey(text: string, label: string): PublicJwk {
  const member = parseMembers(text).get(label);
  const isKey = member?.kind === 'item' && member.value instanceof Token && member.value.text === 'hwk';
  if (!isKey) throw messageFault('Signature-Key has no hwk for this signature');
  const jwk = keyOf(Object.fromEntries(member.parameters));
  if (Object.keys(jwk).length !== member.parameters.size)
    throw messageFault('Signature-Key has more than the members of its key');
  return jwk;
}

function keyOf(members: Readonly<Record<string, unknown>>): PublicJwk {
  try {
    return readPublicJwk(members);
  } catch (error) {
    if (error instanceof MacaroonError) throw messageFault('Signature-Key holds a key that we do not take');
    throw error;
  }
}
