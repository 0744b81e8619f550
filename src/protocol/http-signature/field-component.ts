/** Values of fields as a signature covers them (RFC 9421 §2.1). */
import type { HeaderFields } from '../header-fields.js';
import { encodeBase64 } from './base64.js';
import type { Component } from './message.js';
import { messageFault } from './message-error.js';
import { formatMember, formatMembers, parseMembers } from './structured-fields.js';

/**
 * The value of the field `component` out of `fields`. Throws `ERR_MESSAGE_SIGNATURE` when it is absent, for a name that is not in lower case,
 * and for `;sf` and `;key` of a field that is not a dictionary that we read. Trailers (`;tr`) are absent always: nothing of ours sends them.
 */
export function fieldValue(fields: HeaderFields, { name, params }: Component): string {
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) throw messageFault('a covered field whose name is not one in lower case');
  const lines = fields.get(name);
  if (lines === undefined || params.has('tr')) throw messageFault('a covered field that the message does not have');
  if (params.has('name') || (params.has('bs') && (params.has('sf') || params.has('key')))) {
    throw messageFault('a covered field with parameters that do not go together');
  }
  const values = lines.map(canonicalLine);
  if (params.has('bs')) return values.map((value) => `:${encodeBase64(latin1Bytes(value))}:`).join(', ');
  const joined = values.join(', ');
  const key = params.get('key');
  if (typeof key === 'string') return dictionaryMember(joined, key);
  return params.has('sf') ? formatMembers(parseMembers(joined)) : joined;
}

/** Without surrounding white space, obsolete folds (RFC 9110 §5.5) as one space. */
function canonicalLine(line: string): string {
  return withoutBlanks(
    line
      .split(/\r?\n(?=[ \t])/)
      .map(withoutBlanks)
      .join(' '),
  );
}

/** By hand: a pattern for blanks at an end takes quadratic time on a long run of them inside. */
function withoutBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text[start])) start++;
  while (end > start && isBlank(text[end - 1])) end--;
  return text.slice(start, end);
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t';
}

/** Field values are bytes; HTTP libraries show each as one character. */
function latin1Bytes(value: string): Uint8Array {
  return Uint8Array.from(value, (character) => {
    const code = character.charCodeAt(0);
    if (code > 0xff) throw messageFault('a field value that is not bytes');
    return code;
  });
}

function dictionaryMember(text: string, key: string): string {
  const member = parseMembers(text).get(key);
  if (member === undefined) throw messageFault('a covered dictionary member that the field does not have');
  return formatMember(member);
}
