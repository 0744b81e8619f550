/** An issuer that answers what a test tells it to, over real TLS, with a data directory as a server leaves it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mintedAnswer } from '../client/minted-answer.js';
import { type CertificateAuthority, createAuthority, createFolder } from '../transport/certificates.js';
import { readRequestBody, sendJson, startServer } from '../transport/servers.js';

export interface SeenRequest {
  readonly call: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

type Answer = readonly [status: number, body?: unknown];

export interface FakeIssuer {
  /** Answers by `METHOD path?query`; `POST /v1/tokens` is answered already. */
  readonly answers: Map<string, Answer>;
  readonly seen: SeenRequest[];
  readonly url: string;
  readonly authority: CertificateAuthority;
  /** A new working directory with `data/` in it. */
  createWorkplace(): Promise<string>;
  close(): Promise<void>;
}

export const adminMint = mintedAnswer({
  client: 'admin',
  audience: 'macaroond',
  actions: ['clients:write'],
  lifeMs: 600_000,
});

export async function startFakeIssuer(): Promise<FakeIssuer> {
  const authority = await createAuthority();
  const answers = new Map<string, Answer>();
  const seen: SeenRequest[] = [];
  const server = await startServer(
    async (request, response) => {
      const call = `${request.method} ${request.url}`;
      const text = await readRequestBody(request);
      seen.push({ call, authorization: request.headers.authorization, body: text === '' ? undefined : JSON.parse(text) });
      const [status, body] =
        answers.get(call) ?? (call === 'POST /v1/tokens' ? [201, adminMint] : [404, problem(404, 'not_found')]);
      if (body === undefined) response.writeHead(status).end();
      else sendJson(response, status, body, status >= 400 ? 'application/problem+json' : 'application/json');
    },
    await authority.issue('DNS:localhost'),
  );
  const createWorkplace = async (): Promise<string> => {
    const cwd = await createFolder();
    const data = join(cwd, 'data');
    await mkdir(data);
    await writeFile(join(data, 'ca.crt'), authority.certificate);
    await writeFile(join(data, 'endpoint.json'), JSON.stringify({ url: server.url }));
    await writeFile(join(data, 'admin.json'), credentialText('admin', 'https://localhost:8443'), { mode: 0o600 });
    return cwd;
  };
  return { answers, seen, url: server.url, authority, createWorkplace, close: () => server.close() };
}

export function problem(status: number, code: string, detail = 'told by the issuer'): Readonly<Record<string, unknown>> {
  return { type: `urn:macaroond:problem:${code}`, title: 'x', status, code, detail };
}

export function credentialText(client: string, issuer: string, ca?: string): string {
  const auth = { auth_method: 'client_secret_basic', credential_id: 'c1', secret: `secret-of-${client}` };
  return JSON.stringify({ version: 1, issuer, ca, client, ...auth });
}
