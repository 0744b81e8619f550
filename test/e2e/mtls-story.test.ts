/**
 * The invoice server and the mail server of a company, over mutual TLS: certificates that our CA signs, and those that the company made with
 * openssl by itself. The commands and scripts are those that its people have; openssl and curl are no part of us.
 */
import { statSync } from 'node:fs';
import { createServer, request as httpsRequest } from 'node:https';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type IssuerProcess, startIssuer } from '../support/issuer-process.js';
import { converse, freePort, openWorkshop, type Workshop } from '../support/mtls-workshop.js';

let shop: Workshop;
let issuer: IssuerProcess;
let mtlsUrl: string;
let administrator: string;
let fromLoopback = 20;

/** Certificates of CN and O only, and another company's, as the company's own page has them. */
const ownAuthority = `
mkdir ca ca-wrong invoice-server mail-server
openssl req -x509 -sha256 -nodes -days 365 -newkey rsa:2048 -subj '/O=ABC Inc.' -keyout ca/ca.key.pem -out ca/ca.cert.pem
openssl req -out invoice-server/server.csr -newkey rsa:2048 -nodes -keyout invoice-server/private.key -subj "/CN=localhost/O=InvoiceServer"
openssl x509 -req -sha256 -days 365 -CA ca/ca.cert.pem -CAkey ca/ca.key.pem -set_serial 0 -in invoice-server/server.csr -out invoice-server/server.cert
openssl req -out mail-server/server.csr -newkey rsa:2048 -nodes -keyout mail-server/private.key -subj "/CN=localhost/O=MailServer"
openssl x509 -req -sha256 -days 365 -CA ca/ca.cert.pem -CAkey ca/ca.key.pem -set_serial 0 -in mail-server/server.csr -out mail-server/server.cert
openssl req -x509 -sha256 -nodes -days 365 -newkey rsa:2048 -subj '/O=ZXC Inc./CN=zxc.com' -keyout ca-wrong/ca.key.pem -out ca-wrong/ca.cert.pem
openssl x509 -req -sha256 -days 365 -CA ca-wrong/ca.cert.pem -CAkey ca-wrong/ca.key.pem -set_serial 0 -in mail-server/server.csr -out mail-server/server-wrong.cert`;

const invoiceScript = `
const https = require('https');
const fs = require('fs');
const hostname = '0.0.0.0';
const port = 3100;
const options = {
ca: fs.readFileSync('ca/ca.cert.pem'),
cert: fs.readFileSync('invoice-server/server.cert'),
key: fs.readFileSync('invoice-server/private.key'),
rejectUnauthorized: true, // if certificate is not signed by ca/ca.cert.pem, drop connection
requestCert: true, // mail_server.js have to send own Cert
};
const server = https.createServer(options, (req, res) => {
res.statusCode = 200;
res.setHeader('Content-Type', 'application/json');
const userData = JSON.stringify({
firstname: 'John',
lastname: 'Ji',
invoice_number: "00095234",
invoice_price: "10USD",
});
res.end(userData);
});
server.on('error',(e)=>console.log(e));
server.listen(port, hostname, () => {
console.log(\`Server running at http://\${hostname}:\${port}/\`);
});`;

const mailScript = `
var fs = require('fs');
var https = require('https');
var options = {
hostname: 'localhost',
port: 3100,
path: '/',
method: 'GET',
key: fs.readFileSync('mail-server/private.key'),
cert: fs.readFileSync('mail-server/server.cert'),
ca: fs.readFileSync('ca/ca.cert.pem'),
};
var req = https.request(options, function(res) {
res.on('data', function(data) {
process.stdout.write(data);
});
});
req.end();
req.on('error', function(e) {
console.error(e);
});`;

const minted = '{"audience":"invoice"}';

beforeAll(async () => {
  shop = openWorkshop();
  await shop.sh(ownAuthority);
  issuer = await startIssuer({
    args: ['--mtls-port', '0', '--client-ca', shop.path('ca/ca.cert.pem')],
    env: { MACAROOND_TRUSTED_PROXIES: '127.0.0.2' },
  });
  mtlsUrl = JSON.parse(issuer.output().stdout).mtls_url;
  administrator = await issuer.adminToken();
  await shop.sh(`cp ${issuer.data}/ca.crt company.crt`);
  await cli('audience', 'add', 'invoice');
  const grant = ['--grant', 'invoice=invoices:read'];
  await cli('client', 'add', 'invoice-server', '--auth', 'tls_client_auth', '--host', 'localhost', '--host', '127.0.0.1');
  await cli('client', 'add', 'mail', '--auth', 'tls_client_auth', ...grant);
  await cli('client', 'add', 'legacy', '--auth', 'tls_client_auth', ...grant);
});
afterAll(async () => {
  await issuer?.dispose();
  shop?.dispose();
});

