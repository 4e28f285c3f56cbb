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


@case(freehold_only=True)
def share_and_file_grant_together(t):
    """MaximalAccess of the tree connect is the share's alone ([MS-SMB2] 3.3.5.7); what MAXIMUM_ALLOWED is granted, and MxAc, are what both
    lists allow (3.3.5.9), held against the masks by hand; privileges count with FILE_OPEN_FOR_BACKUP_INTENT only."""
    s = t.own_server()
    s.add_share('full')
    s.add_user('bob', PASSWORD)
    s.add_user('dora', PASSWORD)
    s.run('group', 'add-member', 'Backup Operators', 'dora')
    known = names_of(s)
    read, change, full = 0x1200A9, 0x1301BF, 0x1F01FF
    shares = {'full': full, 'change': change, 'read': read, 'nowrite': full & ~0x10116, 'traverse': 0x1200A0}
    for name, access in (('change', 'D:(A;;0x1301bf;;;WD)'), ('read', 'D:(A;;0x1200a9;;;WD)'), ('nowrite', 'D:(D;;0x10116;;;BU)(A;;FA;;;WD)'),
                         ('traverse', 'D:(A;;FX;;;WD)')):
        s.run('share', 'add', name, '--volume', 'data', '--path', 'full', '--access', access)
    s.run('share', 'set', 'full', '--access', 'D:(A;;FA;;;WD)')
    # the folder gives nothing of its own: neither DELETE nor FILE_READ_ATTRIBUTES
    s.run('acl', 'set', 'full:/', 'D:P(A;;FA;;;BA)(A;;FX;;;WD)')
    peer = Peer(t, s)
    as_admin = dict(user=s.admin.name, password=s.admin.password, share='full')
    files = {'r.txt': ('D:P(A;;FR;;;WD)(A;;FA;;;BA)', 0x120089), 'm.txt': ('D:P(A;;0x1301bf;;;WD)(A;;FA;;;BA)', change),
             'f.txt': ('D:P(A;;FA;;;WD)', full), 'generic.txt': ('D:P(A;;GRGX;;;WD)(A;;FA;;;BA)', 0x1200A9),
             'late-denial.txt': ('D:P(A;;FA;;;WD)(D;;FA;;;%s)' % known['bob'], full),
             'denied.txt': ('D:P(D;;0x6;;;%s)(A;;FA;;;WD)' % known['bob'], full & ~6),
             'w.txt': ('D:P(A;;FW;;;WD)(A;;FA;;;BA)', 0x120116), 'none.txt': ('D:P(A;;FA;;;BA)', 0)}
    for name, (sddl, _) in files.items():
        peer.ask(do='put', name=name, **as_admin)
        s.run('acl', 'set', 'full:/' + name, sddl)
    s.run('acl', 'set', 'full:/f.txt', '--owner', 'BUILTIN\\Administrators')
    wrong = []

    def held(what, answer, expected):
        if answer != dict(expected, id=None):
            wrong.append('%s: %s, not %s' % (what, answer, expected))

    maximum, denied, not_held = 0x02000000, 0xC0000022, 0xC0000061
    for share, allows in shares.items():
        for name, (_, grants) in files.items():
            bob = dict(do='maximal', user='bob', password=PASSWORD, share=share, name=name)
            both = allows & grants
            expected = {'status': 0, 'tree': allows, 'granted': both, 'mxac': both, 'mxac_status': 0} if both else {'status': denied}
            held('MAXIMUM_ALLOWED of %s by %s' % (name, share), peer.ask(access=maximum, **bob), expected)
            # beside MAXIMUM_ALLOWED what is named must be granted, and by both
            named = peer.ask(access=maximum | 0x2, **bob)
            held('and FILE_WRITE_DATA of %s by %s' % (name, share), named, expected if both & 2 else {'status': denied})
            # MxAc is of the file and the share, whatever was asked for
            if both & 0x80:
                held('FILE_READ_ATTRIBUTES of %s by %s' % (name, share), peer.ask(access=0x80, **bob), dict(expected, granted=0x80))
    bob = dict(do='maximal', user='bob', password=PASSWORD, share='full', name='f.txt')
    held('the SACL by a user', peer.ask(access=maximum | 0x01000000, **bob), {'status': not_held})
    admin = dict(as_admin, do='maximal', name='f.txt')
    held('the SACL by an administrator', peer.ask(access=maximum | 0x01000000, **admin),
         {'status': 0, 'tree': full, 'granted': full | 0x01000000, 'mxac': full, 'mxac_status': 0})
    # the privileges of Backup Operators
    dora = dict(do='maximal', user='dora', password=PASSWORD, name='none.txt')
    everything = 0x1200A9 | 0x120116 | 0x10000 | 0x40000 | 0x80000 | 0x01000000
    for access in (maximum, 0x1, 0x2, 0x10000, 0x40000):
        held('%#x without backup intent' % access, peer.ask(access=access, share='full', **dora), {'status': denied})
        granted = everything if access == maximum else access
        held('%#x with it' % access, peer.ask(access=access, share='full', options=0x4000, **dora),
             {'status': 0, 'tree': full, 'granted': granted, 'mxac': 0, 'mxac_status': 0})
    held('0x2 with it by a share to read', peer.ask(access=0x2, share='read', options=0x4000, **dora), {'status': denied})
    held('the maximum with it by a share to read', peer.ask(access=maximum, share='read', options=0x4000, **dora),
         {'status': 0, 'tree': read, 'granted': everything & (read | 0x01000000), 'mxac': 0, 'mxac_status': 0})
    t.true(not wrong, '%d are wrong:\n%s' % (len(wrong), '\n'.join(wrong)))


