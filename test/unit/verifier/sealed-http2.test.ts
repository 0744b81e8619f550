/** Requests over HTTP/2, where a body needs no header to announce it, and the authority is none either. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { connect, createServer, type Http2Server, type Http2ServerRequest, type OutgoingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { afterEach, describe, expect, it } from 'vitest';
import { keySigner } from '../../../src/client/key-signer.js';
import { encodeUtf8 } from '../../../src/core/index.js';
import { jwkThumbprint, publicKeyOf } from '../../../src/protocol/http-signature/index.js';
import { requireMacaroon as requireMacaroonOfHono } from '../../../src/verifier/hono.js';
import { createVerifier, staticKeys, type Verifier } from '../../../src/verifier/index.js';
import { type MacaroonRequest, requireMacaroon } from '../../../src/verifier/node.js';
import { audience, nowMs, staticKey, tokenOf } from './samples.js';
import { proofOf } from './sealed-call.js';
import { authority, eternalStore, seal } from './sealed-samples.js';

const servers: Http2Server[] = [];
const target = '/invoices?draft=1';
const action = 'invoices:read';

afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

function verifierWith(origins = [`http://${authority}`]): Verifier {
  return createVerifier({ audience, keys: staticKeys([staticKey]), clock: () => nowMs, origins, replayStore: eternalStore() });
}

async function listen(server: Http2Server): Promise<number> {
  servers.push(server.listen(0, '127.0.0.1'));
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

function nodeServer(verifier: Verifier): Promise<number> {
  const guard = requireMacaroon(verifier, { action, maxBodyBytes: 300_000 });
  return listen(
    createServer((request, response) => {
      // The request of HTTP/2 looks like that of HTTP/1, but its type is another.
      void guard(request as Http2ServerRequest & MacaroonRequest, response as never, async () => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
        response.end(`got ${Buffer.concat(chunks).toString().slice(0, 20)} of ${Buffer.concat(chunks).length}`);
      });
    }),
  );
}

function honoServer(verifier: Verifier): Promise<number> {
  const app = new Hono();
  app.use('*', requireMacaroonOfHono(verifier, { action, maxBodyBytes: 300_000 }));
  app.all('*', async (c) => {
    const text = await c.req.text();
    return c.text(`got ${text.slice(0, 20)} of ${text.length}`);
  });
  return listen(createServer(getRequestListener(app.fetch)));
}

async function ask(port: number, headers: OutgoingHttpHeaders, body?: readonly (string | Uint8Array)[]) {
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request(
      { ':method': 'POST', ':path': target, ':authority': authority, ...headers },
      { endStream: body === undefined },
    );
    const answered = new Promise<{ status: number; headers: Record<string, string>; body: Uint8Array }>((resolve, reject) => {
      const chunks: Uint8Array[] = [];
      let fields: Record<string, string> = {};
      stream.on('response', (given) => {
        fields = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]));
      });
      stream.on('data', (chunk: Uint8Array) => chunks.push(chunk));
      stream.on('end', () => resolve({ status: Number(fields[':status']), headers: fields, body: Buffer.concat(chunks) }));
      stream.on('error', reject);
    });
    for (const part of body ?? []) {
      stream.write(part);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (body !== undefined) stream.end();
    const answer = await answered;
    return { ...answer, text: new TextDecoder().decode(answer.body) };
  } finally {
    session.close();
  }
}

describe.each([
  ['node:http2', nodeServer],
  ['Hono', honoServer],
] as const)('over HTTP/2, behind requireMacaroon for %s', (_, serve) => {
  const bodiless = { contentType: undefined, body: new Uint8Array(0) };

  it('a sealed request without a body passes, and not with one that nobody sealed', async () => {
    const port = await serve(verifierWith());
    const sealed = seal(bodiless);
    const answer = await ask(port, { authorization: `Macaroon ${sealed.text}` });
    expect(answer).toMatchObject({ status: 200, text: 'got  of 0' });
    expect(await proofOf(sealed, 'POST', answer)).toBe('proved');
    const altered = seal(bodiless);
    expect(await ask(port, { authorization: `Macaroon ${altered.text}` }, ['to=mallory'])).toMatchObject({ status: 403 });
    expect(await ask(port, { authorization: `Macaroon ${altered.text}` }, [])).toMatchObject({ status: 200 });
  });

  it.each([10, 200_000])('a sealed body of %i bytes reaches the handler, and no other does', async (length) => {
    const port = await serve(verifierWith());
    const body = new Uint8Array(length).fill(97);
    const sealed = seal({ contentType: undefined, body });
    const parts = [body.subarray(0, 5), body.subarray(5)];
    const authorization = `Macaroon ${sealed.text}`;
    expect(await ask(port, { authorization }, [...parts, 'b'])).toMatchObject({ status: 403 });
    expect(await ask(port, { authorization }, parts.slice(1))).toMatchObject({ status: 403 });
    expect(await ask(port, { authorization }, parts)).toMatchObject({
      status: 200,
      text: `got ${'a'.repeat(Math.min(length, 20))} of ${length}`,
    });
    expect(await ask(port, { authorization: `Macaroon ${seal({ body }).text}` }, [new Uint8Array(300_001)])).toMatchObject({
      status: 413,
    });
  });

  it('a GET with a body is refused', async () => {
    const port = await serve(verifierWith());
    const sealed = seal({ ...bodiless, method: 'GET' });
    const answer = await ask(port, { ':method': 'GET', authorization: `Macaroon ${sealed.text}` }, ['x']);
    expect([400, 403]).toContain(answer.status);
  });

  it('what a key signed without a body gets none', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const thumbprint = jwkThumbprint(publicKeyOf(publicKey.export({ type: 'spki', format: 'pem' }).toString()).jwk);
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const signer = await keySigner({ privateKey: pem, algorithm: 'ed25519' });
    const headers = { authorization: `Macaroon ${tokenOf({ conditions: [`cnf jkt:${thumbprint}`] })}` };
    const message = { method: 'POST', origin: `http://${authority}`, target, headers, body: new Uint8Array(0) };
    const signed = { ...headers, ...(await signer(message, nowMs, randomBytes)) };
    const port = await serve(verifierWith());
    expect(await ask(port, signed, [encodeUtf8('to=mallory')])).toMatchObject({ status: 403 });
    expect(await ask(port, signed)).toMatchObject({ status: 200 });
  });

  it('the authority decides among several origins', async () => {
    const port = await serve(verifierWith([`http://${authority}`, 'http://other.example']));
    const sealed = seal(bodiless);
    const authorization = `Macaroon ${sealed.text}`;
    expect(await ask(port, { ':authority': 'other.example', authorization })).toMatchObject({ status: 403 });
    expect(await ask(port, { ':authority': 'third.example', authorization })).toMatchObject({ status: 403 });
    expect(await ask(port, { authorization })).toMatchObject({ status: 200 });
  });
});
