"""Machines of a test network: each has interfaces, mounts, a host name and an /etc of its own, and no name on this machine.

`enter` runs the whole test inside such a machine, the client: its children are the others, and a bridge in it is the
network. When the client's first process ends, for whatever reason, the kernel ends everything that was started in it
or below; nothing of the real machine is changed but one temporary folder. Needs root.
"""
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

DOMAIN = 'corp.example'
REALM = DOMAIN.upper()
NETBIOS = 'CORP'
CLIENT = '10.88.0.5'
CONTROLLERS = {'dc1': '10.88.0.11', 'dc2': '10.88.0.12'}
# The machine that runs servers has several addresses: each server takes one, with port 445 and a name of its own.
SERVERS = {'fileserver': '10.88.0.20', **{'fs%d' % n: '10.88.0.%d' % (20 + n) for n in range(1, 40)},
           **{'fs%d' % n: '10.88.0.%d' % (100 + n) for n in range(40, 100)}}

INSIDE = 'FREEHOLD_AD_FOLDER'
PR_SET_PDEATHSIG = 1


class HostError(Exception):
    """The network could not be made."""


def _dies_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def enter():
    """Runs this program again as the first process of the client machine, and ends with its status. Returns, inside,
    the folder of the run, which is removed at the end."""
    inside = os.environ.get(INSIDE)
    if inside:
        return pathlib.Path(inside)
    if os.geteuid() != 0:
        sys.exit('root is needed: the test makes network namespaces')
    folder = tempfile.mkdtemp(prefix='freehold-ad-')
    os.chmod(folder, 0o755)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    child = None
    try:
        child = subprocess.Popen(
            ['unshare', '--net', '--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc', sys.executable, *sys.argv],
            env=dict(os.environ, **{INSIDE: folder}), preexec_fn=_dies_with_parent)
        return sys.exit(child.wait())
    finally:
        if child is not None and child.poll() is None:
            child.kill()
            child.wait()
        if '--keep' not in sys.argv:
            for _ in range(50):     # the last processes are still letting go of it
                shutil.rmtree(folder, ignore_errors=True)
                if not os.path.exists(folder):
                    break
                time.sleep(0.1)


def run(*command, **options):
    """A command that must succeed; what it printed."""
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, **options)
    if done.returncode != 0:
        raise HostError('%s: status %d: %s' % (' '.join(map(str, command)), done.returncode, done.stdout.strip()[-2000:]))
    return done.stdout


def krb5_conf():
    """MIT Kerberos: the controllers by address, so that clients do not depend on the DNS that is tested."""
    return '''[libdefaults]
    default_realm = {realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 0
[realms]
    {realm} = {{
{kdcs}
        default_domain = {domain}
    }}
[domain_realm]
    .{domain} = {realm}
    {domain} = {realm}
'''.format(realm=REALM, domain=DOMAIN,
           kdcs='\n'.join('        kdc = %s\n        kpasswd_server = %s' % (a, a) for a in CONTROLLERS.values()))


def make_etc(folder, name):
    """A copy of /etc in `folder` for a machine of this name."""
    etc = folder / 'etc'
    run('cp', '-a', '/etc', etc)
    for link in ('resolv.conf', 'hosts', 'krb5.conf', 'nsswitch.conf', 'hostname'):
        (etc / link).unlink(missing_ok=True)
    (etc / 'hostname').write_text(name + '\n')
    (etc / 'resolv.conf').write_text('search %s\n%soptions timeout:1 attempts:2\n' % (
        DOMAIN, ''.join('nameserver %s\n' % a for a in CONTROLLERS.values())))
    (etc / 'hosts').write_text('127.0.0.1 localhost\n' + ''.join(
        '%s %s.%s %s\n' % (address, host, DOMAIN, host)
        for host, address in [*CONTROLLERS.items(), *SERVERS.items(), ('client', CLIENT)]))
    (etc / 'nsswitch.conf').write_text('passwd: files winbind\ngroup: files winbind\nshadow: files\nhosts: files dns\n')
    (etc / 'krb5.conf').write_text(krb5_conf())
    (etc / 'request-key.d').mkdir(exist_ok=True)
    return etc


