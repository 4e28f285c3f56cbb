"""Administration over HTTPS by users of the domain: Negotiate with a ticket for HTTP/host, NTLM, and who may what."""
import json

from rig.harness import Failed, case

PORT = 8445


def curl(t, server, path, *arguments, env=None):
    """Status and JSON of the last answer. Whose certificate it is is the business of tests/api."""
    done = t.run('curl', '--silent', '--show-error', '--insecure', '--write-out', '\n%{http_code}', *arguments,
                 'https://%s:%d%s' % (server.host, PORT, path), env=env, timeout=60)
    body, _, status = done.stdout.rpartition('\n')
    try:
        return int(status), json.loads(body) if body else None
    except ValueError:
        raise Failed('curl %s: %s' % (path, done.stdout))


@case(freehold_only=True)
def by_ticket_and_by_ntlm(t):
    s = t.own_server(settings='[api]\nlisten = ["0.0.0.0:%d"]\n' % PORT)
    admin = t.ticket_cache(t.administrator)
    negotiate = ('--negotiate', '--user', ':')
    status, row = curl(t, s, '/v1/domain', *negotiate, env=admin)
    t.equal((status, row and row.get('Joined')), (200, True), 'an administrator of the domain, by ticket: %r' % row)
    tickets = t.run('klist', env=admin).stdout
    t.contains(tickets.lower(), 'http/%s' % s.host.lower())
    status, row = curl(t, s, '/v1/groups', *negotiate, '-H', 'Content-Type: application/json', '--data-raw',
                       json.dumps({'Name': 'made-by-ticket'}), env=admin)
    t.equal(status, 201, 'a request with a body: %r' % row)
    alice = t.ticket_cache(t.domain_user('alice'))
    status, problem = curl(t, s, '/v1/shares', *negotiate, env=alice)
    t.equal(status, 403, 'a plain user, by ticket: %r' % problem)
    t.contains(problem['detail'], 'CORP\\alice', 'Administrators')
    status, problem = curl(t, s, '/v1/shares', *negotiate, env={'KRB5CCNAME': 'FILE:%s/none' % t.folder})
    t.equal(status, 401, 'without a ticket: %r' % problem)
    for user, expected in ((t.administrator, 200), (t.domain_user('alice'), 403), (t.domain_user('alice', 'wrong'), 401)):
        status, problem = curl(t, s, '/v1/shares', '--ntlm', '--user', '%s:%s' % (user.name, user.password))
        t.equal(status, expected, '%s by NTLM: %r' % (user.name, problem))
    rows = [json.loads(line) for line in s.run('audit', 'search', '--folder', str(s.state / 'audit'), '--event', '4673,4731', '-o', 'jsonl').stdout.splitlines()]
    who = {(r['EventId'], r['Keywords'], r['SubjectDomainName'], r['SubjectUserName']) for r in rows if r.get('Service') == 'https'}
    t.true({(4731, 'Audit Success', 'CORP', 'Administrator'), (4673, 'Audit Failure', 'CORP', 'alice')} <= who, 'records: %r' % who)
