/**
 * The signature base (RFC 9421 §2.5): the text that a signature is over, one line a component. Two messages that differ in what is covered
 * never have one base; where a value could be read in two ways, there is no base at all.
 */
import { encodeUtf8 } from '../../core/index.js';
import { derivedValue } from './derived-component.js';
import { fieldValue } from './field-component.js';
import type { Component, SignedMessage } from './message.js';
import { messageFault } from './message-error.js';

const parameterNames: ReadonlySet<string> = new Set(['sf', 'key', 'bs', 'req', 'tr', 'name']);

/**
 * Bytes that a signature over `components` of `message` signs; `inputText` is the value of `@signature-params`. Throws
 * `ERR_MESSAGE_SIGNATURE` for a component that is repeated, unknown, absent from the message, or has a value that is not printable ASCII.
 */
export function signatureBase(message: SignedMessage, components: readonly Component[], inputText: string): Uint8Array {
  const seen = new Set<string>();
  let base = '';
  for (const component of components) {
    const identity = identityOf(component);
    if (seen.has(identity)) throw messageFault('a component that is covered twice');
    seen.add(identity);
    base += `${component.text}: ${componentValue(message, component)}\n`;
  }
  return encodeUtf8(`${base}"@signature-params": ${inputText}`);
}

/** Components are the same whatever the order of their parameters (RFC 9421 §2). */
function identityOf({ name, params }: Component): string {
  return JSON.stringify([name, ...[...params].sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function componentValue(message: SignedMessage, component: Component): string {
  for (const [name, value] of component.params) {
    const isFlag = name !== 'key' && name !== 'name';
    if (!parameterNames.has(name) || (isFlag ? value !== true : typeof value !== 'string')) {
      throw messageFault('a component with a parameter that we do not know');
    }
  }
  const source = component.params.has('req') ? requestOf(message) : message;
  const value = component.name.startsWith('@') ? derivedValue(source, component) : fieldValue(source.headers, component);
  // RFC 9421 §2.5: a line break in a value would make lines of its own, and what is not ASCII is read in several ways.
  if (!/^[\t\x20-\x7e]*$/.test(value)) throw messageFault('a covered value that is not printable ASCII');
  return value;
}

function requestOf(message: SignedMessage) {
  if (message.kind === 'request') throw messageFault('a request covers a component of a request that it answers');
  return message.request;
}
