/** Asks the issuers that are told, trusting the CAs that this process trusts; writes what became of each. Run with NODE_EXTRA_CA_CERTS by a test. */
import { IssuerHttp } from '../../../src/transport/issuer-http.js';

const outcomes: string[] = [];
for (const issuer of process.argv.slice(2)) {
  const http = new IssuerHttp({ issuer });
  const outcome = await http.request('GET', '/').then(
    () => 'answered',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'failed'),
  );
  outcomes.push(outcome);
  await http.close();
}
process.stdout.write(JSON.stringify(outcomes));
