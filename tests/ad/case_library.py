"""The library's own checks against the directory: tests/ad/live.rs and tests/ad/directory.rs, which `cargo test` leaves out."""
import json
import os
import pathlib
import subprocess
import threading

from hosts import DOMAIN
from rig.harness import Failed, case
from rig import server as servers

ROOT = pathlib.Path(__file__).resolve().parents[2]
MACHINE, PASSWORD = 'LIBRARY', 'Passw0rd.of.the.library'


# This program starts itself anew in the test's network: the first of the two builds, and tells the other.
BUILT = 'FREEHOLD_AD_PROGRAMS'


def build():
    """Makes the test programs: before the machine's own network, which cargo may want, is left."""
    if BUILT in os.environ:
        return
    words = ['cargo', 'test', '--quiet', '--no-run', '--message-format=json', '--test', 'ad_live', '--test', 'ad_directory']
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          env=dict(os.environ, CARGO_TARGET_DIR=str(servers.TARGET)))
    if done.returncode != 0:
        raise SystemExit('the tests of the library cannot be built')
    built = (json.loads(line) for line in done.stdout.splitlines())
    os.environ[BUILT] = json.dumps({m['target']['name']: m['executable'] for m in built if m.get('executable')})


def machine(t):
    """The password file of a machine account that both controllers know."""
    with LOCK:
        if not MADE:
            t.bed.dc1.tool('computer', 'create', MACHINE)
            t.bed.dc1.tool('user', 'setpassword', MACHINE + '$', '--newpassword=' + PASSWORD)
            t.bed.replicated(MACHINE + '$')
            MADE.append(MACHINE)
    secret = t.folder / 'machine-password'
    secret.write_text(PASSWORD + '\n')
    return secret


LOCK, MADE = threading.Lock(), []


def run(t, name):
    done = t.run(json.loads(os.environ[BUILT])[name], '--test-threads=1', ok=None, timeout=200, env={
        'FREEHOLD_AD_DOMAIN': DOMAIN, 'FREEHOLD_AD_DNS': t.bed.dc1.address, 'FREEHOLD_AD_USER': 'alice',
        'FREEHOLD_AD_PASSWORD': 'Passw0rd.alice', 'FREEHOLD_AD_MACHINE': MACHINE + '$',
        'FREEHOLD_AD_MACHINE_PASSWORD_FILE': str(machine(t)), 'FREEHOLD_AD_CA': str(t.bed.folder / 'ca.crt'),
        'FREEHOLD_AD_MANY_GROUPS_USER': 'mallory'})
    if done.returncode != 0:
        raise Failed(done.stdout[-3000:])


@case(freehold_only=True)
def domain_controllers_are_found_logged_on_to_and_asked(t):
    run(t, 'ad_live')


@case(freehold_only=True)
def names_groups_and_members_of_the_directory(t):
    run(t, 'ad_directory')
