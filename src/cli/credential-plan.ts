/**
 * What `credential add` sends for each auth method, and what goes into the credential file: everything is read and checked before the issuer
 * is asked, as a credential that was made cannot be unmade.
 */
import { X509Certificate } from 'node:crypto';
import { dirname, relative } from 'node:path';
import { MacaroonError, nearest } from '../core/index.js';
import type { NewCredentialRequest, WireNewCredential } from '../protocol/wire.js';
import { checkClientCertificate } from '../transport/client-certificate.js';
import type { ClientCertificate, CredentialParts, CredentialProof } from '../transport/credential.js';
import type { NamedFiles } from '../transport/credential-members.js';
import { pathOf } from './environment.js';
import { generateKeyPair, readKeyFile, readPrivateKeyFile, readPublicKeyFile, usable } from './key-pair.js';
import { type OutOptions, showValue } from './options.js';
import { type Session, usageError } from './session.js';

export interface CredentialAddOptions extends OutOptions {
  readonly ip?: readonly string[];
  readonly hmac?: true;
  readonly publicKey?: string;
  readonly privateKey?: string;
  /** An algorithm, or the method's own. */
  readonly generate?: string | true;
  readonly mode?: 'sign' | 'decrypt';
  readonly san?: string;
  readonly subject?: string;
  readonly cert?: string;
  readonly certificate?: string;
  readonly certificateKey?: string;
}

/** What a credential file holds beside what every one holds. */
export interface FileParts extends Pick<CredentialParts, 'proof' | 'tls'> {
  readonly files?: NamedFiles | undefined;
}

export interface CredentialPlan {
  readonly body: NewCredentialRequest;
  /** Throws `ERR_ISSUER_ANSWER` for an answer that lacks what was asked for. */
  partsOf(made: WireNewCredential): FileParts;
}

type Flag = Exclude<keyof CredentialAddOptions, keyof OutOptions | 'ip'>;

const besideTls = ['certificate', 'certificateKey'] as const;

/** Algorithms that a key can be generated for; the first is taken where none is named. */
const signatureAlgorithms = ['ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512'] as const;
const challengeAlgorithms = {
  sign: ['sign-ed25519', 'sign-ecdsa-p256-sha256', 'sign-rsa-pss-sha256'],
  decrypt: ['decrypt-rsa-oaep-256'],
} as const;

/** Flags that each method takes. */
const flagsOf: Readonly<Record<string, readonly Flag[]>> = {
  client_secret_basic: besideTls,
  http_sig: ['hmac', 'publicKey', 'privateKey', 'generate', ...besideTls],
  challenge_response: ['publicKey', 'privateKey', 'generate', 'mode', ...besideTls],
  encrypted_time: besideTls,
  tls_client_auth: ['san', 'subject', 'certificate', 'privateKey'],
  self_signed_tls_client_auth: ['cert', 'privateKey'],
};
const allFlags = [...new Set(Object.values(flagsOf).flat())];
/** Flags that are there for the credential file alone. */
const flagsOfFile: readonly Flag[] = ['privateKey', 'generate', 'certificate', 'certificateKey'];

/** The plan for a credential of `method`. Throws usage errors. */
export async function planCredential(session: Session, method: string, options: CredentialAddOptions): Promise<CredentialPlan> {
  checkFlags(method, options);
  const plan = await planMethod(session, method, options);
  if (options.certificate === undefined || options.certificateKey === undefined) return withIps(plan, options);
  const tls = await readTls(session, options, ['certificate', options.certificate], ['certificateKey', options.certificateKey]);
  return withIps({ ...plan, partsOf: (made) => joined(plan.partsOf(made), tls) }, options);
}

async function planMethod(session: Session, method: string, options: CredentialAddOptions): Promise<CredentialPlan> {
  switch (method) {
    case 'client_secret_basic':
    case 'encrypted_time':
      return { body: { auth_method: method }, partsOf: secretParts };
    case 'http_sig':
      if (options.hmac === true) return { body: { auth_method: method, algorithm: 'hmac-sha256' }, partsOf: secretParts };
      return planKey(session, options, signatureAlgorithms, (publicKey) => ({ auth_method: 'http_sig', public_key: publicKey }));
    case 'challenge_response':
      return planChallenge(session, options);
    case 'tls_client_auth':
      return planCertificate(session, options);
    default:
      return planSelfSigned(session, options);
  }
}

