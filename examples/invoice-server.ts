/**
 * The invoice server: a service that accepts macaroons. It holds the keys of its own audience alone, judges each request locally, and
 * says why when it denies. Run it after `npm run build`:
 *
 *   INVOICE_CREDENTIAL=invoice-server.json INVOICE_PORT=8081 npx tsx examples/invoice-server.ts
 *
 * INVOICE_CREDENTIAL  credential file of a verifier of audience `invoice`; `invoice-server.json` when absent
 * INVOICE_PORT        port on 127.0.0.1; 8081 when absent, 0 for any free one
 *
 * It speaks plain HTTP, which is for one machine only: anywhere else put it behind TLS, because who sees a token can use it.
 */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createVerifier, issuerKeys, loadCredential } from 'macaroond/verifier';
import { type RefusalCause, requireMacaroon } from 'macaroond/verifier/hono';

const invoices = [
  { id: '1', customer: 'Ada', cents: 4200 },
  { id: '2', customer: 'Grace', cents: 9900 },
];

const credential = await loadCredential(process.env['INVOICE_CREDENTIAL'] ?? 'invoice-server.json');
const verifier = createVerifier({ audience: 'invoice', keys: issuerKeys(credential) });

/** The exact reason goes to the log; what is answered tells a stranger less. */
function onRefused(cause: RefusalCause): void {
  const reason = cause.kind === 'denial' ? cause.denial.code : cause.kind === 'request' ? cause.fault : String(cause.error);
  console.log(`refused: ${reason}`);
}

const app = new Hono();

app.get('/invoices', requireMacaroon(verifier, { action: 'invoices:list', onRefused }), (c) =>
  c.json(invoices.map(({ id }) => id)),
);

app.get('/invoices/:id', requireMacaroon(verifier, { action: 'invoices:read', onRefused }), (c) => {
  const invoice = invoices.find(({ id }) => id === c.req.param('id'));
  return invoice === undefined ? c.notFound() : c.json({ ...invoice, readBy: c.get('macaroon').client });
});

const port = Number(process.env['INVOICE_PORT'] ?? 8081);
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, (address) => {
  console.log(`invoice server: http://127.0.0.1:${address.port}`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close();
    void verifier.close();
  });
}
