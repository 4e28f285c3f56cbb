"""DFS targets in the order of the directory's sites: subnets, site links and costs of a real directory, clients of several addresses.

    Berlin (client 10.88.0.71, a server)  --10--  Hub (the namespace's server)  --20--  Paris (client 10.88.0.72, a server)
    Berlin  --100--  Paris                 Hub  --500--  Default-First-Site-Name (both controllers)
"""
import json
import os
import subprocess
import time

import hosts
from controllers import BASE, frozen
from rig import server as servers
from rig.harness import Failed, case

SITES = 'CN=Sites,CN=Configuration,' + BASE
IP = 'CN=IP,CN=Inter-Site Transports,' + SITES
FIRST_SITE = 'Default-First-Site-Name'
BERLIN, PARIS, NOWHERE = '10.88.0.71', '10.88.0.72', '10.88.0.73'
# The server reads the sites every minute, at once when it has joined, and its targets' addresses soon after it has heard of them.
ARRIVES = 150


class Directory:
    """Sites that a case makes; `remove` takes back all of them."""

    def __init__(self, t):
        self.t, self.sites, self.subnets, self.links = t, [], [], []
        t.finally_(self.remove)

    def site(self, name, *addresses):
        dc = self.t.bed.dc1
        if name not in self.sites:
            dc.tool('sites', 'create', name)
            self.sites.append(name)
        for address in addresses:
            dc.tool('sites', 'subnet', 'create', address + '/32', name)
            self.subnets.append(address + '/32')

    def link(self, name, cost, *sites):
        self.t.bed.dc1.modify('dn: CN=%s,%s\nchangetype: add\nobjectClass: siteLink\ncost: %d\n%s\n' % (
            name, IP, cost, ''.join('siteList: CN=%s,%s\n' % (site, SITES) for site in sites)))
        self.links.append(name)

    def cost(self, name, cost):
        self.t.bed.dc1.modify('dn: CN=%s,%s\nchangetype: modify\nreplace: cost\ncost: %d\n' % (name, IP, cost))
        self.spread()

    def bridges_required(self, required):
        change = 'replace: options\noptions: 2\n' if required else 'delete: options\n'
        self.t.bed.dc1.modify('dn: %s\nchangetype: modify\n%s' % (IP, change))
        self.spread()

    def spread(self):
        """The other controller has it too: a server asks either."""
        self.t.bed.agreed('(|(objectClass=site)(objectClass=subnet)(objectClass=siteLink)(objectClass=interSiteTransport))',
                          'cost', 'siteList', 'siteObject', 'options', base=SITES, context='CN=Configuration,' + BASE, there=True)

    def remove(self):
        dc = self.t.bed.dc1
        for subnet in self.subnets:
            dc.tool('sites', 'subnet', 'remove', subnet)
        for link in self.links:
            dc.modify('dn: CN=%s,%s\nchangetype: delete\n' % (link, IP))
        for site in self.sites:
            dc.tool('sites', 'remove', site)
        self.spread()


