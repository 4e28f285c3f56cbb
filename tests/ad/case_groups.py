"""What a user may do through groups of the domain: nested, of every scope, and as they are at the logon."""
import re

from controllers import SID
from hosts import DOMAIN
from rig.harness import case

GROUPS = 'OU=Groups,OU=Freehold,DC=corp,DC=example'
PEOPLE = 'OU=People,OU=Freehold,DC=corp,DC=example'
DENIED = 'NT_STATUS_ACCESS_DENIED'


def only_for(t, share, name, *groups):
    """A file of the administrator's that the groups may read."""
    (t.folder / name).write_text('for %s' % ' '.join(groups))
    t.smbclient(share, ['put ' + name], user=t.administrator)
    t.samba('smbcacls', '//%s/%s' % (t.server.host, share.name), name, '-S', ','.join(
        ['ACL:CORP\\Administrator:ALLOWED/0x0/FULL'] + ['ACL:CORP\\%s:ALLOWED/0x0/READ' % g for g in groups]), user=t.administrator)


def reads(t, share, name, user, kerberos=False):
    """The status of reading the file after a new logon."""
    done = t.samba('smbclient', '//%s/%s' % (t.server.host, share.name), '-c', 'get %s back' % name, user=t.domain_user(user),
                   kerberos=kerberos, ok=None)
    if 'NT_STATUS_' in done.stdout:
        return next(w for w in done.stdout.split() if w.startswith('NT_STATUS_'))
    return 'ok' if done.returncode == 0 else done.stdout


def both(t, share, name, user):
    """By Kerberos and by NTLM, which must agree."""
    by_kerberos, by_ntlm = reads(t, share, name, user, kerberos=True), reads(t, share, name, user)
    t.equal(by_kerberos, by_ntlm, '%s: by Kerberos, by NTLM' % user)
    return by_ntlm


@case()
def nested_three_deep(t):
    """nina is in depth3, in depth2, in depth1; out of depth3 she is refused at her next logon."""
    share = t.share()
    only_for(t, share, 'deep.txt', 'depth1')
    t.equal(both(t, share, 'deep.txt', 'nina'), 'ok', 'nina')
    t.equal(both(t, share, 'deep.txt', 'worker0'), DENIED, 'worker0')
    change = 'dn: CN=depth3,%s\nchangetype: modify\n%%s: member\nmember: CN=nina,%s\n\n' % (GROUPS, PEOPLE)
    t.finally_(lambda: t.bed.modify(change % 'add', ok=False))
    t.bed.modify(change % 'delete')
    t.equal(both(t, share, 'deep.txt', 'nina'), DENIED, 'nina, out of the group')
    t.bed.modify(change % 'add')
    t.equal(both(t, share, 'deep.txt', 'nina'), 'ok', 'nina, back in it')


@case()
def every_scope(t):
    """Global, domain local (a resource group in the ticket) and universal groups; none through a distribution group."""
    share = t.share()
    for number, (group, inside, outside) in enumerate((
            ('backend', 'bob', 'alice'), ('engineering', 'bob', 'alice'), ('fs-readers', 'alice', 'worker1'),
            ('fs-writers', 'carol', 'alice'), ('everywhere', 'bob', 'worker1'), ('ring-b', 'alice', 'bob'))):
        name = 'f%d.txt' % number
        only_for(t, share, name, group)
        t.equal((group, both(t, share, name, inside)), (group, 'ok'), inside)
        t.equal((group, both(t, share, name, outside)), (group, DENIED), outside)


@case()
def a_user_of_300_groups(t):
    """A ticket of more than the usual size; global and domain local groups among them."""
    share = t.share()
    for group in ('many000', 'many001', 'many298', 'many299'):
        only_for(t, share, group + '.txt', group)
        t.equal((group, both(t, share, group + '.txt', 'mallory')), (group, 'ok'), 'mallory')


@case()
def the_primary_group(t):
    """Domain Users is nobody's memberOf and in everybody's token."""
    share = t.share()
    only_for(t, share, 'users.txt', 'Domain Users')
    t.equal(both(t, share, 'users.txt', 'worker2'), 'ok', 'worker2')


@case(freehold_only=True)
def sid_history(t):
    """A SID of a former domain, in a ticket as a controller would make it for a user who was moved: the right of the old SID is
    the user's. The ticket is made with the server's own key, since this controller puts no history into its tickets."""
    share = t.share()
    former, other = 'S-1-5-21-1000000001-1000000002-1000000003-1234', 'S-1-5-21-1000000001-1000000002-1000000003-1235'
    for name, sid in (('moved.txt', former), ('other.txt', other)):
        (t.folder / name).write_text(sid)
        t.smbclient(share, ['put ' + name], user=t.administrator)
        t.samba('smbcacls', '//%s/%s' % (t.server.host, share.name), name, '-S',
                'ACL:CORP\\Administrator:ALLOWED/0x0/FULL,ACL:%s:ALLOWED/0x0/READ' % sid, user=t.administrator)
    t.server.keytab(t.folder / 'keys')
    keys = re.findall(r'\(aes256-cts-hmac-sha1-96\)\s+\(0x([0-9a-f]{64})\)', t.run('klist', '-k', '-e', '-K', t.folder / 'keys').stdout)
    ticketer = t.installed('ticketer.py')
    t.run(*ticketer, '-aesKey', keys[-1], '-domain-sid', SID, '-domain', DOMAIN.upper(), '-spn', 'cifs/' + t.server.host,
          '-user-id', '1103', '-groups', '513', '-extra-sid', former, 'alice')
    out = t.python('peer_ticket.py', t.server.host, t.server.address, share.name, 'alice', 'moved.txt', 'other.txt',
                   env={'KRB5CCNAME': str(t.folder / 'alice.ccache')})
    t.equal(out.split(), [former, '0xc0000022'], 'the file of the former SID, and another')
    t.equal(both(t, share, 'moved.txt', 'alice'), DENIED, 'alice without the history')


@case()
def domain_admins_administer(t):
    """They are in BUILTIN\\Administrators since the join: the pipes say so."""
    done = t.samba('rpcclient', t.server.host, '-c', 'netsharegetinfo IPC$ 502', user=t.administrator, ok=None)
    t.true('WERR_ACCESS_DENIED' not in done.stdout and 'NT_STATUS_ACCESS_DENIED' not in done.stdout, done.stdout)
