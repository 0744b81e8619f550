/** panva `oidc-provider`: opaque tokens for client credentials, and their introspection. Its memory adapter keeps nothing beyond the process. */
import Provider from 'oidc-provider';
import { listenOptions } from './listen-options.mjs';

const scheme = process.env.BENCH_TLS_CERT === undefined ? 'http' : 'https';
const provider = new Provider(`${scheme}://localhost`, {
  clients: [
    {
      client_id: 'mail',
      client_secret: process.env.BENCH_CLIENT_SECRET,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  scopes: ['invoices:read'],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: false },
  },
});

const { createServer, serverOptions } = listenOptions();
const server = createServer(serverOptions, provider.callback());
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
