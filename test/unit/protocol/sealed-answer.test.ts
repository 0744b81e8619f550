import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/core/index.js';
import type { PlainAnswer } from '../../../src/protocol/answer-signer.js';
import { InterferenceError } from '../../../src/protocol/interference-error.js';
import { AnswerKey, checkSealedAnswer, sealedAnswerSigner } from '../../../src/protocol/sealed-answer.js';

const key = new AnswerKey(new Uint8Array(32).fill(7));
const request = { method: 'POST', authorization: 'Macaroon mcr_x', tokenId: '019a-token' };
const nowMs = 1_763_763_660_900;
const nonce = Buffer.alloc(32, 0xcd).toString('base64url');
const tools = { clock: () => nowMs, randomBytes: (length: number) => new Uint8Array(length).fill(0xcd) };
const plain: PlainAnswer = {
  status: 201,
  headers: { 'content-type': 'text/plain', location: '/8', etag: '"1"' },
  body: encodeUtf8('made'),
};
const never = () => false;

async function signed(answer: PlainAnswer = plain, asked = request): Promise<PlainAnswer> {
  const proof = await sealedAnswerSigner(key, asked, tools)(answer);
  return { ...answer, headers: { ...answer.headers, ...proof } };
}

async function faultOf(answer: PlainAnswer, asked = request, wasSeen: (nonce: string) => boolean = never): Promise<string> {
  try {
    await checkSealedAnswer(key, asked, answer, wasSeen);
    return 'none';
  } catch (error) {
    if (error instanceof InterferenceError) return error.kind;
    throw error;
  }
}

const withHeaders = (answer: PlainAnswer, headers: Record<string, string>): PlainAnswer => ({
  ...answer,
  headers: { ...answer.headers, ...headers },
});

