"""Prints vectors made and judged by pymacaroons, from scenarios.json on standard input.

Debian: apt-get install python3-pymacaroons; /usr/bin/python3 generate.py < scenarios.json
"""
import base64
import json
import sys

import pymacaroons
from pymacaroons import MACAROON_V1, MACAROON_V2, Macaroon, Verifier
from pymacaroons.serializers import JsonSerializer
from pymacaroons.serializers.binary_serializer import BinarySerializer


def data_of(spec, name='id'):
    return bytes.fromhex(spec[name + 'Hex']) if name + 'Hex' in spec else spec[name]


def add(macaroon, caveats):
    for caveat in caveats:
        if 'key' in caveat:
            macaroon.add_third_party_caveat(caveat['location'], caveat['key'], data_of(caveat))
        else:
            macaroon.add_first_party_caveat(data_of(caveat))


def build(scenario, version):
    macaroons = []
    for index, spec in enumerate(scenario['macaroons']):
        macaroon = Macaroon(location=spec.get('location', ''), identifier=data_of(spec), key=spec['key'], version=version)
        add(macaroon, spec.get('caveats', []))
        if index > 0 and spec.get('bind') != 'none':
            binder = macaroons[index - 1 if spec.get('bind') == 'previous' else 0]
            macaroon = binder.prepare_for_request(macaroon)
        macaroons.append(macaroon)
    add(macaroons[0], scenario['macaroons'][0].get('later', []))
    return macaroons


def judge(scenario, macaroons):
    verifier = Verifier()
    verifier.satisfy_general(lambda condition: True)
    try:
        return 'accepted' if verifier.verify(macaroons[0], scenario['key'], macaroons[1:]) else 'refused'
    except RecursionError:
        return 'endless recursion'
    except Exception:
        return 'refused'


vectors = []
for scenario in json.load(sys.stdin):
    for version in (MACAROON_V1, MACAROON_V2):
        if scenario.get('onlyV2'):
            continue  # pymacaroons takes conditions as text
        macaroons = build(scenario, version)
        vector = {'about': scenario['about'], 'key': scenario['key'], 'theirs': judge(scenario, macaroons)}
        vector['expected'] = scenario['expected']
        raw = b''.join(BinarySerializer().serialize_raw(macaroon) for macaroon in macaroons)
        token = base64.urlsafe_b64encode(raw).decode().rstrip('=')
        binary = {**vector, 'format': 'v%d-binary' % version, 'token': token}
        if version == MACAROON_V2 and 'emptyLocation' in scenario:
            binary['expected'] = scenario['emptyLocation']  # it writes an empty location, which is not canonical
        vectors.append(binary)
        if version == MACAROON_V2:
            token = '[%s]' % ', '.join(JsonSerializer().serialize(macaroon) for macaroon in macaroons)
            vectors.append({**vector, 'format': 'v2-json', 'token': token})
json.dump(
    {
        'source': 'pymacaroons %s (Debian python3-pymacaroons)' % pymacaroons.__version__,
        'made': 'test/vectors/generate/generate.py from scenarios.json; `theirs` is the verdict of its Verifier, `expected` ours',
        'vectors': vectors,
    },
    sys.stdout,
    indent=2,
)
print()
