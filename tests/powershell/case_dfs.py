"""DFS namespaces by the names of Windows' DFSN module, and the schemas of their listings."""
from case_calls import links, one, run
from case_schemas import listing
from rig.harness import case


def names(rows):
    return [row['Path'].rpartition('\\')[2] for row in rows]


@case(freehold_only=True)
def namespaces(t):
    for link, word in links(t):
        name = t.suite.fresh_name()
        made = run(t, link, 'New-FreeholdDfsnRoot', Path='\\\\server\\' + name, Volume='data', Folder='dfs\\' + name,
                   Description='All "files"', EnableTargetFailback=True, Type='Standalone')
        row = one(made, Name=name)
        t.equal((row['Type'], row['Properties'], row['TimeToLiveSec'], row['State'], row['Description']),
                ('Standalone', ['Target Failback'], 300, 'Online', 'All "files"'), word)
        t.refused([name], run, t, link, 'New-FreeholdDfsnRoot', Path=name)
        t.refused(['domain'], run, t, link, 'New-FreeholdDfsnRoot', Path=name + '-2', Type='DomainV2', Volume='data', Folder='dfs/2')
        # Sites are the directory's.
        t.refused(['domain'], run, t, link, 'Get-FreeholdDfsnSite', From='10.0.0.7')
        t.equal(run(t, link, 'Set-FreeholdDfsnRoot', Path=name, TimeToLiveSec=77), [], 'without -PassThru')
        row = one(run(t, link, 'Set-FreeholdDfsnRoot', Path=[name], State='Offline', Description='', EnableTargetFailback=False,
                      EnableSiteCosting=True, EnableInsiteReferrals=True, EnableRootScalability=True,
                      EnableAccessBasedEnumeration=True, PassThru=True), Name=name)
        t.equal((row['TimeToLiveSec'], row['State'], row['Description'], len(row['Properties'])), (77, 'Offline', '', 4), word)
        for path in (name, row['Path'], '//x/' + name.upper(), '\\\\*\\' + name[:-1] + '?'):
            found = run(t, link, 'Get-FreeholdDfsnRoot', Path=path)
            t.equal([one['Name'] for one in found if one['Name'] == name], [name], path)
        t.equal(run(t, t.https, 'Get-FreeholdDfsnRoot', Path=name), run(t, t.program, 'Get-FreeholdDfsnRoot', Path=name), 'both ways')
        t.refused(['TtlSeconds'], run, t, link, 'Set-FreeholdDfsnRoot', Path=name, TimeToLiveSec=0)
        run(t, link, 'Remove-FreeholdDfsnRoot', Path=row['Path'], Force=True)
        t.refused([name], run, t, link, 'Get-FreeholdDfsnRoot', Path=name)


