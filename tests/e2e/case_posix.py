"""The Linux kernel's client as a POSIX file system: tests/posix/cases.py on mounts of every kind, special files, and Windows
clients beside it.

What a mount cannot do is listed with its reason; a case that fails unlisted is a failure, and so is a listed one that passes.
The lists are of Linux 6.1, which tests/install-peers brings. With a kernel of NEWER (tests/kernel-cifs/README.md) what is listed
may pass, and what only that one cannot do is listed there.
"""
import os
import pathlib
import re

from rig.harness import Failed, case

CASES = pathlib.Path(__file__).parents[1] / 'posix' / 'cases.py'

NO_SPECIAL = 'Linux 6.1 makes special files with `sfu` only, and not on a POSIX mount'
STALE_BY_NAME = 'Linux 6.1 asks a handle that is open under the name instead of the name'
LINKS_FORGOTTEN = 'Linux 6.1 sets st_nlink to 1 whenever it opens a file (the CREATE response has no count)'
SOCKETS = 'Linux 6.1 binds no sockets on a share'

# posix with modes and owners kept (as the ACL has them) and symbolic links in files
POSIX_FULL = {
    'unlink_hides_an_open_file': STALE_BY_NAME,
    'link_is_counted': LINKS_FORGOTTEN,
    'fifos_carry_bytes': NO_SPECIAL,
    'devices_have_numbers': NO_SPECIAL,
    'sockets_are_bound': NO_SPECIAL,
}
NO_SYMLINK = 'Linux 6.1 makes symbolic links with `mfsymlinks` only'
MODE_FORGOTTEN = 'Linux 6.1 shows file_mode after each open, and sends a chmod with `modefromsid` only'
NO_OWNERS = 'Linux 6.1 sends owners with `idsfromsid` only'
POSIX_ALONE = {
    **POSIX_FULL,
    'open_exclusive_does_not_follow_a_link': NO_SYMLINK,
    'open_nofollow_of_a_link_is_eloop': NO_SYMLINK,
    'unlink_removes_a_link_not_its_target': NO_SYMLINK,
    'rename_of_a_link_moves_the_link': NO_SYMLINK,
    'rename_over_a_link_replaces_the_link': NO_SYMLINK,
    'link_of_a_link_is_one_more_name_of_it': NO_SYMLINK,
    'mkdir_errors': NO_SYMLINK,
    'symlink_holds_its_text': NO_SYMLINK,
    'symlink_is_followed': NO_SYMLINK,
    'symlink_errors': NO_SYMLINK,
    'open_creates_with_the_mode_less_the_umask': MODE_FORGOTTEN,
    'open_keeps_the_mode_of_what_is_there': MODE_FORGOTTEN,
    'chmod_sets_all_twelve_bits': MODE_FORGOTTEN,
    'chmod_stays_when_the_client_looks_again': MODE_FORGOTTEN,
    'chmod_of_an_open_file': MODE_FORGOTTEN,
    'link_shares_everything': MODE_FORGOTTEN,
    'chown_sets_both_ids': NO_OWNERS,
    'chown_stays_when_the_client_looks_again': NO_OWNERS,
}
CASELESS = 'names are looked up without case'
BACKSLASH = 'a backslash separates components'
WINDOWS_OPEN = 'an open file keeps its name until it is closed ([MS-FSA] 2.1.5.5), and is not replaced (2.1.5.15.11)'
# no POSIX extensions: Windows' rules, with modes, owners, links and special files kept
PLAIN_FULL = {
    'names_differ_in_case': CASELESS,
    'rename_of_case_only': 'Linux takes both names for one file and does nothing: ' + CASELESS,
    'names_may_hold_every_character_but_slash': BACKSLASH,
    'unlink_takes_the_name_at_once': WINDOWS_OPEN,
    'rename_over_an_open_file': WINDOWS_OPEN,
    'rename_of_a_folder_with_open_files': 'a folder in which something is open is not moved ([MS-FSA] 2.1.4.2)',
    'rename_replaces_an_empty_folder_only': 'a folder is not replaced ([MS-FSA] 2.1.5.15.11)',
    'link_is_counted': LINKS_FORGOTTEN,
    'sockets_are_bound': SOCKETS,
}
MODES_OF_LISTS = 'modes are made from access-control lists, which have no place for all of them'
NO_UPCALL = 'owners need a program that maps them to SIDs'
PLAIN_ACL = {
    **PLAIN_FULL,
    'open_creates_with_the_mode_less_the_umask': MODES_OF_LISTS,
    'open_keeps_the_mode_of_what_is_there': MODES_OF_LISTS,
    'mkdir_makes_with_the_mode_less_the_umask': MODES_OF_LISTS,
    'chmod_stays_when_the_client_looks_again': MODES_OF_LISTS,
    'chown_sets_both_ids': NO_UPCALL,
    'chown_stays_when_the_client_looks_again': NO_UPCALL,
}
MOUNTS = {
    'posix_full': ('posix,modefromsid,idsfromsid,mfsymlinks', POSIX_FULL, True),
    'posix_alone': ('posix', POSIX_ALONE, True),
    'plain_full': ('modefromsid,idsfromsid,mfsymlinks,sfu', PLAIN_FULL, False),
    'plain_acl': ('cifsacl,mfsymlinks,sfu', PLAIN_ACL, False),
}
BY_NAME = 'asks for what is open by its name, which is gone'
MKDIR = 'makes folders without a POSIX context, by a name without case and with the mode of the mount'
NEWER = {
    '6.12': {'names_differ_in_case': MKDIR, 'mkdir_makes_with_the_mode_less_the_umask': MKDIR},
    '6.19': {'unlink_counts_links_of_an_open_file': BY_NAME},
}


