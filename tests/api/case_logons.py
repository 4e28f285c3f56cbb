"""Who gets in, and what is kept of it."""
import json
import ssl
import socket
import time

from rig.harness import case


@case()
def only_tls_is_spoken(t):
    done = t.run('curl', '--silent', '--include', t.server.api.replace('https', 'http') + '/v1/status', ok=None)
    # what comes back, if anything does, is TLS's alert: "HTTP/0.9" to curl
    t.true(done.returncode in (1, 52, 56), 'curl without TLS ended with %d: %s' % (done.returncode, done.stdout))
    t.true('HTTP/' not in done.stdout, 'there was an answer: ' + done.stdout)
    for least, works in (('TLSv1_1', False), ('TLSv1_2', True), ('TLSv1_3', True)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(t.server.certificate)
        context.set_ciphers('ALL:@SECLEVEL=0')
        context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, least)
        try:
            with socket.create_connection(('127.0.0.1', t.server.api_port), 10) as s:
                context.wrap_socket(s, server_hostname='localhost').close()
            got = True
        except (ssl.SSLError, OSError):
            got = False
        t.equal(got, works, least)


@case()
def administrators_by_ntlm(t):
    admin = t.server.admin
    answer = t.curl('/v1/status', '--ntlm', '--user', '%s:%s' % (admin.name, admin.password))
    t.equal((answer.status, answer.json['Running']), (200, True), 'an administrator by NTLM')
    row = t.curl('/v1/users', '--ntlm', '--user', '%s:%s' % (admin.name, admin.password),
                 body={'Name': 'made-here', 'Password': 'Made-1-here'})
    t.equal((row.status, row.json['Name']), (201, 'made-here'), 'a request with a body')
    for user, password, status in ((admin.name, 'wrong', 401), ('nobody', 'x', 401), (t.user.name, t.user.password, 403)):
        t.problem(t.curl('/v1/status', '--ntlm', '--user', '%s:%s' % (user, password)), status)
    nobody = t.curl('/v1/status')
    t.problem(nobody, 401)
    t.equal(nobody.headers['www-authenticate'], ['Negotiate', 'NTLM', 'Bearer realm="freehold"'], 'ways')


@case()
def a_token_within_its_scopes(t):
    token = t.server.token('small', 'shares:read', expires='1d')
    t.equal(t.curl('/v1/shares', token=token).status, 200, 'within its scope')
    problem = t.problem(t.curl('/v1/users', token=token), 403)
    t.equal(problem['scope'], 'users:read', 'the scope that is missing')
    t.problem(t.curl('/v1/shares/none', '-X', 'DELETE', token=token), 403)
    rows = [json.loads(line) for line in t.server.output('audit', 'search', '--user', 'small', '-o', 'jsonl').splitlines()]
    denied = [(r['EventId'], r['Keywords'], r['Operation'], r['TokenName'], r['IpAddress']) for r in rows]
    t.true((4673, 'Audit Failure', 'ShareRemove', 'small', '127.0.0.1') in denied, 'no record of the refusal: %r' % rows)
    listed = [r for r in json.loads(t.server.output('token', 'list', '-o', 'json')) if r['Name'] == 'small'][0]
    t.true(listed['LastUsed'] and not listed['Expired'] and token not in json.dumps(listed), 'the listing: %r' % listed)
    t.server.output('token', 'remove', 'small', '--force')
    t.problem(t.curl('/v1/shares', token=token), 401)


@case()
def an_expired_token_is_refused(t):
    s = t.own_server(start=False)
    s.start()
    token = s.token('old', 'shares:read', expires='1d')
    s.stop()
    t.run('sqlite3', s.state / 'state.db', "UPDATE api_token SET expires = 1 WHERE name = 'old'")
    s.start()
    problem = t.problem(t.curl('/v1/shares', token=token, server=s), 401)
    t.contains(problem['detail'], 'expired')


@case()
def changes_are_recorded_without_secrets(t):
    token = t.server.token('changer', 'users:write')
    made = t.curl('/v1/users', token=token, body={'Name': 'recorded', 'Password': 'Very-s3cret-word'})
    t.equal(made.status, 201, 'the account')
    t.problem(t.curl('/v1/users', token=token, body={'Name': 'recorded', 'Password': 'Very-s3cret-word'}), 409)
    t.equal(t.curl('/v1/users/recorded', '-X', 'DELETE', token=token).status, 204, 'its removal')
    text = t.server.output('audit', 'search', '--user', 'changer', '-o', 'jsonl')
    rows = [json.loads(line) for line in text.splitlines()]
    t.equal([(r['EventId'], r['Keywords'], r['ObjectName']) for r in rows],
            [(4720, 'Audit Success', 'recorded'), (4673, 'Audit Failure', 'recorded'), (4726, 'Audit Success', 'recorded')],
            'records')
    t.true('s3cret' not in text, 'a secret is in the log')
    logs = t.server.log.read_text()
    t.true('s3cret' not in logs and token not in logs, 'a secret is in the log of the server')


@case()
def the_audit_log_is_searched_page_by_page(t):
    s = t.own_server()
    writer, reader = s.token('writer', 'users:write'), s.token('reader', 'audit:read')
    for number in range(5):
        body = {'Name': 'page%d' % number, 'Password': 'Passw0rd-%d' % number}
        t.equal(t.curl('/v1/users', token=writer, body=body, server=s).status, 201, 'an account')
    t.equal(t.problem(t.curl('/v1/audit', token=writer, server=s), 403)['scope'], 'audit:read', 'the scope that is missing')
    path, pages = '/v1/audit?since=1h&user=writer&event=4720&outcome=Success&limit=2', []
    while path:
        answer = t.curl(path, token=reader, server=s)
        t.equal(answer.status, 200, path)
        pages.append([row['ObjectName'] for row in answer.json])
        link = answer.headers.get('link', [''])[0]
        t.true(not link or link.endswith('; rel="next"'), link)
        path = link.partition('<')[2].partition('>')[0]
    t.equal(pages, [['page0', 'page1'], ['page2', 'page3'], ['page4']], 'pages')
    text = s.output('audit', 'search', '--user', 'writer', '--event', '4720', '-o', 'json')
    t.equal(t.curl('/v1/audit?user=writer&event=4720', token=reader, server=s).json, json.loads(text), 'what the command line shows')
    t.equal([row['Operation'] for row in t.curl('/v1/audit?outcome=Failure', token=reader, server=s).json], ['AuditSearch'], 'refusals')
    for query, field in (('since=yesterday', 'since'), ('until=1', 'until'), ('limit=0', 'limit'), ('limit=10001', 'limit'),
                         ('event=x', 'event'), ('event=70000', 'event')):
        t.equal(t.problem(t.curl('/v1/audit?' + query, token=reader, server=s), 422)['field'], field, query)
    for query in ('outcome=maybe', 'package=basic', 'after=-1', 'nothing=1'):
        t.problem(t.curl('/v1/audit?' + query, token=reader, server=s), 422)


@case()
def who_guesses_tokens_waits(t):
    s = t.own_server(start=False, settings='[limits]\nlogon_failures_before_wait = 3\nlogon_wait_seconds = 4\n')
    s.start()
    took = []
    for _ in range(6):
        begin = time.monotonic()
        t.problem(t.curl('/v1/status', token='freehold_wrong', server=s), 401)
        took.append(time.monotonic() - begin)
    t.true(max(took[:3]) < 3.6 and min(took[4:]) >= 4.0, 'seconds: %r' % took)
