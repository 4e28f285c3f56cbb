"""A schema fuzzer: whatever it makes of the document, no answer is a 500, and each is what the document says."""
import json
import re

from rig.harness import case
from rig import server as servers

SCOPES = ['%s:%s' % (noun, verb) for noun in ('shares', 'users', 'domain', 'acl', 'quotas', 'dfs', 'sessions', 'tokens') for verb in ('read', 'write')]


@case(alone=True, seconds=900)
def schemathesis(t):
    s = t.own_server(start=False, settings='[limits]\nlogon_wait_seconds = 0\n')
    s.start()
    token = s.token('the-fuzzer-itself', 'status:read', 'audit:read', 'metrics:read', 'config:read', *SCOPES)
    header = t.folder / 'schemathesis.toml'
    # the token in a file, not among the arguments
    header.write_text('[auth.openapi.token]\nbearer = "%s"\n' % token)
    header.chmod(0o600)
    done = t.run(t.peer('schemathesis'), '--config-file', header, 'run', servers.ROOT / 'docs' / 'openapi.json',
                 '--url', s.api, '--tls-verify', s.certificate, '--max-time', '60', '--seed', '1', '--no-color',
                 '--checks', 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,'
                             'response_headers_conformance',
                 # it finds the name of its own token in the listing
                 '--exclude-operation-id', 'removeToken',
                 '--suppress-health-check', 'all', '--continue-on-failure', ok=None, timeout=600)
    t.true(done.returncode == 0, done.stdout[-6000:])
    made = re.search(r'(\d+) generated, (\d+) passed', done.stdout)
    t.true(made is not None and int(made.group(1)) >= 1000 and made.group(1) == made.group(2), done.stdout[-2000:])
    print('     fuzz: %s requests' % made.group(1), flush=True)
    t.equal(json.loads(t.curl('/v1/status', token=token, server=s).text)['Running'], True, 'the server afterwards')
