"""A server to test, started for the test alone: Freehold, or a private Samba smbd to prove the tests against.

Both listen on 127.0.0.1 on a port of their own, keep everything below one folder, and are ended by process id.
Nothing of the machine is used: no port 445, no /etc/samba, no running service.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get('CARGO_TARGET_DIR', ROOT / 'target'))


class RigError(Exception):
    """The test bed itself failed: a peer is missing, or the server did not start."""


RESERVED = []


def free_port():
    """A port for a server, which nothing else is given until this process ends, while its server is down neither. A socket that is
    bound and does not listen keeps it: a server with SO_REUSEADDR may listen beside it, on any address."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('0.0.0.0', 0))
    RESERVED.append(s)
    return s.getsockname()[1]


def freehold_binary():
    """FREEHOLD_BIN, or the newest build below the target folder."""
    named = os.environ.get('FREEHOLD_BIN')
    if named:
        return pathlib.Path(named).resolve()
    built = [p for p in (TARGET / 'release' / 'freehold', TARGET / 'debug' / 'freehold') if p.exists()]
    if not built:
        raise RigError('no freehold binary below %s: run `cargo build --release` first' % TARGET)
    return max(built, key=lambda p: p.stat().st_mtime)


def redirect_445(folder, port):
    """Environment for a client that takes port 445 only: it reaches `port` instead. Builds a library in `folder`."""
    library = pathlib.Path(folder) / 'redirect445.so'
    if not library.exists():
        source = pathlib.Path(__file__).with_name('redirect445.c')
        # under another name until it is whole: other threads take it once it is there
        made = library.with_name('redirect445-%d.so' % threading.get_ident())
        subprocess.run(['cc', '-shared', '-fPIC', '-o', made, source, '-ldl'], check=True)
        os.replace(made, library)
    return {'LD_PRELOAD': str(library), 'REDIRECT_445': str(port)}


class Account:
    """A user name with its password."""

    def __init__(self, name, password):
        self.name, self.password = name, password

    def __str__(self):
        return '%s%%%s' % (self.name, self.password)


class Server:
    """What both servers have in common. `folder` is removed by close() unless it was given."""

    host = '127.0.0.1'
    kind = ''
    inside = ()         # words before a command that run it on the server's machine, when that is another than this

    def __init__(self, folder=None, keep=False):
        self.own_folder = folder is None
        self.keep = keep
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix='freehold-test-'))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.port = free_port()
        self.process = None
        self.lock = threading.Lock()
        self.shares = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stop()
        if self.own_folder and not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def launch(self, command, log, env=None, ready=None, seconds=30):
        """Starts `command` with its output in the file `log` and waits until the port accepts."""
        with open(log, 'ab') as out:
            self.process = subprocess.Popen([str(c) for c in (*self.inside, *command)], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT, env=env, cwd=self.folder,
                                            start_new_session=True)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RigError('%s ended with status %d:\n%s' % (command[0], self.process.returncode, self.tail(log)))
            try:
                socket.create_connection((self.host, self.port), 1).close()
                if ready is None or ready():
                    return
            except OSError:
                pass
            time.sleep(0.05)
        self.kill()
        raise RigError('%s did not come up in %d s:\n%s' % (command[0], seconds, self.tail(log)))

    @staticmethod
    def tail(log, lines=30):
        try:
            return '\n'.join(pathlib.Path(log).read_text('utf-8', 'replace').splitlines()[-lines:])
        except OSError:
            return ''

    def signal(self, number):
        self.process.send_signal(number)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL, and waits for the end."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self, seconds=20):
        """SIGTERM, and waits for the end; returns the exit status (None when it was not running)."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            threads = self.threads()
            self.kill()
            raise RigError('the server did not end within %d s of SIGTERM; its threads: %s; its log:\n%s' % (
                seconds, threads, self.tail(self.log)))
        self.process = None
        return status

    def threads(self):
        """The threads of the server, each with what the kernel says it waits for."""
        said = []
        for task in sorted(pathlib.Path('/proc/%d/task' % self.process.pid).glob('*')):
            try:
                said.append('%s in %s' % ((task / 'comm').read_text().strip(), (task / 'wchan').read_text().strip()))
            except OSError:      # it has just ended
                pass
        return ', '.join(said)

    def restart(self):
        self.stop()
        self.start()


class Freehold(Server):
    """`freehold serve --config` with a state folder and one volume per share folder."""

    kind = 'freehold'
    name = 'FREEHOLDTEST'
    address = '127.0.0.1'
    admin = Account('admin', 'Adm1n-Passw0rd')

    def __init__(self, folder=None, keep=False, settings=None, volume=None, env=None):
        """`settings`: further text for freehold.toml. `volume`: a folder to serve instead of one below `folder`."""
        super().__init__(folder, keep)
        self.binary = freehold_binary()
        self.settings = settings or ''
        self.env = dict(os.environ, **(env or {}))
        self.state = self.folder / 'state'
        self.volume = pathlib.Path(volume) if volume else self.folder / 'volume'
        self.config = self.folder / 'freehold.toml'
        self.log = self.folder / 'freehold.log'
        self.users = {}
        for d in (self.state, self.volume):
            d.mkdir(mode=0o700, exist_ok=True)

    def write_config(self):
        self.config.write_text("""[server]
