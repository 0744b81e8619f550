"""Prints tokens that must be refused, each with its failure class, made by hand from parts and independent of the code under test.

/usr/bin/python3 negative.py
"""
import base64
import hashlib
import hmac
import json
import sys
import zlib

KEY = b'root key'


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def varint(number):
    out = b''
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(kind, data):
    return bytes([kind]) + varint(len(data)) + data


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip('=')


def packet(name, data):
    body = name + b' ' + data + b'\n'
    return b'%04x' % (len(body) + 4) + body


IDENTIFIER, CONDITIONS = b'root id', [b'action invoices:read', b'ip 10.0.0.0/8']
SIGNATURES = [mac(mac(b'macaroons-key-generator', KEY), IDENTIFIER)]
for condition in CONDITIONS:
    SIGNATURES.append(mac(SIGNATURES[-1], condition))
SIGNATURE = SIGNATURES[-1]
HEAD = b'\x02' + field(1, b'loc') + field(2, IDENTIFIER) + b'\0'
CAVEATS = b''.join(field(2, condition) + b'\0' for condition in CONDITIONS)
TAIL = b'\0' + field(6, SIGNATURE)
GOOD = HEAD + CAVEATS + TAIL
V1_HEAD = packet(b'location', b'loc') + packet(b'identifier', IDENTIFIER)
V1_CAVEATS = b''.join(packet(b'cid', condition) for condition in CONDITIONS)
V1_GOOD = V1_HEAD + V1_CAVEATS + packet(b'signature', SIGNATURE)
JSON_GOOD = {'v': 2, 'l': 'loc', 'i': 'root id', 'c': [{'i': c.decode()} for c in CONDITIONS], 's64': b64(SIGNATURE)}
TEXT_GOOD = 'mcr_%s.%s' % (b64(GOOD), b64(zlib.crc32(b64(GOOD).encode()).to_bytes(4, 'big')))

vectors = []


def binary(about, expected, data, offset=None):
    entry(about, expected, offset, hex=data.hex())


def text(about, expected, data, offset=None):
    entry(about, expected, offset, text=data)


def entry(about, expected, offset, **token):
    vectors.append({'about': about, 'expected': expected, **({} if offset is None else {'offset': offset}), **token})


def members(**changes):
    return json.dumps({name: value for name, value in {**JSON_GOOD, **changes}.items() if value is not None})


binary('good: V2 binary', 'verified', GOOD)
binary('good: V1 binary', 'verified', V1_GOOD)
text('good: text form', 'verified', TEXT_GOOD)
text('good: bare payload', 'verified', b64(GOOD))
text('good: V2 JSON', 'verified', json.dumps(JSON_GOOD))
text('good: V1 as base64url', 'verified', b64(V1_GOOD))
text('good: V1 as padded base64', 'verified', base64.b64encode(V1_GOOD).decode())

