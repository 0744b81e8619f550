/**
 * Signing and verifying one message (RFC 9421 §3). Verifying says whether the signature is one of these bytes under this key and nothing else:
 * what it must cover, its times, nonce and tag are for whoever asks.
 */
import type { SigningKey, VerifyingKey } from './algorithms.js';
import { type ParsedSignature, parseComponent, type SignatureParameters, type SignedMessage } from './message.js';
import { signatureBase } from './signature-base.js';
import { type BareItem, formatDictionary, formatMember, formatMembers, type InnerList } from './structured-fields.js';

export interface SignatureOrder {
  /** A key of RFC 9651: lower case. */
  readonly label: string;
  /** As written in `Signature-Input`, e.g. `"@method";req`. */
  readonly components: readonly string[];
  readonly parameters: SignatureParameters;
  readonly key: SigningKey;
}

/**
 * The two headers of a signature of `message`. Throws `ERR_MESSAGE_SIGNATURE` for a component that the message does not have, or a label or
 * parameter that a structured field cannot hold.
 */
export async function signMessage(
  message: SignedMessage,
  { label, components, parameters, key }: SignatureOrder,
): Promise<{ readonly 'signature-input': string; readonly signature: string }> {
  const covered = components.map(parseComponent);
  const input: InnerList = {
    kind: 'list',
    items: covered.map(({ name, params }) => ({ kind: 'item', value: name, parameters: params })),
    parameters: new Map(parameterEntries(parameters)),
  };
  const signature = await key.sign(signatureBase(message, covered, formatMember(input)));
  return { 'signature-input': formatMembers(new Map([[label, input]])), signature: formatDictionary([[label, signature]]) };
}

/** Those that are given, always in this order. */
function* parameterEntries(parameters: SignatureParameters): Iterable<[string, BareItem]> {
  const { created, expires, nonce, keyid, alg, tag, reqNonce } = parameters;
  const named = { created, expires, nonce, keyid, alg, tag, 'req-nonce': reqNonce };
  for (const [name, value] of Object.entries(named)) if (value !== undefined) yield [name, value];
}

/**
 * Whether `parsed` is a signature of `message` under `key`; false also when the `alg` that it names is not the key's. Throws
 * `ERR_MESSAGE_SIGNATURE` when it covers something that the message does not have.
 */
export async function verifyMessage(message: SignedMessage, parsed: ParsedSignature, key: VerifyingKey): Promise<boolean> {
  const { alg } = parsed.parameters;
  if (alg !== undefined && alg !== key.algorithm) return false;
  return key.verify(signatureBase(message, parsed.components, parsed.inputText), parsed.signature);
}
