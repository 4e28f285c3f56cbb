"""Quotas through groups of the domain: nested ones, the primary group, and who has changed groups since."""
import json
import time

from hosts import DOMAIN
from rig.harness import Failed, case

GROUPS = 'OU=Groups,OU=Freehold,DC=corp,DC=example'
PEOPLE = 'OU=People,OU=Freehold,DC=corp,DC=example'
KB = 1024


def quota(s, *words):
    return json.loads(s.run('quota', *words, '-o', 'json').stdout)


def put(t, s, share, name, kilobytes, user):
    """The status of a user of the domain putting a file."""
    (t.folder / 'local').write_bytes(b'x' * (kilobytes * KB))
    out = t.samba('smbclient', '//%s/%s' % (s.host, share.name), '-c', 'put %s %s' % (t.folder / 'local', name),
                  user=t.domain_user(user), server=s, ok=None).stdout
    return next((w for w in out.replace(',', ' ').split() if w.startswith('NT_STATUS_')), 'ok')


def row(s, user):
    return quota(s, 'list', 'data', '--user', 'CORP\\' + user)[0]


@case(freehold_only=True)
def rules_of_domain_groups(t):
    """quinn is in level3, in level2, in level1, which has a rule; Domain Users, nobody's memberOf, has one that is less generous.
    Nobody else changes these groups."""
    s = t.own_server()
    share = t.share(server=s)
    s.open_root(share.name)
    quota(s, 'mode', 'data', 'enforce')
    rule = quota(s, 'group', 'set', 'CORP\\Domain Users', '--limit', '50KB')[0]
    t.true(rule['Members'] > 10 and rule['Error'] == '' and rule['MembersAsOf'], str(rule))
    started = time.monotonic()
    rule = quota(s, 'group', 'set', 'level1@' + DOMAIN, '--limit', '100KB', '--warning', '80KB')[0]
    seconds = time.monotonic() - started
    t.equal((rule['Group'], rule['Members']), ('CORP\\level1', 1), 'the rule')
    t.true(seconds < 5, 'a rule took %.1f s' % seconds)
    t.equal((row(s, 'quinn')['Group'], row(s, 'quinn')['Limit']), ('CORP\\level1', 100 * KB), 'the most generous rule')
    t.equal((row(s, 'worker0')['Group'], row(s, 'worker0')['Limit']), ('CORP\\Domain Users', 50 * KB), 'the primary group')
    t.equal(row(s, 'Administrator')['Source'], 'Exempt', 'an administrator through Domain Admins')
    t.equal(put(t, s, share, 'a', 60, 'quinn'), 'ok', 'quinn')
    t.equal(put(t, s, share, 'b', 60, 'worker0'), 'NT_STATUS_DISK_FULL', 'worker0')
    t.equal(put(t, s, share, 'c', 60, 'quinn'), 'NT_STATUS_DISK_FULL', 'quinn, above the rule')
    quota(s, 'set', 'CORP\\quinn', '--limit', '200KB')
    t.equal(put(t, s, share, 'c', 60, 'quinn'), 'ok', 'an own entry beats the rules')
    quota(s, 'remove', 'CORP\\quinn')
    # Out of the group: it counts from the next session on.
    change = 'dn: CN=level3,%s\nchangetype: modify\n%%s: member\nmember: CN=quinn,%s\n\n' % (GROUPS, PEOPLE)
    t.finally_(lambda: t.bed.modify(change % 'add', ok=False))
    t.bed.modify(change % 'delete')
    t.smbclient(share, ['ls'], user=t.domain_user('quinn'), server=s, kerberos=True)
    until = time.monotonic() + 30
    while row(s, 'quinn')['Group'] != 'CORP\\Domain Users':
        if time.monotonic() > until:
            raise Failed('quinn is still limited by %s' % row(s, 'quinn'))
        t.smbclient(share, ['ls'], user=t.domain_user('quinn'), server=s, kerberos=True)
        time.sleep(1)
    t.equal(put(t, s, share, 'd', 10, 'quinn'), 'NT_STATUS_DISK_FULL', 'quinn, less than what is there')
