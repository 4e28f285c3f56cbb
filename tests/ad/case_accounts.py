"""Accounts of the domain wherever an account is named: the command line, the pipes, and what they print."""
import json
import pathlib
import subprocess

from controllers import ADMIN_PASSWORD, SID
from hosts import DOMAIN
from rig import server as servers
from rig.harness import Failed, case

# name and relative identifier (seed.py)
PEOPLE = {'alice': 1103, 'bob': 1104, 'carol': 1105, 'dave': 1106, 'zoë': 1110, 'mallory': 1111, 'svc-join': 1114}
GROUPS = {'backend': 1117, 'engineering': 1118, 'staff': 1119, 'fs-readers': 1120, 'everywhere': 1122, 'ring-a': 1123}
DENIED = 'NT_STATUS_ACCESS_DENIED'


def rpc(t, commands, user=None, **options):
    return t.samba('rpcclient', t.server.host, '-c', commands, user=user, **options).stdout


def quoted(name):
    """A name as rpcclient's command line takes it: without the quotes a backslash would be lost."""
    return '"%s"' % name


@case()
def names_and_sids_by_lsarpc(t):
    """rpcclient's lookupnames and lookupsids: every account there and back, well-known ones, the domain, and what is nobody's."""
    for name, number in {**PEOPLE, **GROUPS, 'Administrator': 500, 'Domain Users': 513, 'Domain Admins': 512}.items():
        sid = '%s-%d' % (SID, number)
        t.contains(rpc(t, 'lookupnames ' + quoted('CORP\\' + name)), sid)
        t.contains(rpc(t, 'lookupsids ' + sid).lower(), ('CORP\\' + name).lower())     # winbindd makes some of them lower case
    t.contains(rpc(t, 'lookupsids S-1-1-0 S-1-5-32-544 S-1-5-18'), 'Everyone', 'BUILTIN\\Administrators', 'SYSTEM')
    t.contains(rpc(t, 'lookupsids %s-1103 %s-999999' % (SID, SID)), 'CORP\\alice', '%s-999999' % SID)
    out = rpc(t, 'lookupsids %s-999999' % SID, ok=None)
    t.true('CORP\\alice' not in out, out)
    t.contains(rpc(t, 'lookupnames ' + quoted('CORP\\nobody-of-that-name'), ok=None), 'NT_STATUS_NONE_MAPPED')


@case()
def names_in_every_spelling_by_lsarpc(t):
    for spelling in ('CORP\\alice', 'corp\\ALICE', DOMAIN + '\\alice', 'alice@' + DOMAIN):
        t.contains(rpc(t, 'lookupnames ' + quoted(spelling)), '%s-1103' % SID)


@case()
def the_server_as_a_domain_user_sees_it(t):
    """What Windows' tools ask first: who am I, what is this server, which domain."""
    t.contains(rpc(t, 'getusername'), 'alice', 'CORP')
    t.contains(rpc(t, 'lsaquery'), 'CORP', SID)
    t.contains(rpc(t, 'dsroledominfo'), 'Machine Role = [3]')
    t.contains(rpc(t, 'srvinfo'), 'FILESERVER')
    t.contains(rpc(t, 'netshareenumall 1'), 'IPC$')
    if t.server.kind == 'freehold':
        rpc(t, 'wkssvc_wkstagetinfo 100')
    rpc(t, 'enumprivs')
    t.contains(rpc(t, 'enumalsgroups builtin', user=t.administrator), 'Administrators')     # as Windows has it since 2016


@case(freehold_only=True)
def domain_admins_in_administrators(t):
    """As a join leaves it: Domain Admins administer this server, Domain Users use it."""
    out = rpc(t, 'queryaliasmem builtin 0x220', user=t.administrator)
    t.contains(out, '%s-512' % SID)
    groups = {g['Name']: g for g in json.loads(t.freehold('group', 'list', '-o', 'json'))}
    t.contains(json.dumps(groups['Administrators'], ensure_ascii=False), 'CORP\\\\Domain Admins')
    t.contains(json.dumps(groups['Users'], ensure_ascii=False), 'CORP\\\\Domain Users')


