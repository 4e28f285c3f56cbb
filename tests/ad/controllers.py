"""A real Active Directory: Samba's domain controller, provisioned and filled anew for every run.

The domain's SID and the relative identifiers of its accounts are the same every time (seed.py). The second controller
joins the first as a controller and replicates from it, as Windows' would.
"""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import hosts
from hosts import CONTROLLERS, DOMAIN, NETBIOS, REALM, SERVERS

HERE = pathlib.Path(__file__).resolve().parent
ADMIN_PASSWORD = 'Adm1n.Passw0rd'
SID = 'S-1-5-21-1111111111-2222222222-3333333333'
BASE = ','.join('DC=' + part for part in DOMAIN.split('.'))
SERVERS_OU = 'OU=Servers,OU=Freehold,' + BASE


class ControllerError(Exception):
    """A domain controller did not come up."""


@contextlib.contextmanager
def frozen(*controllers):
    """They stand still meanwhile, and answer again behind it."""
    for dc in controllers:
        dc.freeze()
    try:
        yield
    finally:
        for dc in controllers:
            dc.thaw()
    for dc in controllers:
        dc.answers()


@contextlib.contextmanager
def unplugged(*controllers):
    """They are cut off the network meanwhile, and answer again behind it."""
    for dc in controllers:
        dc.cable(False)
    try:
        yield
    finally:
        for dc in controllers:
            dc.cable(True)
    for dc in controllers:
        dc.answers()


