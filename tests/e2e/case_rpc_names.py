"""lsarpc, samr and dssetup as rpcclient, net and impacket ask them: a command and what its output has to show."""
import threading

from rig import server as servers
from rig.harness import case

MAKING = threading.Lock()
ADMINISTRATORS = 'S-1-5-32-544'
BACKUP_OPERATORS = 'S-1-5-32-551'

# rpcclient as an administrator: command, what is shown. {user}, {rid} and {sid} are those of the test's user.
SHOWN = (
    ('lsaquery', 'Domain Name: WORKGROUP'),
    ('lsaquery 5', 'Domain Name: FREEHOLDTEST'),
    ('lookupnames {user}', '{sid} (User: 1)'),
    ('lookupnames Administrators', ADMINISTRATORS + ' (Local Group: 4)'),
    ('lookupnames_level 1 {user}', '{sid}'),
    ('lookupnames4 {user}', 'NT_STATUS_ACCESS_DENIED'),
    ('lookupsids {sid}', '{sid} FREEHOLDTEST\\{user} (1)'),
    ('lookupsids S-1-5-18 S-1-1-0', 'NT AUTHORITY\\SYSTEM (5)', 'Everyone (5)'),
    ('lookupsids S-1-5-21-1-2-3-4', '*unknown*\\*unknown* (8)'),
    ('lookupsids3 {sid}', 'NT_STATUS_ACCESS_DENIED'),
    ('lsaenumsid', 'S-1-1-0', ADMINISTRATORS, BACKUP_OPERATORS),
    ('lsaenumacctrights ' + BACKUP_OPERATORS, 'SeBackupPrivilege', 'SeRestorePrivilege'),
    ('lsaenumprivsaccount ' + ADMINISTRATORS, '0\t9\t3'),
    ('enumprivs', 'found 35 privileges', 'SeBackupPrivilege', '0:17 (0x0:0x11)'),
    ('getdispname SeBackupPrivilege', 'Back up files and directories'),
    ('lsalookupprivvalue SeRestorePrivilege', '0:18 (0x0:0x12)'),
    ('lsaquerysecobj', ADMINISTRATORS),
    ('getusername', 'Account Name: admin, Authority Name: FREEHOLDTEST'),
    ('dsroledominfo', 'Machine Role = [2]'),
    ('enumdomains', 'name:[FREEHOLDTEST]', 'name:[Builtin]'),
    ('lookupdomain BUILTIN', 'Domain Name: BUILTIN', 'S-1-5-32'),
    ('enumdomusers', 'user:[admin]', 'user:[{user}] rid:[{hex}]'),
    ('enumdomgroups', 'group:[None] rid:[0x201]'),
    ('enumalsgroups builtin', 'group:[Administrators] rid:[0x220]', 'group:[Backup Operators]'),
    ('enumalsgroups domain', 'group:[{group}]'),
    ('querydominfo 1', 'Minimum password length:\t\t\t1', 'password expire in:\t\t\t\tNever'),
    ('querydominfo 2', 'Domain:\t\tFREEHOLDTEST', 'Total Groups:\t1'),
    ('querydominfo 12', 'Lockout after bad attempts:                  0'),
    ('queryuser {rid}', 'User Name   :\t{user}', 'Full Name   :\tÄnne Ø', 'Description :\ta comment', 'user_rid :\t{hex}',
     'fields_present:\t0x00ffffff'),
    ('queryuser {user} 16', 'ox10'),
    ('queryusergroups {rid}', 'group rid:[0x201] attr:[0x7]'),
    ('queryuseraliases builtin {sid}', 'group rid:[0x221]'),
    ('queryuseraliases domain {sid}', 'group rid:['),
    ('querygroup 513', 'Group Name:\tNone'),
    ('querygroupmem 513', 'rid:[{hex}] attr:[0x7]'),
    ('queryaliasmem builtin 545', '{sid}'),
    ('querydispinfo', 'Account: {user}\tName: Änne Ø\tDesc: a comment'),
    ('querydispinfo 3', 'Account: None'),
    ('samlookupnames domain {user} {group}', 'name {user}: {hex} (1)', 'name {group}:'),
    ('samlookuprids domain {rid} 513', 'rid {hex}: {user} (1)', 'rid 0x201: None (2)'),
    ('getdompwinfo', 'min_password_length: 1'),
    ('getusrdompwinfo {rid}', 'min_password_length'),
    ('samquerysecobj {rid}', ADMINISTRATORS),
)

# What is not for users who are no administrators, and what is for nobody.
REFUSED = (
    ('user', 'enumdomusers', 'NT_STATUS_ACCESS_DENIED'),
    ('user', 'lsaenumacctrights ' + ADMINISTRATORS, 'NT_STATUS_ACCESS_DENIED'),
    ('admin', 'createdomuser somebody', 'NT_STATUS_ACCESS_DENIED'),
    ('admin', 'lsaaddacctrights {sid} SeBackupPrivilege', 'NT_STATUS_ACCESS_DENIED'),
    ('admin', 'createsecret x', 'NT_STATUS_ACCESS_DENIED'),
    ('admin', 'lsaenumacctrights S-1-5-18', 'NT_STATUS_OBJECT_NAME_NOT_FOUND'),
    ('admin', 'queryuser 77', 'NT_STATUS_NO_SUCH_USER'),
)


