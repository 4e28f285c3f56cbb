"""Security descriptors that clients set are there byte for byte after a restart; what may be set, and by whom."""
import os
import random
import struct

import sdbytes
from case_explain import PASSWORD, Peer, names_of
from rig.harness import case

ALL_PARTS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40


def sacl_and_dacl():
    """Lists with an entry of every type of [MS-DTYP] 2.4.4, and some that nobody knows."""
    everyone, admins, user = 'S-1-1-0', 'S-1-5-32-544', 'S-1-5-21-1-2-3-1000'
    guid = bytes(range(16))

    def object_ace(number, flags, data=b''):
        # Flags 3: both GUIDs
        body = struct.pack('<II', 0x1F, 3) + guid + guid[::-1] + sdbytes.sid(user) + data + bytes(-len(data) % 4)
        return struct.pack('<BBH', number, flags, 4 + len(body)) + body

    def opaque(number, body):
        return struct.pack('<BBH', number, 0, 4 + len(body)) + body

    condition = sdbytes.condition(['@User.Dept', 'text: Sales', '==', [admins], 'Member_of', '||'])
    # administrators first, so that the test keeps its access
    dacl = [sdbytes.ace('A', 'OI CI', 'F', admins), sdbytes.ace('D', '', 'W', user), sdbytes.ace('A', '', 'R', everyone),
            sdbytes.ace('XA', '', 'R', everyone, condition), sdbytes.ace('XD', '', 'W', everyone, condition),
            object_ace(0x05, 0), object_ace(0x06, 0), object_ace(0x0B, 0, condition), object_ace(0x0C, 0, condition),
            opaque(0x04, bytes(range(32))), opaque(0x16, b'\x01\x02\x03\x04'), opaque(0x7F, b''), opaque(0xFE, os.urandom(40))]
    sacl = [sdbytes.ace('AU', 'SA FA', 'F', everyone), sdbytes.ace('0x03', 'SA', 'F', everyone),
            object_ace(0x07, 0x40), object_ace(0x08, 0x80), sdbytes.ace('0x0d', 'SA', 'F', everyone, condition),
            sdbytes.ace('0x0e', 'FA', 'F', everyone, condition), object_ace(0x0F, 0x40, condition), object_ace(0x10, 0x80, condition),
            sdbytes.ace('ML', '', 'NW', 'S-1-16-8192'),
            sdbytes.ace('RA', 'CI', '-', everyone, sdbytes.claim('Project', ['Blue', 'Röt'])),
            sdbytes.ace('SP', '', '-', 'S-1-17-1'), sdbytes.ace('0x14', '', 'F', 'S-1-19-512-8192'),
            sdbytes.ace('0x15', '', 'F', everyone, condition)]
    return sdbytes.acl(sacl, revision=4), sdbytes.acl(dacl, revision=4)


def large_dacl(size=60 * 1024):
    """A list of about `size` bytes."""
    generator = random.Random(3)
    aces = [sdbytes.ace('A', '', 'F', 'S-1-5-32-544')]
    length = 8 + len(aces[0])
    while length < size:
        who = 'S-1-5-21-%d-%d-%d-%d' % tuple(generator.getrandbits(32) for _ in range(4))
        aces.append(sdbytes.ace(generator.choice(['A', 'D']), '', hex(generator.getrandbits(9) | 1), who))
        length += len(aces[-1])
    return sdbytes.acl(aces)


@case(freehold_only=True)
def every_type_and_60_kib_survive_a_restart(t):
    s = t.own_server()
    s.add_share('sds')
    as_admin = dict(user=s.admin.name, password=s.admin.password, share='sds')
    sacl, dacl = sacl_and_dacl()
    big = large_dacl()
    sent = {
        'every.txt': sdbytes.descriptor('S-1-5-32-544', 'S-1-5-32-545', dacl, sacl, control=0x3000),
        'folder': sdbytes.descriptor('S-1-5-32-544', 'S-1-5-32-545', dacl, sacl, control=0x3000),
        'large.txt': sdbytes.descriptor('S-1-5-32-544', 'S-1-5-18', big, control=0x1000),
        'many.txt': sdbytes.descriptor('S-1-5-32-544', 'S-1-5-18', sdbytes.acl([sdbytes.ace('A', '', 'F', 'S-1-5-32-544')]), control=0x1000),
    }
    t.true(60_000 <= len(sent['large.txt']) < 65_536, 'the large one has %d bytes' % len(sent['large.txt']))
    peer = Peer(t, s)
    for name, sd in sent.items():
        # A SACL that was never set is not asked for: it comes back as absent only by itself.
        information = ALL_PARTS if name in ('every.txt', 'folder') else 0x7
        peer.ask(do='put', name=name, directory=name == 'folder', sd=sd.hex(), information=information, **as_admin)

    def same(what):
        for name, sd in sent.items():
            information = ALL_PARTS if name in ('every.txt', 'folder') else 0x7
            got = bytes.fromhex(peer.ask(do='get', name=name, information=information, **as_admin)['sd'])
            t.true(got == sd, '%s of %s: %d bytes became %d; the first difference is at %s' % (
                what, name, len(sd), len(got), next((i for i, (a, b) in enumerate(zip(sd, got)) if a != b), 'the end')))

    same('at once')
    peer.close()
    s.kill()
    s.start()
    peer = Peer(t, s)
    same('after kill -9 and a restart')
    # smbcacls and impacket read them too
    listed = t.samba('smbcacls', '//%s/sds' % s.host, 'large.txt', '--numeric', server=s, user=s.admin).stdout
    count = struct.unpack_from('<H', large_dacl(), 4)[0]
    t.equal(listed.count('ACL:'), count, 'entries that smbcacls shows')
    t.equal(t.python('peer_sd_impacket.py', s.host, s.port, 'sds', s.admin.name, s.admin.password, 'large.txt').split()[-1],
            str(count), 'entries that impacket decodes')
    # and what they write is what they read
    entry = 'ACL:S-1-5-21-1-2-3-4:ALLOWED/0x0/0x00120089'
    t.samba('smbcacls', '//%s/sds' % s.host, 'many.txt', '-a', entry, server=s, user=s.admin)
    t.contains(t.samba('smbcacls', '//%s/sds' % s.host, 'many.txt', '--numeric', server=s, user=s.admin).stdout, 'S-1-5-21-1-2-3-4:0/')