/** What a file holds of a credential whose secret the issuer made. Throws `ERR_ISSUER_ANSWER` where there is none. */
export function secretParts({ auth_method: kind, algorithm, secret }: WireNewCredential): FileParts {
  if (secret !== undefined) {
    if (kind === 'client_secret_basic' || kind === 'encrypted_time') return { proof: { kind, secret } };
    if (kind === 'http_sig' && algorithm === 'hmac-sha256') return { proof: { kind, algorithm, secret } };
  }
  throw wrongAnswer();
}

function planChallenge(session: Session, options: CredentialAddOptions): Promise<CredentialPlan> {
  const { mode = 'sign' } = options;
  return planKey(session, options, challengeAlgorithms[mode], (publicKey) => ({
    auth_method: 'challenge_response',
    mode,
    public_key: publicKey,
  }));
}

async function planKey(
  session: Session,
  options: CredentialAddOptions,
  algorithms: readonly [standard: string, ...others: readonly string[]],
  bodyOf: (publicKey: string) => NewCredentialRequest,
): Promise<CredentialPlan> {
  const { generate, out, publicKey: publicPath, privateKey: privatePath } = options;
  if (generate !== undefined) {
    const algorithm = generate === true ? algorithms[0] : generate;
    const pair = algorithms.includes(algorithm) ? generateKeyPair(algorithm) : undefined;
    if (pair === undefined) {
      const hint = `did you mean ${nearest(algorithm, algorithms)}?`;
      throw usageError(`--generate takes one of ${algorithms.join(', ')}`, hint);
    }
    return { body: bodyOf(pair.publicKey), partsOf: (made) => ({ proof: keyProof(made, pair.privateKey) }) };
  }
  const publicKey = await readPublicKeyFile(pathOf(session.io, publicPath ?? ''), '--public-key');
  if (privatePath === undefined) return { body: bodyOf(publicKey), partsOf: noFile };
  const privateKey = await readPrivateKeyFile(pathOf(session.io, privatePath), '--private-key', publicKey);
  const files = { privateKey: fromFile(session, out, privatePath) };
  return { body: bodyOf(publicKey), partsOf: (made) => ({ proof: keyProof(made, privateKey), files }) };
}

async function planCertificate(session: Session, options: CredentialAddOptions): Promise<CredentialPlan> {
  const { san, subject, certificate, privateKey } = options;
  const body = { auth_method: 'tls_client_auth', san: sanOf(san), subject } as const;
  if (certificate === undefined || privateKey === undefined) return { body, partsOf: noFile };
  const tls = await readTls(session, options, ['certificate', certificate], ['privateKey', privateKey]);
  return { body, partsOf: () => ({ proof: { kind: 'tls_client_auth' }, ...tls }) };
}

/** What has a scheme of its own is a URI. */
function sanOf(text: string | undefined): string | undefined {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text ?? '')?.[1];
  return scheme === undefined || scheme === 'dns' || scheme === 'uri' ? text : `uri:${text}`;
}

async function planSelfSigned(session: Session, options: CredentialAddOptions): Promise<CredentialPlan> {
  const { cert = '', privateKey } = options;
  const text = await readKeyFile(pathOf(session.io, cert), '--cert', false);
  // The certificate alone travels, whatever else its file holds.
  const body = { auth_method: 'self_signed_tls_client_auth', certificate: certificatePem(text) } as const;
  if (privateKey === undefined) return { body, partsOf: noFile };
  const tls = await readTls(session, options, ['cert', cert], ['privateKey', privateKey]);
  return { body, partsOf: () => ({ proof: { kind: 'self_signed_tls_client_auth' }, ...tls }) };
}

type Named = readonly [flag: Flag, path: string];

async function readTls(
  session: Session,
  { out }: CredentialAddOptions,
  [certificateFlag, certificatePath]: Named,
  [keyFlag, keyPath]: Named,
): Promise<{ readonly tls: ClientCertificate; readonly files: NamedFiles }> {
  const certificate = await readKeyFile(pathOf(session.io, certificatePath), spelled(certificateFlag), false);
  const privateKey = await readKeyFile(pathOf(session.io, keyPath), spelled(keyFlag), true);
  const tls = { certificate, privateKey };
  usable(spelled(certificateFlag), () => checkClientCertificate(tls));
  const files = { certificate: fromFile(session, out, certificatePath), certificateKey: fromFile(session, out, keyPath) };
  return { tls, files };
}

