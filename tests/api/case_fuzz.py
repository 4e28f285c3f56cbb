"""A schema fuzzer: whatever it makes of the document, no answer is a 500, and each is what the document says."""
import json
import re

from rig.harness import case
from rig import server as servers

SCOPES = ['%s:%s' % (noun, verb) for noun in ('shares', 'users', 'domain', 'acl', 'quotas', 'sessions', 'tokens') for verb in ('read', 'write')]


@case(alone=True, seconds=900)
def schemathesis(t):
    s = t.own_server(start=False, settings='[limits]\nlogon_failures_before_wait = 1000000\n')
    s.start()
    token = s.token('fuzzer', 'status:read', *SCOPES)
    header = t.folder / 'schemathesis.toml'
    # the token in a file, not among the arguments
    header.write_text('[auth.openapi.token]\nbearer = "%s"\n' % token)
    header.chmod(0o600)
    report = t.folder / 'report.ndjson'
    done = t.run(t.peer('schemathesis'), '--config-file', header, 'run', servers.ROOT / 'docs' / 'openapi.json',
                 '--url', s.api, '--tls-verify', s.certificate, '--max-time', '240', '--seed', '1', '--no-color',
                 '--checks', 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,'
                             'response_headers_conformance',
                 '--suppress-health-check', 'all', '--report', 'ndjson', '--report-ndjson-path', report,
                 '--continue-on-failure', ok=None, timeout=600)
    t.true(done.returncode == 0, done.stdout[-6000:])
    requests = len(re.findall(r'"status_code"', report.read_text())) if report.exists() else 0
    made = re.search(r'(\d+) generated', done.stdout)
    count = max(requests, int(made.group(1)) if made else 0)
    t.true(count >= 1000, 'only %d requests:\n%s' % (count, done.stdout[-2000:]))
    t.equal(json.loads(t.curl('/v1/status', token=token, server=s).text)['Running'], True, 'the server afterwards')
