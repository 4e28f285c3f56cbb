"""Whether users of the domain may log on by NTLM: security.ntlm.domain."""
from rig.harness import case


@case(freehold_only=True)
def denied(t):
    server = t.own_server(settings='[security.ntlm]\ndomain = "deny"\n')
    t.equal(t.logon(t.user, server=server), 'NT_STATUS_NTLM_BLOCKED', 'NTLM')
    t.equal(t.logon(t.user, True, server), 'ok', 'Kerberos')
    t.equal(t.logon(server.local_admin, server=server), 'ok', 'a local account by NTLM')


@case(freehold_only=True)
def audited(t):
    server = t.own_server(settings='[security.ntlm]\ndomain = "audit"\n')
    before = server.tail(server.log, 10000)
    t.equal(t.logon(t.user, True, server), 'ok', 'Kerberos')
    t.true('alice' not in server.tail(server.log, 10000)[len(before):] or 'NTLM' not in server.tail(server.log, 10000)[len(before):],
           'a logon by Kerberos is told as one by NTLM')
    t.equal(t.logon(t.user, server=server), 'ok', 'NTLM')
    told = [line for line in server.tail(server.log, 10000).splitlines() if 'alice' in line and 'ntlm' in line.lower()]
    t.true(told, 'the log has no line of a logon by NTLM:\n' + server.tail(server.log))
    t.true('10.88.0.5' in told[-1], 'the client is not named: ' + told[-1])
