"""Joining the domain, leaving it, and what the directory then says of the server."""
import os
import re
import stat

import members
import suite
from controllers import BASE, SERVERS_OU
from hosts import DOMAIN, REALM
from rig import server as servers
from rig.harness import case

DISABLED = 2
AES = 24        # AES128 and AES256 in msDS-SupportedEncryptionTypes


def account_of(t, server):
    """The attributes of the server's account, as ldapsearch reads them; None where there is none. Each change of it was made at one of
    the controllers: both have it by then."""
    query = '(sAMAccountName=%s$)' % server.name
    t.bed.agreed(query, *suite.ACCOUNT)
    found = t.bed.dc1.search(query)
    attributes = {}
    for line in found.splitlines():
        name, colon, value = line.partition(': ')
        if colon and not line.startswith('#'):
            attributes.setdefault(name.lower(), []).append(value)
    return attributes if 'dn' in attributes else None


def refused(t, server, *words, stdin=None):
    """What a command that must fail says."""
    done = server.run(*words, stdin=stdin, check=False)
    t.equal(done.returncode, 1, ' '.join(words) + ': ' + done.stdout + done.stderr)
    t.true(len(done.stderr.strip()) > 20, 'no reason is given: %r' % done.stderr)
    return done.stderr


@case(freehold_only=True)
def as_a_delegated_user_into_an_ou(t):
    """Join, what the directory has of it, leave, and join again: the account is used again."""
    server = t.own_server(join=False)
    share = t.share(server)
    status = server.as_json('domain', 'status')
    t.equal(status['Joined'], False, 'joined before the join')
    t.true(t.logon(t.user, server=server) != 'ok', 'a domain user logs on before the join')
    for turn in ('new', 'again'):
        server.join()
        t.bed.replicated(server.name + '$')
        status = server.as_json('domain', 'status')
        t.equal({k: status[k] for k in ('Joined', 'Domain', 'NetbiosDomain', 'ComputerAccount', 'ComputerDn')},
                {'Joined': True, 'Domain': DOMAIN, 'NetbiosDomain': 'CORP', 'ComputerAccount': server.name + '$',
                 'ComputerDn': 'CN=%s,%s' % (server.name, SERVERS_OU)}, turn)
        account = account_of(t, server)
        t.equal(account['dn'], ['CN=%s,%s' % (server.name, SERVERS_OU)], 'where the account is')
        t.equal(account['useraccountcontrol'], ['4096'], 'userAccountControl')
        t.equal(int(account['msds-supportedencryptiontypes'][0]) & 31, AES, 'encryption types')
        t.equal([n.lower() for n in account['dnshostname']], [server.host], 'dNSHostName')
        names = {n.lower() for n in account['serviceprincipalname']}
        wanted = {'%s/%s' % (service, host) for service in ('host', 'cifs') for host in (server.name.lower(), server.host)}
        t.true(wanted <= names, 'service principal names: %s' % sorted(names))
        for kerberos in (True, False):
            t.equal(t.logon(t.user, kerberos, server, share.name), 'ok', 'a domain user, %s, Kerberos: %s' % (turn, kerberos))
        server.run('domain', 'leave', '--user', members.JOINER.name, '--password-file', '-', '--force',
                   stdin=members.JOINER.password + '\n')
        t.equal(server.as_json('domain', 'status')['Joined'], False, 'joined after it left')
        account = account_of(t, server)
        t.true(account is None or int(account['useraccountcontrol'][0]) & DISABLED, 'the account is still enabled: %s' % account)
        for kerberos in (True, False):
            t.true(t.logon(t.user, kerberos, server) != 'ok', 'a domain user after it left, Kerberos: %s' % kerberos)
        t.equal(t.logon(server.local_admin, server=server), 'ok', 'the local administrator after it left')


@case(alone=True, freehold_only=True)
def every_check_is_well(t):
    """`domain test` of the shared server, which was joined as an administrator would join it. Alone, as each case that wants all of the
    checks to be well: one of them is whether every controller answers in time."""
    checks = t.server.as_json('domain', 'test')
    t.true(len(checks) >= 8, 'checks: %s' % checks)
    t.equal([c for c in checks if c['Result'] == 'failed'], [], 'failed')
    told = t.freehold('domain', 'status')
    t.contains(told, DOMAIN, 'FILESERVER$', 'dc')


