"""The calls that the module's commands make, to a real server: what its table says is what the server takes, and what comes back
by HTTPS is what the local program gives."""
import json
import threading

import clients
from rig.harness import case

LOCK = threading.Lock()
CALLED = {'https': set(), 'program': set()}


def run(t, link, command, **parameters):
    with LOCK:
        CALLED['program' if link.program else 'https'].add(command)
    return t.module.invoke(link, command, **parameters)


def links(t):
    return (t.https, 'https'), (t.program, 'program')


def one(rows, **wanted):
    found = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    assert len(found) == 1, (wanted, rows)
    return found[0]


@case(freehold_only=True)
def requests_are_what_they_were(t):
    """The bytes of requests, so that a change of the table is a change of this test."""
    t.https.send = lambda method, path, body: sent.append((method, path, body)) or '[]'
    sent = []
    module, https = t.module, t.https
    module.invoke(https, 'Remove-FreeholdShare', Name=['a b/c', 'ü'])
    module.invoke(https, 'Set-FreeholdShare', Name='x', EncryptData=False, Description='')
    module.invoke(https, 'Set-FSxSmbShare', Name=['x'], CachingMode='None', ConcurrentUserLimit=3)
    module.invoke(https, 'Set-FreeholdUser', Name='anna', Disabled=True)
    module.invoke(https, 'Add-FreeholdGroupMember', Name='g', Member=['CORP\\Domain Users'])
    t.equal(sent, [
        ('DELETE', '/v1/shares/a%20b%2Fc', ''),
        ('DELETE', '/v1/shares/%C3%BC', ''),
        ('PATCH', '/v1/shares/x', '{"Description":"","EncryptData":false}'),
        ('PATCH', '/v1/shares/x', '{"CachingMode":"None","ConcurrentUserLimit":3}'),
        ('PATCH', '/v1/users/anna', '{"Disabled":true}'),
        ('PUT', '/v1/groups/g/members/CORP%5CDomain%20Users', ''),
    ], 'requests')


@case(freehold_only=True)
def shares(t):
    for link, word in links(t):
        name = t.suite.fresh_name()
        made = run(t, link, 'New-FreeholdShare', Name=name, Path='D:\\' + name, Description='A share, "quoted"', EncryptData=True,
                   FolderEnumerationMode='AccessBased', CachingMode='Documents', ConcurrentUserLimit=7, Audit='failure',
                   FullAccess=['Administrators'], ReadAccess=['Everyone', 'alice'])
        row = one(made, Name=name)
        for key, value in (('Volume', 'data'), ('Path', name), ('Description', 'A share, "quoted"'), ('EncryptData', True),
                           ('FolderEnumerationMode', 'AccessBased'), ('CachingMode', 'Documents'), ('ConcurrentUserLimit', 7)):
            t.equal(row[key], value, '%s: %s' % (word, key))
        t.refused([name], run, t, link, 'New-FreeholdShare', Name=name, Path=name)
        t.equal(run(t, link, 'Set-FreeholdShare', Name=name, EncryptData=False), [], 'without -PassThru')
        row = one(run(t, link, 'Set-FreeholdShare', Name=[name], Description='-x', FolderEnumerationMode='Unrestricted',
                      CATimeout=60, ContinuouslyAvailable=True, PassThru=True), Name=name)
        t.equal((row['EncryptData'], row['Description'], row['FolderEnumerationMode'], row['CATimeout'],
                 row['ContinuouslyAvailable']), (False, '-x', 'Unrestricted', 60, True), word)
        t.equal(run(t, t.https, 'Get-FreeholdShare', Name=name), run(t, t.program, 'Get-FreeholdShare', Name=name), 'Get-FreeholdShare')
        t.equal([item['Name'] for item in run(t, link, 'Get-FreeholdShare', Name=[name[:-1] + '?', 'no*'])
                 if item['Name'] == name], [name], 'wildcards')
        t.refused(['nobody'], run, t, link, 'Get-FreeholdShare', Name='nobody')
        run(t, link, 'Remove-FreeholdShare', Name=[name])
        t.refused([name], run, t, link, 'Remove-FreeholdShare', Name=name)


@case(freehold_only=True)
def access_to_shares(t):
    for link, word in links(t):
        name = t.suite.fresh_name()
        run(t, link, 'New-FreeholdShare', Name=name, Path=name, FullAccess='Administrators')
        rows = run(t, link, 'Grant-FreeholdShareAccess', Name=name, AccountName=['alice', 'Everyone'], AccessRight='Change', PassThru=True)
        t.equal(one(rows[-3:], AccountName='Everyone')['AccessRight'], 'Change', word)
        run(t, link, 'Block-FreeholdShareAccess', Name=name, AccountName='alice')
        rows = run(t, link, 'Get-FreeholdShareAccess', Name=[name])
        t.equal(sorted((row['AccessControlType'], row['AccessRight']) for row in rows if row['AccountName'].endswith('alice')),
                [('Allow', 'Change'), ('Deny', 'Full')], word)
        t.equal(rows, run(t, t.program, 'Get-FreeholdShareAccess', Name=name), 'Get-FreeholdShareAccess')
        run(t, link, 'Unblock-FreeholdShareAccess', Name=name, AccountName='alice')
        run(t, link, 'Revoke-FreeholdShareAccess', Name=name, AccountName=['alice', 'Everyone'])
        rows = run(t, link, 'Get-FreeholdShareAccess', Name=name)
        t.equal([row['AccountName'].rpartition('\\')[2] for row in rows], ['Administrators'], word)
        t.refused(['nobody'], run, t, link, 'Grant-FreeholdShareAccess', Name=name, AccountName='nobody', AccessRight='Read')


