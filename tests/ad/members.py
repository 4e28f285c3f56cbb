"""A server that is a member of the test's domain: Freehold, or Samba to prove the tests against.

Both listen on port 445 of an address of the servers' machine, under a name that DNS has. Users of the domain are known
after `join`; Freehold has its own administrator beside them.
"""
import json
import os
import shutil
import signal
import subprocess
import time

from controllers import ADMIN_PASSWORD, SERVERS_OU
from hosts import DOMAIN, NETBIOS, REALM, SERVERS
from rig import server as servers

JOINER = servers.Account('svc-join', 'Passw0rd.svc-join')


def domain_account(name, password=None):
    return servers.Account('%s\\%s' % (NETBIOS, name), password or 'Passw0rd.' + name)


class Place:
    """What the server of either kind has: a machine, a name, an address."""

    def place(self, bed, name):
        self.bed, self.inside = bed, bed.machine.inside
        self.host, self.address, self.port = '%s.%s' % (name, DOMAIN), SERVERS[name], 445
        self.name = name.upper()


class Freehold(Place, servers.Freehold):
    """Freehold on the servers' machine."""

    def __init__(self, bed, name, **options):
        servers.Freehold.__init__(self, **options)
        self.place(bed, name)

    @property
    def local_admin(self):
        """The administrator's account of the server itself: a bare name is one of the domain to Samba's programs."""
        return servers.Account('%s\\%s' % (self.name, self.admin.name), self.admin.password)

    def join(self, user=JOINER, *options):
        return self.run('domain', 'join', DOMAIN, '--user', user.name, '--ou', SERVERS_OU, '--password-file', '-', *options,
                        stdin=user.password + '\n', timeout=120)

    def keytab(self, file):
        """The server's keys, in a file for MIT's programs."""
        self.run('domain', 'keytab', 'export', str(file), '--force')

    def as_json(self, *words):
        return json.loads(self.run(*words, '-o', 'json').stdout)


class Samba(Place, servers.Server):
    """smbd and winbindd as a plain member."""

    kind = 'samba'

    def __init__(self, bed, name, keep=False):
        servers.Server.__init__(self, keep=keep)
        self.place(bed, name)
        self.log = self.folder / 'smbd.log'
        self.conf = self.folder / 'smb.conf'
        self.volume = self.folder / 'volume'
        self.winbindd = None
        for d in ('private', 'lock', 'state', 'cache', 'pid', 'ncalrpc', 'volume'):
            (self.folder / d).mkdir(mode=0o755)
        # nss_winbind is not installed in the machine, only unpacked (tests/install-peers)
        self.env = dict(os.environ, LD_LIBRARY_PATH=str(servers.TARGET / 'peers' / 'nss-winbind'))
        self.write()

    def write(self):
        text = '''[global]
    netbios name = {name}
    workgroup = {domain}
    realm = {realm}
    security = ads
    server role = member server
    private dir = {f}/private
    lock directory = {f}/lock
    state directory = {f}/state
    cache directory = {f}/cache
    pid directory = {f}/pid
    ncalrpc dir = {f}/ncalrpc
    log file = {f}/smbd.log
    log level = 1
    max log size = 0
    interfaces = {address}
    bind interfaces only = yes
    smb ports = 445
    disable netbios = yes
    kerberos method = secrets and keytab
    idmap config * : backend = tdb
    idmap config * : range = 90000-99999
    idmap config {domain} : backend = rid
    idmap config {domain} : range = 100000-199999
    winbind use default domain = no
    winbind scan trusted domains = no
    load printers = no
    printcap name = /dev/null
    disable spoolss = yes
    server min protocol = SMB2_02
    read only = no
    vfs objects = acl_xattr
    acl_xattr:ignore system acls = yes
    create mask = 0777
    directory mask = 0777
'''.format(name=self.name, domain=NETBIOS, realm=REALM, f=self.folder, address=self.address)
        for name, path in self.shares.items():
            text += '[%s]\n    path = %s\n' % (name, path)
        self.conf.write_text(text)

    def join(self):
        subprocess.run([*self.inside, 'net', 'ads', 'join', '-s', str(self.conf), '-U', 'Administrator%' + ADMIN_PASSWORD,
                        '--no-dns-updates', 'createcomputer=Freehold/Servers'], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, env=self.env)

    def keytab(self, file):
        shutil.copy(self.bed.machine.folder / 'etc' / 'krb5.keytab', file)

    def start(self):
        if not (self.folder / 'private' / 'secrets.tdb').exists():
            self.join()
        with open(self.folder / 'winbindd.log', 'ab') as out:
            self.winbindd = subprocess.Popen([*self.inside, 'winbindd', '-F', '--no-process-group', '-s', str(self.conf)],
                                             stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, env=self.env)
        end = time.monotonic() + 120
        while subprocess.run([*self.inside, 'wbinfo', '-t'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            if time.monotonic() > end:
                raise servers.RigError('winbindd does not answer: ' + self.tail(self.folder / 'winbindd.log'))
            time.sleep(0.1)
        self.launch(['smbd', '--foreground', '--no-process-group', '-s', self.conf], self.log, self.env)
        return self

    def stop(self, seconds=20):
        for process in (self.process, self.winbindd):
            if process is not None:
                try:
                    os.killpg(process.pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass
                process.wait(seconds)
        self.process = self.winbindd = None

    def add_share(self, name, **_):
        with self.lock:
            path = self.volume / name
            path.mkdir()
            path.chmod(0o777)
            self.shares[name] = path
            self.write()
            subprocess.run([*self.inside, 'smbcontrol', '-s', str(self.conf), str(self.process.pid), 'reload-config'], check=True)
            time.sleep(0.3)
            return path


def make(kind, bed, name, **options):
    return {'freehold': Freehold, 'samba': Samba}[kind](bed, name, **options)