listen = ["{address}:{port}"]
name = "{name}"
state_dir = "{state}"
admin_socket = "{folder}/admin.sock"

[volumes.data]
path = "{volume}"

{settings}
""".format(address=self.address, port=self.port, name=self.name, state=self.state, folder=self.folder, volume=self.volume,
           settings=self.settings))

    def start(self):
        """Starts the server; the first time, with its administrator's account."""
        self.write_config()
        self.launch([self.binary, 'serve', '--config', self.config], self.log, self.env,
                    ready=self.administers)
        if self.admin.name not in self.users:
            self.add_user(self.admin.name, self.admin.password, admin=True)
        return self

    def administers(self):
        """The administration socket answers. That it exists says nothing: one that was killed leaves its own behind."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.folder / 'admin.sock'))
            except OSError:
                return False
        return True

    def add_user(self, name, password, admin=False):
        self.run('user', 'add', name, '--password-stdin', *(['--admin'] if admin else []), stdin=password + '\n')
        self.users[name] = account = Account(name, password)
        return account

    def add_share(self, name, encrypt=False, access_based=False, volume='data', root=None, options=()):
        """A share of its own folder in the volume, which every user may connect to with full access. `volume` and `root`:
        another volume of `settings` and its folder. `options`: further options of `freehold share add`."""
        self.run('share', 'add', name, '--volume', volume, '--path', name, '--access', 'D:(A;;FA;;;WD)',
                 *(['--encrypt'] if encrypt else []), *(['--access-based-enumeration'] if access_based else []), *options)
        self.shares[name] = path = pathlib.Path(root or self.volume) / name
        return path

    def set_root_acl(self, share, *entries):
        """The entries (as smbcacls takes them) become the DACL of the root folder of `share`."""
        command = ['smbcacls', '-s', '/dev/null', '-U', str(self.admin), '//%s/%s' % (self.host, share), '/', '-S',
                   ','.join('ACL:' + e for e in entries)]
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=dict(os.environ, **redirect_445(self.folder, self.port)))
        if done.returncode != 0:
            raise RigError('%s: %s' % (' '.join(command), done.stdout.strip()))

    def open_root(self, share):
        """Gives everybody full access to the root folder of `share` and to what will be in it."""
        self.set_root_acl(share, 'S-1-1-0:ALLOWED/OI|CI/FULL')

    def close_root(self, share):
        """Leaves nobody but administrators a right to the root folder of `share`."""
        self.set_root_acl(share, 'S-1-5-32-544:ALLOWED/OI|CI/FULL')

    def run(self, *words, stdin=None, check=True, timeout=60):
        """Runs an admin command of the CLI against this server; returns the finished process."""
        done = subprocess.run([str(self.binary), *words, '--socket', str(self.folder / 'admin.sock')], input=stdin, text=True, timeout=timeout, cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env)
        if check and done.returncode != 0:
            raise RigError('freehold %s: status %d: %s' % (' '.join(words), done.returncode, done.stderr.strip()))
        return done


class Samba(Server):
    """A private smbd (acl_xattr, streams_xattr), to see how a known server fares in the same test. Needs root."""

    kind = 'samba'
    admin = Account('root', 'Adm1n-Passw0rd')

    def __init__(self, folder=None, keep=False, settings=None, volume=None, env=None):
        super().__init__(folder, keep)
        self.settings = settings or ''
        self.volume = pathlib.Path(volume) if volume else self.folder / 'volume'
        self.volume.mkdir(exist_ok=True)
        self.conf = self.folder / 'smb.conf'
        self.log = self.folder / 'smbd.log'
        self.accounts = []
        for d in ('private', 'lock', 'state', 'cache', 'pid', 'ncalrpc', 'wb'):
            (self.folder / d).mkdir(mode=0o755, exist_ok=True)
        self.write()
        self.smbpasswd(self.admin)

    def write(self):
        f = self.folder
        text = '''[global]
    netbios name = REFERENCE
    workgroup = WORKGROUP
    server role = standalone server
    passdb backend = tdbsam
    map to guest = never
    interfaces = 127.0.0.1
    bind interfaces only = yes
    smb ports = {port}
    disable netbios = yes
    private dir = {f}/private
    lock directory = {f}/lock
    state directory = {f}/state
    cache directory = {f}/cache
    pid directory = {f}/pid
    ncalrpc dir = {f}/ncalrpc
    winbindd socket directory = {f}/wb
    usershare max shares = 0
    log file = {f}/smbd.log
    log level = 1
    max log size = 0
    load printers = no
    printcap name = /dev/null
    disable spoolss = yes
    server min protocol = SMB2_02
    server multi channel support = yes
    read only = no
    kernel oplocks = no
    kernel change notify = no
    kernel share modes = no
    posix locking = no
    durable handles = yes
    map hidden = no
    map system = no
    map readonly = no
    map archive = no
    store dos attributes = yes
    ea support = yes
    map acl inherit = yes
    inherit acls = yes
    create mask = 0777
    directory mask = 0777
    dos filemode = yes
    strict sync = yes
    vfs objects = acl_xattr streams_xattr
{settings}
'''.format(port=self.port, f=f, settings=self.settings)
        for name, (path, lines) in self.shares.items():
            text += '[%s]\n    path = %s\n%s' % (name, path, ''.join('    %s\n' % line for line in lines))
        self.conf.write_text(text)

    def smbpasswd(self, account):
        known = subprocess.run(['getent', 'passwd', account.name], stdout=subprocess.DEVNULL).returncode == 0
        if not known:
            subprocess.run(['useradd', '-M', '-N', '-g', 'nogroup', '-s', '/usr/sbin/nologin', account.name], check=True)
        subprocess.run(['smbpasswd', '-c', str(self.conf), '-L', '-s', '-a', account.name], check=True, text=True,
                       input='%s\n%s\n' % (account.password, account.password), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        self.write()
        self.launch(['smbd', '--foreground', '--no-process-group', '-s', self.conf], self.log)
        return self

    def stop(self, seconds=20):
        """smbd's children outlive a foreground parent: end those of our own session too."""
        process = self.process
        status = super().stop(seconds)
        if process is not None:
            try:
                os.killpg(process.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        return status

    def kill(self):
        process = self.process
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
        super().kill()

    def add_user(self, name, password, admin=False):
        with self.lock:
            account = Account(name, password)
            self.smbpasswd(account)
            return account

    def add_share(self, name, encrypt=False, access_based=False):
        with self.lock:
            path = self.volume / name
            path.mkdir(exist_ok=True)
            path.chmod(0o777)
            lines = []
            if encrypt:
                lines.append('server smb encrypt = required')
            if access_based:
                lines.append('hide unreadable = yes')
            self.shares[name] = (path, lines)
            self.write()
            if self.alive():
                # it takes one message after the other: the answer to the second says that the first was carried out
                for message in ('reload-config', 'ping'):
                    subprocess.run(['smbcontrol', '-s', str(self.conf), str(self.process.pid), message], check=True,
                                   stdout=subprocess.DEVNULL)
            return path

    def open_root(self, share):
        """Everybody has full access to the root folder of a share already."""

    def close_root(self, share):
        """Leaves nobody a right to the root folder of `share`."""
        self.shares[share][0].chmod(0)


def make(kind, **options):
    """The server of that kind: 'freehold' or 'samba'."""
    return {'freehold': Freehold, 'samba': Samba}[kind](**options)