@case(freehold_only=True)
def domain_lookup(t):
    """`domain lookup` of names, SIDs and users' names; `domain groups` agrees with the directory's tokenGroups."""
    for name, number in {**PEOPLE, **GROUPS}.items():
        sid = '%s-%d' % (SID, number)
        for asked in ('CORP\\' + name, sid):
            found = t.freehold('domain', 'lookup', asked, '-o', 'json')
            t.contains(found, sid, 'CORP\\\\' + name)
    t.contains(t.freehold('domain', 'lookup', 'alice@' + DOMAIN), '%s-1103' % SID, 'CORP\\alice')
    done = t.server.run('domain', 'lookup', 'CORP\\nobody-of-that-name', check=False)
    t.equal(done.returncode, 1, done.stdout)
    for name in ('alice', 'bob', 'mallory'):
        dn = t.bed.dc1.search('(sAMAccountName=%s)' % name, 'dn').split('dn: ')[1].split('\n')[0]
        import base64
        import hosts
        raw = hosts.run('ldapsearch', '-x', '-LLL', '-o', 'ldif-wrap=no', '-H', 'ldaps://' + t.bed.dc1.fqdn, '-D',
                        'Administrator@' + DOMAIN, '-w', 'Adm1n.Passw0rd', '-b', dn, '-s', 'base', 'tokenGroups')
        wanted = {sid_text(base64.b64decode(line.split(':: ')[1])) for line in raw.splitlines() if line.startswith('tokenGroups:: ')}
        told = t.freehold('domain', 'groups', 'CORP\\' + name, '-o', 'json')
        missing = [s for s in wanted if s.startswith(SID) and '"%s"' % s not in told]
        t.equal(missing, [], 'groups of %s that are missing' % name)
        t.true('newsletter' not in told, 'a distribution group')


def sid_text(raw):
    import struct
    count = raw[1]
    return 'S-1-%d' % int.from_bytes(raw[2:8], 'big') + ''.join('-%d' % n for n in struct.unpack('<%dI' % count, raw[8:8 + 4 * count]))


@case(freehold_only=True)
def who_may_connect_to_a_share(t):
    """`share grant` and `revoke` with names of the domain in every spelling."""
    name = t.suite.fresh_name()
    t.freehold('share', 'add', name, '--volume', 'data', '--path', name, '--access', 'D:(A;;FA;;;BA)')
    bob = t.domain_user('bob')
    t.equal(t.logon(bob, True, share=name), DENIED, 'before')
    for account in ('CORP\\bob', 'bob@' + DOMAIN, '%s-1104' % SID, 'CORP\\staff'):
        t.freehold('share', 'grant', name, account, 'change')
        t.equal(t.logon(bob, True, share=name), 'ok', 'granted to ' + account)
        listed = next(s for s in json.loads(t.freehold('share', 'list', '-o', 'json')) if s['Name'] == name)
        t.contains(json.dumps(listed, ensure_ascii=False), 'CORP\\\\' + ('staff' if 'staff' in account else 'bob'))
        t.freehold('share', 'revoke', name, account)
        t.equal(t.logon(bob, True, share=name), DENIED, 'revoked from ' + account)
    done = t.server.run('share', 'grant', name, 'CORP\\nobody-of-that-name', 'read', check=False)
    t.equal(done.returncode, 1, 'an account that nobody has')


@case(freehold_only=True)
def local_groups_with_domain_members(t):
    """A group of the server's with a group of the domain in it: its right is the members'."""
    share = t.share()
    group = 'local-' + share.name
    t.freehold('group', 'add', group)
    (t.folder / 'a.txt').write_text('for the group')
    t.smbclient(share, ['put a.txt'], user=t.administrator)
    t.freehold('acl', 'set', share.name + ':/a.txt', 'D:P(A;;FA;;;BA)')
    t.freehold('acl', 'grant', share.name + ':/a.txt', group + ':R')

    def reads(user):
        done = t.samba('smbclient', '//%s/%s' % (t.server.host, share.name), '-c', 'get a.txt back', user=user, kerberos=True, ok=None)
        return DENIED if DENIED in done.stdout else done.returncode
    carol = t.domain_user('carol')
    t.equal(reads(carol), DENIED, 'before')
    t.freehold('group', 'add-member', group, 'CORP\\engineering')
    t.equal(reads(carol), 0, 'engineering is in the group')
    listed = next(g for g in json.loads(t.freehold('group', 'list', '-o', 'json')) if g['Name'] == group)
    t.contains(json.dumps(listed), 'CORP\\\\engineering')
    t.freehold('group', 'remove-member', group, 'CORP\\engineering')
    t.equal(reads(carol), DENIED, 'taken out again')