@case(freehold_only=True)
def folders_and_their_targets(t):
    for link, word in links(t):
        name = t.suite.fresh_name()
        root = one(run(t, link, 'New-FreeholdDfsnRoot', Path=name, Volume='data', Folder='dfs/' + name), Name=name)['Path']
        made = run(t, link, 'New-FreeholdDfsnFolder', Path=root + '\\teams\\red', TargetPath=['//fs1/red', '\\\\fs2\\data\\red'],
                   Description='-x', TimeToLiveSec=60, EnableInsiteReferrals=True, TargetState='Offline', ReferralPriorityRank=3,
                   ReferralPriorityClass='sitecost-high')
        row = one(made, Path=root + '\\teams\\red')
        t.equal((row['TargetPaths'], row['Description'], row['TimeToLiveSec'], row['Properties'], row['State']),
                (['\\\\fs1\\red', '\\\\fs2\\data\\red'], '-x', 60, ['Insite Referrals'], 'Online'), word)
        run(t, link, 'New-FreeholdDfsnFolder', Path=name + '/blue', TargetPath='//fs1/blue', State='Offline')
        t.refused(['Path'], run, t, link, 'New-FreeholdDfsnFolder', Path=name + '/blue/below', TargetPath='//fs1/blue')
        for path, wanted in ((root, ['blue', 'red']), (root + '\\*', ['blue', 'red']), ([name + '/blue'], ['blue'])):
            t.equal(names(run(t, link, 'Get-FreeholdDfsnFolder', Path=path)), wanted, str(path))
        t.true(len(run(t, link, 'Get-FreeholdDfsnFolder')) >= 2, 'all folders')
        row = one(run(t, link, 'Set-FreeholdDfsnFolder', Path=[name + '/blue'], State='Online', EnableTargetFailback=True, Interlink=False,
                      PassThru=True), State='Online')
        t.equal(row['Properties'], ['Target Failback'], word)
        made = run(t, link, 'New-FreeholdDfsnFolderTarget', Path=name + '/blue', TargetPath='\\\\fs2\\blue', ReferralPriorityClass='global-low')
        t.equal([(row['TargetPath'], row['ReferralPriorityClass']) for row in made], [('\\\\fs2\\blue', 'global-low')], word)
        row = one(run(t, link, 'Set-FreeholdDfsnFolderTarget', Path=name + '/blue', TargetPath='\\\\fs2\\blue', State='Offline',
                      ReferralPriorityRank=7, PassThru=True), TargetPath='\\\\fs2\\blue')
        t.equal((row['State'], row['ReferralPriorityClass'], row['ReferralPriorityRank']), ('Offline', 'global-low', 7), word)
        rows = run(t, link, 'Get-FreeholdDfsnFolderTarget', Path=[root + '\\teams\\red', root + '\\blue'], TargetPath='\\\\fs2\\*')
        t.equal([row['TargetPath'] for row in rows], ['\\\\fs2\\data\\red', '\\\\fs2\\blue'], 'wildcards')
        t.equal([row['ReferralPriorityRank'] for row in rows], [3, 7], 'ranks')
        t.refused(['fs9'], run, t, link, 'Get-FreeholdDfsnFolderTarget', Path=name + '/blue', TargetPath='\\\\fs9\\x')
        found = run(t, link, 'Resolve-FreeholdDfsnPath', Path=root + '\\blue\\plans', Client='10.0.0.7')[0]
        t.equal([row['LeadsTo'] for row in found['Targets']], ['\\\\fs1\\blue\\plans'], 'where a client goes')
        run(t, link, 'Remove-FreeholdDfsnFolderTarget', Path=name + '/blue', TargetPath='//fs2/blue', Force=True)
        t.refused(['last target'], run, t, link, 'Remove-FreeholdDfsnFolderTarget', Path=name + '/blue', TargetPath='//fs1/blue')
        moved = run(t, link, 'Move-FreeholdDfsnFolder', Path=name + '/blue', NewPath=name + '/teams/blue')
        t.equal([row['Path'] for row in moved], [root + '\\teams\\blue'], 'moved')
        run(t, link, 'Remove-FreeholdDfsnFolder', Path=[root + '\\teams\\blue', name + '/teams/red'])
        t.equal(run(t, link, 'Get-FreeholdDfsnFolder', Path=root), [], 'folders left')
        run(t, link, 'Remove-FreeholdDfsnRoot', Path=[name])


@case(freehold_only=True)
def listings_of_namespaces_are_as_their_schemas_say(t):
    name = t.suite.fresh_name()
    t.server.run('dfs', 'namespace', 'add', name, '--volume', 'data', '--path', 'dfs/' + name)
    t.server.run('dfs', 'folder', 'add', name + '/a', '--target', '//no-such-host.invalid/x', '--target', '//127.0.0.1/x')
    for words in (('dfs namespace list',), ('dfs folder list', name), ('dfs target list', name), ('dfs resolve', name + '/a/b')):
        listing(t, *words)
    tested = listing(t, 'dfs target test', name, check=False)
    t.equal([row['Answers'] for row in tested][0], False, 'a host that is not there')
    rows = run(t, t.https, 'Test-FreeholdDfsnFolderTarget', Path=name)
    t.equal([(row['TargetPath'], row['Answers']) for row in rows][0], ('\\\\no-such-host.invalid\\x', False), 'by HTTPS')
    declared = listing(t, 'export')
    t.true(any(row['Name'] == name for row in declared['DfsNamespaces']), 'the declaration')
    t.server.run('dfs', 'namespace', 'remove', name, '--force')
