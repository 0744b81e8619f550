/** HTTP messages as RFC 9421 looks at them, and the signatures that their headers carry, read but not yet believed. */
import type { HeaderFields } from '../header-fields.js';
import { messageFault } from './message-error.js';
import {
  type Dictionary,
  formatMember,
  type InnerList,
  type Item,
  type Parameters,
  parseItem,
  parseMembers,
} from './structured-fields.js';

export interface SignedRequest {
  readonly kind: 'request';
  /** As sent; case matters. */
  readonly method: string;
  /** Absolute: origin of the receiver as configured (never out of a Host header), then path and query as sent. */
  readonly targetUri: string;
  readonly headers: HeaderFields;
}

export interface SignedResponse {
  readonly kind: 'response';
  readonly status: number;
  readonly headers: HeaderFields;
  /** What it answers, for components with `;req`. */
  readonly request: SignedRequest;
}

export type SignedMessage = SignedRequest | SignedResponse;

/** One part of a message that a signature covers. */
export interface Component {
  /** Field name in lower case, or a derived component with its `@`. */
  readonly name: string;
  readonly params: Parameters;
  /** Its one spelling, e.g. `"@method";req`: compare this, not `name`, to learn what is covered. */
  readonly text: string;
}

/** What a signature says of itself (RFC 9421 §2.3, and `req-nonce`). */
export interface SignatureParameters {
  /** Unix seconds. */
  readonly created?: number;
  /** Unix seconds. */
  readonly expires?: number;
  readonly nonce?: string;
  readonly keyid?: string;
  readonly alg?: string;
  readonly tag?: string;
  /** `req-nonce`: the nonce of the request that is answered. */
  readonly reqNonce?: string;
}

export interface ParsedSignature {
  readonly label: string;
  readonly components: readonly Component[];
  readonly parameters: SignatureParameters;
  readonly signature: Uint8Array;
  /** Its member of `Signature-Input` in its one spelling: the value of `@signature-params`. */
  readonly inputText: string;
}

/** Longer ones exist for no algorithm that we verify: RSA of 8192 bits. */
const maxSignatureBytes = 1024;

/**
 * Every signature of `headers`; none when there is neither `Signature-Input` nor `Signature`. Throws `ERR_MESSAGE_SIGNATURE` when the two do
 * not have the same labels, and for anything in them that is malformed.
 */
export function parseSignatures(headers: HeaderFields): readonly ParsedSignature[] {
  const inputs = dictionaryField(headers, 'signature-input');
  const signatures = dictionaryField(headers, 'signature');
  if (inputs.size !== signatures.size) throw differentLabels();
  return [...inputs].map(([label, input]) => {
    const signature = signatures.get(label);
    if (signature === undefined) throw differentLabels();
    if (input.kind !== 'list') throw messageFault('a member of Signature-Input that is not a list of components');
    return {
      label,
      components: input.items.map(readComponent),
      parameters: readParameters(input),
      signature: signatureBytes(signature),
      inputText: formatMember(input),
    };
  });
}

/** A dictionary field, its lines joined (RFC 9110 §5.3); empty when it is absent. */
function dictionaryField(headers: HeaderFields, name: string): Dictionary {
  const lines = headers.get(name);
  return lines === undefined ? new Map() : parseMembers(lines.join(', '));
}

function differentLabels() {
  return messageFault('Signature-Input and Signature do not have the same labels');
}

function signatureBytes(member: Item | InnerList): Uint8Array {
  if (member.kind !== 'item' || !(member.value instanceof Uint8Array))
    throw messageFault('a member of Signature that is not bytes');
  if (member.value.length > maxSignatureBytes) throw messageFault('a signature that is too long');
  return member.value;
}

/** A component as written in `Signature-Input`, e.g. `"@method";req`. Throws `ERR_MESSAGE_SIGNATURE` for another text. */
export function parseComponent(text: string): Component {
  return readComponent(parseItem(text));
}

function readComponent(item: Item): Component {
  if (typeof item.value !== 'string') throw messageFault('a component whose name is not a string');
  return { name: item.value, params: item.parameters, text: formatMember(item) };
}

function readParameters({ parameters }: InnerList): SignatureParameters {
  return {
    ...optional('created', seconds(parameters, 'created')),
    ...optional('expires', seconds(parameters, 'expires')),
    ...optional('nonce', text(parameters, 'nonce')),
    ...optional('keyid', text(parameters, 'keyid')),
    ...optional('alg', text(parameters, 'alg')),
    ...optional('tag', text(parameters, 'tag')),
    ...optional('reqNonce', text(parameters, 'req-nonce')),
  };
}

function optional<Name extends string, Value>(name: Name, value: Value | undefined): { readonly [key in Name]?: Value } {
  const given: { [key in Name]?: Value } = {};
  if (value !== undefined) given[name] = value;
  return given;
}

function seconds(parameters: Parameters, name: string): number | undefined {
  const value = parameters.get(name);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || value < 0) throw messageFault(`${name} is not a time in seconds`);
  return value;
}

function text(parameters: Parameters, name: string): string | undefined {
  const value = parameters.get(name);
  if (value !== undefined && typeof value !== 'string') throw messageFault(`${name} is not a string`);
  return value;
}
