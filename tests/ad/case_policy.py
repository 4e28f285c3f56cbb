"""Whether users of the domain may log on by NTLM: security.ntlm.domain."""
import json
import time

from rig.harness import case


def records(t, count, search, seconds=60):
    """Waits until the search finds as many records: the end of a session is on record when the server has noticed that the client went,
    a logon that failed soon after it was answered. More than that are told at once."""
    end = time.monotonic() + seconds
    while True:
        found = search()
        if len(found) >= count:
            t.equal(len(found), count, 'records: %s' % found)
            return found
        t.true(time.monotonic() < end, '%d records, not %d: %s' % (len(found), count, found))
        time.sleep(0.2)


@case(freehold_only=True)
def denied(t):
    server = t.own_server(settings='[security.ntlm]\ndomain = "deny"\n')
    t.equal(t.logon(t.user, server=server), 'NT_STATUS_NTLM_BLOCKED', 'NTLM')
    t.equal(t.logon(t.user, True, server), 'ok', 'Kerberos')
    t.equal(t.logon(server.local_admin, server=server), 'ok', 'a local account by NTLM')


@case(freehold_only=True)
def audited(t):
    """Logons of domain users by NTLM are in the audit log, whatever else of logons is; those by Kerberos and of local accounts are not."""
    server = t.own_server(settings='[security.ntlm]\ndomain = "audit"\n[audit]\nlogons = "none"\n')
    def found(*words):
        out = server.run('audit', 'search', '--config', str(server.config), '-o', 'jsonl', '--event', '4624,4625,4634', *words).stdout
        return [json.loads(line) for line in out.splitlines()]
    t.equal(t.logon(t.user, True, server), 'ok', 'Kerberos')
    t.equal(t.logon(server.local_admin, server=server), 'ok', 'a local account by NTLM')
    t.equal(found(), [], 'records of logons that nobody asked for')
    t.equal(t.logon(t.user, server=server), 'ok', 'NTLM')
    t.equal(t.logon(t.domain_user('bob', 'Wr0ng.password'), server=server), 'NT_STATUS_LOGON_FAILURE', 'a wrong password')
    on, failed = records(t, 2, lambda: found('--package', 'ntlm'))
    t.equal({k: on[k] for k in ('EventId', 'TargetUserName', 'TargetDomainName', 'IpAddress', 'LogonType', 'Keywords')},
            {'EventId': 4624, 'TargetUserName': 'alice', 'TargetDomainName': 'CORP', 'IpAddress': '10.88.0.5', 'LogonType': 3,
             'Keywords': 'Audit Success'}, 'the logon')
    t.equal({k: failed[k] for k in ('EventId', 'TargetUserName', 'TargetUserSid', 'Status', 'Keywords')},
            {'EventId': 4625, 'TargetUserName': 'bob', 'TargetUserSid': 'S-1-0-0', 'Status': '0xc000006d', 'Keywords': 'Audit Failure'},
            'the refused one')
    t.equal(found('--package', 'kerberos'), [], 'by Kerberos')


@case(freehold_only=True)
def recorded(t):
    """Every logon of domain users, by either package, and its end."""
    server = t.own_server(settings='[audit]\nlogons = "all"\n')
    for kerberos in (True, False):
        t.equal(t.logon(t.user, kerberos, server), 'ok', 'Kerberos: %s' % kerberos)
    def found():
        out = server.run('audit', 'search', '--config', str(server.config), '-o', 'jsonl', '--user', 'alice@corp.example').stdout
        return [json.loads(line) for line in out.splitlines()]
    rows = records(t, 4, found)
    ons = [r for r in rows if r['EventId'] == 4624]
    t.equal([r['AuthenticationPackageName'] for r in ons], ['Kerberos', 'NTLM'], 'packages')
    offs = [r['TargetLogonId'] for r in rows if r['EventId'] == 4634]
    t.equal(offs, [r['TargetLogonId'] for r in ons], 'logoffs')
    sids = {r['TargetUserSid'] for r in rows}
    t.true(len(sids) == 1 and next(iter(sids)).startswith('S-1-5-21-'), 'SIDs: %s' % sids)
