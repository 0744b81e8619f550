/** `encrypted_time`, the client's half: encrypts the time of day to the issuer's public key; see `protocol/encrypted-time.ts`. */
import { constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { encodeUtf8, MacaroonError } from '../../core/index.js';
import { encodeEncryptedTime, encryptedTimeHeader, encryptedTimeLabel } from '../../protocol/encrypted-time.js';
import { formatDictionary, jwkThumbprint, type PublicJwk, readPublicJwk } from '../../protocol/http-signature/index.js';
import { requestHash } from '../../protocol/request-hash.js';
import { findIssuerKey } from './issuer-jwks.js';
import type { ProverTools, RequestProver } from './prover.js';

export interface EncryptedTimeCredential {
  readonly client: string;
  readonly secret: string;
  /** The key to encrypt to; read from the issuer's discovery document when absent. */
  readonly timeKey?: Readonly<Record<string, unknown>> | undefined;
}

/** Proves `client` by an encrypted time. Throws `ERR_ARGUMENT` for a key that is not RSA. */
export function encryptedTimeProver({ client, secret, timeKey }: EncryptedTimeCredential, tools: ProverTools): RequestProver {
  let key: PublicJwk | undefined = timeKey === undefined ? undefined : readPublicJwk(timeKey);
  return {
    async prove(request) {
      key ??= await findIssuerKey(tools, 'enc');
      const time = { sentAtMs: tools.clock(), nonce: tools.randomBytes(16), requestHash: requestHash(request) };
      const ct = encrypt(key, encodeEncryptedTime(time, client, encodeUtf8(secret)));
      const value = formatDictionary([
        ['kid', jwkThumbprint(key)],
        ['client', client],
        ['ct', ct],
      ]);
      return { headers: { [encryptedTimeHeader]: value } };
    },
  };
}

function encrypt(jwk: PublicJwk, plaintext: Uint8Array): Uint8Array {
  if (jwk.kty !== 'RSA') throw new MacaroonError('ERR_ARGUMENT', 'the time key must be an RSA key', { argument: 'timeKey' });
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
  const oaepLabel = Buffer.from(encryptedTimeLabel);
  return new Uint8Array(
    publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel }, plaintext),
  );
}
