/**
 * The identifier that the issuer writes: who, for which audience, what and until when. Identity and authority live here, signed
 * from the start, and never in caveats, which anyone can add.
 *
 * Byte 0 = 1; bytes 1–16 root key id; bytes 17–20 audience key generation (big-endian): at fixed places, so that the key is found
 * before anything is parsed. Then packets, ascending, none unknown: 1 token id, 2 expiry, 3 audience, 4 client, 5 auth methods, 6 action.
 */
import { encodeBase64url } from './base64url.js';
import { copyPublicBytes, decodeUtf8, internText, readUint32, uint32Bytes } from './bytes.js';
import { MacaroonError } from './errors.js';
import { PacketReader, PacketWriter } from './format/packet.js';
import { limits } from './limits.js';
import { isActionPattern, isName } from './names.js';
import { RecentReadings, type Trail } from './recent-readings.js';
import { formatUuid, isUuidV7, isUuidV7At, readUint48, uuidTimeMs, writeUint48 } from './token-id.js';

const version = 1;
const headBytes = 21;
const packet = { tokenId: 1, expiresAt: 2, audience: 3, client: 4, authMethods: 5, action: 6 } as const;
/** Where the 16 bytes of the token id stand in an identifier. */
export const tokenIdStart: number = headBytes + 2;
const expiresAtStart = tokenIdStart + 16 + 2;
/** Where the packets begin that are the same in one token of a client after another. */
const tailStart = expiresAtStart + 6;
/** Clients in a generation: of more that are busy at once, each identifier is parsed. */
const busyClients = 2048;
const tails = new RecentReadings<Tail>(busyClients);
const rootKeyIds = new RecentReadings<RootKeyId>(busyClients);
/** Of the root key id that was read last. */
let trail: Trail<Tail> = { next: undefined };
/** That id, where it is not kept yet: anyone can make ids up, and would push out those of others. */
let unkept: RootKeyId | undefined;
/** One list for all clients that may do the same: whoever works with it finds what it came to the last time. */
const actionLists = new RecentReadings<readonly string[]>();
const writer = new PacketWriter();
const authMethodsPattern = /^[a-z0-9_]+(?:,[a-z0-9_]+)*$/;

type Tail = Pick<IdentifierFacts, 'audience' | 'client' | 'authMethods' | 'actions'>;

interface RootKeyId {
  /** The same text each time, whose hash is known already when the key is looked up. */
  readonly text: string;
  /** A root key is of one client, whose identifiers mostly end alike. */
  readonly trail: Trail<Tail>;
}

/** Which key a token asks for. Unverified until the signature holds. */
export interface KeyReference {
  /** Root key id, base64url of 16 bytes. */
  readonly rootKeyId: string;
  /** Generation of the audience key, 0 to 2^32-1. */
  readonly generation: number;
}

/** What an identifier states. True only once the signature holds. */
export interface IdentifierFacts extends KeyReference {
  /** UUIDv7 text. */
  readonly tokenId: string;
  /** Taken from the token id; Unix milliseconds. */
  readonly issuedAtMs: number;
  /** Unix milliseconds; the token holds before it. */
  readonly expiresAtMs: number;
  readonly audience: string;
  readonly client: string;
  /** How the client proved itself, e.g. `client_secret_basic`, `ip`. */
  readonly authMethods: readonly string[];
  /** What the token may be used for at most; patterns such as `invoices:*`. */
  readonly actions: readonly string[];
}

/** What the issuer writes into an identifier; ids as bytes. */
export interface IdentifierParts {
  readonly rootKeyId: Uint8Array;
  readonly generation: number;
  readonly tokenId: Uint8Array;
  readonly expiresAtMs: number;
  readonly audience: string;
  readonly client: string;
  readonly authMethods: readonly string[];
  readonly actions: readonly string[];
}

/**
 * Bytes of an identifier. Throws `ERR_FORMAT_IDENTIFIER` for parts that could not be read back, `ERR_ARGUMENT` for numbers out of
 * range, `ERR_LIMIT_IDENTIFIER` when too long.
 */
