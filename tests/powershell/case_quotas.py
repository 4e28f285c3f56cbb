"""The module's commands for quotas, as case_calls.py has it for the others."""
import json

from case_calls import links, one, run
from rig.harness import case

GB = 1 << 30


def own(t):
    """A server of the test's own: quotas hold for a volume."""
    s = t.own_api_server()
    return s, ((t.https_of(s), 'https'), (t.program_of(s), 'program'))


@case(freehold_only=True)
def requests_are_what_they_were(t):
    sent = []
    t.https.send = lambda method, path, body: sent.append((method, path, body)) or '{"Volumes":[{"Name":"data","Folder":"/srv/data"}]}'
    module, https = t.module, t.https
    module.invoke(https, 'Enable-FreeholdUserQuotas', Volume='data', State='Enforce')
    module.invoke(https, 'Enable-FSxUserQuotas', Enforce=True, DefaultLimit=20 * GB, DefaultWarningLimit='15GB')
    module.invoke(https, 'Set-FreeholdUserQuota', Volume='v', User='CORP\\anna', Limit=50 * GB, WarningLimit=(1 << 64) - 1)
    module.invoke(https, 'Disable-FreeholdUserQuotas', Volume='data')
    sent = [item for item in sent if item[1] != '/v1/status']
    t.equal(sent, [
        ('PATCH', '/v1/quotas/data', '{"Settings":{"State":"Enforce"}}'),
        ('PATCH', '/v1/quotas/data', '{"Settings":{"State":"Enforce","DefaultLimit":21474836480,"DefaultWarningLimit":"15GB"}}'),
        ('PUT', '/v1/quotas/v/users/CORP%5Canna', '{"Limit":53687091200,"WarningLimit":"none"}'),
        ('PATCH', '/v1/quotas/data', '{"Settings":{"State":"Off"}}'),
    ], 'requests')


@case(freehold_only=True)
def quotas_of_users(t):
    s, both = own(t)
    for link, word in both:
        rows = run(t, link, 'Enable-FreeholdUserQuotas', State='Track', PassThru=True)
        t.equal((rows[0]['QuotaVolume'], rows[0]['State']), ('data', 'Track'), word)
        rows = run(t, link, 'Set-FreeholdUserQuotaSettings', DefaultLimit=10 * GB, DefaultWarningLimit='8GB', PassThru=True)
        t.equal((rows[0]['DefaultLimit'], rows[0]['DefaultWarningLimit']), (10 * GB, 8 * GB), word)
        rows = run(t, link, 'Set-FreeholdUserQuota', User=['alice'], Limit=5 * GB, WarningLimit='4GB')
        row = one([row for row in run(t, link, 'Get-FreeholdUserQuota', User='*alice')])
        t.equal((row['Limit'], row['WarningLimit'], row['Status'], row['Source']), (5 * GB, 4 * GB, 'OK', 'Own'), word)
        t.equal(run(t, both[0][0], 'Get-FreeholdUserQuota'), run(t, both[1][0], 'Get-FreeholdUserQuota'), 'Get-FreeholdUserQuota')
        run(t, link, 'Set-FreeholdUserQuota', User=['Guests', 'Users'], Limit=GB)
        pages = json.loads(both[0][0].send('GET', '/v1/quotas/data/users?limit=1', ''))
        t.equal(pages, run(t, link, 'Get-FreeholdUserQuota'), 'pages')
        run(t, link, 'Remove-FreeholdUserQuota', User=['alice', 'Guests', 'Users'])
        t.equal([row for row in run(t, link, 'Get-FreeholdUserQuota') if row['Source'] == 'Own'], [], word)
        t.refused(['nobody'], run, t, link, 'Set-FreeholdUserQuota', User='nobody', Limit=1)
        run(t, link, 'Disable-FreeholdUserQuotas')
        t.equal(run(t, link, 'Get-FreeholdUserQuotaSettings')[0]['State'], 'Off', word)
        t.server.run('group', 'list')
        run(t, link, 'Set-FreeholdGroupQuota', Group='Users', Limit=3 * GB)
        rows = run(t, link, 'Get-FreeholdGroupQuota')
        t.equal([(row['Limit'], row['WarningLimit']) for row in rows], [(3 * GB, None)], word)
        run(t, link, 'Remove-FreeholdGroupQuota', Group=['Users'])
        t.equal(run(t, link, 'Get-FreeholdGroupQuota'), [], word)


