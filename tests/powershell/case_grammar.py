"""Every file of the module, read by a grammar of PowerShell."""
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import grammar
from module import MODULE, ROOT, parameter_texts as parameters, public_functions
from rig.harness import case

# Get-Verb of PowerShell 5.1: those that the module uses must be among them.
APPROVED = set('''Add Clear Close Copy Enter Exit Find Format Get Hide Join Lock Move New Open Optimize Pop Push Redo Remove Rename
Reset Resize Search Select Set Show Skip Split Step Switch Undo Unlock Watch Backup Checkpoint Compare Compress Convert ConvertFrom
ConvertTo Dismount Edit Expand Export Group Import Initialize Limit Merge Mount Out Publish Restore Save Sync Unpublish Update
Approve Assert Complete Confirm Deny Disable Enable Install Invoke Register Request Restart Resume Start Stop Submit Suspend Uninstall
Unregister Wait Debug Measure Ping Repair Resolve Test Trace Connect Disconnect Read Receive Send Write Block Grant Protect Revoke
Unblock Unprotect Use'''.split())
COMMON = {name.lower() for name in '''Verbose Debug ErrorAction WarningAction InformationAction ErrorVariable WarningVariable
InformationVariable OutVariable OutBuffer PipelineVariable'''.split()}
GUIDE = ROOT / 'tests' / 'powershell' / 'fsx_guide.ps1'

FSX = {
    'shares': '''New-FSxSmbShare Remove-FSxSmbShare Set-FSxSmbShare Get-FSxSmbShare Get-FSxSmbShareAccess Grant-FSxSmbShareAccess
        Revoke-FSxSmbShareAccess Block-FSxSmbShareAccess Unblock-FSxSmbShareAccess''',
    'sessions': 'Get-FSxSmbSession Close-FSxSmbSession Get-FSxSmbOpenFile Close-FSxSmbOpenFile',
    'configuration': 'Get-FSxSmbServerConfiguration Set-FSxSmbServerConfiguration',
    'user quotas': '''Enable-FSxUserQuotas Disable-FSxUserQuotas Get-FSxUserQuotaSettings Get-FSxUserQuotaEntries
        Set-FSxUserQuotas''',
    'folder quotas': '''New-FSxFSRMQuota Get-FSxFSRMQuota Remove-FSxFSRMQuota Set-FSxFSRMQuota Update-FSxFSRMQuota Reset-FSxFSRMQuota
        New-FSxFSRMQuotaTemplate Get-FSxFSRMQuotaTemplate Set-FSxFSRMQuotaTemplate New-FSxFSRMAutoQuota Get-FSxFSRMAutoQuota
        Remove-FSxFSRMAutoQuota Set-FSxFSRMAutoQuota Update-FSxFSRMAutoQuota''',
}


def sources():
    return sorted(path for path in MODULE.rglob('*') if path.suffix in ('.ps1', '.psm1', '.psd1'))


def help_of(node):
    """Sections of the comment-based help: keyword and first word, and the text below."""
    comment = next(grammar.text_of(child) for child in grammar.descendants(node, 'comment'))
    assert comment.startswith('<#'), comment[:40]
    sections = []
    for line in comment[2:-2].splitlines():
        keyword = re.match(r'\s*\.([A-Z]+)(?:\s+(\S+))?\s*$', line)
        if keyword:
            sections.append([keyword.group(1), keyword.group(2), []])
        elif sections:
            sections[-1][2].append(line)
    return [(word, name, '\n'.join(lines).strip()) for word, name, lines in sections]


def uses(text):
    """Commands that a script calls, with the parameters that it names."""
    root = grammar.parse(text)
    assert not grammar.mistakes(root), (text, grammar.mistakes(root))
    for command in grammar.descendants(root, 'command'):
        name = next((grammar.text_of(child) for child in command.children if child.type == 'command_name'), None)
        elements = next((child for child in command.children if child.type == 'command_elements'), None)
        named = [grammar.text_of(child).rstrip(':')[1:] for child in elements.children
                 if child.type == 'command_parameter'] if elements else []
        yield name, [word.split(':')[0] for word in named]


def check_uses(t, text, where, known):
    count = 0
    for name, named in uses(text):
        function = next((item for item in known if item.lower() == (name or '').lower()), None)
        if function is None:
            t.true(not re.search(r'Freehold|FSx', name or '', re.I), '%s: there is no %s' % (where, name))
            continue
        count += 1
        has = {item.lower() for item in parameters(known[function])} | COMMON
        if 'SupportsShouldProcess' in grammar.text_of(known[function]):
            has |= {'whatif', 'confirm'}
        for word in named:
            t.true(word.lower() in has, '%s: %s has no -%s' % (where, name, word))
    return count


@case(freehold_only=True)
def every_file_is_powershell(t):
    t.true(len(sources()) > 15, 'files are missing')
    for path in sources():
        text = path.read_bytes()
        t.true(text.isascii(), '%s is not ASCII: Windows PowerShell would misread it' % path.name)
        mistakes = grammar.mistakes(grammar.parse(text.decode()))
        t.equal(mistakes, [], '%s: lines that are no PowerShell' % path.name)