@case(freehold_only=True)
def parts_are_set_one_by_one(t):
    """Each kind of SACL entry by its own bit and right ([MS-DTYP] 2.4.7), the others untouched; protection by the bits and by the
    control; what becomes of generic rights, of AUTO_INHERIT_REQ and of a list that is named and not there."""
    s = t.own_server()
    s.add_share('parts')
    peer = Peer(t, s)
    as_admin = dict(user=s.admin.name, password=s.admin.password, share='parts')
    everyone = 'S-1-1-0'
    audit, label = sdbytes.ace('AU', 'SA', 'F', everyone), sdbytes.ace('ML', '', 'NW', 'S-1-16-8192')
    attribute = sdbytes.ace('RA', '', '-', everyone, sdbytes.claim('Project', ['Blue']))
    policy = sdbytes.ace('SP', '', '-', 'S-1-17-1')
    full = sdbytes.acl([sdbytes.ace('A', '', 'F', everyone)])
    s.add_user('bob', PASSWORD)
    as_bob = dict(as_admin, user='bob', password=PASSWORD)
    read, dac, owner, security, denied, not_held = 0x20000, 0x40000, 0x80000, 0x01000000, 0xC0000022, 0xC0000061

    def fresh(name):
        peer.ask(do='put', name=name, information=0x4 | 0x78, **as_admin,
                 sd=sdbytes.descriptor(dacl=full, sacl=sdbytes.acl([audit, label, attribute, policy])).hex())

    def sacl_of(name, information=0x78):
        return bytes.fromhex(peer.ask(do='get', name=name, information=information, **as_admin)['sd'])

    def put(name, access, information, who=as_admin, **sd):
        return peer.ask(do='set', name=name, access=access, information=information, sd=sdbytes.descriptor(**sd).hex(), **who)['status']

    new = {'label': sdbytes.ace('ML', '', 'NW', 'S-1-16-4096'), 'attribute': sdbytes.ace(
        'RA', '', '-', everyone, sdbytes.claim('Project', ['Red'])), 'audit': sdbytes.ace('AU', 'FA', 'R', everyone),
        'policy': sdbytes.ace('SP', '', '-', 'S-1-17-2')}
    old = {'label': label, 'attribute': attribute, 'audit': audit, 'policy': policy}
    for kind, bit, needed, lacking in (('label', 0x10, owner, dac), ('attribute', 0x20, dac, owner), ('policy', 0x40, security, dac),
                                       ('audit', 0x8, security, dac | owner)):
        name = kind + '.txt'
        fresh(name)
        # all four are sent, and only the one that is named is taken
        sent = dict(sacl=sdbytes.acl(list(new.values())))
        t.equal(put(name, lacking | read, bit, **sent), denied, 'setting the %s without its right' % kind)
        if needed == security:
            t.equal(put(name, needed, bit, as_bob, **sent), not_held, 'setting the %s as a user' % kind)
        t.equal(put(name, needed, bit, **sent), 0, 'setting the ' + kind)
        got = sacl_of(name)
        for other in old:
            is_new, is_old = new[other] in got, old[other] in got
            t.equal((is_new, is_old), (other == kind, other != kind), '%s after the %s was set' % (other, kind))
        alone = sacl_of(name, bit)
        t.true(new[kind] in alone and not any(old[other] in alone for other in old), 'the %s read by itself: %s' % (kind, alone.hex()))

    fresh('dacl.txt')

    def control_and_dacl(name):
        sd = bytes.fromhex(peer.ask(do='get', name=name, information=0x4, **as_admin)['sd'])
        return struct.unpack_from('<H', sd, 2)[0], sd[struct.unpack_from('<I', sd, 16)[0]:] if struct.unpack_from('<I', sd, 16)[0] else b''

    asked, inherited, protected, present = 0x100, 0x400, 0x1000, 0x4
    for information, control, wanted in (
            (0x4, asked, 0), (0x4, inherited, 0), (0x4, asked | inherited, inherited), (0x4, protected, protected),
            (0x4, asked | inherited | protected, inherited | protected), (0x80000004, 0, protected), (0x20000004, protected, 0)):
        t.equal(put('dacl.txt', dac, information, dacl=full, control=control), 0, 'setting with %#x' % control)
        got = control_and_dacl('dacl.txt')[0] & (asked | inherited | protected)
        t.equal(got, wanted, 'control after %#x with %#x' % (information, control))
    # one bit alone needs no list
    t.equal(put('dacl.txt', dac, 0x80000000), 0, 'protecting')
    t.equal(control_and_dacl('dacl.txt')[0] & protected, protected, 'control')
    t.equal(put('dacl.txt', owner | read, 0x20000000), denied, 'unprotecting without WRITE_DAC')
    t.equal(put('dacl.txt', dac, 0x20000000), 0, 'unprotecting')
    t.equal(control_and_dacl('dacl.txt'), (0x8004, full), 'control and list')
    # generic rights are stored as what they mean, where the entry counts here
    generic = sdbytes.acl([sdbytes.ace('A', '', '0x10000000', everyone), sdbytes.ace('A', 'OI IO', '0x80000000', everyone)])
    mapped = sdbytes.acl([sdbytes.ace('A', '', 'F', everyone), sdbytes.ace('A', 'OI IO', '0x80000000', everyone)])
    t.equal(put('dacl.txt', dac, 0x4, dacl=generic), 0, 'generic rights')
    t.equal(control_and_dacl('dacl.txt')[1], mapped, 'generic rights as they are stored')
    # BACKUP_SECURITY_INFORMATION takes all three rights
    whole = dict(owner='S-1-5-32-544', group='S-1-5-32-545', dacl=full, sacl=sdbytes.acl([audit]))
    for lacks in (dac, owner, security):
        t.equal(put('dacl.txt', (dac | owner | security) & ~lacks, 0x10000, **whole), denied, 'everything without %#x' % lacks)
    t.equal(put('dacl.txt', dac | owner | security, 0x10000, **whole), 0, 'everything')
    # a list that is named and not there restricts nothing
    t.equal(put('dacl.txt', dac, 0x4), 0, 'no list')
    t.equal(control_and_dacl('dacl.txt')[1], b'', 'the list')
