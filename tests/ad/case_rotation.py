"""The machine's password changes while clients log on, beside what the server does by itself, and while a controller fails."""
import threading
import time

import members
from hosts import REALM
from rig.harness import Failed, case
from stand import Stand


def counted(t, server, wanted):
    """The password was changed as often as was asked for: the server says so, both controllers say so, and the last one is the account's."""
    t.bed.replicated(server.name + '$')
    told = t.bed.agreed('(sAMAccountName=%s$)' % server.name, 'msDS-KeyVersionNumber', there=True)
    t.true('msDS-KeyVersionNumber: %d' % wanted in told, 'the controllers have another version than %d: %s' % (wanted, told))
    status = server.as_json('domain', 'status')
    t.equal((status['KeyVersion'], status['PasswordChangePending']), (wanted, False), 'the key version, and whether a change is open')
    keytab = t.folder / ('keytab-%d' % wanted)
    server.run('domain', 'keytab', 'export', str(keytab))
    t.run('kinit', '-k', '-t', keytab, '%s$@%s' % (server.name, REALM), env={'KRB5CCNAME': 'FILE:%s/machine' % t.folder})


def until(t, what, condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        t.true(time.monotonic() < end, '%s: not within %d s' % (what, seconds))
        time.sleep(0.2)


@case(freehold_only=True)
def under_load(t):
    """Four clients log on without a pause, two by Kerberos with new tickets each time, two by NTLM, while the password changes
    three times; a ticket from before goes on being taken. No logon fails."""
    server = t.own_server()
    share = t.share(server)
    old = t.ticket_cache(t.user)
    t.run('kvno', 'cifs/' + server.host, env=old)
    before = server.as_json('domain', 'status')['KeyVersion']
    stop, failures, counts = threading.Event(), [], [0, 0, 0, 0]

    def client(number):
        user = t.domain_user('worker%d' % number)
        try:
            while not stop.is_set():
                got = t.logon(user, number % 2 == 0, server, share.name)
                counts[number] += 1
                if got != 'ok':
                    failures.append((user.name, 'Kerberos' if number % 2 == 0 else 'NTLM', got, t.refusal))
        except Failed as e:
            failures.append((user.name, str(e)))

    def everybody_logs_on():
        """Each of them, from the beginning to the end: the first to end may have begun before."""
        seen = list(counts)
        until(t, 'logons of everybody', lambda: failures or all(now >= then + 2 for now, then in zip(counts, seen)), 300)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            everybody_logs_on()
            # a controller is one change behind at most, as with changes that are weeks apart
            t.bed.replicated(server.name + '$')
            server.run('domain', 'rotate')
            t.kerberos_client(share, old, ['ls'], server=server)
        everybody_logs_on()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    print('    %d logons by Kerberos, %d by NTLM' % (counts[0] + counts[2], counts[1] + counts[3]), flush=True)
    t.equal(failures, [], 'logons that failed')
    counted(t, server, before + 3)
    server.restart()
    t.kerberos_client(share, old, ['ls'], server=server)
    t.equal(t.logon(t.user, server=server), 'ok', 'after a restart')


@case(freehold_only=True)
def beside_the_servers_own_look(t):
    """Five seconds after its start the server looks whether a change was left open. One that is being made just then was not."""
    server = t.own_server(settings='[domain]\nservers = ["%s"]\n' % t.bed.dc1.address)
    before, changes = server.as_json('domain', 'status')['KeyVersion'], 0
    for _ in range(2):
        server.restart()
        begin = time.monotonic()
        time.sleep(4)
        while time.monotonic() - begin < 6.5:
            server.run('domain', 'rotate')
            changes += 1
    print('    %d changes' % changes, flush=True)
    counted(t, server, before + changes)


def member_at(t, *addresses, settings=''):
    """Stands of the first and the second controller at these addresses, and a server that uses the first of them."""
    stands = [Stand(t, dc, address) for dc, address in zip((t.bed.dc1, t.bed.dc2), addresses)]
    listed = [*addresses, t.bed.dc2.address][:2]
    server = t.own_server(join=False, settings='[domain]\nservers = ["%s", "%s"]\n%s' % (*listed, settings))
    server.join(members.JOINER, '--server', addresses[0])
    t.bed.replicated(server.name + '$')
    return *stands, server


def status_at(t, stand, server, seconds=120):
    """The status, once the server uses the stand: a controller that was slow is left aside for some time, which a start forgets."""
    end = time.monotonic() + seconds
    while True:
        status = server.as_json('domain', 'status')
        if status['DomainControllerAddress'] == stand.address:
            return status
        t.true(time.monotonic() < end, 'the server uses %s' % status['DomainControllerAddress'])
        server.restart()


@case(freehold_only=True)
def an_answer_that_is_lost(t):
    """A controller takes the new password, and the connection ends before it says so. It is asked whether it did; the other one, which
    has not heard of it, is not taken at its word."""
    stand, server = member_at(t, '10.88.0.13')
    for _ in range(3):
        before = status_at(t, stand, server)['KeyVersion']
        stand.at_the_change(lambda change: change.lose_the_answer())
        server.run('domain', 'rotate')
        t.true(stand.seen.is_set(), 'the change did not come by')
        counted(t, server, before + 1)


def stands_still_at_the_change(t, stand, server, held):
    """Has the password changed by way of the stand, which falls silent instead. What was not sent on is in `held`."""
    def stand_still(change):
        stand.silent.set()
        held.append(change)
    stand.at_the_change(stand_still)
    done = server.run('domain', 'rotate', check=False, timeout=120)
    t.true(done.returncode == 1 and held, 'the change was answered: %s%s' % (done.stdout, done.stderr))
    t.contains(done.stderr, 'does not answer')


def ends_the_change(t, server):
    """A start, after which the server looks for a change that is open."""
    server.kill()
    server.start()
    until(t, 'the change is ended', lambda: not server.as_json('domain', 'status')['PasswordChangePending'], 60)


@case(freehold_only=True)
def a_controller_that_stands_still_at_the_change(t):
    """It has got the change and does nothing: whoever asked is told, clients notice nothing, and the server ends the change by itself at
    the other controller. The first goes on before that, and then after it: one change in either order."""
    stand, server = member_at(t, '10.88.0.14')
    share = t.share(server)
    for late in (False, True):
        before = status_at(t, stand, server)['KeyVersion']
        old = t.ticket_cache(t.user)
        t.run('kvno', 'cifs/' + server.host, env=old)
        held = []
        stands_still_at_the_change(t, stand, server, held)
        if not late:
            held[0].deliver()
        # by the password before, and by the new one where a controller has it
        for kerberos in (False, True):
            t.equal(t.logon(t.user, kerberos, server, share.name), 'ok', 'a logon meanwhile, Kerberos: %s' % kerberos)
        t.kerberos_client(share, old, ['ls'], server=server)
        ends_the_change(t, server)
        if late:
            held[0].deliver()
        stand.silent.clear()
        counted(t, server, before + 1)
        t.kerberos_client(share, old, ['ls'], server=server)
        t.equal(t.logon(t.user, True, server, share.name), 'ok', 'a logon behind it')


@case(freehold_only=True)
def a_change_that_comes_by_replication_meanwhile(t):
    """The other controller hears of the new password from the first one between the logon with the present one and the change that follows,
    and refuses that: the present password is none any more. It is asked for the new one, and has it."""
    first, second, server = member_at(t, '10.88.0.15', '10.88.0.16', settings='request_timeout_seconds = 60\n')
    before = status_at(t, first, server)['KeyVersion']
    held = []

    def once_replicated(change):
        held[0].deliver()
        t.bed.replicated(server.name + '$')
        change.send_on()
    second.at_the_change(once_replicated)
    stands_still_at_the_change(t, first, server, held)
    ends_the_change(t, server)
    t.true(second.seen.is_set(), 'the change did not come by the second controller')
    first.silent.clear()
    counted(t, server, before + 1)
