/** The client's half of `shared_key_hmac` without sockets: which answers it believes, when it corrects its clock, and when it asks again. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeBase64url, encodeUtf8 } from '../../../src/core/index.js';
import type { PlainAnswer } from '../../../src/protocol/answer-signer.js';
import { answerMac, formatMacFields, macHeader, readMacFields } from '../../../src/protocol/shared-key-hmac.js';
import { sharedKeyProver } from '../../../src/transport/proofs/shared-key-hmac.js';

const key = new Uint8Array(32).fill(7);
const startMs = 1_800_000_000_000;
const message = { method: 'GET', target: '/', targetUri: 'https://issuer.test/', headers: {}, body: new Uint8Array() };

/** A prover whose clock a test sets; requests tell their time and nonce. */
function bench() {
  const time = { nowMs: startMs };
  const tools = { clock: () => time.nowMs, randomBytes, ask: () => Promise.reject(new Error('nothing is to be asked')) };
  const prover = sharedKeyProver({ client: 'mail', credentialId: 'crd_1', key: encodeBase64url(key) }, tools);
  const prove = async () => {
    const { headers, checkAnswer } = await prover.prove(message);
    const fields = readMacFields(headers[macHeader] ?? '', 'request');
    if (fields === undefined || checkAnswer === undefined) throw new Error('no proof');
    return { nonce: fields.nonce, sentAtMs: fields.sentAtMs, checkAnswer };
  };
  return { time, prove };
}

/** What an issuer whose clock shows `sentAtMs` answers to the request with `requestNonce`. */
function answerTo(requestNonce: Uint8Array, sentAtMs: number, status = 401): PlainAnswer {
  const fields = { nonce: new Uint8Array(randomBytes(32)), sentAtMs };
  const body = encodeUtf8('{}');
  const mac = answerMac(key, { ...fields, requestNonce, status, packet: body });
  return { status, headers: { [macHeader]: formatMacFields({ ...fields, mac }) }, body };
}

describe('an answer', () => {
  it('that was seen before is told from one that is forged', async () => {
    const { prove } = bench();
    const first = await prove();
    const answer = answerTo(first.nonce, startMs, 200);
    expect(await first.checkAnswer(answer)).toBe('final');
    await expect(first.checkAnswer(answer)).rejects.toMatchObject({ code: 'ERR_INTERFERENCE', kind: 'repeated' });
    const second = await prove();
    await expect(second.checkAnswer(answer)).rejects.toMatchObject({ kind: 'repeated' });
    await expect(second.checkAnswer(answerTo(first.nonce, startMs))).rejects.toMatchObject({ kind: 'wrong' });
    await expect(second.checkAnswer({ ...answer, headers: {} })).rejects.toMatchObject({ kind: 'missing' });
  });

  it('is believed, and a repeated one still known, when the clock is set back', async () => {
    const { time, prove } = bench();
    const first = await prove();
    const answer = answerTo(first.nonce, startMs, 200);
    await first.checkAnswer(answer);
    time.nowMs += 30_000;
    const second = await prove();
    const latest = answerTo(second.nonce, startMs, 200);
    await second.checkAnswer(latest);
    time.nowMs -= 3_600_000;
    const third = await prove();
    expect(await third.checkAnswer(answerTo(third.nonce, startMs, 200))).toBe('final');
    await expect(third.checkAnswer(latest)).rejects.toMatchObject({ kind: 'repeated' });
  });
});

describe('a refusal', () => {
  it.each([
    ['the clock is right', 0, 0, 401, 'final', 0],
    ['the clock is behind by more than the window', 5_000, 0, 401, 'again', 5_000],
    ['the clock is ahead by more than the window', -5_000, 0, 401, 'again', -5_000],
    ['the clock is off, but a copy may have been accepted', 4_999, 0, 401, 'final', 4_999],
    ['the clock is off by little', 2_499, 0, 401, 'final', 0],
    ['the answer took a while, so that a copy may have been accepted', 5_999, 1_000, 401, 'final', 4_999],
    ['the answer took a while, and none can have been', 6_000, 1_000, 401, 'again', 5_000],
    ['the answer was held back', 60_000, 2_500, 401, 'final', 0],
    ['it was not for the time', 60_000, 0, 403, 'final', 0],
    ['it was none', 60_000, 0, 201, 'final', 0],
  ] as const)('when %s', async (_, serverAheadMs, tookMs, status, outcome, correctedMs) => {
    const { time, prove } = bench();
    const { nonce, sentAtMs, checkAnswer } = await prove();
    expect(sentAtMs).toBe(startMs);
    time.nowMs += tookMs;
    expect(await checkAnswer(answerTo(nonce, startMs + serverAheadMs, status))).toBe(outcome);
    expect((await prove()).sentAtMs - time.nowMs).toBe(correctedMs);
  });

  it('of each of many that are under way makes each go out again, and the clock is corrected once', async () => {
    const { prove } = bench();
    const all = await Promise.all([prove(), prove(), prove()]);
    for (const { nonce, checkAnswer } of all) expect(await checkAnswer(answerTo(nonce, startMs + 90_000))).toBe('again');
    expect((await prove()).sentAtMs).toBe(startMs + 90_000);
  });

  it('that nobody proved corrects nothing', async () => {
    const { prove } = bench();
    const { checkAnswer } = await prove();
    await expect(checkAnswer(answerTo(new Uint8Array(32), startMs + 90_000))).rejects.toMatchObject({ kind: 'wrong' });
    expect((await prove()).sentAtMs).toBe(startMs);
  });
});

describe('a key', () => {
  it.each([
    ['of 31 bytes', 'A'.repeat(42)],
    ['in hexadecimal', '00'.repeat(32)],
    ['that is empty', ''],
  ])('%s is refused', (_, text) => {
    const tools = { clock: () => startMs, randomBytes, ask: () => Promise.resolve() };
    expect(() => sharedKeyProver({ client: 'mail', credentialId: 'c', key: text }, tools)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'key' }),
    );
  });
});