const cli = (...args: readonly string[]) => issuer.cliJson(args);

/** TLS options of who shows `cert`, from an address of its own, so that the audit log tells it from the others. */
function as(cert: string | undefined, key = 'mail-server/private.key') {
  const localAddress = `127.0.0.${fromLoopback++}`;
  const own = cert === undefined ? {} : { cert: shop.text(cert), key: shop.text(key) };
  return { ca: shop.text('company.crt'), localAddress, ...own };
}

async function refusalsFrom(localAddress: string): Promise<readonly string[]> {
  const query = '/v1/audit?event=connection.refused&limit=1000';
  const { body } = await issuer.api('GET', query, { macaroon: administrator });
  return body.entries
    .filter((entry: { address: string }) => entry.address === localAddress)
    .map((entry: { details: { reason: string } }) => entry.details.reason);
}

/** What becomes of a connection to the strict listener and of a login at the open one, and the reasons in the audit log. */
async function outcomes(options: ReturnType<typeof as>) {
  const strict = await (await converse(mtlsUrl, options)).ask('GET', '/livez');
  const open = await (await converse(issuer.url, options)).ask('POST', '/v1/tokens', minted);
  return { strict, open, reasons: await refusalsFrom(options.localAddress) };
}

describe('certificates that our CA signs', () => {
  it('hold the names of the registry, live for a day or a year, and satisfy openssl', async () => {
    await cli('ca', 'sign', '--client', 'mail', '--csr', shop.path('mail-server/server.csr'), '--out', shop.path('mail-day.crt'));
    const year = ['--out', shop.path('mail.crt'), '--days', '365'];
    await cli('ca', 'sign', '--client', 'mail', '--csr', shop.path('mail-server/server.csr'), ...year);
    expect(await shop.sh('openssl verify -x509_strict -purpose sslclient -CAfile company.crt mail.crt mail-day.crt')).toBe(
      'mail.crt: OK\nmail-day.crt: OK\n',
    );
    const text = await shop.sh('openssl x509 -noout -text -in mail.crt');
    expect(text).toContain('URI:spiffe://macaroond/client/mail');
    expect(text).toContain('Subject: CN = mail\n');
    expect(text).not.toMatch(/MailServer|localhost/);
    const daySeconds = 86_400;
    const endsWithin = async (file: string, seconds: number) =>
      (await shop.attempt(`openssl x509 -noout -checkend ${seconds} -in ${file}`)).status === 1;
    expect(await endsWithin('mail-day.crt', daySeconds)).toBe(true);
    expect(await endsWithin('mail-day.crt', daySeconds - 600)).toBe(false);
    expect(await endsWithin('mail.crt', 365 * daySeconds)).toBe(true);
    expect(await endsWithin('mail.crt', 365 * daySeconds - 600)).toBe(false);
    const again = await issuer.cli(['ca', 'sign', '--client', 'mail', '--csr', shop.path('mail-server/server.csr'), ...year]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('exists already')]);
  });

  it('let mail fetch its invoice, by node and by curl, and nobody else', async () => {
    await cli('ca', 'issue', '--client', 'invoice-server', '--out', shop.path('issued'), '--days', '30');
    expect(statSync(shop.path('issued/invoice-server.key')).mode & 0o777).toBe(0o600);
    expect(shop.text('issued/ca.crt')).toBe(shop.text('company.crt'));
    const port = await freePort();
    const own = openWorkshop();
    try {
      for (const [to, from] of Object.entries({
        'ca/ca.cert.pem': 'company.crt',
        'invoice-server/server.cert': 'issued/invoice-server.crt',
        'invoice-server/private.key': 'issued/invoice-server.key',
        'mail-server/server.cert': 'mail.crt',
        'mail-server/private.key': 'mail-server/private.key',
        'mail-server/server-wrong.cert': 'mail-server/server-wrong.cert',
      })) {
        own.write(to, shop.text(from));
      }
      own.write('invoice_server.js', invoiceScript.replace('3100', String(port)));
      own.write('mail_server.js', mailScript.replace('3100', String(port)));
      own.write(
        'mail_server_wrong_cert.js',
        mailScript.replace('3100', String(port)).replace('server.cert', 'server-wrong.cert'),
      );
      await own.start(process.execPath, ['invoice_server.js']);
      const byNode = await own.attempt(`${process.execPath} mail_server.js`);
      expect(JSON.parse(byNode.stdout)).toMatchObject({ invoice_number: '00095234' });
      const curl = `curl -sS --cacert ca/ca.cert.pem https://localhost:${port}/ --key mail-server/private.key`;
      expect(await own.sh(`${curl} --cert mail-server/server.cert`)).toBe(byNode.stdout);
      expect((await own.attempt(`${process.execPath} mail_server_wrong_cert.js`)).stderr).toContain('ECONNRESET');
      expect((await own.attempt(`${curl} --cert mail-server/server-wrong.cert`)).status).not.toBe(0);
    } finally {
      own.dispose();
    }
  });

  it('mint by curl at both listeners, and by our own command line', async () => {
    await cli('ca', 'issue', '--client', 'mail', '--out', shop.path('own'), '--credential-out', shop.path('own/mail.json'));
    for (const url of [issuer.url, mtlsUrl]) {
      const curl = `curl -sS --cacert company.crt --cert mail.crt --key mail-server/private.key ${url}/v1/tokens --json '${minted}'`;
      expect(JSON.parse(await shop.sh(curl))).toMatchObject({ client: 'mail', audience: 'invoice' });
    }
    const token = await cli('mint', '--audience', 'invoice', '--credential', shop.path('own/mail.json'));
    expect(token.client).toBe('mail');
    await cli('ca', 'issue', '--credential', shop.path('own/mail.json'), '--out', shop.path('renewed'), '--days', '365');
    expect((await shop.attempt('openssl verify -CAfile renewed/ca.crt renewed/mail.crt')).status).toBe(0);
  });
});

