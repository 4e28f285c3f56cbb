"""The Linux kernel's client as users of the domain."""
from rig.harness import case

WORK = 'mkdir d && head -c 300000 /dev/urandom > d/a && cp d/a d/b && sync && cmp d/a d/b && rm -r d && echo worked'


@case()
def ntlm(t):
    t.contains(t.kernel(t.share(), WORK), 'worked')
    t.contains(t.kernel(t.share(), WORK, version='2.1', user=t.domain_user('mallory')), 'worked')


@case()
def ntlm_encrypted(t):
    t.contains(t.kernel(t.share(), WORK, options='seal'), 'worked')


@case()
def kerberos(t):
    tickets = {0: t.ticket_cache(t.domain_user('alice'))}
    t.run('kvno', 'cifs/' + t.server.host, env=tickets[0])
    for options in ('', 'seal'):
        t.contains(t.kernel(t.share(), WORK, options=options, tickets=tickets), 'worked')


@case()
def kerberos_for_each_user_of_a_mount(t):
    """multiuser: one mount, and every user of the machine is on the server who they are."""
    share = t.share()
    tickets = {0: t.ticket_cache(t.domain_user('alice')), 1001: t.ticket_cache(t.domain_user('bob'))}
    for cache in tickets.values():
        t.run('kvno', 'cifs/' + t.server.host, env=cache)
    out = t.kernel(share, '''set -e
        chmod 1777 /mnt 2> /dev/null || true
        echo a > of-alice
        setpriv --reuid 1001 --clear-groups sh -c 'echo b > of-bob'
        setpriv --reuid 1002 --clear-groups sh -c 'echo c > of-nobody' 2> /dev/null && echo nobody got in
        echo written''', tickets=tickets, options='noperm')
    t.contains(out, 'written')
    t.true('nobody got in' not in out, 'a user without a ticket wrote')
    for name, owner in (('of-alice', 'alice'), ('of-bob', 'bob')):
        told = t.samba('smbcacls', '//%s/%s' % (t.server.host, share.name), name, user=t.domain_user('alice')).stdout
        owner_line = next(line for line in told.splitlines() if line.startswith('OWNER:'))
        t.equal(owner_line, 'OWNER:CORP\\' + owner, name)