text('nothing', 'ERR_FORMAT_EMPTY', '', 0)
binary('nothing at all', 'ERR_FORMAT_EMPTY', b'', 0)
text('a space in the text', 'ERR_FORMAT_TEXT', TEXT_GOOD[:40] + ' ' + TEXT_GOOD[40:], 40)
text('a line feed at the end', 'ERR_FORMAT_CHECKSUM', TEXT_GOOD + '\n')
text('cut in the payload', 'ERR_FORMAT_CHECKSUM', TEXT_GOOD[:50], 50)
text('cut in the checksum', 'ERR_FORMAT_CHECKSUM', TEXT_GOOD[:-1])
text('one character mistyped', 'ERR_FORMAT_CHECKSUM', TEXT_GOOD[:20] + ('A' if TEXT_GOOD[20] != 'A' else 'B') + TEXT_GOOD[21:])
text('padding in the text form', 'ERR_FORMAT_TEXT', 'mcr_%s=%s' % (b64(GOOD), TEXT_GOOD[4 + len(b64(GOOD)):]), 4 + len(b64(GOOD)))
text('stray bits at the end of the bare payload', 'ERR_FORMAT_BASE64', b64(GOOD[:-1]) + 'AB')
text('base64 of both alphabets', 'ERR_FORMAT_BASE64', 'Ag-+')
binary('version 3', 'ERR_FORMAT_VERSION', b'\x03' + GOOD[1:], 0)
binary('identifier before location', 'ERR_FORMAT_FIELD', b'\x02' + field(2, IDENTIFIER) + field(1, b'loc') + b'\0' + CAVEATS + TAIL, 10)
binary('an empty location', 'ERR_FORMAT_FIELD', b'\x02' + field(1, b'') + field(2, IDENTIFIER) + b'\0' + CAVEATS + TAIL, 1)
binary('an empty condition', 'ERR_FORMAT_FIELD', HEAD + field(2, b'') + b'\0' + TAIL, len(HEAD))
binary('an empty verification id', 'ERR_FORMAT_FIELD', HEAD + field(2, b'a b') + field(4, b'') + b'\0' + TAIL, len(HEAD) + 5)
binary('a location on a first-party caveat', 'ERR_FORMAT_FIELD', HEAD + field(1, b'loc') + field(2, b'a b') + b'\0' + TAIL, len(HEAD))
binary('an unknown field', 'ERR_FORMAT_FIELD', HEAD + field(2, b'a b') + field(3, b'x') + b'\0' + TAIL, len(HEAD) + 5)
binary('a length in two bytes that fits in one', 'ERR_FORMAT_VARINT', b'\x02\x02\x87\x00' + IDENTIFIER + b'\0' + CAVEATS + TAIL, 2)
binary('a length of 2^32 + 7, which 32 bits read as 7', 'ERR_FORMAT_VARINT', b'\x02\x02\x87\x80\x80\x80\x10' + IDENTIFIER + b'\0' + CAVEATS + TAIL, 2)
binary('a length of 2^64 - 1', 'ERR_FORMAT_VARINT', b'\x02\x02' + b'\xff' * 9 + b'\x01' + IDENTIFIER + b'\0' + CAVEATS + TAIL, 2)
binary('cut before the signature', 'ERR_FORMAT_TRUNCATED', GOOD[:-33], len(GOOD) - 33)
binary('a length past the end', 'ERR_FORMAT_TRUNCATED', HEAD + b'\x02\x7fa b\0' + TAIL, len(HEAD) + 6 + len(TAIL))
binary('31 bytes of signature', 'ERR_FORMAT_SIGNATURE', HEAD + CAVEATS + b'\0' + field(6, SIGNATURE[:31]), len(HEAD + CAVEATS) + 1)
binary('a byte after the end', 'ERR_FORMAT_TRAILING', GOOD + b'\0', len(GOOD))
binary('a location that is not UTF-8', 'ERR_FORMAT_UTF8', b'\x02' + field(1, b'\xff') + field(2, IDENTIFIER) + b'\0' + TAIL, 1)
binary('65 caveats', 'ERR_LIMIT_CAVEATS', HEAD + (field(2, b'a b') + b'\0') * 65 + TAIL, len(HEAD) + 6 * 64)
binary('a condition of 1025 bytes', 'ERR_LIMIT_CONDITION', HEAD + field(2, b'x' * 1025) + b'\0' + TAIL, len(HEAD))
binary('an identifier of 1025 bytes', 'ERR_LIMIT_IDENTIFIER', b'\x02' + field(2, b'x' * 1025) + b'\0' + TAIL, 1)
binary('a location of 257 bytes', 'ERR_LIMIT_LOCATION', b'\x02' + field(1, b'x' * 257) + field(2, IDENTIFIER) + b'\0' + TAIL, 1)
binary('17 discharges', 'ERR_LIMIT_DISCHARGES', GOOD * 18, len(GOOD) * 17)
binary('a caveat removed', 'ERR_SIGNATURE_MISMATCH', HEAD + field(2, CONDITIONS[0]) + b'\0' + TAIL)
binary('caveats in another order', 'ERR_SIGNATURE_MISMATCH', HEAD + b''.join(field(2, c) + b'\0' for c in CONDITIONS[::-1]) + TAIL)
binary('a caveat doubled', 'ERR_SIGNATURE_MISMATCH', HEAD + CAVEATS + field(2, CONDITIONS[1]) + b'\0' + TAIL)
binary('one bit of a condition', 'ERR_SIGNATURE_MISMATCH', GOOD.replace(b'read', b'reae'))
binary('one bit of the signature', 'ERR_SIGNATURE_MISMATCH', GOOD[:-1] + bytes([GOOD[-1] ^ 1]))
binary('the signature of one caveat less', 'ERR_SIGNATURE_MISMATCH', HEAD + CAVEATS + b'\0' + field(6, SIGNATURES[-2]))
binary('V1: a length in upper-case hex', 'ERR_FORMAT_VARINT', b'001' + V1_GOOD[3:4].upper() + V1_GOOD[4:] if V1_GOOD[3:4].isalpha() else b'00A1' + V1_GOOD[4:], 0)
binary('V1: a length that is too short', 'ERR_FORMAT_FIELD', b'000f' + V1_GOOD[4:], 0)
binary('V1: a length of 0', 'ERR_FORMAT_FIELD', b'0000' + V1_GOOD[4:], 0)
binary('V1: a length past the end', 'ERR_FORMAT_TRUNCATED', V1_HEAD + b'00ff' + V1_CAVEATS[4:], len(V1_HEAD + V1_CAVEATS))
binary('V1: identifier before location', 'ERR_FORMAT_FIELD', packet(b'identifier', b'x') + packet(b'location', b'y'), 0)
binary('V1: an unknown packet', 'ERR_FORMAT_FIELD', V1_HEAD + packet(b'nonce', b'x') + packet(b'signature', SIGNATURE), len(V1_HEAD))
binary('V1: an empty verification id', 'ERR_FORMAT_FIELD', V1_HEAD + packet(b'cid', b'a b') + packet(b'vid', b'') + packet(b'signature', SIGNATURE), len(V1_HEAD) + 12)
binary('V1: a location on a first-party caveat', 'ERR_FORMAT_FIELD', V1_HEAD + packet(b'cid', b'a b') + packet(b'cl', b'x') + packet(b'signature', SIGNATURE), len(V1_HEAD) + 12)
binary('V1: no line feed', 'ERR_FORMAT_FIELD', V1_HEAD[:-1] + b' ' + V1_CAVEATS, len(packet(b'location', b'loc')))
binary('V1: trailing bytes', 'ERR_FORMAT_TRAILING', V1_GOOD + b'\n', len(V1_GOOD))
binary('V1: a caveat removed', 'ERR_SIGNATURE_MISMATCH', V1_HEAD + packet(b'cid', CONDITIONS[0]) + packet(b'signature', SIGNATURE))
text('JSON: an unknown member', 'ERR_FORMAT_JSON', members(x='1'))
text('JSON: __proto__', 'ERR_FORMAT_JSON', '{"__proto__":{"i":"root id"},"s64":"%s"}' % b64(SIGNATURE), 1)
text('JSON: a repeated member', 'ERR_FORMAT_JSON', '{"i":"other","i":"root id","s64":"%s"}' % b64(SIGNATURE), 13)
text('JSON: a member repeated by an escape', 'ERR_FORMAT_JSON', '{"i":"other","\\u0069":"root id","s64":"%s"}' % b64(SIGNATURE), 13)
text('JSON: text and base64 of one field', 'ERR_FORMAT_JSON', members(i64=b64(IDENTIFIER)))
text('JSON: deep nesting', 'ERR_FORMAT_JSON', '[' * 20000, 1)
text('JSON: a number for a text', 'ERR_FORMAT_JSON', members(i=7))
text('JSON: null', 'ERR_FORMAT_JSON', members().replace('"loc"', 'null'))
text('JSON: a comma too many', 'ERR_FORMAT_JSON', members()[:-1] + ',}')
text('JSON: version 1', 'ERR_FORMAT_VERSION', members(v=1))
text('JSON: V1 JSON', 'ERR_FORMAT_VERSION', '{"identifier":"root id","signature":"%s"}' % SIGNATURE.hex(), 1)
text('JSON: an empty verification id', 'ERR_FORMAT_FIELD', members(c=[{'i': 'a b', 'v64': ''}]))
text('JSON: no signature', 'ERR_FORMAT_FIELD', members(s64=None), 0)
text('JSON: base64 with stray bits', 'ERR_FORMAT_BASE64', members(i=None, i64='AB'))
text('JSON: a lone surrogate', 'ERR_FORMAT_UTF8', members(i='\ud800'))
text('JSON: text after the end', 'ERR_FORMAT_TRAILING', members() + '{}', len(members()))
text('JSON: an empty list', 'ERR_FORMAT_EMPTY', '[]', 0)
text('JSON: a caveat removed', 'ERR_SIGNATURE_MISMATCH', members(c=JSON_GOOD['c'][:1]))

json.dump(
    {
        'source': 'Made by hand for this project with Python hmac; no macaroon library took part.',
        'made': 'test/vectors/generate/negative.py; `offset` counts bytes for `hex`, characters for `text`',
        'key': KEY.decode(),
        'vectors': vectors,
    },
    sys.stdout,
    indent=2,
)
print()