@case(freehold_only=True)
def shares_by_the_names_of_fsx(t):
    for link, word in links(t):
        name = t.suite.fresh_name()
        made = run(t, link, 'New-FSxSmbShare', Name=name, Path='D:\\share\\' + name, Description='CA share', ContinuouslyAvailable=True)
        row = one(made, Name=name)
        t.equal((row['ScopeName'], row['Path'], row['Description'], row['ContinuouslyAvailable']),
                ('*', 'D:\\share\\' + name, 'CA share', True), word)
        run(t, link, 'Set-FSxSmbShare', Name=name, FolderEnumerationMode='AccessBased', EncryptData=True)
        row = one(run(t, link, 'Get-FSxSmbShare', Name=name), Name=name)
        t.equal((row['FolderEnumerationMode'], row['EncryptData']), ('AccessBased', True), word)
        run(t, link, 'Grant-FSxSmbShareAccess', Name=name, AccountName=['alice'], AccessRight='Full')
        run(t, link, 'Block-FSxSmbShareAccess', Name=name, AccountName='Guests')
        rows = run(t, link, 'Get-FSxSmbShareAccess', Name=name)
        t.equal({tuple(sorted(row)) for row in rows},
                {('AccessControlType', 'AccessRight', 'AccountName', 'Name', 'ScopeName')}, 'properties')
        t.true(any(row['AccountName'].endswith('alice') and row['AccessRight'] == 'Full' for row in rows), str(rows))
        run(t, link, 'Unblock-FSxSmbShareAccess', Name=name, AccountName='Guests')
        run(t, link, 'Revoke-FSxSmbShareAccess', Name=name, AccountName='alice')
        rows = run(t, link, 'Get-FSxSmbShareAccess', Name=name)
        t.true(not any(row['AccountName'].endswith('alice') or row['AccessControlType'] == 'Deny' for row in rows), str(rows))
        run(t, link, 'Remove-FSxSmbShare', Name=name)


@case(freehold_only=True)
def accounts_and_groups(t):
    for link, word in links(t):
        name = t.suite.fresh_name()
        made = run(t, link, 'New-FreeholdUser', Name=name, Password='Secret-Passw0rd', FullName='Anna Berg', Comment='c', Disabled=True)
        row = one(made, Name=name)
        t.equal((row['FullName'], row['Comment'], row['Enabled']), ('Anna Berg', 'c', False), word)
        t.equal(run(t, t.https, 'Get-FreeholdUser', Name=name), run(t, t.program, 'Get-FreeholdUser', Name=name), 'Get-FreeholdUser')
        group = name + '-group'
        run(t, link, 'New-FreeholdGroup', Name=group, Comment='who')
        run(t, link, 'Add-FreeholdGroupMember', Name=group, Member=[name, 'alice'])
        row = one(run(t, link, 'Get-FreeholdGroup', Name=group), Name=group)
        t.equal(sorted(member.rpartition('\\')[2] for member in row['Members']), sorted([name, 'alice']), word)
        row = one(run(t, link, 'Set-FreeholdGroup', Name=[group], Comment='who else', PassThru=True), Name=group)
        t.equal(row['Comment'], 'who else', word)
        run(t, link, 'Remove-FreeholdGroupMember', Name=group, Member=['alice'])
        run(t, link, 'Remove-FreeholdGroup', Name=[group])
        t.refused([group], run, t, link, 'Get-FreeholdGroup', Name=group)
        row = one(run(t, t.https, 'Set-FreeholdUser', Name=name, Disabled=False, FullName='A', Password='Other-Passw0rd', PassThru=True),
                  Name=name)
        t.equal((row['Enabled'], row['FullName']), (True, 'A'), 'Set-FreeholdUser')
        run(t, link, 'Remove-FreeholdUser', Name=name)


