"""What `freehold ... -o json` prints, against the schemas that are published in docs/schemas."""
import json
import sys

import jsonschema

from module import ROOT
from rig.harness import case

SCHEMAS = ROOT / 'docs' / 'schemas'


def closed(value):
    """The schema with no property allowed that it does not name: what is printed must be described."""
    if isinstance(value, dict):
        out = {key: closed(item) for key, item in value.items()}
        if 'properties' in value and 'additionalProperties' not in value and 'allOf' not in value:
            out['additionalProperties'] = False
        return out
    return [closed(item) for item in value] if isinstance(value, list) else value


def validator(command):
    schema = json.loads((SCHEMAS / (command.replace(' ', '-') + '.json')).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(closed(schema))


def listing(t, command, *words, server=None, empty=False, check=True):
    """The document that a listing prints: valid, and not empty unless it may be."""
    out = (server or t.server).run(*command.split(), *words, '-o', 'json', check=check).stdout
    document = json.loads(out)
    for error in validator(command).iter_errors(document):
        t.true(False, 'freehold %s: %s: %s' % (command, error.json_path, error.message[:500]))
    t.true(empty or document, 'freehold %s: nothing was listed' % command)
    return document


@case(freehold_only=True)
def the_schemas_are_made_from_the_openapi_document(t):
    out = t.run(sys.executable, SCHEMAS / 'generate.py', '--check', ok=None)
    t.equal((out.returncode, out.stdout), (0, ''), 'docs/schemas/generate.py makes something else')


@case(freehold_only=True)
def a_wrong_document_is_not_valid(t):
    good = listing(t, 'user list')
    check = validator('user list')
    for wrong in ({'Enabled': 'yes'}, {'More': 1}, {'Groups': 'Users'}):
        t.true(list(check.iter_errors([{**good[0], **wrong}])), 'valid with %r' % wrong)
    t.true(list(check.iter_errors(good[0])), 'valid without a list')
    t.true(list(check.iter_errors([{}])), 'valid without properties')


@case(freehold_only=True)
def listings_are_as_their_schemas_say(t):
    name = t.suite.fresh_name()
    t.server.run('share', 'add', name, '--volume', 'data', '--path', name, '--description', 'Schemas')
    t.server.run('share', 'grant', name, 'alice', 'change')
    t.server.run('share', 'block', name, 'Guests')
    t.server.run('group', 'add', name + '-group', '--comment', 'c')
    t.server.run('group', 'add-member', name + '-group', 'alice')
    for command in ('status', 'user list', 'group list', 'share list', 'share access', 'server show', 'token list'):
        listing(t, command)
    listing(t, 'acl show', name + ':/')
    listing(t, 'acl jobs', empty=True)
    listing(t, 'explain', 'alice', name + ':/', 'M')
    listing(t, 'domain status')
    listing(t, 'domain lookup', 'alice')
    listing(t, 'domain groups', 'alice')
    listing(t, 'alias list', empty=True)
    listing(t, 'export')
    made = listing(t, 'token add', name, '--scope', 'status:read')
    t.true(made['Secret'], 'no secret')


@case(freehold_only=True)
def sessions_and_open_files_are_as_their_schemas_say(t):
    import clients
    share = t.share()
    with clients.file_open(t, share, 'plan.txt'):
        listing(t, 'session list')
        listing(t, 'openfile list')


@case(freehold_only=True)
def quotas_are_as_their_schemas_say(t):
    s = t.own_api_server()
    name = t.share(server=s).name
    for folder in ('team', 'homes/anna'):
        (s.volume / name / folder).mkdir(parents=True)
    s.run('quota', 'mode', 'data', 'track')
    s.run('quota', 'default', 'data', '--limit', '10GB', '--warning', '8GB')
    s.run('quota', 'set', 'alice', '--volume', 'data', '--limit', '5GB')
    s.run('quota', 'group', 'set', 'Users', '--volume', 'data', '--limit', '1GB')
    s.run('quota', 'template', 'add', '1 GB', '--size', '1GB', '--threshold', '85')
    s.run('quota', 'folder', 'add', name + ':/team', '--template', '1 GB')
    s.run('quota', 'auto', 'add', name + ':/homes', '--template', '1 GB')
    for command in ('quota settings', 'quota list', 'quota group list', 'quota template list', 'quota folder list', 'quota auto list',
                    'quota notify show'):
        listing(t, command, server=s)
    for command in ('quota report', 'quota forecast'):
        listing(t, command, server=s, empty=True)
    listing(t, 'quota report', '--by', 'folder', server=s, empty=True)
    # The folders were made behind the server's back, which a recount finds: status 1.
    found = listing(t, 'quota recount', 'data', server=s, check=False)
    t.true(found['Drift'], 'no drift')