@case(alone=True, freehold_only=True)
def a_check_that_fails_says_what_to_do(t):
    """A machine account that somebody disabled."""
    server = t.own_server()
    change = 'dn: CN=%s,%s\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: %%d\n\n' % (server.name, SERVERS_OU)
    for dc in (t.bed.dc1, t.bed.dc2):
        dc.modify(change % (4096 | DISABLED))
    done = server.run('domain', 'test', '-o', 'json', check=False)
    t.equal(done.returncode, 1, 'exit code')
    import json
    failed = [c for c in json.loads(done.stdout) if c['Result'] == 'failed']
    t.true(failed and all('enable it' in c['Detail'] + c['Advice'] for c in failed), 'failed: %s' % failed)


@case(freehold_only=True)
def the_exported_keytab(t):
    """MIT's kinit logs on with it as the machine; nobody else may read it."""
    keytab = t.folder / 'server.keytab'
    t.freehold('domain', 'keytab', 'export', str(keytab))
    t.equal(stat.S_IMODE(os.stat(keytab).st_mode), 0o600, 'its mode')
    cache = {'KRB5CCNAME': 'FILE:%s/machine' % t.folder}
    t.run('kinit', '-k', '-t', keytab, 'FILESERVER$@' + REALM, env=cache)
    t.run('kvno', 'ldap/dc1.' + DOMAIN, env=cache)
    listed = t.run('klist', '-k', '-e', keytab).stdout
    t.contains(listed, 'FILESERVER$@' + REALM, 'cifs/fileserver.%s@%s' % (DOMAIN, REALM), 'aes256-cts-hmac-sha1-96', 'aes128-cts-hmac-sha1-96')
    t.true('arcfour' not in listed, 'an RC4 key:\n' + listed)
    t.contains(refused(t, t.server, 'domain', 'keytab', 'export', str(keytab)), '--force')


@case(freehold_only=True)
def refusals_leave_nothing(t):
    """Wrong password, nobody, no right, no such place, no such domain: each said, and nothing is left in the directory."""
    server = t.own_server(join=False)
    def join(user, password, *options, domain=DOMAIN):
        words = ['domain', 'join', domain, '--user', user, '--password-file', '-', *options]
        said = refused(t, server, *words, stdin=password + '\n')
        t.equal(account_of(t, server), None, 'an account after ' + ' '.join(words))
        t.equal(server.as_json('domain', 'status')['Joined'], False, 'joined')
        return said
    t.contains(join('svc-join', 'wrong', '--ou', SERVERS_OU).lower(), 'password')
    join('nobody-of-that-name', 'wrong')
    t.contains(join('worker0', 'Passw0rd.worker0', '--ou', SERVERS_OU).lower(), 'right')
    join('svc-join', members.JOINER.password, '--ou', 'OU=Nowhere,' + BASE)
    join('dave', 'Passw0rd.dave')
    join('svc-join', members.JOINER.password, domain='no.such.example')
    join('svc-join', members.JOINER.password, '--ou', SERVERS_OU, '--computer-name', 'A NAME THAT IS TOO LONG')
    # a controller's account is not taken
    refused(t, server, 'domain', 'join', DOMAIN, '--user', 'Administrator', '--password-file', '-', '--computer-name', 'DC1',
            stdin='Adm1n.Passw0rd\n')
    server.run('domain', 'join', DOMAIN, '--user', 'svc-join', '--ou', SERVERS_OU, '--password-file', '-', '--what-if',
               stdin=members.JOINER.password + '\n')
    t.equal(account_of(t, server), None, 'an account after --what-if')


@case(freehold_only=True)
def the_joiner_in_every_spelling(t):
    """The same account joined again and again: a ticket of a controller that has not heard of the last password is taken all the same."""
    server = t.own_server(join=False)
    for turn, name in enumerate(('CORP\\svc-join', 'svc-join@' + DOMAIN)):
        server.join(servers.Account(name, members.JOINER.password))
        if turn == 0:       # the account is new: both controllers must have it at all before clients ask either for a ticket
            t.bed.replicated(server.name + '$')
        t.equal(t.logon(t.user, True, server), 'ok', name)