describe("the company's own certificates, of CN and O only", () => {
  it('mint for the client that is registered by their subject', async () => {
    const options = as('mail-server/server.cert');
    expect(await outcomes(options)).toEqual({ strict: 'dropped', open: 401, reasons: ['certificate_unknown'] });
    await cli('credential', 'add', 'legacy', 'tls_client_auth', '--subject', '/CN=localhost/O=MailServer');
    const curl = `curl -sS --cacert company.crt --cert mail-server/server.cert --key mail-server/private.key`;
    for (const url of [issuer.url, mtlsUrl]) {
      expect(JSON.parse(await shop.sh(`${curl} ${url}/v1/tokens --json '${minted}'`))).toMatchObject({ client: 'legacy' });
    }
  });

  it('mint where they are self-signed and registered by their thumbprint', async () => {
    await shop.sh("openssl req -x509 -nodes -days 30 -newkey rsa:2048 -subj '/CN=alone' -keyout alone.key -out alone.crt");
    const before = as('alone.crt', 'alone.key');
    expect(await outcomes(before)).toEqual({ strict: 'dropped', open: 401, reasons: ['certificate_self_signed'] });
    const grant = ['--grant', 'invoice=invoices:read'];
    await cli('client', 'add', 'alone', '--auth', 'self_signed_tls_client_auth', ...grant);
    await cli('credential', 'add', 'alone', 'self_signed_tls_client_auth', '--cert', shop.path('alone.crt'));
    const curl = `curl -sS --cacert company.crt --cert alone.crt --key alone.key`;
    for (const url of [issuer.url, mtlsUrl]) {
      expect(JSON.parse(await shop.sh(`${curl} ${url}/v1/tokens --json '${minted}'`))).toMatchObject({ client: 'alone' });
    }
  });
});

