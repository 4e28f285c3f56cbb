"""Runs the cases against a member server, with a domain around it: what tests/rig/harness.py does, on machines of their own."""
import os
import subprocess
import threading
import time

import controllers
import hosts
import members
from controllers import ADMIN_PASSWORD
from hosts import DOMAIN, NETBIOS, REALM, SERVERS
from rig import harness
from rig import server as servers


# What logons, tickets and the cases ask of an account: one change after the other makes it, and each is replicated by itself.
ACCOUNT = ('pwdLastSet', 'userAccountControl', 'dNSHostName', 'servicePrincipalName', 'msDS-SupportedEncryptionTypes')


class Bed:
    """The network: two controllers, and a machine for servers."""

    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.Lock()
        self.names = [n for n in SERVERS if n != 'fileserver']
        hosts.become_client(folder)
        controllers.certificates(folder)
        self.dc1 = controllers.Controller(folder, 'dc1')
        self.dc1.provision()
        self.dc1.start()
        self.dc1.add_names()
        self.machine = hosts.Host(folder, 'fileserver', SERVERS.values())
        # made here: what holds a machine ends with the thread that started it
        self.second, self.second_failed = controllers.Controller(folder, 'dc2'), None
        self.joining = threading.Thread(target=self.make_second, daemon=True)
        self.joining.start()

    def make_second(self):
        try:
            self.second.join(self.dc1)
            self.second.start()
            # from now on servers use it, and cases let each fetch what the other was told (`replicated`)
            self.dc1.add_controller_names(self.second)
            self.second.lists_itself(self.dc1)
        except Exception as e:      # told by the first case that wants it
            self.second_failed = e

    @property
    def dc2(self):
        """The second controller, which is made beside the first tests."""
        self.joining.join()
        if self.second_failed is not None:
            raise self.second_failed
        return self.second

    def agreed(self, query, *attributes, base=controllers.BASE, context=controllers.BASE, there=False, seconds=180):
        """Waits until both controllers, where both are there, say the same to a question, which is not nothing where `there`. The
        answer's lines. Whoever asks has seen to it that nobody changes that meanwhile."""
        both = [self.dc1] if self.joining.is_alive() or self.second_failed else [self.dc1, self.second]
        end, ask_at = time.monotonic() + seconds, 0
        while True:
            try:
                answers = [sorted(line for line in dc.search(query, *attributes, base=base).splitlines() if line and line[0] != '#')
                           for dc in both]
                if answers[0] == answers[-1] and not (there and not answers[0]):
                    return answers[0]
                # they would in their own time, which is minutes after the second joined; a busy one forgets that it was asked
                if time.monotonic() > ask_at and len(both) == 2:
                    both[0].replicate_from(both[1], context)
                    both[1].replicate_from(both[0], context)
                    ask_at = time.monotonic() + 4
            except (hosts.HostError, subprocess.TimeoutExpired) as e:
                answers = e
            if time.monotonic() > end:
                raise controllers.ControllerError('the controllers do not agree on %s within %d s: %s' % (query, seconds, answers))
            time.sleep(0.2)

    def replicated(self, name):
        """Waits until both controllers have the account `name` with the same password and the same rights: clients ask either."""
        self.agreed('(sAMAccountName=%s)' % name, *ACCOUNT, there=True)

    def modify(self, ldif, ok=True):
        """A change at both controllers: one that has heard of it from the other refuses it. Both have it then."""
        self.dc1.modify(ldif, ok=ok)
        self.dc2.modify(ldif, ok=False)
        for block in ldif.strip().split('\n\n'):
            lines = [line.partition(': ')[::2] for line in block.splitlines()]
            names = [value for name, value in lines if name in ('add', 'delete', 'replace')]
            self.agreed('(objectClass=*)', *names, base=dict(lines)['dn'])

    def server_name(self):
        """A name with an address that no other server has."""
        with self.lock:
            return self.names.pop(0)