/** A path as the credential file at `out` names it: relative to itself, so that the folder can move. */
function fromFile(session: Session, out: string | undefined, path: string): string {
  return relative(dirname(pathOf(session.io, out ?? '')), pathOf(session.io, path));
}

function keyProof({ algorithm }: WireNewCredential, privateKey: string): CredentialProof {
  switch (algorithm) {
    case 'ed25519':
    case 'ecdsa-p256-sha256':
    case 'rsa-pss-sha512':
      return { kind: 'http_sig', algorithm, privateKey };
    case 'sign-ed25519':
    case 'sign-ecdsa-p256-sha256':
    case 'sign-rsa-pss-sha256':
    case 'decrypt-rsa-oaep-256':
      return { kind: 'challenge_response', algorithm, privateKey };
    default:
      throw wrongAnswer();
  }
}

function certificatePem(text: string): string {
  try {
    return new X509Certificate(text).toString();
  } catch {
    throw usageError('--cert: the file does not begin with a certificate, PEM');
  }
}

function checkFlags(method: string, options: CredentialAddOptions): void {
  const known = flagsOf[method];
  if (known === undefined) {
    const hint =
      method === 'shared_key_hmac'
        ? 'a client enrols itself: "macaroond invite NAME" makes an invitation'
        : `did you mean ${nearest(method, Object.keys(flagsOf))}?`;
    throw usageError(`no credential of ${showValue(method)} can be added`, hint);
  }
  const given = allFlags.filter((flag) => options[flag] !== undefined);
  const foreign = given.find((flag) => !known.includes(flag));
  if (foreign !== undefined) throw usageError(`${spelled(foreign)} is not for ${method}`);
  const sources = given.filter((flag) => flag === 'hmac' || flag === 'publicKey' || flag === 'generate');
  const isKeyed = method === 'http_sig' || method === 'challenge_response';
  if (isKeyed && sources.length !== 1) {
    const choices = method === 'http_sig' ? '--hmac, --public-key FILE and --generate' : '--public-key FILE and --generate';
    throw usageError(`${method} takes one of ${choices}`);
  }
  if (method === 'self_signed_tls_client_auth' && options.cert === undefined) throw usageError(`${method} takes --cert FILE`);
  if (options.generate === undefined && options.privateKey !== undefined && isKeyed && options.publicKey === undefined) {
    throw usageError('--private-key goes with --public-key');
  }
  checkFileFlags(method, options, given);
}

function checkFileFlags(method: string, options: CredentialAddOptions, given: readonly Flag[]): void {
  if (options.out === undefined) {
    const useless = given.find((flag) => flagsOfFile.includes(flag));
    if (useless !== undefined) throw usageError(`${spelled(useless)} is for the credential file: give --out FILE too`);
    return;
  }
  if (options.publicKey !== undefined && options.privateKey === undefined) {
    throw usageError('the credential file needs the private key: give --private-key FILE, or leave --out out');
  }
  if (options.generate !== undefined && options.privateKey !== undefined) throw usageError('--generate makes the private key');
  const pair: readonly Flag[] =
    method === 'tls_client_auth'
      ? ['certificate', 'privateKey']
      : method === 'self_signed_tls_client_auth'
        ? ['cert', 'privateKey']
        : besideTls;
  const isTls = pair !== besideTls;
  const missing = pair.find((flag) => options[flag] === undefined);
  const isStarted = pair.some((flag) => options[flag] !== undefined);
  if (missing !== undefined && (isTls || isStarted)) throw usageError(`the credential file needs ${spelled(missing)} FILE too`);
}

function withIps(plan: CredentialPlan, { ip }: CredentialAddOptions): CredentialPlan {
  return ip === undefined ? plan : { ...plan, body: { ...plan.body, ips: ip } };
}

function joined(parts: FileParts, tls: Pick<FileParts, 'tls' | 'files'>): FileParts {
  return { ...parts, tls: tls.tls, files: { ...parts.files, ...tls.files } };
}

function noFile(): never {
  throw wrongAnswer();
}

function wrongAnswer(): MacaroonError {
  return new MacaroonError(
    'ERR_ISSUER_ANSWER',
    "the issuer's answer cannot be used: it is not the credential that was asked for",
  );
}

/** `--public-key` for `publicKey`. */
function spelled(flag: Flag): string {
  return `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
