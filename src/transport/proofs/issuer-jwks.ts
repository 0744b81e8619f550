/** The issuer's public keys from its discovery document: what TLS vouches for, where a credential file does not name them. */
import { MacaroonError } from '../../core/index.js';
import { type PublicJwk, readPublicJwk } from '../../protocol/http-signature/index.js';
import type { ProverTools } from './prover.js';

const answerFault = "the issuer's discovery document does not hold the key that is needed";

/** The issuer's key that signs (`sig`) or is encrypted to (`enc`). Throws `ERR_ISSUER_*`. */
export async function findIssuerKey({ ask }: Pick<ProverTools, 'ask'>, use: 'sig' | 'enc'): Promise<PublicJwk> {
  const discovery = await ask('GET', '/.well-known/macaroond');
  for (const key of keysOf(discovery)) {
    if (key['use'] !== use) continue;
    try {
      return readPublicJwk(key);
    } catch (cause) {
      throw new MacaroonError('ERR_ISSUER_ANSWER', answerFault, { cause });
    }
  }
  throw new MacaroonError('ERR_ISSUER_ANSWER', answerFault);
}

function keysOf(discovery: unknown): readonly Readonly<Record<string, unknown>>[] {
  const jwks = memberOf(discovery, 'jwks');
  const keys = memberOf(jwks, 'keys');
  return Array.isArray(keys) ? keys.filter((key) => typeof key === 'object' && key !== null) : [];
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined;
}