# A machine's mounts: its /etc, and a /run/samba of its own (winbindd's socket is there, its path is compiled into libraries).
SETUP = '''set -e
mount --bind "$1" /etc
mkdir -p /run/samba
mount -t tmpfs -o mode=755 tmpfs /run/samba
ip link set lo up
hostname "$2"
'''


def become_client(folder):
    """Makes this process's machine the client, with the bridge that is the network."""
    mine = folder / 'client'
    mine.mkdir()
    # everything temporary is below the folder that is removed at the end; the kernel rig keeps what it compiled
    os.environ.setdefault('RIG_DIR', os.path.join(tempfile.gettempdir(), 'freehold-kernel-cifs'))
    (folder / 'tmp').mkdir()
    os.environ['TMPDIR'] = tempfile.tempdir = str(folder / 'tmp')
    etc = make_etc(mine, 'client')
    run('sh', '-c', SETUP, 'sh', etc, 'client')
    run('ip', 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0')
    run('ip', 'addr', 'add', CLIENT + '/24', 'dev', 'br0')
    run('ip', 'link', 'set', 'br0', 'up')
    # where tools find the directory's certificate authority, and keep tickets when nobody says where
    os.environ.update(LDAPTLS_CACERT=str(folder / 'ca.crt'), LDAPSASL_NOCANON='on', KRB5CCNAME='FILE:%s/tickets' % mine)


class Host:
    """A machine beside the client. `processes`: it has process ids of its own, and ends with all of them."""

    def __init__(self, folder, name, addresses, processes=False):
        self.name, self.folder, self.processes = name, folder / name, processes
        self.folder.mkdir()
        etc = make_etc(self.folder, name)
        spaces = ['--net', '--mount', '--uts']
        if processes:
            spaces += ['--pid', '--fork', '--kill-child', '--mount-proc']
        self.holder = subprocess.Popen(
            ['unshare', *spaces, 'sh', '-c', SETUP + 'echo ready\nexec sleep infinity', 'sh', str(etc), name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=_dies_with_parent)
        said = self.holder.stdout.readline()
        if said != 'ready\n':
            raise HostError('machine %s: %s%s' % (name, said, self.holder.stdout.read()))
        self.pid = self.holder.pid
        if processes:
            self.pid = int(pathlib.Path('/proc/{0}/task/{0}/children'.format(self.pid)).read_text().split()[0])
        self.inside = ['nsenter', '-t', str(self.pid), '--net', '--mount', '--uts', *(['--pid'] if processes else []), '--']
        run('ip', 'link', 'add', 'to-' + name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', str(self.pid))
        run('ip', 'link', 'set', 'to-' + name, 'master', 'br0', 'up')
        for address in addresses:
            self.run('ip', 'addr', 'add', address + '/24', 'dev', 'eth0')
        self.run('ip', 'link', 'set', 'eth0', 'up')

    def run(self, *command, **options):
        """A command on this machine that must succeed; what it printed."""
        return run(*self.inside, *command, **options)

    def start(self, command, log, env=None):
        """A program that goes on running there."""
        with open(log, 'ab') as out:
            return subprocess.Popen([*self.inside, *map(str, command)], stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=subprocess.STDOUT, env=env, start_new_session=True)

    def everything(self, number):
        """A signal to every process of a machine with process ids of its own."""
        if not self.processes:
            raise HostError('%s has no processes of its own' % self.name)
        subprocess.run([*self.inside, 'kill', '-%s' % signal.Signals(number).name[3:], '-1'], stderr=subprocess.DEVNULL)

    def cable(self, plugged):
        """Pulls the machine's network cable, or puts it back."""
        run('ip', 'link', 'set', 'to-' + self.name, 'up' if plugged else 'down')
