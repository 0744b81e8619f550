/** Signs requests with the key that a `cnf jkt` caveat names (RFC 9421), the public half beside the signature. */
import { encodeBase64url, type RandomBytes } from '../core/index.js';
import { headerFields } from '../protocol/header-fields.js';
import {
  type AsymmetricAlgorithm,
  formatSignatureKey,
  importSigningKey,
  privateKeyDer,
  publicJwkOfPrivateKey,
  signMessage,
} from '../protocol/http-signature/index.js';
import { keyComponents, keyTag, maxKeyProofSeconds } from '../protocol/key-signature.js';
import type { OutgoingMessage } from '../transport/exchange.js';

const label = 'key';
const nonceBytes = 32;

/** The headers that prove the key for `message`, which has its `authorization` and, with a body, its `content-digest`. */
export type KeySigner = (
  message: OutgoingMessage,
  nowMs: number,
  randomBytes: RandomBytes,
) => Promise<Readonly<Record<string, string>>>;

/** A signer with `privateKey` (PEM, PKCS #8). Throws `ERR_ARGUMENT` for a key that is none, or not one for `algorithm`. */
export async function keySigner({
  privateKey,
  algorithm,
}: {
  readonly privateKey: string;
  readonly algorithm: AsymmetricAlgorithm;
}): Promise<KeySigner> {
  const pkcs8 = privateKeyDer(privateKey);
  const key = await importSigningKey(pkcs8, algorithm);
  const signatureKey = formatSignatureKey(label, await publicJwkOfPrivateKey(pkcs8, algorithm));
  return async ({ method, origin, target, headers, body }, nowMs, randomBytes) => {
    const created = Math.floor(nowMs / 1000);
    const signature = await signMessage(
      { kind: 'request', method, targetUri: `${origin}${target}`, headers: headerFields(Object.entries(headers)) },
      {
        label,
        components: keyComponents(body.length > 0, (name) => Object.hasOwn(headers, name)),
        parameters: {
          created,
          expires: created + maxKeyProofSeconds,
          nonce: encodeBase64url(randomBytes(nonceBytes)),
          tag: keyTag,
        },
        key,
      },
    );
    return { ...signature, 'signature-key': signatureKey };
  };
}
