#!/usr/bin/env python3
"""Writes dfs/tests/vectors/samba.txt: referral requests and what Samba answers, byte for byte.

    tests/ad/capture_dfs.py         needs root, and what tests/install-peers installs

Two servers are asked: a stand-alone smbd with a DFS root (`msdfs root`, links as `msdfs:` symbolic links), and Samba's domain
controller. The requests are written here by hand and not by the code that is tested with them. `cargo test -p freehold-dfs
--test vectors` reads the file.
"""
import datetime
import json
import os
import pathlib
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
import controllers  # noqa: E402
import hosts  # noqa: E402
from rig import server as servers  # noqa: E402

OUT = HERE.parents[1] / 'dfs' / 'tests' / 'vectors' / 'samba.txt'
LEVELS = (1, 2, 3, 4)
LINKS = {'one': r'second.example\data',
         'three': r'second.example\data,third.example\data\deep,10.1.2.3\data',
         'ümlaut': r'zweite.example\Daten ü'}
STAND_ALONE = {'root': r'\127.0.0.1\files', 'link': r'\127.0.0.1\files\one', 'link in other case': r'\127.0.0.1\FILES\ONE',
               'link with three targets': r'\127.0.0.1\files\three', 'path below a link': r'\127.0.0.1\files\one\deep\file.txt',
               'link outside of ASCII': '\\127.0.0.1\\files\\ümlaut', 'path that is no link': r'\127.0.0.1\files\none',
               'share that is no root': r'\127.0.0.1\plain', 'no such share': r'\127.0.0.1\nothing', 'domains': '',
               'server only': r'\127.0.0.1'}
CONTROLLER = {'domains': '', 'controllers of the domain': '\\' + hosts.DOMAIN, 'controllers of the domain by its short name': '\\' + hosts.NETBIOS,
              'sysvol': r'\%s\sysvol' % hosts.DOMAIN, 'netlogon by the short name': r'\%s\netlogon' % hosts.NETBIOS,
              'path in sysvol': r'\%s\sysvol\%s' % (hosts.DOMAIN, hosts.DOMAIN),
              'controllers of another domain': r'\other.example', 'share of the domain that is no root': r'\%s\nothing' % hosts.DOMAIN}
# Of two controllers: answers with several targets in version 4, and lists of several names.
TWO_CONTROLLERS = {what: CONTROLLER[what] for what in ('controllers of the domain', 'sysvol', 'netlogon by the short name')}


def plain(level, path):
    """[MS-DFSC] 2.2.2 REQ_GET_DFS_REFERRAL."""
    return struct.pack('<H', level) + (path + '\0').encode('utf-16-le')


def extended(level, path, site=None):
    """[MS-DFSC] 2.2.3 REQ_GET_DFS_REFERRAL_EX."""
    data = b''
    for text in (path,) if site is None else (path, site):
        bytes_ = text.encode('utf-16-le')
        data += struct.pack('<H', len(bytes_)) + bytes_
    return struct.pack('<HHI', level, 0 if site is None else 1, len(data)) + data


def requests(paths, an_ex):
    for title, path in paths.items():
        for level in LEVELS:
            yield '%s, level %d' % (title, level), 'plain', plain(level, path)
    yield 'extended without a site, level 4', 'ex', extended(4, an_ex)
    yield 'extended with a site, level 4', 'ex', extended(4, an_ex, 'Default-First-Site-Name')


def ask(host, port, user, asked):
    python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
    lines = ''.join(json.dumps({'Code': code, 'Input': bytes_.hex()}) + '\n' for _, code, bytes_ in asked)
    done = subprocess.run([python, HERE.parent / 'e2e' / 'peer_referrals.py', host, str(port), user.name, user.password], input=lines,
                          text=True, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def section(out, origin, asked, replies):
    out.append('# ' + origin)
    for (title, code, bytes_), reply in zip(asked, replies, strict=True):
        out += ['= ' + title, 'code ' + code, 'request ' + bytes_.hex(), 'status ' + reply['Status']]
        if reply['Output']:
            out.append('reply ' + reply['Output'])


def main():
    folder = hosts.enter()
    hosts.become_client(folder)
    version = subprocess.run(['smbd', '--version'], text=True, stdout=subprocess.PIPE, check=True).stdout.split()[-1]
    today, out = datetime.date.today().isoformat(), []
    with servers.Samba(settings='    host msdfs = yes\n') as s:
        for name, lines in ('files', ['msdfs root = yes']), ('plain', []):
            path = s.volume / name
            path.mkdir()
            path.chmod(0o777)
            s.shares[name] = (path, lines)
        for name, target in LINKS.items():
            os.symlink('msdfs:' + target, s.volume / 'files' / name)
        s.start()
        user = s.add_user('alice', 'Al1ce-Passw0rd')
        asked = list(requests(STAND_ALONE, r'\127.0.0.1\files\one'))
        section(out, 'smbd %s, stand-alone, msdfs root and msdfs: symbolic links; asked over SMB 3.1.1 on IPC$, %s' % (version, today), asked,
                ask('127.0.0.1', s.port, user, asked))
    controllers.certificates(folder)
    dc = controllers.Controller(folder, 'dc1')
    dc.provision()
    dc.start()
    dc.add_names()
    asked = list(requests(CONTROLLER, r'\%s\sysvol' % hosts.DOMAIN))
    user = servers.Account('%s\\alice' % hosts.NETBIOS, 'Passw0rd.alice')
    section(out, 'smbd %s as a domain controller (dc1.%s); asked over SMB 3.1.1 on IPC$, %s' % (version, hosts.DOMAIN, today), asked,
            ask(dc.address, 445, user, asked))
    second = controllers.Controller(folder, 'dc2')
    second.join(dc)
    second.start()
    asked = [(what, 'plain', plain(int(what[-1]), TWO_CONTROLLERS[what.partition(',')[0]]))
             for what in ('%s, level %d' % (title, level) for title in TWO_CONTROLLERS for level in (3, 4))]
    section(out, 'smbd %s as one of two domain controllers (dc1 and dc2.%s), the first of which is asked over SMB 3.1.1 on IPC$, %s' % (
        version, hosts.DOMAIN, today), asked, ask(dc.address, 445, user, asked))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text('\n'.join(out) + '\n', 'utf-8')
    print('%d requests in %s' % (sum(line.startswith('= ') for line in out), OUT))
    return 0


if __name__ == '__main__':
    sys.exit(main())
