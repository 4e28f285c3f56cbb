"""Who may log on, by what, and what status the others get."""
from hosts import DOMAIN, NETBIOS, REALM
from rig import server as servers
from rig.harness import case

ZOE = ('zoë', 'Pässwörd.€')

# account, password (None: its own), and the NT status of a logon by NTLM
BY_NTLM = (
    ('alice', None, 'ok'), ('zoë', ZOE[1], 'ok'), ('mallory', None, 'ok'), ('carol', None, 'ok'),
    ('alice', 'wrong', 'NT_STATUS_LOGON_FAILURE'),
    ('nobody-of-that-name', 'wrong', 'NT_STATUS_LOGON_FAILURE'),
    ('dave', None, 'NT_STATUS_ACCOUNT_DISABLED'),
    ('erin', None, 'NT_STATUS_ACCOUNT_EXPIRED'),
    ('frank', None, 'NT_STATUS_PASSWORD_MUST_CHANGE'),
    ('louis', None, 'NT_STATUS_ACCOUNT_LOCKED_OUT'),
    ('judy', None, 'NT_STATUS_INVALID_WORKSTATION'),
    ('peggy', None, 'NT_STATUS_ACCOUNT_RESTRICTION'),
)

# and by Kerberos, where the KDC says it (its error as MIT's kinit words it)
BY_KERBEROS = (
    ('alice', None, None), ('zoë', ZOE[1], None), ('mallory', None, None), ('carol', None, None), ('peggy', None, None),
    ('alice', 'wrong', 'Password incorrect'),
    ('nobody-of-that-name', 'wrong', 'not found in Kerberos database'),
    ('dave', None, 'credentials have been revoked'),
    ('erin', None, 'credentials have been revoked'),
    ('louis', None, 'credentials have been revoked'),
    ('frank', None, 'Password expired'),
)


@case()
def every_account_by_ntlm(t):
    got = [(name, password, t.logon(t.domain_user(name, password))) for name, password, _ in BY_NTLM]
    t.equal(got, list(BY_NTLM), 'statuses')


@case()
def every_account_by_kerberos(t):
    for name, password, error in BY_KERBEROS:
        user = t.domain_user(name, password)
        if error is None:
            t.equal(t.logon(user, kerberos=True), 'ok', name)
            continue
        done = t.run('kinit', '%s@%s' % (name, REALM), stdin=(user.password + '\n').encode(), ok=None,
                     env={'KRB5CCNAME': 'FILE:%s/none' % t.folder})
        t.contains(done.stdout, error)
        t.true(t.logon(user, kerberos=True) != 'ok', '%s logged on' % name)


@case()
def every_spelling_of_a_name(t):
    password = 'Passw0rd.alice'
    for name in (NETBIOS + '\\alice', NETBIOS.lower() + '\\ALICE', DOMAIN + '\\alice', 'alice@' + DOMAIN, 'Alice@' + REALM):
        t.equal(t.logon(servers.Account(name, password)), 'ok', name)
    for name in ('NOSUCHDOMAIN\\dave', 'alice@no.such.example'):
        t.true(t.logon(servers.Account(name, 'wrong')) == 'NT_STATUS_LOGON_FAILURE', name)


@case()
def every_name_of_the_server(t):
    """Tickets for the short and the long name, and for the name in capitals."""
    share = t.share()
    user = t.domain_user('alice')
    short = t.server.host.split('.')[0]
    for host in (t.server.host, short, t.server.host.upper(), short.upper()):
        done = t.run('smbclient', '-s', t.conf, '--use-kerberos=required', '-U', 'alice@%s%%%s' % (REALM, user.password),
                     '//%s/%s' % (host, share.name), '-c', 'ls', ok=None)
        t.equal((host, done.returncode), (host, 0), done.stdout)


@case()
def every_dialect_by_kerberos(t):
    """Signed, then encrypted where there is encryption: the keys are of the ticket's session."""
    share = t.share()
    user = t.domain_user('carol')
    for dialect in ('SMB2_02', 'SMB2_10', 'SMB3_00', 'SMB3_02', 'SMB3_11'):
        for protection in ('sign', 'encrypt')[:1 if dialect.startswith('SMB2') else 2]:
            out = t.smbclient(share, ['put smb.conf a.txt', 'ls', 'del a.txt'], '-m', dialect, '--client-protection=' + protection,
                              '-D', '.', user=user, kerberos=True)
            t.contains(out, 'a.txt')


@case()
def a_session_key_of_the_weaker_kind(t):
    """AES128 is what the client asked the KDC for."""
    share = t.share()
    env = t.ticket_cache(t.domain_user('alice'))
    t.run('kvno', '-e', 'aes128-cts-hmac-sha1-96', 'cifs/' + t.server.host, env=env)
    t.kerberos_client(share, env, ['ls'])
    listed = t.run('klist', '-e', env=env).stdout
    t.contains(listed[listed.index('cifs/'):], '(skey, tkt): aes128-cts-hmac-sha1-96')


@case(freehold_only=True)
def local_accounts_beside_the_domain(t):
    """An account of the server itself goes on working, under every name of the server."""
    share = t.share()
    admin = t.server.admin
    for domain in (t.server.name, t.server.name.lower(), '.', t.server.host):
        t.equal((domain, t.logon(servers.Account('%s\\%s' % (domain, admin.name), admin.password), share=share.name)), (domain, 'ok'), admin.name)
    t.equal(t.logon(servers.Account(t.server.local_admin.name, 'wrong')), 'NT_STATUS_LOGON_FAILURE', 'a wrong password')
    # nobody of the domain by that name
    t.equal(t.logon(servers.Account('CORP\\' + admin.name, admin.password)), 'NT_STATUS_LOGON_FAILURE', 'the domain')


def python_peer(t, script, how, protection):
    share = t.share()
    env = t.ticket_cache(t.domain_user('alice'))
    t.run('kvno', 'cifs/' + t.server.host, env=env)
    if script == 'peer_impacket.py':
        env = {'KRB5CCNAME': env['KRB5CCNAME'].removeprefix('FILE:')}
    out = t.python(script, t.server.host, t.server.address, share.name, 'alice', 'Passw0rd.alice', how, protection, env=env)
    t.equal(out.strip().splitlines()[-1:], ['done'], 'last line')


def for_every_peer():
    for script in ('smbprotocol', 'impacket'):
        for how in ('ntlm', 'kerberos'):
            for protection in ('signed', 'encrypted'):
                def one(t, script=script, how=how, protection=protection):
                    python_peer(t, 'peer_%s.py' % script, how, protection)
                one.__name__ = '%s_%s_%s' % (script, how, protection)
                case()(one)


for_every_peer()
