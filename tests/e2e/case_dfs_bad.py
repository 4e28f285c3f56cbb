"""DFS where something is wrong: malformed referral requests as bytes, loops, links that lead nowhere or to themselves, folders with
too many targets. Each has a clear answer, and the server goes on."""
import json
import struct
import subprocess
import time

from rig import server as servers
from rig.harness import Failed, case

from case_dfs import FIRST, SECOND, beside, root, wait_for_links, walk

SUCCESS, BUFFER_OVERFLOW = 0, 0x80000005
INVALID_PARAMETER, NOT_FOUND, FS_DRIVER_REQUIRED = 0xC000000D, 0xC0000225, 0xC000019C


def le(text):
    return text.encode('utf-16-le')


def plain(level, path, end=b'\0\0'):
    """[MS-DFSC] 2.2.2 REQ_GET_DFS_REFERRAL."""
    return struct.pack('<H', level) + le(path) + end


def extended(level, path, site=None, flags=None, length=None, path_length=None, site_length=None):
    """[MS-DFSC] 2.2.3 REQ_GET_DFS_REFERRAL_EX, with lengths that may be wrong."""
    data = struct.pack('<H', len(le(path)) if path_length is None else path_length) + le(path)
    if site is not None:
        data += struct.pack('<H', len(le(site)) if site_length is None else site_length) + le(site)
    flags = (0 if site is None else 1) if flags is None else flags
    return struct.pack('<HHI', level, flags, len(data) if length is None else length) + data


def referrals(t, s, requests, share='IPC$'):
    """Status and bytes of the answer for each request: (code, bytes, room)."""
    python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
    lines = ''.join(json.dumps({'Code': code, 'Input': data.hex(), 'MaxOutput': room}) + '\n' for code, data, room in requests)
    done = t.run(python, servers.ROOT / 'tests' / 'e2e' / 'peer_referrals.py', s.host, s.port, t.user.name, t.user.password, share,
                 stdin=lines.encode())
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    t.equal(len(answers), len(requests), 'answers')
    return [(int(a['Status'], 16), bytes.fromhex(a['Output'])) for a in answers]


def entries(answer):
    """Header and targets of a referral: (path consumed, flags, [(version, target)])."""
    consumed, count, flags = struct.unpack_from('<HHI', answer)
    at, found = 8, []
    for _ in range(count):
        version, size = struct.unpack_from('<HH', answer, at)
        text = at + {1: lambda: 8, 2: lambda: struct.unpack_from('<H', answer, at + 20)[0]}.get(
            version, lambda: struct.unpack_from('<H', answer, at + 16)[0])()
        end = next(i for i in range(text, len(answer), 2) if answer[i:i + 2] == b'\0\0')
        found.append((version, answer[text:end].decode('utf-16-le')))
        at += size
    return consumed, flags, found


ROOT = r'\127.0.0.1\files'
LINK = ROOT + r'\link'
LONG = 32 * 1024