def judge(t, output, exceptions, least=51, kernel='6.1'):
    """Holds the verdicts, at least so many, against the list."""
    verdicts = {}
    exceptions = {**exceptions, **NEWER.get(kernel, {})}
    for line in output.splitlines():
        for word, good in (('ok ', True), ('not ok ', False)):
            if line.startswith(word):
                name, _, why = line.removeprefix(word).partition(': ')
                verdicts[name] = (good, why)
    t.contains(output, '%d cases, ' % len(verdicts))
    t.true(len(verdicts) >= least, 'only %d verdicts' % len(verdicts))
    wrong = ['%s: %s' % (n, why) for n, (good, why) in verdicts.items() if not good and n not in exceptions]
    if kernel not in NEWER:
        wrong += ['%s passed although it is listed: %s' % (n, exceptions[n]) for n, (good, _) in verdicts.items() if good and n in exceptions]
    wrong += ['%s is listed and was not run' % n for n in exceptions if n not in verdicts]
    if wrong:
        raise Failed('\n'.join(wrong))


def on_mount(t, kind):
    options, exceptions, _ = MOUNTS[kind]
    # an administrator: who may give files away is not what is asked here
    output = t.kernel(t.share(), 'uname -r; python3 /run/host%s/cases.py' % t.folder, options=options, user=t.server.admin, ok=None)
    release = re.search(r'^(\d+\.\d+)\.', output, re.M)
    t.true(release, 'no release of a kernel in: %s' % output[:200])
    judge(t, output, exceptions, kernel=release[1])


def register():
    for kind, (_, _, freehold_only) in MOUNTS.items():
        def one(t, kind=kind):
            (t.folder / 'cases.py').write_bytes(CASES.read_bytes())
            on_mount(t, kind)
        one.__module__, one.__name__ = __name__, 'cases_on_%s' % kind
        case(freehold_only=freehold_only)(one)


register()


@case()
def cases_on_a_local_file_system(t):
    """The reference: what fails here says nothing of a share."""
    judge(t, t.run('python3', CASES, ok=None).stdout, {})


@case(freehold_only=True)
def windows_clients_see_the_same_files(t):
    """Names that Windows cannot spell, names that differ in case, modes of a list that Windows changes."""
    share = t.share()
    t.kernel(share, r'''set -e
        echo colon > 'a:b'; echo lower > name; echo upper > NAME; mkdir d; echo in > 'd/*'
        umask 027; echo mode > mode; [ "$(stat -c %a mode)" = 640 ]''', options='posix,nomapposix,modefromsid')
    t.equal(sorted(os.listdir(share.path)), ['NAME', 'a:b', 'd', 'mode', 'name'], "names on the server's disk")
    t.equal(os.listdir(share.path / 'd'), ['*'], "names on the server's disk")
    out = t.smbclient(share, ['ls', 'get name /dev/stdout', 'get NAME /dev/stdout', 'get NaMe /dev/stdout',
                              'get a\uee3ab /dev/stdout', 'get d/\uee2a /dev/stdout', 'rename name other'])
    t.contains(out if isinstance(out, str) else out.stdout, 'a\uee3ab', 'lower', 'upper', 'colon', 'in\n')
    t.equal(sorted(os.listdir(share.path)), ['NAME', 'a:b', 'd', 'mode', 'other'], 'after a rename by Windows')
    acl = t.samba('smbcacls', '//%s/%s' % (t.server.host, share.name), 'mode').stdout
    t.contains(acl, 'S-1-5-88-3-416:DENIED/0x0/')
    out = t.kernel(share, 'cat "a:b" other NAME "d/*"; stat -c %a mode; ls', options='posix,nomapposix,modefromsid')
    t.equal(out.split(), ['colon', 'lower', 'upper', 'in', '640', 'NAME', 'a:b', 'd', 'mode', 'other'], 'on a second mount')


@case(freehold_only=True)
def modes_survive_a_restart(t):
    s = t.own_server()
    share = t.share(server=s)
    options = 'posix,modefromsid,idsfromsid'
    t.kernel(share, 'set -e; touch f; mkdir d; chmod 4751 f; chmod 1730 d; chgrp 4321 f', options=options, server=s,
             user=s.admin)
    s.restart()
    out = t.kernel(share, 'stat -c %a f d; getcifsacl f', options=options, server=s, user=s.admin)
    t.equal(out.split()[:2], ['4751', '1730'], 'modes')
    t.contains(out, 'GROUP:S-1-5-88-2-4321')


@case(freehold_only=True)
def the_extensions_can_be_switched_off(t):
    s = t.own_server(start=False, settings='[security]\nposix_extensions = false\n')
    s.start()
    s.add_user(t.user.name, t.user.password)
    share = t.share(server=s)
    out = t.kernel(share, 'echo mounted', options='posix', server=s, ok=False)
    t.true('mounted' not in out, 'the mount was not refused')
    t.contains(t.kernel(share, 'echo mounted', server=s), 'mounted')


@case()
def special_files_and_links_of_windows(t):
    """Reparse points made by a Windows-like client are what the kernel makes of them."""
    share = t.share()
    out = t.python('peer_reparse.py', t.server.host, t.server.port, share.name, t.user.name, t.user.password)
    t.contains(out, 'done')
    for options in ('', 'posix'):
        out = t.kernel(share, r'''
            for f in wsl-fifo wsl-socket wsl-character wsl-block; do find . -name $f -printf '%f=%y\n'; done
            echo link $(readlink link) $(cat link) $(cat to-folder/file); ls -d plain-again''', options=options)
        t.contains(out, 'link folder/file by the link by the link', 'plain-again')
        if not options:
            t.contains(out, 'wsl-fifo=p', 'wsl-socket=s', 'wsl-character=c', 'wsl-block=b')
