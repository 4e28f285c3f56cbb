"""The audit log: what SACLs and shares ask for, held against what Windows documents for each event id."""
import json
import pathlib
import re
import shutil
import subprocess
import threading
import time

from case_durability import small_volume
from rig import server as servers
from rig.harness import Failed, case

EVERYONE = 'S-1-1-0'
# Members that Windows documents for each id (EventData), but for those that mean nothing on this server: ProcessId, ProcessName,
# TransactionId, RestrictedSidCount, PrivilegeList, ResourceAttributes.
SUBJECT = {'SubjectUserSid', 'SubjectUserName', 'SubjectDomainName', 'SubjectLogonId'}
OBJECT = SUBJECT | {'ObjectServer', 'ObjectType', 'ObjectName', 'HandleId'}
NETWORK = SUBJECT | {'ObjectType', 'IpAddress', 'IpPort', 'ShareName', 'ShareLocalPath', 'AccessMask', 'AccessList'}
DOCUMENTED = {
    4656: OBJECT | {'AccessList', 'AccessReason', 'AccessMask'},
    4660: SUBJECT | {'ObjectServer', 'HandleId'},
    4663: OBJECT | {'AccessList', 'AccessMask'},
    4670: OBJECT | {'OldSd', 'NewSd'},
    4907: OBJECT | {'OldSd', 'NewSd'},
    5140: NETWORK,
    5145: NETWORK | {'RelativeTargetName', 'AccessReason'},
}
# Of logons, but for process, impersonation level, GUIDs, key length and elevation, which mean nothing on this server.
TARGET = {'TargetUserSid', 'TargetUserName', 'TargetDomainName', 'LogonType'}
LOGON = SUBJECT | TARGET | {'LogonProcessName', 'AuthenticationPackageName', 'WorkstationName', 'LmPackageName', 'IpAddress', 'IpPort'}
LOGONS = {
    4624: LOGON | {'TargetLogonId'},
    4625: LOGON | {'Status', 'SubStatus', 'FailureReason'},
    4634: TARGET | {'TargetLogonId'},
}
HEAD = {'Seq', 'Time', 'EventId', 'Keywords', 'Computer', 'Chain'}
# Members of every record of a client.
EXTRA = {'IpAddress', 'IpPort', 'ShareName', 'ObjectType', 'ObjectName'}


def watch(t, s, share, path='', flags=0xC3, mask=0x1F01FF, sid=EVERYONE, user=None):
    """Has everything that `mask` names recorded for what is at `path` and below, granted and refused."""
    user = user or s.admin
    out = t.python('peer_sacl.py', s.host, s.port, share.name, user.name, user.password, path,
                   '%x:%x:%s' % (flags, mask, sid))
    t.contains(out, 'done')


def search(s, *words):
    done = s.run('audit', 'search', '--config', str(s.config), '-o', 'jsonl', *words)
    return [json.loads(line) for line in done.stdout.splitlines()]


def of_clients(s):
    """All records but those of administrators' changes, which are always made."""
    return [r for r in search(s) if 'Service' not in r]