class Context(harness.Context):
    """What a case is given beside what harness.Context gives."""

    def __init__(self, name, suite):
        super().__init__(name, suite)
        self.bed = suite.bed
        self.administrator = members.domain_account('Administrator', ADMIN_PASSWORD)
        self.conf.write_text(self.conf.read_text() + '    workgroup = %s\n    realm = %s\n' % (NETBIOS, REALM))

    def domain_user(self, name, password=None):
        return members.domain_account(name, password)

    def own_server(self, start=True, join=True, **options):
        """A member server for this case alone, with an address and a name of its own; leaves nothing behind."""
        name = self.bed.server_name()
        s = members.make(self.server.kind, self.bed, name, **options)
        self.own.append(s)
        if start:
            s.start()
            if join and s.kind == 'freehold':
                s.join()
                self.bed.replicated(s.name + '$')
        return s

    def samba(self, program, *arguments, user=None, server=None, kerberos=False, **options):
        """One of Samba's programs, by NTLM unless `kerberos`. They take the server's name, and port 445."""
        u = user or self.user
        how = '--use-kerberos=%s' % ('required' if kerberos else 'off')
        if kerberos:
            u = servers.Account('%s@%s' % (u.name.rpartition('\\')[2], REALM), u.password)
        return self.run(program, '-s', self.conf, how, '-U', u, *arguments, **options)

    def logon(self, user, kerberos=False, server=None, share='IPC$', arguments=()):
        """The NT status of a logon by smbclient, or `ok`."""
        s = server or self.server
        command = 'exit' if share == 'IPC$' else 'ls'
        done = self.samba('smbclient', '//%s/%s' % (s.host, share), *arguments, '-c', command, user=user, kerberos=kerberos, ok=None,
                          timeout=60)
        if done.returncode == 0:
            return 'ok'
        self.refusal = done.stdout      # for a message
        words = [w for w in done.stdout.replace('(', ' ').replace(')', ' ').split() if w.startswith('NT_STATUS_')]
        return words[-1] if words else done.stdout

    def ticket_cache(self, user, *arguments):
        """A cache with a ticket of the user: its environment."""
        name = user.name.rpartition('\\')[2]
        cache = {'KRB5CCNAME': 'FILE:%s/cc-%s' % (self.folder, name)}
        self.run('kinit', *arguments, '%s@%s' % (name, REALM), stdin=(user.password + '\n').encode(), env=cache)
        return cache

    def kerberos_client(self, share, cache, commands, server=None, **options):
        """smbclient with the tickets of a cache."""
        path = cache['KRB5CCNAME'].removeprefix('FILE:')
        done = self.run('smbclient', '-s', self.conf, '--use-kerberos=required', '--use-krb5-ccache=' + path,
                        '//%s/%s' % ((server or self.server).host, getattr(share, 'name', share)), '-c', '; '.join(commands),
                        env=cache, **options)
        return done.stdout

    def kernel(self, share, command, user=None, tickets=None, server=None, options='', version='3.1.1', **env):
        """The Linux kernel's client as a user of the domain: by NTLM, or by Kerberos with `tickets`, a dictionary of the guest's
        user ids and their caches, the first of which mounts."""
        s, u = server or self.server, user or self.user
        base = 'vers=%s,iocharset=utf8,' % version
        if tickets:
            uid = next(iter(tickets))
            base += 'sec=krb5,multiuser,cruid=%d' % uid
            env['KCIFS_TICKETS'] = ' '.join('%d:%s' % (n, c['KRB5CCNAME'].removeprefix('FILE:')) for n, c in tickets.items())
            env['KCIFS_HOST'] = s.host
        else:
            base += 'sec=ntlmssp'
        domain, _, name = u.name.rpartition('\\')
        rig = os.path.join(os.path.dirname(__file__), '..', 'kernel-cifs', 'run.sh')
        return self.run(rig, s.address, s.port, share.name, name, u.password, '--', command, timeout=300,
                        env={'KCIFS_BASE_OPTS': base, 'KCIFS_OPTS': options, 'KCIFS_DOMAIN': domain, 'KCIFS_TIMEOUT': '280', **env}).stdout

    def python(self, script, *arguments, **options):
        python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
        return self.run(python, os.path.join(os.path.dirname(__file__), script), *arguments, **options).stdout

    @staticmethod
    def installed(script):
        """A program that came with the peers' Python packages: the words to run it by."""
        folder = servers.TARGET / 'peers' / 'venv' / 'bin'
        return folder / 'python', folder / script

    def freehold(self, *words, server=None, **options):
        """A command of the CLI; what it printed."""
        return (server or self.server).run(*words, **options).stdout


class Suite(harness.Suite):
    """One shared server that is a member; cases that change the controllers run alone."""

    context = Context

    def __init__(self, bed, *arguments, **options):
        super().__init__(*arguments, **options)
        self.bed = bed

    def make_server(self):
        return members.make(self.kind, self.bed, 'fileserver', keep=self.keep)

    def begin(self):
        # a controller that is being made is neither there nor away: no case is about that
        self.bed.dc2
        self.server.start()
        if self.kind == 'freehold':
            self.server.join()
            self.bed.replicated(self.server.name + '$')
        self.user = members.domain_account('alice')
