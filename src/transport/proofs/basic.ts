/**
 * `client_secret_basic`: how a client shows its name and secret in an `Authorization` header (RFC 6749 §2.3.1, RFC 7617). Answers prove nothing:
 * whom the secret is sent to rests on TLS alone.
 */
import { MacaroonError } from '../../core/index.js';
import type { RequestProver } from './prover.js';

/** What proves a client by `client_secret_basic`. */
export interface BasicProof {
  readonly client: string;
  readonly secret: string;
}

/**
 * Value of the `Authorization` header: name and secret are form-url-encoded first, so that neither can hold the `:` between them.
 * Throws `ERR_ARGUMENT` unless both are text and not empty.
 */
export function basicAuthorization(proof: BasicProof): string {
  if (typeof proof !== 'object' || proof === null) throw argumentError('credential', 'an object with client and secret');
  if (!isText(proof.client)) throw argumentError('client', 'the name of the client');
  if (!isText(proof.secret)) {
    throw argumentError('secret', 'text: copies such as {...credential} leave the secret out, so pass the credential itself');
  }
  return `Basic ${btoa(`${formEncode(proof.client)}:${formEncode(proof.secret)}`)}`;
}

/** Shows the same name and secret in every request. Throws `ERR_ARGUMENT` as `basicAuthorization` does. */
export function basicProver(credential: BasicProof): RequestProver {
  const proof = { headers: { authorization: basicAuthorization(credential) } };
  return { prove: async () => proof };
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function argumentError(argument: string, expected: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument} must be ${expected}`, { argument });
}

/** `application/x-www-form-urlencoded` of one value: ASCII, a space as `+`. */
function formEncode(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1);
}