@case(freehold_only=True)
def access_control_lists_and_why(t):
    """`acl grant`, `show` and `deny`, and `explain`, with accounts of the domain."""
    share = t.share()
    (t.folder / 'a.txt').write_text('content')
    t.smbclient(share, ['put a.txt'], user=t.administrator)
    path = share.name + ':/a.txt'
    t.freehold('acl', 'set', path, 'D:P(A;;FA;;;BA)')
    for account in ('CORP\\bob', 'bob@' + DOMAIN, '*%s-1104' % SID):
        t.freehold('acl', 'grant', path, account + ':R')
        t.contains(t.freehold('acl', 'show', path), 'CORP\\bob')
        t.equal(t.server.run('explain', 'CORP\\bob', path, 'R', check=False).returncode, 0, 'bob may read, granted to ' + account)
        t.freehold('acl', 'revoke', path, account.removeprefix('*') if account.startswith('*') else account)
        t.equal(t.server.run('explain', 'CORP\\bob', path, 'R', check=False).returncode, 3, 'bob may not read')
    # through groups, nested as the directory has them
    t.freehold('acl', 'grant', path, 'CORP\\staff:M')
    told = t.server.run('explain', 'CORP\\bob', path, 'W', check=False)
    t.equal(told.returncode, 0, told.stdout + told.stderr)
    t.contains(told.stdout, 'staff')
    t.equal(t.server.run('explain', 'worker0@' + DOMAIN, path, 'W', check=False).returncode, 3, 'worker0 may not write')
    t.freehold('acl', 'deny', path, 'CORP\\backend:W')
    t.equal(t.server.run('explain', 'CORP\\bob', path, 'W', check=False).returncode, 3, 'bob may not write any more')
    t.equal(t.server.run('explain', 'CORP\\carol', path, 'W', check=False).returncode, 0, 'carol may')
    # short names of SDDL are the domain's on a member, in what is set, what icacls has saved, and what is assumed
    sddl = 'D:P(A;;FA;;;BA)(A;;FR;;;DU)(A;;FA;;;DA)'
    saved = t.folder / 'saved.acl'
    saved.write_bytes(('a.txt\r\n%s\r\n' % sddl).encode('utf-16'))
    for words in (('set', path, sddl), ('restore', share.name + ':/', '--file', saved)):
        t.freehold('acl', 'set', path, 'D:P(A;;FA;;;BA)')
        t.equal(t.server.run('explain', 'CORP\\bob', path, 'R', check=False).returncode, 3, 'bob may not read before acl ' + words[0])
        t.equal(t.server.run('explain', 'CORP\\bob', path, 'R', '--with-ace', '(A;;FR;;;DU)', check=False).returncode, 0, 'what if')
        t.freehold('acl', *words)
        t.contains(t.freehold('acl', 'show', path), 'CORP\\Domain Users:(R)', 'CORP\\Domain Admins:(F)')
        t.equal(t.server.run('explain', 'CORP\\bob', path, 'R', check=False).returncode, 0, 'bob may read after acl ' + words[0])


@case(freehold_only=True)       # Samba's member lacks a call of lookupsid.py's
def impackets_tools(t):
    """lookupsid.py as a domain user, samrdump.py as the domain's administrator."""
    who = 'CORP/alice:Passw0rd.alice@' + t.server.host
    told = t.run(*t.installed('lookupsid.py'), '-domain-sids', '-target-ip', t.server.address, who, '1125').stdout
    t.contains(told, 'CORP\\alice', 'CORP\\fs-readers', 'CORP\\Domain Admins')
    # who lists accounts is an administrator, as Windows has it since 2016
    told = t.run(*t.installed('samrdump.py'), '-target-ip', t.server.address, 'CORP/Administrator:Adm1n.Passw0rd@' + t.server.host).stdout
    t.contains(told, 'Builtin', t.server.name)
    told = t.run(*t.installed('samrdump.py'), '-target-ip', t.server.address, who).stdout
    t.contains(told, 'STATUS_ACCESS_DENIED')


@case()
def who_is_connected_by_netview(t):
    """impacket's netview.py as the domain's administrator: it sees the session that bob holds."""
    share = t.share()
    python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
    held = subprocess.Popen([python, pathlib.Path(__file__).with_name('peer_session.py'), t.server.host, share.name, 'bob', 'Passw0rd.bob',
                             'ntlm'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if held.stdout.readline() != 'ready\n':
            raise Failed('bob has no session')
        told = t.run(*t.installed('netview.py'), '-target', t.server.host, '-noloop',
                     'CORP/Administrator:' + ADMIN_PASSWORD, stdin=b'', ok=None, timeout=60).stdout
        t.contains(told, 'user bob logged from host')
    finally:
        held.stdin.close()
        held.wait(20)


@case()
def net_rpc(t):
    """`net rpc` and `net sessions`-like calls as the domain's administrator and as a user."""
    for words in (('rpc', 'share', 'list'), ('rpc', 'info'), ('rpc', 'user'), ('rpc', 'group', 'list')):
        t.samba('net', *words, '-S', t.server.host, user=t.administrator)
    t.contains(t.samba('net', 'rpc', 'share', 'list', '-S', t.server.host).stdout, 'IPC$')