describe('a connection is dropped, with an audit record and its reason, and a login is refused, for', () => {
  const signed = (out: string, days: string, extra = '') =>
    `openssl x509 -req -sha256 ${days} -CA ca/ca.cert.pem -CAkey ca/ca.key.pem -set_serial 7 -in mail-server/server.csr -out ${out} ${extra}`;

  it.each([
    ["another company's CA", 'certificate_untrusted', 'cp mail-server/server-wrong.cert bad.crt'],
    [
      'a certificate that has expired',
      'certificate_expired',
      'touch index; openssl ca -batch -notext -config ca.cnf -startdate 20250101000000Z -enddate 20250201000000Z -in mail-server/server.csr -out bad.crt',
    ],
    [
      'a certificate that is not yet valid',
      'certificate_not_yet_valid',
      'touch index; openssl ca -batch -notext -config ca.cnf -startdate 20990101000000Z -enddate 20990201000000Z -in mail-server/server.csr -out bad.crt',
    ],
    [
      'a certificate for servers alone',
      'certificate_wrong_purpose',
      `printf 'extendedKeyUsage=serverAuth' > server.ext; ${signed('bad.crt', '-days 1', '-extfile server.ext')}`,
    ],
    [
      'a self-signed certificate that is not registered',
      'certificate_self_signed',
      "openssl req -x509 -nodes -days 30 -newkey rsa:2048 -subj '/CN=localhost/O=MailServer' -key mail-server/private.key -out bad.crt",
    ],
  ])('%s', async (_, reason, command) => {
    shop.write(
      'ca.cnf',
      '[ca]\ndefault_ca=own\n[own]\ndatabase=index\nnew_certs_dir=.\ncertificate=ca/ca.cert.pem\nprivate_key=ca/ca.key.pem\nrand_serial=yes\ndefault_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=optional\norganizationName=optional\n',
    );
    await shop.sh(command);
    expect(await outcomes(as('bad.crt'))).toEqual({ strict: 'dropped', open: 401, reasons: [reason] });
  });

  it('a CA of the same name with another key', async () => {
    await shop.sh(`openssl req -x509 -nodes -days 9 -newkey rsa:2048 -subj '/O=ABC Inc.' -keyout twin.key -out twin.crt &&
      openssl x509 -req -days 9 -CA twin.crt -CAkey twin.key -set_serial 1 -in mail-server/server.csr -out bad.crt`);
    const { strict, open, reasons } = await outcomes(as('bad.crt'));
    // OpenSSL may also break the connection to the open listener off.
    expect({ strict, isOpenRefused: open === 401 || open === 'dropped' }).toEqual({ strict: 'dropped', isOpenRefused: true });
    expect(reasons).toEqual(['certificate_untrusted']);
  });

  it('none at all', async () => {
    expect(await outcomes(as(undefined))).toEqual({ strict: 'dropped', open: 401, reasons: ['certificate_missing'] });
  });

  it('one that is revoked, also on a connection that was open before', async () => {
    await cli('ca', 'issue', '--client', 'mail', '--out', shop.path('lost'));
    const options = as('lost/mail.crt', 'lost/mail.key');
    const [strict, open] = [await converse(mtlsUrl, options), await converse(issuer.url, options)];
    expect([await strict.ask('GET', '/livez'), await open.ask('POST', '/v1/tokens', minted)]).toEqual([200, 201]);
    await cli('ca', 'revoke', '--cert', shop.path('lost/mail.crt'));
    expect([await strict.ask('GET', '/livez'), await open.ask('POST', '/v1/tokens', minted)]).toEqual(['dropped', 401]);
    expect(await outcomes(options)).toEqual({ strict: 'dropped', open: 401, reasons: ['certificate_revoked'] });
    shop.write('list.pem', (await issuer.cli(['ca', 'crl'])).stdout);
    const verified = await shop.attempt('openssl verify -crl_check -CAfile company.crt -CRLfile list.pem lost/mail.crt');
    expect(verified.stderr + verified.stdout).toContain('certificate revoked');
    expect(await shop.sh('openssl verify -crl_check -CAfile company.crt -CRLfile list.pem mail.crt')).toContain('OK');
  });

  it.each(['tls1_2', 'tls1_3'])('a session that is resumed without the certificate that it began with (%s)', async (version) => {
    const { host } = new URL(mtlsUrl);
    const client = `openssl s_client -${version} -connect ${host} -CAfile company.crt -ign_eof`;
    const asking = `printf 'GET /livez HTTP/1.1\\r\\nHost: ${host}\\r\\nConnection: close\\r\\n\\r\\n' |`;
    const first = await shop.attempt(
      `rm -f session; ${asking} ${client} -cert mail.crt -key mail-server/private.key -sess_out session`,
    );
    expect(first.stdout).toContain('HTTP/1.1 200');
    const address = `127.0.0.${fromLoopback++}`;
    const second = await shop.attempt(`${asking} ${client} -bind ${address} $(test -s session && echo -sess_in session)`);
    expect(second.stdout).not.toMatch(/Reused, TLS|HTTP\/1\.1/);
    expect(await refusalsFrom(address)).toEqual(['certificate_missing']);
    const open = new URL(issuer.url);
    const lax = client.replace(host, open.host);
    await shop.attempt(`rm -f session; ${asking} ${lax} -sess_out session`);
    const resumed = await shop.attempt(`${asking} ${lax} $(test -s session && echo -sess_in session)`);
    expect(resumed.stdout).toContain('HTTP/1.1 200');
    expect(resumed.stdout).not.toContain('Reused, TLS');
  });
});

