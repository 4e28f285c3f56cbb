"""`freehold explain` against a table of cases (explain_cases.json), each confirmed by opening the file as that user."""
import json
import pathlib
import shlex
import subprocess

import sdbytes
from rig import server as servers
from rig.harness import Failed, case

TABLE = pathlib.Path(__file__).with_name('explain_cases.json')
PASSWORD = 'Us3r-Passw0rd'
USERS = ('anna', 'bob', 'carl', 'dora', 'erik', 'fred', 'gina')
STATUS = {0: 'STATUS_SUCCESS', 0xC0000022: 'STATUS_ACCESS_DENIED', 0xC0000061: 'STATUS_PRIVILEGE_NOT_HELD',
          0xC0000043: 'STATUS_SHARING_VIOLATION', 0xC0000072: 'STATUS_ACCOUNT_DISABLED',
          0xC0000034: 'STATUS_OBJECT_NAME_NOT_FOUND'}
WELL_KNOWN = {'WD': 'S-1-1-0', 'BA': 'S-1-5-32-544', 'AU': 'S-1-5-11', 'OW': 'S-1-3-4', 'HI': 'S-1-16-12288'}


class Peer:
    """The script that opens files; ends with the test."""

    def __init__(self, t, s):
        python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
        script = pathlib.Path(__file__).with_name('peer_opens.py')
        self.process = subprocess.Popen([python, script, s.host, str(s.port)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=open(t.folder / 'peer.log', 'w'), text=True)
        self.log = t.folder / 'peer.log'
        t.finally_(self.close)

    def ask(self, **job):
        self.process.stdin.write(json.dumps(job) + '\n')
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failed('the peer ended: %s' % self.log.read_text()[-2000:])
        return json.loads(line)

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def names_of(s):
    known = dict(WELL_KNOWN)
    for noun in ('user', 'group'):
        for row in json.loads(s.run(noun, 'list', '-o', 'json').stdout):
            known.setdefault(row['Name'], row['Sid'])
    return known


def entries(rows, known):
    out = []
    for row in rows:
        kind, flags, rights, who, *data = row
        blob = b''
        if data and isinstance(data[0], dict):
            (name, values), = data[0].items()
            blob = sdbytes.claim(name, values)
        elif data:
            blob = sdbytes.condition(data[0], known.get)
        out.append(sdbytes.ace(kind, flags, rights, known[who], blob))
    return sdbytes.acl(out)


def file_descriptor(c, known, aces):
    """The bytes, and which parts they are ([MS-DTYP] 2.4.7)."""
    information = 0x1 | 0x4 | 0x80000000
    dacl = None if c.get('null_dacl') else entries(aces, known)
    sacl = None
    if c.get('sacl'):
        sacl = entries(c['sacl'], known)
        kinds = {row[0] for row in c['sacl']}
        information |= (0x10 if 'ML' in kinds else 0) | (0x20 if 'RA' in kinds else 0)
    sd = sdbytes.descriptor(owner=known[c.get('owner', 'BA')], dacl=dacl, sacl=sacl,
                            control=0x1000 | (4 if c.get('null_dacl') else 0))
    return sd.hex(), information


def prepare(s):
    s.add_user('carl', PASSWORD, admin=True)
    for user in USERS:
        if user != 'carl':
            s.add_user(user, PASSWORD)
    for group, member in (('developers', 'anna'), ('engineers', 'developers'), ('staff', 'engineers'), ('ring1', 'bob'),
                          ('ring2', 'ring1'), ('ring1', 'ring2'), ('Backup Operators', 'dora')):
        if group not in ('Backup Operators',) and (group, member) != ('ring1', 'ring2'):
            s.run('group', 'add', group)
        s.run('group', 'add-member', group, member)
    s.add_share('table')
    for name, access in (('tableread', 'D:(A;;0x1200a9;;;WD)'), ('tablenone', 'D:(A;;FA;;;BA)')):
        s.run('share', 'add', name, '--volume', 'data', '--path', 'table', '--access', access)
    known = names_of(s)
    s.run('share', 'add', 'tabledeny', '--volume', 'data', '--path', 'table', '--access',
          'D:(D;;0x116;;;%s)(A;;FA;;;WD)' % known['staff'])
    return known


def put(peer, s, c, name, known, aces):
    """The file, with its descriptor. Where the case says `inherit`, the file has what its folder hands on."""
    as_admin = dict(user=s.admin.name, password=s.admin.password, share='table')
    if c.get('inherit'):
        peer.ask(do='put', name=name, attributes=c.get('attributes', 0), **as_admin)
        return
    sd, information = file_descriptor(c, known, aces)
    peer.ask(do='put', name=name, attributes=c.get('attributes', 0), sd=sd, information=information, **as_admin)


def explain(s, c, path):
    words = ['explain', c['user'], path] + ([c['right']] if c.get('right') else []) + c.get('args', []) + ['-o', 'json']
    done = s.run(*words, check=False)
    if done.returncode not in (0, 3):
        raise Failed('%s: status %d: %s' % (c['name'], done.returncode, done.stderr))
    return done.returncode, json.loads(done.stdout)


def check(c, code, said, folder):
    """What is wrong with an explanation."""
    wrong = []
    if said['Allowed'] != c['allowed']:
        wrong.append('Allowed is %s' % said['Allowed'])
    if code != (0 if c['allowed'] else 3):
        wrong.append('exit code %d' % code)
    status = c.get('status', 'STATUS_SUCCESS' if c['allowed'] else 'STATUS_ACCESS_DENIED')
    if said['Status'] != status:
        wrong.append('Status is %s' % said['Status'])
    denied = [row for row in said['Rights'] if not row['Allowed']]
    row = said['Rights'][0] if not c.get('right') or not denied else denied[0]
    if row['DecidedBy'] != c['decided']:
        wrong.append('%s is decided by %s (%s)' % (row['Right'], row['DecidedBy'], row['Reason']))
    if 'chain' in c and (row['Entry'] or {}).get('Chain') != c['chain']:
        wrong.append('chain %s' % (row['Entry'] or {}).get('Chain'))
    if 'condition' in c and [x['Value'] for x in said['Conditions']][:1] != [c['condition']]:
        wrong.append('conditions %s' % said['Conditions'])
    if 'granted' in c and said['GrantedMask'] != int(c['granted'], 16):
        wrong.append('granted %#x' % said['GrantedMask'])
    if 'from' in c and (row['Entry'] or {}).get('InheritedFrom') != folder:
        wrong.append('inherited from %s, not %s' % ((row['Entry'] or {}).get('InheritedFrom'), folder))
    if 'hold' in c and [h['User'] for h in said['Holders']] != ['carl']:
        wrong.append('holders %s' % said['Holders'])
    if 'locks' in c and [h['LockCount'] for h in said['Holders']] != [c['locks']]:
        wrong.append('locks %s' % said['Holders'])
    if not said['Advice']:
        wrong.append('no advice')
    return wrong


@case(freehold_only=True)
def what_is_explained_is_what_happens(t):
    cases = json.loads(TABLE.read_text())['cases']
    t.true(len(cases) >= 50, 'only %d cases' % len(cases))
    s = t.own_server()
    known = prepare(s)
    peer = Peer(t, s)
    as_admin = dict(user=s.admin.name, password=s.admin.password, share='table')
    full = ['A', 'OI CI', 'F', 'BA']
    said = {}
    for n, c in enumerate(cases):
        folder, name = 'c%02d' % n, 'c%02d\\file.txt' % n
        parent = sdbytes.descriptor(owner=known['BA'], control=0x1500 if c.get('inherit') else 0x1000,
                                    dacl=entries([full, *c.get('parent', [])], known)).hex()
        peer.ask(do='put', name=folder, directory=True, sd=parent, information=0x80000005, **as_admin)
        put(peer, s, c, name, known, c.get('aces', [full]))
        if 'hold' in c:
            h = c['hold']
            peer.ask(do='hold', user='carl', password=PASSWORD, share='table', name=name,
                     access=sdbytes.mask(h['access']), sharing=h['sharing'], lock=h.get('lock'))
    s.run('user', 'disable', 'erik')
    for n, c in enumerate(cases):
        said[n] = explain(s, c, '%s:/c%02d/file.txt' % (c.get('share', 'table'), n))
    # what was assumed becomes so
    for n, c in enumerate(cases):
        args = c.get('args', [])
        if '--add-group' in args:
            s.run('group', 'add-member', args[args.index('--add-group') + 1], c['user'])
        if 'assume' in c:
            put(peer, s, c, 'c%02d\\file.txt' % n, known, c['assume'])
    wrong = []
    for n, c in enumerate(cases):
        code, answer = said[n]
        options = 0x4000 if '--backup-intent' in c.get('args', []) else 0
        done = peer.ask(do='open', user=c['user'], password=PASSWORD, share=c.get('share', 'table'),
                        name='c%02d\\file.txt' % n, access=answer['AskedMask'], options=options)
        real = STATUS.get(done['status'], hex(done['status']))
        problems = check(c, code, answer, '%s:/c%02d' % (c.get('share', 'table'), n))
        if real != answer['Status']:
            problems.append('really opening it gives %s, explained was %s' % (real, answer['Status']))
        if problems:
            wrong.append('%s: %s' % (c['name'], '; '.join(problems)))
    t.true(not wrong, '%d of %d cases:\n%s' % (len(wrong), len(cases), '\n'.join(wrong)))


@case(freehold_only=True)
def explained_for_people(t):
    """The text ends in what to do; paths in all three forms; what cannot be answered has its own exit code."""
    s = t.own_server()
    share = t.share(server=s)
    s.open_root(share.name)
    t.smbclient(share, ['mkdir sub', 'cd sub', 'put %s a.txt' % t.conf], server=s)
    user = t.user.name
    for path in ('%s:/sub/a.txt' % share.name, '\\\\server\\%s\\sub\\a.txt' % share.name, str(share.path / 'sub' / 'a.txt'),
                 '%s:/SUB/A.TXT' % share.name):
        done = s.run('explain', user, path, 'M')
        t.contains(done.stdout, 'ALLOWED: %s may open %s:/sub/a.txt with M.' % (user, share.name), '(set on it)', 'What to do:',
                   'quota: %s uses ' % user, ' bytes and has no limit')
    s.add_user('bob', PASSWORD)
    s.close_root(share.name)
    t.smbclient(share, ['mkdir closed'], server=s, user=s.admin)
    done = s.run('explain', 'bob', '%s:/closed' % share.name, 'RX', check=False)
    t.equal(done.returncode, 3, 'exit code of a denial')
    t.contains(done.stdout, 'DENIED: bob may not open', 'freehold acl grant')
    # what it advises is what helps
    advice = next(line for line in done.stdout.splitlines() if 'freehold acl grant' in line)
    s.run(*shlex.split(advice.partition('freehold ')[2]))
    s.run('explain', 'bob', '%s:/closed' % share.name, 'RX')
    t.smbclient(share, ['cd closed', 'ls'], server=s, user='bob%%%s' % PASSWORD)
    done = s.run('explain', 'bob', '%s:/closed/new.txt' % share.name, 'W', check=False)
    t.equal(done.returncode, 3, 'exit code for a file that is not there')
    for words in (('nobody', '%s:/' % share.name), ('bob', 'nowhere:/x'), ('bob', '/etc/passwd'), ('bob', '%s:/../x' % share.name),
                  ('bob', '%s:/' % share.name, 'QQ'), ('bob', '%s:/no/such/folder' % share.name)):
        done = s.run('explain', *words, check=False)
        t.equal(done.returncode, 1, 'exit code of %s: %s' % (words, done.stdout))
        t.true(done.stderr.startswith('error: '), 'standard error of %s: %s' % (words, done.stderr))