@case(freehold_only=True)
def quotas_of_users_by_the_names_of_fsx(t):
    s, both = own(t)
    for link, word in both:
        run(t, link, 'Enable-FSxUserQuotas', Track=True, DefaultLimit=2000000, DefaultWarningLimit=1000000)
        run(t, link, 'Enable-FSxUserQuotas', Enforce=True, DefaultLimit=4000000, DefaultWarningLimit=3000000)
        t.equal(run(t, link, 'Get-FSxUserQuotaSettings'),
                [{'DefaultWarningLimit': 3000000, 'DefaultLimit': 4000000, 'State': 'Enforce'}], word)
        run(t, link, 'Set-FSxUserQuotas', Domain=s.name, Name='alice', Limit=60000, WarningLimit=40000)
        rows = run(t, link, 'Get-FSxUserQuotaEntries')
        t.equal([row for row in rows if row['User']['Name'] == 'alice'],
                [{'WarningLimit': 40000, 'DiskSpaceUsed': 0, 'QuotaVolume': {'DeviceID': 'D:'}, 'Limit': 60000, 'Status': 'OK',
                  'User': {'Name': 'alice', 'Domain': ''}}], word)
        run(t, link, 'Set-FSxUserQuotas', Name='alice', Limit=(1 << 64) - 1)
        rows = [row for row in run(t, link, 'Get-FSxUserQuotaEntries') if row['User']['Name'] == 'alice']
        t.equal(rows[0]['Limit'], (1 << 64) - 1, 'no limit')
        run(t, link, 'Disable-FSxUserQuotas')
        t.equal(run(t, link, 'Get-FSxUserQuotaSettings')[0]['State'], 'Disable', word)


@case(freehold_only=True)
def quotas_of_folders(t):
    s, both = own(t)
    share = t.share(server=s).name
    for link, word in both:
        for folder in ('department', 'homes/anna'):
            (s.volume / share / word / folder).mkdir(parents=True)
        department, homes = '%s:/%s/department' % (share, word), '%s:/%s/homes' % (share, word)
        template = 'Template ' + word
        run(t, link, 'New-FreeholdQuotaTemplate', Name=template, Size=GB, Threshold=[85], Description='d')
        row = one(run(t, link, 'Get-FreeholdQuotaTemplate', Name=template))
        t.equal((row['Size'], row['SoftLimit'], row['Threshold'], row['Description']), (GB, False, [85], 'd'), word)
        run(t, link, 'New-FreeholdFolderQuota', Folder=department, Template=template)
        run(t, link, 'Set-FreeholdFolderQuota', Folder=[department], SoftLimit=True, Threshold=[50, 90], Description='-d')
        row = one(run(t, link, 'Get-FreeholdFolderQuota', Path='%s/%s/department' % (share, word)))
        t.equal((row['Size'], row['SoftLimit'], row['Threshold'], row['Description'], row['MatchesTemplate']),
                (GB, True, [50, 90], '-d', False), word)
        run(t, link, 'Set-FreeholdQuotaTemplate', Name=[template], Size=2 * GB, ApplyTo='All')
        row = one(run(t, link, 'Get-FreeholdFolderQuota', Path='%s/%s/department' % (share, word)))
        t.equal(row['Size'], 2 * GB, word)
        run(t, link, 'New-FreeholdAutoQuota', Folder=homes, Template=template)
        t.true(one(run(t, link, 'Get-FreeholdAutoQuota', Path='*/%s/homes' % word))['Template'] == template, word)
        run(t, link, 'Set-FreeholdAutoQuota', Folder=homes, Disabled=True)
        t.equal(one(run(t, link, 'Get-FreeholdAutoQuota', Path='*/%s/homes' % word))['Disabled'], True, word)
        run(t, link, 'Get-FreeholdQuotaReport', By='Folder', Top=5)
        run(t, link, 'Get-FreeholdQuotaForecast')
        run(t, link, 'Remove-FreeholdAutoQuota', Folder=homes)
        run(t, link, 'Remove-FreeholdFolderQuota', Folder=department)
        run(t, link, 'Remove-FreeholdQuotaTemplate', Name=template)
        t.equal(run(t, link, 'Get-FreeholdQuotaTemplate'), [], word)