def check_members(t, records):
    """Every record has what Windows documents for its id, and nothing that is in no list here."""
    for r in records:
        wanted = DOCUMENTED[r['EventId']]
        t.true(wanted <= set(r), 'event %d lacks %s' % (r['EventId'], wanted - set(r)))
        t.equal(set(r) - wanted - HEAD - EXTRA, set(), 'members of event %d that nobody knows' % r['EventId'])
        t.true(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z', r['Time']), 'Time %r' % r['Time'])
        t.true(r['Keywords'] in ('Audit Success', 'Audit Failure'), r['Keywords'])
        t.true(re.fullmatch(r'S-1-[\d-]+', r['SubjectUserSid']) and r['IpAddress'] == '127.0.0.1', str(r))
        t.true(int(r['IpPort']) > 0 and r['ShareName'].startswith('\\\\*\\'), str(r))
        for hexadecimal in ('AccessMask', 'HandleId', 'SubjectLogonId'):
            t.true(hexadecimal not in r or re.fullmatch(r'0x[0-9a-f]+', r[hexadecimal]), str(r))


def at_last(t, what, look, wanted, seconds=30):
    """What `look` finds once `wanted` holds for it: of what a client does by going away the log has records a moment later."""
    end = time.monotonic() + seconds
    while not wanted(found := look()):
        t.true(time.monotonic() < end, '%s: not within %d s: %s' % (what, seconds, found))
        time.sleep(0.1)
    return found


def verify(t, s):
    out = s.run('audit', 'verify', '--config', str(s.config), '-o', 'json').stdout
    return json.loads(out)[0]


@case(freehold_only=True)
def what_happens_to_files(t):
    """Open, read, write, change of permissions and deletion, granted and refused, as the SACL of the folder asks."""
    s = t.own_server()
    share = t.share(server=s)
    s.open_root(share.name)
    t.smbclient(share, ['lcd %s' % t.folder, 'mkdir plain'], server=s)
    t.equal([r['EventId'] for r in of_clients(s)], [], 'events before anything is watched')
    watch(t, s, share)
    (t.folder / 'a').write_text('content')
    t.smbclient(share, ['lcd %s' % t.folder, 'put a doc.txt', 'get doc.txt back'], server=s)

    def of(*ids, **members):
        found = search(s, '--path', '*\\doc.txt', '--event', ','.join(map(str, ids)))
        return [r for r in found if all(r[k] == v for k, v in members.items())]

    opens = of(4656)
    t.true(opens and all(r['Keywords'] == 'Audit Success' and r['SubjectUserName'] == t.user.name for r in opens), str(opens))
    t.equal(opens[0]['ObjectName'], 'data:\\%s\\doc.txt' % share.name, 'ObjectName')
    t.true('SYNCHRONIZE: Granted by D:(A;;FA;;;WD)' in opens[0]['AccessReason'], str(opens))
    uses = of(4663)
    names = {name for r in uses for name in r['AccessList']}
    t.true({'WriteData (or AddFile)', 'ReadData (or ListDirectory)'} <= names, str(names))
    t.true({r['HandleId'] for r in uses} <= {r['HandleId'] for r in opens}, 'a use of a handle that nobody opened')
    for handle in {r['HandleId'] for r in uses}:
        used = [name for r in uses if r['HandleId'] == handle for name in r['AccessList']]
        t.equal(len(used), len(set(used)), 'rights of one handle recorded twice: %s' % used)

    # Refused: nobody but administrators may open it any more.
    t.samba('smbcacls', '//%s/%s' % (s.host, share.name), 'doc.txt', '-S', 'ACL:S-1-5-32-544:ALLOWED/0x0/FULL', server=s,
            user=s.admin)
    changes = of(4670)
    t.equal(len(changes), 1, 'records of the change')
    t.true(changes[0]['SubjectUserName'] == s.admin.name and ';FA;;;BA)' in changes[0]['NewSd']
           and ';WD)' in changes[0]['OldSd'] and ';WD)' not in changes[0]['NewSd'], str(changes))
    out = t.smbclient(share, ['get doc.txt x'], server=s, ok=None)
    t.contains(out, 'NT_STATUS_ACCESS_DENIED')
    refused = of(4656, Keywords='Audit Failure')
    t.true(refused and refused[-1]['SubjectUserName'] == t.user.name and refused[-1]['HandleId'] == '0x0', str(refused))
    t.true(any(reason.endswith(': Not granted') for reason in refused[-1]['AccessReason']), str(refused[-1]))
    t.equal([r for r in of(4663) if r['Seq'] > refused[-1]['Seq']], [], 'uses after the refusal')

    # Deleted, by who may.
    t.smbclient(share, ['del doc.txt'], server=s, user=s.admin)
    deleted = of(4660)
    t.equal(len(deleted), 1, 'records of the deletion')
    t.true(deleted[0]['HandleId'] in {r['HandleId'] for r in of(4663) if 'DELETE' in r['AccessList']}, str(deleted))
    t.true(deleted[0]['HandleId'] in {r['HandleId'] for r in of(4656)}, str(deleted))

    # A rename onto a file deletes that file.
    t.smbclient(share, ['lcd %s' % t.folder, 'put a old', 'put a new', 'rename new old -f'], server=s)
    gone = search(s, '--path', '*\\old', '--event', '4660')
    t.equal(len(gone), 1, 'records of the file whose place was taken')
    t.equal([r['AccessList'] for r in search(s, '--path', '*\\old', '--event', '4656,4663')
             if r['HandleId'] == gone[0]['HandleId']], [['DELETE'], ['DELETE']], 'its open and use')

    everything = of_clients(s)
    check_members(t, everything)
    t.equal([r['EventId'] for r in everything][0], 4907, 'first record: the SACL')
    t.equal(sorted({r['EventId'] for r in everything}), [4656, 4660, 4663, 4670, 4907], 'ids')
    whole = verify(t, s)
    count = len(search(s))
    t.equal((whole['Records'], whole['LastSeq']), (count, count), 'records')
    folder = s.state / 'audit'
    t.equal({oct(p.stat().st_mode & 0o777) for p in folder.iterdir()} | {oct(folder.stat().st_mode & 0o777)},
            {'0o600', '0o700'}, 'modes of the log')


@case(freehold_only=True)
def sacl_entries_choose(t):
    """Only what an entry names: who, which right, granted or refused."""
    s = t.own_server()
    share = t.share(server=s)
    s.open_root(share.name)
    other = s.add_user('other', 'Oth3r-Passw0rd')
    t.smbclient(share, ['lcd %s' % t.folder, 'mkdir d'], server=s)
    (t.folder / 'a').write_text('content')
    t.smbclient(share, ['lcd %s' % t.folder, 'put a d/f'], server=s)
    sid = json.loads(s.run('user', 'list', '-o', 'json').stdout)
    sid = next(u['Sid'] for u in sid if u['Name'] == 'other')
    watch(t, s, share, 'd\\f', flags=0x40, mask=0x1, sid=sid)                # who: other; right: ReadData; granted
    t.smbclient(share, ['lcd %s' % t.folder, 'get d/f x'], server=s)
    t.equal(search(s, '--event', '4656,4663'), [], 'records of somebody who is not named')
    t.smbclient(share, ['lcd %s' % t.folder, 'get d/f x'], server=s, user=other)
    found = search(s, '--event', '4663')
    t.equal([(r['SubjectUserName'], r['AccessList']) for r in found], [('other', ['ReadData (or ListDirectory)'])], 'uses')
    before = search(s, '--event', '4656')
    t.smbclient(share, ['rename d/f d/g'], server=s, user=other)             # DELETE and attributes only
    t.equal(search(s, '--event', '4656'), before, 'records of a right that is not named')


@case(freehold_only=True)
def changes_by_an_administrator(t):
    """`freehold acl` on what is watched: the folder and what inherits from it."""
    s = t.own_server()
    share = t.share(server=s)
    s.open_root(share.name)
    t.smbclient(share, ['mkdir d'], server=s)
    watch(t, s, share, 'd')
    t.smbclient(share, ['mkdir d/e'], server=s)
    before = len(of_clients(s))
    s.run('acl', 'grant', '%s:/d' % share.name, 'alice:(OI)(CI)M')
    new = at_last(t, 'records of the change', lambda: of_clients(s)[before:],
                  lambda new: {r['ObjectName'].rsplit('\\', 1)[-1] for r in new if r['EventId'] == 4670} == {'d', 'e'})
    t.true(all(r['SubjectUserSid'] == 'S-1-5-18' and r['OldSd'] != r['NewSd'] for r in new), str(new))
    verify(t, s)


@case(freehold_only=True)
def shares(t):
    """5140 and 5145, granted and refused, by the option of the share and of the server."""
    s = t.own_server()
    share = t.share(server=s)
    s.open_root(share.name)
    t.smbclient(share, ['ls'], server=s)
    t.equal(of_clients(s), [], 'events of a share that is not watched')
    s.run('share', 'set', share.name, '--audit', 'all')
    (t.folder / 'a').write_text('content')
    t.smbclient(share, ['lcd %s' % t.folder, 'put a x.txt'], server=s)
    connects = search(s, '--event', '5140')
    t.true(len(connects) == 1 and connects[0]['ShareName'] == '\\\\*\\' + share.name
           and connects[0]['Keywords'] == 'Audit Success', str(connects))
    checks = search(s, '--event', '5145', '--path', 'x.txt')
    t.true(checks and all(r['Keywords'] == 'Audit Success' for r in checks), str(checks))
    t.true(any('WriteData (or AddFile): Granted by D:(A;;FA;;;WD)' in r['AccessReason'] for r in checks), str(checks))
    t.equal(checks[0]['ShareLocalPath'], 'data:\\' + share.name, 'ShareLocalPath')

    s.run('share', 'set', share.name, '--access', 'D:(A;;FR;;;WD)', '--audit', 'failure')
    count = len(of_clients(s))
    out = t.smbclient(share, ['lcd %s' % t.folder, 'put a y.txt'], server=s, ok=None)
    t.contains(out, 'NT_STATUS_ACCESS_DENIED')
    new = of_clients(s)[count:]
    t.true(new and {(r['EventId'], r['Keywords'], r['RelativeTargetName']) for r in new}
           == {(5145, 'Audit Failure', 'y.txt')}, str(new))
    t.true(any(reason == 'WriteData (or AddFile): Not granted' for reason in new[-1]['AccessReason']), str(new[-1]))
    s.run('share', 'set', share.name, '--access', 'D:(A;;FA;;;BA)')
    out = t.smbclient(share, ['ls'], server=s, ok=None)
    t.contains(out, 'NT_STATUS_ACCESS_DENIED')
    last = of_clients(s)[-1]
    t.equal((last['EventId'], last['Keywords']), (5140, 'Audit Failure'), 'a refused connection')
    check_members(t, of_clients(s))

    # For all shares, by the configuration; the log goes on after a restart.
    before = verify(t, s)
    s.run('share', 'set', share.name, '--access', 'D:(A;;FA;;;WD)', '--audit', 'none')
    s.settings = '[audit]\nshares = "success"\n'
    s.restart()
    t.smbclient(share, ['ls'], server=s)
    new = search(s)[before['Records']:]
    t.true({5140, 5145} <= {r['EventId'] for r in new}, str(new))
    t.equal(verify(t, s)['FirstSeq'], 1, 'first record')


def logon(t, s, user, password):
    """A logon by smbclient, and off again."""
    account = servers.Account(user, password)
    return t.samba('smbclient', '//%s/IPC$' % s.host, '-c', 'exit', server=s, user=account, ok=None)


@case(freehold_only=True)
def logons(t):
    """4624, 4625 and 4634, as `[audit] logons` says: failures unless it says otherwise."""
    s = t.own_server()
    disabled = s.add_user('gone', 'G0ne-Passw0rd')
    s.run('user', 'disable', disabled.name)
    t.equal(logon(t, s, t.user.name, t.user.password).returncode, 0, 'a logon')
    for user, password in ((t.user.name, 'Wr0ng-Passw0rd'), ('nobody\u00e9', 'Wr0ng-Passw0rd'), (disabled.name, disabled.password)):
        t.true(logon(t, s, user, password).returncode != 0, user)
    failed = of_clients(s)
    told = [(r['EventId'], r['TargetUserName'], r['Status'], r['SubStatus']) for r in failed]
    t.equal(told, [(4625, t.user.name, '0xc000006d', '0xc000006a'), (4625, 'nobody\u00e9', '0xc000006d', '0xc0000064'),
                   (4625, disabled.name, '0xc0000072', '0x0')], 'failures')
    for r in failed:
        t.equal(set(r), LOGONS[4625] | HEAD, 'members of 4625')
        t.equal((r['Keywords'], r['TargetUserSid'], r['LogonType'], r['AuthenticationPackageName'], r['LmPackageName'], r['IpAddress']),
                ('Audit Failure', 'S-1-0-0', 3, 'NTLM', 'NTLM V2', '127.0.0.1'), 'a failure')
        t.true(int(r['IpPort']) > 0 and len(r['FailureReason']) > 10 and r['WorkstationName'] != '-', str(r))
    t.equal(search(s, '--user', disabled.name), failed[2:], 'by user')

    s.settings = '[audit]\nlogons = "all"\n'
    s.restart()
    start = len(failed)
    t.equal(logon(t, s, t.user.name, t.user.password).returncode, 0, 'a logon')
    on, off = at_last(t, 'the end of the logon', lambda: of_clients(s)[start:], lambda new: len(new) == 2)
    t.equal((on['EventId'], off['EventId']), (4624, 4634), 'a logon and its end')
    t.equal((set(on), set(off)), (LOGONS[4624] | HEAD, LOGONS[4634] | HEAD), 'members')
    same = ('TargetUserSid', 'TargetUserName', 'TargetDomainName', 'TargetLogonId', 'LogonType')
    t.equal({k: on[k] for k in same}, {k: off[k] for k in same}, 'who it was')
    t.equal((on['TargetUserName'], on['SubjectUserSid'], on['Keywords']), (t.user.name, 'S-1-0-0', 'Audit Success'), 'the logon')
    t.equal(search(s, '--package', 'ntlm', '--event', '4624'), [on], 'by package')
    t.equal(search(s, '--package', 'kerberos'), [], 'by the other package')
    verify(t, s)

    s.settings = '[audit]\nlogons = "none"\n'
    s.restart()
    count = len(of_clients(s))
    logon(t, s, t.user.name, 'Wr0ng-Passw0rd')
    logon(t, s, t.user.name, t.user.password)
    t.equal(len(of_clients(s)), count, 'records of logons that nobody asked for')


@case(freehold_only=True)
def search_forms(t):
    """`audit search` filters, forms, following; `audit verify` finds a change."""
    s = t.own_server(settings='[audit]\nshares = "all"\n')
    share = t.share(server=s)
    s.open_root(share.name)
    t.smbclient(share, ['mkdir one', 'mkdir two'], server=s)
    everything = search(s)
    cut = everything[len(everything) // 2]['Time']
    older, newer = search(s, '--until', cut), search(s, '--since', cut)
    t.equal(older + newer, everything, 'before and after a time')
    t.equal(search(s, '--since', '1h'), everything, 'of the last hour')
    t.equal(search(s, '--until', '1h'), [], 'older than an hour')
    t.true({r['SubjectUserName'] for r in search(s, '--user', t.user.name)} == {t.user.name}, 'by user')
    t.true({r['RelativeTargetName'] for r in search(s, '--path', share.name + '/ON*')} == {'one'}, 'by path')
    t.equal(len(search(s, '--limit', '3')), 3, 'limited')
    as_json = json.loads(s.run('audit', 'search', '--config', str(s.config), '-o', 'json').stdout)
    t.equal(as_json, everything, 'as JSON')
    csv = s.run('audit', 'search', '--config', str(s.config), '-o', 'csv').stdout.splitlines()
    t.true(len(csv) == len(everything) + 1 and csv[0].startswith('Seq,Time,EventId'), csv[0])
    table = s.run('audit', 'search', '--config', str(s.config)).stdout.splitlines()
    t.equal(len(table), len(everything) + 1, 'lines of the table')
    with subprocess.Popen([str(s.binary), 'audit', 'search', '--config', str(s.config), '-o', 'jsonl', '--follow', '--path', 'three'],
                          stdout=subprocess.PIPE, text=True) as following:
        try:
            timer = threading.Timer(30, following.kill)
            timer.start()
            t.smbclient(share, ['mkdir three'], server=s)
            t.equal(json.loads(following.stdout.readline())['RelativeTargetName'], 'three', 'what was followed')
        finally:
            timer.cancel()
            following.kill()
    log = sorted((s.state / 'audit').glob('audit-*.jsonl'))[0]
    copy = t.folder / 'copy'
    copy.mkdir()
    (copy / log.name).write_bytes(log.read_bytes().replace(b'one', b'own', 1))
    done = s.run('audit', 'verify', '--folder', str(copy), check=False)
    t.true(done.returncode == 1 and 'was changed' in done.stderr, done.stderr)


@case(freehold_only=True)
def killed(t):
    """kill -9, three times: every success that a client was told of is in the log, which is whole."""
    s = t.own_server()
    share = t.share(server=s)
    s.open_root(share.name)
    watch(t, s, share)
    python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
    total = 0
    for attempt in range(3):
        for old in share.path.glob('w*'):
            old.unlink()
        last = verify(t, s)['LastSeq']
        client = subprocess.Popen([python, pathlib.Path(__file__).with_name('peer_auditee.py'), s.host, str(s.port), share.name,
                                   t.user.name, t.user.password], stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
        try:
            lines = []
            while len(lines) < 120 + 60 * attempt:
                lines.append(client.stdout.readline())
                t.true(lines[-1] and not lines[-1].startswith('lost'), 'the client got nowhere: %s' % lines[-5:])
            s.kill()
            lines += client.communicate(timeout=90)[0].split('\n')
        finally:
            if client.poll() is None:
                client.kill()
                client.wait()
        s.start()
        t.true(verify(t, s)['LastSeq'] > last, 'nothing new in the log')
        records = [r for r in search(s) if r['Seq'] > last]
        found = {4656: set(), 4660: set(), 'written': set()}
        for r in records:
            name = r['ObjectName'].rsplit('\\', 1)[-1]
            if r['EventId'] in found:
                found[r['EventId']].add(name)
            elif r['EventId'] == 4663 and 'WriteData (or AddFile)' in r['AccessList']:
                found['written'].add(name)
        told = [line.split() for line in lines if ' ' in line and not line.startswith('lost')]
        for what, name in told:
            key = {'opened': 4656, 'written': 'written', 'deleted': 4660}[what]
            if name not in found[key]:
                raise Failed('the client was told that %s is %s, the log has no record of it' % (name, what))
        total += len(told)
    t.true(total > 500, 'only %d successes' % total)


@case(freehold_only=True)
def disk_of_the_log_full(t):
    """What must be recorded is refused, what is not watched goes on; with room again nothing is missing."""
    where = small_volume(t, 24) / 'audit'
    s = t.own_server(settings='[audit]\nfolder = "%s"\n' % where)
    watched, free = t.share(server=s), t.share(server=s)
    for share in (watched, free):
        s.open_root(share.name)
    watch(t, s, watched)
    (t.folder / 'a').write_text('content')
    t.smbclient(watched, ['lcd %s' % t.folder, 'put a before'], server=s)
    filler = where.parent / 'filler'
    with open(filler, 'wb') as f:
        try:
            while True:
                f.write(bytes(1 << 16))
                f.flush()
        except OSError:
            pass
    out = ''
    for n in range(200):                     # until the room of the log's last block is used up
        out = t.smbclient(watched, ['lcd %s' % t.folder, 'put a during%d' % n], server=s, ok=None)
        if 'NT_STATUS_AUDIT_FAILED' in out or 'c0000244' in out.lower():
            break
    else:
        raise Failed('the disk of the log is full and everything goes on:\n%s' % out[-2000:])
    time.sleep(0.2)
    made = {p.name for p in watched.path.iterdir()}
    out = t.smbclient(watched, ['lcd %s' % t.folder, 'put a refused', 'get before x'], server=s, ok=None)
    t.true('refused' not in {p.name for p in watched.path.iterdir()}, 'made without a record')
    t.equal({p.name for p in watched.path.iterdir()}, made, 'files while the log is full')
    t.smbclient(free, ['lcd %s' % t.folder, 'put a free', 'get free back'], server=s)
    t.contains(s.log.read_text(), 'the audit log cannot be written')
    filler.unlink()
    end = time.monotonic() + 30
    while 'NT_STATUS' in t.smbclient(watched, ['lcd %s' % t.folder, 'put a after'], server=s, ok=None):
        t.true(time.monotonic() < end, 'still refused with room again')
        time.sleep(0.3)
    records = search(s, '--event', '4656')
    opened = {r['ObjectName'].rsplit('\\', 1)[-1] for r in records}
    for name in made | {'after'}:
        t.true(name in opened, 'there is no record of %s' % name)
    verify(t, s)
    t.equal(s.stop(), 0, 'status after SIGTERM')


def rate(t, seconds, wanted):
    """Drives the server with `smbload`; the log must have exactly the records of what the client has counted."""
    load = next((p for p in (servers.TARGET / kind / 'smbload' for kind in ('release', 'debug')) if p.exists()), None)
    t.true(load is not None, 'smbload is missing: cargo build --release -p smbload')
    s = t.own_server(settings='[security]\nrequire_signing = false\n')
    share = t.share(server=s)
    s.open_root(share.name)
    password = t.folder / 'password'
    password.write_text(t.user.password + '\n')

    def smbload(*words):
        return t.run(load, '--server', '%s:%d' % (s.host, s.port), '--share', share.name, '--user', t.user.name,
                     '--password-file', password, '--rows', 'open-query', '--files', '1000', *words, timeout=900).stdout

    smbload('--prepare')
    s.run('share', 'set', share.name, '--audit', 'all')
    watch(t, s, share, 'smbload')
    # What inherits the SACL is what Windows' editor would set: here each file by itself would take long, so new ones are made.
    for old in share.path.iterdir():
        shutil.rmtree(old)
    t.smbclient(share, ['mkdir smbload'], server=s)
    watch(t, s, share, 'smbload')
    smbload('--prepare')
    first = verify(t, s)['LastSeq'] + 1
    begin = time.monotonic()
    figures = json.loads(smbload('--json', '--seconds', str(seconds), '--depth', '512').splitlines()[-1])
    taken = time.monotonic() - begin
    whole = verify(t, s)
    done = subprocess.Popen([str(s.binary), 'audit', 'search', '--config', str(s.config), '-o', 'jsonl'], stdout=subprocess.PIPE,
                            cwd=s.folder)
    counts = {}
    for line in done.stdout:
        if int(line[7:line.index(b',')]) < first:
            continue
        r = json.loads(line)
        if r['EventId'] == 4663 and r['AccessMask'] == '0x80' or r['EventId'] in (4656, 5145):
            counts[r['EventId']] = counts.get(r['EventId'], 0) + 1
    done.wait()
    operations = figures['Operations']
    new = whole['LastSeq'] - first + 1
    per_second = 3 * operations / figures['Seconds']
    print('audit: %d operations in %.1f s (%.1f s with all): %d records, %.0f a second; p50 %.1f ms, p99 %.1f ms'
          % (operations, figures['Seconds'], taken, new, per_second, figures['P50Us'] / 1e3, figures['P99Us'] / 1e3), flush=True)
    t.equal(counts[4663], operations, 'records of queries')
    # Besides, the client looks once whether its files are there.
    for event in (4656, 5145):
        t.true(operations <= counts[event] <= operations + 10, '%d records of %d for %d opens' % (counts[event], event, operations))
    t.true(per_second >= wanted, '%.0f records a second' % per_second)


@case(freehold_only=True)
def every_record_under_load(t):
    rate(t, 4, 0)


@case(freehold_only=True, large=True, alone=True, seconds=1800)
def twenty_thousand_a_second(t):
    """20,000 records a second for a minute, none lost."""
    rate(t, 60, 20_000)
