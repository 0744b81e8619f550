/** Enrolment: makes an account by an invitation. The private key is derived on both sides and never travels; see `protocol/shared-key-hmac.ts`. */
import { randomBytes as systemRandomBytes } from 'node:crypto';
import { decodeBase64url, encodeBase64url, isName, MacaroonError, requireKnownNames } from '../core/index.js';
import { InterferenceError } from '../protocol/interference-error.js';
import { derivePrivateKey, enrolmentMac, isMacKeyText, macKeyBytes } from '../protocol/shared-key-hmac.js';
import type { EnrolmentRequest } from '../protocol/wire.js';
import { Credential } from './credential.js';
import { checkEndpoint, type IssuerEndpoint, readCaFile } from './issuer-endpoint.js';
import { IssuerHttp, type IssuerHttpOptions } from './issuer-http.js';
import { isAnswerMac, macFieldsOf } from './proofs/shared-key-hmac.js';

/** Where to enrol, by what, as whom. */
export interface Enrolment extends IssuerEndpoint {
  /** Id of the invitation, `inv_…`. */
  readonly invitation: string;
  /** The shared key that was handed over with it, base64url of 32 bytes. */
  readonly sharedKey: string;
  /** What the client is to be called: the name that the invitation is for, or with a group's any that is free. */
  readonly name: string;
}

const enrolmentNames = [
  'issuer',
  'ca',
  'caFile',
  'pinSha256',
  'invitation',
  'sharedKey',
  'name',
] as const satisfies readonly (keyof Enrolment)[];

/**
 * Makes the account and resolves to its credential, which nobody can show again: write it to a file at once.
 * Throws `ERR_ARGUMENT` for a member that cannot be one and for an issuer without TLS, before anything is sent; `ERR_ISSUER_*`; and
 * `InterferenceError`, after which the account may be there, without anybody who has its key.
 */
export async function enrol(enrolment: Enrolment, options: IssuerHttpOptions = {}): Promise<Credential> {
  requireKnownNames(enrolment, enrolmentNames, 'enrolment');
  const { invitation, name, sharedKey: sharedKeyText, ...endpoint } = enrolment;
  const sharedKey = readSharedKey(sharedKeyText);
  if (typeof invitation !== 'string' || invitation === '') throw argumentError('invitation', 'the id of an invitation, inv_…');
  if (!isName(name)) throw argumentError('name', 'lower-case letters, digits, and inner ".", "_" or "-"');
  if (!checkEndpoint(endpoint).isTls) throw argumentError('issuer', 'an https URL: what enrols is secret');
  const { issuer, pinSha256, caFile } = endpoint;
  const ca = caFile === undefined ? endpoint.ca : await readCaFile(caFile);
  const nonce = (options.randomBytes ?? systemRandomBytes)(macKeyBytes);
  const privateKey = derivePrivateKey(sharedKey, nonce);
  const mac = enrolmentMac(sharedKey, name, nonce);
  const body: EnrolmentRequest = { invitation, name, nonce: encodeBase64url(nonce), mac: encodeBase64url(mac) };
  const http = new IssuerHttp({ issuer, ca, pinSha256 }, options);
  try {
    const answer = await http.request('POST', '/v1/enrolments', {
      body,
      checkAnswer: (plain) => {
        if (!isAnswerMac(privateKey, nonce, plain, macFieldsOf(plain))) throw new InterferenceError('wrong');
      },
    });
    const credentialId = readCredentialId(answer, name);
    const proof = { kind: 'shared_key_hmac', key: encodeBase64url(privateKey) } as const;
    return new Credential({ issuer, ca, pinSha256, client: name, credentialId, proof });
  } finally {
    await http.close();
  }
}

function readSharedKey(text: unknown): Uint8Array {
  if (typeof text === 'string' && isMacKeyText(text)) return decodeBase64url(text);
  throw argumentError('sharedKey', 'base64url of 32 bytes, as the invitation shows it');
}

function readCredentialId(answer: unknown, name: string): string {
  if (typeof answer === 'object' && answer !== null && 'client' in answer && 'credential_id' in answer) {
    const { client, credential_id: id } = answer;
    if (client === name && typeof id === 'string' && id !== '') return id;
  }
  throw new MacaroonError('ERR_ISSUER_ANSWER', "the issuer's answer cannot be used: it is not the account that was asked for");
}

function argumentError(argument: string, expected: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument} must be ${expected}`, { argument });
}
