/** The application over the fake issuer, and a way to call it without a socket. */

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createLogger } from '../../../../src/server/http/access-log.js';
import { type App, type AppOptions, createApp } from '../../../../src/server/http/app.js';
import { createFakeIssuer, type FakeIssuer, nowMs } from './fake-issuer.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export interface TestRequest {
  readonly authorization?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Address of the peer. */
  readonly from?: string;
}

export interface TestApp {
  readonly app: App;
  readonly issuer: FakeIssuer;
  /** Lines of the log. */
  readonly lines: string[];
  call(method: string, path: string, request?: TestRequest): Promise<Answer>;
}

export function createTestApp(options: Partial<AppOptions> = {}): TestApp {
  const issuer = createFakeIssuer();
  const lines: string[] = [];
  const app = createApp({
    issuer,
    clock: () => nowMs,
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
    logger: createLogger('debug', { write: (line) => lines.push(line) }),
    issuerUrl: () => 'https://issuer.test',
    checkReady: async () => {},
    ...options,
  });
  return { app, issuer, lines, call: (method, path, request) => call(app, method, path, request) };
}

async function call(app: App, method: string, path: string, request: TestRequest = {}): Promise<Answer> {
  const { authorization, body, headers: given = {}, from = '192.0.2.7' } = request;
  const headers: Record<string, string> = { ...given };
  if (authorization !== undefined) headers['authorization'] = authorization;
  const init: RequestInit = { method, headers };
  if (body !== undefined) {
    init.body = typeof body === 'string' ? body : JSON.stringify(body);
    headers['content-type'] ??= 'application/json';
  }
  const incoming = { socket: { remoteAddress: from } } as IncomingMessage;
  const response = await app.request(path, init, { incoming });
  const text = await response.text();
  const isJson = text !== '' && response.headers.get('content-type')?.includes('json') === true;
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} };
}