# What is asked, as bytes; the room for the answer; the status; for an answer the version of its entry.
MALFORMED = [
    ('nothing at all', 'plain', b'', 8192, INVALID_PARAMETER),
    ('one byte', 'plain', b'\4', 8192, INVALID_PARAMETER),
    ('a level alone', 'plain', b'\4\0', 8192, INVALID_PARAMETER),
    ('an empty path: for domains', 'plain', plain(4, ''), 8192, INVALID_PARAMETER),
    ('a backslash', 'plain', plain(4, '\\'), 8192, INVALID_PARAMETER),
    ('two backslashes', 'plain', plain(4, '\\\\'), 8192, INVALID_PARAMETER),
    ('ten backslashes', 'plain', plain(4, '\\' * 10), 8192, INVALID_PARAMETER),
    ('a server alone: for controllers', 'plain', plain(4, r'\127.0.0.1'), 8192, INVALID_PARAMETER),
    ('a server and a backslash', 'plain', plain(4, '\\127.0.0.1\\'), 8192, INVALID_PARAMETER),
    ('no backslash at the beginning', 'plain', plain(4, r'127.0.0.1\files'), 8192, 4),
    ('slashes', 'plain', plain(4, '/127.0.0.1/files'), 8192, INVALID_PARAMETER),
    ('an odd length without terminator', 'plain', plain(4, LINK, b'\0'), 8192, INVALID_PARAMETER),
    ('half a character alone', 'plain', b'\4\0\\', 8192, INVALID_PARAMETER),
    ('no terminator', 'plain', plain(4, LINK, b''), 8192, 4),
    ('a byte behind the terminator', 'plain', plain(4, LINK, b'\0\0\0'), 8192, 4),
    ('another path behind the terminator', 'plain', plain(4, LINK, b'\0\0' + le(r'\x\y')), 8192, 4),
    ('a backslash more', 'plain', plain(4, '\\' + LINK), 8192, 4),
    ('a backslash at the end', 'plain', plain(4, LINK + '\\'), 8192, 4),
    ('half of a surrogate pair in a namespace', 'plain', plain(4, '\\127.0.0.1\\')[:-2] + b'\x00\xd8\0\0', 8192, NOT_FOUND),
    ('a namespace that is none', 'plain', plain(4, r'\127.0.0.1\none'), 8192, NOT_FOUND),
    ('a namespace of 64 KiB', 'plain', plain(4, '\\127.0.0.1\\' + 'x' * LONG), 8192, NOT_FOUND),
    ('a server of 64 KiB', 'plain', plain(4, '\\' + 'x' * LONG), 8192, INVALID_PARAMETER),
    ('a path of 64 KiB below a link', 'plain', plain(4, LINK + r'\x' * (LONG // 2)), 8192, 4),
    ('64 KiB of backslashes below a root', 'plain', plain(4, ROOT + '\\' * LONG), 8192, 4),
    ('level 0', 'plain', plain(0, LINK), 8192, INVALID_PARAMETER),
    ('level 1', 'plain', plain(1, LINK), 8192, 1),
    ('level 2', 'plain', plain(2, LINK), 8192, 2),
    ('level 3', 'plain', plain(3, LINK), 8192, 3),
    ('level 5', 'plain', plain(5, LINK), 8192, 4),
    ('level 65535', 'plain', plain(65535, LINK), 8192, 4),
    ('no room', 'plain', plain(4, LINK), 0, BUFFER_OVERFLOW),
    ('room for a header', 'plain', plain(4, LINK), 8, BUFFER_OVERFLOW),
    ('extended', 'ex', extended(4, LINK), 8192, 4),
    ('extended with a site', 'ex', extended(4, LINK, 'Here'), 8192, 4),
    ('extended, nothing at all', 'ex', b'', 8192, INVALID_PARAMETER),
    ('extended, cut in its header', 'ex', extended(4, LINK)[:7], 8192, INVALID_PARAMETER),
    ('extended, cut in its path', 'ex', extended(4, LINK)[:-3], 8192, INVALID_PARAMETER),
    ('extended, a path longer than the request', 'ex', extended(4, LINK, path_length=4000), 8192, INVALID_PARAMETER),
    ('extended, a path of 65535 bytes that are not there', 'ex', extended(4, LINK, path_length=65535), 8192, INVALID_PARAMETER),
    ('extended, a path of an odd length', 'ex', extended(4, LINK, path_length=2 * len(LINK) - 1), 8192, INVALID_PARAMETER),
    ('extended, a terminator inside of the path', 'ex', extended(4, ROOT + '\0' + r'\x'), 8192, INVALID_PARAMETER),
    ('extended, an empty path', 'ex', extended(4, ''), 8192, INVALID_PARAMETER),
    ('extended, level 0', 'ex', extended(0, LINK), 8192, INVALID_PARAMETER),
    ('extended, a site that is announced and not there', 'ex', extended(4, LINK, flags=1), 8192, INVALID_PARAMETER),
    ('extended, a site longer than the request', 'ex', extended(4, LINK, 'Here', site_length=400), 8192, INVALID_PARAMETER),
    ('extended, a site of an odd length', 'ex', extended(4, LINK, 'Here', site_length=7), 8192, INVALID_PARAMETER),
    ('extended, an empty site', 'ex', extended(4, LINK, ''), 8192, 4),
    ('extended, unknown flags', 'ex', extended(4, LINK, flags=0xFFFE), 8192, 4),
    ('the plain form under the extended code', 'ex', plain(4, LINK), 8192, INVALID_PARAMETER),
    ('extended, no room', 'ex', extended(4, LINK), 0, BUFFER_OVERFLOW),
]


@case(freehold_only=True)
def malformed_referral_requests(t):
    """Every request of the table over one connection, then over another on the share itself; the server answers the next one."""
    s = root(t, ('link', r'\\%s\data' % SECOND))
    for share in 'IPC$', 'files':
        answers = referrals(t, s, [(code, data, room) for _, code, data, room, _ in MALFORMED], share)
        wrong = []
        for (title, _, _, room, wanted), (status, answer) in zip(MALFORMED, answers):
            if wanted <= 4:
                versions = [version for version, _ in entries(answer)[2]] if answer else []
                wanted, got = (SUCCESS, [wanted]), (status, versions)
            else:
                # nothing is told with a refusal, and with BUFFER_OVERFLOW neither ([MS-SMB2] 3.3.5.15.2)
                wanted, got = (wanted, b''), (status, answer)
            if got != wanted or len(answer) > room:
                wrong.append('%s: 0x%08X %r and not 0x%08X %r' % (title, *got, *wanted))
        t.equal(wrong, [], 'answers on %s' % share)
    t.true(s.alive(), 'the server ended')


@case(freehold_only=True)
def without_a_namespace(t):
    """What clients that ask at every mount must be told ([MS-SMB2] 3.3.5.15.2): FS_DRIVER_REQUIRED, whatever they ask."""
    s = t.own_server()
    s.add_share('files')
    found = referrals(t, s, [('plain', plain(4, ROOT), 8192), ('ex', extended(4, ROOT), 8192), ('plain', plain(3, ''), 8192), ('plain', b'', 0)])
    t.equal([status for status, _ in found], [FS_DRIVER_REQUIRED] * 4, 'statuses')
    s.run('dfs', 'namespace', 'add', 'files')
    (status, answer), = referrals(t, s, [('plain', plain(4, ROOT), 8192)])
    t.equal((status, entries(answer)), (SUCCESS, (2 * len(ROOT), 3, [(4, ROOT)])), 'of the root')


@case(freehold_only=True)
def a_thousand_targets(t):
    """As many as fit are told, the preferred ones first; a folder takes 1,000 and not one more, by every door."""
    s = root(t)
    paths = [r'\\server-%04d.example\data' % i for i in range(10_000)]
    with_options = lambda some: [word for path in some for word in ('--target', path)]
    for count in 1001, 10_000:
        done = s.run('dfs', 'folder', 'add', r'files\many', *with_options(paths[:count]), check=False)
        t.equal(done.returncode, 1, 'status with %d targets' % count)
        t.contains(done.stderr, 'Targets: %d are more than the 1000' % count, 'split the folder')
    t.equal(json.loads(s.run('dfs', 'folder', 'list', '-o', 'json').stdout), [], 'folders after refusals')
    s.run('dfs', 'folder', 'add', r'files\many', *with_options(paths[:1000]))
    s.run('dfs', 'target', 'set', r'files\many', paths[777], '--class', 'global-high')
    done = s.run('dfs', 'target', 'add', r'files\many', paths[1000], check=False)
    t.equal(done.returncode, 1, 'status of one target more')
    t.contains(done.stderr, '1001 are more than the 1000')
    out = t.samba('rpcclient', s.host, '-c', r'dfsadd \\\\%s\\files\\many server-x data -' % s.host, user=s.admin, server=s, ok=None).stdout
    t.contains(out, 'WERR_INVALID_PARAMETER')
    out = t.samba('rpcclient', s.host, '-c', r'dfsgetinfo \\\\%s\\files\\many x x 3' % s.host, user=s.admin, server=s).stdout
    t.contains(out, 'num_stores: 1000')
    path = ROOT + r'\many'
    rooms = 8, 100, 200, 512, 4096, 8192, 56 * 1024, 65535, 1 << 20
    for level in 1, 2, 3, 4:
        before = 0
        for room, (status, answer) in zip(rooms, referrals(t, s, [('plain', plain(level, path), room) for room in rooms])):
            if status == BUFFER_OVERFLOW:
                t.equal((answer, before), (b'', 0), 'level %d, room %d: with BUFFER_OVERFLOW' % (level, room))
                continue
            consumed, flags, told = entries(answer)
            t.equal((status, consumed, flags), (SUCCESS, 2 * len(path), 3 if level == 1 else 2), 'level %d, room %d' % (level, room))
            t.true(len(answer) <= room and before <= len(told), 'level %d, room %d: %d bytes, %d targets' % (level, room, len(answer), len(told)))
            t.equal(told[0], (level, paths[777][1:]), 'the first target')
            t.equal(len({target for _, target in told}), len(told), 'different targets')
            before = len(told)
        # Offsets of 16 bits end at 64 KiB; a target takes its entry and 54 bytes of name.
        wanted = {1: 1000, 2: 851, 3: 741, 4: 741}[level]
        t.true(wanted - 20 <= before <= 1000, 'level %d tells %d targets of 1000' % (level, before))
        print('     dfs_bad: level %d: %d of 1000 targets in one referral' % (level, before), flush=True)


SLOW_RESOLVER = '''
#define _GNU_SOURCE
#include <netdb.h>
#include <string.h>
#include <unistd.h>
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    sleep(2);
    return EAI_AGAIN;
}
'''


@case(freehold_only=True)
def a_server_stops_while_nobody_tells_it_where_targets_are(t):
    """1,000 servers in folders with a choice are asked for again and again, 16 at a time: the stop does not wait until all were."""
    (t.folder / 'slow.c').write_text(SLOW_RESOLVER)
    t.run('cc', '-shared', '-fPIC', '-o', t.folder / 'slow.so', t.folder / 'slow.c')
    s = root(t)
    s.run('dfs', 'folder', 'add', r'files\many', *(word for i in range(1000) for word in ('--target', r'\\server-%04d.example\data' % i)))
    s.stop()
    s.env['LD_PRELOAD'] = str(t.folder / 'slow.so')
    s.start()
    time.sleep(1)      # it has begun to ask
    began = time.monotonic()
    t.equal(s.stop(), 0, 'status after SIGTERM')
    print('     dfs_bad: stopped within %.1f s' % (time.monotonic() - began), flush=True)


@case(freehold_only=True)
def what_leads_back_to_itself_is_refused(t):
    """By the names and addresses of this server, from one namespace and through another; by the command line and by RPC."""
    s = root(t)
    s.run('dfs', 'namespace', 'add', 'other', '--volume', 'data')
    for target in (r'\\%s\files\x' % s.name, r'\\%s\files\x' % s.name.lower(), r'\\%s\FILES\X\below' % s.name, r'\\127.0.0.1\files\x',
                   r'\\localhost\files\x'):
        done = s.run('dfs', 'folder', 'add', r'files\x', '--target', target, check=False)
        t.equal(done.returncode, 1, 'status of a folder that leads to %s' % target)
        t.contains(done.stderr, 'leads back to the folder itself')
        declared = t.folder / 'loop.toml'
        declared.write_text("[[DfsNamespaces]]\nName = 'files'\nFolders = [{ Path = 'x', Targets = [{ TargetPath = '%s' }] }]\n" % target)
        done = s.run('apply', str(declared), check=False)
        t.equal(done.returncode, 1, 'status of a declared folder that leads to %s' % target)
        t.contains(done.stderr, 'leads back to the folder itself')
    s.run('dfs', 'folder', 'add', r'files\x', '--target', r'\\%s\other\y' % s.name)
    done = s.run('dfs', 'folder', 'add', r'other\y', '--target', r'\\%s\files\x' % s.name, check=False)
    t.contains(done.stderr, 'leads back to the folder itself')
    out = t.samba('rpcclient', s.host, '-c', r'dfsadd \\\\%s\\other\\y %s files\\x -' % (s.host, s.name), user=s.admin, server=s, ok=None).stdout
    t.contains(out, 'WERR_INVALID_PARAMETER')
    t.equal([f['Path'].split('\\')[-1] for f in json.loads(s.run('dfs', 'folder', 'list', '-o', 'json').stdout)], ['x'], 'folders')


@case(freehold_only=True)
def a_loop_over_two_servers_ends_at_the_client(t):
    """No server sees it. The kernel and smbclient give up, smbprotocol too, and both servers go on."""
    s = root(t, ('there', r'\\%s\back\again' % SECOND), ('good', r'\\%s\data' % SECOND))
    second = beside(t, s, 'freehold', SECOND)
    second.run('dfs', 'namespace', 'add', 'back', '--volume', 'data', '--path', 'back')
    second.open_root('back')
    second.run('dfs', 'folder', 'add', r'back\again', '--target', r'\\%s\files\there' % FIRST)
    wait_for_links(s, 'there', 'good')
    share = type(t.share())('files', s.volume / 'files')
    out = t.kernel(share, 'cat there/x; cat good/where', server=s, KCIFS_ALSO=SECOND, timeout=200)
    t.contains(out, 'on ' + SECOND, 'cat: there/x: ')
    print('     dfs_bad: the kernel in a loop: %s' % next(line for line in out.splitlines() if 'there/x' in line), flush=True)
    command = ['smbclient', '-s', t.conf, '-p', s.port, '-U', t.user, '//%s/files' % s.host, '-c', r'ls there\*']
    try:
        # Samba 4.17's resolver counts no steps: whether it ends is not this server's to say
        subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10,
                       env=dict(servers.os.environ, **servers.redirect_445(t.folder, s.port)))
    except subprocess.TimeoutExpired:
        print('     dfs_bad: smbclient went around for 10 s and was ended', flush=True)
    for one in s, second:
        t.true(one.alive(), '%s ended' % one.host)
    t.equal(t.smbclient('data', ['ls'], server=second).count('where'), 1, 'the second server answers')
    t.contains(walk(t, s, 'ls'), 'good', 'there')


@case(freehold_only=True)
def links_that_lead_nowhere(t):
    """A server that is not there, a share that is not, a folder that is not: the client says so, and everything else is there."""
    s = root(t, ('no-server', r'\\no-such-host.invalid\data'), ('silent', r'\\127.0.0.77\data'), ('no-share', r'\\%s\none' % SECOND),
             ('no-folder', r'\\%s\data\none' % SECOND), ('good', r'\\%s\data' % SECOND))
    beside(t, s, 'freehold', SECOND)
    wait_for_links(s, 'no-server', 'silent', 'no-share', 'no-folder', 'good')
    for path in 'no-server', 'silent', 'no-share', 'no-folder':
        out = walk(t, s, r'ls %s\*' % path, ok=None)
        t.contains(out, 'NT_STATUS_')
        print('     dfs_bad: smbclient, %s: %s' % (path, next(w for w in out.split() if w.startswith('NT_STATUS_'))), flush=True)
    t.contains(walk(t, s, r'ls good\*', 'ls'), 'where', 'no-server')
    share = type(t.share())('files', s.volume / 'files')
    out = t.kernel(share, 'for p in no-server silent no-share no-folder; do cat $p/x; done; cat good/where', server=s,
                   KCIFS_ALSO=SECOND, timeout=300)
    t.contains(out, 'on ' + SECOND, *['cat: %s/x: ' % p for p in ('no-server', 'silent', 'no-share', 'no-folder')])
    if not s.alive():
        raise Failed('the server ended')