describe('a signed answer', () => {
  it('has the bytes that the RFCs say', async () => {
    const { headers } = await signed();
    const digest = `sha-256=:${createHash('sha256').update('made').digest('base64')}:`;
    const parameters = `("@status" "content-digest" "authorization";req "@method";req "content-type" "location");created=${Math.floor(nowMs / 1000)};nonce="${nonce}";keyid="019a-token";tag="macaroond-response"`;
    const base = [
      '"@status": 201',
      `"content-digest": ${digest}`,
      '"authorization";req: Macaroon mcr_x',
      '"@method";req: POST',
      '"content-type": text/plain',
      '"location": /8',
      `"@signature-params": ${parameters}`,
    ].join('\n');
    const signature = createHmac('sha256', Buffer.alloc(32, 7)).update(base).digest('base64');
    expect(headers).toMatchObject({
      'content-digest': digest,
      'signature-input': `macaroond=${parameters}`,
      signature: `macaroond=:${signature}:`,
    });
  });

  it('tells when it was made', async () => {
    const proof = await checkSealedAnswer(key, request, await signed(), never);
    expect(proof).toEqual({ nonce, createdAtMs: Math.floor(nowMs / 1000) * 1000 });
  });

  it.each<[string, Partial<PlainAnswer>, string]>([
    ['HEAD', {}, 'HEAD'],
    ['204', { status: 204 }, 'POST'],
    ['304', { status: 304 }, 'GET'],
  ])('has no content for %s, whatever was made', async (_, change, method) => {
    const asked = { ...request, method };
    const answer = await signed({ ...plain, ...change }, asked);
    expect(answer.headers['content-digest']).toBe(`sha-256=:${createHash('sha256').digest('base64')}:`);
    expect(await faultOf({ ...answer, body: new Uint8Array(0) }, asked)).toBe('none');
  });

  it('can be checked beside signatures of others', async () => {
    const answer = await signed();
    const { signature = '', 'signature-input': input = '' } = answer.headers;
    const both = withHeaders(answer, {
      signature: `other=:AAAA:, ${signature}`,
      'signature-input': `other=();tag="x", ${input}`,
    });
    expect(await faultOf(both)).toBe('none');
  });

  it.each<[string, (answer: PlainAnswer) => PlainAnswer]>([
    ['another status', (answer) => ({ ...answer, status: 200 })],
    ['another body', (answer) => ({ ...answer, body: encodeUtf8('MADE') })],
    ['another digest', (answer) => withHeaders(answer, { 'content-digest': 'sha-256=:AAAA:' })],
    ['another type', (answer) => withHeaders(answer, { 'content-type': 'text/html' })],
    ['another location', (answer) => withHeaders(answer, { location: '/9' })],
    ['an encoding', (answer) => withHeaders(answer, { 'content-encoding': 'gzip' })],
    [
      'a digest of another algorithm beside',
      (answer) => withHeaders(answer, { 'content-digest': `${answer.headers['content-digest']}, sha-512=:AAAA:` }),
    ],
    [
      'a second signature of the kind',
      (answer) => {
        const { signature = '', 'signature-input': input = '' } = answer.headers;
        return withHeaders(answer, {
          signature: `a=:AAAA:, ${signature}`,
          'signature-input': `${input.replace('macaroond', 'a')}, ${input}`,
        });
      },
    ],
    [
      'a key id of another token',
      (answer) =>
        withHeaders(answer, { 'signature-input': answer.headers['signature-input']?.replace('019a-token', '019a-other') ?? '' }),
    ],
    [
      'fewer components',
      (answer) =>
        withHeaders(answer, { 'signature-input': answer.headers['signature-input']?.replace(' "@method";req', '') ?? '' }),
    ],
    [
      'components in another order',
      (answer) =>
        withHeaders(answer, {
          'signature-input':
            answer.headers['signature-input']?.replace('"@status" "content-digest"', '"content-digest" "@status"') ?? '',
        }),
    ],
    [
      'no created',
      (answer) =>
        withHeaders(answer, { 'signature-input': answer.headers['signature-input']?.replace(/;created=\d+/, '') ?? '' }),
    ],
    [
      'no nonce',
      (answer) =>
        withHeaders(answer, { 'signature-input': answer.headers['signature-input']?.replace(/;nonce="[^"]+"/, '') ?? '' }),
    ],
    [
      'a signature of something else',
      (answer) => withHeaders(answer, { signature: `macaroond=:${Buffer.alloc(32).toString('base64')}:` }),
    ],
    ['headers that cannot be read', (answer) => withHeaders(answer, { 'signature-input': '((' })],
    ['half of the headers', ({ headers: { signature: _signature, ...headers }, ...answer }) => ({ ...answer, headers })],
  ])('does not hold with %s', async (_, change) => {
    expect(await faultOf(change(await signed()))).toBe('wrong');
  });

  it('does not hold without its type, which it covers', async () => {
    const { headers, ...answer } = await signed();
    const { 'content-type': _type, ...others } = headers;
    expect(await faultOf({ ...answer, headers: others })).toBe('wrong');
  });

  it.each([
    { method: 'PUT' },
    { authorization: 'Macaroon mcr_y' },
    { authorization: 'macaroon mcr_x' },
    { tokenId: '019a-other' },
  ])('is no answer to another request: %j', async (change) => {
    expect(await faultOf(await signed(), { ...request, ...change })).toBe('wrong');
  });

  it('holds under one key', async () => {
    const other = new AnswerKey(new Uint8Array(32).fill(8));
    await expect(checkSealedAnswer(other, request, await signed(), never)).rejects.toMatchObject({ kind: 'wrong', status: 201 });
  });

  it('is missing where nothing claims to be one', async () => {
    expect(await faultOf(plain)).toBe('missing');
    const other = withHeaders(plain, { 'signature-input': 'a=();tag="macaroond"', signature: 'a=:AAAA:' });
    expect(await faultOf(other)).toBe('missing');
  });

  it('is repeated when its nonce was seen', async () => {
    expect(await faultOf(await signed(), request, (one) => one === nonce)).toBe('repeated');
  });

  it('is not made for a header that cannot be signed', async () => {
    const answer = { ...plain, headers: { location: '/\u00e9' } };
    await expect(signed(answer)).rejects.toMatchObject({ code: 'ERR_MESSAGE_SIGNATURE' });
  });
});