def rpcclient(t, command, user=None):
    done = t.samba('rpcclient', t.server.host, '-c', command, user=user or t.server.admin, ok=None)
    return done.stdout


def someone(t):
    """An account with everything that can be told of it, in a group of its own; what the table calls it."""
    name, group = 'names1', 'names-team'
    with MAKING:
        if name not in t.server.users:
            t.server.run('user', 'add', name, '--password-stdin', '--full-name', 'Änne Ø', '--comment', 'a comment',
                         stdin='Passw0rd1\n')
            t.server.run('group', 'add', group)
            t.server.run('group', 'add-member', group, name)
            t.server.users[name] = servers.Account(name, 'Passw0rd1')
    sid = rpcclient(t, 'lookupnames %s' % name).split()[1]
    rid = int(sid.rsplit('-', 1)[1])
    return {'user': name, 'group': group, 'sid': sid, 'rid': rid, 'hex': hex(rid)}


@case(freehold_only=True)
def rpcclient_table(t):
    """Every command of the table shows what it must."""
    names = someone(t)
    wrong = []
    for command, *wanted in SHOWN:
        out = rpcclient(t, command.format(**names))
        wrong += ['%s: %r is not in %r' % (command, text, out) for text in wanted if text.format(**names) not in out]
    for who, command, wanted in REFUSED:
        user = t.server.admin if who == 'admin' else t.server.users[names['user']]
        out = rpcclient(t, command.format(**names), user)
        wrong += [] if wanted in out else ['%s as %s: %r is not in %r' % (command, who, wanted, out)]
    t.equal(wrong, [], 'answers')


@case(freehold_only=True)
def net_rpc_accounts(t):
    names = someone(t)
    t.contains(t.samba('net', 'rpc', 'user', '-S', t.server.host, user=t.server.admin).stdout, names['user'])
    t.contains(t.samba('net', 'rpc', 'group', '-S', t.server.host, user=t.server.admin).stdout, names['group'])
    out = t.samba('net', 'rpc', 'group', 'members', 'Users', '-S', t.server.host, user=t.server.admin).stdout
    t.contains(out, 'FREEHOLDTEST\\' + names['user'])
    out = t.samba('net', 'rpc', 'rights', 'list', 'accounts', '-S', t.server.host, user=t.server.admin).stdout
    t.contains(out, 'BUILTIN\\Backup Operators', 'SeBackupPrivilege')
    t.contains(t.samba('net', 'rpc', 'info', '-S', t.server.host, user=t.server.admin).stdout, 'Num users:')


def impacket(t, tool):
    """One of impacket's programs, which dial port 445 only, as an administrator."""
    programs = servers.TARGET / 'peers' / 'venv' / 'bin'
    target = '%s:%s@%s' % (t.server.admin.name, t.server.admin.password, t.server.host)
    return t.run(programs / 'python', programs / tool, target,
                 env=servers.redirect_445(t.folder, t.server.port)).stdout


@case(freehold_only=True)
def impacket_lookupsid(t):
    names = someone(t)
    out = impacket(t, 'lookupsid.py')
    t.contains(out, '%d: FREEHOLDTEST\\%s (SidTypeUser)' % (names['rid'], names['user']),
               '513: FREEHOLDTEST\\None (SidTypeGroup)')


@case(freehold_only=True)
def impacket_samrdump(t):
    names = someone(t)
    t.contains(impacket(t, 'samrdump.py'), '%s (%d)/FullName: Änne Ø' % (names['user'], names['rid']),
               '%s (%d)/AdminComment: a comment' % (names['user'], names['rid']))


@case(freehold_only=True)
def groups_and_accounts_are_changed(t):
    """net and rpcclient make a local group, fill it and empty it, remove an account."""
    def net(*words, ok=True):
        return t.samba('net', 'rpc', *words, '-S', t.server.host, user=t.server.admin, ok=ok).stdout

    member = 'FREEHOLDTEST\\names2'
    t.server.run('user', 'add', 'names2', '--password-stdin', stdin='Passw0rd1\n')
    net('group', 'add', 'made-afar', '-L', '-C', 'from afar')
    t.contains(rpcclient(t, 'enumalsgroups domain'), 'made-afar')
    net('group', 'addmem', 'made-afar', member)
    t.contains(net('group', 'members', 'made-afar'), member)
    t.contains(t.server.run('group', 'list').stdout, 'made-afar', 'from afar')
    t.contains(net('group', 'addmem', 'made-afar', member, ok=None), 'NT_STATUS_MEMBER_IN_ALIAS')
    net('group', 'delmem', 'made-afar', member)
    t.true(member not in net('group', 'members', 'made-afar'), 'still a member')
    net('group', 'delete', 'made-afar')
    t.true('made-afar' not in rpcclient(t, 'enumalsgroups domain'), 'the group is still there')
    net('group', 'delete', 'Backup Operators', ok=None)
    t.contains(rpcclient(t, 'enumalsgroups builtin'), 'Backup Operators')
    t.contains(rpcclient(t, 'enumdomusers'), 'names2')
    rpcclient(t, 'deletedomuser names2')
    t.true('names2' not in rpcclient(t, 'enumdomusers'), 'the account is still there')
    t.contains(rpcclient(t, 'deletedomuser admin'), 'NT_STATUS_ACCESS_DENIED')