describe('behind a proxy that ends TLS', () => {
  /** Tells the issuer which certificate it was shown, and lets nobody else tell it: what nginx is set up to do. */
  async function startProxy(localAddress: string) {
    const tls = { key: shop.text('issued/invoice-server.key'), cert: shop.text('issued/invoice-server.crt') };
    const ca = shop.text('company.crt');
    const proxy = createServer({ ...tls, ca, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      const { 'client-cert': _, ...headers } = request.headers;
      const socket = request.socket as import('node:tls').TLSSocket;
      const shown = socket.getPeerX509Certificate();
      if (shown !== undefined) headers['client-cert'] = `:${shown.raw.toString('base64')}:`;
      const { hostname, port } = new URL(issuer.url);
      const onward = httpsRequest(
        { host: hostname, port, ca, servername: 'localhost', localAddress, method: request.method, path: request.url, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      request.pipe(onward);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const address = proxy.address();
    const url = `https://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    return { url, stop: () => new Promise((resolve) => proxy.close(resolve).closeAllConnections()) };
  }
  const curl = (url: string, ...args: readonly string[]) =>
    shop.sh(
      `curl -sS -o answer.txt -w '%{http_code}' --cacert company.crt ${args.join(' ')} ${url}/v1/tokens --json '${minted}'`,
    );
  const own = '--cert mail.crt --key mail-server/private.key';

  it('the certificate counts from a listed one; what a client writes into the header never does', async () => {
    const told = `-H "Client-Cert: :$(openssl x509 -in mail.crt -outform der | base64 -w0):"`;
    const [listed, unlisted] = [await startProxy('127.0.0.2'), await startProxy('127.0.0.3')];
    try {
      expect(await curl(listed.url, own)).toBe('201');
      expect(JSON.parse(shop.text('answer.txt'))).toMatchObject({ client: 'mail' });
      expect(await curl(listed.url, told)).toBe('401');
      expect(await curl(unlisted.url, own)).toBe('401');
      expect(await curl(issuer.url, told)).toBe('401');
      // The proxy's own certificate speaks for the proxy, not for whom it forwards.
      expect(await curl(issuer.url, own, '--interface 127.0.0.2')).toBe('401');
      expect(await curl(issuer.url, told, '--interface 127.0.0.2')).toBe('201');
    } finally {
      await Promise.all([listed.stop(), unlisted.stop()]);
    }
  });
});

it("signs with the company's own CA once that is imported, and cuts off nobody whom the one before it certified", async () => {
  expect(await issuer.stop()).toBe(0);
  await cli('ca', 'import', '--cert', shop.path('ca/ca.cert.pem'), '--key', shop.path('ca/ca.key.pem'));
  issuer = await issuer.restart(['--mtls-port', '0']);
  mtlsUrl = JSON.parse(issuer.output().stdout).mtls_url;
  await cli('ca', 'sign', '--client', 'mail', '--csr', shop.path('mail-server/server.csr'), '--out', shop.path('mail-abc.crt'));
  expect(await shop.sh('openssl verify -purpose sslclient -CAfile ca/ca.cert.pem mail-abc.crt')).toContain('OK');
  for (const cert of ['mail.crt', 'mail-abc.crt']) {
    // Whoever knows the CA before alone still knows the issuer.
    const strict = await converse(mtlsUrl, as(cert));
    expect([strict.socket.authorized, await strict.ask('POST', '/v1/tokens', minted)]).toEqual([true, 201]);
    strict.socket.destroy();
  }
  expect((await issuer.cli(['doctor'])).code).toBe(0);
});

it('both listeners answer until they stop, and then neither', async () => {
  const strict = await converse(mtlsUrl, as('mail.crt'));
  expect(await strict.ask('GET', '/livez')).toBe(200);
  expect(await issuer.stop()).toBe(0);
  for (const url of [issuer.url, mtlsUrl]) {
    const { hostname, port } = new URL(url);
    const outcome = await new Promise((resolve) =>
      tlsConnect({ host: hostname, port: Number(port) }, () => resolve('connected')).on('error', (error: NodeJS.ErrnoException) =>
        resolve(error.code),
      ),
    );
    expect(outcome).toBe('ECONNREFUSED');
  }
});