@case(freehold_only=True)
def status_and_server_configuration(t):
    s = t.own_api_server()
    https, program = t.https_of(s), t.program_of(s)
    t.equal(run(t, https, 'Get-FreeholdStatus'), run(t, program, 'Get-FreeholdStatus'), 'Get-FreeholdStatus')
    t.equal([row['Name'] for row in run(t, https, 'Get-FreeholdStatus')[0]['Volumes']], ['data'], 'volumes')
    for link, word in ((https, 'https'), (program, 'program')):
        rows = run(t, link, 'Set-FreeholdServerConfiguration', EncryptData=True, RejectUnencryptedAccess=True, PassThru=True)
        t.equal((rows[0]['EncryptData'], rows[0]['RejectUnencryptedAccess']), (True, True), word)
        t.equal(run(t, link, 'Get-FSxSmbServerConfiguration'), [{'EncryptData': True, 'RejectUnencryptedAccess': True}], word)
        run(t, link, 'Set-FSxSmbServerConfiguration', EncryptData=False)
        t.equal(run(t, link, 'Get-FreeholdServerConfiguration')[0]['EncryptData'], False, word)
        run(t, link, 'Reset-FreeholdServerConfiguration')
        t.equal(run(t, link, 'Get-FreeholdServerConfiguration')[0]['Overridden'], [], word)


@case(freehold_only=True)
def sessions_and_open_files(t):
    s = t.own_api_server()
    t.server = s        # its own: sessions of other tests are not ended
    share = t.share(server=s)
    for link, word in ((t.https_of(s), 'https'), (t.program_of(s), 'program')):
        for family in ('Freehold', 'FSxSmb'):
            with clients.file_open(t, share, 'plan-%s-%s.txt' % (word, family)):
                sessions = run(t, link, 'Get-%sSession' % family, ClientUserName='*alice')
                t.equal(len(sessions), 1, '%s: sessions' % word)
                for key in ('SessionId', 'ClientComputerName', 'ClientUserName', 'NumOpens', 'SecondsExists', 'SecondsIdle', 'Dialect'):
                    t.true(key in sessions[0], '%s: no %s' % (family, key))
                files = run(t, link, 'Get-%sOpenFile' % family, ClientUserName='*alice')
                files = [row for row in files if row['ShareRelativePath']]
                t.equal([row['ShareRelativePath'] for row in files], ['plan-%s-%s.txt' % (word, family)], 'open files')
                t.equal(files[0]['SessionId'], sessions[0]['SessionId'], 'SessionId')
                run(t, link, 'Close-%sOpenFile' % family, FileId=files[0]['FileId'])
                left = [row['FileId'] for row in run(t, link, 'Get-%sOpenFile' % family)]
                t.true(files[0]['FileId'] not in left, 'it is still open')
                run(t, link, 'Close-%sSession' % family, ClientUserName=['*alice'])
                t.equal(run(t, link, 'Get-%sSession' % family, ClientUserName='*alice'), [], 'sessions left')
                t.refused(['SessionId'], run, t, link, 'Close-%sSession' % family, SessionId=sessions[0]['SessionId'])


@case(freehold_only=True)
def declared_state(t):
    s = t.own_api_server()
    https, program = t.https_of(s), t.program_of(s)
    run(t, https, 'New-FreeholdShare', Name='kept', Path='kept', Description='a')
    declared = run(t, https, 'Export-FreeholdConfiguration')[0]
    t.equal(declared, run(t, program, 'Export-FreeholdConfiguration')[0], 'Export-FreeholdConfiguration')
    text = json.dumps(declared)
    for link in (https, program):
        t.equal(run(t, link, 'Import-FreeholdConfiguration', Declaration=text), [], 'applying what is')
    run(t, https, 'Set-FreeholdShare', Name='kept', Description='b')
    planned = run(t, https, 'Import-FreeholdConfiguration', Declaration=text, Plan=True)
    t.equal([(row['Action'], row['Kind'], row['Name'], row['Done']) for row in planned], [('Change', 'Share', 'kept', False)], 'plan')
    t.equal(run(t, https, 'Get-FreeholdShare', Name='kept')[0]['Description'], 'b', 'a plan changes nothing')
    run(t, https, 'Import-FreeholdConfiguration', Declaration=text)
    t.equal(run(t, https, 'Get-FreeholdShare', Name='kept')[0]['Description'], 'a', 'applied')
    t.refused(['Nonsense'], run, t, https, 'Import-FreeholdConfiguration', Declaration='{"Nonsense": 1}')


@case(freehold_only=True)
def refusals_have_the_servers_reason(t):
    error = t.refused(['Full', 'Read'], run, t, t.https, 'Grant-FreeholdShareAccess', Name='x', AccountName='alice', AccessRight='Own')
    t.equal(error.status, 422, 'status')
    error = t.refused(['no-such'], run, t, t.https, 'Remove-FreeholdShare', Name='no-such')
    t.equal(error.status, 404, 'status')
    t.https.token = 'x' * 40
    t.equal(t.refused(['token'], run, t, t.https, 'Get-FreeholdShare').status, 401, 'status')
    made = t.server.run('token', 'add', t.suite.fresh_name(), '--scope', 'status:read', '-o', 'json')
    t.https.token = json.loads(made.stdout)['Secret']
    run(t, t.https, 'Get-FreeholdStatus')
    t.equal(t.refused(['shares:read'], run, t, t.https, 'Get-FreeholdShare').status, 403, 'status')