class Net:
    """The servers, the sites around them, and clients of two addresses in them and of one outside."""

    def __init__(self, t):
        self.t = t
        self.berlin, self.paris = t.own_server(), t.own_server()
        self.hub = t.own_server(join=False)
        for server in (self.hub, self.berlin, self.paris):
            server.add_share('data')
            server.open_root('data')
        self.directory = d = Directory(t)
        d.site('Hub', self.hub.address)
        d.site('Berlin', self.berlin.address, BERLIN)
        d.site('Paris', self.paris.address, PARIS)
        d.link('berlin-hub', 10, 'Berlin', 'Hub')
        d.link('hub-paris', 20, 'Hub', 'Paris')
        d.link('berlin-paris', 100, 'Berlin', 'Paris')
        d.link('hub-first', 500, 'Hub', FIRST_SITE)
        d.spread()
        # a member reads them as soon as it is one
        s = self.hub
        s.join()
        t.bed.replicated(s.name + '$')
        s.add_share('files')
        s.open_root('files')
        s.run('dfs', 'namespace', 'add', 'files', '--site-costing', 'true')
        self.dc = t.bed.dc1.fqdn
        # the worst of all orders, and one name in another case than the directory has it
        targets = [self.dc, self.paris.host.upper(), self.berlin.host, self.hub.host]
        s.run('dfs', 'folder', 'add', r'files\all', '--ttl', '10',
              *(word for host in targets for word in ('--target', r'\\%s\data' % host)))
        self.names = {host.lower(): name for host, name in [
            (self.dc, 'first'), (self.paris.host, 'paris'), (self.berlin.host, 'berlin'), (self.hub.host, 'hub')]}
        self.machines = {a: self.machine('client-' + a.rpartition('.')[2], a) for a in (BERLIN, PARIS, NOWHERE)}

    def machine(self, name, address):
        """A client's machine, for this case alone."""
        machine = hosts.Host(self.t.folder, name, [address])
        def end():
            machine.holder.kill()
            machine.holder.wait()
            # the kernel takes the cable away with the machine, in its own time
            until = time.monotonic() + 60
            while subprocess.run(['ip', 'link', 'show', 'to-' + name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
                self.t.true(time.monotonic() < until, 'the cable of %s stays' % name)
                time.sleep(0.1)
        self.t.finally_(end)
        return machine

    def referral(self, address, *site):
        """What a client of this address is told: names of the servers, each target set a sorted list."""
        python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
        script = os.path.join(os.path.dirname(__file__), 'peer_referral.py')
        out = self.machines[address].run(python, script, self.hub.address, r'\%s\files\all' % self.hub.host, r'CORP\alice',
                                         'Passw0rd.alice', *site)
        sets = json.loads(out.splitlines()[-1])
        return [sorted(self.names[path.split('\\')[1].lower()] for path in one) for one in sets]

    def resolve(self, *words):
        return self.hub.as_json('dfs', 'resolve', r'files\all', *words)

    def arrives(self, wanted, what, address=BERLIN, seconds=ARRIVES):
        """Waits until a client is told `wanted`; how long that took."""
        begin = time.monotonic()
        while True:
            got = self.referral(address)
            if got == wanted:
                print('    %-50s %.1f s' % (what, time.monotonic() - begin), flush=True)
                return
            if time.monotonic() - begin > seconds:
                raise Failed('%s: after %d s the order is %s, not %s; %s' % (
                    what, seconds, got, wanted, self.hub.run('dfs', 'site', 'list', '-o', 'json', check=False).stdout))
            time.sleep(1)


FROM_BERLIN = [['berlin'], ['hub'], ['paris'], ['first']]
FROM_PARIS = [['paris'], ['hub'], ['berlin'], ['first']]


def in_place(t):
    net = Net(t)
    net.arrives(FROM_BERLIN, 'the sites are known, after the join', seconds=30)
    return net


def shown_as_told(t, net):
    """What `dfs resolve` and `dfs site list` say of it."""
    found = net.resolve('--client', BERLIN)
    t.equal(found['ClientSite'], 'Berlin', "the client's site")
    t.equal([(x['Site'], x['SiteCost']) for x in found['Targets']],
            [('Berlin', 0), ('Hub', 10), ('Paris', 30), (FIRST_SITE, 510)], 'sites and costs')
    reasons = [x['Reason'] for x in found['Targets']]
    t.contains(reasons[0], net.berlin.address + ' in ' + net.berlin.address + '/32', "the client's site")
    t.contains(reasons[2], 'cost 30')
    t.contains(reasons[3], 'domain controller')
    t.contains('\n'.join(found['Reasons']), '%s is in the site Berlin (subnet %s/32)' % (BERLIN, BERLIN))
    rows = {row['Name']: row for row in net.hub.as_json('dfs', 'site', 'list')}
    t.equal({name: row['Cost'] for name, row in rows.items()}, {'Berlin': 10, 'Hub': 0, 'Paris': 20, FIRST_SITE: 500}, 'costs')
    t.equal(set(rows['Berlin']['Subnets']), {BERLIN + '/32', net.berlin.address + '/32'}, 'subnets')
    t.equal(rows['Paris']['Servers'], [net.paris.host], 'servers')
    t.equal(sorted(rows['Berlin']['Links']), ['berlin-hub (10)', 'berlin-paris (100)'], 'links')
    t.true(rows['Hub']['From'] == 'Hub' and rows['Hub']['ReadAt'] > '2' and rows['Hub']['Problem'] == '', str(rows['Hub']))
    t.contains(net.hub.run('dfs', 'site', 'list', '--from', PARIS).stdout, 'Paris', 'Berlin')
    done = net.hub.run('dfs', 'site', 'list', '--from', 'Atlantis', check=False)
    t.true(done.returncode == 1 and 'Atlantis' in done.stderr, done.stderr)


@case(alone=True, freehold_only=True)
def targets_come_in_the_order_of_their_sites(t):
    """Clients of three addresses, and one that names its site; then in-site referrals only, then a root without costing."""
    net = in_place(t)
    t.equal(net.referral(PARIS), FROM_PARIS, 'a client in Paris')
    t.equal(net.referral(NOWHERE), [['berlin', 'first', 'hub', 'paris']], 'a client in no subnet')
    t.equal(net.referral(BERLIN, 'paris'), FROM_PARIS, 'a client that names its site')
    t.equal(net.referral(NOWHERE, 'Berlin'), FROM_BERLIN, 'a client in no subnet that names its site')
    t.equal(net.referral(PARIS, 'Atlantis'), FROM_PARIS, 'a client that names a site that is not there')
    shown_as_told(t, net)
    # smbclient ends where the first target is
    for server, name in ((net.berlin, 'berlin'), (net.paris, 'paris')):
        (server.volume / 'data' / 'where').write_text('in %s\n' % name)
    for address, name in ((BERLIN, 'berlin'), (PARIS, 'paris')):
        local = t.folder / name
        net.machines[address].run('smbclient', '-s', t.conf, '-U', t.user, '//%s/files' % net.hub.host, '-c',
                                  r'get all\where %s' % local)
        t.equal(local.read_text(), 'in %s\n' % name, 'smbclient at %s' % address)
    net.hub.run('dfs', 'folder', 'set', r'files\all', '--insite-referrals', 'true')
    t.equal(net.referral(BERLIN), [['berlin']], 'in-site referrals only')
    t.equal(net.referral(NOWHERE), [], 'in-site referrals for a client in no site')
    t.contains('\n'.join(net.resolve('--client', PARIS)['Reasons']), "only targets in the client's site are given", 'in Berlin')
    net.hub.run('dfs', 'folder', 'set', r'files\all', '--insite-referrals', 'false')
    net.hub.run('dfs', 'namespace', 'set', 'files', '--site-costing', 'false')
    t.equal(net.referral(BERLIN), [['berlin'], ['first', 'hub', 'paris']], 'without site costing')


@case(alone=True, freehold_only=True)
def changes_of_the_directory_arrive(t):
    """A link becomes cheap; ways are bridged no more; a subnet moves. All without a word to the server."""
    net = in_place(t)
    net.directory.cost('berlin-paris', 5)
    net.arrives([['berlin'], ['paris'], ['hub'], ['first']], 'a changed cost')
    t.equal(net.referral(PARIS), [['paris'], ['berlin'], ['hub'], ['first']], 'to Paris')
    t.equal([x['SiteCost'] for x in net.resolve('--client', PARIS)['Targets']], [0, 5, 15, 515], 'over Berlin')
    t.finally_(lambda: net.directory.bridges_required(False))
    net.directory.bridges_required(True)
    end = time.monotonic() + ARRIVES
    while [x['SiteCost'] for x in net.resolve('--client', PARIS)['Targets']] != [0, 5, 20, None]:
        t.true(time.monotonic() < end, 'bridges are required: %s' % net.resolve('--client', PARIS))
        time.sleep(1)
    t.equal(net.referral(PARIS), [['paris'], ['berlin'], ['hub'], ['first']], 'no way to the controllers: they come last')
    t.bed.dc1.modify('dn: CN=%s/32,CN=Subnets,%s\nchangetype: modify\nreplace: siteObject\nsiteObject: CN=Paris,%s\n' % (BERLIN, SITES, SITES))
    net.directory.spread()
    net.arrives([['paris'], ['berlin'], ['hub'], ['first']], "a client's subnet in another site")


@case(alone=True, freehold_only=True)
def controllers_that_are_away_change_nothing(t):
    """One, then both stand still; the server is started again meanwhile; then it leaves the domain."""
    net = in_place(t)
    with frozen(t.bed.dc1):
        t.equal(net.resolve('--client', BERLIN)['Targets'][1]['Site'], 'Hub', 'one stands still')
    with frozen(t.bed.dc1, t.bed.dc2):
        def order():
            # the controllers have a target too, which is left out once they do not answer
            return [x['Site'] for x in net.resolve('--client', PARIS)['Targets'] if x['Site'] != FIRST_SITE]
        wanted = ['Paris', 'Hub', 'Berlin']
        t.equal(order(), wanted, 'both stand still')
        net.hub.stop()
        t.equal([x['Name'] for x in json.loads(t.run(net.hub.binary, 'dfs', 'site', 'list', '-o', 'json', '--config', net.hub.config).stdout)],
                ['Berlin', FIRST_SITE, 'Hub', 'Paris'], 'of a server that does not run')
        net.hub.start()
        t.equal(order(), wanted, 'started while nobody answers')
        end = time.monotonic() + ARRIVES
        while not net.hub.as_json('dfs', 'site', 'list')[0]['Problem']:
            t.true(time.monotonic() < end, 'the failure is told')
            time.sleep(1)
        t.equal(order(), wanted, 'and what was read counts')
    end = time.monotonic() + ARRIVES
    while net.hub.as_json('dfs', 'site', 'list')[0]['Problem']:
        t.true(time.monotonic() < end, 'it is over when they answer again')
        time.sleep(1)
    net.arrives(FROM_BERLIN, 'with the controllers back')
    net.hub.run('domain', 'leave', '--user', 'svc-join', '--password-file', '-', '--force', stdin='Passw0rd.svc-join\n')
    end = time.monotonic() + 30
    while net.hub.run('dfs', 'site', 'list', check=False).returncode == 0:
        t.true(time.monotonic() < end, 'sites are forgotten with the domain')
        time.sleep(0.5)
    done = net.hub.run('dfs', 'site', 'list', check=False)
    t.contains(done.stderr, 'freehold domain join')