export function encodeIdentifier(parts: IdentifierParts): Uint8Array {
  if (parts.rootKeyId.length !== 16) throw badIdentifier('a root key id has 16 bytes', 1);
  writer.start();
  writer.writeByte(version);
  writer.writeRaw(parts.rootKeyId);
  writer.writeRaw(uint32Bytes(parts.generation));
  const expiresAt = new Uint8Array(6);
  writeUint48(expiresAt, 0, parts.expiresAtMs);
  writer.writePacket(packet.tokenId, parts.tokenId);
  writer.writePacket(packet.expiresAt, expiresAt);
  writer.writeText(packet.audience, parts.audience);
  writer.writeText(packet.client, parts.client);
  writer.writeText(packet.authMethods, parts.authMethods.join(','));
  for (const action of parts.actions) writer.writeText(packet.action, action);
  const bytes = copyPublicBytes(writer.written);
  if (bytes.length > limits.maxIdentifierBytes) {
    throw new MacaroonError('ERR_LIMIT_IDENTIFIER', 'the identifier is too long: name fewer actions', {
      limit: limits.maxIdentifierBytes,
    });
  }
  const { authMethods } = decodeIdentifier(bytes);
  if (authMethods.length !== parts.authMethods.length) throw badIdentifier('an auth method holds a comma', headBytes);
  return bytes;
}

/** Root key id and generation at their fixed places. Throws `ERR_FORMAT_IDENTIFIER` for what the issuer did not write. */
export function readKeyReference(identifier: Uint8Array): KeyReference {
  const reference = keyReferenceAt(identifier, 0, identifier.length);
  if (reference === undefined) throw badIdentifier('not an identifier of this issuer', 0);
  return reference;
}

/** `readKeyReference` of the identifier that stands in `bytes` from `start` to `end`; `undefined` for what the issuer did not write. Remembers nothing of it. */
export function keyReferenceAt(bytes: Uint8Array, start: number, end: number): KeyReference | undefined {
  if (end - start < headBytes || bytes[start] !== version) return undefined;
  let rootKeyId = rootKeyIds.get(bytes, start + 1, start + 17);
  unkept = undefined;
  if (rootKeyId === undefined) {
    rootKeyId = { text: encodeBase64url(bytes.subarray(start + 1, start + 17)), trail: { next: undefined } };
    unkept = rootKeyId;
  }
  trail = rootKeyId.trail;
  return { rootKeyId: rootKeyId.text, generation: readUint32(bytes, start + 17) };
}

/** Keeps the root key id of the identifier that stands in `bytes` from `start` on, whose key is `reference`, if that was read last and is new. */
function keepRootKeyId(bytes: Uint8Array, start: number, reference: KeyReference): void {
  if (unkept?.text === reference.rootKeyId) rootKeyIds.keep(bytes, unkept, start + 1, start + 17);
  unkept = undefined;
}

/**
 * What the identifier that stands in `bytes` from `start` to `end` states, where everything in it but its key and its two numbers was read before (and its key
 * `reference`, where that was); `undefined` for another, of which `decodeIdentifier` tells more. As the two remember what they read, a verifier asks them about
 * an identifier whose signature holds.
 */
export function knownIdentifierAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  reference: KeyReference | undefined = keyReferenceAt(bytes, start, end),
): IdentifierFacts | undefined {
  const tail = start + tailStart;
  const tokenId = start + tokenIdStart;
  const known = tail < end && hasUsualHead(bytes, start) ? tails.get(bytes, tail, end, trail) : undefined;
  if (known === undefined || reference === undefined || !isUuidV7At(bytes, tokenId)) return undefined;
  if (unkept !== undefined) keepRootKeyId(bytes, start, reference);
  return {
    rootKeyId: reference.rootKeyId,
    generation: reference.generation,
    tokenId: formatUuid(bytes, tokenId),
    issuedAtMs: uuidTimeMs(bytes, tokenId),
    expiresAtMs: readUint48(bytes, start + expiresAtStart),
    audience: known.audience,
    client: known.client,
    authMethods: known.authMethods,
    actions: known.actions,
  };
}