@case(freehold_only=True)
def quotas_of_folders_by_the_names_of_fsx(t):
    s, both = own(t)
    share = t.share(server=s).name
    for link, word in both:
        (s.volume / share / word / 'sub').mkdir(parents=True)
        folder = '%s\\%s' % (share, word)
        thresholds = [{'ThresholdPercentage': 75, 'Action': [{'ActionType': 'Event', 'EventType': 'Warning', 'MessageBody': 'm'}]}]
        run(t, link, 'New-FSxFSRMQuotaTemplate', Name='1GB Hard Limit', Size=GB, Description='Standard')
        run(t, link, 'New-FSxFSRMQuota', Folder=folder, Size='1GB', Description='Test quota', SoftLimit=True,
            ThresholdConfigurations=thresholds)
        row = one(run(t, link, 'Get-FSxFSRMQuota', Folder=folder))
        t.equal((row['Folder'], row['Size'], row['SoftLimit'], row['Disabled'], row['Threshold'], row['Description']),
                ('D:\\%s\\%s' % (share, word), GB, True, False, [75], 'Test quota'), word)
        t.equal(set(row), {'Folder', 'Path', 'Description', 'Size', 'SoftLimit', 'Disabled', 'Template', 'MatchesTemplate', 'Usage',
                           'PeakUsage', 'Threshold'}, 'properties')
        row = one(run(t, link, 'Set-FSxFSRMQuota', Folder='D:\\%s\\%s' % (share, word), Size=2 * GB, Disabled=True, PassThru=True))
        t.equal((row['Size'], row['Disabled']), (2 * GB, True), word)
        run(t, link, 'Update-FSxFSRMQuota', Folder=folder, PassThru=True)
        row = one(run(t, link, 'Reset-FSxFSRMQuota', Folder=folder, Template='1GB Hard Limit'))
        t.equal((row['Size'], row['Template'], row['MatchesTemplate']), (GB, '1GB Hard Limit', True), word)
        run(t, link, 'Set-FSxFSRMQuotaTemplate', Name='1GB Hard Limit', Size=3 * GB, UpdateDerived=True)
        t.equal(one(run(t, link, 'Get-FSxFSRMQuota', Folder=folder))['Size'], 3 * GB, word)
        run(t, link, 'Set-FSxFSRMQuotaTemplate', Name='1GB Hard Limit', Size=2 * GB, UpdateDerivedMatching=True, PassThru=True)
        t.equal(one(run(t, link, 'Get-FSxFSRMQuotaTemplate', Name='1GB Hard Limit'))['Size'], 2 * GB, word)
        t.equal(one(run(t, link, 'Remove-FSxFSRMQuota', Folder=folder, PassThru=True))['Size'], 2 * GB, word)
        t.equal(run(t, link, 'Get-FSxFSRMQuota'), [], word)
        run(t, link, 'New-FSxFSRMAutoQuota', Folder=folder, Template='1GB Hard Limit')
        row = one(run(t, link, 'Get-FSxFSRMAutoQuota'))
        t.equal((row['Folder'], row['Template'], row['Disabled']), ('D:\\%s\\%s' % (share, word), '1GB Hard Limit', False), word)
        row = one(run(t, link, 'Set-FSxFSRMAutoQuota', Folder=folder, Disabled=True, UpdateDerived=True, PassThru=True))
        t.equal(row['Disabled'], True, word)
        run(t, link, 'Update-FSxFSRMAutoQuota', Folder=folder, PassThru=True)
        t.equal(len(run(t, link, 'Remove-FSxFSRMAutoQuota', Folder=folder, PassThru=True)), 1, word)
        t.equal(run(t, link, 'Get-FSxFSRMAutoQuota'), [], word)
        s.run('quota', 'template', 'remove', '1GB Hard Limit')