@case(freehold_only=True)
def owners_and_audit_lists_are_not_for_everybody(t):
    """INVALID_OWNER, PRIVILEGE_NOT_HELD, ACCESS_DENIED, each where Windows has it; a descriptor longer than 64 KiB."""
    s = t.own_server()
    s.add_share('own')
    s.open_root('own')
    s.add_user('bob', PASSWORD)
    s.run('group', 'add', 'team')
    s.run('group', 'add-member', 'team', 'bob')
    known = names_of(s)
    peer = Peer(t, s)
    as_bob = dict(user='bob', password=PASSWORD, share='own')
    as_admin = dict(user=s.admin.name, password=s.admin.password, share='own')
    full = sdbytes.acl([sdbytes.ace('A', '', 'F', 'S-1-1-0')])
    peer.ask(do='put', name='a.txt', sd=sdbytes.descriptor(dacl=full).hex(), information=4, **as_admin)

    def put(access, information, sd, who, **more):
        return peer.ask(do='set', name='a.txt', access=access, information=information, sd=sd.hex(), **who)['status']

    write_owner, write_dac, security = 0x80000, 0x40000, 0x01000000
    bob, team, admins = known['bob'], known['team'], known['BA']
    everyone_audited = sdbytes.descriptor(sacl=sdbytes.acl([sdbytes.ace('AU', 'SA', 'F', 'S-1-1-0')]))
    low = sdbytes.descriptor(sacl=sdbytes.acl([sdbytes.ace('ML', '', 'NW', 'S-1-16-4096')]))
    high = sdbytes.descriptor(sacl=sdbytes.acl([sdbytes.ace('ML', '', 'NW', 'S-1-16-12288')]))
    ok, denied, invalid_owner, not_held = 0, 0xC0000022, 0xC000005A, 0xC0000061
    table = [
        ('himself', as_bob, write_owner, 1, sdbytes.descriptor(owner=bob), ok),
        ('administrators, by a user', as_bob, write_owner, 1, sdbytes.descriptor(owner=admins), invalid_owner),
        ('a group of his that may not own', as_bob, write_owner, 1, sdbytes.descriptor(owner=team), invalid_owner),
        ('no owner at all', as_bob, write_owner, 1, sdbytes.descriptor(group=team), invalid_owner),
        ('another user, by a user', as_bob, write_owner, 1, sdbytes.descriptor(owner=known['admin']), invalid_owner),
        ('a group, as primary group', as_bob, write_owner, 2, sdbytes.descriptor(group=team), ok),
        ('another user, by who may restore', as_admin, write_owner, 1, sdbytes.descriptor(owner=bob), ok),
        ('administrators, by one of them', as_admin, write_owner, 1, sdbytes.descriptor(owner=admins), ok),
        ('without the right to', as_bob, write_dac, 1, sdbytes.descriptor(owner=bob), denied),
        ('a DACL without the right to', as_bob, 0x20000, 4, sdbytes.descriptor(dacl=full), denied),
        ('an audit list, by a user', as_bob, security, 8, everyone_audited, not_held),
        ('an audit list with WRITE_DAC only', as_bob, write_dac, 8, everyone_audited, denied),
        ('an audit list, by an administrator', as_admin, security, 8, everyone_audited, ok),
        ('a label below his own', as_bob, write_owner, 0x10, low, ok),
        ('a label above his own', as_bob, write_owner, 0x10, high, not_held),
    ]
    wrong = []
    for what, who, access, information, sd, expected in table:
        got = put(access, information, sd, who)
        if got != expected:
            wrong.append('%s: %#x, not %#x' % (what, got, expected))
    t.true(not wrong, '\n'.join(wrong))
    got = peer.ask(do='get', name='a.txt', information=0x18, **as_admin)['sd']
    t.true(sdbytes.ace('AU', 'SA', 'F', 'S-1-1-0').hex() in got and sdbytes.ace('ML', '', 'NW', 'S-1-16-4096').hex() in got,
           'audit list and label are not both there: %s' % got)
