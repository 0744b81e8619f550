/** `shared_key_hmac`, the client's half: a MAC on every request, and one expected on every answer; see `protocol/shared-key-hmac.ts`. */
import { type Clock, decodeBase64url, encodeBase64url, equalBytes, MacaroonError } from '../../core/index.js';
import type { PlainAnswer } from '../../protocol/answer-signer.js';
import { InterferenceError } from '../../protocol/interference-error.js';
import { memoryReplayStore } from '../../protocol/memory-replay-store.js';
import {
  answerMac,
  formatMacFields,
  isMacKeyText,
  type MacFields,
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
  const onward = onwardClock(clock);
  const seenAnswers = memoryReplayStore({ clock: onward });
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
        const nowMs = clock();
        const tookMs = nowMs - startMs;
        // An answer that took long may have been held back, and its time says nothing then.
        if (answer.status !== 401 || tookMs < 0 || tookMs >= macWindowMs / 2) return 'final';
        if (Math.abs(answeredAtMs - (sentAtMs + tookMs)) >= macWindowMs / 2) offsetMs = answeredAtMs - nowMs;
        return isSurelyUntimely(sentAtMs, answeredAtMs, tookMs) ? 'again' : 'final';
      };
      return { headers: { [macHeader]: formatMacFields({ name: client, nonce, sentAtMs, mac }) }, checkAnswer };
    },
  };

  async function readAnswerTime(answer: PlainAnswer, requestNonce: Uint8Array): Promise<number> {
    const fields = macFieldsOf(answer);
    const holds = isAnswerMac(key, requestNonce, answer, fields);
    // Of an answer to another request the MAC does not hold; that it was seen tells who repeats from who forges.
    const isNew = await seenAnswers.claim(credentialId, encodeBase64url(fields.nonce), onward() + 2 * macWindowMs);
    if (!isNew) throw new InterferenceError('repeated');
    if (!holds) throw new InterferenceError('wrong');
    return fields.sentAtMs;
  }
}

/**
 * Whether a request of `sentAtMs` was outside the window at every moment at which the issuer can have got it. Only then is it sure that no copy of
 * it was accepted before the refusal, so that sending it again carries nothing out twice.
 */
function isSurelyUntimely(sentAtMs: number, answeredAtMs: number, tookMs: number): boolean {
  return answeredAtMs - tookMs - sentAtMs >= macWindowMs || sentAtMs - answeredAtMs >= macWindowMs;
}

/** `clock`, but for the times at which it is set back: what was seen must not be forgotten then, nor anything new be taken for old. */
function onwardClock(clock: Clock): Clock {
  let latestMs = 0;
  return () => {
    latestMs = Math.max(latestMs, clock());
    return latestMs;
  };
}

/** The header by which `answer` proves itself. Throws `InterferenceError`. */
export function macFieldsOf({ headers }: PlainAnswer): MacFields {
  const text = headers[macHeader];
  if (text === undefined) throw new InterferenceError('missing');
  const fields = readMacFields(text, 'answer');
  if (fields === undefined) throw new InterferenceError('wrong');
  return fields;
}

/** Whether `fields` are of `answer` to the request with `requestNonce`, made by who has `key`. */
export function isAnswerMac(key: Uint8Array, requestNonce: Uint8Array, answer: PlainAnswer, fields: MacFields): boolean {
  const { status, body: packet } = answer;
  const { nonce, sentAtMs, mac } = fields;
  return equalBytes(answerMac(key, { requestNonce, nonce, sentAtMs, status, packet }), mac);
}

function readKey(text: string): Uint8Array {
  if (isMacKeyText(text)) return decodeBase64url(text);
  throw new MacaroonError('ERR_ARGUMENT', 'the private key of shared_key_hmac must be base64url of 32 bytes', {
    argument: 'key',
  });
}
