/**
 * IP addresses and ranges, IPv4 and IPv6, from text to bytes and back. Our own parser, as it must run in browsers and be strict: no
 * `10.1`, no octal or hexadecimal IPv4, no zones. An IPv4-mapped IPv6 address is the IPv4 address (RFC 4291 §2.5.5.2).
 */

/** 4 bytes (IPv4) or 16 bytes (IPv6), never an IPv4-mapped one. */
export interface IpAddress {
  readonly bytes: Uint8Array;
}

/** All addresses whose first `prefixBits` bits are those of `bytes`; the other bits of `bytes` are zero. */
export interface IpRange {
  readonly bytes: Uint8Array;
  /** 0 to 32 (IPv4) or 128 (IPv6). */
  readonly prefixBits: number;
}

const v6GroupPattern = /^[0-9a-fA-F]{1,4}$/;
const prefixPattern = /^(?:0|[1-9]\d{0,2})$/;
const longestText = 45;

/** The address that `text` spells, in any RFC 4291 spelling without zone; a mapped one counts as IPv4. `undefined` for anything else. */
export function parseAddress(text: string): IpAddress | undefined {
  const bytes = parseBytes(text);
  if (bytes === undefined) return undefined;
  return { bytes: isMapped(bytes) ? bytes.slice(12) : bytes };
}

/** The one spelling of `address`: dotted decimal, or RFC 5952. */
export function formatAddress(address: IpAddress): string {
  return address.bytes.length === 4 ? address.bytes.join('.') : formatV6(address.bytes);
}

/** The range that `text` spells: `address` or `address/prefix`, no host bits, no IPv4-mapped form. `undefined` for anything else. */
export function parseRange(text: string): IpRange | undefined {
  const range = readRange(text);
  return range === undefined || hasHostBits(range) ? undefined : range;
}

/** The one spelling of `range`: a full-length prefix is omitted. */
export function formatRange(range: IpRange): string {
  const address = formatAddress(range);
  return range.prefixBits === range.bytes.length * 8 ? address : `${address}/${range.prefixBits}`;
}

/** The one spelling of the range that `text` means when its host bits are dropped: what to suggest to who wrote `10.1.2.3/8`. */
export function canonicalRange(text: string): string | undefined {
  const range = readRange(text);
  if (range === undefined) return undefined;
  const bytes = range.bytes.map((byte, i) => byte & networkMask(i, range.prefixBits));
  return formatRange({ bytes, prefixBits: range.prefixBits });
}

/** Whether `address` is in `range`. An IPv4 address is in no IPv6 range. */
export function rangeContains(range: IpRange, address: IpAddress): boolean {
  const { bytes, prefixBits } = range;
  if (bytes.length !== address.bytes.length) return false;
  const whole = prefixBits >>> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== address.bytes[i]) return false;
  const left = prefixBits & 7;
  return left === 0 || (((bytes[whole] as number) ^ (address.bytes[whole] as number)) & networkMask(whole, prefixBits)) === 0;
}

/** Whether every address of `narrow` is in `wide`. */
export function rangeCovers(wide: IpRange, narrow: IpRange): boolean {
  return wide.prefixBits <= narrow.prefixBits && rangeContains(wide, narrow);
}

function readRange(text: string): IpRange | undefined {
  const slash = text.indexOf('/');
  const bytes = parseBytes(slash < 0 ? text : text.slice(0, slash));
  if (bytes === undefined || isMapped(bytes)) return undefined;
  const fullBits = bytes.length * 8;
  if (slash < 0) return { bytes, prefixBits: fullBits };
  const prefix = text.slice(slash + 1);
  if (!prefixPattern.test(prefix) || Number(prefix) > fullBits) return undefined;
  return { bytes, prefixBits: Number(prefix) };
}

function hasHostBits(range: IpRange): boolean {
  return range.bytes.some((byte, i) => (byte & ~networkMask(i, range.prefixBits)) !== 0);
}

/** Which bits of byte `index` a prefix of `prefixBits` covers. */
function networkMask(index: number, prefixBits: number): number {
  const bits = Math.min(8, Math.max(0, prefixBits - index * 8));
  return (0xff00 >>> bits) & 0xff;
}

function isMapped(bytes: Uint8Array): boolean {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  return bytes.subarray(0, 10).every((byte) => byte === 0);
}

function parseBytes(text: string): Uint8Array | undefined {
  if (text.length > longestText) return undefined;
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

/** Four decimal numbers without leading zeros. By hand: it runs on each request, and an expression costs ten times as much. */
function parseV4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let index = 0;
  let part = -1;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit >= 0 && digit <= 9) {
      if (part === 0) return undefined;
      part = part < 0 ? digit : part * 10 + digit;
      if (part > 255) return undefined;
    } else {
      if (text[i] !== '.' || part < 0 || index === 3) return undefined;
      bytes[index++] = part;
      part = -1;
    }
  }
  if (part < 0 || index !== 3) return undefined;
  bytes[3] = part;
  return bytes;
}

function parseV6(text: string): Uint8Array | undefined {
  const [before = '', after, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  const head = parseGroups(before, after === undefined);
  const tail = parseGroups(after ?? '', true);
  if (head === undefined || tail === undefined) return undefined;
  const given = head.length + tail.length;
  // `::` stands for at least one group of two bytes.
  if (after === undefined ? given !== 16 : given > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** Bytes of the groups in `text`; the last may be a dotted IPv4 address where `mayEndInV4`. */
function parseGroups(text: string, mayEndInV4: boolean): readonly number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    const v4 = mayEndInV4 && i === groups.length - 1 ? parseV4(group) : undefined;
    if (v4 !== undefined) {
      bytes.push(...v4);
    } else if (v6GroupPattern.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >>> 8, value & 0xff);
    } else {
      return undefined;
    }
  }
  return bytes;
}

/** RFC 5952 §4: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatV6(bytes: Uint8Array): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] as number) << 8) | (bytes[i + 1] as number)).toString(16));
  let runStart = 0;
  let runLength = 1;
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === '0') end++;
    if (end - start > runLength) {
      runStart = start;
      runLength = end - start;
    }
  }
  if (runLength < 2) return groups.join(':');
  return `${groups.slice(0, runStart).join(':')}::${groups.slice(runStart + runLength).join(':')}`;
}