@case(alone=True, freehold_only=True)
def over_tls(t):
    """LDAP over TLS in place of Kerberos' sealing: the controllers' certificates are checked."""
    good = '[domain]\nldap = "tls"\ntls_ca = "%s"\n' % (t.bed.folder / 'ca.crt')
    server = t.own_server(settings=good)
    t.equal(t.logon(t.user, True, server), 'ok', 'a logon')
    t.equal([c for c in server.as_json('domain', 'test') if c['Result'] == 'failed'], [], 'failed checks')
    other = t.own_server(settings='[domain]\nldap = "tls"\n', join=False)
    said = refused(t, other, 'domain', 'join', DOMAIN, '--user', 'svc-join', '--ou', SERVERS_OU, '--password-file', '-',
                   stdin=members.JOINER.password + '\n')
    t.contains(said.lower(), 'certificate')
    t.equal(account_of(t, other), None, 'an account')


@case(alone=True, freehold_only=True)
def before_the_controllers_have_replicated(t):
    """The moment after a join one of two controllers does not know the account: logons are not refused for that."""
    for dc in (t.bed.dc2, t.bed.dc1):
        server = t.own_server(join=False)
        dc.answers()
        server.join(members.JOINER, '--server', dc.fqdn)
        t.equal(t.logon(t.user, server=server), 'ok', 'NTLM, joined at %s' % dc.name)


@case(freehold_only=True)
def restarted(t):
    """What was joined is joined after a restart, also one that was no orderly end."""
    server = t.own_server()
    share = t.share(server)
    cache = t.ticket_cache(t.user)
    t.run('kvno', 'cifs/' + server.host, env=cache)
    server.restart()
    t.equal(t.logon(t.user, server=server), 'ok', 'NTLM')
    t.kerberos_client(share, cache, ['ls'], server=server)
    server.kill()
    server.start()
    t.equal(t.logon(t.user, server=server), 'ok', 'NTLM')
    t.kerberos_client(share, cache, ['ls'], server=server)
    mode = stat.S_IMODE(os.stat(server.state / 'state.db').st_mode)
    t.equal(mode, 0o600, 'the mode of the state, which has the keys')


@case(freehold_only=True)
def no_secret_is_told(t):
    """Neither the joiner's password nor the machine's is in the server's log, in what status says, or in any file but the state."""
    server = t.own_server()
    server.run('domain', 'rotate')
    t.logon(t.user, server=server)
    for path in server.folder.rglob('*'):
        try:
            content = path.read_bytes() if path.is_file() else b''
        except FileNotFoundError:       # a journal of the database goes when its change is there
            continue
        for secret in (members.JOINER.password, t.user.password):
            t.true(secret.encode() not in content, '%s has a password' % path)
    told = server.run('domain', 'status').stdout + server.run('domain', 'status', '-o', 'json').stdout
    t.true(not re.search('password"?: *"[^"]{20}', told, re.IGNORECASE), told)


@case(freehold_only=True)
def a_further_name(t):
    """`alias add`: tickets for the name are taken at once, and no client notices."""
    from case_controllers import Watch
    server = t.own_server()
    watch = Watch(t, server)
    alias = 'data-' + server.name.lower()
    with open('/etc/hosts', 'a') as hosts_file:
        hosts_file.write('%s %s.%s %s\n' % (server.address, alias, DOMAIN, alias))
    full = '%s.%s' % (alias, DOMAIN)
    env = t.ticket_cache(t.domain_user('bob'))
    t.run('kvno', 'cifs/' + full, env=env, ok=False)
    server.run('alias', 'add', full, '--user', 'Administrator', '--password-file', '-', stdin='Adm1n.Passw0rd\n')
    t.equal(watch.session_works(), 'ok', 'the session from before')
    names = {n.lower() for n in account_of(t, server)['serviceprincipalname']}
    t.true({'cifs/' + full, 'cifs/' + alias} <= names, 'service principal names: %s' % sorted(names))
    t.equal([a['Name'].lower() for a in server.as_json('alias', 'list')], [full], 'listed')
    t.run('kvno', 'cifs/' + full, env=env)
    for host in (full, alias):
        done = t.run('smbclient', '-s', t.conf, '--use-kerberos=required', '-U', 'bob@%s%%Passw0rd.bob' % REALM,
                     '//%s/%s' % (host, watch.share.name), '-c', 'ls', ok=None)
        t.equal((host, done.returncode), (host, 0), done.stdout)
    t.equal(watch.session_works(), 'ok', 'the session from before')
    server.run('alias', 'remove', full, '--user', 'Administrator', '--password-file', '-', stdin='Adm1n.Passw0rd\n')
    t.equal(server.as_json('alias', 'list'), [], 'listed after removal')
    t.true('cifs/' + full not in {n.lower() for n in account_of(t, server)['serviceprincipalname']}, 'it is still registered')
