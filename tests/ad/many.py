"""Makes a group of many users in the database of a controller: /usr/bin/python3 many.py SMB.CONF GROUP COUNT

In one transaction. The users are GROUP-1 and so on, have no password and cannot log on.
"""
import sys
import time

from seed import GROUPS, PEOPLE, Seed

conf, group, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
seed = Seed(conf)
began = time.monotonic()
seed.db.transaction_start()
names = ['%s-%d' % (group, n + 1) for n in range(count)]
for name in names:
    seed.db.add({'dn': 'CN=%s,%s,%s' % (name, PEOPLE, seed.base), 'objectClass': 'user', 'sAMAccountName': name,
                 'userAccountControl': '546'})
seed.db.add({'dn': 'CN=%s,%s,%s' % (group, GROUPS, seed.base), 'objectClass': 'group', 'sAMAccountName': group,
             'groupType': '-2147483646', 'member': ['CN=%s,%s,%s' % (name, PEOPLE, seed.base) for name in names]})
seed.db.transaction_commit()
print('%d users in %.0f s' % (count, time.monotonic() - began))
