/**
 * DER, read strictly: what a stranger sends (signing requests, certificates) has one spelling or is refused. Parsers that are lenient
 * read different names out of the same bytes; here the bytes are what re-encoding would give, so that what was judged is what was signed.
 * Source: ITU-T X.690 §8 and §10. Long-form tags are refused: X.509 has none.
 */
import { MacaroonError } from '../../core/index.js';

/** Identifier octets that X.509 uses. */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const constructedBit = 0x20;
const maxDepth = 16;

/** One element. `children` is empty for a primitive one. All bytes are views of what was read. */
export interface DerElement {
  /** The identifier octet: class, constructed bit and number. */
  readonly tag: number;
  readonly content: Uint8Array;
  /** Header and content. */
  readonly encoded: Uint8Array;
  readonly children: readonly DerElement[];
}

/** The one element that `bytes` is, with all that is inside. Throws `ERR_ARGUMENT` when it is not DER or something follows. */
export function readDer(bytes: Uint8Array): DerElement {
  const element = readElement(bytes, 0);
  return element.encoded.length === bytes.length ? element : refuse();
}

/** The children of a `tag` element. Throws `ERR_ARGUMENT` for another tag. */
export function childrenOf(element: DerElement | undefined, tag: number): readonly DerElement[] {
  return element?.tag === tag ? element.children : refuse();
}

/** The content of a `tag` element. Throws `ERR_ARGUMENT` for another tag. */
export function contentOf(element: DerElement | undefined, tag: number): Uint8Array {
  return element?.tag === tag ? element.content : refuse();
}

/** An object identifier as dotted text. Throws `ERR_ARGUMENT` for anything else, or for arcs beyond 2^53. */
export function oidOf(element: DerElement | undefined): string {
  const arcs: number[] = [];
  let arc = 0;
  let isStart = true;
  for (const byte of contentOf(element, derTag.oid)) {
    if (isStart && byte === 0x80) refuse();
    arc = arc * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(arc)) refuse();
    isStart = byte < 0x80;
    if (isStart) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first, ...rest] = arcs;
  if (first === undefined || !isStart) return refuse();
  const top = Math.min(Math.floor(first / 40), 2);
  return [top, first - top * 40, ...rest].join('.');
}

/** The bytes of a bit string that ends on a byte. Throws `ERR_ARGUMENT` for anything else. */
export function bitStringBytes(element: DerElement | undefined): Uint8Array {
  const content = contentOf(element, derTag.bitString);
  return content[0] === 0 ? content.subarray(1) : refuse();
}

/** A time in ms since 1970: `UTCTime` of RFC 5280 (1950 to 2049) or `GeneralizedTime`, in seconds and UTC. Throws `ERR_ARGUMENT`. */
export function timeOf(element: DerElement | undefined): number {
  const isShort = element?.tag === derTag.utcTime;
  const content = contentOf(element, isShort ? derTag.utcTime : derTag.generalizedTime);
  const text = String.fromCharCode(...content.subarray(0, 20));
  const match = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const [, yearText = '', month, day, hour, minute, second] = match ?? refuse();
  if (yearText.length !== (isShort ? 2 : 4)) return refuse();
  const year = isShort ? String(Number(yearText) + (Number(yearText) < 50 ? 2000 : 1900)) : yearText;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const timeMs = Date.parse(iso);
  // A day such as 31 February would be taken for another one.
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString() === iso ? timeMs : refuse();
}

function readElement(bytes: Uint8Array, depth: number): DerElement {
  const tag = bytes[0] ?? refuse();
  if ((tag & 0x1f) === 0x1f || depth > maxDepth) refuse();
  const { length, headerLength } = readLength(bytes);
  const end = headerLength + length;
  if (end > bytes.length) refuse();
  const content = bytes.subarray(headerLength, end);
  const children: DerElement[] = [];
  if ((tag & constructedBit) !== 0) {
    for (let at = 0; at < content.length; ) {
      const child = readElement(content.subarray(at), depth + 1);
      children.push(child);
      at += child.encoded.length;
    }
  } else if (!isCanonicalPrimitive(tag, content)) refuse();
  return { tag, content, encoded: bytes.subarray(0, end), children };
}

function readLength(bytes: Uint8Array): { readonly length: number; readonly headerLength: number } {
  const first = bytes[1] ?? refuse();
  if (first < 0x80) return { length: first, headerLength: 2 };
  const count = first & 0x7f;
  if (count === 0 || count > 3 || bytes.length < 2 + count) refuse();
  let length = 0;
  for (const byte of bytes.subarray(2, 2 + count)) length = length * 256 + byte;
  const isShortest = length >= 0x80 && length >= 256 ** (count - 1);
  return isShortest ? { length, headerLength: 2 + count } : refuse();
}

function isCanonicalPrimitive(tag: number, content: Uint8Array): boolean {
  const [first = -1, second = 0] = content;
  switch (tag) {
    case derTag.sequence & ~constructedBit:
    case derTag.set & ~constructedBit:
      return false;
    case derTag.boolean:
      return content.length === 1 && (first === 0 || first === 0xff);
    case derTag.integer: {
      const isPadded = content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
      return content.length > 0 && !isPadded;
    }
    case derTag.bitString: {
      const last = content.at(-1) ?? 0;
      return content.length === 1 ? first === 0 : first >= 0 && first <= 7 && (last & ((1 << first) - 1)) === 0;
    }
    default:
      return true;
  }
}

function refuse(): never {
  throw new MacaroonError('ERR_ARGUMENT', 'this is not DER in its one spelling', { argument: 'der' });
}