@case(freehold_only=True)
def the_grammar_sees_mistakes(t):
    text = (MODULE / 'Private' / 'Invoke.ps1').read_text()
    for broken in (text.replace('param(', 'param((', 1), text + '\nfunction X {', text.replace("'", '', 1) + '\n@{ a = }'):
        t.true(grammar.mistakes(grammar.parse(broken)), 'a mistake was not seen')


@case(freehold_only=True)
def the_generated_files_are_up_to_date(t):
    out = t.run(sys.executable, ROOT / 'packaging' / 'powershell' / 'generate.py', '--check', ok=None)
    t.equal((out.returncode, out.stdout), (0, ''), 'packaging/powershell/generate.py makes something else')


@case(freehold_only=True)
def the_manifest_exports_what_there_is(t):
    manifest = grammar.parse((MODULE / 'Freehold.psd1').read_text())
    value = grammar.value(next(grammar.descendants(manifest, 'hash_literal_expression')))
    t.equal(sorted(value['FunctionsToExport']), sorted(public_functions()), 'functions')
    for name in ('RootModule', *value['FormatsToProcess']):
        t.true((MODULE / value.get(name, name)).exists(), '%s is missing' % name)
    t.equal(value['PowerShellVersion'], '5.1', 'PowerShellVersion')


@case(freehold_only=True)
def every_function_has_an_approved_verb_and_help(t):
    known = public_functions()
    t.true(len(known) > 60, 'only %d functions' % len(known))
    examples = 0
    for name, node in known.items():
        verb = name.split('-')[0]
        t.true(verb in APPROVED, '%s: the verb is not approved' % name)
        sections = help_of(node)
        words = [word for word, _, _ in sections]
        for word in ('SYNOPSIS', 'DESCRIPTION', 'EXAMPLE'):
            t.true(word in words, '%s: no .%s' % (name, word))
        told = {item for word, item, text in sections if word == 'PARAMETER' and text}
        t.equal(told, set(parameters(node)), '%s: parameters in the help' % name)
        for word, _, text in sections:
            if word == 'EXAMPLE':
                examples += check_uses(t, text.split('\n\n')[0], name, known)
    t.true(examples >= len(known), 'only %d examples' % examples)


@case(freehold_only=True)
def what_changes_something_asks_as_powershell_does(t):
    for name, node in public_functions().items():
        verb, text = name.split('-')[0], grammar.text_of(node)
        reads = verb in ('Get', 'Connect', 'Disconnect', 'Export', 'Resolve', 'Test') or name == 'Invoke-FreeholdEndpointCommand'
        t.equal('SupportsShouldProcess = $true' in text, not reads, '%s: SupportsShouldProcess' % name)
        if verb in ('Remove', 'Close', 'Revoke', 'Block'):
            t.contains(text, "ConfirmImpact = 'High'")
        entry = t.module.table.get(name)
        if entry and not reads:
            t.true(entry['Method'] in ('POST', 'PUT', 'PATCH', 'DELETE') and entry.get('Action') or verb == 'Update', name)


@case(freehold_only=True)
def the_commands_of_fsx_are_there(t):
    known = public_functions()
    for family, names in FSX.items():
        for name in names.split():
            t.true(name in known, '%s: %s is missing' % (family, name))
    wanted = {name for names in FSX.values() for name in names.split()}
    t.equal({name for name in known if 'FSx' in name and name != 'Invoke-FreeholdEndpointCommand'}, wanted, 'commands of FSx')


@case(freehold_only=True)
def the_lines_of_the_guide_name_commands_and_parameters_that_there_are(t):
    count = check_uses(t, GUIDE.read_text(), GUIDE.name, public_functions())
    t.true(count >= 47, 'only %d commands' % count)


@case(freehold_only=True)
def tables_show_properties_that_there_are(t):
    root = ElementTree.parse(MODULE / 'Freehold.format.ps1xml').getroot()
    views = {}
    for view in root.iter('View'):
        shown = [item.text for item in view.iter('PropertyName')]
        for block in view.iter('ScriptBlock'):
            t.equal(grammar.mistakes(grammar.parse(block.text)), [], 'script of a column')
            shown += re.findall(r'\$_\.(\w+)', block.text)
        heads, cells = len(list(view.iter('TableColumnHeader'))), len(list(view.iter('TableColumnItem')))
        t.equal(heads, cells, 'columns of %s' % view.findtext('Name'))
        views[view.find('ViewSelectedBy').findtext('TypeName')] = shown
    for name, command in t.module.table.items():
        kind = command.get('Output')
        if kind:
            t.true(kind in views or kind == 'Freehold.Configuration', '%s: nothing shows %s' % (name, kind))
        if 'Map' in command:
            t.true(set(views[kind]) <= set(command['Map']), '%s: %s' % (name, set(views[kind]) - set(command['Map'])))
