/** How the servers that macaroond is compared with listen: with the certificate that the environment names, or without TLS. */
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';

export function listenOptions() {
  const { BENCH_TLS_CERT: cert, BENCH_TLS_KEY: key } = process.env;
  if (cert === undefined || key === undefined) return { createServer: http.createServer, serverOptions: {} };
  return { createServer: https.createServer, serverOptions: { cert: readFileSync(cert), key: readFileSync(key) } };
}
