/**
 * The mail server: a client of the issuer. It mints a token for the invoice server, fetches an invoice with it, and narrows it for a job
 * without asking anyone. Run it after `npm run build`, with the invoice server running:
 *
 *   MAIL_CREDENTIAL=mail.json INVOICE_URL=http://127.0.0.1:8081 npx tsx examples/mail-server.ts
 *
 * MAIL_CREDENTIAL  credential file of a client with a grant for audience `invoice`; `mail.json` when absent
 * INVOICE_URL      where the invoice server is; `http://127.0.0.1:8081` when absent
 */
import { pathToFileURL } from 'node:url';
import { attenuate, issuerClient, loadCredential } from 'macaroond/client';

/** A token for the invoice server with its id, within the grant of the client that `credentialFile` belongs to. */
export async function mintForInvoices(credentialFile: string): Promise<{ readonly token: string; readonly tokenId: string }> {
  const issuer = issuerClient(await loadCredential(credentialFile));
  try {
    return await issuer.mint({ audience: 'invoice', actions: ['invoices:read', 'invoices:list'], expiresIn: '1h' });
  } finally {
    await issuer.close();
  }
}

/** `token` narrowed for a job on the machine `ip`: ten minutes, and it may read an invoice but not list them. */
export function narrowForJob(token: string, ip: string): string {
  return attenuate(token, { expiresIn: '10m', actions: ['invoices:read'], ips: [ip] });
}

/** What the invoice server answered. */
export interface Answer {
  readonly status: number;
  /** The invoice, or the reason why there is none. */
  readonly text: string;
}

/** GETs `path` of the invoice server at `url` with `token`. */
export async function askInvoiceServer(url: string, path: string, token: string): Promise<Answer> {
  const response = await fetch(new URL(path, url), { headers: { authorization: `Macaroon ${token}` } });
  const body = (await response.json()) as { readonly code?: string; readonly title?: string; readonly detail?: string };
  const text = response.ok ? JSON.stringify(body) : `${body.code}: ${body.detail ?? body.title}`;
  return { status: response.status, text };
}

async function main(): Promise<void> {
  const url = process.env['INVOICE_URL'] ?? 'http://127.0.0.1:8081';
  const { token, tokenId } = await mintForInvoices(process.env['MAIL_CREDENTIAL'] ?? 'mail.json');
  console.log(`minted token ${tokenId}`);
  const invoice = await askInvoiceServer(url, '/invoices/1', token);
  console.log(`GET /invoices/1 with it: ${invoice.status} ${invoice.text}`);
  const forJob = narrowForJob(token, '127.0.0.1');
  for (const path of ['/invoices/1', '/invoices']) {
    const answer = await askInvoiceServer(url, path, forJob);
    console.log(`GET ${path} with the narrower one: ${answer.status} ${answer.text}`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