/** Types and lengths of the token id and of the expiry, which no identifier can spell in another way. */
function hasUsualHead(bytes: Uint8Array, start: number): boolean {
  return (
    bytes[start + tokenIdStart - 2] === packet.tokenId &&
    bytes[start + tokenIdStart - 1] === 16 &&
    bytes[start + expiresAtStart - 2] === packet.expiresAt &&
    bytes[start + expiresAtStart - 1] === 6
  );
}

/** What `identifier` states. Throws `ERR_FORMAT_IDENTIFIER` with the byte offset unless it is complete and in its one spelling. */
export function decodeIdentifier(identifier: Uint8Array): IdentifierFacts {
  const known = knownIdentifierAt(identifier, 0, identifier.length);
  if (known !== undefined) return known;
  const facts = readIdentifier(identifier);
  const { audience, client, authMethods, actions } = facts;
  keepRootKeyId(identifier, 0, facts);
  tails.keep(identifier, { audience, client, authMethods, actions }, tailStart);
  return facts;
}

function readIdentifier(identifier: Uint8Array): IdentifierFacts {
  const { rootKeyId, generation } = readKeyReference(identifier);
  const reader = new PacketReader(identifier, headBytes);
  try {
    const tokenId = readExactly(reader, packet.tokenId, 16);
    if (!isUuidV7(tokenId)) throw badIdentifier('the token id is not a UUIDv7', headBytes);
    const expiresAtMs = readUint48(readExactly(reader, packet.expiresAt, 6), 0);
    const audience = readText(reader, packet.audience, isName);
    const client = readText(reader, packet.client, isName);
    const authMethods = readText(reader, packet.authMethods, (text) => authMethodsPattern.test(text)).split(',');
    const actions = readActions(reader, identifier);
    const issuedAtMs = uuidTimeMs(tokenId);
    // Named one by one: spreading `reference` would cost more than all the rest.
    return {
      rootKeyId,
      generation,
      tokenId: formatUuid(tokenId),
      issuedAtMs,
      expiresAtMs,
      audience,
      client,
      // Shared by all that is read from the same bytes.
      authMethods: Object.freeze(authMethods),
      actions,
    };
  } catch (cause) {
    if (cause instanceof MacaroonError && cause.code === 'ERR_FORMAT_IDENTIFIER') throw cause;
    throw badIdentifier('the identifier is broken', reader.offset, cause);
  }
}

/** What is left in `identifier`. */
function readActions(reader: PacketReader, identifier: Uint8Array): readonly string[] {
  const start = reader.offset;
  const known = actionLists.get(identifier, start);
  if (known !== undefined) return known;
  const actions = [readText(reader, packet.action, isActionPattern)];
  while (!reader.atEnd) actions.push(readText(reader, packet.action, isActionPattern));
  if (actions.length > limits.maxActions || new Set(actions).size !== actions.length) {
    throw badIdentifier('too many or repeated actions', reader.offset);
  }
  actionLists.keep(identifier, Object.freeze(actions), start);
  return actions;
}

function readExactly(reader: PacketReader, type: number, length: number): Uint8Array {
  const start = reader.offset;
  const data = reader.readByte() === type ? reader.readData() : undefined;
  if (data?.length !== length) throw badIdentifier('a packet is missing, out of order or of a wrong length', start);
  return data;
}

function readText(reader: PacketReader, type: number, isValid: (text: string) => boolean): string {
  const start = reader.offset;
  const text = reader.readByte() === type ? decodeUtf8(reader.readData()) : '';
  if (!isValid(text)) throw badIdentifier('a packet is missing, out of order or holds a text it cannot hold', start);
  // Kept with what it was read from, and compared with each request.
  return internText(text);
}

function badIdentifier(message: string, offset: number, cause?: unknown): MacaroonError {
  return new MacaroonError('ERR_FORMAT_IDENTIFIER', message, { offset, cause });
}
