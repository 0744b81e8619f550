/** The published examples of RFC 9421 as our messages and keys. */
import { readFileSync } from 'node:fs';
import { headerFields } from '../../../../src/protocol/header-fields.js';
import {
  decodeBase64,
  hmacSignatureKey,
  importVerifyingKey,
  publicKeyOf,
  type SignatureAlgorithm,
  type SignedMessage,
  type SignedRequest,
  type VerifyingKey,
} from '../../../../src/protocol/http-signature/index.js';

export interface VectorRequest {
  readonly kind: 'request';
  readonly method: string;
  readonly targetUri: string;
  readonly headers: readonly (readonly [string, string])[];
}

interface VectorResponse {
  readonly kind: 'response';
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly request: VectorRequest;
}

export type VectorMessage = VectorRequest | VectorResponse;

export interface SignatureVector {
  readonly section: string;
  readonly key: string;
  readonly algorithm: SignatureAlgorithm;
  readonly label: string;
  readonly message: VectorMessage;
  /** Lines. */
  readonly base: readonly string[];
  readonly body?: string;
}

interface VectorFile {
  readonly keys: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly signatures: readonly SignatureVector[];
  readonly transformations: readonly { readonly about: string; readonly holds: boolean; readonly message: VectorMessage }[];
  readonly components: readonly {
    readonly section: string;
    readonly message: VectorMessage;
    readonly lines: readonly string[];
  }[];
}

export const rfc9421: VectorFile = JSON.parse(readFileSync(new URL('../../../vectors/rfc9421.json', import.meta.url), 'utf8'));

/** What the vectors say of the key `name`, e.g. `publicKey`. */
export function keyText(name: string, part: string): string {
  const text = rfc9421.keys[name]?.[part];
  if (text === undefined) throw new Error(`no ${part} of ${name}`);
  return text;
}

export function sharedSecret(): Uint8Array {
  return decodeBase64(keyText('test-shared-secret', 'secret')) ?? new Uint8Array();
}

export async function verifyingKey(name: string, algorithm: SignatureAlgorithm): Promise<VerifyingKey> {
  if (algorithm === 'hmac-sha256') return hmacSignatureKey(sharedSecret());
  return importVerifyingKey(publicKeyOf(keyText(name, 'publicKey')).jwk, algorithm);
}

export function messageOf(message: VectorMessage): SignedMessage {
  return message.kind === 'request'
    ? requestOf(message)
    : { ...message, headers: headerFields(message.headers), request: requestOf(message.request) };
}

function requestOf(request: VectorRequest): SignedRequest {
  return { ...request, headers: headerFields(request.headers) };
}
