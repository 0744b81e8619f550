/** Requests as text, as they go over the wire. */

/** A request with a body in JSON. */
export function json(path, client, body) {
  return post(path, client, 'application/json', body);
}

/** A request with a form. */
export function form(path, client, body) {
  return post(path, client, 'application/x-www-form-urlencoded', body);
}

/** The text of a request with a body in ASCII. */
function post(path, client, type, body) {
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    `Authorization: ${basic(client)}`,
    `Content-Type: ${type}`,
    `Content-Length: ${body.length}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** The `Authorization` of a client that proves itself by its secret. */
export function basic({ name, secret }) {
  return `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
}
