"""Fills the database of a controller that does not run yet: /usr/bin/python3 seed.py SMB.CONF

In one transaction, in an order that never changes: relative identifiers are the same on every run. A password is
`Passw0rd.NAME` where nothing else is said. The README names the accounts.
"""
import sys
import time

import ldb
from samba import dsdb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

COMPUTER_CLASS = 'bf967a86-0de6-11d0-a285-00aa003049e2'
PEOPLE, GROUPS, SERVERS = ('OU=%s,OU=Freehold' % ou for ou in ('People', 'Groups', 'Servers'))
KINDS = {'global': -2147483646, 'local': -2147483644, 'universal': -2147483640, 'distribution': 2}


class Seed:
    def __init__(self, conf):
        settings = LoadParm()
        settings.load(conf)
        self.db = SamDB(url=settings.private_path('sam.ldb'), lp=settings, session_info=system_session())
        self.base = self.db.domain_dn()
        self.domain = settings.get('realm').lower()
        self.people = set()

    def change(self, dn, controls=None, **attributes):
        message = ldb.Message()
        message.dn = ldb.Dn(self.db, dn)
        for name, value in attributes.items():
            values = [v if isinstance(v, bytes) else str(v) for v in (value if isinstance(value, list) else [value])]
            message[name] = ldb.MessageElement(values, ldb.FLAG_MOD_REPLACE, name)
        self.db.modify(message, controls=controls or [])

    def user(self, name, given=None, surname=None, password=None, **attributes):
        self.db.newuser(name, password or 'Passw0rd.' + name, userou=PEOPLE, useusernameascn=True, givenname=given,
                        surname=surname, mailaddress='%s@%s' % (name, self.domain))
        self.people.add(name)
        if attributes:
            self.change('CN=%s,%s,%s' % (name, PEOPLE, self.base), **attributes)

    def dn(self, name):
        return 'CN=%s,%s,%s' % (name, PEOPLE if name in self.people else GROUPS, self.base)

    def group(self, name, kind='global', members=()):
        entry = {'dn': self.dn(name), 'objectClass': 'group', 'sAMAccountName': name, 'groupType': str(KINDS[kind])}
        if members:
            entry['member'] = [self.dn(m) for m in members]
        self.db.add(entry)

    def sid_of(self, name):
        found = self.db.search(self.dn(name), ldb.SCOPE_BASE, attrs=['objectSid'])
        return str(ndr_unpack(security.dom_sid, found[0]['objectSid'][0]))

    def delegate(self, ou, name):
        """`name` may create computers in `ou` and does with them as it likes: the usual delegation of joins."""
        found = self.db.search(ou, ldb.SCOPE_BASE, attrs=['nTSecurityDescriptor'])
        descriptor = ndr_unpack(security.descriptor, found[0]['nTSecurityDescriptor'][0])
        sid = self.sid_of(name)
        added = security.descriptor.from_sddl(
            'D:(OA;CI;CCDC;%s;;%s)(OA;CIIO;GA;;%s;%s)' % (COMPUTER_CLASS, sid, COMPUTER_CLASS, sid),
            security.dom_sid(self.db.get_domain_sid()))
        for ace in added.dacl.aces:
            descriptor.dacl_add(ace)
        self.change(ou, nTSecurityDescriptor=ndr_pack(descriptor))

    def fill(self):
        # Passwords of test accounts do not end, and may be short; nobody is locked out by a wrong one.
        self.change(self.base, pwdProperties=0, minPwdLength=1, minPwdAge=0, maxPwdAge=-9223372036854775808,
                    pwdHistoryLength=0, lockoutThreshold=0)
        for ou in ('OU=Freehold', PEOPLE, GROUPS, SERVERS):
            self.db.create_ou('%s,%s' % (ou, self.base))
        self.accounts()
        self.groups()
        self.more()
        self.delegate('%s,%s' % (SERVERS, self.base), 'svc-join')

    def accounts(self):
        filetime = int((time.time() + 11644473600) * 10**7)
        self.user('alice', 'Alice', 'Adams')
        self.user('bob', 'Bob', 'Brown')
        self.user('carol', 'Carol', 'Clark', **{'msDS-SupportedEncryptionTypes': 24})
        self.user('dave', 'Dave', 'Davis', userAccountControl=dsdb.UF_NORMAL_ACCOUNT | dsdb.UF_ACCOUNTDISABLE)
        self.user('erin', 'Erin', 'Evans', accountExpires=filetime - 86400 * 10**7)
        self.user('frank', 'Frank', 'Foster', pwdLastSet=0)
        self.user('judy', 'Judy', 'Jones', userWorkstations='ONLYTHERE')
        self.user('zoë', 'Zoë', 'Müller', password='Pässwörd.€')
        self.user('mallory', 'Mallory', 'Many')
        self.user('peggy', 'Peggy', 'Protected')
        self.user('trudy', 'Trudy', 'Tripped', userAccountControl=dsdb.UF_NORMAL_ACCOUNT | dsdb.UF_DONT_EXPIRE_PASSWD | dsdb.UF_NOT_DELEGATED)
        self.user('svc-join')
        self.user('svc-ldap')

    def groups(self):
        self.group('staff-posix')
        self.group('backend', members=['bob'])
        self.group('engineering', members=['backend', 'carol'])
        self.group('staff', members=['engineering', 'alice'])
        self.group('fs-readers', 'local', members=['staff'])
        self.group('fs-writers', 'local', members=['engineering'])
        self.group('everywhere', 'universal', members=['staff'])
        self.group('ring-a', members=['alice'])
        self.group('ring-b', members=['ring-a'])
        self.change(self.dn('ring-a'), member=[self.dn('alice'), self.dn('ring-b')])
        self.group('newsletter', 'distribution', members=['alice'])
        for i in range(300):
            self.group('many%03d' % i, 'global' if i % 2 else 'local', members=['mallory'])
        self.change('CN=Protected Users,CN=Users,' + self.base, member=[self.dn('peggy')])

    def more(self):
        """Accounts that came later than those above, whose numbers are known to others."""
        filetime = int((time.time() + 11644473600) * 10**7)
        self.user('louis', 'Louis', 'Locked', lockoutTime=filetime)
        self.user('nina', 'Nina', 'Nested')
        for i in range(4):
            self.user('worker%d' % i)
        self.group('depth3', members=['nina'])
        self.group('depth2', members=['depth3'])
        self.group('depth1', 'local', members=['depth2'])
        # for one case alone, which changes who is in them
        self.user('quinn', 'Quinn', 'Quota')
        self.group('level3', members=['quinn'])
        self.group('level2', members=['level3'])
        self.group('level1', 'local', members=['level2'])
        self.user('otto', 'Otto', 'Other')
        self.group('tier2', members=['otto'])
        self.group('tier1', 'local', members=['tier2'])


if __name__ == '__main__':
    seed = Seed(sys.argv[1])
    seed.db.transaction_start()
    seed.fill()
    seed.db.transaction_commit()
