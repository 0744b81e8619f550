/**
 * What a credential file holds, member by member: those of every file, those of each auth method, and the client's side of TLS. Strict, so that a
 * misspelt member is never taken for one that was left out. Faults are told without quoting the file.
 */
import { decodeBase64url, isName, MacaroonError } from '../core/index.js';
import { readPublicJwk } from '../protocol/http-signature/index.js';
import { checkClientCertificate } from './client-certificate.js';
import type { ClientCertificate, CredentialParts, CredentialProof, PublicJwkText } from './credential.js';
import { parseIssuerUrl } from './issuer-url.js';
import { parsePin } from './pin.js';
import { checkPrivateKey } from './private-key.js';

type Members = Readonly<Record<string, unknown>>;

/** What is wrong with a credential file, as the end of a sentence that starts with its path. */
export class MemberFault extends Error {}

/** Text of the file that `member` names by `path`, as it stands there. Throws `MemberFault`. */
export type ReadNamedFile = (member: string, path: string, isPrivate: boolean) => Promise<string>;

/** The credential that `members` of a file are. Throws `MemberFault`. */
export async function readMembers(members: Members, readNamedFile: ReadNamedFile): Promise<CredentialParts> {
  const reader = new MemberReader(members, readNamedFile);
  if (reader.value('version') !== 1) throw new MemberFault('has another version than 1: it needs a newer macaroond');
  const issuer = reader.text('issuer');
  const pinSha256 = reader.has('pin_sha256') ? reader.text('pin_sha256') : undefined;
  const common = {
    issuer,
    ca: reader.has('ca') ? reader.text('ca') : undefined,
    pinSha256: usable(() => (pinSha256 === undefined ? undefined : parsePin(pinSha256))),
    client: reader.text('client'),
    credentialId: reader.text('credential_id'),
  };
  usable(() => parseIssuerUrl(issuer));
  if (!isName(common.client)) throw new MemberFault('holds a "client" that is no name');
  const proof = await readProof(reader);
  const needsTls = proof.kind === 'tls_client_auth' || proof.kind === 'self_signed_tls_client_auth';
  const tls = await readTls(reader, needsTls);
  reader.requireNoOther();
  return { ...common, proof, tls };
}

/** Files that hold a PEM instead of the credential file; paths as seen from its folder. */
export interface NamedFiles {
  readonly privateKey?: string | undefined;
  readonly certificate?: string | undefined;
  readonly certificateKey?: string | undefined;
}

/** The members of a file that holds `credential`, but for what is in `files`; `readMembers` reads them back. */
export function membersOf(credential: CredentialParts, files: NamedFiles = {}): Members {
  const members = { ...allMembersOf(credential) };
  const named = { private_key: files.privateKey, certificate: files.certificate, certificate_key: files.certificateKey };
  for (const [name, path] of Object.entries(named)) {
    if (path === undefined) continue;
    delete members[name];
    members[`${name}_file`] = path;
  }
  return members;
}

function allMembersOf({ issuer, ca, pinSha256, client, credentialId, proof, tls }: CredentialParts): Members {
  const common = { version: 1, issuer, ca, pin_sha256: pinSha256, client, auth_method: proof.kind, credential_id: credentialId };
  const tlsMembers = tls === undefined ? {} : { certificate: tls.certificate, certificate_key: tls.privateKey };
  return { ...common, ...proofMembers(proof), ...tlsMembers };
}

function proofMembers(proof: CredentialProof): Members {
  switch (proof.kind) {
    case 'client_secret_basic':
      return { secret: proof.secret };
    case 'http_sig': {
      const key = proof.algorithm === 'hmac-sha256' ? { secret: proof.secret } : { private_key: proof.privateKey };
      return { algorithm: proof.algorithm, ...key, issuer_key: proof.issuerKey };
    }
    case 'challenge_response':
      return { algorithm: proof.algorithm, private_key: proof.privateKey };
    case 'encrypted_time':
      return { secret: proof.secret, time_key: proof.timeKey };
    case 'shared_key_hmac':
      return { key: proof.key };
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth':
      return {};
  }
}

