/** `shared_key_hmac`, the client's half: a MAC on every request, and one expected on every answer; see `protocol/shared-key-hmac.ts`. */
import { decodeBase64url, encodeBase64url, equalBytes, MacaroonError } from '../../core/index.js';
import type { PlainAnswer } from '../../protocol/answer-signer.js';
import { InterferenceError } from '../../protocol/interference-error.js';
import { memoryReplayStore } from '../../protocol/memory-replay-store.js';
import {
  answerMac,
  formatMacFields,
  macHeader,
  macKeyBytes,
  macWindowMs,
  readMacFields,
  requestMac,
} from '../../protocol/shared-key-hmac.js';
import type { ProverTools, RequestProver } from './prover.js';

export interface SharedKeyCredential {
  readonly client: string;
  readonly credentialId: string;
  /** The private key, base64url of 32 bytes. */
  readonly key: string;
}

/** Proves the client by a MAC on each request and checks the MAC of each answer. Throws `ERR_ARGUMENT` for a key of another length. */
export function sharedKeyProver({ client, key: keyText, credentialId }: SharedKeyCredential, tools: ProverTools): RequestProver {
  const { clock, randomBytes } = tools;
  const key = readKey(keyText);
  const seenAnswers = memoryReplayStore({ clock });
  /** What is added to our clock to get the issuer's; told by a signed answer alone. */
  let offsetMs = 0;
  return {
    async prove({ method, target, body: packet }) {
      const nonce = randomBytes(macKeyBytes);
      const startMs = clock();
      const sentAtMs = startMs + offsetMs;
      const mac = requestMac(key, { nonce, sentAtMs, action: `${method} ${target}`, name: client, packet });
      const checkAnswer = async (answer: PlainAnswer): Promise<'final' | 'again'> => {
        const answeredAtMs = await readAnswerTime(answer, nonce);
        const aheadMs = answeredAtMs - (clock() + offsetMs);
        // An answer that took long may have been held back, and its time says nothing then.
        const isSlow = clock() - startMs >= macWindowMs / 2;
        if (answer.status !== 401 || isSlow || Math.abs(aheadMs) < macWindowMs / 2) return 'final';
        offsetMs += aheadMs;
        return 'again';
      };
      return { headers: { [macHeader]: formatMacFields({ name: client, nonce, sentAtMs, mac }) }, checkAnswer };
    },
  };

  async function readAnswerTime({ status, headers, body: packet }: PlainAnswer, requestNonce: Uint8Array): Promise<number> {
    const text = headers[macHeader];
    if (text === undefined) throw new InterferenceError('missing');
    const fields = readMacFields(text, 'answer');
    if (fields === undefined) throw new InterferenceError('wrong');
    const { nonce, sentAtMs, mac } = fields;
    if (!equalBytes(answerMac(key, { requestNonce, nonce, sentAtMs, status, packet }), mac)) throw new InterferenceError('wrong');
    const isNew = await seenAnswers.claim(credentialId, encodeBase64url(nonce), clock() + 2 * macWindowMs);
    if (!isNew) throw new InterferenceError('repeated');
    return sentAtMs;
  }
}

function readKey(text: string): Uint8Array {
  try {
    const key = decodeBase64url(text);
    if (key.length === macKeyBytes) return key;
  } catch {
    // The message below says it.
  }
  throw new MacaroonError('ERR_ARGUMENT', 'the private key of shared_key_hmac must be base64url of 32 bytes', {
    argument: 'key',
  });
}
