"""Makes a group of many users in the database of a controller that runs: /usr/bin/python3 many.py SMB.CONF GROUP COUNT

In short transactions, between which the controller answers others. The users are GROUP-1 and so on, have no password and cannot log on.
"""
import sys
import time

import ldb
from seed import GROUPS, PEOPLE, Seed

AT_ONCE = 20

conf, group, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
seed = Seed(conf)
began = time.monotonic()
top = 'CN=%s,%s,%s' % (group, GROUPS, seed.base)
seed.db.add({'dn': top, 'objectClass': 'group', 'sAMAccountName': group, 'groupType': '-2147483646'})
for first in range(1, count + 1, AT_ONCE):
    names = ['%s-%d' % (group, n) for n in range(first, min(first + AT_ONCE, count + 1))]
    dns = ['CN=%s,%s,%s' % (name, PEOPLE, seed.base) for name in names]
    seed.db.transaction_start()
    for name, dn in zip(names, dns):
        seed.db.add({'dn': dn, 'objectClass': 'user', 'sAMAccountName': name, 'userAccountControl': '546'})
    message = ldb.Message()
    message.dn = ldb.Dn(seed.db, top)
    message['member'] = ldb.MessageElement(dns, ldb.FLAG_MOD_ADD, 'member')
    seed.db.modify(message)
    seed.db.transaction_commit()
    time.sleep(0.05)
print('%d users in %.0f s' % (count, time.monotonic() - began))