async function readProof(reader: MemberReader): Promise<CredentialProof> {
  const kind = reader.text('auth_method');
  switch (kind) {
    case 'client_secret_basic':
      return { kind, secret: reader.text('secret') };
    case 'http_sig': {
      const algorithm = reader.oneOf('algorithm', ['hmac-sha256', 'ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512']);
      const issuerKey = reader.has('issuer_key') ? reader.publicKey('issuer_key', 'OKP') : undefined;
      if (algorithm === 'hmac-sha256') return { kind, algorithm, secret: reader.text('secret'), issuerKey };
      return { kind, algorithm, privateKey: await readPrivateKey(reader, algorithm), issuerKey };
    }
    case 'challenge_response': {
      const algorithms = ['sign-ed25519', 'sign-ecdsa-p256-sha256', 'sign-rsa-pss-sha256', 'decrypt-rsa-oaep-256'] as const;
      const algorithm = reader.oneOf('algorithm', algorithms);
      return { kind, algorithm, privateKey: await readPrivateKey(reader, algorithm) };
    }
    case 'encrypted_time': {
      const timeKey = reader.has('time_key') ? reader.publicKey('time_key', 'RSA') : undefined;
      return { kind, secret: reader.text('secret'), timeKey };
    }
    case 'shared_key_hmac':
      return { kind, key: reader.sharedKey('key') };
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth':
      return { kind };
    default:
      throw new MemberFault('has an "auth_method" that is not known: it needs a newer macaroond');
  }
}

async function readPrivateKey(reader: MemberReader, algorithm: Parameters<typeof checkPrivateKey>[1]): Promise<string> {
  const pem = await reader.pem('private_key', true);
  usable(() => checkPrivateKey(pem, algorithm));
  return pem;
}

async function readTls(reader: MemberReader, isNeeded: boolean): Promise<ClientCertificate | undefined> {
  const isThere = reader.hasPem('certificate') || reader.hasPem('certificate_key');
  if (!isThere && !isNeeded) return undefined;
  const tls = { certificate: await reader.pem('certificate', false), privateKey: await reader.pem('certificate_key', true) };
  usable(() => checkClientCertificate(tls));
  return tls;
}

/** Whatever `read` finds wrong as a fault of the file; its messages quote nothing. */
function usable<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof MacaroonError) throw new MemberFault(`cannot be used: ${cause.message}`);
    throw cause;
  }
}

/** Gives members one by one, and keeps in mind which were asked for: a member that nobody asked for is none of this file's kind. */
class MemberReader {
  readonly #members: Members;
  readonly #readNamedFile: ReadNamedFile;
  readonly #known = new Set<string>();

  constructor(members: Members, readNamedFile: ReadNamedFile) {
    this.#members = members;
    this.#readNamedFile = readNamedFile;
  }

  has(name: string): boolean {
    this.#known.add(name);
    return Object.hasOwn(this.#members, name);
  }

  value(name: string): unknown {
    if (!this.has(name)) throw new MemberFault(`lacks the member "${name}"`);
    return this.#members[name];
  }

  text(name: string): string {
    const value = this.value(name);
    if (typeof value === 'string' && value !== '') return value;
    throw new MemberFault(`needs text as its member "${name}"`);
  }

  oneOf<Text extends string>(name: string, texts: readonly Text[]): Text {
    const value = this.text(name);
    const found = texts.find((text) => text === value);
    if (found === undefined) throw new MemberFault(`needs one of ${texts.join(', ')} as its member "${name}"`);
    return found;
  }

  hasPem(name: string): boolean {
    // Both are asked for, so that both are known.
    return [name, `${name}_file`].map((one) => this.has(one)).includes(true);
  }

  /** The member `name`, or the text of the file that the member `<name>_file` names. */
  async pem(name: string, isPrivate: boolean): Promise<string> {
    const fileName = `${name}_file`;
    if (!this.hasPem(name)) throw new MemberFault(`lacks the member "${name}" or "${fileName}"`);
    if (!this.has(fileName)) return this.text(name);
    if (this.has(name)) throw new MemberFault(`has both "${name}" and "${fileName}"`);
    return this.#readNamedFile(fileName, this.text(fileName), isPrivate);
  }

  /** base64url of 32 bytes. */
  sharedKey(name: string): string {
    const text = this.text(name);
    try {
      if (decodeBase64url(text).length === 32) return text;
    } catch {
      // Told below.
    }
    throw new MemberFault(`needs the base64url of 32 bytes as its member "${name}"`);
  }

  /** A public key of the type `kty` as JWK; what describes it, such as its id, is left out. */
  publicKey(name: string, kty: 'OKP' | 'RSA'): PublicJwkText {
    const value = this.value(name);
    const jwk = usable(() => readPublicJwk(typeof value === 'object' && value !== null ? { ...value } : {}));
    if (jwk.kty !== kty) throw new MemberFault(`needs a JWK with kty ${kty} as its member "${name}"`);
    return { ...jwk };
  }

  requireNoOther(): void {
    if (Object.keys(this.#members).every((name) => this.#known.has(name))) return;
    throw new MemberFault(`has a member that is none of ${[...this.#known].join(', ')}`);
  }
}
