"""The machine's password changes while clients log on."""
import threading
import time

from hosts import REALM
from rig.harness import case


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
        while not stop.is_set():
            got = t.logon(user, number % 2 == 0, server, share.name)
            counts[number] += 1
            if got != 'ok':
                failures.append((user.name, 'Kerberos' if number % 2 == 0 else 'NTLM', got, t.refusal))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            time.sleep(2)
            server.run('domain', 'rotate')
            t.kerberos_client(share, old, ['ls'], server=server)
        time.sleep(2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    print('    %d logons by Kerberos, %d by NTLM' % (counts[0] + counts[2], counts[1] + counts[3]), flush=True)
    t.equal(failures, [], 'logons that failed')
    t.true(min(counts) >= 3, 'logons: %s' % counts)
    status = server.as_json('domain', 'status')
    t.equal(status['KeyVersion'], before + 3, 'the key version')
    keytab = t.folder / 'server.keytab'
    server.run('domain', 'keytab', 'export', str(keytab))
    t.run('kinit', '-k', '-t', keytab, '%s$@%s' % (server.name, REALM), env={'KRB5CCNAME': 'FILE:%s/machine' % t.folder})
    server.restart()
    t.kerberos_client(share, old, ['ls'], server=server)
    t.equal(t.logon(t.user, server=server), 'ok', 'after a restart')