def certificates(folder):
    """An authority and a server certificate for each controller, as small as TLS libraries of today take them."""
    def openssl(*words):
        hosts.run('openssl', *words, cwd=folder)
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'ca.key')
    openssl('req', '-x509', '-new', '-key', 'ca.key', '-days', '30', '-subj', '/CN=%s test CA' % NETBIOS, '-out', 'ca.crt',
            '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
    for name, address in CONTROLLERS.items():
        openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', name + '.key')
        openssl('req', '-new', '-key', name + '.key', '-subj', '/CN=%s.%s' % (name, DOMAIN), '-out', name + '.csr')
        (folder / 'extensions').write_text(
            'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n'
            'subjectAltName=DNS:%s.%s,DNS:%s,IP:%s\n' % (name, DOMAIN, DOMAIN, address))
        openssl('x509', '-req', '-in', name + '.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30',
                '-extfile', 'extensions', '-out', name + '.crt')
        os.chmod(folder / (name + '.key'), 0o600)


class Pulse:
    """How long controllers take to answer the smallest question while something else is done: `slowest`, of all of them."""

    # RFC 4511: a search of the root DSE for no attributes by nobody
    QUESTION = bytes.fromhex('3025020101632004000a01000a0100020100020100010100870b') + b'objectclass' + bytes.fromhex('3000')

    def __init__(self, controllers):
        self.slowest, self.over = 0.0, threading.Event()
        self.threads = [threading.Thread(target=self.ask, args=(dc.address,), daemon=True) for dc in controllers]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def ask(self, address):
        while not self.over.wait(0.1):
            begin = time.monotonic()
            try:
                with socket.create_connection((address, 389), 10) as s:
                    s.sendall(self.QUESTION)
                    s.recv(1)
            except OSError:
                self.slowest = float('inf')
            self.slowest = max(self.slowest, time.monotonic() - begin)


class Controller:
    """One domain controller on a machine of its own."""

    def __init__(self, folder, name):
        self.name, self.address = name, CONTROLLERS[name]
        self.fqdn = '%s.%s' % (name, DOMAIN)
        self.host = hosts.Host(folder, name, [self.address], processes=True)
        self.certificates = folder
        self.folder = self.host.folder / 'samba'
        self.log = self.host.folder / 'samba.log'
        self.conf = self.folder / 'etc' / 'smb.conf'
        self.empty = self.host.folder / 'empty.conf'
        self.process = None
        self.away = False       # it runs, and is not to answer: it stands still, or is cut off

    def setting_lines(self):
        f = self.folder
        return '''[global]
    netbios name = {netbios}
    workgroup = {domain}
    realm = {realm}
    server role = active directory domain controller
    private dir = {f}/private
    state directory = {f}/state
    cache directory = {f}/cache
    lock directory = {f}
    binddns dir = {f}/bind-dns
    pid directory = {f}/run
    ncalrpc dir = {f}/run/ncalrpc
    ntp signd socket directory = {f}/run/ntp_signd
    log file = {f}/samba.log
    log level = 1
    interfaces = lo eth0
    bind interfaces only = yes
    dns forwarder = 127.0.0.153
    allow dns updates = nonsecure and secure
    dns update command = /bin/true
    idmap_ldb:use rfc2307 = yes
    dreplsrv:notify_interval = 1
    tls cafile = {tls}/ca.crt
    tls certfile = {tls}/{name}.crt
    tls keyfile = {tls}/{name}.key
[sysvol]
    path = {f}/state/sysvol
    read only = No
[netlogon]
    path = {f}/state/sysvol/{dns}/scripts
    read only = No
'''.format(netbios=self.name.upper(), domain=NETBIOS, realm=REALM, dns=DOMAIN, f=f, tls=self.certificates, name=self.name)

    def provision(self):
        """Makes the domain and its accounts."""
        self.empty.write_text('')       # the distribution's configuration would be merged into the controller's
        self.host.run('samba-tool', 'domain', 'provision', '-s', self.empty, '--realm=' + REALM, '--domain=' + NETBIOS,
                      '--domain-sid=' + SID, '--server-role=dc', '--dns-backend=SAMBA_INTERNAL', '--use-rfc2307',
                      '--adminpass=' + ADMIN_PASSWORD, '--host-name=' + self.name, '--host-ip=' + self.address,
                      '--targetdir=%s' % self.folder)
        self.conf.write_text(self.setting_lines())
        self.host.run('/usr/bin/python3', HERE / 'seed.py', self.conf)

    def join(self, other):
        """Becomes a further controller of the domain of `other`, which runs."""
        self.empty.write_text('')
        (self.host.folder / 'etc' / 'resolv.conf').write_text('search %s\nnameserver %s\n' % (DOMAIN, other.address))
        self.host.run('samba-tool', 'domain', 'join', DOMAIN, 'DC', '-s', self.empty, '-U', 'Administrator%' + ADMIN_PASSWORD,
                      '--server=' + other.fqdn, '--dns-backend=SAMBA_INTERNAL', '--targetdir=%s' % self.folder,
                      '--option=netbios name=' + self.name.upper(), '--option=interfaces=lo eth0',
                      '--option=bind interfaces only=yes')
        self.conf.write_text(self.setting_lines())
        (self.folder / 'state' / 'sysvol' / DOMAIN / 'scripts').mkdir(parents=True, exist_ok=True)

    def start(self):
        """Starts it and waits until it answers."""
        (self.folder / 'run').mkdir(exist_ok=True)
        self.process = self.host.start(['samba', '-F', '--no-process-group', '-M', 'single', '-s', self.conf], self.log)
        return self.answers()

    def answers(self, seconds=180):
        """Waits until LDAP, DNS, winbind and RPC answer: after a start, and when it has stood still and may have much to do."""
        end = time.monotonic() + seconds
        waiting = [
            ['ldapsearch', '-x', '-H', 'ldap://' + self.address, '-s', 'base', '-b', '', '-LLL', 'defaultNamingContext'],
            ['host', '-W', '1', '-t', 'SRV', '_ldap._tcp.' + DOMAIN, self.address],
            [*self.host.inside, 'wbinfo', '-p'],
            ['rpcclient', '-U', 'Administrator%' + ADMIN_PASSWORD, 'ncacn_ip_tcp:' + self.address, '-c', 'dsroledominfo'],
        ]
        while waiting:
            try:
                done = subprocess.run(waiting[0], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)
                if done.returncode == 0:
                    waiting.pop(0)
                    continue
            except subprocess.TimeoutExpired:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise ControllerError('%s does not answer %s:\n%s' % (self.name, waiting[0], self.log.read_text()[-2000:]))
            time.sleep(0.05)
        return self

    def add_names(self):
        """The records of the machines, which a Windows machine would register by itself."""
        names = [*SERVERS.items(), ('client', hosts.CLIENT)]
        lines = ['server ' + self.address, 'zone ' + DOMAIN]
        lines += ['update add %s.%s 60 A %s' % (n, DOMAIN, a) for n, a in names]
        self.update(lines)

    def add_controller_names(self, other):
        """What the controller `other` would register of itself: that it is there for LDAP, Kerberos and the rest."""
        lines = ['server ' + self.address, 'zone ' + DOMAIN]
        lines += ['update add %s %s' % (n, r) for n, r in [
            (other.fqdn, '60 A ' + other.address), (DOMAIN, '60 A ' + other.address),
            *[('%s.%s' % (n, DOMAIN), '60 SRV 0 100 %d %s.' % (p, other.fqdn)) for n, p in [
                ('_ldap._tcp', 389), ('_kerberos._tcp', 88), ('_kerberos._udp', 88), ('_kpasswd._tcp', 464), ('_gc._tcp', 3268),
                ('_ldap._tcp.default-first-site-name._sites', 389), ('_kerberos._tcp.default-first-site-name._sites', 88)]]]]
        lines += ['send', 'zone _msdcs.' + DOMAIN]
        lines += ['update add %s._msdcs.%s 60 SRV 0 100 %d %s.' % (n, DOMAIN, p, other.fqdn) for n, p in [
            ('_ldap._tcp.dc', 389), ('_kerberos._tcp.dc', 88), ('_ldap._tcp.gc', 3268),
            ('_ldap._tcp.default-first-site-name._sites.dc', 389), ('_kerberos._tcp.default-first-site-name._sites.dc', 88)]]
        self.update(lines)

    def lists_itself(self, other, seconds=180):
        """Waits until its own DNS lists it, as the one of `other` does: it is the only DNS while the other one is away."""
        names = ['_ldap._tcp.dc._msdcs.' + DOMAIN, '_ldap._tcp.' + DOMAIN]
        end = time.monotonic() + seconds
        while True:
            try:
                for zones in 'DC=DomainDnsZones,', 'DC=ForestDnsZones,':
                    self.replicate_from(other, zones + BASE)
                told = [hosts.run('host', '-W', '2', '-t', 'SRV', name, self.address) for name in names]
                if all(self.fqdn in answer for answer in told):
                    return
            except hosts.HostError as e:
                told = e
            if time.monotonic() > end:
                raise ControllerError('the DNS of %s does not list it: %s' % (self.name, told))
            time.sleep(0.5)

    def update(self, lines):
        done = subprocess.run(['nsupdate'], input='\n'.join([*lines, 'send', '']), text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise ControllerError('nsupdate: ' + done.stdout)

    def lead(self, name, server, seconds=60):
        """A share that sends clients on to the share of that name on `server`: as docs/dfs.md says that it is done. It is there when this
        returns: a controller reads its configuration in its own time."""
        path = self.folder / 'dfs' / name
        path.mkdir(parents=True, exist_ok=True)
        with self.conf.open('a') as f:
            f.write('[%s]\n    path = %s\n    msdfs root = yes\n    msdfs proxy = \\%s\\%s\n' % (name, path, server, name))
        self.host.run('smbcontrol', '-s', self.conf, 'all', 'reload-config')
        end = time.monotonic() + seconds
        while True:
            listed = hosts.run('smbclient', '-s', self.empty, '-g', '-L', self.fqdn, '-U', 'Administrator%' + ADMIN_PASSWORD)
            if any(line.startswith('Disk|%s|' % name) for line in listed.splitlines()):
                return
            if time.monotonic() > end:
                raise ControllerError('%s does not show the share %s:\n%s' % (self.name, name, listed))
            time.sleep(0.2)

    def replicate_from(self, other, context=BASE):
        """Asks it to fetch what is new in a naming context from another controller. A busy one forgets that it was asked."""
        self.host.run('samba-tool', 'drs', 'replicate', self.fqdn, other.fqdn, context, '-s', self.conf, '-U',
                      'Administrator%' + ADMIN_PASSWORD)

    def tool(self, *words, **options):
        """samba-tool on the controller's own database."""
        return self.host.run('samba-tool', *words, '-s', self.conf, **options)

    def modify(self, ldif, ok=True):
        """Changes of the directory by its administrator, as LDIF."""
        done = subprocess.run(['ldapmodify', '-x', '-H', 'ldaps://' + self.fqdn, '-D', 'Administrator@' + DOMAIN, '-w',
                               ADMIN_PASSWORD], input=ldif, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if ok and done.returncode != 0:
            raise ControllerError('ldapmodify: %s' % done.stdout)

    def search(self, query, *attributes, base=BASE):
        """What the directory says, as ldapsearch prints it (each attribute on one line)."""
        return hosts.run('ldapsearch', '-x', '-LLL', '-o', 'ldif-wrap=no', '-H', 'ldaps://' + self.fqdn, '-D',
                         'Administrator@' + DOMAIN, '-w', ADMIN_PASSWORD, '-b', base, query, *attributes, timeout=120)

    def freeze(self):
        """Every process stands still: connections are accepted by the kernel, and nothing is answered."""
        self.away = True
        self.host.everything(signal.SIGSTOP)

    def thaw(self):
        self.host.everything(signal.SIGCONT)
        self.process.send_signal(signal.SIGCONT)        # nsenter stops with what it runs
        self.away = False

    def cable(self, plugged):
        """Cuts it off the network, or puts it back."""
        self.away = not plugged
        self.host.cable(plugged)

    def kill(self):
        """SIGKILL to every process: connections are reset, and refused from then on."""
        self.host.everything(signal.SIGKILL)
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
